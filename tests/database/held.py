"""Legal holds as the functions of the database make them: what is covered, who asks and who confirms."""

import json
from collections.abc import Mapping
from typing import Any, Final

from tests.conftest import LOG
from tests.database.raw import Connection

ISSUE: Final = "select hold::text from unbroken.issue_hold(%s, %s, %s, %s::jsonb, %s, %s, %s)"
ASK: Final = "select request::text from unbroken.ask_hold_change(%s, %s, %s, %s::jsonb, %s)"
CONFIRM: Final = "select unbroken.confirm_hold_change(%s, %s)"
WITHDRAW: Final = "select unbroken.withdraw_hold_change(%s, %s)"
REVIEW: Final = "select unbroken.review_hold(%s, %s, %s)"


def value(connection: Connection, statement: str, *given: Any) -> Any:
    """The first value of a statement's first row."""
    row = connection.execute(statement.encode(), given).fetchone()
    assert row is not None
    return row[0]


def issue(
    connection: Connection,
    scope: Mapping[str, Any] | str,
    *,
    matter: str = "M-1",
    kind: str = "litigation",
    grace_days: int = 0,
    review_days: int = 90,
    log: str = LOG,
) -> str:
    """Issues a hold over ``scope`` and gives back its id."""
    return str(
        value(connection, ISSUE, log, matter, kind, as_json(scope), "a complaint came in", grace_days, review_days)
    )


def ask_release(connection: Connection, hold: str, *, log: str = LOG) -> str:
    """Asks for a hold to be released and gives back the request's id."""
    return str(value(connection, ASK, log, hold, "release", None, "settled"))


def ask_narrowing(connection: Connection, hold: str, scope: Mapping[str, Any] | str, *, log: str = LOG) -> str:
    """Asks for a hold to be narrowed and gives back the request's id."""
    return str(value(connection, ASK, log, hold, "narrow", as_json(scope), "the rest is not needed"))


def release(one: Connection, another: Connection, hold: str, *, log: str = LOG) -> int:
    """Releases a hold with two logins; gives back the entry's number."""
    return int(value(another, CONFIRM, log, ask_release(one, hold, log=log)))


def narrow(one: Connection, another: Connection, hold: str, scope: Mapping[str, Any], *, log: str = LOG) -> int:
    """Narrows a hold with two logins; gives back the entry's number."""
    return int(value(another, CONFIRM, log, ask_narrowing(one, hold, scope, log=log)))


def held_numbers(admin: Connection, *, log: int = 1) -> list[int]:
    """The entries of a log that some hold covers now."""
    statement = (
        "select unbroken.held_among(%s, (select array_agg(seq order by seq) from unbroken.entries where log = %s"
        ' and event like \'%%"recorder":"%%\'))'
    )
    return list(value(admin, statement, log, log) or [])


def as_json(scope: Mapping[str, Any] | str) -> str:
    """A scope as JSON; a text is taken as it stands."""
    return scope if isinstance(scope, str) else json.dumps(scope)

"""The keys of classes: the database's function and verification make the same text of the same event."""

import random

from tests.conftest import Database
from unbroken.core.event import Event
from unbroken.verify.replay.classing import Kind, key_of, kind_of

_PIECES = (
    "a",
    "b=1",
    "NULL",
    "null",
    " ",
    '"',
    "\\",
    "{}",
    "{",
    ",",
    "é",
    "\U0001f600",
    "\t",
    "\n",
    "x" * 400,
    "valid_until=1",
)
_TYPES = ("request", "approval_requested", "approval_decided", "tool_call")


def _texts(random_: random.Random) -> tuple[str, ...] | None:
    texts = {"".join(random_.choices(_PIECES, k=random_.randint(1, 4))) for _ in range(random_.randint(0, 4))}
    return tuple(sorted(texts)) or None


def test_the_database_and_verification_make_the_same_key(database: Database) -> None:
    random_ = random.Random(8)  # noqa: S311 - the same in every run
    given = [(random_.choice(_TYPES), _texts(random_), _texts(random_)) for _ in range(3000)]
    who = {"actor_id": "a", "actor_type": "user", "id": "0" * 36, "ts": ""}
    for event_type, domains, scope in given:
        row = database.admin.execute(
            "select unbroken.class_key(%(type)s, %(domains)s::text[], %(scope)s::text[]),"
            " unbroken.class_of_unknown_scope(%(type)s, %(domains)s::text[])",
            {"type": event_type, "domains": domains and list(domains), "scope": scope and list(scope)},
        ).fetchone()
        kind: Kind = kind_of(Event(**who, event_type=event_type, domains=domains, scope=scope))  # type: ignore[arg-type]
        assert row == (key_of(kind, is_scope_known=True), key_of(kind, is_scope_known=False)), kind

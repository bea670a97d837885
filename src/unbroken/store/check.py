"""Whether a database still is what the release made of it, and its roles and settings what the log relies on.

Only the catalogues are asked, in statements of this package's own; no function of the schema is believed. It is a look
at one moment, at what the server shows: a superuser can have it show anything, which only a head kept outside answers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias, TypeVar

from psycopg import errors as pg

from unbroken.errors import SchemaError
from unbroken.store.check_finding import Finding, Severity
from unbroken.store.check_roles import (
    Roles,
    grant_findings,
    group_findings,
    owner_findings,
    pair_findings,
    power_findings,
    predefined_findings,
    read_grants,
    read_roles,
)
from unbroken.store.check_schema import SCHEMA, guard_findings, migration_findings, release_findings, schema_findings
from unbroken.store.connection import Connection, translated
from unbroken.store.facts import Fact, read_facts, read_guards
from unbroken.store.sql import query

T = TypeVar("T")

PATIENCE: Final = timedelta(minutes=1)
"""How long one statement of a check may take."""

WHY: Final = {
    "release": "What follows compares the database with this release, so the two have to be of one.",
    "migrations": "Tables come about by migrations alone: each of this release's, as it stands in this release, once.",
    **SCHEMA,
    "guards": "Event triggers refuse whatever would change the schema; what they would have prevented is only found.",
    "owner": "Who acts as unbroken_owner can change and drop everything; nobody does but an installation.",
    "groups": "A duty is a group that nobody logs in as and that has no rights of the server.",
    "duties": "A login has one duty: the pairs named here let one person undo what the other duty is for.",
    "powers": "A superuser and a role that bypasses row security see and may everything, whatever was granted.",
    "predefined": "Roles that PostgreSQL defines reach past the privileges on tables, or past the database.",
    "grants": "A right is membership of the duty's group and a grant for the log: one without the other is a leftover.",
    "parameters": "Who may set these parameters turns off triggers, or loads code into sessions.",
    "settings": "What a session starts with by default can turn off triggers or durability, or change what names mean.",
    "database": "Temporary tables and schemas of their own let logins put other things in the way of names.",
    "replication": "A publication carries entries elsewhere; a subscription writes past the door.",
    "server": "Durability, encryption and the guards rest on how the server is set.",
    "catalogue": "What stands in pg_catalog is found before everything else, also by the log's own functions.",
}
"""Every check by its name, in order, and why it matters."""

_ROWS: Final = ("parameters", "settings", "database", "replication", "server", "catalogue")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check came to; ``undone`` says why it could not be made."""

    name: str
    findings: tuple[Finding, ...]
    undone: str | None = None

    @property
    def why(self) -> str:
        """Why the check matters."""
        return WHY[self.name]

    def count(self, severity: Severity) -> int:
        """How many findings are of this severity."""
        return sum(finding.severity == severity for finding in self.findings)


@dataclass(frozen=True, slots=True)
class _Known:
    """What several checks look at."""

    facts: list[Fact]
    guards: list[Fact]
    comment: str
    superuser: bool
    narrowed: bool
    version: int


_Check: TypeAlias = Callable[[], list[Finding]]


def check(connection: Connection, *, guarded: bool = False, patience: timedelta = PATIENCE) -> list[Outcome]:
    """Makes all checks, in one transaction that changes nothing; if ``guarded``, missing guards are a fault.

    Any login that may connect can: what it may not read is an outcome that was not done. Raises :class:`SchemaError`
    where there is no schema, :class:`UnavailableError` when one statement takes longer than ``patience``.
    """
    with translated(), connection.transaction():
        connection.execute(query("steady", of="check"))
        connection.execute(query("patience", of="check"), (str(int(patience.total_seconds() * 1000)),))
        known = _known(connection)
        return [_outcome(connection, name, make) for name, make in _checks(connection, known, guarded=guarded).items()]


def _known(connection: Connection) -> _Known:
    there, comment = _row(connection, "schema_comment")
    if not there:
        raise SchemaError("this database has no unbroken schema: run `unbroken init`")
    superuser, narrowed = _row(connection, "whose")
    return _Known(
        facts=read_facts(connection),
        guards=read_guards(connection),
        comment=str(comment or ""),
        superuser=superuser is True,
        narrowed=narrowed is True,
        version=connection.info.server_version // 10000,
    )


def _checks(connection: Connection, known: _Known, *, guarded: bool) -> Mapping[str, _Check]:
    grants, unread = _unless_refused(connection, read_grants)
    logs, _ = _unless_refused(connection, _log_numbers)
    roles = read_roles(connection, [grant.login for grant in grants])

    def of_grants() -> list[Finding]:
        if unread is not None:
            raise unread
        return list(grant_findings(roles, grants, all_seen=not known.narrowed))

    schema = schema_findings(known.facts, logs)
    checks: dict[str, _Check] = {
        "release": lambda: list(release_findings(known.comment)),
        "migrations": lambda: list(migration_findings(connection)),
        **{name: _given(schema[name]) for name in SCHEMA},
        "guards": lambda: guard_findings(known.guards, superuser=known.superuser, demanded=guarded),
        "owner": lambda: list(owner_findings(roles, version=known.version)),
        "groups": lambda: list(group_findings(roles)),
        "duties": lambda: list(pair_findings(roles)),
        "powers": lambda: list(power_findings(roles, version=known.version)),
        "predefined": lambda: list(predefined_findings(roles)),
        "grants": of_grants,
        **{name: _of_rows(connection, name, roles) for name in _ROWS},
    }
    return {name: checks[name] for name in WHY}


def _unless_refused(connection: Connection, read: Callable[[Connection], list[T]]) -> tuple[list[T], pg.Error | None]:
    """What is read, or nothing and the refusal."""
    try:
        with connection.transaction():
            return read(connection), None
    except pg.Error as error:
        if not _is_refusal(error):
            raise
        return [], error


def _log_numbers(connection: Connection) -> list[int]:
    """The logs that this login may see."""
    return [int(str(row[0])) for row in connection.execute(query("log_numbers", of="check"))]


def _given(findings: list[Finding]) -> _Check:
    return lambda: findings


def _of_rows(connection: Connection, name: str, roles: Roles) -> _Check:
    return lambda: list(_rows(connection, name, roles))


def _rows(connection: Connection, name: str, roles: Roles) -> Iterator[Finding]:
    for severity, place, found, mend in connection.execute(query(name, of="check"), {"ours": sorted(roles.ours)}):
        yield Finding(Severity(str(severity)), str(place), str(found), str(mend))


def _outcome(connection: Connection, name: str, make: _Check) -> Outcome:
    try:
        with connection.transaction():
            return Outcome(name, tuple(sorted(make(), key=lambda finding: finding.severity.rank)))
    except pg.Error as error:
        if not _is_refusal(error):
            raise
        return Outcome(name, (), undone=f"this login may not: {error.diag.message_primary}")


def _is_refusal(error: pg.Error) -> bool:
    """Refused by a privilege, or by a policy's function for want of a grant or a ticket."""
    return isinstance(error, pg.InsufficientPrivilege) or error.sqlstate in ("UB003", "UB007")


def _row(connection: Connection, name: str) -> tuple[object, ...]:
    row = connection.execute(query(name, of="check")).fetchone()
    return (None, None) if row is None else row

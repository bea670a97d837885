"""Every operation that a login could try on the schema, and what comes of trying it.

Tables, views, columns and functions come from the server's catalogue. A function that a duty may call needs a row of
its own in :data:`CALLS`, with arguments that make sense; everything else is tried without being named here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from tests.conftest import LOG
from tests.database.calls import CALLS, Arguments, Call
from tests.database.catalogue import Function, Relation, calling, functions, relations, type_of
from tests.database.raw import Connection
from tests.database.tenants import DUTIES, NUMBERS, OTHER, OWNER, Tenants

YES: Final = "yes"
TICKET: Final = "ticket"
OWN: Final = "own"
TWO: Final = "two"
NOTHING: Final = "none"
"""No error and no rows, though there are some."""
PART: Final = "part"
"""Some of the rows of the log."""
UNHELD: Final = "ticket, no holds"
"""All rows of the log but the entries that tell of legal holds."""
BEYOND: Final = "beyond"
"""Rows of another log too."""
NO: Final = "\u2013"
UNKNOWN: Final = "?"
"""Refused for another reason than a missing right: a finding."""

INNER: Final = "inner functions"

NO_TICKET: Final = "UB007"
REFUSALS: Final = frozenset({"42501", "UB003", "UB007", "UB008", "UB010", "UB011"})
"""What a refusal may say. A failure for another reason proves nothing."""

Cursor = psycopg.Cursor[tuple[Any, ...]]
Statement = Callable[[Tenants, str], tuple[sql.Composable, list[Any]]]
Judge = Callable[[Tenants, Cursor], str]


@dataclass(frozen=True)
class Operation:
    """One thing to try: under the same name it is tried on each target."""

    section: str
    name: str
    target: str
    statement: Statement
    judge: Judge = lambda _, __: YES
    refusals: frozenset[str] = frozenset()
    """Further states that mean "refused" here."""
    passes: Callable[[str | None], bool] = lambda _: False
    """Whether a state is no refusal: it would have been done but for something else."""
    foreign: Statement | None = None
    """The same on what is somebody else's: where that is refused, "yes" means "only its own"."""
    under_ticket: bool = False
    """Whether it makes sense only once there is a ticket."""


@dataclass(frozen=True)
class Outcome:
    verdict: str
    state: str | None = None
    said: str = ""


def attempt(tenants: Tenants, login: str, operation: Operation) -> Outcome:
    """Tries it as a real login, in a transaction that is rolled back."""
    made = _try(tenants, login, operation, operation.statement)
    if made.verdict == YES and operation.foreign is not None:
        other = _try(tenants, login, operation, operation.foreign)
        return Outcome(OWN) if other.verdict == NO else other
    return made


def _try(tenants: Tenants, login: str, operation: Operation, statement: Statement) -> Outcome:
    connection = tenants.login(login)
    text, values = statement(tenants, login)
    try:
        return Outcome(operation.judge(tenants, _run(connection, text.as_string(connection), values)))
    except psycopg.Error as error:
        if operation.passes(error.sqlstate):
            return Outcome(YES)
        known = error.sqlstate in REFUSALS | operation.refusals
        return Outcome(NO if known else UNKNOWN, error.sqlstate, str(error))


def _run(connection: Connection, text: str, values: list[Any]) -> Cursor:
    """Runs the statements and takes them back, all in one message: this is done many thousand times."""
    if text.startswith("copy") and " program " not in text:
        cursor = connection.cursor()
        with connection.transaction(force_rollback=True), cursor.copy(text.encode()) as copy:
            if text.endswith("to stdout"):
                list(copy)
        return cursor
    return psycopg.ClientCursor(connection).execute(f"{text}; rollback".encode(), values or None)


def operations(tenants: Tenants) -> Iterator[Operation]:
    """All of them, in the order of the table."""
    of_schema = relations(tenants.admin)
    yield from _calls(tenants)
    for relation in of_schema:
        yield from _reads(relation)
    for relation in of_schema:
        yield from _changes(relation)
    yield from _session()


Found = Mapping[Operation, Mapping[str, Outcome]]


def try_all(tenants: Tenants, logins: Sequence[str]) -> Found:
    """What comes of every operation for every login, first without tickets and then with."""
    listed = list(operations(tenants))
    found = {
        operation: {login: attempt(tenants, login, operation) for login in logins if not operation.under_ticket}
        for operation in listed
    }
    tenants.open_tickets()
    for operation in listed:
        for login in logins:
            before = found[operation].get(login)
            if before is None or before.state == NO_TICKET or before.verdict == NOTHING:
                found[operation][login] = _with_ticket(attempt(tenants, login, operation), operation)
    return found


def _with_ticket(outcome: Outcome, operation: Operation) -> Outcome:
    return Outcome(TICKET) if outcome.verdict == YES and not operation.under_ticket else outcome


# ---- Functions ----


def _calls(tenants: Tenants) -> Iterator[Operation]:
    found = {function.name: function for function in functions(tenants.admin)}
    for call in CALLS:
        yield _calling(found[call.function], call)
    tried = {call.function for call in CALLS}
    for function in found.values():
        if function.name not in tried:
            assert not function.executors, (
                f"{function.name} can be called by {sorted(function.executors)} and has no row"
            )
            yield Operation(
                "functions", INNER, function.name, _fixed(_with_nulls(function)), passes=lambda state: state != "42501"
            )


def _calling(function: Function, call: Call) -> Operation:
    def with_arguments(given: Arguments) -> Statement:
        return lambda tenants, login: calling(function, given(tenants, LOG, login))

    statement = with_arguments(call.arguments) if call.statement is None else _fixed(sql.SQL(call.statement))
    return Operation(
        "functions",
        call.function,
        call.label,
        statement,
        _shown if call.shows else _answer,
        refusals=call.refusals,
        foreign=with_arguments(call.foreign) if call.foreign is not None else None,
        under_ticket=call.under_ticket,
    )


def _answer(_: Tenants, cursor: Cursor) -> str:
    """Some functions refuse, or ask for a second person, in what they return."""
    names = [column.name for column in cursor.description or ()]
    row = dict(zip(names, cursor.fetchone() or (), strict=False))
    if row.get("refused") is not None:
        return NO
    if len(row) == 1 and next(iter(row.values())) in ([], False):
        return NOTHING
    return TWO if row.get("state") == "requested" else YES


def _shown(_: Tenants, cursor: Cursor) -> str:
    return YES if cursor.rowcount else NOTHING


def _with_nulls(function: Function) -> sql.Composed:
    nulls = sql.SQL(", ").join(sql.SQL("null::{}").format(type_of(kind)) for _, kind in function.parameters)
    return sql.SQL("select unbroken.{}({})").format(sql.Identifier(function.name), nulls)


# ---- Reading ----


def _reads(relation: Relation) -> Iterator[Operation]:
    name = relation.name
    yield Operation("reading", "whole rows", name, _fixed(on("select * from @", name)), _rows_of(relation))
    for column in relation.columns:
        read = on("select # from @", name, column)
        yield Operation("reading", f"column {column}", name, _fixed(read), _rows_of(relation))
    yield Operation(
        "reading", "copy out", name, _fixed(on("copy (select * from @) to stdout", name)), _rows_of(relation)
    )
    if "log" in relation.columns:
        other = on("select log from @ where log = %s", name)
        yield Operation("reading", "rows of another log", name, lambda *_: (other, [NUMBERS[OTHER]]), _some)


def _rows_of(relation: Relation) -> Judge:
    """Compares what was read with what is there."""

    def judge(tenants: Tenants, cursor: Cursor) -> str:
        read = cursor.rowcount
        everything, wanted = tenants.counted(relation.name, by_log="log" in relation.columns)
        assert everything > 0, f"{relation.name} is empty: whether it can be read does not show"
        if relation.log is not None:
            return YES if read else NOTHING
        if relation.name == "entries" and 0 < read == wanted - tenants.holds_told():
            return UNHELD
        return {0: NOTHING, wanted: YES}.get(read, PART if read < wanted else BEYOND)

    return judge


def _some(tenants: Tenants, cursor: Cursor) -> str:
    return BEYOND if cursor.rowcount else NOTHING


# ---- Changing ----


def _changes(relation: Relation) -> Iterator[Operation]:
    name, column = relation.name, relation.plain[-1]

    def change(kind: str, template: str, *names: str, **given: Any) -> Operation:
        # A join of tables can't be written to, which the server says before it looks at privileges.
        states = frozenset({"55000", "42809", "0A000"} if relation.is_view else ())
        return Operation("changing", kind, name, _fixed(on(template, name, *names)), **{"refusals": states, **given})

    yield replace(change("INSERT", ""), statement=_fixed(_inserting(relation)), passes=_meets_a_constraint)
    yield replace(change("INSERT of no row", ""), statement=_fixed(_inserting(relation, "select {} where false")))
    updating = sql.SQL("update {} set ").format(_full(name)) + sql.SQL(", ").join(
        sql.SQL("{} = null").format(sql.Identifier(each)) for each in relation.plain
    )
    yield replace(change("UPDATE", "", judge=_some_rows, passes=_meets_a_constraint), statement=_fixed(updating))
    yield change("DELETE", "delete from @", judge=_some_rows)
    yield change("MERGE", "merge into @ as t using (select 1) as o on true when matched then delete", judge=_some_rows)
    yield change("SELECT FOR UPDATE", "select from @ for update", judge=_some_rows)
    yield change("GRANT", _GRANTING, judge=_granted)
    yield change("COPY FROM", "copy @ from stdin", refusals=frozenset({"0A000", "42809"}))
    yield change("DROP", "drop view @ cascade" if relation.is_view else "drop table @ cascade")
    if relation.is_view:
        yield change("ALTER", "alter view @ reset (security_invoker)")
        return
    yield change("TRUNCATE", "truncate @ cascade")
    yield change("LOCK TABLE", "lock table @ in access exclusive mode")
    yield change("ALTER", "alter table @ disable trigger user")
    yield change("CREATE POLICY", "create policy more on @ using (true)")
    yield change("CREATE INDEX", "create index more on @ (#)", column)
    yield change("CREATE RULE", "create rule more as on insert to @ do instead nothing")
    yield change("TRIGGER", "create trigger more before insert on @ execute function matrix.nothing()")
    if relation.key:
        yield replace(change("REFERENCES", ""), statement=_fixed(_referencing(relation)))


def _meets_a_constraint(state: str | None) -> bool:
    """The value is wrong and not the right to put it there."""
    return state in {"23502", "23514"}


def _some_rows(_: Tenants, cursor: Cursor) -> str:
    return YES if cursor.rowcount else NOTHING


_GRANTING: Final = (
    "grant all on @ to public; select exists (select from pg_class c, aclexplode(c.relacl) a"
    " where c.relnamespace = 'unbroken'::regnamespace and c.oid = '@'::regclass and a.grantee = 0)"
)


def _inserting(relation: Relation, values: LiteralString = "values ({})") -> sql.Composed:
    """A row of nulls: where it gets as far as a constraint, inserting is allowed."""
    columns = sql.SQL(", ").join(map(sql.Identifier, relation.plain))
    nulls = sql.SQL(", ").join(sql.SQL("null") for _ in relation.plain)
    return sql.SQL("insert into {} ({}) ").format(_full(relation.name), columns) + sql.SQL(values).format(nulls)


def _granted(_: Tenants, cursor: Cursor) -> str:
    """A GRANT of what one can't grant is a warning."""
    cursor.nextset()
    return NO if cursor.fetchone() == (False,) else YES


def _referencing(relation: Relation) -> sql.Composed:
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(relation.columns[name])) for name in relation.key
    )
    key = sql.SQL(", ").join(map(sql.Identifier, relation.key))
    return sql.SQL("create table matrix.child ({}, foreign key ({}) references {})").format(
        columns, key, _full(relation.name)
    )


# ---- The schema, the session and the server ----

_SESSION: Final = {
    "CREATE TABLE in the schema": "create table unbroken.more (a int)",
    "CREATE FUNCTION in the schema": "create function unbroken.more() returns int language sql as 'select 1'",
    "CREATE TABLE in public": "create table public.more (a int)",
    "CREATE SCHEMA": "create schema more",
    "CREATE TEMP TABLE": "create temporary table entries (log int)",
    "CREATE ROLE": "create role more",
    "CREATE EVENT TRIGGER": "create event trigger more on ddl_command_end execute function matrix.nothing()",
    "CREATE PUBLICATION": "create publication more for all tables",
    "DROP SCHEMA": "drop schema unbroken cascade",
    "ALTER a function": "alter function unbroken.refuse_change() reset all",
    "SET session_replication_role": "set local session_replication_role = replica",
    "SET SESSION AUTHORIZATION": "set local session authorization postgres",
    "GRANT oneself another duty": "grant unbroken_compliance to session_user",
    "read with row_security = off": "set local row_security = off; select from unbroken.entries",
    "read files, run programs": "copy (select 1) to program 'true'",
    "reload the settings": "select pg_reload_conf()",
    "read the seal of the guard": "select * from unbroken_guard.seal",
    "store large objects": "select lo_create(0)",
    "take advisory locks": "select pg_advisory_xact_lock(1)",
    "NOTIFY": "notify more",
    "sizes of tables": "select pg_total_relation_size(oid) from pg_class where relname = 'entries_2_0'",
}
_OTHER_ROLES: Final = """do $$
declare
  v_role text;
begin
  for v_role in select rolname from pg_roles where rolname ^@ 'unbroken_' and rolname <> '#' order by 1 loop
    begin
      execute format('set local role %I', v_role);
      return;
    exception when insufficient_privilege then
      null;
    end;
  end loop;
  raise insufficient_privilege;
end $$"""


def _session() -> Iterator[Operation]:
    yield Operation("session", "SET ROLE", "", _set_own_role, foreign=_set_other_role)
    for name, statement in _SESSION.items():
        yield Operation("session", name, "", _fixed(sql.SQL(statement)))


def _set_own_role(tenants: Tenants, login: str) -> tuple[sql.Composable, list[Any]]:
    group = group_of(login)
    if group is None:
        return _set_other_role(tenants, login)
    return sql.SQL("set local role {}").format(sql.Identifier(group)), []


def _set_other_role(_: Tenants, login: str) -> tuple[sql.Composable, list[Any]]:
    return sql.SQL(_OTHER_ROLES.replace("#", group_of(login) or "")), []


def group_of(login: str) -> str | None:
    """The group that a login is a member of."""
    duty = login.removeprefix("member_")
    return f"unbroken_{duty}" if duty in DUTIES or login == OWNER else None


# ---- Statements ----


def on(template: str, relation: str, *names: str) -> sql.Composed:
    """A statement with the relation's full name in place of ``@``, and a name in place of ``#``."""
    text = sql.SQL(template.replace("@", "{0}").replace("#", "{1}"))
    return text.format(_full(relation), *map(sql.Identifier, names))


def _full(relation: str) -> sql.Identifier:
    return sql.Identifier("unbroken", relation)


def _fixed(statement: sql.Composable) -> Statement:
    return lambda _, __: (statement, [])

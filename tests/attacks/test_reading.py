"""Reading without leave: with no ticket, or with one that does not open this, now, to this login."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from tests.attacks.installed import OTHER
from tests.attacks.scene import Connection, Scene
from tests.conftest import LOG
from tests.database.raw import MARKER, said

NO_TICKET = "UB007"
PEOPLE = ("compliance", "legal", "dpo")
RELATIONS = ("entries", "payloads", "sessions", "approvals", "agent_audit", "audit_log")
OPEN = "select ticket, refused from unbroken.open_ticket(%s, %s, %s, %s, %s::interval)"

SHAPES = (
    "select * from @",
    "table @",
    "select count(*) from @",
    "select exists (select from @)",
    "select 1 where exists (select from @)",
    "select (select count(*) from @) + 0",
    "select 1 where not exists (select from @ where log < 0)",
    "select from @ limit 1",
    "select from @ limit 0",
    "select count(*) from @ where log = 1",
    "select count(*) from @ where log = any (array[1, 2])",
    "select count(*) from @ where log between 0 and 9 and log is not null",
    "select log, count(*) from @ group by log having count(*) > 0",
    "select max(log), row_number() over () from @",
    "select distinct log from @",
    "select log from @ order by log desc nulls last limit 1 offset 0",
    "select 1 from @ a join @ b on a.log = b.log",
    "select 1 from @ a left join @ b on false",
    "select x.log from unbroken.logs l cross join lateral (select t.log from @ t where t.log = l.log) x",
    "with x as materialized (select * from @) select count(*) from x",
    "with x as not materialized (select * from @) select count(*) from x where log = 1",
    "select log from @ union all select 0",
    "select 1 from generate_series(1, 3) n where n in (select log from @)",
    "select count(*) from @ where coalesce(null, true)",
    "select t::text from @ t",
    "select to_jsonb(t) from @ t",
    "explain analyze select from @",
    "explain (analyze, timing off, format json) select count(*) from @ where log = 1",
    "copy (select * from @) to stdout",
    "declare c cursor for select * from @; fetch 1 from c",
)
"""Questions whose true answer has a row. One without a ticket must be refused; an empty answer would be a lie."""
_WHOLE_ROWS = tuple(
    shape for shape in SHAPES if "* from" in shape or shape == "table @" or "(t)" in shape or "t::" in shape
)
"""Those that need every column."""


def named(shape: str, relation: str) -> str:
    return shape.replace("@", f"unbroken.{relation}")


def state(connection: Connection, statement: str) -> str | None:
    """The SQLSTATE that a statement is refused with; what it does is rolled back."""
    try:
        if statement.startswith("copy"):
            with connection.cursor().copy(statement.encode()) as copy:
                list(copy)
        else:
            connection.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate
    finally:
        connection.rollback()
    return None


def opened(
    connection: Connection, *, log: str = LOG, scope: str = "{}", valid: str = "1 hour", keep: bool = True
) -> str:
    row = connection.execute(OPEN, (log, "review", "case-1", scope, valid)).fetchone()
    if keep:
        connection.commit()
    assert row is not None
    assert row[1] is None, row
    return str(row[0])


def closed(connection: Connection, ticket: str, *, log: str = LOG) -> None:
    connection.execute("select unbroken.close_ticket(%s, %s, 'complete', 0, %s)", (log, ticket, "0" * 64))
    connection.commit()


def reads(scene: Scene) -> int:
    """How many tickets are on record."""
    return int(scene.value("select count(*) from unbroken.entries where event_type = 'log.read'"))


def count(connection: Connection, relation: str) -> int:
    row = connection.execute(named("select count(*) from @", relation).encode()).fetchone()
    connection.rollback()
    assert row is not None
    return int(row[0])


@pytest.fixture
def shared(stage: Scene) -> Iterator[Scene]:
    yield stage
    left = stage.value(
        "select array_agg(array[login, ticket::text, log::text]) from unbroken.tickets where closed_seq is null"
    )
    for login, ticket, log in left or ():
        with closing(stage.connect(login)) as connection:
            closed(connection, ticket, log=LOG if log == "1" else OTHER)


@pytest.fixture
def compliance(shared: Scene) -> Iterator[Connection]:
    with closing(shared.connect("compliance")) as connection:
        yield connection


@pytest.fixture
def leaver(scene: Scene) -> Iterator[Connection]:
    """A login of compliance in a database of its own, where its grant may be taken."""
    with closing(scene.connect("compliance")) as connection:
        yield connection


# ---- No ticket ----


@pytest.mark.parametrize("duty", PEOPLE)
def test_without_a_ticket_no_question_is_answered(shared: Scene, duty: str) -> None:
    with closing(shared.connect(duty)) as connection:
        found = {(shape, name): state(connection, named(shape, name)) for shape in SHAPES for name in RELATIONS}
    assert {asked: met for asked, met in found.items() if met != NO_TICKET} == {}


def test_with_a_ticket_each_question_is_answered(compliance: Connection) -> None:
    """The control: what was refused above is refused for want of a ticket."""
    opened(compliance)
    found = {(shape, name): state(compliance, named(shape, name)) for shape in SHAPES for name in RELATIONS}
    assert {asked: met for asked, met in found.items() if met is not None} == {}


def test_operations_need_a_ticket_too(shared: Scene) -> None:
    with closing(shared.connect("ops")) as connection:
        for statement in ("select count(*) from unbroken.entries", "select tool from unbroken.entries limit 1"):
            assert state(connection, statement) == NO_TICKET
        assert state(connection, "select * from unbroken.sessions") == NO_TICKET
        opened(connection)
        assert count(connection, "entries") > 0
        assert state(connection, "select actor_id from unbroken.entries") == "42501"


@pytest.mark.parametrize(
    "where", ["seq < 0 and log = 1", "log = 99", "seq = 5 and seq = 6", "actor_id = 'nobody'", "session_id = 'nobody'"]
)
def test_nobody_learns_from_a_failure_what_is_there(compliance: Connection, where: str) -> None:
    """Also what no row answers is refused: else the one that is not refused would tell that there is none."""
    statement = "select count(*) from unbroken.entries where @".replace("@", where)
    assert state(compliance, statement) == NO_TICKET
    opened(compliance)
    assert compliance.execute(statement.encode()).fetchone() == (0,)


def test_a_key_that_is_not_there_fails_as_one_that_is(compliance: Connection) -> None:
    for key in ("shown", "nobody"):
        by_key = "select from unbroken.sessions where log = 1 and session_id = '@'".replace("@", key)
        assert state(compliance, by_key) == NO_TICKET


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_plan_from_before_is_asked_again(compliance: Connection, relation: str) -> None:
    ticket = opened(compliance)
    compliance.execute("set plan_cache_mode = force_generic_plan")
    compliance.execute(named("prepare p as select count(*) from @", relation).encode())
    compliance.execute("execute p")
    compliance.commit()
    closed(compliance, ticket)
    assert state(compliance, "execute p") == NO_TICKET


def test_another_role_of_the_same_login_is_the_same_person(compliance: Connection) -> None:
    compliance.execute("set role unbroken_compliance")
    compliance.commit()
    assert state(compliance, "select from unbroken.entries") == NO_TICKET
    for other in ("unbroken_verifier", "verifier", "unbroken_owner", "postgres"):
        assert state(compliance, f"set role {other}") == "42501"


# ---- A ticket that is not of an earlier transaction ----


def test_open_read_and_roll_back_gives_nothing(shared: Scene, compliance: Connection) -> None:
    before = reads(shared)
    opened(compliance, keep=False)
    assert state(compliance, "select from unbroken.entries") == NO_TICKET
    assert reads(shared) == before


def test_a_savepoint_does_not_make_it_an_earlier_transaction(shared: Scene, compliance: Connection) -> None:
    before = reads(shared)
    compliance.execute("savepoint s")
    opened(compliance, keep=False)
    compliance.execute("release savepoint s")
    assert state(compliance, "select from unbroken.entries") == NO_TICKET
    compliance.execute("savepoint s")
    opened(compliance, keep=False)
    compliance.execute("rollback to savepoint s")
    assert state(compliance, "select from unbroken.entries") == NO_TICKET
    assert reads(shared) == before


@pytest.mark.parametrize(
    "statement",
    [
        "select from @; select event from unbroken.entries",
        "with t as materialized (select * from @) select e.event from t, unbroken.entries e",
        "select e.event from @ t, unbroken.entries e where t.seq > 0",
        "do $$ begin begin perform from @; exception when others then null; end; perform from unbroken.entries; end $$",
    ],
)
def test_one_message_does_not_open_and_read(shared: Scene, compliance: Connection, statement: str) -> None:
    before = reads(shared)
    opening = f"unbroken.open_ticket('{LOG}', 'p', null, '{{}}', '1 hour')"
    assert state(compliance, statement.replace("@", opening)) == NO_TICKET
    assert reads(shared) == before


def test_a_ticket_that_is_not_committed_opens_nothing_to_another_session(shared: Scene, compliance: Connection) -> None:
    opened(compliance, keep=False)
    with closing(shared.connect("compliance")) as second:
        assert state(second, "select from unbroken.entries") == NO_TICKET
    compliance.commit()
    with closing(shared.connect("compliance")) as second:
        assert state(second, "select from unbroken.entries") is None


# ---- A ticket that is over, or somebody else's, or for something else ----


def test_an_expired_ticket_opens_nothing(compliance: Connection) -> None:
    opened(compliance, valid="1 second")
    assert state(compliance, "select from unbroken.entries") is None
    compliance.execute("select pg_sleep(1.1)")
    compliance.commit()
    assert state(compliance, "select from unbroken.entries") == NO_TICKET


def test_a_ticket_expires_within_a_transaction_too(compliance: Connection) -> None:
    opened(compliance, valid="1 second")
    compliance.execute("set transaction isolation level repeatable read")
    compliance.execute("select from unbroken.entries")
    compliance.execute("select pg_sleep(1.1)")
    assert state(compliance, "select from unbroken.entries") == NO_TICKET


def test_a_closed_ticket_opens_nothing(shared: Scene, compliance: Connection) -> None:
    closed(compliance, opened(compliance))
    assert state(compliance, "select from unbroken.entries") == NO_TICKET
    assert shared.value("select count(*) from unbroken.entries where event_type = 'log.read_completed'") > 0


def test_a_ticket_opens_nothing_to_another_login(shared: Scene, compliance: Connection) -> None:
    ticket = opened(compliance)
    with closing(shared.connect("legal")) as legal:
        assert state(legal, "select from unbroken.entries") == NO_TICKET
        close = f"select unbroken.close_ticket('{LOG}', '{ticket}', 'complete', 0, '{'0' * 64}')"
        assert state(legal, close) == NO_TICKET
    assert state(compliance, "select from unbroken.entries") is None


def test_a_ticket_opens_nothing_to_a_colleague_of_the_same_duty(scene: Scene, leaver: Connection) -> None:
    with closing(scene.connect("access")) as access, closing(scene.connect("access2")) as second:
        access.execute(scene.statement("{ask_dangerous}").encode())
        access.commit()
        second.execute(scene.statement("{confirm_dangerous}").encode())
        second.commit()
    scene.server.execute("grant unbroken_compliance to attack_stranger")
    try:
        with closing(scene.connect("stranger")) as colleague:
            opened(leaver)
            assert state(colleague, "select from unbroken.entries") == NO_TICKET
            opened(colleague)
            assert state(colleague, "select from unbroken.entries") is None
    finally:
        scene.server.execute("revoke unbroken_compliance from attack_stranger")


def test_a_ticket_opens_its_own_log(compliance: Connection) -> None:
    opened(compliance, log=OTHER)
    for relation in ("entries", "payloads"):
        found = compliance.execute(named("select distinct log from @", relation).encode()).fetchall()
        assert found == [(2,)], relation
    compliance.rollback()
    for relation in ("sessions", "approvals"):
        assert count(compliance, relation) == 0
    opened(compliance)
    found = compliance.execute("select distinct log from unbroken.entries order by log").fetchall()
    assert found == [(1,), (2,)]


def test_a_revoked_grant_ends_what_an_open_ticket_opens(scene: Scene, leaver: Connection) -> None:
    opened(leaver)
    with closing(scene.connect("access")) as access:
        access.execute(scene.statement("{take_back}").encode())
        access.commit()
    assert state(leaver, "select from unbroken.entries") == NO_TICKET
    assert leaver.execute(OPEN, (LOG, "review", None, "{}", "1 hour")).fetchone() == (None, "no grant")


def test_leaving_the_group_ends_it_too(scene: Scene, leaver: Connection) -> None:
    """Whoever administers the server can do that without the log."""
    opened(leaver)
    scene.server.execute("revoke unbroken_compliance from compliance")
    try:
        assert state(leaver, "select from unbroken.entries") == "42501"
        scene.server.execute("grant unbroken_legal to compliance")
        assert state(leaver, "select from unbroken.entries") == NO_TICKET
    finally:
        scene.server.execute("revoke unbroken_legal from compliance")
        scene.server.execute("grant unbroken_compliance to compliance")


def test_a_login_in_two_groups_gets_no_ticket(scene: Scene, leaver: Connection) -> None:
    opened(leaver)
    scene.server.execute("grant unbroken_legal to compliance")
    try:
        assert state(leaver, "select from unbroken.entries") == NO_TICKET
        assert leaver.execute(OPEN, (LOG, "p", "c", "{}", "1 hour")).fetchone() == (None, "several duties")
        leaver.rollback()
        assert state(leaver, "select from unbroken.logs") == "UB003"
    finally:
        scene.server.execute("revoke unbroken_legal from compliance")


# ---- Originals: which entries have one, and never what they hold ----


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape not in _WHOLE_ROWS])
@pytest.mark.parametrize("who", PEOPLE)
def test_that_there_are_originals_is_not_told_without_a_ticket(stage: Scene, who: str, shape: str) -> None:
    with closing(stage.connect(who)) as connection:
        assert state(connection, named(shape, "originals")) == NO_TICKET


@pytest.mark.parametrize("who", [*PEOPLE, "verifier", "ops"])
@pytest.mark.parametrize(
    "shape", [*_WHOLE_ROWS, "select length(ciphertext) from @", "select from @ where ciphertext > ''"]
)
def test_what_originals_hold_is_not_read_under_a_ticket_either(shared: Scene, who: str, shape: str) -> None:
    with closing(shared.connect(who)) as connection:
        if who != "verifier":
            opened(connection)
        assert state(connection, named(shape, "originals")) == "42501"


# ---- A ticket for one session ----


@pytest.fixture
def narrow(compliance: Connection) -> Connection:
    opened(compliance, scope='{"session": "shown"}')
    return compliance


def test_a_ticket_for_a_session_opens_that_session(narrow: Connection) -> None:
    rows = narrow.execute(
        "select (select count(*) from unbroken.entries), (select count(*) from unbroken.payloads),"
        " (select count(*) from unbroken.sessions), (select count(*) from unbroken.approvals),"
        " (select count(*) from unbroken.agent_audit), (select count(*) from unbroken.audit_log)"
    ).fetchone()
    assert rows == (4, 3, 1, 1, 4, 4)
    assert narrow.execute("select count(*) from unbroken.originals").fetchone() == (0,)
    assert narrow.execute("select distinct session_id from unbroken.entries").fetchall() == [("shown",)]


@pytest.mark.parametrize(
    "where",
    [
        "session_id = 'hidden'",
        "session_id <> 'shown'",
        "session_id is null",
        "session_id = 'shown' or session_id = 'hidden' and session_id <> 'shown'",
    ],
)
def test_no_condition_widens_it(narrow: Connection, where: str) -> None:
    rows = narrow.execute("select session_id from unbroken.entries where @".replace("@", where).encode()).fetchall()
    assert {row[0] for row in rows} <= {"shown"}


@pytest.mark.parametrize(
    "statement",
    [
        "select count(*) from unbroken.payloads where inputs::numeric > 0",
        "select count(*) from unbroken.payloads where 1 / (length(inputs) - 11) > 0",
        "select count(*) from unbroken.payloads where (inputs::json ->> 'n')::int = 1",
        "select count(*) from unbroken.agent_audit where (inputs ->> 'n')::int = 1",
        "select count(*) from unbroken.payloads where xmlparse(content inputs) is not null",
        "select count(*) from unbroken.entries where session_id::int > 0",
    ],
)
def test_no_error_quotes_what_the_ticket_does_not_open(narrow: Connection, statement: str) -> None:
    """Policies come before whatever could raise: what raises has seen rows that may be seen."""
    try:
        narrow.execute(statement.encode())
    except psycopg.Error as error:
        told = said(error)
        assert MARKER not in told
        assert "hidden" not in told
    narrow.rollback()


# ---- What is not prevented ----


def test_what_a_snapshot_shows_outlives_a_revocation_until_the_ticket_expires(scene: Scene, leaver: Connection) -> None:
    """Known: an open transaction in REPEATABLE READ looks at grants as it looks at rows, as of its beginning."""
    opened(leaver)
    leaver.execute("set transaction isolation level repeatable read")
    before = leaver.execute("select count(*) from unbroken.entries").fetchone()
    with closing(scene.connect("access")) as access:
        access.execute(scene.statement("{take_back}").encode())
        access.commit()
    assert leaver.execute("select count(*) from unbroken.entries").fetchone() == before
    leaver.rollback()
    assert state(leaver, "select from unbroken.entries") == NO_TICKET

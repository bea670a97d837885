"""What a stolen writer login can still do, and what it can't: its password and any SQL it likes, nothing else.

Each sentence here stands in SECURITY.md: whoever holds a writer's login can lie about what it says, and can be loud; it
can't touch what is there, and can't be somebody else.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import LOG, Server
from tests.database import raw
from tests.database.catalogue import relations
from tests.database.operations import on
from tests.database.raw import Connection, append, sent
from tests.database.tenants import OTHER, Tenants, tenants_on
from tests.database.test_approval_door import call, decision, id_of, request
from unbroken.core.event import EVENT_TYPES
from unbroken.store import administration


@pytest.fixture(scope="module")
def tenants(server: Server) -> Iterator[Tenants]:
    with tenants_on(server) as made:
        yield made


@pytest.fixture
def thief(tenants: Tenants) -> Iterator[Connection]:
    """The stolen login, in a session of its own; what was recorded before it is as it was, and the log is intact."""
    before = tenants.admin.execute(
        "select log, seq, hash, event, writer from unbroken.entries order by 1, 2"
    ).fetchall()
    with tenants.connect("writer") as connection:
        yield connection
    after = tenants.admin.execute("select log, seq, hash, event, writer from unbroken.entries order by 1, 2").fetchall()
    assert [row for row in after if row[:2] in {row[:2] for row in before}] == before
    raw.both_accept(tenants.database)


def refused(connection: Connection, statement: str | sql.Composed, *values: object) -> str | None:
    text = statement.encode() if isinstance(statement, str) else statement
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(text, values or None)
    return caught.value.sqlstate


def newest(tenants: Tenants) -> dict[str, Any]:
    return dict(json.loads(raw.read_all(tenants.database)[-1].event))


# ---- What it can still do ----


def test_it_can_flood_the_log(tenants: Tenants, thief: Connection) -> None:
    recorder = raw.new_id()
    size = len(raw.read_all(tenants.database))
    for _ in range(3):
        append(thief, [sent({"inputs": '"' + "x" * 10_000 + '"'}, recorder=recorder) for _ in range(200)])
    assert len(raw.read_all(tenants.database)) == size + 600
    thief.execute("select lo_from_bytea(0, %s)", (b"x" * 100_000,))


def test_it_can_lie_about_time_actor_and_agent(tenants: Tenants, thief: Connection) -> None:
    """But not about when the log got it, and through whom."""
    lie = sent(
        ts="1999-12-31T23:59:59.000000Z",
        actor_id="the-chairman",
        actor_type="admin",
        agent_id="bot-9",
        session_id="s-1",
        recorder=raw.new_id(),
        source_address="10.0.0.1",
    )
    (row,) = append(thief, [lie])
    entry = raw.read_all(tenants.database)[-1]
    assert json.loads(entry.event)["ts"].startswith("1999")
    assert abs(datetime.now(UTC) - row.recorded_at) < timedelta(minutes=5)
    assert (entry.writer, entry.seq) == ("writer", row.seq)
    assert row.session_seq is not None
    assert row.session_seq > 1, "it may also speak in other people's sessions"


def test_it_can_hold_the_lock_until_somebody_ends_it(tenants: Tenants, thief: Connection) -> None:
    """Ops can: the session of who holds a log's lock is ended, and that is an entry."""
    thief.execute("set idle_in_transaction_session_timeout = 0")
    thief.execute("set transaction_timeout = 0") if thief.info.server_version >= 170000 else None
    thief.execute("begin")
    append(thief, [sent(recorder=raw.new_id())])
    with tenants.connect("server") as other:
        other.execute("set lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            append(other, [sent(recorder=raw.new_id())])
        ended = (
            tenants.login("ops").execute("select login from unbroken.end_lock_holder(%s, '100 ms')", (LOG,)).fetchall()
        )
        assert ended == [("writer",)]
        append(other, [sent(recorder=raw.new_id())])
    assert "log.unlocked" in [json.loads(entry.event)["event_type"] for entry in raw.read_all(tenants.database)[-2:]]
    with pytest.raises(psycopg.OperationalError):
        thief.execute("commit")


def test_it_can_delay_a_migration(tenants: Tenants, thief: Connection) -> None:
    """Everybody who can connect takes advisory locks; whoever migrates sees who holds it, and ends that session."""
    thief.execute("select pg_advisory_lock(hashtext('unbroken migration'))")
    asked = "select pg_try_advisory_xact_lock(hashtext('unbroken migration'))"
    assert tenants.scalar(asked) is False
    held = "select usename from pg_locks natural join pg_stat_activity where locktype = 'advisory'"
    assert tenants.scalar(held) == "writer"
    thief.execute("select pg_advisory_unlock_all()")
    assert tenants.scalar(asked) is True


def test_it_can_learn_of_ids_that_it_knows(tenants: Tenants, thief: Connection) -> None:
    """That an id is in its log, and through which login; of what was said it learns only whether a guess is right."""
    known = tenants.known[LOG]["id"]
    rows = thief.execute(
        "select id::text, state, writer, seq, hash from unbroken.receipts(%s, %s, array[null::bytea])", (LOG, [known])
    ).fetchall()
    assert rows == [(known, "present", "writer", None, None)]
    wrong = thief.execute(
        "select state, hash from unbroken.receipts(%s, %s, %s)", (LOG, [known], [b"x" * 32])
    ).fetchall()
    assert wrong == [("conflict", None)]
    assert (
        thief.execute("select * from unbroken.receipts(%s, %s, array[null::bytea])", (LOG, [raw.new_id()])).fetchall()
        == []
    )


def test_it_can_ask_for_approval_and_decide_only_openly(tenants: Tenants, thief: Connection) -> None:
    """A decision through the login that asked is marked as its own word for the other's."""
    recorder = raw.new_id()
    asked = request(recorder=recorder, call_id="c-theft")
    append(thief, [asked])
    append(thief, [decision(asked, recorder=recorder, call_id="c-theft")])
    (row,) = thief.execute(
        "select state, self_attested from unbroken.approvals_of(%s, %s::uuid, null, null)", (LOG, id_of(asked))
    ).fetchall()
    assert row == ("approved", True)
    append(thief, [call(asked, recorder=recorder, call_id="c-theft")])
    assert tenants.scalar("select self_attested from unbroken.approvals where request = %s::uuid", id_of(asked)) is True


# ---- What it can't ----


def test_it_approves_no_request_under_the_name_that_asked(tenants: Tenants, thief: Connection) -> None:
    recorder = raw.new_id()
    asked = request(recorder=recorder, call_id="c-own")
    append(thief, [asked])
    for name in ("u-1", "bot"):
        said = {"by": name}
        error = raw.refused(
            tenants.database,
            thief,
            [decision(asked, said=said, actor_id=name, recorder=recorder, call_id="c-own")],
            state="UB005",
        )
        assert error.diag.message_hint == "own request"


def test_it_changes_deletes_and_renumbers_nothing(tenants: Tenants, thief: Connection) -> None:
    for relation in relations(tenants.admin):
        if relation.is_view:
            continue
        for statement in ("delete from @", "truncate @", "update @ set # = null"):
            assert refused(thief, on(statement, relation.name, relation.plain[0])) == "42501", statement
    assert refused(thief, "select nextval('unbroken.logs_log_seq')") == "42501"
    assert refused(thief, "select setval('unbroken.logs_log_seq', 1)") == "42501"


@pytest.mark.parametrize(
    "key", ["seq", "session_seq", "recorded_at", "prev_hash", "hash", "writer", "principal", "v", "log"]
)
def test_it_chooses_nothing_that_the_log_states(tenants: Tenants, thief: Connection, key: str) -> None:
    """Number, time, links and writer aren't arguments, and an event that names them is none."""
    for value in (1, "server"):
        chosen: dict[str, Any] = {key: value}
        raw.refused(tenants.database, thief, [sent(recorder=raw.new_id(), **chosen)])


def test_it_names_no_principal(tenants: Tenants, thief: Connection) -> None:
    columns = raw.columns_of([sent(recorder=raw.new_id())])
    statement = (
        "select * from unbroken.append(%s, %s::text[]" + ", %s::text[], %s::bytea[]" * 3 + ", p_principal => 'u-1')"
    )
    assert refused(thief, statement, LOG, *columns) == "UB003"


def test_it_backdates_nothing(tenants: Tenants, thief: Connection) -> None:
    """Neither by settings nor by a transaction that began long ago: the clock is read under the lock."""
    thief.execute("set timezone = 'America/St_Johns'")
    thief.execute("begin")
    began = thief.execute("select now()").fetchone()
    time.sleep(0.3)
    (row,) = append(thief, [sent(recorder=raw.new_id())])
    thief.execute("commit")
    assert began is not None
    assert row.recorded_at - began[0] >= timedelta(seconds=0.3)


@pytest.mark.parametrize("role", ["server", "verifier", "unbroken_server", "unbroken_owner", "postgres", "access"])
def test_it_becomes_nobody_else(tenants: Tenants, thief: Connection, role: str) -> None:
    assert refused(thief, f"set role {role}") == "42501"
    assert refused(thief, f"set session authorization {role}") == "42501"
    assert refused(thief, f"grant {role} to writer") == "42501"


def test_its_lines_bear_its_name_whatever_it_sets(tenants: Tenants, thief: Connection) -> None:
    thief.execute("set application_name = 'server'")
    thief.execute("set role unbroken_writer")
    append(thief, [sent(recorder=raw.new_id())])
    thief.execute("reset role")
    append(thief, [sent(recorder=raw.new_id())])
    assert [entry.writer for entry in raw.read_all(tenants.database)[-2:]] == ["writer as unbroken_writer", "writer"]


def test_it_uses_no_other_logins_recorder(tenants: Tenants, thief: Connection) -> None:
    strange = tenants.known[LOG]["recorders"]["server"]
    raw.refused(tenants.database, thief, [sent(recorder=strange)])
    assert refused(thief, "select unbroken.stop_recorder(%s, %s, 9)", LOG, strange) == "UB001"
    gap = "select unbroken.declare_gap(%s, %s, 'outage', 1, 2, 2, %s, %s, '{}')"
    assert refused(thief, gap, LOG, strange, raw.TS, raw.TS) == "UB001"


@pytest.mark.parametrize(
    "kind",
    [
        "log.read",
        "log.read_completed",
        "log.read_denied",
        "log.unlocked",
        "log.gap",
        "log.recorder_stopped",
        "log.access_requested",
        "log.access_withdrawn",
        "log.created",
        "log.anything",
    ],
)
def test_it_forges_no_entry_of_the_logs_own(tenants: Tenants, thief: Connection, kind: str) -> None:
    raw.refused(tenants.database, thief, [sent(event_type=kind, recorder=raw.new_id())])


@pytest.mark.parametrize("kind", ["access_granted", "access_revoked"])
def test_what_it_says_of_access_looks_like_its_own_word(tenants: Tenants, thief: Connection, kind: str) -> None:
    """These types are open to recorders too, for systems around the log; an entry of the log itself has no recorder."""
    assert kind in EVENT_TYPES
    details = json.dumps({"basis": "two people", "duty": "access", "login": "writer"}, separators=(",", ":"))
    raw.refused(
        tenants.database, thief, [sent({"details": details}, event_type=kind, recorder=None, recorder_seq=None)]
    )
    append(
        thief,
        [sent({"details": details}, event_type=kind, actor_id="access", actor_type="system", recorder=raw.new_id())],
    )
    forged = newest(tenants)
    assert "recorder" in forged
    own = [
        json.loads(entry.event)
        for entry in raw.read_all(tenants.database)
        if json.loads(entry.event)["event_type"] == kind and entry.writer != "writer"
    ]
    assert all("recorder" not in event for event in own)
    assert tenants.scalar("select count(*) from unbroken.grants where login = 'writer' and duty = 'access'") == 0
    assert refused(thief, "select * from unbroken.grant_access(%s, 'writer', 'access', 'x')", LOG) == "42501"


def test_it_reads_nothing_back(tenants: Tenants, thief: Connection) -> None:
    for relation in relations(tenants.admin):
        for statement in ("select from @", "select # from @ limit 1", "explain analyze select * from @", "table @"):
            assert refused(thief, on(statement, relation.name, relation.plain[0])) == "42501", statement
    assert thief.execute("select count(*) from pg_stats where schemaname = 'unbroken'").fetchone() == (0,)


def test_it_does_nothing_in_another_log(tenants: Tenants, thief: Connection) -> None:
    for log in (OTHER, OTHER + "~1", "no such log"):
        raw.refused(tenants.database, thief, [sent(recorder=raw.new_id())], state="UB003", log=log)
        assert (
            refused(thief, "select * from unbroken.receipts(%s, %s, array[null::bytea])", log, [raw.new_id()])
            == "UB003"
        )
        assert refused(thief, "select * from unbroken.describe_log(%s)", log) == "UB003"


def test_it_is_stopped_by_one_person_at_once(tenants: Tenants) -> None:
    """Also in sessions that are open, and in a transaction that has begun."""
    admin = tenants.admin
    administration.add_login(admin, "stolen", duty="writer", password=None)
    tenants.login("access").execute("select unbroken.grant_access(%s, 'stolen', 'writer', 'a new agent')", (LOG,))
    with tenants.connect("stolen") as thief:
        append(thief, [sent(recorder=raw.new_id())])
        thief.execute("begin; select 1")
        tenants.login("access").execute("select unbroken.revoke_access(%s, 'stolen', 'writer', 'stolen')", (LOG,))
        raw.refused(tenants.database, thief, [sent(recorder=raw.new_id())], state="UB003")
    assert newest(tenants)["event_type"] == "access_revoked"
    raw.both_accept(tenants.database)


def test_a_lock_that_it_holds_delays_its_revocation_and_no_more(tenants: Tenants) -> None:
    """Taking a grant away is an entry, which waits for the lock like any, and comes next when ops ends the holder."""
    admin = tenants.admin
    administration.add_login(admin, "stolen", duty="writer", password=None)
    tenants.login("access").execute("select unbroken.grant_access(%s, 'stolen', 'writer', 'a new agent')", (LOG,))
    with closing(tenants.connect("stolen")) as thief, ThreadPoolExecutor(1) as pool:
        thief.execute("begin")
        append(thief, [sent(recorder=raw.new_id())])
        revoking = pool.submit(
            tenants.login("access").execute, "select unbroken.revoke_access(%s, 'stolen', 'writer', 'stolen')", (LOG,)
        )
        while not tenants.scalar(
            "select exists (select from pg_stat_activity where usename = 'access' and wait_event_type = 'Lock')"
        ):
            time.sleep(0.01)
        assert not revoking.done()
        tenants.login("ops").execute("select unbroken.end_lock_holder(%s, '0 s')", (LOG,))
        assert revoking.result(timeout=30).fetchone() is not None
    assert tenants.scalar("select count(*) from unbroken.grants where login = 'stolen' and revoked_at is null") == 0
    raw.both_accept(tenants.database)

"""Two tenants in one database: nobody of the one log sees, changes or hears of anything of the other.

A log that one has no duty for answers like a log that does not exist. What remains is measured below and said in
SECURITY.md: counters of the server, and what EXPLAIN tells.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import LOG, Server
from tests.database import raw
from tests.database.calls import CALLS, Call
from tests.database.catalogue import Function, calling, functions, relations
from tests.database.operations import on
from tests.database.raw import Connection, append, sent
from tests.database.tenants import ABSENT, DUTIES, NUMBERS, OTHER, READERS, Tenants, of_other, tenants_on
from unbroken.errors import UnbrokenError
from unbroken.store.log_reader import LogReader, list_logs


@pytest.fixture(scope="module")
def tenants(server: Server) -> Iterator[Tenants]:
    with tenants_on(server) as made:
        append(
            made.login(of_other("writer")),
            [sent(session_id="lab-only", actor_id="lab-actor", recorder=raw.new_id())],
            log=OTHER,
        )
        made.open_tickets()
        yield made


@pytest.fixture
def unharmed(tenants: Tenants) -> Iterator[Tenants]:
    """The same, and the other log is as it was."""
    before = of_log(tenants, OTHER)
    yield tenants
    after = of_log(tenants, OTHER)
    assert after == before
    raw.both_accept(tenants.database)


def of_log(tenants: Tenants, log: str) -> dict[str, Any]:
    """Everything that the database holds for a log, but for notes of refused reads."""
    held = {}
    for relation in relations(tenants.admin):
        if "log" in relation.columns and relation.partition_of is None and relation.name != "denials":
            rows = tenants.admin.execute(on("select t::text from @ t where log = %s", relation.name), [NUMBERS[log]])
            held[relation.name] = sorted(text for (text,) in rows.fetchall())
    return held


def answer(connection: Connection, statement: sql.Composed, values: list[Any]) -> tuple[Any, ...]:
    """All that a login is told: columns and rows, or every field of the error that is about its question."""
    try:
        with connection.transaction(force_rollback=True):
            cursor = connection.execute(statement, values)
            return tuple(cursor.fetchall() if cursor.description else ())
    except psycopg.Error as error:
        told = error.diag
        return (error.sqlstate, told.message_primary, told.message_detail, told.message_hint, told.context)


def with_a_log(tenants: Tenants, duty: str) -> Iterator[tuple[Function, Call]]:
    found = {function.name: function for function in functions(tenants.admin)}
    for call in CALLS:
        function = found[call.function]
        if duty in function.executors and ("p_log", "text") in function.parameters:
            yield function, call


@pytest.mark.parametrize("duty", DUTIES)
def test_another_log_answers_like_none(unharmed: Tenants, duty: str) -> None:
    """By its name, and by its full name; whatever else is asked."""
    connection = unharmed.login(duty)
    tried = 0
    for function, call in with_a_log(unharmed, duty):
        for theirs, nobodys in ((OTHER, ABSENT), (OTHER + "~1", ABSENT + "~1")):
            given = call.arguments(unharmed, OTHER, of_other(duty))
            if "p_log" not in given:
                continue
            answers = [answer(connection, *calling(function, {**given, "p_log": name})) for name in (theirs, nobodys)]
            assert answers[0] == answers[1], (call.function, call.label)
            assert answers[0][0] == "UB003" or call.function == "open_ticket", (call.function, answers[0])
            tried += 1
    assert tried or duty == "subjects"


@pytest.mark.parametrize("duty", DUTIES)
def test_no_row_of_another_log_is_seen(unharmed: Tenants, duty: str) -> None:
    """With a ticket for the own log, in every table and view, however it is asked."""
    connection = unharmed.login(duty)
    for relation in relations(unharmed.admin):
        if "log" not in relation.columns or relation.partition_of:
            continue
        for template in ("select * from @ where log = 2", "select * from @", "select count(*) from @ where log <> 1"):
            told = answer(connection, on(template, relation.name), [])
            if told and isinstance(told[0], str):
                assert told[0] in {"42501", "UB003", "UB007"}
                continue
            position = list(relation.columns).index("log")
            if "count" in template:
                assert told == ((0,),), relation.name
            else:
                assert {row[position] for row in told} <= {1}, relation.name


@pytest.mark.parametrize("duty", ["verifier", "compliance", "ops", "access", "retention"])
def test_only_the_own_log_is_listed(unharmed: Tenants, duty: str) -> None:
    conninfo = unharmed.database.conninfo(duty)
    assert list_logs(conninfo) == [LOG + "~1"]
    for name in (OTHER, ABSENT):
        with pytest.raises(UnbrokenError) as caught:
            LogReader(conninfo, name)
        assert str(caught.value).replace(name, "") == str(caught.value).replace(name, "")
    told = {_told(conninfo, name).replace(name, "*") for name in (OTHER, ABSENT)}
    assert len(told) == 1


def _told(conninfo: str, log: str) -> str:
    with pytest.raises(UnbrokenError) as caught:
        LogReader(conninfo, log)
    return f"{type(caught.value).__name__}: {caught.value}"


def test_what_is_the_others_is_not_found_in_the_own_log(unharmed: Tenants) -> None:
    """Ids, recorders, requests and tickets of the other log are unknown here, and can be used anew."""
    known = unharmed.known[OTHER]
    writer = unharmed.login("writer")
    asked = "select * from unbroken.receipts(%s, %s, array[null::bytea])"
    assert writer.execute(asked, (LOG, [known["id"]])).fetchall() == []
    assert (
        writer.execute(
            "select * from unbroken.approvals_of(%s, %s::uuid, null, null)", (LOG, known["asked"])
        ).fetchall()
        == []
    )
    theirs = known["recorders"][of_other("writer")]
    (row,) = append(writer, [sent(id=known["id"], recorder=theirs, session_id="lab-only")])
    assert row.session_seq == 1
    for statement, values in (
        ("select unbroken.close_ticket(%s, %s, 'complete', 0, %s)", (LOG, known["tickets"][of_other("ops")], "0" * 64)),
        ("select unbroken.close_ticket(%s, %s, 'complete', 0, %s)", (LOG, raw.new_id(), "0" * 64)),
    ):
        with pytest.raises(psycopg.Error) as caught:
            unharmed.login("ops").execute(statement, values)
        assert caught.value.sqlstate == "UB007"
    told = [
        answer(unharmed.login("access"), sql.SQL("select unbroken.confirm_access({}, %s)").format(LOG), [request])
        for request in (known["requested"]["access"], raw.new_id())
    ]
    assert told[0] == told[1]
    assert told[0][0] == "UB009"


def test_a_name_has_another_pseudonym_in_every_log(unharmed: Tenants) -> None:
    statement = "select unbroken.pseudonym(%s, 'u-17')"
    mine = unharmed.login("compliance").execute(statement, (LOG,)).fetchone()
    theirs = unharmed.login(of_other("compliance")).execute(statement, (OTHER,)).fetchone()
    assert mine != theirs
    assert mine is not None
    assert str(mine[0]).startswith("p:")


# ---- Without a ticket, or without any grant ----

PROBES = (
    "select from @ where log = 2",
    "select from @ where log = 2 and # >= %s",
    "select from @ where log = 2 and # > %s",
    "select from @ where log = 77",
    "select from @ where # is null",
    "select count(*) from @ where log = 2",
    "select log from @ where log = 2 order by log limit 1",
)


@pytest.mark.parametrize("duty", READERS)
def test_without_a_ticket_an_answer_never_depends_on_what_is_there(tenants: Tenants, duty: str) -> None:
    """Or whoever asks often enough reads the log by its errors, and nobody knows.

    Text that is compared goes before the policy, so "no ticket, and such a row" must read like "no such row".
    """
    name = f"member_{duty}"
    for relation in ("entries", "payloads", "sessions", "approvals"):
        column = {"entries": "session_id", "sessions": "session_id", "approvals": "call_id", "payloads": "seq"}[
            relation
        ]
        values = ["lab-only", "a", "zzz"] if column != "seq" else [1, 2, 10_000]
        states = set()
        for probe in PROBES:
            for value in values:
                statement = on(probe, relation, *([column] if "#" in probe else []))
                states.add(answer(tenants.login(name), statement, [value] if "%s" in probe else [])[0:1])
        assert states in ({("UB007",)}, {("42501",)}), (relation, states)


@pytest.mark.parametrize("duty", [duty for duty in DUTIES if duty not in {"writer", "server", "subjects"}])
def test_without_a_grant_an_answer_never_depends_on_what_is_there(tenants: Tenants, duty: str) -> None:
    name = f"member_{duty}"
    columns = {
        "logs": "origin",
        "grants": "login",
        "recorders": "login",
        "tickets": "login",
        "access_requests": "login",
        "openings": "login",
    }
    for relation, column in columns.items():
        states = set()
        for probe in PROBES:
            for value in (OTHER, of_other("writer"), "a", "zzz"):
                statement = on(probe, relation, *([column] if "#" in probe else []))
                states.add(answer(tenants.login(name), statement, [value] if "%s" in probe else [])[0:1])
        assert states in ({("UB003",)}, {("42501",)}), (relation, states)


# ---- What remains ----


def test_a_strangers_attempt_is_told_in_the_log_that_it_was_about(tenants: Tenants) -> None:
    """With the next ticket there, and not before: or a stranger could hold that log's lock."""
    before = len(raw.read_all(tenants.database, LOG))
    with closing(tenants.connect("legal")) as stranger, closing(tenants.connect(of_other("writer"))) as writer:
        asked = "select refused from unbroken.open_ticket(%s, 'curious', 'case', '{}', '1 min')"
        assert stranger.execute(asked, (OTHER,)).fetchone() == ("no grant",)
        stranger.execute("begin")
        assert stranger.execute(asked, (OTHER,)).fetchone() == ("no grant",)
        writer.execute("set lock_timeout = '1s'")
        append(writer, [sent(recorder=raw.new_id())], log=OTHER)
        tenants.open_tickets()
        assert told_of(tenants, "legal") == []
        stranger.execute("commit")
    tenants.open_tickets()
    assert [(told["refused"], told["login"], told["attempts"]) for told in told_of(tenants, "legal")] == [
        ("no grant", "legal", 2)
    ]
    added = [entry for entry in raw.read_all(tenants.database, LOG)[before:] if b'"log.read"' in entry.event]
    assert [entry.writer for entry in added] == [*READERS, *READERS]
    raw.both_accept(tenants.database)


def told_of(tenants: Tenants, login: str) -> list[dict[str, Any]]:
    """What the other log says of refused reads of a login."""
    rows = tenants.admin.execute(
        "select p.details from unbroken.entries e join unbroken.payloads p using (log, seq)"
        " where log = 2 and event_type = 'log.read_denied' order by seq"
    ).fetchall()
    return [told for (details,) in rows if (told := json.loads(details))["login"] == login]


def test_a_plan_that_outlives_its_ticket_shows_no_rows(tenants: Tenants) -> None:
    """A prepared statement is planned once, under a ticket. Of its own log it fails afterwards, and is not just empty.

    Of another log it may fail only where there is such a row: that is no more than EXPLAIN tells under a ticket.
    """
    with closing(tenants.connect("compliance")) as reader:
        reader.execute("set plan_cache_mode = force_generic_plan")
        for relation in ("entries", "sessions"):
            prepared = "prepare # (int, text) as select log from @ where log = $1 and session_id >= $2"
            reader.execute(on(prepared, relation, relation))
            assert reader.execute(on("execute # (1, 'a')", relation, relation)).fetchall()
            assert reader.execute(on("execute # (2, 'a')", relation, relation)).fetchall() == []
        held = "select ticket from unbroken.tickets where log = 1 and login = 'compliance' and closed_seq is null"
        for (ticket,) in tenants.admin.execute(held).fetchall():
            reader.execute("select unbroken.close_ticket(%s, %s, 'complete', 0, %s)", (LOG, ticket, "0" * 64))
        try:
            for relation in ("entries", "sessions"):
                assert answer(reader, on("execute # (1, 'a')", relation, relation), [])[:1] == ("UB007",)
                for value in ("a", "zzz"):
                    told = answer(reader, on(f"execute # (2, '{value}')", relation, relation), [])
                    assert told[:1] in {(), ("UB007",)}, (relation, value)
        finally:
            tenants.open_tickets()


def test_explain_tells_a_reader_with_sql_what_exists_elsewhere(tenants: Tenants) -> None:
    """Of indexed values: PostgreSQL counts the rows that a policy took away. Who must not know has a database apart."""
    counted = {}
    for actor in ("lab-actor", "nobody-at-all"):
        rows = (
            tenants.login("compliance")
            .execute(
                "explain (analyze, costs off, timing off) select from unbroken.entries where log = 2 and actor_id = %s",
                (actor,),
            )
            .fetchall()
        )
        counted[actor] = sum("Rows Removed by Filter" in line for (line,) in rows)
    assert counted["nobody-at-all"] == 0
    assert counted["lab-actor"] == 1


def test_the_catalogue_tells_how_many_logs_there_are_and_how_large(tenants: Tenants) -> None:
    """To everybody who can connect: tables are no secret in PostgreSQL. Names of logs don't stand there."""
    rows = (
        tenants.login("nobody")
        .execute(
            "select relname, pg_total_relation_size(oid) > 0 from pg_class"
            " where relname ~ '^entries_[0-9]+_0$' order by 1"
        )
        .fetchall()
    )
    assert rows == [("entries_1_0", True), ("entries_2_0", True)]
    text = tenants.scalar("select string_agg(c::text, ' ') from pg_class c where relname !~ 'logs_origin'")
    assert OTHER not in str(text)

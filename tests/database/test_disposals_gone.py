"""What was disposed of is gone when a vacuum took it out, or its partition was dropped; and nobody waits for that."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.disposing import Disposing, due
from tests.database.raw import Connection, append, sent
from unbroken.core.entry import SEGMENT
from unbroken.store import administration
from unbroken.store.check import check
from unbroken.store.check_finding import Finding, Severity
from unbroken.store.vacuum import Vacuuming

QUICK_S = 3.0
"""Far below how long the reader stays, and far above what a drop that waits for nobody takes."""
_STATE = "select partition, how, waits_for from unbroken.gone_state(%s, %s) where part = 'payloads'"
_DROP = "select unbroken.drop_empty(%s, %s)"
LARGE = (
    f'"{"".join(chr(33 + (at * at + at // 7) % 60).replace(chr(92), "/").replace(chr(34), "x") for at in range(9000))}"'
)
"""A payload that goes into a table of its own."""


def state(on: Disposing, disposal: str) -> list[tuple[str, str | None, str | None]]:
    """Of each partition of payloads, how it went and what is waited for."""
    return on.login("retention").execute(_STATE, (LOG, disposal)).fetchall()


def drop(on: Disposing, number: int) -> str:
    """What comes of dropping what is empty of a number, once nothing more of it can be."""
    while (said := str(on.value("retention", _DROP, number))) == "more":
        pass
    return said


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """A reader that has seen everything, and goes on seeing it."""
    with psycopg.connect(database.conninfo("verifier")) as connection:
        connection.execute("set transaction isolation level repeatable read")
        connection.execute("select count(*) from unbroken.payloads").fetchall()
        connection.execute("select count(seq) from unbroken.originals").fetchall()
        yield connection


# ---- What counts as gone ----


@pytest.mark.parametrize("text", ['"small"', LARGE], ids=["small", "large"])
def test_what_is_deleted_is_gone_once_a_vacuum_took_it_out(on: Disposing, writer: Connection, text: str) -> None:
    append(writer, [due(text) for _ in range(20)])
    disposal = on.emptied()
    assert not on.is_gone(disposal)
    assert state(on, disposal) == [("payloads_1_0", None, "vacuum")]
    on.vacuum()
    assert state(on, disposal) == [("payloads_1_0", None, None)]
    assert on.is_gone(disposal)
    assert state(on, disposal) == [("payloads_1_0", "vacuumed", None)]
    assert on.row(disposal)["gone_at"] is not None


def test_a_vacuum_from_before_does_not_count(on: Disposing, writer: Connection) -> None:
    append(writer, [due() for _ in range(20)])
    disposal = on.begun()
    on.vacuum()
    on.empty(disposal)
    assert not on.is_gone(disposal)


def test_a_vacuum_that_was_at_work_when_the_last_was_deleted_does_not_count(on: Disposing, writer: Connection) -> None:
    append(writer, [due() for _ in range(20)])
    disposal = on.begun()
    with psycopg.connect(on.database.conninfo("postgres")) as vacuuming:
        vacuuming.execute("lock table unbroken.payloads_1_0 in share update exclusive mode")
        on.empty(disposal)
    on.vacuum()
    assert not on.is_gone(disposal)
    on.vacuum()
    assert on.is_gone(disposal)


def test_while_somebody_still_sees_it_it_is_not_gone(on: Disposing, writer: Connection) -> None:
    append(writer, [due() for _ in range(20)])
    with snapshot(on.database) as reader:
        disposal = on.emptied()
        on.vacuum()
        assert not on.is_gone(disposal)
        assert state(on, disposal) == [("payloads_1_0", None, "snapshot")]
        seen = reader.execute("select count(*) from unbroken.payloads where seq > 3").fetchone()
        assert seen is not None
        assert seen[0] >= 20
    assert not on.is_gone(disposal)
    on.vacuum()
    assert on.is_gone(disposal)


def test_what_the_command_for_it_vacuums_is_gone(on: Disposing, writer: Connection) -> None:
    """Also where so little of a table was deleted that a vacuum leaves its indexes for another time."""
    append(writer, [sent({"inputs": LARGE[:400] + '"'}) for _ in range(2000)] + [due()])
    disposal = on.emptied()
    with on.database.connect("postgres") as connection:
        vacuuming = Vacuuming(connection)
        for table in vacuuming.tables(full=False):
            assert vacuuming.vacuum(table) is not None
    assert on.is_gone(disposal)


def test_what_is_rewritten_is_gone(on: Disposing, writer: Connection) -> None:
    append(writer, [due() for _ in range(20)])
    disposal = on.emptied()
    on.database.admin.execute("vacuum (full, analyze) unbroken.payloads_1_0, unbroken.originals_1_0")
    assert on.is_gone(disposal)
    assert state(on, disposal) == [("payloads_1_0", "rewritten", None)]


# ---- Partitions that are empty ----


def filled_segment(on: Disposing, writer: Connection, others: int = 0) -> int:
    """Fills a partition with what is due, and others so that it is not the newest; its number."""
    raw.plant_head(on.database, SEGMENT)
    append(writer, [due() for _ in range(20)] + [sent({"inputs": "1"}) for _ in range(others)])
    raw.plant_head(on.database, 2 * SEGMENT)
    append(writer, [sent()])
    return 1


def check_of(database: Database) -> list[Finding]:
    """What a check of the database finds."""
    return [finding for outcome in check(database.admin) for finding in outcome.findings]


def partitions(database: Database) -> set[str]:
    rows = database.admin.execute(
        "select c.relname from pg_class c where c.relnamespace = 'unbroken'::regnamespace and c.relkind = 'r'"
        " and c.relname ~ '^(entries|originals|payloads)_1_1$'"
    )
    return {name for (name,) in rows.fetchall()}


def test_an_empty_partition_is_dropped_and_stays_so(on: Disposing, writer: Connection) -> None:
    number = filled_segment(on, writer)
    disposal = on.emptied()
    assert drop(on, number) == "not empty"
    on.vacuum()
    assert drop(on, number) == "dropped"
    assert partitions(on.database) == {"entries_1_1"}
    assert on.is_gone(disposal)
    assert [row[1] for row in state(on, disposal)] == ["dropped"]
    on.finish(disposal)
    assert drop(on, number) == "dropped"
    assert drop(on, 2) == drop(on, 99) == "newest"
    administration.create_log(on.database.admin, LOG)
    append(writer, [due()])
    assert partitions(on.database) == {"entries_1_1"}
    about = {outcome.severity for outcome in check_of(on.database) if "_1_1" in outcome.object}
    assert about == {Severity.NOTE}


def test_a_partition_in_which_something_is_left_stays(on: Disposing, writer: Connection) -> None:
    number = filled_segment(on, writer, others=1)
    disposal = on.emptied()
    on.vacuum()
    assert drop(on, number) == "not empty"
    assert "payloads_1_1" in partitions(on.database)
    assert on.is_gone(disposal)


def test_neither_readers_nor_appends_wait_for_a_drop(on: Disposing, writer: Connection) -> None:
    number = filled_segment(on, writer)
    on.emptied()
    on.vacuum()
    with snapshot(on.database) as reader:
        before = time.monotonic()
        assert drop(on, number) == "in use"
        append(writer, [sent({"inputs": "1"})])
        reader.execute("select count(*) from unbroken.payloads").fetchall()
        assert time.monotonic() - before < QUICK_S
    assert drop(on, number) == "dropped"


@pytest.mark.parametrize("role", ["unbroken_owner", None], ids=["owner", "superuser"])
def test_the_guard_lets_only_what_is_empty_be_taken_off(on: Disposing, writer: Connection, role: str | None) -> None:
    filled_segment(on, writer)
    for statement in (
        "select unbroken.drop_partition(1, 1, 'payloads')",
        "select unbroken.drop_partition(1, 1, 'entries')",
        "alter table unbroken.payloads detach partition unbroken.payloads_1_1",
        "alter table unbroken.originals detach partition unbroken.originals_1_1",
        "drop table unbroken.payloads_1_1",
        "drop table unbroken.originals_1_1",
        "drop table unbroken.payloads_1_1, unbroken.originals_1_1",
        (
            "create schema evil; create function evil.drop_partition(integer, bigint, text) returns void"
            " language plpgsql as $$ begin alter table unbroken.payloads detach partition unbroken.payloads_1_1;"
            " drop table unbroken.payloads_1_1; end $$; select evil.drop_partition(1, 1, 'payloads')"
        ),
    ):
        with on.database.admin.transaction(force_rollback=True):
            if role is not None:
                on.database.admin.execute("grant create on database " + on.database.name + " to unbroken_owner")
                on.database.admin.execute(f"set local role {role}")
            with pytest.raises(psycopg.Error) as caught:
                on.database.admin.execute(statement)
            assert caught.value.sqlstate == "UB011", statement
    assert partitions(on.database) == {"entries_1_1", "originals_1_1", "payloads_1_1"}

"""Partitions attach themselves: in time, guarded, over the boundary, and without waiting for readers."""

import threading
import time
from contextlib import closing

import psycopg
import pytest

from tests.conftest import LOG, Database, add_log
from tests.database import raw
from tests.database.raw import Connection, append, sent
from unbroken.core.entry import SEGMENT
from unbroken.store.log_reader import LogReader
from unbroken.verify.run import verify_range

THREE_QUARTERS = SEGMENT * 3 // 4
QUICK_S = 3.0
"""Far below the writer's lock timeout and far above what an append takes."""


def partitions(database: Database) -> set[str]:
    """Names of the partitions that are attached to entries and payloads."""
    found = database.admin.execute(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent in ('unbroken.entries'::regclass, 'unbroken.payloads'::regclass)"
    )
    return {name for (name,) in found.fetchall()}


FIRST = {"entries_1_0", "payloads_1_0"}
SECOND = FIRST | {"entries_1_1", "payloads_1_1"}


def verified(database: Database, first: int, last: int) -> None:
    with LogReader(database.conninfo("verifier"), LOG) as reader:
        report = verify_range(reader, first=first, last=last)
    assert (report.verdict, report.entries) == ("consistent", last - first + 1), report.findings


def test_the_next_partition_comes_at_three_quarters(database: Database, writer: Connection) -> None:
    raw.plant_head(database, THREE_QUARTERS - 100)
    append(writer, [sent() for _ in range(100)])
    assert partitions(database) == FIRST
    append(writer, [sent({"inputs": "1"}, session_id="s")])
    assert partitions(database) == SECOND
    append(writer, [sent({"inputs": "1"}, session_id="s") for _ in range(10)])
    assert partitions(database) == SECOND
    verified(database, THREE_QUARTERS - 99, THREE_QUARTERS + 11)


@pytest.mark.parametrize("ahead", [True, False], ids=["attached ahead", "attached when needed"])
def test_appends_go_on_over_the_boundary(database: Database, writer: Connection, ahead: bool) -> None:
    raw.plant_head(database, SEGMENT - 6)
    if ahead:
        append(writer, [sent()])
        assert partitions(database) == SECOND
    else:
        raw.plant_head(database, SEGMENT - 5)
    received = append(writer, [sent({"inputs": "1"}, session_id="s") for _ in range(10)])
    assert [row.seq for row in received] == list(range(SEGMENT - 4, SEGMENT + 6))
    assert partitions(database) == SECOND
    append(writer, [sent({"outputs": "1"})])
    spread = database.admin.execute(
        "select tableoid::regclass::text, min(seq), max(seq) from unbroken.payloads group by 1 order by 1"
    )
    assert spread.fetchall() == [
        ("unbroken.payloads_1_0", SEGMENT - 4, SEGMENT),
        ("unbroken.payloads_1_1", SEGMENT + 1, SEGMENT + 6),
    ]
    verified(database, SEGMENT - 4, SEGMENT + 6)


def test_the_last_entry_of_a_partition_and_the_first_of_the_next(database: Database, writer: Connection) -> None:
    raw.plant_head(database, SEGMENT - 1)
    for expected in (SEGMENT, SEGMENT + 1, SEGMENT + 2):
        (row,) = append(writer, [sent({"inputs": "1"})])
        assert row.seq == expected
    verified(database, SEGMENT, SEGMENT + 2)


def test_sessions_and_ids_hold_over_the_boundary(database: Database, writer: Connection) -> None:
    raw.plant_head(database, SEGMENT - 2)
    item = sent(session_id="s")
    received = append(writer, [item, *(sent(session_id="s") for _ in range(3))])
    assert [row.session_seq for row in received] == [1, 2, 3, 4]
    raw.refused(database, writer, [item], state="23505")


def test_a_new_partition_is_guarded_like_the_first(database: Database, writer: Connection) -> None:
    raw.plant_head(database, SEGMENT - 1)
    append(writer, [sent({"inputs": "1"}, session_id="s") for _ in range(3)])

    def described(number: int) -> list[tuple[object, ...]]:
        rows = database.admin.execute(
            "select replace(c.relname, %(number)s, ''), pg_get_userbyid(c.relowner), c.relacl,"
            " (select array_agg((t.tgname, t.tgenabled, t.tgtype)::text order by t.tgname) from pg_trigger t"
            "   where t.tgrelid = c.oid),"
            " (select count(*) from pg_index i where i.indrelid = c.oid and i.indisvalid),"
            " (select array_agg((a.attname, a.attnotnull, a.attstorage, a.attcompression)::text order by a.attnum)"
            "    from pg_attribute a where a.attrelid = c.oid and a.attnum > 0)"
            " from pg_class c where c.relname = any (%(names)s) order by 1",
            {"number": f"_1_{number}", "names": [f"entries_1_{number}", f"payloads_1_{number}"]},
        )
        return rows.fetchall()

    assert len(described(1)) == 2
    assert described(1) == described(0)
    for table in ("entries_1_1", "payloads_1_1"):
        for template in ("update @ set seq = seq", "delete from @", "truncate @"):
            with pytest.raises(psycopg.Error) as caught:
                database.admin.execute(template.replace("@", f"unbroken.{table}").encode())
            assert caught.value.sqlstate == "UB010"
        for login in ("writer", "verifier", "ops"):
            with database.connect(login) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select from unbroken.@".replace("@", table).encode())


@pytest.mark.parametrize("at", [THREE_QUARTERS, SEGMENT])
def test_a_reader_with_an_open_transaction_holds_up_nothing(database: Database, writer: Connection, at: int) -> None:
    raw.plant_head(database, at)
    with database.connect("verifier") as reader, reader.transaction():
        for table in ("entries", "payloads"):
            reader.execute("select count(*) from unbroken.@".replace("@", table).encode())
        begun = time.monotonic()
        append(writer, [sent({"inputs": "1"}), sent()])
        assert time.monotonic() - begun < QUICK_S
        assert partitions(database) == SECOND
        reader.execute("select count(*) from unbroken.entries")


def test_a_lock_that_is_in_the_way_puts_the_next_partition_off(database: Database, writer: Connection) -> None:
    raw.plant_head(database, THREE_QUARTERS)
    with database.admin.transaction():
        database.admin.execute("lock table unbroken.entries in share update exclusive mode")
        begun = time.monotonic()
        append(writer, [sent({"inputs": "1"})])
        assert time.monotonic() - begun < QUICK_S
    assert partitions(database) == FIRST
    append(writer, [sent()])
    assert partitions(database) == SECOND
    verified(database, THREE_QUARTERS + 1, THREE_QUARTERS + 2)


def test_a_partition_that_is_needed_now_is_waited_for(database: Database) -> None:
    raw.plant_head(database, SEGMENT)
    done: list[int] = []

    def write() -> None:
        with closing(database.connect("writer")) as connection:
            done.extend(row.seq for row in append(connection, [sent({"inputs": "1"})]))

    thread = threading.Thread(target=write)
    with database.admin.transaction():
        database.admin.execute("lock table unbroken.payloads in share update exclusive mode")
        thread.start()
        thread.join(1)
        assert not done
    thread.join(10)
    assert done == [SEGMENT + 1]
    verified(database, SEGMENT + 1, SEGMENT + 1)


def test_a_partition_that_does_not_come_leaves_nothing_recorded(database: Database, writer: Connection) -> None:
    raw.plant_head(database, SEGMENT)
    writer.execute("set lock_timeout = '200ms'")
    with database.connect("postgres") as other, other.transaction():
        other.execute("lock table unbroken.entries in share update exclusive mode")
        raw.refused(database, writer, [sent({"inputs": "1"})], state="55P03")
    assert partitions(database) == FIRST
    append(writer, [sent({"inputs": "1"})])
    assert partitions(database) == SECOND


@pytest.mark.parametrize("at", [1, THREE_QUARTERS, SEGMENT])
def test_the_callers_lock_timeout_is_left_as_it_was(database: Database, writer: Connection, at: int) -> None:
    raw.plant_head(database, at)
    writer.execute("set lock_timeout = '7s'")
    with writer.transaction():
        append(writer, [sent()])
        assert writer.execute("show lock_timeout").fetchone() == ("7s",)
    assert writer.execute("show lock_timeout").fetchone() == ("7s",)


def test_an_append_that_is_rolled_back_takes_its_partition_with_it(database: Database, writer: Connection) -> None:
    raw.plant_head(database, SEGMENT)
    with writer.transaction(force_rollback=True):
        append(writer, [sent({"inputs": "1"})])
    assert partitions(database) == FIRST
    (row,) = append(writer, [sent({"inputs": "1"})])
    assert row.seq == SEGMENT + 1
    assert partitions(database) == SECOND


def test_each_log_has_partitions_of_its_own(database: Database, writer: Connection) -> None:
    add_log(database.admin, "second")
    assert partitions(database) == FIRST | {"entries_2_0", "payloads_2_0"}
    raw.plant_head(database, SEGMENT)
    append(writer, [sent({"inputs": "1"})])
    append(writer, [sent({"inputs": "1"})], log="second")
    assert partitions(database) == SECOND | {"entries_2_0", "payloads_2_0"}
    assert raw.both_accept(database, log="second") == 1


def test_writers_that_reach_the_boundary_at_once_all_record(database: Database) -> None:
    raw.plant_head(database, SEGMENT - 20)
    barrier = threading.Barrier(4)
    failures: list[BaseException] = []

    def write() -> None:
        try:
            with closing(database.connect("writer")) as connection:
                barrier.wait(10)
                for _ in range(10):
                    append(connection, [sent({"inputs": "1"}, session_id="s")])
        except Exception as error:  # noqa: BLE001 - told to the thread that waits
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert partitions(database) == SECOND
    verified(database, SEGMENT - 19, SEGMENT + 20)

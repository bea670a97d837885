"""Names behind pseudonyms: who may make them, who may see them, and that seeing them leaves an entry first."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.conftest import LOG, Database, add_log
from tests.database import raw
from tests.database.lock_waits import until_somebody_waits
from tests.database.raw import Connection, append, open_ticket, sent
from unbroken.errors import AccessDeniedError, ConfigurationError
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter

_IDENTIFY: LiteralString = "select unbroken.identify(%s, %s::bytea[], %s::text[], %s::bytea[], %s)"


@dataclass(frozen=True)
class Name:
    """What the package would send of one name."""

    pseudonym: str
    lookup: bytes
    sealed: bytes = b"\x01sealed"


def name(lookup: bytes | None = None) -> Name:
    return Name(f"p-{os.urandom(16).hex()}", lookup or os.urandom(32))


def identify(connection: Connection, *names: Name, as_proposed: bool = False, log: str = LOG) -> list[str]:
    columns = ([n.lookup for n in names], [n.pseudonym for n in names], [n.sealed for n in names])
    row = connection.execute(_IDENTIFY, (log, *columns, as_proposed)).fetchone()
    assert row is not None
    return list(row[0])


# ---- Making them ----


def test_a_name_keeps_the_pseudonym_that_it_got_first(recording: LogWriter) -> None:
    ann, bob = name(), name()
    assert recording.identify([ann, bob]) == [ann.pseudonym, bob.pseudonym]
    again, new = name(ann.lookup), name()
    assert recording.identify([new, again, bob]) == [new.pseudonym, ann.pseudonym, bob.pseudonym]


def test_one_name_twice_in_a_call_gets_one_pseudonym(recording: LogWriter) -> None:
    ann = name()
    found = recording.identify([ann, name(ann.lookup), ann])
    assert found == [ann.pseudonym] * 3


def test_nothing_to_identify_is_no_question(recording: LogWriter) -> None:
    assert recording.identify([]) == []


def test_more_names_than_one_statement_takes(recording: LogWriter, database: Database) -> None:
    many = [name() for _ in range(2_001)]
    assert recording.identify(many) == [each.pseudonym for each in many]
    assert database.admin.execute("select count(*) from unbroken.identities").fetchone() == (2_001,)


def test_a_name_belongs_to_its_log(database: Database, recording: LogWriter) -> None:
    add_log(database.admin, "other.example/agents")
    ann = name()
    assert recording.identify([ann]) == [ann.pseudonym]
    other = LogWriter(database.conninfo("writer"), "other.example/agents")
    assert other.identify([name(ann.lookup)]) != [ann.pseudonym]
    other.close()


def test_pseudonyms_made_apart_are_all_kept(recording: LogWriter, database: Database) -> None:
    ann = name()
    recording.identify([ann])
    offline, twice = name(ann.lookup), name(ann.lookup)
    for _ in range(2):
        assert recording.identify([offline, twice], as_proposed=True) == [offline.pseudonym, twice.pseudonym]
    assert recording.identify([name(ann.lookup)]) == [ann.pseudonym]
    rows = database.admin.execute("select pseudonym, is_first from unbroken.identities").fetchall()
    assert sorted(rows) == sorted([(ann.pseudonym, True), (offline.pseudonym, False), (twice.pseudonym, False)])


def test_what_was_made_apart_is_first_where_there_was_none(recording: LogWriter) -> None:
    one, two = name(), name()
    two = Name(two.pseudonym, one.lookup)
    assert recording.identify([one, two], as_proposed=True) == [one.pseudonym, two.pseudonym]
    assert recording.identify([name(one.lookup)]) == [one.pseudonym]


@pytest.mark.parametrize("as_proposed", [False, True])
def test_a_pseudonym_stands_for_one_name(recording: LogWriter, database: Database, as_proposed: bool) -> None:
    ann = name()
    recording.identify([ann])
    bob, other = Name(ann.pseudonym, os.urandom(32)), name()
    with pytest.raises(ConfigurationError, match="another name"):
        recording.identify([other, bob], as_proposed=as_proposed)
    assert not recording.broken
    assert database.admin.execute("select lookup from unbroken.identities").fetchall() == [(ann.lookup,)]


@pytest.mark.parametrize(
    "names",
    [
        [Name("p-" + "A" * 32, b"x" * 32)],
        [Name("p-" + "a" * 31, b"x" * 32)],
        [Name("p-" + "a" * 32 + "\n", b"x" * 32)],
        [Name("u-1", b"x" * 32)],
        [Name("p-" + "a" * 32, b"x" * 31)],
        [Name("p-" + "a" * 32, b"x" * 32, b"")],
        [Name("p-" + "a" * 32, b"x" * 32, b"x" * 4097)],
        [Name("p-" + "a" * 32, b"x" * 32), Name("p-" + "b" * 32, b"")],
    ],
)
def test_what_is_no_identity_is_refused(writer: Connection, names: list[Name]) -> None:
    with pytest.raises(psycopg.errors.DatabaseError) as caught:
        identify(writer, *names)
    assert caught.value.sqlstate == "UB009"


@pytest.mark.parametrize(
    "arrays",
    [
        (None, None, None),
        ([], [], []),
        ([b"x" * 32], ["p-" + "a" * 32], None),
        ([b"x" * 32], ["p-" + "a" * 32], [None]),
        ([b"x" * 32, b"y" * 32], ["p-" + "a" * 32], [b"s"]),
        ([[b"x" * 32]], [["p-" + "a" * 32]], [[b"s"]]),
        ([b"x" * 32] * 1001, ["p-" + "a" * 32] * 1001, [b"s"] * 1001),
    ],
)
def test_arrays_that_do_not_fit_are_refused(writer: Connection, arrays: tuple[Any, Any, Any]) -> None:
    with pytest.raises(psycopg.errors.DatabaseError) as caught:
        writer.execute(_IDENTIFY, (LOG, *arrays, False))
    assert caught.value.sqlstate == "UB009"


@pytest.mark.parametrize("login", ["ops", "compliance", "verifier", "access"])
def test_only_who_records_identifies(database: Database, login: str) -> None:
    with database.connect(login) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        identify(connection, name())


def test_identifying_is_durable_whatever_the_login_has_set(writer: Connection) -> None:
    writer.execute("set synchronous_commit = off")
    with writer.transaction():
        identify(writer, name())
        assert writer.execute("show synchronous_commit").fetchone() == ("on",)


def test_an_old_snapshot_is_refused_but_for_names_that_it_knows(writer: Connection) -> None:
    ann = name()
    identify(writer, ann)
    writer.execute("set default_transaction_isolation = 'repeatable read'")
    assert identify(writer, name(ann.lookup)) == [ann.pseudonym]
    with pytest.raises(psycopg.errors.DatabaseError) as caught:
        identify(writer, name())
    assert caught.value.sqlstate == "UB004"


# ---- Several at once ----


def test_two_at_once_give_one_pseudonym(database: Database, writer: Connection) -> None:
    """The second waits for the first, and takes what that one made."""
    mine = name()
    found: list[list[str]] = []
    with database.connect("server") as other:
        with writer.transaction():
            identify(writer, mine)
            thread = threading.Thread(target=lambda: found.append(identify(other, name(mine.lookup))))
            thread.start()
            until_somebody_waits(database)
        thread.join(20)
    assert found == [[mine.pseudonym]]


def test_one_that_was_taken_back_leaves_the_name_to_the_other(database: Database, writer: Connection) -> None:
    theirs = name()
    found: list[list[str]] = []
    with database.connect("server") as other:
        with writer.transaction(force_rollback=True):
            identify(writer, name(theirs.lookup))
            thread = threading.Thread(target=lambda: found.append(identify(other, theirs)))
            thread.start()
            until_somebody_waits(database)
        thread.join(20)
    assert found == [[theirs.pseudonym]]


@pytest.mark.parametrize("as_proposed", [False, True])
def test_the_same_people_in_other_orders_do_not_wait_for_each_other_for_ever(
    database: Database, as_proposed: bool
) -> None:
    lookups = [os.urandom(32) for _ in range(200)]
    answers: list[list[str]] = []
    begin = threading.Barrier(4)

    def run(turn: int) -> None:
        with database.connect("writer" if turn % 2 else "server") as connection:
            begin.wait(20)
            for start in range(0, 200, 50):
                part = lookups[start : start + 50]
                names = [name(each) for each in (part if turn % 2 else reversed(part))]
                found = identify(connection, *names, as_proposed=as_proposed)
                answers.append(found if turn % 2 else found[::-1])

    threads = [threading.Thread(target=partial(run, turn)) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 16
    if not as_proposed:
        assert len({tuple(answer) for answer in answers}) == 4
    counted = database.admin.execute("select count(*) filter (where is_first), count(*) from unbroken.identities")
    assert counted.fetchone() == (200, 800 if as_proposed else 200)


@pytest.mark.parametrize("as_proposed", [False, True])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_call_goes_through_its_names_in_one_order(
    database: Database, writer: Connection, order: tuple[int, ...], as_proposed: bool
) -> None:
    """Held up at the second of three, it holds the first already and not yet the third, however they came."""
    names = [name(bytes([number]) * 32) for number in range(3)]
    if as_proposed:
        identify(writer, *(name(each.lookup) for each in names))
    with database.connect("server") as held, database.connect("server") as other, ThreadPoolExecutor() as pool:
        with held.transaction():
            identify(held, names[1], as_proposed=as_proposed)
            shuffled = [names[place] for place in order]
            waiting = pool.submit(lambda: identify(writer, *shuffled, as_proposed=as_proposed))
            until_somebody_waits(database)
            other.execute("set lock_timeout = '200ms'")
            assert identify(other, names[2], as_proposed=as_proposed) == [names[2].pseudonym]
            with pytest.raises(psycopg.errors.LockNotAvailable):
                identify(other, names[0], as_proposed=as_proposed)
        assert waiting.result(20) == [each.pseudonym for each in shuffled]


def test_identifying_waits_for_no_log(database: Database, writer: Connection) -> None:
    """A batch that is being recorded, or a session that sleeps on the log's lock, is not in the way."""
    with database.connect("server") as other, other.transaction():
        append(other, [sent(recorder=raw.new_id())])
        writer.execute("set lock_timeout = '1s'")
        ann = name()
        assert identify(writer, ann) == [ann.pseudonym]
        with writer.transaction():
            identify(writer, name())
            held = database.admin.execute(
                "select count(*) from pg_locks l join pg_stat_activity a using (pid)"
                " where a.usename = 'writer' and l.relation = 'unbroken.logs'::regclass and l.mode <> 'AccessShareLock'"
            ).fetchone()
            assert held == (0,)


# ---- Seeing them ----


def test_names_are_seen_after_they_were_asked_for_on_record(
    recording: LogWriter, compliance: LogReader, database: Database
) -> None:
    ann, bob = name(), Name(name().pseudonym, os.urandom(32), b"\x01other")
    recording.identify([ann, bob])
    unknown = name().pseudonym
    ticket = compliance.open_ticket(purpose="a complaint")
    asked = sorted([ann.pseudonym, bob.pseudonym, unknown])
    lookup = compliance.ask_names(ticket, [bob.pseudonym, ann.pseudonym, unknown, ann.pseudonym])
    assert compliance.names(lookup) == {ann.pseudonym: ann.sealed, bob.pseudonym: bob.sealed}
    entry = compliance.entry(compliance.head().seq)
    assert entry is not None
    assert json.loads(entry.event)["event_type"] == "log.names_asked"
    assert json.loads(entry.event)["actor_id"] == "compliance"
    details = json.loads(entry.details or b"")
    assert details == {"lookup": lookup, "ticket": ticket.id, "pseudonyms": asked}
    assert json.loads(entry.event)["id"] == lookup
    raw.both_accept(database)


def test_pseudonyms_are_found_by_name(recording: LogWriter, compliance: LogReader) -> None:
    ann, bob, nobody = name(), name(), os.urandom(32)
    offline = name(ann.lookup)
    recording.identify([ann, bob])
    recording.identify([offline], as_proposed=True)
    with pytest.raises(AccessDeniedError, match="ticket"):
        compliance.pseudonyms_of([ann.lookup])
    compliance.open_ticket(purpose="a complaint")
    assert compliance.pseudonyms_of([ann.lookup, nobody]) == {ann.lookup: [ann.pseudonym, offline.pseudonym]}


def test_nothing_is_asked_without_a_ticket(recording: LogWriter, compliance: LogReader, database: Database) -> None:
    ann = name()
    recording.identify([ann])
    ticket = compliance.open_ticket(purpose="a complaint")
    with (
        LogReader(database.conninfo("legal"), LOG, writes=True) as legal,
        pytest.raises(AccessDeniedError, match="ticket"),
    ):
        legal.ask_names(ticket, [ann.pseudonym])
    compliance.close_ticket(ticket, outcome="complete", count=0, digest="0" * 64)
    with pytest.raises(AccessDeniedError, match="ticket"):
        compliance.ask_names(ticket, [ann.pseudonym])


def test_a_look_up_is_good_while_its_ticket_is_open(recording: LogWriter, compliance: LogReader) -> None:
    ann = name()
    recording.identify([ann])
    ticket = compliance.open_ticket(purpose="a complaint")
    lookup = compliance.ask_names(ticket, [ann.pseudonym])
    assert compliance.names(lookup)
    compliance.open_ticket(purpose="something else")
    compliance.close_ticket(ticket, outcome="complete", count=0, digest="0" * 64)
    with pytest.raises(AccessDeniedError, match="still open"):
        compliance.names(lookup)


def test_a_look_up_is_its_logins_own(recording: LogWriter, compliance: LogReader, database: Database) -> None:
    ann = name()
    recording.identify([ann])
    lookup = compliance.ask_names(compliance.open_ticket(purpose="a complaint"), [ann.pseudonym])
    with LogReader(database.conninfo("dpo"), LOG, writes=True) as dpo:
        dpo.open_ticket(purpose="the same", case="T-1")
        with pytest.raises(AccessDeniedError, match="this login"):
            dpo.names(lookup)


def test_nobody_sees_names_and_takes_the_record_back(recording: LogWriter, database: Database) -> None:
    ann = name()
    recording.identify([ann])
    with database.connect("compliance") as connection:
        ticket = open_ticket(connection)
        with connection.transaction(force_rollback=True):
            row = connection.execute(
                "select unbroken.ask_names(%s, %s::uuid, %s)", (LOG, ticket, [ann.pseudonym])
            ).fetchone()
            assert row is not None
            with pytest.raises(psycopg.errors.DatabaseError) as caught, connection.transaction():
                connection.execute("select * from unbroken.names(%s, %s)", (LOG, row[0]))
            assert caught.value.sqlstate == "UB007"


def test_a_ticket_for_a_session_shows_who_is_in_it(
    recording: LogWriter, writer: Connection, compliance: LogReader
) -> None:
    ann, subject, elsewhere = name(), name(), name()
    recording.identify([ann, subject, elsewhere])
    append(
        writer,
        [
            sent(session_id="s-1", actor_id=ann.pseudonym, subjects=[subject.pseudonym]),
            sent(session_id="s-2", actor_id=elsewhere.pseudonym),
        ],
    )
    ticket = compliance.open_ticket(purpose="a complaint", scope={"session": "s-1"})
    lookup = compliance.ask_names(ticket, [ann.pseudonym, subject.pseudonym])
    assert set(compliance.names(lookup)) == {ann.pseudonym, subject.pseudonym}
    with pytest.raises(AccessDeniedError, match="one session"):
        compliance.ask_names(ticket, [ann.pseudonym, elsewhere.pseudonym])
    with pytest.raises(AccessDeniedError, match="whole log"):
        compliance.pseudonyms_of([ann.lookup])


@pytest.mark.parametrize("asked", [[], ["u-1"], ["p-" + "a" * 33], [None], ["p-" + "a" * 32] * 1001])
def test_a_look_up_is_of_some_pseudonyms(compliance: LogReader, asked: list[Any]) -> None:
    ticket = compliance.open_ticket(purpose="a complaint")
    with pytest.raises(ConfigurationError, match="1000 pseudonyms"):
        compliance.ask_names(ticket, asked)


@pytest.mark.parametrize("asked", [[], [b"short"], [None], [b"x" * 32] * 1001])
def test_a_name_is_sought_by_its_hash(compliance: LogReader, asked: list[Any]) -> None:
    compliance.open_ticket(purpose="a complaint")
    with pytest.raises(ConfigurationError, match="1000 names"):
        compliance.pseudonyms_of(asked)


@pytest.mark.parametrize("login", ["writer", "server", "ops", "verifier", "access", "retention"])
def test_others_see_no_names(database: Database, login: str) -> None:
    # Who verifies compares which names were asked for with the entries.
    lookups = () if login == "verifier" else ("select * from unbroken.name_lookups",)
    for statement in (
        "select * from unbroken.identities",
        *lookups,
        "select unbroken.names('clinic.example/agents', gen_random_uuid())",
        "select unbroken.ask_names('clinic.example/agents', gen_random_uuid(), '{p-00000000000000000000000000000000}')",
        "select unbroken.pseudonyms_of('clinic.example/agents', '{}')",
        "select unbroken.same_person(1, 'a', 'a')",
    ):
        with database.connect(login) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


@pytest.mark.parametrize("table", ["identities", "name_lookups", "registries", "unclassified"])
@pytest.mark.parametrize("login", ["compliance", "legal", "dpo"])
def test_no_person_reads_the_tables(database: Database, login: str, table: str) -> None:
    with database.connect(login) as connection:
        open_ticket(connection)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"select from unbroken.{table}".encode())


@pytest.mark.parametrize("table", ["identities", "unclassified"])
def test_who_verifies_reads_what_entries_tell_of_and_no_more(database: Database, table: str) -> None:
    with database.connect("verifier") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"select from unbroken.{table}".encode())


# ---- What stands ----


def test_a_look_up_is_planted_by_nobody(recording: LogWriter, compliance: LogReader, database: Database) -> None:
    """The row has to be what its entry says: the same look-up, ticket, login and pseudonyms."""
    ann, bob = name(), name()
    recording.identify([ann, bob])
    ticket = compliance.open_ticket(purpose="a complaint")
    compliance.ask_names(ticket, [ann.pseudonym])
    for column, value in (
        ("lookup", "gen_random_uuid()"),
        ("pseudonyms", f"array['{ann.pseudonym}','{bob.pseudonym}']"),
        ("login", "'dpo'"),
        ("asked_seq", "asked_seq - 1"),
    ):
        columns = ["log", "lookup", "ticket", "pseudonyms", "login", "asked_seq", "asked_at", "asked_xid"]
        values = sql.SQL(", ").join(sql.SQL(value if each == column else each) for each in columns)
        planting = sql.SQL("insert into unbroken.name_lookups select {} from unbroken.name_lookups").format(values)
        with database.admin.transaction(force_rollback=True):
            database.admin.execute("set local role unbroken_owner")
            with pytest.raises(psycopg.errors.DatabaseError) as caught:
                database.admin.execute(planting)
        assert caught.value.sqlstate == "UB010", column


@pytest.mark.parametrize("statement", ["update unbroken.{} set log = log", "delete from unbroken.{}"])
@pytest.mark.parametrize("table", ["identities", "name_lookups"])
def test_identities_and_look_ups_stay_as_they_are(
    recording: LogWriter, compliance: LogReader, database: Database, statement: str, table: str
) -> None:
    ann = name()
    recording.identify([ann])
    compliance.ask_names(compliance.open_ticket(purpose="a complaint"), [ann.pseudonym])
    with pytest.raises(psycopg.errors.DatabaseError) as caught:
        database.admin.execute(statement.format(table).encode())
    assert caught.value.sqlstate == "UB010"

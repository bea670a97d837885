"""The door to erasures, to recovering and to the files, on every server: what comes back, in its types."""

import uuid
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.database.raw import Connection
from tests.database.vaulting import Vault, record_about
from unbroken.errors import AccessDeniedError, ConfigurationError
from unbroken.privacy.erasure.told import destroyed_by
from unbroken.store.connection import connect
from unbroken.store.erasures import Batch, Erasures
from unbroken.store.log_reader import LogReader, Ticket
from unbroken.store.recovery import Recovery
from unbroken.store.vacuum import Vacuuming

ANN, BOB = "p-" + "a" * 32, "p-" + "b" * 32
ORDER, CERTIFICATE = "0" * 64, "1" * 64


@pytest.fixture
def writer(database: Database) -> Iterator[Connection]:
    with database.connect("dpo") as dpo:
        Vault().refill(dpo, 4)
    with database.connect("writer") as connection:
        for who in (ANN, BOB, ANN, ANN):
            record_about(connection, who, {"inputs": who}, session_id="s-1")
        yield connection


@pytest.fixture
def dpo(database: Database, writer: Connection) -> Iterator[LogReader]:
    del writer
    with LogReader(database.conninfo("dpo"), LOG, writes=True) as reader:
        yield reader


def ticket_of(reader: LogReader) -> Ticket:
    return reader.open_ticket(purpose="a test", case="C-1", scope={"what": "test"})


def confirmed(database: Database, dpo: LogReader) -> str:
    asked = Erasures(dpo).ask(ticket_of(dpo), [ANN, "nobody"], with_acted=False, case="C-1", reason="asked")
    with LogReader(database.conninfo("legal"), LOG, writes=True) as legal:
        Erasures(legal).confirm(asked.erasure)
    return asked.erasure


def erased(database: Database, dpo: LogReader) -> str:
    door, erasure = Erasures(dpo), confirmed(database, dpo)
    door.begin(erasure, door.prepare(erasure).keys, order=ORDER)
    while door.batch(erasure, 2).seq is not None:
        pass
    door.finish(erasure, certificate=CERTIFICATE)
    return erasure


def test_a_person_is_found_and_counted(dpo: LogReader) -> None:
    found = Erasures(dpo).find_person(ticket_of(dpo), [ANN, "nobody"], with_acted=False)
    assert found.ids == [ANN]
    assert (found.as_subject, found.payloads, found.originals, found.sessions, len(found.keys)) == (3, 3, 3, 1, 1)
    assert found.first_at is not None
    assert found.first_at.tzinfo == UTC
    assert found.first_at < found.upto_at


def test_asked_and_confirmed_it_waits_to_be_carried_out(database: Database, dpo: LogReader) -> None:
    erasure = confirmed(database, dpo)
    (row,) = Erasures(dpo).all()
    assert row == Erasures(dpo).one(erasure)
    assert (row.state, row.basis, row.case, row.reason, row.subjects) == (
        "confirmed",
        "two people",
        "C-1",
        "asked",
        [ANN],
    )
    assert (row.requested_by, row.confirmed_by, row.begun_by, row.done_at) == ("dpo", "legal", None, None)
    assert row.expires_at is not None
    assert row.requested_at is not None
    assert timedelta(days=6) < row.expires_at - row.requested_at < timedelta(days=8)
    assert Erasures(dpo).one(str(uuid.uuid4())) is None


def test_it_is_carried_out_in_steps_that_may_be_repeated(database: Database, dpo: LogReader) -> None:
    door, erasure = Erasures(dpo), confirmed(database, dpo)
    found = door.prepare(erasure)
    with pytest.raises(ConfigurationError):
        door.begin(erasure, [*found.keys, "v-" + "0" * 32], order=ORDER)
    assert door.begin(erasure, found.keys, order=ORDER) == door.begin(erasure, found.keys, order=ORDER)
    with pytest.raises(ConfigurationError, match="not through"):
        door.finish(erasure, certificate=CERTIFICATE)
    first, second = door.batch(erasure, 2), door.batch(erasure, 2)
    assert ((first.payloads, first.originals), (second.payloads, second.originals)) == ((2, 2), (1, 1))
    assert door.batch(erasure, 2) == Batch(None, 0, 0)
    assert door.finish(erasure, certificate=CERTIFICATE) == door.finish(erasure, certificate=CERTIFICATE)
    row = door.one(erasure)
    assert row is not None
    assert (row.state, row.payloads, row.originals, row.keys) == ("done", 3, 3, 1)
    assert (row.order_sha256, row.certificate_sha256, row.begun_by) == (ORDER, CERTIFICATE, "dpo")


def test_the_logs_entries_tell_what_was_destroyed(database: Database, dpo: LogReader) -> None:
    erasure = erased(database, dpo)
    door = Erasures(dpo)
    ticket_of(dpo)
    gone = destroyed_by(erasure, door.told_since(1))
    assert (gone.payloads, gone.originals, len(gone.keys), gone.order, gone.certificate) == (
        3,
        3,
        1,
        ORDER,
        CERTIFICATE,
    )
    assert [entry.seq for entry in door.told_since(1)][:-1] == list(gone.entries)
    assert door.login() == "dpo"


def test_duties_that_do_not_erase_are_refused(database: Database, dpo: LogReader) -> None:
    erasure = confirmed(database, dpo)
    for login in ("legal", "compliance", "verifier"):
        with LogReader(database.conninfo(login), LOG) as reader:
            with pytest.raises(AccessDeniedError):
                Erasures(reader).prepare(erasure)
            assert [each.erasure for each in Erasures(reader).all()] == [erasure]


# ---- after a restore ----


def restored(database: Database) -> None:
    """Makes this a server that the log does not know."""
    database.disarm()
    database.admin.execute("update unbroken.recoveries set timeline = timeline + 1")


def test_the_owner_carries_an_erasure_out_again_and_opens_reading(database: Database, dpo: LogReader) -> None:
    found = Erasures(dpo).find_person(ticket_of(dpo), [ANN], with_acted=False)
    restored(database)
    erasure = str(uuid.uuid4())
    given: dict[str, Any] = {"subjects": [ANN], "keys": found.keys, "with_acted": False, "upto": found.upto_at}
    with connect(database.conninfo("postgres")) as connection:
        owner = Recovery(connection, LOG)
        assert not owner.is_open()
        with pytest.raises(AccessDeniedError, match="unbroken recover"):
            ticket_of(dpo)
        began = owner.reapply(erasure, order=ORDER, **given)
        assert began is not None
        assert owner.reapply(erasure, order=ORDER, **given) == began
        while owner.batch(erasure, 2).seq is not None:
            pass
        row = owner.one(erasure)
        assert row is not None
        assert (row.state, row.basis, row.requested_by, row.case) == ("begun", "ledger", None, None)
        left = owner.find([ANN], with_acted=False)
        assert (left.payloads, left.originals, left.keys) == (0, 0, [])
        assert destroyed_by(erasure, owner.told_since(began)).payloads == 3
        owner.finish(erasure, certificate=CERTIFICATE)
        assert owner.reapply(erasure, order=ORDER, **given) is None
        assert owner.open_reads() == owner.head().seq
        assert owner.open_reads() is None
        assert owner.is_open()
        assert owner.login() == "postgres"
        assert owner.now().tzinfo == UTC
    ticket_of(dpo)


def test_nobody_but_the_owner_recovers(database: Database, dpo: LogReader) -> None:
    restored(database)
    for login in ("dpo", "access", "verifier"):
        with connect(database.conninfo(login)) as connection, pytest.raises(AccessDeniedError):
            Recovery(connection, LOG).open_reads()
    with connect(database.conninfo("postgres")) as connection, pytest.raises(ConfigurationError, match="no log"):
        Recovery(connection, "nowhere.example/log")
    with pytest.raises(AccessDeniedError):
        ticket_of(dpo)


# ---- the files ----


def test_tables_are_rewritten_and_what_holds_them_is_named(database: Database, dpo: LogReader) -> None:
    erased(database, dpo)
    with connect(database.conninfo("postgres")) as connection, database.connect("postgres") as other:
        vacuuming = Vacuuming(connection)
        tables = vacuuming.tables(full=False)
        assert [each.name for each in tables if each.full] == ["identities", "wrapped_keys"]
        assert {each.name.split("_")[0] for each in tables if not each.full} == {"originals", "payloads"}
        assert all(vacuuming.vacuum(each) is not None for each in vacuuming.tables(full=True))
        assert vacuuming.rewrite_statistics()
        assert vacuuming.checkpoint()
        assert vacuuming.holders() == []
        other.execute("begin isolation level repeatable read")
        other.execute("select 1 from unbroken.logs")
        (holder,) = vacuuming.holders()
        assert (holder.kind, f"process {other.info.backend_pid}" in holder.name) == ("transaction", True)
        assert holder.since is not None
        remains = vacuuming.remains()
        assert remains.wal_files is not None
        assert remains.wal_files > 0
        assert (remains.archiving, remains.slots, remains.standbys) == (False, 0, 0)


def test_who_owns_the_schema_and_is_no_superuser_vacuums_and_is_no_owner_afterwards(database: Database) -> None:
    database.server.execute("drop role if exists {}", "installer")
    database.server.execute("create role {} login createrole", "installer")
    database.admin.execute("grant unbroken_owner to installer with admin option")
    try:
        with connect(database.conninfo("installer")) as connection:
            vacuuming = Vacuuming(connection)
            assert all(vacuuming.vacuum(each) is not None for each in vacuuming.tables(full=True))
            assert not vacuuming.rewrite_statistics()
            assert not vacuuming.checkpoint()
            assert vacuuming.remains().wal_files is None
            assert connection.execute("select current_user").fetchone() == ("installer",)
    finally:
        database.admin.execute("drop owned by installer")
        database.server.execute("drop role {}", "installer")

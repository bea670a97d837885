"""Opening a log's originals: in a stream, under several openings, with keys kept elsewhere, over lost connections."""

import json
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg
import pytest

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.raw import Connection
from tests.database.vaulting import append, keys_for, sealed_to
from tests.unit.transit_emulator import Transit, served
from unbroken.cli import original_entries
from unbroken.cli.original_entries import Whole, wholes
from unbroken.cli.original_reading import of_session
from unbroken.cli.reading import Reading
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.core.keyed import LogKey
from unbroken.errors import AccessDeniedError, UnavailableError
from unbroken.privacy.vault import opening as opening_of
from unbroken.privacy.vault.kek import encryptions_at, place_of
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.local_key import LocalKey
from unbroken.privacy.vault.opening import open_originals
from unbroken.privacy.vault.refilling import refill
from unbroken.store.log_reader import LogReader
from unbroken.store.vault import VaultDoor

LOG_KEY = LogKey("1", bytes(range(32)))
KEK = KeyEncryptions(LocalKey("2026", b"n" * 32))
DANA = "p-" + "d" * 32
Entries = Callable[[], list[StoredEntry]]


@pytest.fixture(name="reading")
def _reading(database: Database) -> Iterator[Reading]:
    """A read by a data protection officer, of a log whose pool is filled."""
    conninfo = database.conninfo("dpo")
    with LogReader(conninfo, LOG, writes=True) as reader:
        refill(VaultDoor(reader), 3, wrapping=KEK, log_key=LOG_KEY)
        yield Reading(reader, reader.open_ticket(purpose="a test", case="C-1"), conninfo)


@pytest.fixture(name="writer")
def _writer(database: Database) -> Iterator[Connection]:
    with database.connect("writer") as connection:
        yield connection


def record(writer: Connection, count: int, *, size: int = 10, session: str = "s-1") -> None:
    """Events about one person, each with its original."""
    (key,) = keys_for(writer, ("subject", DANA))
    assert key is not None
    for start in range(0, count, 100):
        numbers = range(start, min(start + 100, count))
        original = "Dana " * (size // 5)
        append(
            writer,
            [
                sealed_to([key], {"inputs": f"{number} {original}"}, subjects=[DANA], session_id=session)
                for number in numbers
            ],
        )


def opened(reading: Reading, *, session: str = "s-1", keys: KeyEncryptions = KEK) -> Iterator[Whole]:
    return wholes(reading, of_session(reading, session), keys=keys)


def told(entries: Entries, kind: str) -> list[dict[str, Any]]:
    found = [(decode_event(entry.event).event_type, entry) for entry in entries()]
    return [json.loads(entry.details or b"{}") for event_type, entry in found if event_type == kind]


def test_more_originals_than_one_opening_takes_are_opened_in_order(
    reading: Reading, writer: Connection, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(original_entries, "AT_ONCE", 7)
    record(writer, 10)
    raw.append(writer, [raw.sent({"inputs": '"hi"'}, session_id="s-1")])
    record(writer, 8)
    found = list(opened(reading))
    assert [each.outcome for each in found] == ["opened"] * 10 + ["unchanged"] + ["opened"] * 8
    assert [str(each.content["inputs"]).split()[0] for each in found] == [
        *map(str, range(10)),
        "hi",
        *map(str, range(8)),
    ]
    assert [each["opened"] for each in told(entries, "log.original_opened")] == [7, 7, 4]
    seqs = [each.seq for each in found if each.outcome == "opened"]
    asked = told(entries, "log.original_asked")
    assert [each["seqs"].replace("-", ",").split(",")[0] for each in asked] == [
        str(seq) for seq in (seqs[0], seqs[7], seqs[14])
    ]


def test_many_are_opened_in_the_memory_of_few(
    reading: Reading, writer: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """25 MB of originals, of which a few are in memory at a time; what grows is a few hundred bytes for each."""
    monkeypatch.setattr(opening_of, "IN_MEMORY_BYTES", 500_000)
    record(writer, 50, size=50_000, session="few")
    record(writer, 500, size=50_000, session="many")

    def peak(session: str, count: int) -> int:
        tracemalloc.start()
        try:
            outcomes = [whole.outcome for whole in opened(reading, session=session)]
            assert outcomes == ["opened"] * count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak("many", 500) < peak("few", 50) + 1_000_000


def test_what_came_of_it_is_recorded_although_the_connection_was_lost(
    database: Database, reading: Reading, writer: Connection, entries: Entries
) -> None:
    record(writer, 30)
    stream = opened(reading)
    for _ in range(5):
        next(stream)
    database.admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'dpo'")

    def rest() -> None:
        for _ in stream:
            pass

    with pytest.raises(UnavailableError):
        rest()
    (said,) = told(entries, "log.original_opened")
    assert said["opened"] in range(5, 21), "those of the entries that were read by then"
    assert said["failed"] == 0


def test_a_closed_ticket_opens_nothing_more(reading: Reading, writer: Connection) -> None:
    record(writer, 3)
    desk, seqs = VaultDoor(reading.reader), list(of_session(reading, "s-1"))
    opening = desk.ask_originals(reading.ticket, "open", seqs)
    assert len(list(desk.originals(opening))) == 3
    reading.reader.close_ticket(reading.ticket, outcome="complete", count=0, digest="0" * 64)
    with pytest.raises(AccessDeniedError):
        list(desk.originals(opening))
    with pytest.raises(AccessDeniedError):
        desk.ask_originals(reading.ticket, "open", seqs)
    assert desk.close_opening(opening, opened=0, failed=0, digest="0" * 64)


def test_nothing_of_an_opening_is_given_in_its_own_transaction(reading: Reading, writer: Connection) -> None:
    """Else somebody could look and take the record of it back."""
    record(writer, 1)
    desk, (seq,) = VaultDoor(reading.reader), of_session(reading, "s-1")
    with reading.reader.connection.transaction(force_rollback=True):
        opening = desk.ask_originals(reading.ticket, "open", [seq])
        with pytest.raises(AccessDeniedError):
            list(desk.originals(opening))


def test_only_keys_that_it_takes_are_given(reading: Reading, writer: Connection) -> None:
    record(writer, 1)
    (other,) = keys_for(writer, ("subject", "p-" + "0" * 32))
    assert other is not None
    desk, (seq,) = VaultDoor(reading.reader), of_session(reading, "s-1")
    opening = desk.ask_originals(reading.ticket, "match", [seq])
    with pytest.raises(AccessDeniedError):
        desk.opened_keys(opening, [other.id])


def through(reading: Reading, writer: Connection, keys: KeyEncryptions) -> Mapping[str, int]:
    """What comes of one original whose key is wrapped elsewhere."""
    keys_for(writer, *(("session", f"taken-{number}") for number in range(3)))
    refill(VaultDoor(reading.reader), 1, wrapping=keys, log_key=LOG_KEY)
    record(writer, 2)
    with open_originals(VaultDoor(reading.reader), reading.ticket, list(of_session(reading, "s-1")), keys=keys):
        pass
    outcomes = [whole.outcome for whole in opened(reading, keys=keys)]
    return {outcome: outcomes.count(outcome) for outcome in outcomes}


def test_keys_in_kms_open(reading: Reading, writer: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    moto, boto3 = pytest.importorskip("moto"), pytest.importorskip("boto3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws():
        kms = boto3.client("kms", region_name="eu-central-1")
        arn = kms.create_key()["KeyMetadata"]["Arn"]
        keys = encryptions_at([place_of(f"aws-kms:kms-1={arn}")])
        assert through(reading, writer, keys) == {"opened": 2}
        other = kms.create_key()["KeyMetadata"]["Arn"]
        wrong = encryptions_at([place_of(f"aws-kms:kms-1={other}")])
        with pytest.raises(AccessDeniedError, match="KMS refused"):
            list(opened(reading, keys=wrong))


def test_keys_in_a_transit_engine_open(
    reading: Reading, writer: Connection, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    transit = Transit()
    with served(transit) as address:
        monkeypatch.setenv("VAULT_ADDR", address)
        monkeypatch.setenv("VAULT_TOKEN", "root-token")
        keys = encryptions_at([place_of("transit:t-1=vault-keys")])
        assert through(reading, writer, keys) == {"opened": 2}
        transit.sealed = True
        with pytest.raises(UnavailableError, match="sealed"):
            list(opened(reading, keys=keys))
    last = told(entries, "log.original_opened")[-1]
    assert (last["opened"], last["failed"]) == (0, 0)


def test_other_duties_have_no_vault_but_how_it_stands(database: Database, reading: Reading) -> None:
    with LogReader(database.conninfo("verifier"), LOG) as reader:
        (count,) = VaultDoor(reader).state()
        assert (count.wrapped_by, count.free, count.assigned) == ("2026", 3, 0)
        for ask in (lambda door: door.ask_rewrapping("x"), lambda door: refill(door, 1, wrapping=KEK, log_key=LOG_KEY)):
            with pytest.raises(AccessDeniedError):
                ask(VaultDoor(reader))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.connect("writer") as connection:
        connection.execute("select * from unbroken.wrapped_keys")

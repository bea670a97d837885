"""Originals on their way into a real log: sealed where events are recorded, and there once the entry is."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

import unbroken
from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.outage import Line
from tests.database.recorded import receipts
from tests.database.test_capture_processes import in_child
from tests.database.test_ledger import LosesAnswers
from tests.database.test_spooling import _eager, check  # noqa: F401 - a fixture of every test here
from tests.database.vaulting import Vault
from tests.unit.spooled import together
from unbroken.capture.trail import Trail
from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json
from unbroken.errors import ConfigurationError, UnavailableError
from unbroken.ledger.draft import Draft, draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.protection import Protection
from unbroken.ledger.receipt import Receipt, Spooled
from unbroken.ledger.spool.place import SpoolPlace
from unbroken.privacy.vault.layout import keys_needed
from unbroken.privacy.vault.originals import open_original
from unbroken.privacy.vault.place import Place
from unbroken.privacy.vault.pool import Pooled
from unbroken.store import log_writer, sql
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter
from unbroken.wiring import open_ledger, protection_of

KEY: Final = LogKey.generate()
MAIL: Final = "wilhelmina.osterkamp@example.com"
RECORD: Final = '[originals]\nwithout_key = "record"\n'


class Opener:
    """What may open: the vault's keys, all of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._vault = Vault(log_key=KEY)
        self._keys: dict[str, Pooled] = {}

    def refill(self, count: int, *, log_key: LogKey = KEY) -> None:
        with self._database.connect("dpo") as dpo:
            made = Vault(self._vault.wrapping, log_key).refill(dpo, count)
        self._keys |= {key.public.id: key for key in made}

    def opened(self) -> dict[int, dict[str, Json]]:
        """What is held of all entries that have an original, by their numbers."""
        rows = self._database.admin.execute(
            "select e.seq, e.event::text, o.ciphertext"
            " from unbroken.entries e join unbroken.originals o using (log, seq) order by e.seq"
        ).fetchall()
        return {seq: self.open(json.loads(event), ciphertext) for seq, event, ciphertext in rows}

    def open(self, event: dict[str, Any], ciphertext: bytes) -> dict[str, Json]:
        private = {key_id: self._vault.private(self._keys[key_id]) for key_id in keys_needed(ciphertext)}
        place = Place(LOG, event["id"])
        return open_original(ciphertext, private_keys=private, place=place, commitment=event["original"])


@pytest.fixture
def opener(database: Database) -> Opener:
    return Opener(database)


@pytest.fixture
def ledger(database: Database) -> Iterator[Ledger]:
    with closing(open_ledger(database.conninfo("writer"), log=LOG, key=KEY)) as made:
        yield made


def said(protection: Protection, text: object = MAIL, **fields: Any) -> Draft:
    return draft(
        "request", protection=protection, **{"actor_id": "u-1", "actor_type": "user", "inputs": text, **fields}
    )


def held_for(database: Database) -> set[tuple[str, str]]:
    """Whom keys are assigned to."""
    rows = database.admin.execute("select holder_kind, holder from unbroken.subject_keys where holder is not null")
    return {(kind, holder) for kind, holder in rows.fetchall()}


def pseudonyms(database: Database) -> set[str]:
    return {name for (name,) in database.admin.execute("select pseudonym from unbroken.identities").fetchall()}


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Filled with the names of the statements that log writers run."""
    names: list[str] = []

    def query(name: str, **options: Any) -> Any:
        names.append(name)
        return sql.query(name, **options)

    monkeypatch.setattr(log_writer, "query", query)
    return names


# ---- with and without a vault ----


def test_without_a_vault_events_take_the_way_that_they_always_took(
    database: Database, ledger: Ledger, statements: list[str]
) -> None:
    protection = protection_of(ledger)
    said(protection)
    del statements[:]
    for _ in range(3):
        ledger.record([said(protection), said(protection)])
    # How far the log is covered by checkpoints is asked now and then, and not with each call.
    assert [each for each in statements if each != "covered"] == ["append"] * 3
    assert raw.rows(database.admin, "originals") == []


def test_what_was_masked_is_sealed_and_opens_to_what_was_said(
    database: Database, ledger: Ledger, opener: Opener, statements: list[str]
) -> None:
    opener.refill(2)
    protection = protection_of(ledger)
    batch = [said(protection), said(protection, "nothing to hide"), said(protection, {"to": MAIL}, actor_id="u-2")]
    first, _, third = receipts(ledger.record(batch))
    assert opener.opened() == {first.seq: {"inputs": MAIL}, third.seq: {"inputs": {"to": MAIL}}}
    assert held_for(database) == {("subject", name) for name in pseudonyms(database)}
    # A batch in which nothing was masked is sent as in a log without a vault.
    del statements[:]
    ledger.record([said(protection, "nothing to hide")])
    assert statements == ["append"]
    raw.both_accept(database)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("early", [True, False])
def test_one_by_one_and_in_batches_with_early_release_and_without(
    database: Database, opener: Opener, count: int, early: bool
) -> None:
    opener.refill(1)
    with closing(open_ledger(database.conninfo("writer"), log=LOG, key=KEY, early_release=early)) as ledger:
        protection = protection_of(ledger)
        kept = receipts(ledger.record([said(protection) for _ in range(count)]))
        assert opener.opened() == {each.seq: {"inputs": MAIL} for each in kept}
    raw.both_accept(database)


def test_a_session_without_people_holds_the_key_itself(database: Database, ledger: Ledger, opener: Opener) -> None:
    opener.refill(1)
    protection = protection_of(ledger)
    fields = {"actor_id": "nightly", "actor_type": "agent", "session_id": "s-1"}
    (kept,) = receipts(ledger.record([said(protection, **fields)]))
    assert held_for(database) == {("session", "s-1")}
    assert opener.opened() == {kept.seq: {"inputs": MAIL}}


def test_a_whole_conversation_is_kept(database: Database, ledger: Ledger, opener: Opener) -> None:
    opener.refill(1)
    trail = Trail(ledger, protection=protection_of(ledger))
    messages = [{"role": "system", "content": f"You help {MAIL}"}, {"role": "user", "content": "hello"}]
    with trail.session(actor="Wilhelmina", agent="desk") as session, session.turn(f"I am {MAIL}") as turn:
        for _ in range(2):
            with turn.model_call("m-1", messages) as call:
                call.result(f"hello {MAIL}")
    kinds = {
        entry.seq: json.loads(entry.event)["event_type"]
        for entry in raw.read_all(database)
        if entry.seq in opener.opened()
    }
    assert sorted(kinds.values()) == ["model_call", "model_result", "model_result", "request"]
    (called,) = [opener.opened()[seq] for seq, kind in kinds.items() if kind == "model_call"]
    inputs: Any = called["inputs"]
    assert [each["message"] for each in inputs["new"]] == messages


# ---- no key ----


def test_an_empty_pool_stops_the_event_and_the_turn_until_it_is_filled(
    database: Database, ledger: Ledger, opener: Opener
) -> None:
    opener.refill(1)
    protection = protection_of(ledger)
    ledger.record([said(protection)])
    with pytest.raises(UnavailableError, match="unbroken vault refill") as raised:
        said(protection, actor_id="u-2")
    assert MAIL not in str(raised.value)
    opener.refill(1)
    ledger.record([said(protection, actor_id="u-2")])
    assert len(opener.opened()) == 2


def test_by_policy_an_empty_pool_is_gone_on_without(
    database: Database, ledger: Ledger, opener: Opener, compliance: LogReader
) -> None:
    compliance.load_registry(RECORD, reason="a test")
    opener.refill(1)
    protection = protection_of(ledger)
    kept = receipts(ledger.record([said(protection), said(protection, actor_id="u-2")]))
    assert set(opener.opened()) == {kept[0].seq}
    raw.both_accept(database)


def test_a_log_that_keeps_none_asks_for_no_key(
    database: Database, ledger: Ledger, opener: Opener, compliance: LogReader, statements: list[str]
) -> None:
    compliance.load_registry('originals.keep = "never"', reason="a test")
    opener.refill(1)
    ledger.record([said(protection_of(ledger))])
    assert "vault_keys" not in statements
    assert opener.opened() == {}


def test_nothing_is_sealed_to_a_key_that_somebody_put_into_the_database(
    database: Database, ledger: Ledger, opener: Opener
) -> None:
    opener.refill(1, log_key=LogKey.generate())
    with pytest.raises(ConfigurationError):
        said(protection_of(ledger))


def test_keys_of_the_pool_from_before_the_logs_key_was_replaced_stay_good(
    database: Database, opener: Opener, tmp_path: Path
) -> None:
    opener.refill(1)
    file = tmp_path / "log.key"
    file.write_text(KEY.to_text() + LogKey.generate("2").to_text())
    with unbroken.connect(database.conninfo("writer"), log=LOG, key=file) as trail:
        trail.record("request", actor_id="u-1", actor_type="user", inputs=MAIL)
    assert list(opener.opened().values()) == [{"inputs": MAIL}]


def test_after_a_change_of_the_logs_key_everybody_s_originals_go_on_while_the_old_one_is_kept(
    database: Database, opener: Opener, compliance: LogReader, tmp_path: Path
) -> None:
    compliance.load_registry("identities.pseudonyms = false", reason="a test")
    opener.refill(1)
    old, new = KEY.to_text(), LogKey.generate("2")
    file = tmp_path / "log.key"

    def record(actor: str, *, keys: str) -> None:
        file.write_text(keys)
        with unbroken.connect(database.conninfo("writer"), log=LOG, key=file) as trail:
            trail.record("request", actor_id=actor, actor_type="user", inputs=f"{actor} has {MAIL}")

    record("u-1", keys=old)
    record("u-1", keys=old + new.to_text())
    opener.refill(1, log_key=new)
    record("u-2", keys=old + new.to_text())
    with pytest.raises(ConfigurationError):
        record("u-1", keys=new.to_text())
    record("u-2", keys=new.to_text())
    assert [each["inputs"] for each in opener.opened().values()] == [
        f"{actor} has {MAIL}" for actor in ("u-1", "u-1", "u-2", "u-2")
    ]
    assert held_for(database) == {("subject", "u-1"), ("subject", "u-2")}


def test_without_the_logs_key_a_log_that_keeps_originals_says_so(
    database: Database, opener: Opener, compliance: LogReader
) -> None:
    compliance.load_registry("identities.pseudonyms = false", reason="a test")
    opener.refill(1)
    with closing(open_ledger(database.conninfo("writer"), log=LOG)) as ledger:
        protection = protection_of(ledger)
        ledger.record([said(protection, "nothing to hide")])
        with pytest.raises(ConfigurationError, match="UNBROKEN_KEY_FILE"):
            said(protection)


# ---- lost answers, threads, processes ----


def test_an_event_whose_answer_was_lost_has_its_original_once(database: Database, opener: Opener) -> None:
    opener.refill(1)
    LosesAnswers.times = 1
    with closing(Ledger(lambda _: LosesAnswers(database.conninfo("writer"), LOG), key=KEY)) as ledger:
        protection = protection_of(ledger)
        (kept,) = receipts(ledger.record([said(protection)]))
        assert opener.opened() == {kept.seq: {"inputs": MAIL}}


class LosesRequests(LogWriter):
    """Loses the connection before a batch arrives, as often as it is told to."""

    times = 0

    def append(self, *args: Any, **options: Any) -> Any:
        if type(self).times > 0:
            type(self).times -= 1
            self.close()
            raise UnavailableError("the request was lost")
        return super().append(*args, **options)


def test_what_of_a_batch_is_sent_again_has_its_originals(database: Database, opener: Opener) -> None:
    opener.refill(1)
    with closing(Ledger(lambda _: LosesRequests(database.conninfo("writer"), LOG), key=KEY)) as ledger:
        protection = protection_of(ledger)
        drafts = [said(protection, f"{number} {MAIL}") for number in range(3)]
        ledger.record(drafts[1:2])
        LosesRequests.times = 1
        kept = receipts(ledger.record(drafts))
    assert [opener.opened()[each.seq] for each in kept] == [{"inputs": f"{number} {MAIL}"} for number in range(3)]


def test_threads_record_side_by_side(ledger: Ledger, opener: Opener) -> None:
    opener.refill(4)
    protection = protection_of(ledger)

    def work(number: int) -> None:
        for _ in range(5):
            ledger.record([said(protection, f"{number} {MAIL}", actor_id=f"u-{number}")])

    together(*(partial(work, number) for number in range(4)))
    found = [str(original["inputs"]) for original in opener.opened().values()]
    assert sorted(found) == sorted(f"{number} {MAIL}" for number in range(4) for _ in range(5))


def test_a_forked_child_seals_as_well(ledger: Ledger, opener: Opener) -> None:
    opener.refill(2)
    protection = protection_of(ledger)
    ledger.record([said(protection)])

    def work() -> None:
        ledger.record([said(protection), said(protection, actor_id="u-2")])
        ledger.close()

    in_child(work)
    ledger.record([said(protection)])
    assert list(opener.opened().values()) == [{"inputs": MAIL}] * 4


# ---- in an outage ----


@pytest.fixture
def spooled(line: Line, folder: Path) -> Iterator[Callable[[], tuple[Ledger, Protection]]]:
    """Starts recorders over a line that can be cut."""
    place = SpoolPlace(folder, LOG)
    with ExitStack() as stack:

        def start() -> tuple[Ledger, Protection]:
            ledger = stack.enter_context(closing(open_ledger(line.conninfo("writer"), log=LOG, key=KEY, spool=place)))
            return ledger, protection_of(ledger, spool=place)

        yield start


def test_originals_wait_in_the_spool_sealed_and_arrive_with_their_events(
    database: Database,
    line: Line,
    folder: Path,
    opener: Opener,
    spooled: Callable[[], tuple[Ledger, Protection]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    opener.refill(1)
    ledger, protection = spooled()
    with caplog.at_level(logging.DEBUG):
        (before,) = receipts(ledger.record([said(protection)]))
        line.cut()
        kept = ledger.record([said(protection, f"one {MAIL}"), said(protection, "two"), said(protection, {"3": MAIL})])
        assert {type(each) for each in kept} == {Spooled}
        files = b"".join(path.read_bytes() for path in folder.iterdir())
        assert MAIL.encode() not in files
        assert b"osterkamp" not in files
        line.mend()
        assert isinstance(ledger.record([said(protection, "four")])[0], Receipt)
    assert list(opener.opened().values()) == [{"inputs": MAIL}, {"inputs": f"one {MAIL}"}, {"inputs": {"3": MAIL}}]
    assert MAIL not in caplog.text
    check(database)
    raw.both_accept(database)
    assert before.seq in opener.opened()


def test_in_an_outage_nobody_new_is_recorded_without_an_original(
    line: Line, opener: Opener, spooled: Callable[[], tuple[Ledger, Protection]]
) -> None:
    opener.refill(2)
    ledger, protection = spooled()
    ledger.record([said(protection)])
    line.cut()
    with pytest.raises(UnavailableError, match="can't be asked now"):
        said(protection, actor_id="u-2")
    assert isinstance(ledger.record([said(protection), said(protection, "hello", actor_id="u-2")])[0], Spooled)
    line.mend()
    ledger.record([said(protection, "hello")])
    ledger.record([said(protection, actor_id="u-2")])
    assert len(opener.opened()) == 3


def test_a_start_in_an_outage_knows_that_there_is_a_vault(
    line: Line, opener: Opener, spooled: Callable[[], tuple[Ledger, Protection]]
) -> None:
    opener.refill(1)
    ledger, protection = spooled()
    ledger.record([said(protection)])
    ledger.close()
    line.cut()
    _, protection = spooled()
    said(protection, "hello")
    with pytest.raises(UnavailableError, match="can't be asked now"):
        said(protection)


def test_a_start_in_an_outage_of_a_log_without_a_vault_records(
    line: Line, spooled: Callable[[], tuple[Ledger, Protection]]
) -> None:
    line.cut()
    ledger, protection = spooled()
    assert isinstance(ledger.record([said(protection)])[0], Spooled)

"""Transcripts are imported into a real log: once each, all that can be, and whatever happens on the way."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import add_login
from tests.plain import drafts_of, import_chat
from unbroken.capture import chat_import
from unbroken.capture.chat import steps_of
from unbroken.capture.chat_files import MAX_LINE_BYTES
from unbroken.capture.chat_import import Progress, Report
from unbroken.capture.chat_record import Conversation, read_conversations
from unbroken.core.commitment import opens
from unbroken.core.entry import StoredEntry, hash_of
from unbroken.core.event import Event, decode_event
from unbroken.errors import ConfigurationError
from unbroken.investigate.timeline import timeline_of
from unbroken.ledger.draft import Draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.receipt import Kept
from unbroken.store.connection import connect
from unbroken.store.log_writer import LogWriter

AIRLINE = Path(__file__).parents[2].parent / "shared" / "data" / "airline" / "conversations.json"
CHANGING = {
    "book_reservation",
    "cancel_reservation",
    "send_certificate",
    "update_reservation_baggages",
    "update_reservation_flights",
    "update_reservation_passengers",
    "transfer_to_human_agents",
}

Entries = Callable[[], list[StoredEntry]]


def messages(text: str) -> list[dict[str, Any]]:
    call = {"id": "c1", "type": "function", "function": {"name": "book", "arguments": '{"seat": "12A"}'}}
    return [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": text},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "name": "book", "content": "done"},
        {"role": "assistant", "content": "it is booked"},
    ]


EVENTS = 10
"""How many events :func:`messages` become."""


@pytest.fixture
def transcript(tmp_path: Path) -> Callable[..., Path]:
    def write(*records: object) -> Path:
        path = tmp_path / "chat.jsonl"
        path.write_text("".join(f"{record if isinstance(record, str) else json.dumps(record)}\n" for record in records))
        return path

    return write


def counts(report: Report) -> tuple[int, int, int, int, int]:
    return report.conversations, report.added, report.already, len(report.broken), len(report.conflicts)


def sessions(entries: list[StoredEntry]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for entry in entries:
        event = decode_event(entry.event)
        found.setdefault(event.session_id or "", []).append(event)
    return found


def test_conversations_become_sessions_and_a_second_import_adds_nothing(
    ledger: Ledger, entries: Entries, transcript: Callable[..., Path]
) -> None:
    path = transcript(*[messages(f"seat {number}") for number in range(120)], messages("seat 0"))
    first = import_chat(ledger, [path], side_effects={"book"}, agent="desk")
    assert counts(first) == (121, 121 * EVENTS, 0, 0, 0)
    before = entries()
    assert len(before) == 121 * EVENTS
    second = import_chat(ledger, [path])
    assert counts(second) == (121, 0, 121 * EVENTS, 0, 0)
    assert len(entries()) == len(before)
    assert {len(events) for events in sessions(before).values()} == {EVENTS}
    assert [entry.session_seq for entry in before[:EVENTS]] == list(range(1, EVENTS + 1))


def test_a_file_that_grew_adds_what_is_new(ledger: Ledger, entries: Entries, transcript: Callable[..., Path]) -> None:
    named = {"id": "s-1", "messages": messages("seat 1")}
    import_chat(ledger, [transcript(messages("seat 0"), named)])
    grown = {"id": "s-1", "messages": messages("seat 1") + messages("seat 2")[1:]}
    report = import_chat(ledger, [transcript(messages("seat 0"), grown, messages("seat 0"))])
    assert counts(report) == (3, 9 + EVENTS, 19, 0, 0)
    ids = [event.id for events in sessions(entries()).values() for event in events]
    assert len(set(ids)) == len(ids) == 39


def test_one_conversation_twice_in_one_import_is_recorded_once(
    ledger: Ledger, entries: Entries, transcript: Callable[..., Path]
) -> None:
    named = {"id": "s-1", "messages": messages("seat 1")}
    path = transcript(named, named)
    report = import_chat(ledger, [path, path])
    assert counts(report) == (4, EVENTS, 3 * EVENTS, 0, 0)
    assert len(entries()) == EVENTS


def test_broken_records_are_reported_with_their_place_and_the_rest_goes_in(
    ledger: Ledger, entries: Entries, transcript: Callable[..., Path]
) -> None:
    path = transcript(
        messages("seat 0"),
        '{"messages": [',
        {"messages": [{"role": "user", "content": "x" * 5_000_000}]},
        {"messages": messages("seat 1"), "id": "s" * 2000},
        [{"content": "no role"}],
        messages("seat 2"),
    )
    assert path.stat().st_size < MAX_LINE_BYTES
    report = import_chat(ledger, [path])
    assert counts(report) == (2, 2 * EVENTS, 0, 4, 0)
    assert sorted(broken.place.line or 0 for broken in report.broken) == [2, 3, 4, 5]
    assert len(sessions(entries())) == 2


def test_what_the_database_refuses_breaks_one_conversation_only(
    ledger: Ledger, entries: Entries, transcript: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forged(conversation: Conversation, steps: list[Any], **rest: Any) -> list[Draft]:
        made = drafts_of(conversation, steps, **rest)
        return [Draft(draft.event, {}) for draft in made] if conversation.place.line == 2 else made

    monkeypatch.setattr(chat_import, "drafts_of", forged)
    report = import_chat(ledger, [transcript(*[messages(f"seat {number}") for number in range(3)])])
    assert counts(report) == (2, 2 * EVENTS, 0, 1, 0)
    assert report.broken[0].place.line == 2
    assert len(entries()) == 2 * EVENTS


def first_conversation(path: Path) -> Conversation:
    found = next(iter(read_conversations(path)))
    assert isinstance(found, Conversation)
    return found


@pytest.mark.parametrize("cut", range(1, EVENTS))
def test_a_conversation_that_was_cut_off_is_completed(
    ledger: Ledger, entries: Entries, transcript: Callable[..., Path], cut: int
) -> None:
    path = transcript(messages("seat 0"))
    conversation = first_conversation(path)
    steps = steps_of(conversation, side_effects=(), agent="desk", key=ledger.key)
    ledger.record(drafts_of(conversation, steps[:cut], held=(), key=None))
    assert counts(import_chat(ledger, [path])) == (1, EVENTS - cut, cut, 0, 0)
    stored = entries()
    assert [decode_event(entry.event).id for entry in stored] == [step.id for step in steps]
    known: set[str] = set()
    for entry in stored:
        if decode_event(entry.event).event_type == "model_call" and entry.inputs is not None:
            inputs = json.loads(entry.inputs)
            known |= {new["commitment"] for new in inputs["new"]}
            assert known >= set(inputs["messages"])


@pytest.fixture
def other_ledger(database: Any) -> Iterator[Ledger]:
    origin = "clinic.example/agents"
    with connect(database.conninfo("postgres")) as connection:
        add_login(connection, "importer", duty="writer")
    made = Ledger(lambda _: LogWriter(database.conninfo("importer"), origin))
    yield made
    made.close()


def test_ids_held_by_another_writer_are_a_conflict(
    ledger: Ledger, other_ledger: Ledger, entries: Entries, transcript: Callable[..., Path]
) -> None:
    path = transcript(messages("seat 0"), messages("seat 1"))
    conversation = first_conversation(path)
    steps = steps_of(conversation, side_effects=(), agent="desk", key=ledger.key)
    other_ledger.record(drafts_of(conversation, steps[3:4], held=(), key=None))
    report = import_chat(ledger, [path])
    assert counts(report) == (1, EVENTS, 0, 0, 1)
    assert report.conflicts[0].place.line == 1
    assert "importer" in report.conflicts[0].reason
    assert len(entries()) == 1 + EVENTS


def test_another_process_that_imports_the_same_at_once_is_a_conflict(
    ledger: Ledger, entries: Entries, transcript: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = transcript(messages("seat 0"), messages("seat 1"))
    conversation = first_conversation(path)
    ask = ledger.writers_of

    def overtaken(ids: Any) -> dict[str, str]:
        answer = ask(ids)
        steps = steps_of(conversation, side_effects=(), agent="desk", key=ledger.key)
        ledger.record(drafts_of(conversation, steps, held=(), key=None))
        return answer

    monkeypatch.setattr(ledger, "writers_of", overtaken)
    report = import_chat(ledger, [path])
    assert counts(report) == (1, EVENTS, 0, 0, 1)
    assert "import the file again" in report.conflicts[0].reason
    monkeypatch.setattr(ledger, "writers_of", ask)
    assert counts(import_chat(ledger, [path])) == (2, 0, 2 * EVENTS, 0, 0)


def test_an_interrupted_import_is_completed_by_the_next(
    ledger: Ledger, entries: Entries, transcript: Callable[..., Path]
) -> None:
    path = transcript(*[messages(f"seat {number}") for number in range(120)])

    def interrupt(state: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_chat(ledger, [path], on_progress=interrupt)
    there = len(entries())
    assert 0 < there < 120 * EVENTS
    assert there % EVENTS == 0
    assert counts(import_chat(ledger, [path])) == (120, 120 * EVENTS - there, there, 0, 0)


def test_progress_ends_at_the_size_of_all_files(ledger: Ledger, tmp_path: Path) -> None:
    paths = [tmp_path / "a.jsonl", tmp_path / "b.json"]
    paths[0].write_text("".join(f"{json.dumps(messages(str(number)))}\n" for number in range(120)))
    paths[1].write_text(json.dumps([messages("last")]))
    states: list[Progress] = []
    import_chat(ledger, paths, on_progress=states.append)
    total = sum(path.stat().st_size for path in paths)
    assert [state.total for state in states] == [total] * len(states)
    assert states[-1] == Progress(total, total, 121, 121 * EVENTS)
    assert [state.done for state in states] == sorted(state.done for state in states)


def test_a_missing_file_is_noticed_before_anything_is_recorded(
    ledger: Ledger, entries: Entries, transcript: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="absent"):
        import_chat(ledger, [transcript(messages("seat 0")), tmp_path / "absent.json"])
    assert entries() == []


def test_each_conversation_is_recorded_with_one_call(
    ledger: Ledger, transcript: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    record = ledger.record

    def counted(drafts: Any) -> list[Kept]:
        sizes.append(len(drafts))
        return record(drafts)

    monkeypatch.setattr(ledger, "record", counted)
    import_chat(ledger, [transcript(*[messages(f"seat {number}") for number in range(120)])])
    assert sizes == [500, 500, 200]


@pytest.mark.skipif(not AIRLINE.exists(), reason=f"the airline conversations are not at {AIRLINE}")
def test_the_airline_conversations(ledger: Ledger, entries: Entries) -> None:
    report = import_chat(ledger, [AIRLINE], side_effects=CHANGING, agent="airline-desk")
    assert counts(report) == (100, 5216, 0, 0, 0)
    stored = entries()
    types = Counter(decode_event(entry.event).event_type for entry in stored)
    assert types == {
        "conversation_started": 100,
        "conversation_ended": 100,
        "request": 757,
        "model_call": 1229,
        "model_result": 1229,
        "tool_call": 572,
        "tool_result": 572,
        "response": 657,
    }
    previous = bytes(32)
    for entry in stored:
        assert entry.prev_hash == previous
        assert hash_of(entry.line) == entry.hash
        previous = entry.hash
        event = decode_event(entry.event)
        for name, part in entry.parts.items():
            assert opens(getattr(event, name), salt=part.salt, value=part.value)
    failed = [event for events in sessions(stored).values() for event in events if event.status == "error"]
    assert len(failed) == 33
    by_session: dict[str, list[StoredEntry]] = {}
    for entry in stored:
        by_session.setdefault(decode_event(entry.event).session_id or "", []).append(entry)
    assert len(by_session) == 100
    for session in by_session.values():
        told = timeline_of(session)
        assert len(told.items) == len(session)
        assert not [item for item in told.items if "no result" in item.marks]
    assert counts(import_chat(ledger, [AIRLINE])) == (100, 0, 5216, 0, 0)

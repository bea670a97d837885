"""The check itself: that it sees each way of breaking the promise, without a database."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from tests.faults.check import Tally, check
from tests.faults.journal import Journal, Note, Reading, What, token
from tests.faults.stops import longest_call, longest_stop
from tests.plain import draft
from unbroken.core.entry import GENESIS, Head, StoredEntry
from unbroken.core.event import encode_event
from unbroken.core.ids import new_id

RECORDER = new_id()


def entries_of(call: int, count: int, *, after: int) -> list[StoredEntry]:
    """The entries of one call, numbered in the log and by the recorder from ``after`` on."""
    made = []
    for index in range(count):
        number = after + index + 1
        event = draft(
            "annotated",
            actor_id="u-1",
            actor_type="user",
            call_id=token("r1", call, index),
            recorder=RECORDER,
            recorder_seq=number,
        ).event
        hashes = bytes.fromhex(GENESIS), number.to_bytes(32)
        made.append(
            StoredEntry(
                "a~1", number, None, "2026-03-01T09:00:00.000000Z", "writer", None, *hashes, encode_event(event)
            )
        )
    return made


def notes_of(call: int, entries: Sequence[StoredEntry], what: What | None) -> list[Note]:
    """What the recorder writes down when a call with these events comes to ``what``, or to no end at all."""
    sent = Note(1.0, "sent", call, ids=tuple(new_id() for _ in entries))
    receipts = tuple((entry.seq, entry.hash.hex()) for entry in entries) if what == "kept" else ()
    return [sent] if what is None else [sent, Note(2.0, what, call, receipts=receipts)]


def checked(entries: Sequence[StoredEntry], notes: Sequence[Note]) -> Tally:
    return check(entries, {"r1": notes})


@pytest.mark.parametrize("what", ["kept", "unknown", None])
def test_what_is_there_once_with_its_receipt_breaks_nothing(what: What | None) -> None:
    entries = entries_of(1, 3, after=0)
    tally = checked(entries, notes_of(1, entries, what))
    assert tally.broken == []
    assert (tally.acknowledged, tally.unknown) == ((3, 0) if what == "kept" else (0, 3))


@pytest.mark.parametrize("what", ["refused", "unknown", None])
def test_what_is_not_there_breaks_nothing_unless_it_was_acknowledged(what: What | None) -> None:
    tally = checked([], notes_of(1, entries_of(1, 3, after=0), what))
    assert tally.broken == []


def test_the_newest_receipt_is_the_head_to_hold_the_log_against() -> None:
    first, second = entries_of(1, 2, after=0), entries_of(2, 1, after=2)
    tally = checked([*first, *second], [*notes_of(2, second, "kept"), *notes_of(1, first, "kept")])
    assert tally.newest == Head(3, second[0].hash.hex())


def test_an_acknowledged_event_that_is_not_there_is_lost() -> None:
    entries = entries_of(1, 3, after=0)
    tally = checked([], notes_of(1, entries, "kept"))
    assert len(tally.lost) == 3


@pytest.mark.parametrize("field", ["seq", "hash"])
def test_an_acknowledged_event_that_stands_elsewhere_is_lost(field: str) -> None:
    (entry,) = entries_of(1, 1, after=0)
    notes = notes_of(1, [entry], "kept")
    moved = msgspec.structs.replace(entry, **{field: 2 if field == "seq" else bytes(32)})
    assert len(checked([moved], notes).lost) == 1


def test_one_thing_under_two_ids_is_doubled() -> None:
    once, again = entries_of(1, 1, after=0), entries_of(1, 1, after=1)
    assert len(checked([*once, *again], notes_of(1, once, "kept")).doubled) == 1


def test_one_id_in_two_entries_is_doubled() -> None:
    entries = entries_of(1, 1, after=0)
    repeated = [*entries, msgspec.structs.replace(entries[0], seq=2)]
    assert any("event id" in trouble for trouble in checked(repeated, notes_of(1, entries, "kept")).doubled)


@pytest.mark.parametrize("what", ["kept", "refused", "unknown", None])
def test_half_a_batch_is_wrong_whatever_the_recorder_was_told(what: What | None) -> None:
    entries = entries_of(1, 3, after=0)
    tally = checked(entries[:2], notes_of(1, entries, what))
    assert any("only 2 of 3" in trouble for trouble in tally.wrong)


def test_a_batch_with_something_in_its_middle_is_wrong() -> None:
    batch, other = entries_of(1, 2, after=0), entries_of(2, 1, after=1)
    batch[1] = msgspec.structs.replace(batch[1], seq=3)
    entries = [batch[0], *other, batch[1]]
    tally = checked(entries, [*notes_of(1, batch, "kept"), *notes_of(2, other, "kept")])
    assert any("in one piece" in trouble for trouble in tally.wrong)


def test_a_refusal_of_what_is_there_is_wrong() -> None:
    entries = entries_of(1, 1, after=0)
    assert any(
        "said not to be recorded" in trouble for trouble in checked(entries, notes_of(1, entries, "refused")).wrong
    )


def test_what_nobody_sent_is_wrong() -> None:
    assert any("nobody sent" in trouble for trouble in checked(entries_of(1, 1, after=0), []).wrong)


@pytest.mark.parametrize("what", ["kept", "unknown", None])
def test_a_recorders_number_that_repeats_is_wrong(what: What | None) -> None:
    first, second = entries_of(1, 1, after=0), entries_of(2, 1, after=0)
    second[0] = msgspec.structs.replace(second[0], seq=2)
    tally = checked([*first, *second], [*notes_of(1, first, "kept"), *notes_of(2, second, what)])
    assert any("is there twice" in trouble for trouble in tally.wrong)


@pytest.mark.parametrize(("what", "is_wrong"), [("kept", True), ("unknown", False), (None, False)])
def test_a_recorders_number_comes_after_a_higher_one_only_where_the_outcome_was_unknown(
    what: What | None, is_wrong: bool
) -> None:
    late, early = entries_of(1, 1, after=0)[0], entries_of(2, 1, after=1)[0]
    early, late = msgspec.structs.replace(early, seq=1), msgspec.structs.replace(late, seq=2)
    tally = checked([early, late], [*notes_of(1, [late], what), *notes_of(2, [early], "kept")])
    assert any("comes after" in trouble for trouble in tally.wrong) is is_wrong


def test_an_error_that_says_nothing_is_wrong() -> None:
    assert checked([], notes_of(1, entries_of(1, 1, after=0), "failed")).wrong


def test_a_journal_is_read_while_it_is_written_and_a_cut_line_is_none(tmp_path: Path) -> None:
    journal, reading = Journal(tmp_path / "journal"), Reading(tmp_path / "journal")
    assert list(reading.notes()) == []
    journal.note("sent", 1, ids=("a",))
    assert [note.ids for note in reading.notes()] == [("a",)]
    with (tmp_path / "journal").open("ab") as file:
        file.write(b'{"at":1.0,"what":"ke')
    assert [note.what for note in reading.notes()] == ["sent"]


def test_the_longest_stop_ends_after_the_fault() -> None:
    kept = [Note(at, "kept", call) for call, at in enumerate((1.0, 5.0, 5.5, 7.0, 7.25))]
    assert (
        longest_stop([kept, [Note(5.0, "kept", 1), Note(5.1, "refused", 2), Note(6.75, "kept", 3)]], since=5.2) == 1.75
    )
    assert longest_stop([kept], since=8.0) == 0.0


def test_the_longest_call_is_from_its_sending_to_its_outcome() -> None:
    notes = [Note(1.0, "sent", 1), Note(2.0, "sent", 2), Note(3.5, "unknown", 1), Note(4.0, "kept", 2)]
    assert longest_call(notes) == 2.5

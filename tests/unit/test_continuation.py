"""What an incarnation's first entry declares of the one before: believed of nobody but the log itself."""

import json
from typing import Any

import pytest

from unbroken.core.commitment import commit
from unbroken.core.entry import GENESIS, Head, StoredEntry, hash_of
from unbroken.core.event import Event, encode_event
from unbroken.verify.continuation import Continuation
from unbroken.verify.continuing import continuation_of, continuations_of

OLD, NEW = "clinic.example/agents~1", "clinic.example/agents~2"
SALT = b"\x01" * 32
SAID: dict[str, Any] = {
    "after": OLD,
    "kept": 5,
    "kept_hash": "ab" * 32,
    "anchored": {"size": 9, "root": "cd" * 32, "note_sha256": "ef" * 32},
    "lost_from": 6,
    "lost_to": 9,
    "reason": "the disk failed",
}


def first(said: dict[str, Any] = SAID, *, log: str = NEW, seq: int = 1, **fields: Any) -> StoredEntry:
    value = json.dumps(said).encode()
    given = {
        "actor_id": "postgres",
        "actor_type": "system",
        "event_type": "log.continued",
        "id": "01970000-0000-7000-8000-000000000001",
        "ts": "2026-03-01T09:00:00.000000Z",
        "details": commit(SALT, value),
        **fields,
    }
    entry = StoredEntry(
        log=log,
        seq=seq,
        session_seq=None,
        recorded_at="2026-03-01T09:00:00.000000Z",
        writer="postgres",
        principal=None,
        prev_hash=bytes.fromhex(GENESIS),
        hash=b"",
        event=encode_event(Event(**given)),
        details=value,
        details_salt=SALT,
    )
    entry.hash = hash_of(entry.line)
    return entry


class Source:
    def __init__(self, log: str, *beginnings: StoredEntry) -> None:
        self.log = log
        self._beginnings = list(beginnings)

    def beginnings(self) -> list[StoredEntry]:
        return self._beginnings


def test_it_says_what_is_kept_and_what_is_lost() -> None:
    told = continuation_of(first())
    assert told == Continuation(NEW, OLD, Head(5, "ab" * 32), (6, 9), "the disk failed")
    assert told is not None
    assert [told.declares(seq) for seq in (5, 6, 9, 10)] == [False, True, True, False]
    assert told.explains(Head(5, "ab" * 32), 9)
    assert not told.explains(Head(5, "ab" * 32), 10)
    assert not told.explains(Head(4, "ab" * 32), 9)


def test_a_loss_that_nobody_knows_is_none() -> None:
    told = continuation_of(first({key: value for key, value in SAID.items() if not key.startswith("lost")}))
    assert told is not None
    assert told.lost is None
    assert not told.declares(6)


@pytest.mark.parametrize(
    "entry",
    [
        first(seq=2),
        first(log=OLD),
        first(log="another.example/log~2"),
        first(recorder="01970000-0000-7000-8000-00000000aaaa", recorder_seq=1),
        first(event_type="log.restored"),
        first({**SAID, "after": NEW}),
        first({**SAID, "kept_hash": "ab"}),
        first({**SAID, "kept": -1}),
        first({**SAID, "reason": 1}),
        first({"after": OLD}),
    ],
)
def test_anything_else_declares_nothing(entry: StoredEntry) -> None:
    assert continuation_of(entry) is None


def test_an_entry_that_was_changed_declares_nothing() -> None:
    entry = first()
    entry.details = json.dumps({**SAID, "lost_to": 99}).encode()
    assert continuation_of(entry) is None


def test_both_incarnations_find_it() -> None:
    told = continuation_of(first())
    assert continuations_of(Source(NEW, first())) == (told, None)
    assert continuations_of(Source(OLD, first())) == (None, told)

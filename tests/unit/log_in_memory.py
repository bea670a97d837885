"""A log in memory, as a source of entries for verification."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.property.kept_tiles import KeptTiles
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.commitment import commit
from unbroken.core.entry import GENESIS, Head, StoredEntry, hash_of
from unbroken.core.event import Event, encode_event
from unbroken.core.tree.tile import Tile

LOG = "test.example/agents~1"
RECORDER = "01970000-0000-7000-8000-00000000aaaa"
ERASURE = "01970000-0000-7000-8000-0000000000ee"
SALT = b"\x5a" * 32


@dataclass
class Log:
    """Entries of a log in memory, as a source gives them; of some the payload may be taken away."""

    log: str = LOG
    stored: list[StoredEntry] = field(default_factory=list)

    def say(self, *parts: str, session: str | None = None, original: bool = False) -> None:
        """Adds what a recorder says, with a payload of these parts."""
        given: dict[str, Any] = {part: commit(SALT, b"1") for part in parts}
        given |= {"original": "cd" * 32} if original else {}
        event = Event(**self._who("request"), recorder=RECORDER, session_id=session, **given)
        held = {key: value for part in parts for key, value in ((part, b"1"), (f"{part}_salt", SALT))}
        self._add(event, session_seq=self._next_number() if session else None, has_original=original, **held)

    def tell(self, **details: object) -> None:
        """Adds a ``log.erased`` of the log's own."""
        self.state("log.erased", erasure=details.pop("erasure", ERASURE), **details)

    def state(self, event_type: str, **details: object) -> None:
        """Adds an entry of the log's own."""
        self._state(self._who(event_type), "w", details)

    def state_as(self, login: str, event_type: str, **details: object) -> int:
        """Adds an entry of the log's own about what a login did; its number."""
        self._state(self._who(event_type) | {"actor_id": login, "actor_type": "system"}, login, details)
        return len(self.stored)

    def _state(self, who: dict[str, Any], writer: str, details: dict[str, object]) -> None:
        value = json.dumps(details).encode()
        event = Event(**who, details=commit(SALT, value))
        self._add(event, writer=writer, session_seq=None, has_original=False, details=value, details_salt=SALT)

    def erase(self, *seqs: int, originals: bool = True) -> None:
        for seq in seqs:
            entry = self.stored[seq - 1]
            entry.inputs = entry.inputs_salt = entry.outputs = entry.outputs_salt = None
            entry.has_original = entry.has_original and not originals

    def head(self) -> Head:
        return Head(self.stored[-1].seq, self.stored[-1].hash.hex())

    def entries(self, *, after: int = 0, upto: int = 2**53, session: str | None = None) -> Iterator[list[StoredEntry]]:
        mark = None if session is None else f'"session_id":"{session}"'.encode()
        some = [entry for entry in self.stored if after < entry.seq <= upto and (mark is None or mark in entry.event)]
        yield from (some[start : start + 3] for start in range(0, len(some), 3))

    def erasures(self) -> Iterator[list[StoredEntry]]:
        yield [entry for entry in self.stored if b'"log.erased"' in entry.event or b'"log.disposed"' in entry.event]

    def _next_number(self) -> int:
        return sum(b'"session_id"' in entry.event for entry in self.stored) + 1

    def _who(self, event_type: str) -> dict[str, Any]:
        number = len(self.stored) + 1
        return {
            "actor_id": "u",
            "actor_type": "user",
            "event_type": event_type,
            "id": f"01970000-0000-7000-8000-{number:012x}",
            "ts": "2026-03-01T09:00:00.000000Z",
        }

    def _add(self, event: Event, **more: Any) -> None:
        before = self.stored[-1].hash if self.stored else bytes.fromhex(GENESIS)
        seq = len(self.stored) + 1
        at = "2026-03-01T09:00:00.250000Z"
        by, number = more.pop("writer", "w"), more.pop("session_seq")
        entry = StoredEntry(self.log, seq, number, at, by, None, before, b"", encode_event(event), **more)
        entry.hash = hash_of(entry.line)
        self.stored.append(entry)


@dataclass
class Beside:
    """The tables beside these entries, of which only the one recorder has a row."""

    stored: list[StoredEntry]

    @property
    def head(self) -> int:
        return self.stored[-1].seq if self.stored else 0

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        if table == "recorders" and any(RECORDER.encode() in entry.event for entry in self.stored):
            yield {"recorder": RECORDER, "login": "w", "bound_at": self.stored[0].recorded_at}


@dataclass
class WholeLog(Log):
    """The same as a database, with tables beside the entries that agree with them; of entries without sessions."""

    signed: list[tuple[int, bytes, str]] = field(default_factory=list)
    tiles: KeptTiles = field(default_factory=KeptTiles)

    def impostors(self) -> list[str]:
        return []

    def session_counts(self) -> Iterator[Any]:
        return iter(())

    def stray_ids(self) -> list[tuple[int, bool]]:
        return []

    def stray_payloads(self) -> list[int]:
        return []

    def stray_originals(self) -> list[tuple[int, bool]]:
        return []

    def key_absences(self) -> Iterator[tuple[str, int | None]]:
        return iter(())

    def known_pseudonyms(self, _pseudonyms: Sequence[str]) -> list[str]:
        return []

    def checkpoints(self) -> Iterator[tuple[int, bytes, str]]:
        return iter(self.signed)

    def read_tiles(self, tiles: Sequence[Tile], /) -> Sequence[bytes]:
        return [self._hashes(tile) if tile.level == 0 else self._kept(tile) for tile in tiles]

    def keep(self, note: str) -> None:
        """Keeps a signed checkpoint, and all tiles of the tree."""
        stated = Checkpoint.parse(note.partition("\n\n")[0] + "\n")
        self.signed.append((stated.size, stated.root, note))
        self.tiles.grow([entry.hash for entry in self.stored][self.tiles.edge.size :])

    def _hashes(self, tile: Tile) -> bytes:
        return b"".join(entry.hash for entry in self.stored if tile.start < entry.seq <= tile.end)

    def _kept(self, tile: Tile) -> bytes:
        return self.tiles.kept.get((tile.level, tile.index), b"")[: tile.length]

    def told_of_holds(self) -> Iterator[list[StoredEntry]]:
        yield [entry for entry in self.stored if b'"log.hold_' in entry.event]

    def told_later(self) -> Iterator[list[StoredEntry]]:
        return iter(())

    @contextmanager
    def tables(self) -> Iterator[Beside]:
        yield Beside(self.stored)


def history(size: int, *, changed: int | None = None) -> WholeLog:
    """A log of this size; another one from the entry ``changed`` on, with every hash after it right."""
    made = WholeLog()
    for seq in range(1, size + 1):
        made.say("outputs" if seq == changed else "inputs")
    return made

"""A stand-in for the log and its connections, with the semantics of the door, that fails where a schedule says so."""

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from tests.model.clock import Clock
from tests.model.schedule import Schedule
from unbroken.core.entry import GENESIS, Part, hash_of, line_of
from unbroken.core.event import decode_event
from unbroken.core.times import format_time
from unbroken.errors import AccessDeniedError, InvalidEventError, NotApprovedError, UnavailableError
from unbroken.ledger.protection import Identity
from unbroken.ledger.sealed import Sealed
from unbroken.store.log_writer import AlreadyRecordedError, Known, Row

LOG: Final = "test/model~1"
WRITER: Final = "writer"
NOW: Final = datetime(2026, 1, 2, tzinfo=UTC)
APPENDS: Final = (
    "answered",
    "committed, answer lost",
    "lost",
    "lost, but goes on",
    "hangs, and goes on",
    "refused: busy",
    "answered with a wrong hash",
)
IDENTIFIES: Final = ("answered", "committed, answer lost", "lost", "hangs", "refused: busy")


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: whose event it is, under which number, and what its receipt says."""

    id: str
    recorder: str
    number: int
    unnumbered: bytes
    row: Row


@dataclass(slots=True)
class Door:
    """The log, and appends whose client is gone, which may commit at any later moment.

    ``people`` are the pseudonyms that are known, and ``strangers`` those in entries that were not known by then.

    Of the events in ``malformed`` none is ever let in, of those in ``stateful`` each time one or the other. ``pause``
    lets other threads go on, ``faulty`` tells whether connections fail.
    """

    schedule: Schedule
    clock: Clock
    pause: Callable[[], None] = lambda: None
    faulty: bool = True
    malformed: frozenset[str] = frozenset()
    stateful: frozenset[str] = frozenset()
    lines: list[Line] = field(default_factory=list)
    zombies: list[list[bytes]] = field(default_factory=list)
    declared: list[tuple[str, int, int]] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    strangers: list[str] = field(default_factory=list)

    def connect(self, wait_s: float) -> "Connection":
        """A new connection."""
        self.let_zombies_in()
        match self.happens("connects", "connects: refused", "connects: hangs", "connects: no grant"):
            case 1:
                raise UnavailableError("refused")
            case 2:
                self.clock.sleep(wait_s)
                raise UnavailableError("no answer")
            case 3:
                raise AccessDeniedError("no grant")
        return Connection(self)

    def happens(self, *options: str) -> int:
        """Which of the options happens; where nothing fails, the first."""
        return self.schedule.choose(options) if self.faulty else 0

    def let_zombies_in(self) -> None:
        """Between any two calls of a client each of them may commit."""
        self.pause()
        for texts in list(self.zombies):
            if self.schedule.choose(["zombie waits", "zombie goes on"]):
                self.zombies.remove(texts)
                self.commit_unheard(texts)

    def end(self) -> None:
        """Each of them commits now or never."""
        while self.zombies:
            texts = self.zombies.pop(0)
            if self.schedule.choose(["zombie ends", "zombie goes on at the end"]):
                self.commit_unheard(texts)

    def commit_unheard(self, texts: list[bytes]) -> None:
        """An append that nobody hears the end of."""
        with suppress(AlreadyRecordedError, InvalidEventError, NotApprovedError):
            self.append(texts)

    def append(self, texts: Sequence[bytes]) -> list[Row]:
        """All of a batch or, with an error, nothing."""
        events = [decode_event(text) for text in texts]
        for index, event in enumerate(events):
            if event.id in self.malformed:
                raise InvalidEventError("malformed", index=index)
        ids = [line.id for line in self.lines] + [event.id for event in events]
        if len(set(ids)) < len(ids):
            raise AlreadyRecordedError
        for index, event in enumerate(events):
            if event.id in self.stateful and self.schedule.choose(["approved", "not approved"]):
                raise NotApprovedError("pending", index=index)
        return [self._record(text) for text in texts]

    def _record(self, text: bytes) -> Row:
        event = decode_event(text)
        seq, prev = len(self.lines) + 1, self.lines[-1].row.hash.hex() if self.lines else GENESIS
        line = line_of(
            text,
            log=LOG,
            prev_hash=prev,
            principal=None,
            recorded_at=format_time(NOW),
            seq=seq,
            session_seq=None,
            writer=WRITER,
        )
        row = Row(seq, None, NOW, bytes.fromhex(prev), hash_of(line))
        if event.actor_id.startswith("p-") and event.actor_id not in self.people:
            self.strangers.append(event.actor_id)
        unnumbered = Sealed(event.id, text, {}).unnumbered_hash()
        self.lines.append(Line(event.id, event.recorder or "", event.recorder_seq or 0, unnumbered, row))
        return row


class Connection:
    """What a log writer is to the ledger."""

    log = LOG
    writer = WRITER

    def __init__(self, door: Door) -> None:
        self._door = door
        self.broken = False

    def append(
        self, texts: Sequence[bytes], _parts: Sequence[dict[str, Part]], *, wait_s: float, **_more: object
    ) -> list[Row]:
        """One attempt to record a batch."""
        self._door.let_zombies_in()
        sent = " ".join(f"{decode_event(text).model}#{decode_event(text).recorder_seq}" for text in texts)
        match self._door.happens(*(f"append {sent}: {end}" for end in APPENDS)):
            case 0:
                return self._door.append(texts)
            case 1:
                self._door.commit_unheard(list(texts))
            case 3:
                self._door.zombies.append(list(texts))
            case 4:
                self._door.zombies.append(list(texts))
                self._door.clock.sleep(wait_s)
            case 5:
                raise UnavailableError("waited too long for the lock")
            case 6:
                return [dataclasses.replace(row, hash=bytes(32)) for row in self._door.append(texts)]
        raise self._lost()

    def identify(self, identities: Sequence[Identity], *, as_proposed: bool, wait_s: float) -> list[str]:
        """Makes people known; may be done again."""
        assert as_proposed
        self._door.let_zombies_in()
        end = self._door.happens(*(f"identify: {end}" for end in IDENTIFIES))
        if end == 3:
            self._door.clock.sleep(wait_s)
        if end == 4:
            raise UnavailableError("waited too long for a lock")
        if end in (0, 1):
            self._door.people.update(each.pseudonym for each in identities)
        if end != 0:
            raise self._lost()
        return [each.pseudonym for each in identities]

    def receipts(self, ids: Sequence[str], hashes: Sequence[bytes | None], **_more: object) -> dict[str, Known]:
        """What the log has of these ids."""
        self._door.let_zombies_in()
        if self._door.happens("receipts", "receipts: lost"):
            raise self._lost()
        asked = dict(zip(ids, hashes, strict=True))
        return {line.id: _known(line, asked[line.id]) for line in self._door.lines if line.id in asked}

    def renew(self, *, wait_s: float) -> bool:  # noqa: ARG002
        """The log is never continued here."""
        return False

    def declare_gap(self, recorder: str, reason: str, *, numbers: tuple[int, int], **_more: object) -> None:
        """Records that numbers may be missing."""
        self._door.let_zombies_in()
        if self._door.happens(f"{reason} {numbers} declared", "declaring a gap: lost"):
            raise self._lost()
        self._door.declared.append((recorder, *numbers))

    def close(self) -> None:
        """The connection is gone."""
        self.broken = True

    def _lost(self) -> UnavailableError:
        self.broken = True
        return UnavailableError("the connection is lost")


def _known(line: Line, asked: bytes | None) -> Known:
    if asked != line.unnumbered:
        return Known("conflict", WRITER, None, None, None)
    return Known("recorded", WRITER, line.recorder, line.number, line.row)

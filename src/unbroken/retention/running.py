"""The round of disposal: from what is due to the certificate, as far as it goes without somebody else's word.

It asks the log where each disposal stands and takes the next step, as long as there is one. Whatever interrupts it, the
same round taken up again goes on where the log says that it stands; two at once do nothing twice.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol

from unbroken.errors import ConfigurationError
from unbroken.store.disposals import Batch, Disposal, Looking, Place

BATCH: Final = 1000
"""Candidates that are gone through in one transaction: a lot."""
ATTEMPTS: Final = 5
"""How often an empty partition that somebody uses is tried to be dropped."""
PAUSE_S: Final = 0.5

Progress = Callable[[str, int, int], None]
"""Told what is done (looking, disposing), how far it is, and how much there is of it."""
Wait = Literal["policies", "review", "approval", "vacuum", "snapshot"]
"""What has to happen before the round can go on: policies come into force, a person reviews or approves, a partition
is vacuumed, or whoever had a snapshot from before ends."""


class Door(Protocol):
    """The disposals of a log; see :class:`unbroken.store.disposals.Disposals`."""

    log: str

    def one(self, disposal: str) -> Disposal | None:
        """A disposal as it stands."""

    def open(self, *, standing: bool) -> Disposal | None:
        """The one that has not ended."""

    def places(self, disposal: str) -> list[Place]:
        """Where something of it was deleted."""

    def start(self, *, standing: bool) -> str | None:
        """Begins to look for candidates, or goes on; ``None`` where there is nothing to go by."""

    def freeze(self, disposal: str) -> Looking:
        """Looks through the next entries."""

    def propose(self, disposal: str) -> int | None:
        """Proposes what was found."""

    def begin(self, disposal: str) -> int:
        """Announces that it is carried out."""

    def batch(self, disposal: str, limit: int) -> Batch:
        """Destroys what the next lots hold."""

    def drop_empty(self, number: int) -> str:
        """Drops one empty partition of a number."""

    def note_gone(self, disposal: str) -> bool:
        """Looks whether all of it is gone."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a round came to for the disposals of one log, with or without approvals in advance.

    ``disposal`` as it stands now, ``None`` where there is nothing to dispose of. ``steps`` are those taken: proposed,
    begun, emptied, gone, certified. ``payloads``, ``originals`` and ``keys`` went in this round, ``kept`` candidates
    were left; ``dropped`` are numbers of partitions. ``waits_for`` is what it takes to go on, ``None`` where nothing.
    """

    log: str
    standing: bool
    disposal: Disposal | None = None
    steps: tuple[str, ...] = ()
    payloads: int = 0
    originals: int = 0
    keys: int = 0
    kept: int = 0
    dropped: tuple[int, ...] = ()
    waits_for: Wait | None = None


def _silent(_what: str, _done: int, _of: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Round:
    """One run over the disposals of one log; ``finish`` certifies a disposal of which nothing is left and ends it."""

    door: Door
    finish: Callable[[Disposal], object]
    batch: int = BATCH
    progress: Progress = _silent
    attempts: int = ATTEMPTS
    pause: Callable[[], None] = field(default=lambda: time.sleep(PAUSE_S))

    def go(self, *, standing: bool) -> Done:
        """Takes every step that can be taken; proposes at most one list."""
        done = Done(self.door.log, standing)
        row = self.door.open(standing=standing)
        if row is None or row.state in ("frozen", "expired"):
            disposal = self.door.start(standing=standing)
            if disposal is None:
                return done if standing else replace(done, waits_for="policies")
            if not self._propose(disposal):
                return done
            row, done = self._row(disposal), _took(done, "proposed")
        return self._carry_on(row, done)

    def _propose(self, disposal: str) -> bool:
        """Looks for all that is due and proposes it; whether there was anything."""
        while True:
            looking = self.door.freeze(disposal)
            self.progress("looking", looking.reached, looking.upto)
            if looking.reached >= looking.upto:
                return self.door.propose(disposal) is not None

    def _carry_on(self, row: Disposal, done: Done) -> Done:
        if row.state == "approved":
            self.door.begin(row.disposal)
            row, done = self._row(row.disposal), _took(done, "begun")
        if row.state == "begun":
            done = _took(self._destroy(row, done), "emptied")
            row = self._row(row.disposal)
        if row.state == "emptied":
            done = replace(done, dropped=tuple(self._drop(row.disposal)))
            if self.door.note_gone(row.disposal):
                row, done = self._row(row.disposal), _took(done, "gone")
        if row.state == "gone":
            self.finish(row)
            row, done = self._row(row.disposal), _took(done, "certified")
        return replace(done, disposal=row, waits_for=waits_for(row, self.door.places))

    def _destroy(self, row: Disposal, done: Done) -> Done:
        through = row.through
        while (batch := self.door.batch(row.disposal, self.batch)).seq is not None:
            done = replace(
                done,
                payloads=done.payloads + batch.payloads,
                originals=done.originals + batch.originals,
                keys=done.keys + batch.keys,
                kept=done.kept + batch.kept,
            )
            through = min(through + self.batch, row.entries)
            self.progress("disposing", through, row.entries)
        return done

    def _drop(self, disposal: str) -> Iterator[int]:
        """Drops what has become empty, and gives the numbers of which nothing is left."""
        for number in sorted({place.number for place in self.door.places(disposal) if place.how != "dropped"}):
            if self._drop_number(number):
                yield number

    def _drop_number(self, number: int) -> bool:
        for attempt in range(self.attempts):
            while (state := self.door.drop_empty(number)) == "more":
                pass
            if state != "in use":
                return state == "dropped"
            if attempt + 1 < self.attempts:
                self.pause()
        return False

    def _row(self, disposal: str) -> Disposal:
        row = self.door.one(disposal)
        if row is None:
            raise ConfigurationError(f"{self.door.log} has no disposal {disposal} any more: run `unbroken verify`")
        return row


def waits_for(row: Disposal, places: Callable[[str], list[Place]]) -> Wait | None:
    """What it takes for a disposal to go on, beyond the next round."""
    if row.state == "proposed":
        return "review"
    if row.state == "reviewed":
        return "approval"
    if row.state == "emptied":
        missing = {place.waits_for for place in places(row.disposal)}
        return "vacuum" if "vacuum" in missing else "snapshot" if "snapshot" in missing else None
    return None


def _took(done: Done, step: str) -> Done:
    return replace(done, steps=(*done.steps, step))

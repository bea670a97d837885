"""A recorder made of the real code over a stand-in, what its callers were told, and whether that was right."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import SimpleNamespace
from typing import Final, cast

import pytest
from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

from tests.model.clock import Clock
from tests.model.door import Door
from tests.model.schedule import Schedule
from tests.plain import draft
from unbroken.core.ids import id_of
from unbroken.errors import InvalidEventError, NotApprovedError, UnbrokenError
from unbroken.ledger.committer import Committer
from unbroken.ledger.delivery import Connect, Delivery
from unbroken.ledger.draft import Draft
from unbroken.ledger.group import Group, Submission
from unbroken.ledger.protection import Identity
from unbroken.ledger.receipt import Kept, Receipt

DEADLINE_S: Final = 0.4
"""Time for two attempts, or one that hangs."""

Call = tuple[str, ...]
"""The names of the events of one call."""


PEOPLE: Final = "xyz"
"""Names of events whose actors the log does not know yet."""


def event(name: str) -> Draft:
    """The event of that name; its id is always the same, and its model tells the name."""
    if name in PEOPLE:
        identity = Identity(f"p-{name.encode().hex():0>32}", bytes(32), b"sealed")
        return replace(_event(name, actor_id=identity.pseudonym), identities=(identity,))
    return _event(name, actor_id="u")


def _event(name: str, *, actor_id: str) -> Draft:
    return draft("annotated", id=id_of(name.encode()), actor_id=actor_id, actor_type="agent", model=name, ts=_TS)


_TS: Final = "2026-01-02T00:00:00.000000Z"


@dataclass(frozen=True, slots=True)
class Told:
    """How one call ended: with receipts or an error."""

    call: Call
    receipts: tuple[Receipt, ...] = ()
    error: UnbrokenError | None = None

    @property
    def recorded(self) -> bool | None:
        """What the caller may believe of the events: recorded, not recorded, or unknown."""
        return True if self.error is None else self.error.recorded


@dataclass(slots=True)
class Recording:
    """One process that records, and all that its callers were told, in order."""

    door: Door
    committer: Committer
    told: list[Told] = field(default_factory=list)

    def record(self, calls: Sequence[Call]) -> list[Told]:
        """Calls that wait at the same time and are one batch; returns how they ended."""
        together = _Together()
        self.committer._group = cast("Group", together)
        callers = [greenlet(partial(self._submit, call)) for call in calls]
        for caller in callers:
            caller.switch()
        self.committer._commit(list(together.waiting))
        ends = [caller.switch() for caller in callers]
        self.told += ends
        return ends

    def again(self, ends: Sequence[Told], *more: Call) -> list[Told]:
        """The calls that were not told to be recorded or refused once more, and others."""
        refusals = InvalidEventError | NotApprovedError
        open_ = [end.call for end in ends if end.error is not None and not isinstance(end.error, refusals)]
        return self.record([*open_, *more])

    def _submit(self, call: Call) -> Told:
        try:
            kept = self.committer.submit([event(name) for name in call], deadline=self.door.clock() + DEADLINE_S)
        except UnbrokenError as error:
            return Told(call, error=error)
        return Told(call, receipts=tuple(cast("Sequence[Receipt]", kept)))


class _Together:
    """Stands in for the group: who submits waits for all the others."""

    def __init__(self) -> None:
        self.waiting: list[Submission] = []
        self._main = getcurrent()

    def submit(self, submission: Submission) -> Sequence[Kept]:
        self.waiting.append(submission)
        self._main.switch()
        return submission.outcome()


def _ids(names: Iterable[str]) -> frozenset[str]:
    return frozenset(id_of(name.encode()) for name in names)


def recording(schedule: Schedule, patch: pytest.MonkeyPatch, *, malformed: str = "", stateful: str = "") -> Recording:
    """A recorder whose connections fail as ``schedule`` says; time passes only where somebody waits."""
    clock = Clock()
    door = Door(schedule, clock, malformed=_ids(malformed), stateful=_ids(stateful))
    patch.setattr("unbroken.ledger.committer.time", SimpleNamespace(monotonic=clock))
    patch.setattr("unbroken.ledger.delivery.random", SimpleNamespace(uniform=lambda _low, _high: 1.0))
    delivery = Delivery(cast("Connect", door.connect), clock=clock, sleep=clock.sleep)
    return Recording(door, Committer(delivery))


def assert_right(made: Recording) -> None:
    """The invariants of the model, of what the real code did; no append is under way any more."""
    made.door.end()
    ids = [line.id for line in made.door.lines]
    assert len(set(ids)) == len(ids), "an event is in the log twice"
    assert not made.door.strangers, "an event is there before the person in it was known"
    for end in made.told:
        _assert_acknowledged(made.door, end)
        _assert_whole(made, end.call)
    for end in {end.call: end for end in made.told}.values():
        _assert_final(made, end)
    _assert_numbered(made)


def _assert_acknowledged(door: Door, end: Told) -> None:
    there = {line.id: line.row for line in door.lines}
    if end.recorded:
        assert there.keys() >= _ids(end.call), f"{end.call} was told to be recorded"
    for receipt in end.receipts:
        row = there[receipt.id]
        assert (receipt.seq, receipt.hash) == (row.seq, row.hash.hex()), f"a wrong receipt for {end.call}"


def _assert_final(made: Recording, end: Told) -> None:
    """What was told last: a second try may have recorded what a first one did not."""
    own = {line.id for line in made.door.lines if line.recorder == made.committer.source.recorder}
    if end.recorded is False:
        assert own.isdisjoint(_ids(end.call)), f"{end.call}: {end.error!r}, and it is there"
    if isinstance(end.error, InvalidEventError | NotApprovedError):
        bad = made.door.malformed | made.door.stateful
        assert not bad.isdisjoint(_ids(end.call)), f"{end.call} is refused without fault"


def _assert_whole(made: Recording, call: Call) -> None:
    ids = _ids(call)
    own = {line.id for line in made.door.lines if line.recorder == made.committer.source.recorder}
    assert ids.isdisjoint(own) or ids <= {line.id for line in made.door.lines}, f"a part of {call} is in the log"


def _assert_numbered(made: Recording) -> None:
    source = made.committer.source
    numbers = [line.number for line in made.door.lines if line.recorder == source.recorder]
    gaps = [(gap.first, gap.last) for gap in source.gaps]
    gaps += [(first, last) for recorder, first, last in made.door.declared if recorder == source.recorder]
    declared = {number for first, last in gaps for number in range(first, last + 1)}
    assert len(set(numbers)) == len(numbers), f"a number is used twice: {numbers}"
    vouched = [number for number in numbers if number not in declared]
    assert vouched == sorted(vouched), f"numbers are out of order: {numbers}"
    assert set(range(1, source.used + 1)) == (set(numbers) | declared), f"numbers {numbers}, declared {declared}"

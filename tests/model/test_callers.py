"""Several threads over the real group and the real delivery: what each is told is true."""

from functools import partial
from types import SimpleNamespace
from typing import cast

import pytest

from tests.model.door import Door
from tests.model.recording import Recording, Told, assert_right, event
from tests.model.schedule import Schedule, count_schedules
from tests.model.turns import Turns
from unbroken.errors import UnbrokenError
from unbroken.ledger.committer import Committer
from unbroken.ledger.delivery import Connect, Delivery
from unbroken.ledger.group import Group
from unbroken.ledger.receipt import Receipt


def run(schedule: Schedule, patch: pytest.MonkeyPatch, names: str, *, faulty: bool) -> None:
    """A thread for each name records the event of that name, and tries once more if it was not told to be recorded."""
    turns = Turns(schedule, time_is_free=not faulty)
    door = Door(schedule, turns.clock, pause=turns.pause, faulty=faulty)
    patch.setattr("unbroken.ledger.group.threading", turns)
    patch.setattr("unbroken.ledger.committer.time", SimpleNamespace(monotonic=turns.clock))
    patch.setattr("unbroken.ledger.delivery.random", SimpleNamespace(uniform=lambda _low, _high: 1.0))
    committer = Committer(Delivery(cast("Connect", door.connect), clock=turns.clock, sleep=turns.clock.sleep))
    committer._group = Group(committer._commit, clock=turns.clock)
    made = Recording(door, committer)
    turns.run(*(partial(record, made, name) for name in names))
    assert_right(made)


def record(made: Recording, name: str) -> None:
    """One thread's calls."""
    for _ in range(2):
        try:
            kept = made.committer.submit([event(name)], deadline=made.door.clock() + 1)
        except UnbrokenError as error:
            made.told.append(Told((name,), error=error))
        else:
            made.told.append(Told((name,), receipts=tuple(cast("list[Receipt]", kept))))
            return


def test_callers_are_told_the_truth_although_time_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert count_schedules(lambda schedule: run(schedule, monkeypatch, "ab", faulty=False), deviations=1) > 1_000


def test_callers_are_told_the_truth_whatever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert count_schedules(lambda schedule: run(schedule, monkeypatch, "ab", faulty=True), deviations=2) > 500


@pytest.mark.long
@pytest.mark.parametrize(("faulty", "deviations"), [(True, 3), (False, 3)], ids=["faults", "no faults"])
def test_callers_are_told_the_truth_in_very_many_orders(
    monkeypatch: pytest.MonkeyPatch, *, faulty: bool, deviations: int
) -> None:
    count = count_schedules(lambda schedule: run(schedule, monkeypatch, "ab", faulty=faulty), deviations=deviations)
    assert count > 10_000

"""The real leader and followers under every order of their steps, with few changes of thread where none is needed."""

from dataclasses import dataclass, field
from functools import partial
from typing import Final

import pytest

from tests.model.recording import event
from tests.model.schedule import Schedule, count_schedules
from tests.model.turns import Turns
from unbroken.errors import OutcomeUnknownError, UnavailableError
from unbroken.ledger.group import Group, Submission
from unbroken.ledger.receipt import Spooled

ENDINGS: Final = ("recorded", "not recorded", "interrupted")
ALLOWED: Final = {
    "recorded": [["recorded"]],
    "not recorded": [[], ["not recorded"]],
    "unknown": [["recorded"], ["not recorded"], ["interrupted"]],
    "interrupted": [[], ["recorded"], ["not recorded"], ["interrupted"]],
}
"""How the batches may have ended that a submission was in, by what its caller was told: it was in one at most."""


@dataclass(slots=True)
class Callers:
    """Threads that submit, the batches that were formed of it, and how each call ended."""

    turns: Turns
    schedule: Schedule
    group: Group = field(init=False)
    batches: list[tuple[str, list[Submission]]] = field(default_factory=list)
    ends: dict[Submission, str] = field(default_factory=dict)
    committing: int = 0

    def submit(self, submission: Submission) -> None:
        """One caller's thread."""
        try:
            self.group.submit(submission)
            self.ends[submission] = "recorded"
        except UnavailableError:
            self.ends[submission] = "not recorded"
        except OutcomeUnknownError:
            self.ends[submission] = "unknown"
        except KeyboardInterrupt:
            self.ends[submission] = "interrupted"

    def commit(self, batch: list[Submission]) -> None:
        """Stands in for the delivery."""
        assert not self.committing, "two lead at once"
        assert self.group._leader in batch, "a leader carries others' events beyond its own deadline"
        ending = ENDINGS[self.schedule.choose(ENDINGS)]
        self.batches.append((ending, list(batch)))
        self.committing += 1
        self.turns.pause()
        self.committing -= 1
        if ending == "interrupted":
            raise KeyboardInterrupt
        for submission in batch:
            if ending == "recorded":
                submission.succeed([Spooled(each) for each in submission.ids])
            else:
                submission.fail(UnavailableError("nothing was recorded"))


DRAFTS: Final = {name: [event(name)] for name in "abc"}


def run(schedule: Schedule, patch: pytest.MonkeyPatch, names: str, *, interrupts: int) -> None:
    """One thread for each name records the event of that name; then nothing is left in the group."""
    turns = Turns(schedule, interrupts=interrupts)
    patch.setattr("unbroken.ledger.group.threading", turns)
    callers = Callers(turns, schedule)
    callers.group = group = Group(callers.commit, clock=turns.clock)
    submissions = [Submission(DRAFTS[name], deadline=turns.clock() + 10 + at) for at, name in enumerate(names)]
    turns.run(*(partial(callers.submit, submission) for submission in submissions))
    for submission in submissions:
        told, sent = callers.ends[submission], [end for end, batch in callers.batches if submission in batch]
        assert sent in ALLOWED[told], f"told {told}, but {sent}"
    assert (group._leader, list(group._queue), group._events, group._bytes) == (None, [], 0, 0)


def limited(patch: pytest.MonkeyPatch, batch: int, queued: int) -> None:
    patch.setattr("unbroken.ledger.group.MAX_BATCH", batch)
    patch.setattr("unbroken.ledger.group.MAX_QUEUED", queued)


limits = pytest.mark.parametrize(
    ("batch", "queued"), [(1000, 1000), (1, 1000), (1000, 1)], ids=["roomy", "one-event batches", "one may wait"]
)


@limits
@pytest.mark.parametrize("names", ["ab", "abc", "aab"])
def test_every_caller_is_answered_truly(monkeypatch: pytest.MonkeyPatch, names: str, batch: int, queued: int) -> None:
    limited(monkeypatch, batch, queued)
    assert count_schedules(lambda schedule: run(schedule, monkeypatch, names, interrupts=1), deviations=1) > 20


def test_every_caller_is_answered_truly_in_many_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    assert count_schedules(lambda schedule: run(schedule, monkeypatch, "abc", interrupts=1), deviations=2) > 5_000


@pytest.mark.long
@limits
@pytest.mark.parametrize("names", ["abc", "aab"])
def test_every_caller_is_answered_truly_in_very_many_orders(
    monkeypatch: pytest.MonkeyPatch, names: str, batch: int, queued: int
) -> None:
    limited(monkeypatch, batch, queued)
    assert count_schedules(lambda schedule: run(schedule, monkeypatch, names, interrupts=1), deviations=3) > 50_000


def test_a_leader_that_does_not_hand_over_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Group, "_hand_over", lambda self: setattr(self, "_leader", None))
    with pytest.raises(AssertionError, match="nobody will wake them"):
        count_schedules(lambda schedule: run(schedule, monkeypatch, "ab", interrupts=0), deviations=1)


def test_two_leaders_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Group, "_follow", Group._lead)
    with pytest.raises(AssertionError):
        count_schedules(lambda schedule: run(schedule, monkeypatch, "ab", interrupts=0), deviations=2)

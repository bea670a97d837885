"""The real leader and followers under every order of their steps, with few changes of thread where none is needed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from tests.model.recording import event
from tests.model.schedule import Schedule, count_schedules
from tests.model.turns import Turns
from unbroken.errors import OutcomeUnknownError, UnavailableError
from unbroken.ledger.draft import Draft
from unbroken.ledger.group import Group, Submission
from unbroken.ledger.receipt import Spooled

PREPARED: dict[str, Draft] = {}


@dataclass(slots=True)
class Callers:
    """Threads that submit, what was committed for them, and how their calls ended."""

    turns: Turns
    schedule: Schedule
    endings: Sequence[str]
    batches: list[tuple[str, list[Submission]]] = field(default_factory=list)
    ends: dict[Submission, str] = field(default_factory=dict)
    committing: int = 0

    def submit(self, group: Group, submission: Submission) -> None:
        try:
            group.submit(submission)
            self.ends[submission] = "recorded"
        except UnavailableError:
            self.ends[submission] = "not recorded"
        except OutcomeUnknownError:
            self.ends[submission] = "unknown"
        except KeyboardInterrupt:
            self.ends[submission] = "interrupted"

    def commit(self, batch: list[Submission]) -> None:
        """Stands in for the delivery of a batch."""
        assert not self.committing, "two lead at once"
        self.committing += 1
        ending = self.endings[self.schedule.choose(self.endings)]
        self.batches.append((ending, list(batch)))
        self.turns.pause()
        self.committing -= 1
        for submission in batch:
            if ending == "recorded":
                submission.succeed([Spooled(each) for each in submission.ids])
            elif ending == "not recorded":
                submission.fail(UnavailableError("nothing was recorded"))
            else:
                raise KeyboardInterrupt


def run(
    schedule: Schedule,
    patch: pytest.MonkeyPatch,
    names: Sequence[str],
    *,
    endings: Sequence[str] = ("recorded",),
) -> None:
    turns = Turns(schedule)
    patch.setattr("unbroken.ledger.group.threading", turns)
    callers = Callers(turns, schedule, endings)
    group = Group(callers.commit, clock=turns.clock)
    submissions = [
        Submission([PREPARED.setdefault(name, event(name))], deadline=10.0 + at) for at, name in enumerate(names)
    ]
    turns.run(*(lambda s=submission: callers.submit(group, s) for submission in submissions))
    assert_right(callers, submissions)
    assert (group._leader, list(group._queue), group._events, group._bytes) == (None, [], 0, 0)


def assert_right(callers: Callers, submissions: Sequence[Submission]) -> None:
    for submission in submissions:
        sent = [ending for ending, batch in callers.batches if submission in batch]
        allowed = {
            "recorded": [["recorded"]],
            "not recorded": [[], ["not recorded"]],
            "unknown": [["recorded"], ["not recorded"], ["interrupted"]],
            "interrupted": [["interrupted"]],
        }
        assert sent in allowed[callers.ends[submission]], f"{callers.ends[submission]}, but {sent}"

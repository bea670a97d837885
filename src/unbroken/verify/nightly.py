"""What is read night by night: all that is new, and again a part of what was read before, until all of it was."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from unbroken.core.entry import GENESIS, Head
from unbroken.verify.finding import EXIT_CODES, Report, Verdict
from unbroken.verify.following import Progress
from unbroken.verify.onward import verify_onward
from unbroken.verify.outside import Outside
from unbroken.verify.source import Index
from unbroken.verify.tree import EMPTY, Milestone

WITHIN: Final = 30
"""Nights within which every entry is read again."""
LEAST: Final = 10_000
"""Entries that are read again in a night, at least."""
WHOLE: Final = 200_000
"""Up to so many entries a log is read whole every night, with the tables beside it."""
BEGINNING: Final = Milestone(Head(0, GENESIS), EMPTY)

Whole: TypeAlias = Callable[[], Report]
"""Verifies the whole log, tables and all, against the same checkpoints."""
_WORST_FIRST: Final[tuple[Verdict, ...]] = ("findings", "unverifiable", "consistent", "proven")


@dataclass(frozen=True, slots=True)
class Memory:
    """What a verifier keeps from night to night, out of the database's reach.

    Up to ``upto`` all was verified and nothing found. ``again`` is how far the present pass over all of it has come.
    """

    upto: Milestone
    again: Milestone = BEGINNING


@dataclass(frozen=True, slots=True)
class Night:
    """What a night came to: ``new`` is about what was new, or about the whole log, and then ``again`` is ``None``.

    It is ``None`` as well where something was found in what is new: all has to be read then, by somebody who looks.
    ``memory`` is what to keep: as it was, where something was found, so that the next night finds it again.
    """

    new: Report
    again: Report | None
    memory: Memory | None

    @property
    def verdict(self) -> Verdict:
        """Of both, the worse; what was read again says nothing of the log's end."""
        given: set[Verdict] = {self.new.verdict}
        if self.again is not None and self.again.findings_total:
            given.add(self.again.verdict)
        return next(each for each in _WORST_FIRST if each in given)

    @property
    def exit_code(self) -> int:
        """The process exit code that stands for the verdict."""
        return EXIT_CODES[self.verdict]

    @property
    def findings_total(self) -> int:
        """Of both together."""
        return self.new.findings_total + (0 if self.again is None else self.again.findings_total)


def verify_nightly(
    source: Index,
    memory: Memory | None,
    *,
    outside: Outside,
    whole: Whole,
    within: int = WITHIN,
    least: int = LEAST,
    most_whole: int = WHOLE,
    progress: Progress = lambda _done, _of: None,
) -> Night:
    """One night. All is read by ``whole`` where there is no memory yet, and while the log is small.

    A part of what was verified before is read again, so large that ``within`` nights are enough for all of it, and at
    least ``least`` entries. ``outside`` was fetched before this is called.
    """
    if memory is None or source.head().seq <= most_whole:
        report = whole()
        milestone = report.milestone
        return Night(report, None, memory if milestone is None else Memory(milestone))
    new = verify_onward(source, memory.upto, outside=outside, progress=progress)
    if new.milestone is None:
        return Night(new, None, memory)
    known = replace(memory, upto=new.milestone)
    end = known.upto.head
    last = min(end.seq, known.again.head.seq + max(least, -(-end.seq // within)))
    is_last = last == end.seq
    kept = end if is_last else None
    again = verify_onward(source, known.again, outside=outside, upto=last, kept=kept, progress=progress)
    if again.milestone is None:
        return Night(new, again, known)
    return Night(new, again, replace(known, again=BEGINNING if is_last else again.milestone))

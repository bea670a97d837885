"""What a log's own entries tell of what was destroyed, for certificates to be held against."""

from collections.abc import Iterator

from unbroken.core.entry import Head
from unbroken.verify.declaration import runs_in
from unbroken.verify.examine import Intact, examine
from unbroken.verify.numbers import Run
from unbroken.verify.replay.act import Statement
from unbroken.verify.source import Source


def told_of(source: Source, event_type: str) -> Iterator[Statement]:
    """What its entries of this type say of it, and those of incarnations that came after it."""
    for entries in source.erasures():
        for step in map(examine, entries):
            if isinstance(step, Intact) and isinstance(step.tells, Statement) and step.tells.type == event_type:
                about = step.tells.about or step.log
                if about == source.log:
                    yield step.tells


def statement_at(source: Source, seq: int) -> Statement | None:
    """What the log itself says with this entry; ``None`` where it is anybody else's, or not intact."""
    return next((step.tells for step in _intact(source, seq) if isinstance(step.tells, Statement)), None)


def has(source: Source, head: Head) -> bool:
    """Whether the log has this very entry."""
    return any(step.hash.hex() == head.hash for step in _intact(source, head.seq))


def runs_told(numbers: str | None) -> list[Run]:
    """The runs that ``3-7,9`` names; none where it names none."""
    try:
        return list(runs_in(numbers or ""))
    except ValueError:
        return []


def _intact(source: Source, seq: int) -> Iterator[Intact]:
    steps = (step for entries in source.entries(after=seq - 1, upto=seq) for step in map(examine, entries))
    return (step for step in steps if isinstance(step, Intact))

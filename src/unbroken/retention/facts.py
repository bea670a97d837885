"""What a log knows of one entry for retention: what it goes by, what it still holds, and what keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from unbroken.retention.due import Due
from unbroken.retention.policy import Part
from unbroken.retention.reckoning import Kind, Reckoning

DueByPart = Mapping[Part | None, Due]
"""What the policies say of each part by itself; where none speaks of one alone, of all of it under ``None``."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One entry of a log; all times are aware UTC.

    ``kind`` has the domains that hold now: those of the entry are ``recorded_domains``, where a reviewer gave it
    others. It is ``None`` for the log's own entries, and for those of a time before there were classes (``is_own``
    tells which). ``gone`` is the entry that tells what became of what it held, and that entry's type. ``matters`` are
    the holds on it, as ``(matter, hold)``, where this login may know them, else ``None``.
    """

    log: str
    seq: int
    recorded_at: datetime
    event_type: str
    is_own: bool
    kind: Kind | None
    recorded_domains: tuple[str, ...]
    extended: datetime | None
    payload: bool
    original: bool
    gone: tuple[int, str] | None
    held: bool
    matters: tuple[tuple[str, str], ...] | None
    version: int | None
    now: datetime

    @property
    def holds_something(self) -> bool:
        """Whether there is anything to keep or to destroy."""
        return self.payload or self.original

    def has(self, part: Part | None) -> bool:
        """Whether a part is there; of ``None``, which is about no part alone, there always is something to say."""
        return part is None or (self.payload if part == "payloads" else self.original)

    def due(self, reckoning: Reckoning) -> DueByPart:
        """What the policies say of it, or of those of its parts that are there."""
        if self.kind is None or reckoning.rules is None:
            return {None: Due()}
        return {
            part: reckoning.due(replace(self.kind, part=part), self.recorded_at, extended=self.extended)
            for part in reckoning.parts(self.kind)
            if self.has(part)
        }

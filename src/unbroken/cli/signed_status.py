"""What is signed of a log, for whoever asks how it is doing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from unbroken.cli.printing import as_json_time, counted, duration
from unbroken.store.checkpoints import Checkpoints
from unbroken.store.log_reader import LogReader


@dataclass(frozen=True, slots=True)
class SignedStatus:
    """The newest checkpoint that the database keeps, not verified, and why the log is closed, where it is.

    ``size`` is 0 where the database keeps none any more. ``signed_at`` is aware UTC, by the notary's clock.
    """

    size: int
    signed_at: datetime | None
    closed_because: str | None

    @classmethod
    def of(cls, reader: LogReader) -> "SignedStatus | None":
        """``None`` for a log without a notary."""
        found = Checkpoints(reader.connection, reader.log)
        newest, continuity = found.newest(), found.continuity()
        closed_because = None if continuity is None else continuity.closed_because
        if newest is None:
            return None if closed_because is None else cls(0, None, closed_because)
        return cls(newest.size, newest.signed_at, closed_because)

    def in_words(self, head: int, now: datetime) -> str:
        """How far the log is signed."""
        if self.closed_because is not None:
            return f"takes no entries any more: {self.closed_because}. See `unbroken recover`"
        if self.signed_at is None:
            return "no checkpoint"
        behind = head - self.size
        left = f", {counted(behind, 'entry')} since" if behind > 0 else ""
        return f"{counted(self.size, 'entry')} signed, {duration(now - self.signed_at)} ago{left}"

    def as_json(self) -> dict[str, Any]:
        """The same as data."""
        return {
            "size": self.size,
            "signed_at": None if self.signed_at is None else as_json_time(self.signed_at),
            "closed_because": self.closed_because,
        }

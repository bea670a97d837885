"""Sticky failure: after one write of a turn has failed, the turn can't write, and so can't act, any more."""

from collections.abc import Iterator
from contextlib import contextmanager

from unbroken.errors import NotApprovedError, RecordingStoppedError, UnbrokenError


class Stop:
    """Remembers the first failed write of a turn and of the turns nested in it, which share one.

    An event that can't be prepared (a cycle, too deep, too large) counts as a failed write: what can't be recorded
    must not happen. Needs no lock: when two writes fail at once, either failure will do.
    """

    def __init__(self) -> None:
        self.failure: BaseException | None = None

    def told_by(self, error: BaseException | None) -> bool:
        """Whether a write has failed and ``error`` already says so."""
        return self.failure is not None and (error is self.failure or isinstance(error, UnbrokenError))

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Round one write: raises :class:`RecordingStoppedError` after a failure, remembers its own."""
        if self.failure is not None:
            raise RecordingStoppedError from self.failure
        try:
            yield
        except NotApprovedError:
            # Nothing failed: what was not approved was not done, and the turn may go on without it.
            raise
        except BaseException as failure:
            if self.failure is None:
                self.failure = failure
            raise

"""An exception as the log tells it, and what to raise when telling it fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import TracebackException
from typing import Final

from unbroken.errors import NotApprovedError, UnbrokenError

PAUSED: Final = "paused"
"""Nothing failed: a decision is waited for, and what was begun goes on in another turn or process."""


def status_of(error: BaseException) -> str:
    """``error``, ``aborted`` for a cancellation, an interrupt and the like, ``paused`` while an approval is pending."""
    if isinstance(error, NotApprovedError) and error.state == "pending":
        return PAUSED
    return "error" if isinstance(error, Exception) else "aborted"


def described(error: BaseException) -> dict[str, str]:
    """The exception's qualified type and its message, for the details of an event."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    # TracebackException, because str() of a foreign exception may itself raise.
    return {"error_type": name, "error_message": str(TracebackException(kind, error, None, compact=True))}


@contextmanager
def because_of(error: BaseException | None) -> Iterator[None]:
    """Round a write that ``error`` gave rise to: when it fails too, its failure is raised from ``error``."""
    try:
        yield
    except UnbrokenError as failure:
        if error is None:
            raise
        raise failure from error

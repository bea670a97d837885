"""What a refusal of the database means to whoever ran a command: which duty it takes, and how one gets it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from unbroken.errors import AccessDeniedError

READERS: Final = "compliance, legal or dpo"
"""Duties that people read a log's entries with."""


@contextmanager
def denials_told(what: str, *, duties: str) -> Iterator[None]:
    """In place of a table's name that was refused, says that ``what`` takes a login with one of ``duties``.

    A login that the server did not let in is none the wiser for that, so its error stays.
    """
    try:
        yield
    except AccessDeniedError as error:
        if state_of_refusal(error) is None:
            raise
        raise AccessDeniedError(takes(what, duties)) from error


def takes(what: str, duties: str) -> str:
    """The sentence that names the duties."""
    return (
        f"{what} takes a login with the duty {duties}, granted for this log: see `unbroken login add` and "
        "`unbroken grant`"
    )


def state_of_refusal(error: AccessDeniedError) -> str | None:
    """The SQLSTATE with which the database refused a login that it had let in."""
    state = getattr(error.__cause__, "sqlstate", None)
    return state if isinstance(state, str) else None

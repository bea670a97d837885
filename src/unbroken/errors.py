"""Every exception that unbroken raises, cut by what the caller can do about it.

    UnbrokenError
    ├── ConfigurationError      set something up differently
    │   └── SchemaError         migrate the database or upgrade the package
    ├── AccessDeniedError       ask for a grant
    ├── InvalidEventError       mend the event: nothing of the batch was recorded
    │   ├── TooLargeError       send less
    │   └── ConflictError       this id already stands for another event
    ├── UnavailableError        try again: nothing was recorded
    ├── OutcomeUnknownError     ask again by id: it may or may not be recorded
    └── RecordingStoppedError   an earlier write failed; stop what you are doing

Messages name events by position and id, never by content, so they may be logged.
"""

from typing import ClassVar


class UnbrokenError(Exception):
    """The base of all errors of this package.

    ``recorded`` says what the error means for the events at hand: ``False`` none of them is in the log,
    ``True`` all are, ``None`` not known.
    """

    recorded: ClassVar[bool | None] = False


class ConfigurationError(UnbrokenError):
    """The set-up is wrong: a folder, a connection string, a missing extra, a log that does not exist."""


class SchemaError(ConfigurationError):
    """The database's schema and this package do not fit together."""


class AccessDeniedError(UnbrokenError):
    """The database refused: this login has no grant for what was asked."""


class InvalidEventError(UnbrokenError, ValueError):
    """An event can't be recorded as it is; ``index`` is its position in the batch, where known."""

    def __init__(self, message: str, *, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


class TooLargeError(InvalidEventError):
    """A value, an event or a batch is over its limit of bytes, depth or number."""


class ConflictError(InvalidEventError):
    """An event with this id, but another content, is already in the log."""


class UnavailableError(UnbrokenError):
    """The database can't be reached or did not answer in time, and nothing was sent to be recorded."""


class OutcomeUnknownError(UnbrokenError):
    """The answer to a write was lost and the database could not be asked; ``ids`` are the events concerned."""

    recorded: ClassVar[bool | None] = None

    def __init__(self, message: str, *, ids: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.ids = ids


class RecordingStoppedError(UnbrokenError):
    """Recording failed earlier in this turn, so nothing further may be done in it.

    The text is fit to be shown to a model or an end user: it says nothing about the inside.
    """

    def __init__(self) -> None:
        super().__init__("This action was not carried out because it could not be recorded.")

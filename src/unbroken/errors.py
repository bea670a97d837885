"""Every exception that unbroken raises, cut by what the caller can do about it.

    UnbrokenError
    ├── ConfigurationError      set something up differently
    │   └── SchemaError         migrate the database or upgrade the package
    ├── AccessDeniedError       ask for a grant
    ├── InvalidEventError       mend the event: nothing of the batch was recorded
    │   ├── TooLargeError       send less
    │   └── ConflictError       this id already stands for another event
    ├── HeldError               wait: a legal hold keeps it
    ├── UnavailableError        try again: nothing was recorded
    │   └── SpoolFullError      drain the spool: the log can't be reached and no room is left
    ├── OutcomeUnknownError     ask again by id: it may or may not be recorded
    ├── LogRewoundError         stop: the log has lost entries that it had acknowledged
    ├── ReceiptError            stop: what the log recorded is not what was sent
    ├── ProofError              stop: a proof or a tile of the Merkle tree does not show what it should
    ├── OriginalError           stop: a sealed original is not what its entry says
    │   └── KeyMissingError     nothing to do: a key that it needs is gone, or is kept elsewhere
    ├── NoteError               stop: a signed note is not what a trusted key signed
    ├── AnchorError             stop: what an anchor holds or answers contradicts the log or itself
    ├── NotApprovedError        get a decision, then call again
    └── RecordingStoppedError   an earlier write failed; stop what you are doing

Messages name events by position and id, never by content, so they may be logged.
"""

from typing import ClassVar, Final


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


class HeldError(UnbrokenError):
    """A legal hold covers what was to be destroyed: nothing of it was."""


class UnavailableError(UnbrokenError):
    """The database can't be reached or did not answer in time, and nothing was sent to be recorded."""


class ContinuityError(UnavailableError):
    """The log takes no entries here until its notary has found its last checkpoint, or it is recovered."""


class SpoolFullError(UnavailableError):
    """The log can't be reached and the local spool is at its limit; what it holds already is safe."""


class OutcomeUnknownError(UnbrokenError):
    """The answer to a write was lost and the database could not be asked; ``ids`` are the events concerned."""

    recorded: ClassVar[bool | None] = None

    def __init__(self, message: str, *, ids: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.ids = ids


class LogRewoundError(UnbrokenError):
    """The log gave out a number again, so entries that it had acknowledged are gone: a restore or a lossy failover.

    The event at hand is recorded. ``seen`` and ``given`` are the highest number acknowledged before and the one now.
    """

    recorded: ClassVar[bool | None] = True

    def __init__(self, message: str, *, seen: int, given: int) -> None:
        super().__init__(message)
        self.seen = seen
        self.given = given


class ReceiptError(UnbrokenError):
    """What the database says it recorded is not what was sent: whatever it recorded, don't rely on it."""

    recorded: ClassVar[bool | None] = None


class ProofError(UnbrokenError):
    """A Merkle proof, or what one is made of, is rejected: a hash, size, index, tile or path that does not fit."""


class ContradictionError(UnbrokenError):
    """What is given contradicts what was signed before, or what stands there: a tree, a checkpoint, a missing entry."""


class OriginalError(UnbrokenError):
    """A sealed original does not open: it was changed, belongs to another entry, or is not what was committed to."""


class KeyMissingError(OriginalError):
    """An original needs keys that are not there: after an erasure, as it should be. ``key_ids`` names them."""

    def __init__(self, message: str, *, key_ids: tuple[str, ...]) -> None:
        super().__init__(message)
        self.key_ids = key_ids


class NoteError(UnbrokenError):
    """What should be a signed note is none, was changed after it was signed, or was signed by nobody trusted."""


class AnchorError(UnbrokenError):
    """An anchor holds, or answers with, what does not fit the log's checkpoints: not an outage, so look into it."""


class NotApprovedError(UnbrokenError):
    """An action needs a decision that is not there: it was not carried out.

    ``state`` tells why: ``pending``, ``denied``, ``expired``, ``used``, ``unchecked`` or ``unknown``. ``request_id`` is
    the request to decide on, where there is one, and ``call_id`` the call that it is bound to. ``index`` is where in a
    batch the event stood that the log refused, where it was the log. The text is fit to be shown to a model.
    """

    def __init__(
        self, state: str, *, request_id: str | None = None, call_id: str | None = None, index: int | None = None
    ) -> None:
        super().__init__(_UNAPPROVED.get(state, _UNAPPROVED["unknown"]))
        self.state = state
        self.request_id = request_id
        self.call_id = call_id
        self.index = index


_UNAPPROVED: Final = {
    "pending": "This action needs an approval, which has been asked for and is not given yet.",
    "denied": "This action needs an approval, which was denied.",
    "expired": "This action needs an approval, and the one that was given has expired.",
    "used": "This action needs an approval, and the one that was given has been used.",
    "unchecked": "This action needs an approval, and whether it was given can't be checked now.",
    "unknown": "This action needs an approval that was given for exactly this call.",
}


class RecordingStoppedError(UnbrokenError):
    """Recording failed earlier in this turn, so nothing further may be done in it.

    The text is fit to be shown to a model or an end user: it says nothing about the inside.
    """

    def __init__(self) -> None:
        super().__init__("This action was not carried out because it could not be recorded.")

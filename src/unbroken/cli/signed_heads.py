"""The checkpoint that a command proves with or publishes, and whether whoever signed it is believed."""

from dataclasses import dataclass, field
from typing import Final

from unbroken.anchors.served import served
from unbroken.cli.trust import Trusted
from unbroken.core import note as notes
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.key_history import KeyHistory
from unbroken.core.note import VerifierKey
from unbroken.errors import NoteError
from unbroken.store.checkpoints import Checkpoints, StoredCheckpoint

_RECEIPTS: Final = 1000
"""More than the anchors of one tree give in a month of heartbeats."""


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A checkpoint, its note with what witnesses put to it, and which of the keys that are believed signed it."""

    checkpoint: Checkpoint
    note: str = field(repr=False)
    signers: tuple[VerifierKey, ...]


def opened(stored: StoredCheckpoint, checkpoints: Checkpoints, trusted: Trusted) -> SignedHead:
    """What the database keeps as a signed head, verified as far as somebody said which keys to believe.

    Raises :class:`NoteError` where it is none, is one of another log, states another tree than the database says, or
    was not signed by a key that follows from those in ``trusted``.
    """
    if trusted:
        statements = [each.statement for each in checkpoints.key_statements()]
        history = KeyHistory.of(statements, trusted.keys, checkpoints.log)
        checkpoint, signers = history.opened(stored.note, origin=checkpoints.log)
    else:
        checkpoint, signers = Checkpoint.parse(notes.parse(stored.note).text), ()
    if (checkpoint.origin, checkpoint.size, checkpoint.root) != (checkpoints.log, stored.size, stored.root):
        raise NoteError(
            "the database says something else of a checkpoint than what was signed: one of them was changed"
        )
    receipts = checkpoints.receipts(least=stored.size, most=stored.size, limit=_RECEIPTS)
    return SignedHead(checkpoint, served(stored.note, [each.receipt for each in receipts]), tuple(signers))

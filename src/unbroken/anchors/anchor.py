"""What every anchor does: it is given signed checkpoints, and shows later that it was.

A checkpoint is handed over as the whole signed note, byte by byte: what is read back is what the log's key signed, and
nobody needs this package to check it.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Protocol

import msgspec

from unbroken.core import checkpoint as checkpoints
from unbroken.core.canonical import canonical
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.cosignature import stated_time
from unbroken.core.key_history import KeyHistory
from unbroken.core.note import VerifierKey
from unbroken.errors import AnchorError, NoteError

MAX_NOTE_BYTES: Final = 64 * 1024
"""A checkpoint with every signature that a note may bear is far below this."""
MAX_PROOF_BYTES: Final = 256 * 1024
_MAX_RECEIPT_BYTES: Final = 2 * (MAX_NOTE_BYTES + MAX_PROOF_BYTES)
MAX_HELD: Final = 2**20
"""How many checkpoints one anchor is read to: beyond, something fills it up."""
AHEAD: Final = timedelta(minutes=5)
"""How far an anchor's clock may be ahead of ours."""

Kind = Literal["directory", "file", "object store", "timestamp", "witness"]
What = Literal["foreign", "damaged", "deleted", "replaced", "unlocked", "missing"]
Consistency = Callable[[int], Sequence[bytes]]
"""The consistency proof from a smaller, non-empty tree to the one at hand. Called from other threads, one at a time."""


@dataclass(frozen=True, slots=True)
class TrustedLog:
    """A log as somebody outside knows it: its origin, and the keys that its checkpoints may be signed by.

    With a ``history`` each key counts for the trees alone that were its to sign.
    """

    origin: str
    keys: tuple[VerifierKey, ...]
    history: KeyHistory | None = None

    @classmethod
    def of(cls, history: KeyHistory, origin: str) -> "TrustedLog":
        """The log of this full name, with the keys that follow from a history."""
        return cls(origin, history.keys, history)

    def opened(self, note: str | bytes) -> Checkpoint:
        """The checkpoint that this log signed; raises :class:`NoteError` where ``note`` is none."""
        if self.history is not None:
            return self.history.opened(note, origin=self.origin)[0]
        return checkpoints.opened(note, self.keys, origin=self.origin)[0]

    def signed_at(self, note: str | bytes) -> datetime | None:
        """When the log's key states that it signed, by its own clock; ``None`` where it states no time."""
        return stated_time(note, self.keys)


@dataclass(frozen=True, slots=True)
class Submission:
    """A signed checkpoint on its way to anchors, and what proves that it continues an earlier one."""

    note: str
    checkpoint: Checkpoint
    consistency: Consistency = field(repr=False)

    @classmethod
    def of(cls, note: str, log: TrustedLog, *, consistency: Consistency) -> "Submission":
        """Raises :class:`NoteError` for what ``log`` did not sign, and for what is longer than any checkpoint."""
        checkpoint = log.opened(note)
        if len(note.encode()) > MAX_NOTE_BYTES:
            raise NoteError(f"a checkpoint is longer than {MAX_NOTE_BYTES} bytes")
        return cls(note, checkpoint, consistency)


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    anchor: str
    kind: Kind
    note: str
    proof: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of publishing: the note as it was given, and what the anchor answered, in bytes of its own kind.

    Of kinds that can't be read back it is the only copy: keep it where it will be looked for.
    """

    anchor: str
    kind: Kind
    note: str
    proof: bytes

    def to_bytes(self) -> bytes:
        """Canonical JSON, in which :meth:`from_bytes` reads it."""
        proof = base64.b64encode(self.proof).decode()
        return canonical({"anchor": self.anchor, "kind": self.kind, "note": self.note, "proof": proof})

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Receipt":
        """Nothing is verified but the layout; raises :class:`AnchorError` for any other bytes."""
        if len(raw) > _MAX_RECEIPT_BYTES:
            raise AnchorError("an anchor's receipt is longer than any is")
        try:
            written = msgspec.json.decode(raw, type=_Written)
            receipt = cls(written.anchor, written.kind, written.note, base64.b64decode(written.proof, validate=True))
        except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError) as error:
            raise AnchorError("this is no anchor's receipt") from error
        if receipt.to_bytes() != raw or len(receipt.proof) > MAX_PROOF_BYTES or len(written.note) > MAX_NOTE_BYTES:
            raise AnchorError("an anchor's receipt is not laid out as it should be: it was changed")
        return receipt


@dataclass(frozen=True, slots=True)
class Anchored:
    """What a receipt shows: that ``by`` had this checkpoint, at ``at`` by its own clock where it states one."""

    anchor: str
    kind: Kind
    checkpoint: Checkpoint
    by: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something at an anchor that should not be there, is not as it was, or is there no longer.

    ``size`` is that of the checkpoint that it claims to be, or was; ``None`` where it claims none.
    """

    anchor: str
    what: What
    place: str
    size: int | None = None


class Named(Protocol):
    """What receipts call an anchor."""

    @property
    def name(self) -> str:
        """What the operator calls it."""
        ...

    @property
    def kind(self) -> Kind:
        """Which kind it is."""
        ...


class Anchor(Named, Protocol):
    """A place outside the database for one log's checkpoints.

    All methods raise :class:`UnavailableError` while it can't be reached (try again), :class:`ConfigurationError` and
    :class:`AccessDeniedError` where it is set up wrongly, and :class:`AnchorError` where what it holds or answers
    contradicts the log. None of them returns later than its timeouts allow, but for a mount that hangs.
    """

    @property
    def where(self) -> str:
        """The place, without secrets; two anchors at one place are one."""
        ...

    @property
    def keeps(self) -> bool:
        """Whether it can be asked what it holds. If not, its receipts are all that there is to read."""
        ...

    def publish(self, submission: Submission) -> Receipt:
        """Hands the checkpoint over, once however often it is repeated, and verifies what comes back."""
        ...

    def held(self) -> Iterator[Receipt | Oddity]:
        """All that it holds, larger trees first, each verified, and all that it should not hold; in bounded memory.

        Nothing where it does not keep.
        """
        ...

    def newest(self) -> Receipt | None:
        """The largest tree's checkpoint that it holds; :class:`AnchorError` where something odd claims to be larger."""
        ...

    def holds(self, receipt: Receipt) -> bool:
        """Whether it still holds what ``receipt`` says that it was given. False, too, where it does not keep."""
        ...

    def verify(self, receipt: Receipt) -> Anchored:
        """What ``receipt`` shows, found without asking anybody.

        Raises :class:`AnchorError` or :class:`NoteError` where it shows nothing.
        """
        ...


class KeepsNothing:
    """The part of an anchor that can't be asked what it was given: its receipts are all that there is to read."""

    name: str
    kind: Kind
    keeps = False

    def held(self) -> Iterator[Receipt | Oddity]:
        """Nothing."""
        return iter(())

    def newest(self) -> Receipt | None:
        """Nothing."""
        return None

    def holds(self, receipt: Receipt) -> bool:
        """No: it can't be asked."""
        require_of(receipt, self)
        return False


def newest_of(held: Iterable[Receipt | Oddity]) -> Receipt | None:
    """The first receipt; raises :class:`AnchorError` where an oddity that claims to be a checkpoint is before it."""
    for each in held:
        if isinstance(each, Receipt):
            return each
        if each.size is not None:
            raise AnchorError(
                f"the newest at the anchor {each.anchor!r} is {each.what}: {each.place}, of size {each.size}"
            )
    return None


def require_of(receipt: Receipt, anchor: Named) -> None:
    """Raises :class:`AnchorError` for another anchor's receipt."""
    if (receipt.anchor, receipt.kind) != (anchor.name, anchor.kind):
        raise AnchorError(f"a receipt of {receipt.anchor!r} ({receipt.kind}) is none of the anchor {anchor.name!r}")


def require_not_ahead(at: datetime, *, anchor: str) -> None:
    """Raises :class:`AnchorError` for an anchor's time that is yet to come."""
    if at > datetime.now(UTC) + AHEAD:
        raise AnchorError(f"the anchor {anchor!r} states a time that is yet to come: its clock is wrong, or this one")

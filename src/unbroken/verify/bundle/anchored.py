"""What a bundle says that other places hold: anchors' receipts, as far as anybody can check them alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from unbroken.core import note as notes
from unbroken.core.canonical import canonical
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.normalise import is_holdable
from unbroken.core.note import Note
from unbroken.errors import NoteError
from unbroken.verify.bundle.checkpointed import Checkpointed, Keys, checkpoint_of, cosigners_of, signers_of
from unbroken.verify.bundle.report import Held, Noted, Vouching

ANCHORS = "anchors.jsonl"
KINDS = frozenset({"directory", "file", "object store", "timestamp", "witness"})


class _Receipt(msgspec.Struct, forbid_unknown_fields=True):
    anchor: str
    kind: str
    note: str
    proof: bytes


@dataclass(slots=True)
class Anchored:
    """Receipts, held against a checkpoint where there is one."""

    log: str
    keys: Keys
    beside: Checkpointed | None
    noted: Noted
    held: list[Held] = field(default_factory=list)

    def take(self, receipts: Iterable[bytes]) -> None:
        """Notes what anchors answered, and finds what is none of this log or contradicts the checkpoint."""
        for nth, raw in enumerate(receipts, start=1):
            try:
                receipt = _receipt(raw)
                parsed = notes.parse(receipt.note)
                checkpoint = checkpoint_of(parsed, self.log)
            except (ValueError, NoteError) as error:
                self._wrong(nth, str(error))
            else:
                self._compare(receipt, parsed, checkpoint, nth)

    def _compare(self, receipt: _Receipt, parsed: Note, checkpoint: Checkpoint, nth: int) -> None:
        signers = set(signers_of(parsed, self.keys.known, ANCHORS, self.noted))
        shown = None if self.beside is None else self.beside.checkpoint
        same = shown is not None and shown.size == checkpoint.size
        if self.beside is not None and same and self.beside.checkpoint.root != checkpoint.root:
            if signers.isdisjoint(self.beside.signers):
                self._wrong(nth, "another tree of the same size")
            else:
                wanted = f"root {self.beside.checkpoint.root.hex()}"
                found = f"root {checkpoint.root.hex()} for as many entries, signed by the same key (line {nth})"
                self.noted.find("forked", ANCHORS, expected=wanted, found=found)
            return
        self._hold(receipt, checkpoint, nth, same=same)

    def _hold(self, receipt: _Receipt, checkpoint: Checkpoint, nth: int, *, same: bool) -> None:
        """Takes down what the receipt shows by itself: a witness's its cosignatures, others only that there is one."""
        cosigned: tuple[Vouching, ...] = ()
        if receipt.kind == "witness":
            try:
                parsed = notes.parse(f"{checkpoint}\n{receipt.proof.decode()}")
            except (NoteError, UnicodeDecodeError):
                parsed = None
            if parsed is None or parsed.text != str(checkpoint):
                self._wrong(nth, "no cosignatures of the checkpoint")
                return
            found = cosigners_of(parsed, self.keys.cosigners, ANCHORS, self.noted)
            cosigned = tuple(map(self.keys.vouching, found))
        self.held.append(Held(receipt.anchor, receipt.kind, checkpoint.size, same, cosigned))

    def _wrong(self, nth: int, found: str) -> None:
        wanted = "receipts for checkpoints of this log"
        self.noted.find_once("anchors_wrong", ANCHORS, expected=wanted, found=f"line {nth}: {found}")


def _receipt(raw: bytes) -> _Receipt:
    """An anchor's receipt, in the one spelling that it has; raises ``ValueError`` for anything else."""
    try:
        receipt = msgspec.json.decode(raw, type=_Receipt)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise ValueError("no receipt") from error
    texts = (receipt.anchor, receipt.note)
    if not all(texts) or not all(map(is_holdable, texts)):
        raise ValueError("a receipt without an anchor's name, or without a note")
    if receipt.kind not in KINDS or canonical(msgspec.json.decode(msgspec.json.encode(receipt))) != raw:
        raise ValueError("a receipt of an unknown kind, or in another spelling than its one")
    return receipt

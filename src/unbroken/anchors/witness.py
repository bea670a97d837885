"""A witness (C2SP tlog-witness): it cosigns a checkpoint that is proved to continue the last one that it cosigned.

What it proves: that somebody else, who remembers, has seen no other history of the log than this one, as of the time in
the cosignature. A log that shows two histories to two people needs a witness that helps it, for each of them.

What it does not: that the witness is independent of the log's operator, which is yours to judge; that entries are true;
and anything of what came after. A witness gives no checkpoints back: it keeps a size and a root, so that its
cosignatures are the only copies and are kept beside the database or lost.
"""

import base64
import re
from collections.abc import Sequence
from typing import Final

from unbroken.anchors.anchor import (
    MAX_PROOF_BYTES,
    Anchored,
    KeepsNothing,
    Kind,
    Receipt,
    Submission,
    TrustedLog,
    require_not_ahead,
    require_of,
)
from unbroken.anchors.endpoint import Endpoint, Reply
from unbroken.core import note as notes
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.cosignature import CosignerKey, cosigned
from unbroken.errors import AnchorError, ConfigurationError, NoteError, UnavailableError

_CALL: Final = "/add-checkpoint"
_MAX_ANSWER_BYTES: Final = 16 * 1024
_MAX_PROOF_LINES: Final = 63
_TRIES: Final = 3
"""How often the witness may have moved on while it was asked: somebody else publishes there as well."""
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,18})\n")
_SIZE_TYPE: Final = "text/x.tlog.size"
_BAD_REQUEST: Final = 400
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_NO_PROOF: Final = 422


class Witness(KeepsNothing):
    """An :class:`~unbroken.anchors.anchor.Anchor` at ``endpoint``, the witness's submission prefix.

    ``keys`` are the cosigner's: more than one while it changes them. Cosignatures of other keys are dropped.
    """

    kind: Kind = "witness"

    def __init__(self, name: str, endpoint: Endpoint, *, keys: Sequence[CosignerKey], log: TrustedLog) -> None:
        if not keys:
            raise ConfigurationError(f"the witness {name!r} has no key to verify its cosignatures by")
        self.name = name
        self._endpoint = endpoint
        self._keys = tuple(keys)
        self._log = log
        self._last = 0

    @property
    def where(self) -> str:
        """The cosigner's names: whoever holds their keys is one witness, wherever it listens."""
        return f"witness {', '.join(sorted({key.name for key in self._keys}))}"

    def publish(self, submission: Submission) -> Receipt:
        """As :class:`~unbroken.anchors.anchor.Anchor` says; a size that the witness states is asked for again with."""
        checkpoint = submission.checkpoint
        old = min(self._last, checkpoint.size)
        for _ in range(_TRIES):
            reply = self._asked(submission, old)
            if reply.status != _CONFLICT:
                return self._receipt(submission, reply)
            held = self._size_held(reply, checkpoint, asked=old)
            self._last = old = held
        raise UnavailableError(f"the witness {self.name!r} moved on {_TRIES} times while it was asked: try again")

    def verify(self, receipt: Receipt) -> Anchored:
        """As :class:`~unbroken.anchors.anchor.Anchor` says; the time is the newest of the witness's cosignatures."""
        require_of(receipt, self)
        checkpoint = self._log.opened(receipt.note)
        lines = _text_of(receipt.proof)
        parsed = notes.parse(f"{checkpoint}\n{lines}")
        signers = cosigned(parsed.text, parsed.signatures, self._keys)
        if parsed.text != str(checkpoint) or len(signers) != len(parsed.signatures):
            raise AnchorError(f"the receipt holds other signatures than those of the witness {self.name!r}")
        newest = max(signers, key=lambda each: each.at)
        return Anchored(self.name, self.kind, checkpoint, by=newest.by.name, at=newest.at)

    def _asked(self, submission: Submission, old: int) -> Reply:
        size = submission.checkpoint.size
        proof = submission.consistency(old) if 0 < old < size else ()
        if len(proof) > _MAX_PROOF_LINES:
            raise AnchorError("a consistency proof is longer than any tree's")
        lines = [f"old {old}", *(base64.b64encode(each).decode() for each in proof), "", submission.note]
        return self._endpoint.post(
            "\n".join(lines).encode(), content_type="text/plain; charset=utf-8", limit=_MAX_ANSWER_BYTES, below=_CALL
        )

    def _size_held(self, reply: Reply, checkpoint: Checkpoint, *, asked: int) -> int:
        match = _SIZE.fullmatch(reply.body)
        if match is None or reply.content_type.partition(";")[0].strip().lower() != _SIZE_TYPE:
            # What a witness answers, in some, where the size is the same and the root is another one.
            raise AnchorError(f"the witness {self.name!r} refused (409) and did not say what size it has cosigned")
        held = int(match[1])
        if held > checkpoint.size:
            raise AnchorError(
                f"the witness {self.name!r} has cosigned {held} entries, more than the {checkpoint.size} of this"
                " checkpoint: the log came back behind it, or somebody else signs for it"
            )
        if held == checkpoint.size == asked:
            raise AnchorError(
                f"the witness {self.name!r} has cosigned another tree of {held} entries: two histories of the log exist"
            )
        if held == asked:
            raise AnchorError(f"the witness {self.name!r} contradicts itself: it names the size that it refused")
        return held

    def _receipt(self, submission: Submission, reply: Reply) -> Receipt:
        self._require_understood(reply)
        body = self._endpoint.accept(reply)
        kept = "".join(self._lines_of_ours(submission, _text_of(body)))
        if not kept:
            raise AnchorError(f"the witness {self.name!r} gave no cosignature of a key that is trusted")
        receipt = Receipt(self.name, self.kind, submission.note, kept.encode())
        try:
            anchored = self.verify(receipt)
        except NoteError as error:
            raise AnchorError(f"what the witness {self.name!r} answered does not verify: {error}") from error
        if anchored.at is not None:
            require_not_ahead(anchored.at, anchor=self.name)
        self._last = submission.checkpoint.size
        return receipt

    def _lines_of_ours(self, submission: Submission, lines: str) -> list[str]:
        try:
            signatures = notes.parse(f"{submission.checkpoint}\n{lines}").signatures
        except NoteError as error:
            raise AnchorError(f"the witness {self.name!r} answered with something else than cosignatures") from error
        ours = {(key.name, key.id) for key in self._keys}
        split = [f"{line}\n" for line in lines.removesuffix("\n").split("\n")]
        return [line for line, each in zip(split, signatures, strict=True) if (each.name, each.key_id) in ours]

    def _require_understood(self, reply: Reply) -> None:
        if reply.status == _NO_PROOF:
            raise AnchorError(
                f"the witness {self.name!r} rejected the proof (422): this tree does not continue the one it cosigned"
            )
        if reply.status in _REFUSALS:
            raise ConfigurationError(f"the witness {self.name!r} refused ({reply.status}): {_REFUSALS[reply.status]}")


_REFUSALS: Final = {
    _BAD_REQUEST: "it can't read what it was sent",
    _FORBIDDEN: "it trusts none of the keys that signed the checkpoint",
    _NOT_FOUND: "it does not know this log, or is not at this address",
}


def _text_of(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise AnchorError("cosignatures are text in UTF-8") from None
    # An empty line would move where the checkpoint's text ends.
    if len(raw) > MAX_PROOF_BYTES or not text.startswith("\u2014 ") or "\n\n" in text:
        raise AnchorError("cosignatures are lines of a signed note, and nothing else")
    return text

"""The proof that one entry is in a log, on its own (C2SP tlog-proof): index, inclusion proof, signed checkpoint.

Who has the entry's line, the log's name and its key needs nothing else. As strict as the specification allows, so that
one proof has one spelling.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from unbroken.core import note
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.tree.hashing import HASH_BYTES
from unbroken.core.tree.verifying import verify_inclusion
from unbroken.errors import NoteError, ProofError

_HEADER: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})")
_MOST_HASHES: Final = 63
_MAX_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True)
class EntryProof:
    """What shows that the leaf at ``index``, which is entry ``index + 1``, is in the tree of a checkpoint.

    ``note`` is the checkpoint as it was signed. ``extra`` is whatever somebody added: nothing vouches for it.
    ``str`` is the proof as a file.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: str
    extra: bytes | None = None

    def __str__(self) -> str:
        extra = [] if self.extra is None else [f"extra {_encoded(self.extra)}"]
        lines = [_HEADER, *extra, f"index {self.index}", *map(_encoded, self.hashes)]
        return "".join(f"{line}\n" for line in lines) + "\n" + self.note

    @classmethod
    def parse(cls, text: str) -> "EntryProof":
        """The proof that a file holds, nothing of it verified; raises :class:`ProofError` for anything else."""
        top, separator, signed = text.partition("\n\n")
        header, *lines = top.split("\n")
        extra = _decoded(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
        match = _INDEX.fullmatch(lines[0]) if lines else None
        if len(text) > _MAX_BYTES or header != _HEADER or match is None or not separator:
            raise ProofError("this is no proof of an entry: a header, an index, hashes, and a checkpoint")
        hashes = tuple(map(_decoded, lines[1:]))
        if len(hashes) > _MOST_HASHES or any(len(each) != HASH_BYTES for each in hashes):
            raise ProofError("an entry's proof holds something that is no hash, or more of them than any tree is high")
        return cls(int(match[1]), hashes, signed, extra)

    def stated(self) -> Checkpoint:
        """The checkpoint that it brings along, its signatures not verified."""
        try:
            return Checkpoint.parse(note.parse(self.note).text)
        except NoteError as error:
            raise ProofError("an entry's proof does not end in a signed checkpoint") from error

    def verify(self, leaf: bytes, checkpoint: Checkpoint) -> None:
        """Returns if it shows that ``leaf``, an entry's hash, is in the tree of ``checkpoint``.

        ``checkpoint`` is the one that it brings along, once a trusted key was seen to have signed it for the log that
        was meant. Raises :class:`ProofError` if it shows no such thing, or brings another checkpoint.
        """
        if checkpoint != self.stated():
            raise ProofError("an entry's proof brings another checkpoint than the one that was verified")
        verify_inclusion(leaf, self.index, size=checkpoint.size, root=checkpoint.root, proof=self.hashes)


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(text: str) -> bytes:
    try:
        raw = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ProofError("an entry's proof is not in base64") from error
    if _encoded(raw) != text:
        raise ProofError("an entry's proof is in base64 with another spelling than its one")
    return raw

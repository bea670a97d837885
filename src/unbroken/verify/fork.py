"""Proof that two histories of one log were signed, for anybody who has the log's key (spec/FORKS.md).

Two signed checkpoints of one size and two roots prove it by themselves. Of different sizes they do together with the
root that the larger tree has at the smaller's size, and the proof of consistency (RFC 6962) that it has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from unbroken.core.canonical import canonical
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.entry import hash_of
from unbroken.core.normalise import Json
from unbroken.core.tree.proving import consistency_proof
from unbroken.core.tree.tile import LEVEL_BITS, Tile
from unbroken.core.tree.verifying import verify_consistency
from unbroken.errors import ProofError
from unbroken.verify.outside import Fork, Signers
from unbroken.verify.source import Source
from unbroken.verify.tree import Tree

MAX_PROOF_BYTES: Final = 1 << 20
_Hex = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Note = Annotated[str, Meta(max_length=1 << 16)]


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    checkpoints: tuple[_Note, _Note]
    consistency: Annotated[list[_Hex], Meta(max_length=64)]
    log: str
    root: _Hex
    v: Literal[1]


@dataclass(frozen=True, slots=True)
class ForkProof:
    """Two notes, the smaller tree's first, the root that the larger tree has at the smaller's size, and its proof."""

    log: str
    notes: tuple[str, str]
    root: bytes
    consistency: tuple[bytes, ...] = field(repr=False)

    def to_bytes(self) -> bytes:
        """Canonical JSON and a newline, in which :meth:`from_bytes` reads it."""
        written: dict[str, Json] = {
            "v": 1,
            "log": self.log,
            "checkpoints": list(self.notes),
            "root": self.root.hex(),
            "consistency": [each.hex() for each in self.consistency],
        }
        return canonical(written) + b"\n"

    @classmethod
    def from_bytes(cls, raw: bytes) -> "ForkProof":
        """Nothing is verified but the layout; raises :class:`ProofError` for any other bytes."""
        try:
            read = msgspec.json.decode(raw[: MAX_PROOF_BYTES + 1], type=_Written)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ProofError("this is no proof of a fork (spec/FORKS.md)") from error
        proof = cls(read.log, read.checkpoints, bytes.fromhex(read.root), tuple(map(bytes.fromhex, read.consistency)))
        if proof.to_bytes() != raw:
            raise ProofError("a proof of a fork is not spelt as the only spelling is")
        return proof

    def verified(self, signers: Signers) -> tuple[Checkpoint, Checkpoint]:
        """The two checkpoints, which exclude each other.

        Raises :class:`NoteError` where one of them is not signed by a trusted key, and :class:`ProofError` where both
        may be of one history.
        """
        smaller, larger = (signers.opened(note, origin=self.log)[0] for note in self.notes)
        if smaller.size > larger.size or smaller.size == 0:
            raise ProofError("the smaller checkpoint comes first, and has entries")
        verify_consistency(self.root, larger.root, old_size=smaller.size, new_size=larger.size, proof=self.consistency)
        if self.root == smaller.root:
            raise ProofError("the larger tree continues the smaller one: this shows no fork")
        return smaller, larger


def proof_of(fork: Fork, log: str) -> ForkProof | None:
    """What to hand to others; ``None`` where the consistency of the larger tree could not be shown."""
    if fork.consistency is None:
        return None
    return ForkProof(log, (fork.smaller.note, fork.larger.note), fork.root, fork.consistency)


def with_consistency(fork: Fork, source: Source) -> Fork:
    """The fork with its proof, for which the entries are read once more; it is verified before it is given.

    As it was where the log doesn't give again what it gave before.
    """
    old, new = fork.smaller.size, fork.larger.size
    if fork.consistency is not None:
        return fork
    try:
        proof = consistency_proof(old, new, reader=_FromEntries(source))
        verify_consistency(fork.root, fork.larger.root, old_size=old, new_size=new, proof=proof)
    except ProofError:
        return fork
    return replace(fork, consistency=proof)


class _FromEntries:
    """Tiles computed from a log's lines: stored ones may be those of another history than the lines are."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read_tiles(self, tiles: Sequence[Tile], /) -> Sequence[bytes]:
        """As :class:`~unbroken.core.tree.reading.TileReader` says."""
        return [b"".join(self._hashes(tile)) for tile in tiles]

    def _hashes(self, tile: Tile) -> Iterator[bytes]:
        leaves = 1 << LEVEL_BITS * tile.level
        tree = Tree()
        for lot in self._source.entries(after=tile.start * leaves, upto=tile.end * leaves):
            for entry in lot:
                tree.add(hash_of(entry.line))
                if tree.size == leaves:
                    yield tree.root
                    tree = Tree()

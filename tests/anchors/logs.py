"""A log for anchors: leaves, signed checkpoints of every size, and consistency proofs, all in memory."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from unbroken.anchors.anchor import Submission, TrustedLog
from unbroken.core import checkpoint as checkpoints
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.note import SigningKey
from unbroken.core.tree.edge import Edge
from unbroken.core.tree.extending import extended
from unbroken.core.tree.proving import consistency_proof, root_of
from unbroken.core.tree.tile import Tile

ORIGIN = "clinic.example/agents~1"
KEY = SigningKey(ORIGIN, b"k" * 32)
TRUSTED = TrustedLog(ORIGIN, (KEY.verifier,))
_LARGEST = 600


@dataclass
class Log:
    """A history: two of different ``salt`` share their first ``common`` leaves and part then."""

    salt: str = ""
    common: int = 0
    key: SigningKey = KEY
    origin: str = ORIGIN
    leaves: list[bytes] = field(init=False)

    def __post_init__(self) -> None:
        texts = [f"{self.salt if at >= self.common else ''}{at}" for at in range(_LARGEST)]
        self.leaves = [hashlib.sha256(b"\x00" + text.encode()).digest() for text in texts]

    def read_tiles(self, tiles: Sequence[Tile], /) -> Sequence[bytes]:
        given = extended(Edge(0, ()), self.leaves)
        held = {
            (tile.level, tile.index): content for part in (given.partial, given.full) for tile, content in part.items()
        }
        return [held[tile.level, tile.index][: tile.length] for tile in tiles]

    def root(self, size: int) -> bytes:
        return root_of(size, self)

    def checkpoint(self, size: int, *extensions: str) -> Checkpoint:
        return Checkpoint(self.origin, size, self.root(size), extensions)

    def note(self, size: int, *extensions: str) -> str:
        return checkpoints.signed(self.checkpoint(size, *extensions), self.key)

    def submission(self, size: int, *extensions: str) -> Submission:
        trusted = TrustedLog(self.origin, (self.key.verifier,))
        return Submission.of(
            self.note(size, *extensions), trusted, consistency=lambda old: consistency_proof(old, size, reader=self)
        )

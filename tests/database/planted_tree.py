"""Logs of any size whose hashes are given, as a superuser plants them, and a tree over a log, as a notary lays it."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

from tests.conftest import LOG, Database
from unbroken.core import checkpoint as signing
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.note import SigningKey
from unbroken.core.tree.edge import Edge
from unbroken.core.tree.extending import extended
from unbroken.store.checkpoints import Checkpoints
from unbroken.store.tree import LEAVES


def plant(database: Database, hashes: Iterable[bytes]) -> None:
    """Entries from 1 on with these hashes; no tile is laid down."""
    now = datetime.now(UTC)
    into = "copy unbroken.entries (log, seq, recorded_at, writer, prev_hash, hash, event, id, event_type, actor_id)"
    with database.admin.cursor() as cursor, cursor.copy(f"{into} from stdin") as copy:
        before = bytes(32)
        for seq, each in enumerate(hashes, start=1):
            copy.write_row((1, seq, now, "writer", before, each, "{}", uuid.UUID(int=seq), "request", "u"))
            before = each


def lay_tiles(checkpoints: Checkpoints, size: int, *, lot: int = LEAVES) -> Edge:
    """Extends the tree that is kept to ``size`` entries, as a notary does, so many leaves at a time."""
    edge = Edge(0, ())
    while edge.size < size:
        for hashes in checkpoints.tree.leaves(edge.size, min(size, edge.size + lot)):
            added = extended(edge, [hashes[at : at + 32] for at in range(0, len(hashes), 32)])
            checkpoints.tree.store({**added.full, **added.partial})
            edge = added.edge
    return edge


def sign(database: Database, key: SigningKey, *, upto: int | None = None, log: str = LOG) -> Checkpoint:
    """A checkpoint of all entries that there are, or the first ``upto``, signed and stored as a notary does it."""
    with Checkpoints.open(database.conninfo("notary"), log) as checkpoints:
        size = upto or checkpoints.state().head
        checkpoint = Checkpoint(checkpoints.log, size, lay_tiles(checkpoints, size).root)
        note = signing.signed(checkpoint, key)
        checkpoints.store(size, checkpoint.root, note, signed_at=datetime.now(UTC), each_start=True)
    return checkpoint

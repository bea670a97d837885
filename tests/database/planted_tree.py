"""Logs of any size whose hashes are given: rows as a superuser plants them, with nothing behind the hashes."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

from tests.conftest import Database
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

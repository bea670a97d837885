"""The yardstick: the same rows by COPY into plain tables, without a check, a lock or a hash."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from rows import Batch
from servers import Database

from unbroken.core.commitment import PARTS
from unbroken.core.event import Event

_TABLES = (Path(__file__).parent / "sql" / "plain_tables.sql").read_text()


class PlainTables:
    """The tables, and a connection of the same login that also uses the log."""

    def __init__(self, database: Database) -> None:
        with database.connect("postgres") as admin:
            admin.execute(_TABLES)
        self._connection = database.connect("writer")
        self._seq = 0

    def rows(self, batch: Batch) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """What the two tables get for a batch, hashes included."""
        entries: list[tuple[Any, ...]] = []
        payloads: list[tuple[Any, ...]] = []
        before, now = bytes(32), datetime.now(UTC)
        for item, text, parts in zip(batch.drafts, batch.events, batch.parts, strict=True):
            self._seq += 1
            digest = sha256(text).digest()
            envelope = (1, self._seq, self._seq, now, "writer", None, before, digest, text.decode())
            entries.append((*envelope, *_columns(item.event)))
            held = [parts.get(name) for name in PARTS]
            flat = [value for part in held for value in ((part.value.decode(), part.salt) if part else (None, None))]
            payloads.append((1, self._seq, *flat))
            before = digest
        return entries, payloads

    def copy(self, rows: tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]) -> None:
        """Both COPYs in one committed transaction."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for statement, lines in zip(
                ("copy plain_entries from stdin", "copy plain_payloads from stdin"), rows, strict=True
            ):
                with cursor.copy(statement) as copy:
                    for line in lines:
                        copy.write_row(line)

    def close(self) -> None:
        self._connection.close()


def _columns(event: Event) -> tuple[Any, ...]:
    outcome = None if event.decision is None else event.decision.outcome
    return (
        event.id,
        event.event_type,
        event.actor_id,
        event.agent_id,
        event.session_id,
        event.tool,
        event.side_effect,
        outcome,
        event.resource_type,
        event.resource_id,
    )

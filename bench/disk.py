"""Bytes on disk and of WAL per entry."""

from pathlib import Path
from typing import Any, Final

from append import fill
from plan import BATCH, SIZES, Plan, size_name
from report import Result, figure
from rows import Conversations
from servers import Database, Server, fresh_database
from timing import tell

_QUERY: Final = (Path(__file__).parent / "sql" / "disk_use.sql").read_text()
_PARTS: Final = ("entries", "entries' indexes", "event_ids", "sessions", "payloads")


def measure(server: Server, plan: Plan) -> Result:
    """What one entry takes, by table, for each size of entry."""
    figures: dict[str, Any] = {}
    rows: list[list[str]] = []
    for size in SIZES:
        tell(f"{server.kind}: disk, {size_name(size)}")
        with fresh_database(server, "disk") as database:
            used, wal, recorded = _use(database, size, plan.disk_batches)
        payload = used["payloads"]
        without = sum(used.values()) - payload
        rows.append([size_name(size), *map(figure, (without, payload, without + payload, wal))])
        figures[size_name(size)] = {"recorded": recorded, "without_payload": without, "wal": wal} | used
    return Result(
        "disk",
        f"Bytes per entry on disk, {server.kind}",
        ("entry", "without payload", "its payload", "both", "WAL"),
        rows,
        figures,
        (),
        [
            "without payload: entries and their indexes, event_ids, sessions. its payload: table, TOAST and index.",
            f"After {plan.disk_batches * BATCH:,} entries in batches of {BATCH}. WAL right after a checkpoint, so that",
            "only new pages are written; where checkpoints are frequent there is more of it.",
        ],
    )


def _use(database: Database, size: int, batches: int) -> tuple[dict[str, float], float, float]:
    """Bytes per entry by table, of WAL, and as recorded. What empty tables take is not counted."""
    entries = batches * BATCH
    source = Conversations(size, seed=size)
    recorded = source.batch(BATCH).mean_bytes
    with database.connect("postgres") as admin:
        admin.execute("checkpoint")
        empty, start = _sizes(admin), _position(admin)
        for _ in fill(database, source, batches):
            pass
        wal = _position(admin) - start
        full = _sizes(admin)
    used = {part: (after - before) / entries for part, before, after in zip(_PARTS, empty, full, strict=True)}
    return used, wal / entries, recorded


def _sizes(admin: Any) -> list[int]:
    return list(admin.execute(_QUERY).fetchone())


def _position(admin: Any) -> int:
    return int(admin.execute("select pg_current_wal_lsn() - '0/0'::pg_lsn").fetchone()[0])

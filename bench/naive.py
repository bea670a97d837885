"""What people write first: SQLAlchemy, a commit per record, each with the hash of the one before from memory."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from append import door
from plan import BATCH, Plan
from report import Result, Target, figure
from rows import Batch, Conversations
from servers import LOG, Database, Server, fresh_database
from sqlalchemy import JSON, URL, DateTime, String
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from timing import Sample, side_by_side, tell

from unbroken.store.log_writer import LogWriter

_SIZE = 1_200
_RECORDS = 200


class _Base(DeclarativeBase):
    pass


class _AuditRecord(_Base):
    """A plain table with nothing but its primary key."""

    __tablename__ = "audit_records"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    timestamp: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    action: Mapped[str]
    actor_id: Mapped[str]
    conversation_id: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    integrity_hash: Mapped[str]
    previous_hash: Mapped[str]


class _NaiveLogger:
    """The last hash is kept here, so a second process, or a restart, would fork the chain; it is fast, though."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)
        self._last = "0" * 64

    async def record(self, fields: dict[str, Any], details: dict[str, Any]) -> None:
        content = json.dumps({"details": details, "previous": self._last}, sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()
        row = _AuditRecord(**fields, details=details, integrity_hash=digest, previous_hash=self._last)
        async with self._session() as session:
            session.add(row)
            await session.commit()
        self._last = digest


def measure(server: Server, plan: Plan) -> Result:
    """Records per second of the naive logger and entries per second of the door."""
    tell(f"{server.kind}: the naive logger")
    with fresh_database(server, "naive") as database, asyncio.Runner() as runner:
        samples = _compare(database, runner, plan)
    naive, batch = samples["naive"].rate(_RECORDS), samples["door"].rate(BATCH)
    return Result(
        "naive",
        f"The naive logger, 1.2 KB, {server.kind}",
        ("way", "records/s", "ratio"),
        [
            ["SQLAlchemy async, one commit per record", figure(naive), "1.00"],
            [f"unbroken.append, batches of {BATCH}", figure(batch), figure(batch / naive)],
        ],
        {"naive": naive, "door": batch, "ratio": batch / naive, "times": samples["naive"].times},
        [Target("append against the naive logger", batch / naive, 15)],
    )


def _compare(database: Database, runner: asyncio.Runner, plan: Plan) -> dict[str, Sample]:
    engine = create_async_engine(_url(database))
    runner.run(_create_table(engine))
    source = Conversations(_SIZE, seed=_SIZE)
    logger = _NaiveLogger(engine)
    try:
        with closing(LogWriter(database.conninfo("writer"), LOG)) as writer:
            return side_by_side(
                {
                    "naive": lambda: _naively(logger, runner, source.batch(_RECORDS)),
                    "door": lambda: door(writer, source),
                },
                rounds=plan.rounds,
                warm_up=plan.warm_up,
            )
    finally:
        runner.run(engine.dispose())


def _naively(logger: _NaiveLogger, runner: asyncio.Runner, batch: Batch) -> Callable[[], object]:
    records = [_record_of(text, parts) for text, parts in zip(batch.events, batch.parts, strict=True)]

    async def record_all() -> None:
        for fields, details in records:
            await logger.record(fields, details)

    return lambda: runner.run(record_all())


def _record_of(text: bytes, parts: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """An event and its payload as the columns of the plain table."""
    event = json.loads(text)
    fields = {
        "id": event["id"],
        "timestamp": datetime.now(UTC),
        "action": event["event_type"],
        "actor_id": event["actor_id"],
        "conversation_id": event["session_id"],
    }
    return fields, {"event": event} | {name: json.loads(part.value) for name, part in parts.items()}


def _url(database: Database) -> URL:
    place = {"host": database.server.host, "port": str(database.server.port)}
    return URL.create("postgresql+psycopg", username="postgres", database=database.name, query=place)


async def _create_table(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(_Base.metadata.create_all)

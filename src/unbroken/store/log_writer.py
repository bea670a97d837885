"""The writer's side of the door: the three functions that a recorder may call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from psycopg import Connection as PsycopgConnection
from psycopg.errors import UniqueViolation

from unbroken.core.commitment import PARTS
from unbroken.core.entry import Part
from unbroken.store.connection import Connection, connect, translated
from unbroken.store.migrations import require_schema
from unbroken.store.sql import query


class AlreadyRecordedError(Exception):
    """Some ids of a batch are in the log already; nothing of the batch was recorded by this call."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the database says of one entry after recording it; hashes are raw bytes."""

    seq: int
    session_seq: int | None
    recorded_at: datetime
    prev_hash: bytes
    hash: bytes


class LogWriter:
    """One connection of a writer login to one log. Not for use by several threads at once."""

    def __init__(self, conninfo: str, origin: str) -> None:
        self._origin = origin
        self._connection: Connection = connect(conninfo)
        try:
            with translated():
                self._connection.execute(query("read_committed"))
                row = self._connection.execute(query("describe_log"), (origin,)).fetchone()
            self.log, self.writer, newest, oldest = cast("tuple[str, str, int | None, int]", row)
            require_schema(newest, oldest=oldest)
        except BaseException:
            self._connection.close()
            raise

    @property
    def broken(self) -> bool:
        """Whether the connection is gone, so that the outcome of the last call is unknown if it failed."""
        return self._connection.closed

    def append(self, events: Sequence[bytes], parts: Sequence[dict[str, Part]]) -> list[Row]:
        """Records a batch and returns its rows in order; all of it or nothing.

        Raises :class:`AlreadyRecordedError` when an id is there already. When any other error is raised and
        :attr:`broken` is true afterwards, the outcome is unknown.
        """
        columns: list[Sequence[object]] = []
        for part in PARTS:
            held = [payload.get(part) for payload in parts]
            columns.append([None if item is None else item.value.decode() for item in held])
            columns.append([None if item is None else item.salt for item in held])
        with translated(), self._binary() as cursor:
            try:
                cursor.execute(
                    query("append"), (self._origin, [event.decode() for event in events], *columns), prepare=True
                )
            except UniqueViolation as error:
                raise AlreadyRecordedError from error
            return [Row(*row) for row in cursor.fetchall()]

    def receipts(self, ids: Sequence[str], hashes: Sequence[bytes | None]) -> dict[str, tuple[str, str, Row | None]]:
        """State (``recorded``, ``conflict``, ``present``), writer and row of each id that the log knows."""
        with translated(), self._binary() as cursor:
            cursor.execute(query("receipts"), (self._origin, list(ids), list(hashes)))
            return {
                str(event_id): (state, writer, Row(*row) if state == "recorded" else None)
                for event_id, state, writer, *row in cursor.fetchall()
            }

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _binary(self) -> Any:
        return cast("PsycopgConnection[tuple[Any, ...]]", self._connection).cursor(binary=True)

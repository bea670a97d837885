"""The tables that the log's functions act on, as they are at one moment: for verification."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg.adapt import Buffer, Loader
from psycopg.pq import Format
from psycopg.rows import dict_row

from unbroken.store.connection import translated
from unbroken.store.rows import rows_of
from unbroken.store.sent_time import sent_time
from unbroken.store.sql import query

TABLES: Final = (
    *("grants", "access_requests", "tickets", "name_lookups", "openings", "erasures", "subject_keys", "forgotten"),
    *("registries", "key_statements", "recoveries", "alarms", "approvals", "recorders", "agents"),
    *("policy_sets", "start_events", "standing_approvals", "holds", "hold_scopes", "hold_requests"),
    *("disposals", "disposal_lots", "disposal_decisions", "retention_classes"),
)
"""Those that there are rows of; see ``sql/tables.sql``."""


class _Text(Loader):
    """Text in which bytes that are no UTF-8 stay visible as lone surrogates, which no entry holds."""

    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Tables:
    """What a connection sees within one transaction; ``head`` is the number of the newest entry of ``log`` there."""

    connection: "psycopg.Connection[tuple[Any, ...]]"
    log: int
    head: int
    chunk: int

    def rows(self, table: str) -> Iterator[Mapping[str, Any]]:
        """The log's rows of a table, by column, in no order.

        Raises the errors of :mod:`unbroken.errors`; the next table can be read all the same.
        """
        with (
            translated(),
            self.connection.transaction(),
            self.connection.cursor(binary=True, row_factory=dict_row) as cursor,
        ):
            cursor.adapters.register_loader("text", _Text)
            for row in cursor.stream(query(table, of="tables"), (self.log,), size=self.chunk):
                yield {name: sent_time(value) if isinstance(value, bytes) else value for name, value in row.items()}


@contextmanager
def at_one_moment(connection: "psycopg.Connection[tuple[Any, ...]]", log: int, *, chunk: int) -> Iterator[Tables]:
    """All tables of a log as of one moment, for as long as the context lasts."""
    with translated(), connection.transaction():
        connection.execute(query("one_moment", of="tables"))
        head = rows_of(connection, "head", (log,))
        yield Tables(connection, log, head[0][0] if head else 0, chunk)

"""The yardstick for single events: one durable row that holds the same, without a check, a lock or a hash."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from plain import PlainTables
from rows import Batch
from servers import Database

_FOLDER: Final = Path(__file__).parent / "sql"
_TABLE: Final = (_FOLDER / "bare_rows.sql").read_text()
_INSERT: Final = (_FOLDER / "insert_bare_row.sql").read_bytes()


class BareRows:
    """The table, and a connection in autocommit of the same login that also uses the log."""

    def __init__(self, database: Database) -> None:
        self._source = PlainTables(database)
        with database.connect("postgres") as admin:
            admin.execute(_TABLE)
        self._connection = database.connect("writer")

    def insert(self, batch: Batch) -> Callable[[], object]:
        """The insertion of a batch of one event, ready to be sent as a prepared statement."""
        (entry,), (payload,) = self._source.rows(batch)
        return partial(self._connection.execute, _INSERT, (*entry, *payload[2:]), prepare=True)

    def close(self) -> None:
        self._source.close()
        self._connection.close()

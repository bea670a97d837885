"""Where something planted could be left: on the server's disk, in its log, in its tables, in folders of ours."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from psycopg import sql

from tests.conftest import Database
from unbroken.store.sql import script

_PAGE: Final = 8192
_EMPTY: Final = bytes(_PAGE)
_TELLING: Final = {
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
    "log_min_messages": "debug1",
    "log_min_error_statement": "debug1",
    "log_error_verbosity": "verbose",
    "log_connections": "on",
    "wal_keep_size": "2GB",
}
"""The server's log tells everything it can, with every parameter of every statement, and no WAL is thrown away."""


@contextmanager
def telling_everything(database: Database) -> Iterator[None]:
    """In a block: the server writes all that it is told into its log as well."""
    for name, value in _TELLING.items():
        database.admin.execute(sql.SQL("alter system set {} = {}").format(sql.Identifier(name), sql.Literal(value)))
    database.admin.execute("select pg_reload_conf()")
    try:
        yield
    finally:
        for name in _TELLING:
            database.admin.execute(sql.SQL("alter system reset {}").format(sql.Identifier(name)))
        database.admin.execute("select pg_reload_conf()")


def store_uncompressed(database: Database) -> None:
    """Has every value stored as it is: what is compressed can't be found byte by byte."""
    columns = database.admin.execute(
        "select c.oid::regclass::text, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid"
        " where c.relnamespace = 'unbroken'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0"
        " and not a.attisdropped and a.attstorage in ('x', 'm')"
    ).fetchall()
    with database.admin.transaction():
        database.admin.execute(script("ddl_guard_off"))
        for table, column in columns:
            change = f"alter table {table} alter column {{}} set storage external"
            database.admin.execute(sql.SQL(change).format(sql.Identifier(column)))
        database.admin.execute(script("ddl_guard"))


class Disk:
    """The files of a server: data, write-ahead log, and the log that it writes for people."""

    def __init__(self, database: Database) -> None:
        self._database = database
        found = database.admin.execute("select current_setting('data_directory')").fetchone()
        assert found is not None
        self._folder = Path(found[0]).parent
        self._known = set(self._fingerprints())

    def written(self) -> Iterator[tuple[str, bytes]]:
        """After a checkpoint, every page of a file that was not there when this was made; neighbours in one piece."""
        self._database.admin.execute("checkpoint")
        for path in self._files():
            piece = b""
            for page in _pages(path):
                if _fingerprint(page) in self._known or page == _EMPTY:
                    if piece:
                        yield self._place(path), piece
                    piece = b""
                else:
                    piece += page
            if piece:
                yield self._place(path), piece

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """Every table of the schema as text: what is stored in pieces stands together here."""
        tables = self._database.admin.execute(
            "select c.oid::regclass::text from pg_class c"
            " where c.relnamespace = 'unbroken'::regnamespace and c.relkind in ('r', 'm')"
        ).fetchall()
        for (table,) in tables:
            with self._database.admin.cursor().copy(f"copy {table} to stdout") as lines:
                yield f"rows of {table}", b"".join(bytes(line) for line in lines)

    def _files(self) -> list[Path]:
        return sorted(path for path in self._folder.rglob("*") if path.is_file() and path.name != "log.key")

    def _place(self, path: Path) -> str:
        kind = "write-ahead log" if "pg_wal" in path.parts else "data" if "base" in path.parts else "file"
        return f"{kind} {path.relative_to(self._folder)}"

    def _fingerprints(self) -> Iterator[bytes]:
        self._database.admin.execute("checkpoint")
        return (_fingerprint(page) for path in self._files() for page in _pages(path))


def _pages(path: Path) -> Iterator[bytes]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:  # the server removes files as it goes
        return
    for at in range(0, len(data), _PAGE):
        yield data[at : at + _PAGE]


def _fingerprint(page: bytes) -> bytes:
    return hashlib.blake2b(page, digest_size=16).digest()


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All files below a folder of ours, but for the log's key."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "log.key":
            yield str(path.relative_to(folder)), path.read_bytes()


class Heard(logging.Handler):
    """Everything that anybody logs in this process, down to the last detail."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(args)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def listening() -> Iterator[Heard]:
    """In a block: all loggers tell everything."""
    heard, root = Heard(), logging.getLogger()
    level = root.level
    root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        root.setLevel(level)
        root.removeHandler(heard)

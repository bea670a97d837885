"""Several statements in one round trip, each a transaction of its own."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import count
from typing import Any, LiteralString, TypeAlias

import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from unbroken.store.waiting import BoundedConnection

Statement: TypeAlias = tuple[LiteralString, Sequence[object]]
Rows: TypeAlias = list[tuple[Any, ...]]

_PLACEHOLDER = re.compile("%([sb])")
_FORMATS = {"s": PyFormat.AUTO, "b": PyFormat.BINARY}
_BINARY = psycopg.pq.Format.BINARY


def in_one_trip(connection: BoundedConnection, *statements: Statement) -> list[Rows | psycopg.Error]:
    """What each statement gave: its rows, or the error with which its transaction ended.

    All are sent before the first answer is read. A statement whose predecessor failed runs all the same. For
    connections in autocommit mode.
    """
    with connection.lock:
        results = connection.wait(_run(connection, statements))
    return [_rows(connection, result) for result in results]


def _run(connection: BoundedConnection, statements: Sequence[Statement]) -> PQGen[list[PGresult]]:
    server = connection.pgconn
    server.enter_pipeline_mode()
    for text, values in statements:
        _send(connection, text, values)
        # Ends the transaction, so that what comes next is another one.
        server.pipeline_sync()
    while server.flush():
        if (yield Wait.RW) & Ready.R:
            server.consume_input()
    results = []
    for _ in statements:
        results.append((yield from _result(server)))  # noqa: PERF401 - a comprehension can't yield
    server.exit_pipeline_mode()
    return results


def _send(connection: BoundedConnection, text: LiteralString, values: Sequence[object]) -> None:
    numbered, formats = _numbered(text)
    transformer = Transformer(connection)
    given = transformer.dump_sequence(values, formats)
    connection.pgconn.send_query_params(numbered, given, transformer.types, transformer.formats, _BINARY)


@cache
def _numbered(text: LiteralString) -> tuple[bytes, list[PyFormat]]:
    """A statement with ``$1`` for the first placeholder and so on, and the formats that the placeholders ask for."""
    numbers = count(1)
    formats = [_FORMATS[letter] for letter in _PLACEHOLDER.findall(text)]
    return _PLACEHOLDER.sub(lambda _: f"${next(numbers)}", text).encode(), formats


def _result(server: PGconn) -> PQGen[PGresult]:
    """The statement's first error, else its rows. The error may come after the rows, from its commit."""
    found: PGresult | None = None
    while True:
        while server.is_busy():
            if (yield Wait.R):
                server.consume_input()
        result = server.get_result()
        if result is None:
            if server.status == ConnStatus.BAD:
                raise psycopg.OperationalError("the connection was lost")
        elif result.status == ExecStatus.PIPELINE_SYNC:
            if found is None:
                raise psycopg.InternalError("a statement had no result")
            return found
        elif found is None or found.status == ExecStatus.TUPLES_OK:
            found = result


def _rows(connection: BoundedConnection, result: PGresult) -> Rows | psycopg.Error:
    if result.status != ExecStatus.TUPLES_OK:
        return error_from_result(result)
    transformer = Transformer(connection)
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)

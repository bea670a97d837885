"""What a statement of ``sql/queries.sql`` gives."""

from typing import Any

import psycopg

from unbroken.errors import ConfigurationError
from unbroken.store.connection import translated
from unbroken.store.sql import query


def rows_of(connection: "psycopg.Connection[tuple[Any, ...]]", name: str, given: Any = None) -> list[tuple[Any, ...]]:
    """The rows of the statement ``name``, sent in binary; raises the errors of :mod:`unbroken.errors`."""
    with translated(), connection.cursor(binary=True) as cursor:
        return cursor.execute(query(name), given).fetchall()


def first_of(rows: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The first row of a statement that always gives one; raises :class:`ConfigurationError` where it gave none."""
    if not rows:
        raise ConfigurationError("the database gave no answer: run `unbroken init` again")
    return rows[0]

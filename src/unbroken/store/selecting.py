"""Which entries an export is about, by the columns that entries are found by: numbers, and nothing that is believed."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import psycopg

from unbroken.store.rows import rows_of

PAGE: Final = 10_000
"""Numbers of one statement."""


class Selecting:
    """One log, by its number, over a reading login's connection with an open ticket, which somebody else closes.

    Each method gives the numbers of entries up to ``upto``, in ascending order.
    """

    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]", number: int, *, upto: int) -> None:
        self._connection = connection
        self._given = {"log": number, "upto": upto, "limit": PAGE}

    def session(self, session: str) -> Iterator[int]:
        """The entries of one session."""
        return self._pages("seqs_of_session", session=session)

    def actors(self, ids: Sequence[str]) -> Iterator[int]:
        """Those in which one of these acted."""
        return self._pages("seqs_of_actors", ids=list(ids))

    def subjects(self, ids: Sequence[str]) -> Iterator[int]:
        """Those that are about one of these."""
        return self._pages("seqs_of_subjects", ids=list(ids))

    def time(self, since: datetime | None, until: datetime | None) -> Iterator[int]:
        """Those recorded at or after ``since`` and before ``until``, aware times; open where ``None``."""
        return self._pages("seqs_of_time", since=since, until=until)

    def _pages(self, name: str, **given: object) -> Iterator[int]:
        after = 0
        while rows := rows_of(self._connection, name, {**self._given, **given, "after": after}):
            yield from (row[0] for row in rows)
            after = rows[-1][0]

"""The few reads that verification needs. Whoever can answer them can be verified."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from unbroken.core.entry import Head, StoredEntry
from unbroken.core.tree.tile import Tile


class Source(Protocol):
    """A log as some store gives it back."""

    log: str

    def head(self) -> Head:
        """The end that the store states; it only bounds the run and proves nothing."""

    def entries(self, *, after: int = ..., upto: int = ..., session: str | None = None) -> Iterator[list[StoredEntry]]:
        """The entries with ``after < seq <= upto`` in order of seq, some at a time; of one session if it is given."""

    def erasures(self) -> Iterator[list[StoredEntry]]:
        """All ``log.erased`` and ``log.disposed``, in order of seq, some at a time; then later incarnations' ones."""


class SessionRow(Protocol):
    """What an index says of one session."""

    @property
    def session_id(self) -> str: ...
    @property
    def entries(self) -> int: ...
    @property
    def first_seq(self) -> int: ...
    @property
    def last_seq(self) -> int: ...


class Tables(Protocol):
    """The tables that the log's functions act on, all as they were at one moment."""

    @property
    def head(self) -> int:
        """The number of the newest entry at that moment; 0 for an empty log."""

    def rows(self, table: str) -> Iterator[Mapping[str, Any]]:
        """The log's rows of a table, by column, in no order.

        Times are as a line writes them, or a text that no line holds. Raises :class:`UnreadableTableError` where the
        table is not what it should be.
        """


class Index(Source, Protocol):
    """A source that is a database, with tables beside the entries that must agree with them."""

    def impostors(self) -> list[str]:
        """Tables that are not what their name says."""

    def session_counts(self) -> Iterator[SessionRow]:
        """What the table of sessions says, in order of session id."""

    def stray_ids(self) -> list[tuple[int, bool]]:
        """Numbers where the index of ids and the entries disagree, and whether there is an entry of that number."""

    def stray_payloads(self) -> list[int]:
        """Numbers of payloads that belong to no entry."""

    def stray_originals(self) -> list[tuple[int, bool]]:
        """Numbers of originals that no entry commits to, and whether there is an entry of that number."""

    def told_of_holds(self) -> Iterator[list[StoredEntry]]:
        """The entries by which holds begin and change, of all incarnations in order, some at a time."""

    def told_later(self) -> Iterator[list[StoredEntry]]:
        """The entries of later incarnations that tell of what was done with this one, some at a time."""

    def key_absences(self) -> Iterator[tuple[str, int | None]]:
        """The vault's keys without their private half, each with the entry that is said to tell of it."""

    def known_pseudonyms(self, pseudonyms: Sequence[str]) -> list[str]:
        """Which of these, up to 1000, lead to a name."""

    def checkpoints(self) -> Iterator[tuple[int, bytes, str]]:
        """What the table of checkpoints says: size, root and note, larger trees first."""

    def read_tiles(self, tiles: Sequence[Tile], /) -> Sequence[bytes]:
        """As :class:`~unbroken.core.tree.reading.TileReader` says; ``b""`` for a tile that is not there."""

    def tables(self) -> AbstractContextManager[Tables]:
        """The tables beside the entries; while it lasts, entries are given as of the same moment."""

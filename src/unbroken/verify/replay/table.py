"""One table as the entries have it: the rows that there must be, and where a row that there is says something else."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Generic, NamedTuple, TypeAlias, TypeVar

import msgspec

from unbroken.core.times import is_time, parse_time
from unbroken.verify.finding import Kind
from unbroken.verify.replay.act import Statement
from unbroken.verify.spilled import Spilled

Found: TypeAlias = Mapping[str, Any]
"""A row of the database's by column. Times are as a line writes them, or a text that no line holds."""
NEAR: Final = timedelta(hours=1)
"""More than lies between an entry and the row that is made in the same transaction."""


class Remark(NamedTuple):
    """What is wrong beside what a single row says: a finding's kind, place and words, and its part, if it has one."""

    kind: Kind
    seq: int
    expected: str
    found: str
    part: str | None = None


class Row(msgspec.Struct, kw_only=True):
    """A row as the entries have it; attributes are the table's columns.

    ``times`` holds, for each time of the row that no entry states, when the entry beside it was recorded: the two are
    one transaction. ``untold`` are columns of which the entries tell nothing.
    """

    times: dict[str, datetime] = {}
    untold: tuple[str, ...] = ()


R = TypeVar("R", bound=Row)


class Table(Generic[R]):
    """The rows of one table, by their key, while the entries are read in order."""

    name: ClassVar[str]
    row: type[R]
    made: ClassVar[str]
    """The column with the number of the entry that a row is made with."""
    numbers: ClassVar[Sequence[str]] = ()
    """Other columns with numbers of entries."""
    follows: ClassVar[Mapping[str, str]] = {}
    """Columns that are filled with a later entry, each with the column that has its number."""
    is_summed: ClassVar[bool] = False
    """Whether rows depend on entries that they do not name."""

    def __init__(self) -> None:
        decoder = msgspec.msgpack.Decoder(self.row)
        self.rows: Spilled[R] = Spilled(msgspec.msgpack.encode, decoder.decode)

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        """What to do with statements, by their types."""
        return {}

    def key(self, found: Found) -> str:
        """Under which key a row of the database's is to be looked for."""
        raise NotImplementedError

    def is_lawful(self, found: Found) -> bool:  # noqa: ARG002 - for tables with such rows
        """Whether a row of the database's may be there without an entry."""
        return False

    def differing(self, row: R, found: Found) -> Iterator[str]:
        """The columns in which the database says something else."""
        for column in found:
            if column not in row.untold and not self.agrees(column, row, found[column]):
                yield column

    def agrees(self, column: str, row: R, value: Any) -> bool:
        """Whether a column's value is what the entries say."""
        if column in row.times:
            return isinstance(value, str) and is_near(value, row.times[column])
        return bool(getattr(row, column) == value)

    def place(self, column: str, row: R) -> int:
        """The number of the entry that a column follows from."""
        later = self.follows.get(column)
        return number_in(row, later) or number_in(row, self.made)

    def remarks(self) -> Iterable[Remark]:
        """What else there is to tell; asked for once, after all rows were compared."""
        return ()

    def named_in(self, found: Found) -> list[int]:
        """The entries that a row of the database's names."""
        numbers = (found.get(column) for column in (self.made, *self.numbers))
        return [number for number in numbers if isinstance(number, int)]


def number_in(row: Row, column: str | None) -> int:
    """The number of an entry in a column; 0 where there is none."""
    number = None if column is None else getattr(row, column)
    return number if isinstance(number, int) else 0


def is_near(stated: str, told: datetime) -> bool:
    """Whether a time belongs to the transaction that recorded an entry at another."""
    return is_time(stated) and abs(parse_time(stated) - told) <= NEAR


def stated_time(told: Statement, key: str) -> str | None:
    """The time that an entry states under ``key``."""
    text = told.text(key)
    return text if text is not None and is_time(text) else None


def is_json(text: Any, told: Any) -> bool:
    """Whether a text of the database's is the JSON that an entry states."""
    if told is None or not isinstance(text, str):
        return told is None and text is None
    try:
        return bool(msgspec.json.decode(text) == told)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False

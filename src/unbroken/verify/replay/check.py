"""The tables that a database acts on, held against what the entries add up to."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any, Final

from unbroken.core.times import is_time
from unbroken.errors import UnavailableError, UnbrokenError
from unbroken.verify.chain import Chain
from unbroken.verify.examine import Intact, examine
from unbroken.verify.following import follow
from unbroken.verify.numbers import Run, merged
from unbroken.verify.replay.act import Statement
from unbroken.verify.replay.model_call import ModelCall
from unbroken.verify.replay.recording import says
from unbroken.verify.replay.replay import Replay
from unbroken.verify.replay.table import Found, Row, Table
from unbroken.verify.source import Index, Source, Tables

CATCHING_UP: Final = 5
"""How often a log that grows meanwhile is followed before its tables are looked at as they are at one moment."""
NEARLY: Final = 10_000
"""Entries that may be left to follow at that moment."""


def check_tables(chain: Chain, source: Index) -> None:
    """Adds to a chain that was followed to its end where a table says something else than its replay.

    Entries are followed on to the moment at which the tables are read, without being part of what is verified: what is
    wrong with those the next run tells.
    """
    replay = chain.replay
    if replay is None:
        return
    beyond = Chain(log=chain.log, start=chain.top, replay=replay)
    after = chain.end
    for _ in range(CATCHING_UP):
        upto = source.head().seq
        if upto - after <= NEARLY:
            break
        follow(beyond, source, after=after, upto=upto)
        after = upto
    with source.tables() as tables:
        follow(beyond, source, after=after, upto=tables.head)
        is_closed = _hear_later(replay, source)
        comparison = _Comparison(chain, replay, tables, _Unread((chain, beyond), replay.unheard), is_closed=is_closed)
        for table in replay.tables:
            comparison.hold(table)
        comparison.look_at_doubtful(source)
        comparison.finish()


def _hear_later(replay: Replay, source: Index) -> bool:
    """Takes the word of later incarnations on what was done with this one; whether there are any that speak of it."""
    is_closed = False
    for entries in source.told_later():
        is_closed = True
        for step in map(examine, entries):
            if isinstance(step, Intact) and isinstance(step.tells, Statement) and step.tells.about == source.log:
                replay.hear_later(step.tells)
    return is_closed


class _Unread:
    """The numbers of entries that can't be believed, or are not there, below the end."""

    def __init__(self, chains: Iterable[Chain], unheard: Iterable[int]) -> None:
        runs = [merged(sorted(_unread_in(chain))) for chain in chains]
        found = list(merged(*runs, ((seq, seq) for seq in sorted(unheard))))
        self._firsts = [first for first, _ in found]
        self._lasts = [last for _, last in found]

    def __contains__(self, seq: int) -> bool:
        at = bisect_right(self._firsts, seq)
        return at > 0 and seq <= self._lasts[at - 1]

    def __bool__(self) -> bool:
        return bool(self._firsts)


def _unread_in(chain: Chain) -> Iterator[Run]:
    yield from chain.gaps
    yield from chain.unread
    if chain.broken:
        yield chain.top.seq + 1, chain.end


class _Comparison:
    """The tables of one moment beside a replay up to that moment.

    Where entries can't be read, rows that name them are left out: what they should say nobody knows. So are tables
    whose rows depend on entries that they don't name.
    """

    def __init__(self, chain: Chain, replay: Replay, tables: Tables, unread: _Unread, *, is_closed: bool) -> None:
        # Where later incarnations tell of the log, rows name entries of theirs.
        self._is_closed = is_closed
        self._chain = chain
        self._replay = replay
        self._tables = tables
        self._unread = unread
        self._beyond = 0

    def hold(self, table: Table[Any]) -> None:
        """Compares one table."""
        if table.is_summed and self._unread:
            return
        try:
            for found in self._tables.rows(table.name):
                self._hold_row(table, found)
        except UnavailableError:
            raise
        except UnbrokenError as error:
            self._chain.find("unverifiable", 0, expected=f"table {table.name} to be readable", found=str(error))
            return
        for key in table.rows:
            row = table.rows.get(key)
            if row is not None:
                self._find(
                    table, table.place(table.made, row), expected="the row that this entry tells of", found="none"
                )
        for each in table.remarks():
            self._chain.find(each.kind, each.seq, expected=each.expected, found=each.found, part=each.part)

    def look_at_doubtful(self, source: Source) -> None:
        """Compares what is left of the agents: each row with the call that it names."""
        agents = self._replay.agents
        for found in agents.doubtful:
            if not says(_call(source, found["seq"]), found):
                self._find(agents, found["seq"], expected="what this call says of its agent", found="another row")

    def finish(self) -> None:
        """Tells of a log that ends before what its tables know."""
        head = self._tables.head
        if self._beyond > head and not any(finding.kind == "truncated" for finding in self._chain.findings.kept):
            found = f"the end after {head}, though other tables know of entry {self._beyond}"
            self._chain.find("truncated", head + 1, expected=f"entries up to {self._beyond}", found=found)

    def _hold_row(self, table: Table[Any], found: Found) -> None:
        row = table.rows.take(table.key(found))
        named = table.named_in(found)
        if any(seq in self._unread for seq in named):
            return
        if max(named, default=0) > self._tables.head and not self._is_closed:
            self._beyond = max(self._beyond, *named)
        elif table is self._replay.agents and self._replay.agents.is_doubtful(found):
            self._replay.agents.doubtful.append(found)
        elif row is not None:
            self._hold_columns(table, row, found)
        elif not table.is_lawful(found):
            self._find(table, max(named[:1], default=0), expected="no such row: no entry tells of it", found="one")

    def _hold_columns(self, table: Table[Any], row: Row, found: Found) -> None:
        wrong: dict[int, list[str]] = {}
        for column in table.differing(row, found):
            wrong.setdefault(table.place(column, row), []).append(column)
        for seq, columns in wrong.items():
            stated = ", ".join(f"{column} {_shown(getattr(row, column, '')) or 'as told'}" for column in columns)
            there = ", ".join(f"{column} {_shown(found[column]) or 'otherwise'}" for column in columns)
            self._find(table, seq, expected=stated, found=there)

    def _find(self, table: Table[Any], seq: int, *, expected: str, found: str) -> None:
        self._chain.find("table_disagrees", seq, expected=f"{table.name}: {expected}", found=found, part=table.name)


def _call(source: Source, seq: int) -> ModelCall | None:
    for entries in source.entries(after=seq - 1, upto=seq):
        for step in map(examine, entries):
            if isinstance(step, Intact) and isinstance(step.tells, ModelCall):
                return step.tells
    return None


def _shown(value: object) -> str:
    """A number or a time as it is; of any other value, which may be somebody's words, nothing."""
    if value is None:
        return "absent"
    return str(value) if isinstance(value, bool | int) or (isinstance(value, str) and is_time(value)) else ""

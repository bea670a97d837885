"""Finding what a bundle is about: the database is asked, and the lines are held against the question afterwards."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from unbroken.core.times import parse_time
from unbroken.errors import UnbrokenError
from unbroken.store.investigations import MOST, Investigations
from unbroken.store.log_reader import LogReader
from unbroken.store.selecting import Selecting
from unbroken.verify.bundle.selection import Selection
from unbroken.verify.numbers import Run

_LONG_AGO: Final = parse_time("1970-01-01T00:00:00.000000Z")
_FAR_OFF: Final = parse_time("9999-01-01T00:00:00.000000Z")


def chosen(selection: Selection, reader: LogReader) -> list[Run]:
    """The numbers of the entries that ``selection`` is of, as ascending runs. Needs an open ticket for the log."""
    if selection.kind == "log":
        return [(1, selection.upto)]
    found = _asked(selection, reader) if selection.kind == "query" else _by_column(selection, reader)
    return list(runs_of(seq for seq in found if seq <= selection.upto))


def by_what_is_known(selection: Selection, reader: LogReader) -> Selection:
    """The same selection, of ids without those that it finds nothing by.

    A bundle that named a person's real name beside the pseudonyms in its lines would tell who they stand for.
    """
    found = (each for each in selection.ids if chosen(replace(selection, ids=(each,)), reader))
    return replace(selection, ids=tuple(found))


def runs_of(seqs: Iterable[int]) -> Iterator[Run]:
    """Ascending numbers as runs."""
    first = last = 0
    for seq in seqs:
        if last and seq != last + 1:
            yield first, last
            first = seq
        first, last = first or seq, seq
    if last:
        yield first, last


def _by_column(selection: Selection, reader: LogReader) -> Iterator[int]:
    known = Selecting(reader.connection, reader.number, upto=selection.upto)
    match selection.kind:
        case "session":
            return known.session(selection.session or "")
        case "actor":
            return known.actors(selection.ids)
        case "subject":
            return known.subjects(selection.ids)
        case _:
            return known.time(*_span(selection))


def _asked(selection: Selection, reader: LogReader) -> list[int]:
    """What one of the questions finds: the entries of its rows and, of calls, the request and the decision."""
    known, (since, upto) = Investigations(reader.connection, reader.log), _span(selection)
    pages: list[Callable[..., Sequence[Any]]]
    match selection.query:
        case "actions":
            asked = partial(known.agent_actions, selection.agent or "", since=since, upto=upto)
            pages = [partial(asked, actor) for actor in selection.ids]
        case "access":
            pages = [partial(known.resource_access, each, kind=selection.resource_type) for each in selection.ids]
        case "contains":
            pages = [partial(known.entries_containing, selection.flags, since=since, upto=upto)]
        case "unapproved":
            pages = [partial(known.unapproved_calls, since=since, upto=upto)]
        case _:
            pages = [partial(known.errors_between, since or _LONG_AGO, upto or _FAR_OFF)]
    return sorted({seq for page in pages for row in _rows(page) for seq in _places(row, selection)})


def _rows(page: Callable[..., Sequence[Any]]) -> Iterator[Any]:
    """The rows of all pages."""
    after, before = 0, set[int]()
    while rows := page(after=after, limit=MOST):
        after = _seq(rows[-1])
        if after in before:
            raise UnbrokenError("the database gave the same rows twice, so its answer is worth nothing")
        before.add(after)
        yield from rows


def _places(row: Any, selection: Selection) -> Iterator[int]:
    yield _seq(row)
    if selection.query == "unapproved":
        yield from (seq for seq in (row.decided_seq, row.asked_seq) if seq is not None)


def _seq(row: Any) -> int:
    return int(row if isinstance(row, int) else row.seq)


def _span(selection: Selection) -> tuple[datetime | None, datetime | None]:
    since, until = (None if text is None else parse_time(text) for text in (selection.since, selection.until))
    return since, until

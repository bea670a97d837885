"""Following a log's entries page by page, in one process or shared out among several."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from itertools import count
from multiprocessing import get_context
from typing import Final, TypeAlias

from unbroken.core.entry import StoredEntry
from unbroken.verify.chain import Chain, Run, summarise
from unbroken.verify.examine import examine
from unbroken.verify.holding import Scope
from unbroken.verify.source import Source

UNIT: Final = 8192
"""Entries that a worker process reads and examines at a time: a perfect subtree, so it has one hash to hand over."""
AHEAD: Final = 2
"""Units that each worker process may be ahead of the chain."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of the last entry that was checked and the last one there is to check."""


def follow(
    chain: Chain,
    source: Source,
    *,
    after: int,
    upto: int,
    session: str | None = None,
    progress: Progress = lambda _done, _of: None,
) -> None:
    """Follows the entries with ``after < seq <= upto``, of one session where it is given."""
    for entries in source.entries(after=after, upto=upto, session=session):
        _follow_page(chain, entries)
        progress(entries[-1].seq, upto)


def _follow_page(chain: Chain, entries: list[StoredEntry]) -> None:
    steps = [examine(entry) for entry in entries]
    run = summarise(steps, _cuts(chain, chain.end, chain.end + len(steps)), chain.scopes)
    if run is None or not chain.follow_run(run):
        chain.follow(steps)


# Each worker process has a source of its own; it is made once, by the pool's initializer.
_source: Source | None = None


def _start_worker(connect: Callable[[], Source]) -> None:
    global _source  # noqa: PLW0603
    _source = connect()


def _examine_unit(
    after: int, upto: int, cuts: tuple[int, ...] | None, scopes: tuple[Scope, ...]
) -> tuple[int, Run | None]:
    """The number of entries in a unit, and what the chain needs of it if there is nothing wrong with it."""
    if _source is None:
        return 0, None
    steps = [examine(entry) for entries in _source.entries(after=after, upto=upto) for entry in entries]
    return len(steps), summarise(steps, cuts, scopes)


def _cuts(chain: Chain, after: int, upto: int) -> tuple[int, ...] | None:
    """Where the chain's tree wants its root among these entries."""
    return None if chain.tree is None else chain.tree.cuts(after, upto)


def follow_in_parallel(
    chain: Chain,
    source: Source,
    *,
    after: int,
    upto: int,
    workers: int,
    connect: Callable[[], Source],
    progress: Progress,
) -> None:
    """Follows whole units while they are there; leaves off where numbers are missing."""
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (connect,))
    with pool:
        cuts = partial(_cuts, chain)
        for begin, result in _in_order(pool, cuts, chain.scopes, after=after, upto=upto, ahead=workers * AHEAD):
            size, run = result.result()
            last = min(begin + UNIT, upto)
            if size != last - begin:
                pool.shutdown(cancel_futures=True)
                return
            if run is None or not chain.follow_run(run):
                follow(chain, source, after=begin, upto=last)
            progress(last, upto)


def _in_order(
    pool: ProcessPoolExecutor,
    cuts: Callable[[int, int], tuple[int, ...] | None],
    scopes: tuple[Scope, ...],
    *,
    after: int,
    upto: int,
    ahead: int,
) -> Iterator[tuple[int, "Future[tuple[int, Run | None]]"]]:
    waiting: deque[tuple[int, Future[tuple[int, Run | None]]]] = deque()
    for begin in count(after, UNIT):
        if begin < upto:
            last = min(begin + UNIT, upto)
            waiting.append((begin, pool.submit(_examine_unit, begin, last, cuts(begin, last), scopes)))
        if not waiting:
            return
        if len(waiting) >= ahead or begin >= upto:
            yield waiting.popleft()

"""A recorder's use of its spool, step by step, as a process that may die anywhere in it.

``python -m tests.unit.spool_steps die STEPS ROOT`` carries the steps out again and again in children, of which the
first is killed before its first change on the disk, the second before its second, and so on; the last one lives. After
each it prints how many steps were acknowledged and what the spool then holds. ``record STEPS ROOT FILE`` carries them
out once and writes down what is done to the disk, and ``forever STEPS ROOT`` puts batches and prints their numbers. The
first two need ``disk_calls.c`` preloaded. The spool stands two folders below ROOT, which is there.
"""

import ctypes
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from tests.unit.spooled import LOG, NOTHING, Snapshot, opened, put, sealed, snapshot
from unbroken.ledger.spool.spool import Spool, orphans

Step = Callable[[Spool], object]


def _done(spool: Spool) -> None:
    first = spool.first(events=1)
    assert first is not None
    spool.done(first[0])


def _declare(spool: Spool) -> None:
    window = spool.window()
    assert window is not None
    assert spool.gap_declared(window)


STEPS: Final[list[Step]] = [
    lambda spool: put(spool, 1, 2),
    lambda spool: put(spool, 3),
    lambda spool: put(spool, 4, 5, 6, value="x" * 20_000),
    _done,
    lambda spool: spool.refuse([sealed(5).id], "no"),
    lambda spool: put(spool, 7),
    _done,
    _done,
    _done,
    _declare,
    lambda spool: put(spool, 8, value="y" * 50_000),
    _done,
    _declare,
]
"""In the end an event that was refused keeps the file where it is."""
LAST: Final[list[Step]] = [lambda spool: put(spool, 1), _done, _declare]
SCENARIOS: Final = {"steps": STEPS, "last": LAST}

_shim = ctypes.CDLL(None)


def spool_below(root: Path) -> Path:
    """Where the spool stands: none of its folders is there before."""
    return root / "above" / "spool"


def after_each(folder: Path, steps: list[Step]) -> list[Snapshot]:
    """What a spool holds before the first step and after each."""
    states = [NOTHING]
    with closing(opened(folder)) as spool:
        for step in steps:
            step(spool)
            states.append(snapshot(spool))
    shutil.rmtree(folder)
    return states


def survivor(folder: Path) -> Snapshot:
    """What somebody finds who looks at the spool later, after the next recorder has looked for orphans."""
    for _ in orphans(folder, log=LOG):
        pass
    with closing(opened(folder)) as spool:
        found = snapshot(spool)
        put(spool, 1000)
        waiting, refused, gap = snapshot(spool)
        assert (waiting, refused) == ((*found[0], sealed(1000).id), found[1])
        assert gap is not None
    return found


def _carry_out(folder: Path, steps: list[Step], note: Callable[[int], object]) -> None:
    spool = opened(folder)
    for number, step in enumerate(steps, 1):
        step(spool)
        note(number)
    spool.close()


def _die_everywhere(root: Path, steps: list[Step]) -> Iterator[tuple[int, bool, Snapshot]]:
    at, lives = 0, False
    while not lives:
        at += 1
        acknowledged, lives = _die(root, steps, at)
        yield acknowledged, lives, survivor(spool_below(root))
        shutil.rmtree(root / "above", ignore_errors=True)


def _die(root: Path, steps: list[Step], at: int) -> tuple[int, bool]:
    """How many steps a child acknowledged before its change ``at``, and whether it survived for want of as many."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _watch(root, record="", fatal=at)
        _carry_out(spool_below(root), steps, lambda number: os.write(writing, bytes([number])))
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(reading, "rb") as notes:
        return max(notes.read(), default=0), status == 0


def _record(root: Path, steps: list[Step], record: str) -> None:
    _watch(root, record=record, fatal=0)
    _carry_out(spool_below(root), steps, lambda number: _shim.disk_calls_note(str(number).encode()))


def _watch(root: Path, *, record: str, fatal: int) -> None:
    _shim.disk_calls_watch(str(root).encode(), record.encode(), ctypes.c_long(fatal))


def _put_forever(folder: Path) -> None:
    spool = opened(folder)
    number = 1
    for batch in range(1, sys.maxsize):
        size = 1 + batch % 4
        put(spool, *range(number, number + size), value="z" * (batch * 1000 % 9000))
        number += size
        print(batch, flush=True)


def main() -> None:
    what, name, root, *more = sys.argv[1:]
    if what == "die":
        for point in _die_everywhere(Path(root), SCENARIOS[name]):
            print(json.dumps(point), flush=True)
    elif what == "record":
        _record(Path(root), SCENARIOS[name], *more)
    else:
        _put_forever(spool_below(Path(root)))


if __name__ == "__main__":
    main()

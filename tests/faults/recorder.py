"""A recording process: several threads that record batches through one trail and write down what came of each call.

Started as ``python -m tests.faults.recorder SETTINGS``; ends in order when its standard input does.
"""

import contextlib
import itertools
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

import unbroken
from tests.faults.careless import CARELESS, Careless
from tests.faults.clock import follow
from tests.faults.journal import Journal, token
from tests.plain import draft
from unbroken.core.keyed import LogKey
from unbroken.errors import UnavailableError, UnbrokenError
from unbroken.ledger.draft import Draft
from unbroken.ledger.receipt import Kept, Receipt

_PAUSE_S: Final = 0.05
"""After a refusal; somebody who tries again at once only keeps a failing server busy."""

Record = Callable[[Sequence[Draft]], Sequence[Kept]]


class Settings(msgspec.Struct, frozen=True):
    """What one recorder is to do; a careless one does it wrong, so that the check has something to find."""

    name: str
    conninfo: str
    log: str
    journal: str
    deadline_s: float
    threads: int
    batches: tuple[int, ...]
    think_s: float
    payload: int
    early_release: bool = False
    careless: Careless = ""
    clock: str | None = None


def main() -> None:
    """Records until standard input ends."""
    settings = msgspec.json.decode(sys.argv[1], type=Settings)
    if settings.clock is not None:
        follow(Path(settings.clock))
    stop = threading.Event()
    threading.Thread(target=_await_end, args=(stop,), daemon=True).start()
    calls = itertools.count(1)
    journal = Journal(Path(settings.journal))
    with contextlib.ExitStack() as stack:
        record = _way(settings, stack, stop)
        pool = stack.enter_context(ThreadPoolExecutor(settings.threads))
        working = [pool.submit(_work, settings, record, journal, calls, stop) for _ in range(settings.threads)]
        for thread in working:
            thread.result()


def _await_end(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


def _way(settings: Settings, stack: contextlib.ExitStack, stop: threading.Event) -> Record:
    if settings.careless:
        return CARELESS[settings.careless](settings.conninfo, settings.log).record
    while True:
        try:
            trail = unbroken.connect(
                settings.conninfo,
                log=settings.log,
                key=LogKey.generate(),  # nobody is named here, so it need not be everybody's
                deadline_s=settings.deadline_s,
                early_release=settings.early_release,
            )
            return stack.enter_context(trail).ledger.record
        except UnavailableError:
            # Started in the middle of a fault.
            if stop.wait(_PAUSE_S):
                raise


def _work(
    settings: Settings, record: Record, journal: Journal, calls: "itertools.count[int]", stop: threading.Event
) -> None:
    dice = random.SystemRandom()
    while not stop.is_set():
        call = next(calls)
        drafts = [_draft(settings, token(settings.name, call, index)) for index in range(dice.choice(settings.batches))]
        journal.note("sent", call, ids=tuple(item.event.id for item in drafts))
        try:
            kept = record(drafts)
        except UnbrokenError as error:
            journal.note("unknown" if error.recorded is None else "refused", call, error=_kind(error))
            time.sleep(_PAUSE_S)
        except BaseException as error:
            journal.note("failed", call, error=repr(error))
            raise
        else:
            journal.note("kept", call, receipts=tuple(_told(one) for one in kept))
        time.sleep(dice.uniform(0, 2 * settings.think_s))


def _told(kept: Kept) -> tuple[int, str]:
    if not isinstance(kept, Receipt):
        raise TypeError("a recorder that blocks has no spool to put events into")
    return kept.seq, kept.hash


def _draft(settings: Settings, meaning: str) -> Draft:
    return draft(
        "tool_call",
        actor_id="u-17",
        actor_type="user",
        call_id=meaning,
        session_id=meaning.partition("/")[0],
        tool="book_appointment",
        inputs={"slot": "09:30", "note": "x" * settings.payload},
    )


def _kind(error: UnbrokenError) -> str:
    """The error's class, and what lies behind it, for the reader of a failed run."""
    cause = "" if error.__cause__ is None else f" from {type(error.__cause__).__name__}"
    return f"{type(error).__name__}: {error}{cause}"


if __name__ == "__main__":
    main()

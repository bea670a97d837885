"""An exception from outside anywhere in the ledger: a signal's handler, a time limit of a job queue, Ctrl-C."""

import inspect
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import cast

import unbroken.ledger
from tests.model.clock import Clock
from tests.model.door import Door
from tests.model.recording import Recording, Told, assert_right, event
from tests.model.schedule import Schedule
from unbroken.errors import OutcomeUnknownError
from unbroken.ledger.committer import Committer
from unbroken.ledger.delivery import Connect, Delivery
from unbroken.ledger.receipt import Receipt

LEDGER = str(Path(unbroken.ledger.__file__).parent)


def interrupted(act: Callable[[], object], *, at: int) -> bool:
    """Whether ``act`` was interrupted at the ``at``-th place in the ledger's code where Python looks for signals.

    These are the entry of each function and the return from each one that is not written in Python; but for generators,
    which may be entered only to be ended.
    """
    passed = 0

    def profile(frame: FrameType, what: str, _argument: object) -> None:
        nonlocal passed
        own = frame.f_code.co_filename.startswith(LEDGER) and not frame.f_code.co_flags & inspect.CO_GENERATOR
        if own and what in {"call", "c_return"}:
            passed += 1
            if passed == at:
                raise KeyboardInterrupt

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        act()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(before)
    return False


def test_an_interruption_anywhere_leaves_the_numbers_right() -> None:
    at = 0
    while True:
        at += 1
        door = Door(Schedule(), Clock())
        made = Recording(door, Committer(Delivery(cast("Connect", door.connect))))
        if not interrupted(partial(record, made, "a"), at=at):
            break
        made.told.append(Told(("a",), error=OutcomeUnknownError("interrupted")))
        record(made, "b")
        record(made, "a")
        assert_right(made)
    assert at > 50


def record(made: Recording, name: str) -> None:
    deadline = time.monotonic() + 1
    receipts = made.committer.submit([event(name)], deadline=deadline)
    made.told.append(Told((name,), receipts=tuple(cast("list[Receipt]", receipts))))

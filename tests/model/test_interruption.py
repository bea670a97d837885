"""An exception from outside at any line of the ledger: a signal's handler, a time limit of a job queue, Ctrl-C."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, cast

import unbroken.ledger
from tests.model.door import Clock, Door
from tests.model.recording import Recording, Told, assert_right, event
from tests.model.schedule import Schedule
from unbroken.errors import OutcomeUnknownError
from unbroken.ledger.committer import Committer
from unbroken.ledger.delivery import Connect, Delivery
from unbroken.ledger.receipt import Receipt

LEDGER = str(Path(unbroken.ledger.__file__).parent)


def interrupted(act: Callable[[], object], *, line: int) -> bool:
    """Whether ``act`` was interrupted before the ``line``-th line that it goes through in the ledger's code."""
    passed = 0

    def trace(frame: FrameType, what: str, _argument: object) -> Any:
        nonlocal passed
        if not frame.f_code.co_filename.startswith(LEDGER):
            return None
        if what == "line":
            passed += 1
            if passed == line:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_an_interruption_at_any_line_leaves_the_numbers_in_order() -> None:
    line = 0
    while True:
        line += 1
        door = Door(Schedule(), Clock())
        made = Recording(door, Committer(Delivery(cast("Connect", door.connect))))
        if not interrupted(lambda: record(made, "a"), line=line):
            break
        made.told.append(Told(("a",), error=OutcomeUnknownError("interrupted")))
        record(made, "b")
        record(made, "a")
        assert_right(made)
    assert line > 50


def record(made: Recording, name: str) -> None:
    deadline = time.monotonic() + 1
    receipts = made.committer.submit([event(name)], deadline=deadline)
    made.told.append(Told((name,), receipts=tuple(cast("list[Receipt]", receipts))))

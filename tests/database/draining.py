"""Recorders with a spool, as processes that die.

``python -m tests.database.draining put CONNINFO FOLDER`` records notes one by one, for ever, and prints the number of
each once it is kept. ``python -m tests.database.draining drain CONNINFO FOLDER [HOOK MOMENT NTH]`` says that it begins,
and sends what dead recorders left, event by event; it kills itself right before or after (MOMENT) the NTH call of one
of :data:`HOOKS`.
"""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

from tests.conftest import LOG
from tests.plain import draft
from unbroken.ledger.delivery import Delivery
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.spool import spooling
from unbroken.ledger.spool.place import SpoolPlace
from unbroken.ledger.spool.spool import Spool
from unbroken.store.log_writer import LogWriter

HOOKS: Final[dict[str, tuple[type, str]]] = {
    "deliver": (Delivery, "deliver"),
    "done": (Spool, "done"),
    "identify": (LogWriter, "identify"),
    "declare": (LogWriter, "declare_gap"),
    "declared": (Spool, "gap_declared"),
}
MOMENTS: Final = ("before", "after")


def _die_at(hook: str, moment: str, nth: int) -> None:
    owner, name = HOOKS[hook]
    original: Callable[..., Any] = getattr(owner, name)
    calls = count(1)

    def dying(*args: Any, **kwargs: Any) -> Any:
        is_it = next(calls) == nth
        if is_it and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if is_it:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, dying)


def _send_singly() -> None:
    original = Spool.first

    def first(spool: Spool, **_: Any) -> Any:
        return original(spool, events=1)

    Spool.first = first  # type: ignore[assignment,method-assign]


def _put(ledger: Ledger) -> None:
    for number in count(1):
        ledger.record([draft("request", actor_id="u-1", actor_type="user", inputs=number)])
        print(number, flush=True)


def main() -> None:
    what, conninfo, folder, *point = sys.argv[1:]
    spooling.PATIENCE_S = 0.1 if what == "put" else 60.0  # type: ignore[misc]
    _send_singly()
    if point:
        _die_at(point[0], point[1], int(point[2]))
    ledger = Ledger(partial(_writer, conninfo), spool=SpoolPlace(Path(folder), LOG), deadline_s=60)
    if what == "put":
        _put(ledger)
    print("begins", flush=True)
    ledger.record([draft("request", actor_id="the heir", actor_type="user")])
    ledger.close()


def _writer(conninfo: str, wait_s: float) -> LogWriter:
    return LogWriter(conninfo, LOG, wait_s=wait_s)


if __name__ == "__main__":
    main()

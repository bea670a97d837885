"""Recorders in processes of their own that all start at the same moment, each with one event per call.

Usage: recorders.py TASK, the JSON of a :class:`Task`; prints the JSON of what they :class:`Did`. Processes are forked
from one that has everything loaded, as prefork servers do: each gets a connection and a recorder's id of its own.
"""

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
from rows import Conversations

from unbroken.errors import UnbrokenError
from unbroken.ledger.draft import Draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.receipt import Kept, Receipt
from unbroken.wiring import open_ledger

SIZE: Final = 1_200
_TIMEOUT_S: Final = 300
_DEADLINE_S: Final = 60.0
"""Longer than an agent would wait: a slow machine should give slow figures, and no errors."""
_READY: Final = b"ready"
_FAILED: Final = b"a recorder failed"


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done: ``threads`` share each of a process's ``connections``, and each records ``events``.

    Before, each thread makes ``warm_up`` calls that are not timed. Process n writes into the n-th of the ``logs``, in
    turn.
    """

    conninfo: str
    logs: list[str]
    processes: int = 1
    connections: int = 1
    threads: int = 1
    events: int
    warm_up: int = 0
    early_release: bool = False

    @property
    def recorders(self) -> int:
        """Threads of all processes."""
        return self.processes * self.connections * self.threads


class Did(msgspec.Struct, frozen=True):
    """When the first began and the last ended, how long each call took (seconds), and the times of the commits.

    All events of one commit have one ``recorded_at``, so there are as many different ones as there were commits.
    """

    began: float
    ended: float
    latencies: list[float]
    commits: set[str]

    @property
    def rate(self) -> float:
        """Events per second."""
        return len(self.latencies) / (self.ended - self.began)


Answers: TypeAlias = "SimpleQueue[bytes]"


def run(task: Task) -> Did:
    """Has a fresh process carry out ``task``."""
    command = [sys.executable, str(Path(__file__)), msgspec.json.encode(task).decode()]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=_TIMEOUT_S)  # noqa: S603
    return msgspec.json.decode(done.stdout, type=Did)


def main(task: Task) -> None:
    """Forks the recorders, lets them begin when all are ready, and prints what they did together."""
    ledgers = [[_open(task, log) for _ in range(task.connections)] for log in task.logs]
    source = Conversations(SIZE, seed=task.recorders)
    context = multiprocessing.get_context("fork")
    answers: Answers = context.SimpleQueue()
    held, go = os.pipe()
    for number in range(task.processes):
        drafts = [source.batch(task.warm_up + task.events).drafts for _ in range(task.connections * task.threads)]
        mine = ledgers[number % len(ledgers)]
        context.Process(target=_process, args=(task, mine, drafts, (held, go), answers), daemon=True).start()
    for _ in range(task.recorders):
        _good(answers.get())
    os.close(go)
    done = _together(msgspec.json.decode(_good(answers.get()), type=Did) for _ in range(task.recorders))
    sys.stdout.buffer.write(msgspec.json.encode(done))


def _good(answer: bytes) -> bytes:
    """The answer of a recorder; ends everything where it is that it failed."""
    if answer.startswith(_FAILED):
        sys.exit(answer.decode())
    return answer


def _open(task: Task, log: str) -> Ledger:
    return open_ledger(task.conninfo, log=log, early_release=task.early_release, deadline_s=_DEADLINE_S)


def _process(
    task: Task, ledgers: list[Ledger], drafts: list[list[Draft]], start: tuple[int, int], answers: Answers
) -> None:
    """It ends without closing its ledgers, whose last entries would be in the way of those that still record."""
    held, go = start
    # Every reader of the pipe wakes when its last writer closes it: the parent.
    os.close(go)
    with ThreadPoolExecutor(len(drafts)) as pool:
        for number, some in enumerate(drafts):
            pool.submit(_thread, task, ledgers[number % len(ledgers)], some, held, answers)


def _thread(task: Task, ledger: Ledger, drafts: list[Draft], held: int, answers: Answers) -> None:
    answer = _FAILED
    try:
        # Connects where the warm-up does not.
        _ = ledger.writer
        for item in drafts[: task.warm_up]:
            ledger.record([item])
        answers.put(_READY)
        os.read(held, 1)
        answer = msgspec.json.encode(_record(ledger, drafts[task.warm_up :]))
    except UnbrokenError as error:
        answer = _FAILED + f": {type(error).__name__}: {error}".encode()
    finally:
        answers.put(answer)


def _record(ledger: Ledger, drafts: list[Draft]) -> Did:
    kept: list[Kept] = []
    moments = [time.monotonic()]
    for item in drafts:
        kept += ledger.record([item])
        moments.append(time.monotonic())
    latencies = [after - before for before, after in pairwise(moments)]
    commits = {each.recorded_at for each in kept if isinstance(each, Receipt)}
    return Did(moments[0], moments[-1], latencies, commits)


def _together(parts: Iterable[Did]) -> Did:
    done = list(parts)
    return Did(
        began=min(did.began for did in done),
        ended=max(did.ended for did in done),
        latencies=[seconds for did in done for seconds in did.latencies],
        commits=set().union(*(did.commits for did in done)),
    )


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Task))

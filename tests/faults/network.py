"""The way between recorders and server, which can be cut: a handle on the proxy's process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any

import msgspec

from tests.faults.proxy import Order
from tests.faults.recorders import ROOT


class Network:
    """A running proxy before ``host:port``."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._words: Queue[str] = Queue()
        self._struck: Queue[str] = Queue()
        Thread(target=self._listen, args=(process.stdout,), daemon=True).start()
        self.port = int(self._words.get(timeout=30))

    def order(self, what: str, **given: Any) -> None:
        """Gives an order and returns when it is carried out, or waits for its request; see :class:`Order`."""
        if self._process.stdin is None:
            raise OSError("the proxy has no standard input")
        order = msgspec.convert({"what": what, **given}, Order)
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()
        self._words.get(timeout=30)

    def await_blow(self, *, seconds: float = 20.0) -> None:
        """Returns when a request has met the blow; raises :class:`TimeoutError` when none does in time."""
        try:
            self._struck.get(timeout=seconds)
        except Empty as error:
            raise TimeoutError("no request met the blow that waited for it") from error

    def _listen(self, output: IO[bytes]) -> None:
        for line in output:
            word = line.decode().strip()
            (self._struck if word == "struck" else self._words).put(word)


@contextmanager
def network_before(host: str, port: int) -> Iterator[Network]:
    """A proxy that runs for a block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.proxy", host, str(port)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            yield Network(process)
        finally:
            process.kill()

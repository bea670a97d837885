"""Where the example's database lies: a folder of its own, gone afterwards unless it is to be kept."""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from unbroken.errors import ConfigurationError
from unbroken.store import embedded
from unbroken.store.embedded import EmbeddedServer

_SETTLED_SECONDS: Final = 10.0
_ENDING: Final = tuple(signal.Signals[name] for name in ("SIGTERM", "SIGHUP") if name in signal.Signals.__members__)


@contextmanager
def running_server(keep: Path | None) -> Iterator[EmbeddedServer]:
    """A PostgreSQL in the new folder ``keep``, or in a temporary one that is removed when the block ends."""
    with _folder(keep) as folder:
        server = embedded.enter(folder)
        try:
            yield server
        finally:
            with _undisturbed():
                server.leave()


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
            raise ConfigurationError(f"{keep} is there already: --keep takes a folder that is new or empty")
        yield keep
        return
    folder = Path(tempfile.mkdtemp(prefix="unbroken-demo-"))
    try:
        if sys.platform != "win32" and os.geteuid() == 0:
            folder.chmod(0o711)  # the server's user passes through; what is inside has modes of its own
        yield folder
    finally:
        with _undisturbed():
            _remove(folder)


def _remove(folder: Path) -> None:
    """Removes the folder. What PostgreSQL's programs still write while they end from an interrupt has to settle."""
    deadline = time.monotonic() + _SETTLED_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError):
            shutil.rmtree(folder)
            return
        time.sleep(0.05)
    shutil.rmtree(folder)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Nobody's impatience keeps the tidying up from its end, which is seconds away."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, *_ENDING)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

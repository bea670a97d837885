"""The recorders of one run: starting them, watching what they write down, killing one, ending them in order."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from tests.faults.journal import Note, Reading
from tests.faults.processes import send
from tests.faults.recorder import Settings
from tests.faults.waiting import eventually

ROOT: Final = Path(__file__).parents[2]
_END_S: Final = 30.0


@dataclass
class Recorder:
    """One recording process and its journal."""

    settings: Settings
    process: subprocess.Popen[bytes]
    reading: Reading
    killed: bool = False

    @property
    def name(self) -> str:
        return self.settings.name

    def notes(self) -> Sequence[Note]:
        """What it has written down up to now."""
        return self.reading.notes()

    def kept_since(self, moment: float) -> bool:
        """Whether a call that began after ``moment`` has been acknowledged."""
        notes = self.notes()
        sent = {note.call for note in notes if note.what == "sent" and note.at >= moment}
        return any(note.what == "kept" and note.call in sent for note in notes)

    def kill(self) -> None:
        """``kill -9``."""
        self.killed = True
        self.process.kill()
        self.process.wait()


@dataclass
class Recorders:
    """All recorders of one run."""

    folder: Path
    clock: str | None = None
    all: list[Recorder] = field(default_factory=list)

    def start(self, settings: Settings) -> Recorder:
        """Starts one more."""
        name = f"r{len(self.all) + 1}"
        path = self.folder / f"{name}.journal"
        settings = msgspec.structs.replace(settings, name=name, journal=str(path))
        with (self.folder / f"{name}.errors").open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.recorder", msgspec.json.encode(settings).decode()],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        self.all.append(Recorder(settings, process, Reading(path)))
        return self.all[-1]

    def living(self) -> list[Recorder]:
        """Those that were not killed."""
        return [one for one in self.all if not one.killed]

    @contextmanager
    def halted(self, *some: Recorder) -> Iterator[None]:
        """Recorders, all unless some are named, are stopped for a block; their connections stay."""
        pids = [one.process.pid for one in some or self.living()]
        try:
            send(pids, signal.SIGSTOP)
            yield
        finally:
            send(pids, signal.SIGCONT)

    def await_acknowledgement(self, *, since: float, seconds: float = 30.0) -> None:
        """Returns when each living recorder had a call from after ``since`` acknowledged; raises TimeoutError."""

        def all_have() -> bool:
            for one in self.living():
                if one.process.poll() is not None:
                    raise ChildProcessError(f"{one.name} ended by itself: {self._errors(one)}")
            return all(one.kept_since(since) for one in self.living())

        eventually(all_have, "every recorder had an acknowledgement", seconds=seconds)

    def end(self) -> list[str]:
        """Lets them all finish; what went wrong with it, in words."""
        for one in self.living():
            if one.process.stdin is not None:
                one.process.stdin.close()
        return [trouble for one in self.living() if (trouble := self._ended(one))]

    def _ended(self, one: Recorder) -> str | None:
        try:
            code = one.process.wait(timeout=_END_S)
        except subprocess.TimeoutExpired:
            one.process.kill()
            return f"{one.name} did not end within {_END_S:g} s"
        return f"{one.name} ended with {code}: {self._errors(one)}" if code else None

    def _errors(self, one: Recorder) -> str:
        return (self.folder / f"{one.name}.errors").read_text(errors="replace")[-2000:]

    @staticmethod
    def now() -> float:
        """The clock of the journals."""
        return time.monotonic()

    def journals(self) -> dict[str, Sequence[Note]]:
        """Every recorder's notes, by its name."""
        return {one.name: one.notes() for one in self.all}


@contextmanager
def recorders_in(folder: Path, *, clock: str | None = None) -> Iterator[Recorders]:
    """No recorders yet; those that run at the block's end are killed. ``clock`` is a file that steps their clocks."""
    recorders = Recorders(folder, clock)
    try:
        yield recorders
    finally:
        for one in recorders.all:
            one.process.kill()
            one.process.communicate()

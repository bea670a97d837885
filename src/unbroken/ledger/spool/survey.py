"""What stands in a spool's folder, for people: looks at every file, takes none over and changes nothing."""

from dataclasses import dataclass
from pathlib import Path

from unbroken.errors import UnbrokenError
from unbroken.ledger.spool.claim import holder_of
from unbroken.ledger.spool.file import Refused, SpoolFile, Window
from unbroken.ledger.spool.folder import SPOOL, checked_folder, recorders_in


@dataclass(frozen=True, slots=True)
class SpoolState:
    """One file. ``fault`` says why it can't be read; what is then not known is ``None``, zero or empty.

    ``alive`` tells whether a process has the file now, and ``pid`` is what it calls itself, in its own container.
    """

    path: Path
    alive: bool
    pid: int | None
    log: str | None = None
    events: int = 0
    size_bytes: int = 0
    window: Window | None = None
    refused: tuple[Refused, ...] = ()
    fault: str | None = None


def survey(folder: Path | str) -> list[SpoolState]:
    """All files of a folder, the oldest first; raises :class:`ConfigurationError` for a folder that is none."""
    real = checked_folder(folder)
    states = (_state(real, recorder) for recorder in recorders_in(real))
    return [state for state in states if state is not None]


def _state(folder: Path, recorder: str) -> SpoolState | None:
    path = folder / f"{recorder}{SPOOL}"
    file = SpoolFile(path)
    alive, pid = False, None
    try:
        alive, pid = holder_of(folder, recorder)
        owner = file.owner()
        if not alive:
            file.check(owner)
        waiting, size = file.contents()
        return SpoolState(path, alive, pid, owner.log, waiting, size, file.window(), tuple(file.refused()))
    except UnbrokenError as error:
        # A process may have finished with its file since the folder was listed.
        return SpoolState(path, alive, pid, fault=str(error)) if path.exists() else None

"""What this user's verifier saw last of each log: its head and the verdict, in a file that the database can't reach.

The file is ``unbroken/heads.json`` in ``$XDG_STATE_HOME`` or ``~/.local/state``, for its owner alone. It names stores
by folder or by host, port and database, never with a login or password.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from unbroken.cli.target import is_conninfo
from unbroken.core.entry import Head
from unbroken.errors import ConfigurationError
from unbroken.files import exchange
from unbroken.store.address import address_of
from unbroken.verify.finding import Verdict
from unbroken.verify.nightly import Memory
from unbroken.verify.tree import Milestone, Span


class Place(msgspec.Struct, frozen=True):
    """A milestone as it is written: a head, and the roots of the subtrees before it, in hex."""

    head: str
    tree: tuple[str, ...]

    @classmethod
    def of(cls, milestone: Milestone) -> "Place":
        """The same as text."""
        return cls(str(milestone.head), tuple(root.hex() for root in milestone.tree.roots))

    @property
    def milestone(self) -> Milestone:
        """The same to go on from; raises ``ValueError`` where it was damaged."""
        head = Head.parse(self.head)
        return Milestone(head, Span(0, head.seq, tuple(map(bytes.fromhex, self.tree))))


class Nights(msgspec.Struct, frozen=True):
    """How far nightly runs have come: with what is new, and with reading again what was read before."""

    upto: Place
    again: Place

    @classmethod
    def of(cls, memory: Memory) -> "Nights":
        """What is kept of it."""
        return cls(Place.of(memory.upto), Place.of(memory.again))

    @property
    def memory(self) -> Memory:
        """The same to go on from."""
        return Memory(self.upto.milestone, self.again.milestone)


class Seen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last run over a log: its verdict, how far it came, and when (aware UTC, this machine's clock).

    ``head`` is the newest head of a run without findings, seen at ``head_at``; a later run is held against it, and
    against ``checkpoint``, the newest signed checkpoint that was seen outside and fitted. ``nights`` is what nightly
    runs go on from.
    """

    verdict: Verdict
    at: datetime
    upto: int
    findings: int = 0
    head: str | None = None
    head_at: datetime | None = None
    checkpoint: str | None = None
    nights: Nights | None = None

    @property
    def kept(self) -> Head | None:
        """The head to hold the log against."""
        return None if self.head is None else Head.parse(self.head)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    version: Literal[1] = 1
    stores: dict[str, dict[str, Seen]] = {}


class KeptHeads:
    """The file, read and replaced as a whole. Methods raise ``OSError`` where it can't be read or written."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or state_folder() / "heads.json"

    def __str__(self) -> str:
        return str(self._path)

    def recall(self, store: str, log: str) -> Seen | None:
        """What was seen of ``log`` in the store named ``store`` by :func:`name_of`."""
        return self._read().stores.get(store, {}).get(log)

    def remember(self, store: str, log: str, *, seen: Seen) -> None:
        """Keeps ``seen`` in place of what was known."""
        with self._changing() as file:
            file.stores.setdefault(store, {})[log] = seen

    def forget(self, store: str, log: str) -> bool:
        """Drops what was seen; whether there was anything."""
        with self._changing() as file:
            return file.stores.get(store, {}).pop(log, None) is not None

    def _read(self) -> _File:
        try:
            file = msgspec.json.decode(self._path.read_bytes(), type=_File)
            for logs in file.stores.values():
                for seen in logs.values():
                    _ = seen.kept, seen.nights and seen.nights.memory
        except (FileNotFoundError, NotADirectoryError):
            return _File()
        except ValueError as error:
            raise ConfigurationError(
                f"{self._path} is damaged, and with it the heads that logs are held against: move it away to go on"
            ) from error
        return file

    @contextmanager
    def _changing(self) -> Iterator[_File]:
        """The content to change; nobody else changes it meanwhile, and readers see the old or the new file."""
        import fcntl

        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            file = self._read()
            yield file
            exchange(self._path, msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n")


def name_of(store: str) -> str:
    """A store's name, fit to be shown and kept: a folder's real path, or a server and database without any login."""
    return address_of(store) if is_conninfo(store) else str(Path(store).resolve())


def state_folder() -> Path:
    given = os.environ.get("XDG_STATE_HOME", "")
    # The base directory specification says that a relative path is to be ignored.
    base = Path(given) if given.startswith("/") else Path("~/.local/state").expanduser()
    return base / "unbroken"

"""What a notary remembers, in a folder of its own: every key statement, and the last note signed of each incarnation.

It is the reason why a database can't be exchanged for another one unnoticed: nothing is signed that does not continue
it. So it is durable before anything signed leaves the process, and it belongs on another disk than the database, and in
no backup that could bring an older one back.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from unbroken.core.canonical import canonical
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.cosignature import stated_time
from unbroken.core.key_history import KeyHistory
from unbroken.core.key_statement import KeyStatement, Position, opened
from unbroken.core.normalise import Json
from unbroken.core.note import VerifierKey
from unbroken.errors import ConfigurationError, NoteError, UnavailableError
from unbroken.files import exchange

_FILE: Final = "notary.json"
_LOCK: Final = "lock"
_VERSION: Final = 1
_MAX_BYTES: Final = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint that was signed, and as of when its note says that it was; aware UTC, whole seconds."""

    checkpoint: Checkpoint
    note: str = field(repr=False)
    at: datetime

    @property
    def position(self) -> Position:
        """Where in the log it is."""
        return Position.of(self.checkpoint.origin, self.checkpoint.size)


@dataclass(frozen=True, slots=True)
class Memory:
    """All that a notary of ``log`` remembers, verified; ``last`` is by incarnation."""

    log: str
    statements: tuple[str, ...]
    last: dict[int, Signed] = field(default_factory=dict)

    @property
    def read_statements(self) -> tuple[KeyStatement, ...]:
        """What the statements say, the oldest first."""
        return tuple(map(opened, self.statements))

    @property
    def key(self) -> VerifierKey | None:
        """The key that signs now; ``None`` before the first."""
        return opened(self.statements[-1]).key if self.statements else None

    @property
    def incarnation(self) -> int:
        """The newest incarnation that was signed, 0 before the first."""
        return max(self.last, default=0)

    @property
    def position(self) -> Position:
        """After which tree a new key's term begins."""
        return self.last[self.incarnation].position if self.last else Position(1, 0)

    def signed(self, origin: str) -> Signed | None:
        """The last that was signed of the incarnation that the full name ``origin`` names."""
        return self.last.get(Position.of(origin, 0).incarnation)

    def stating(self, statement: str) -> "Memory":
        """The same with one more statement; raises :class:`NoteError` where it does not continue the others."""
        return replace(self, statements=_checked((*self.statements, statement), self.log))

    def signing(self, signed: Signed) -> "Memory":
        """The same with a note that takes the place of its incarnation's last one."""
        return replace(self, last=self.last | {signed.position.incarnation: signed})


def signed_of(note: str, *, origin: str, statements: tuple[str, ...]) -> Signed:
    """A notary's note as it was signed by whichever key the statements give its tree to, all of them believed.

    Raises :class:`NoteError` for any other note.
    """
    history = KeyHistory.of(statements, [opened(each).key for each in statements], origin)
    checkpoint, signers = history.opened(note, origin=origin)
    at = stated_time(note, signers)
    if at is None:
        raise NoteError("a checkpoint bears no time of the key that signed it: no notary of this package made it")
    return Signed(checkpoint, note, at)


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    v: int
    log: str
    statements: list[str]
    notes: dict[str, str]


class NotaryFolder:
    """A folder with one log's memory, for one process at a time."""

    def __init__(self, path: Path, *, log: str) -> None:
        self.path = path
        self._log = log.partition("~")[0]
        self._is_locked = False

    @property
    def file(self) -> Path:
        """The file with the memory."""
        return self.path / _FILE

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the folder where there is none, and keeps every other process out of it meanwhile.

        Raises :class:`UnavailableError` where one is in it, :class:`ConfigurationError` where it can't be made.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(f"the notary's folder {self.path} can't be used ({error.strerror})") from error
        try:
            self._lock(descriptor)
            self._is_locked = True
            self._tidy()
            yield
        finally:
            self._is_locked = False
            os.close(descriptor)

    def read(self) -> Memory:
        """What stands there, verified; an empty memory where nothing does.

        Raises :class:`ConfigurationError` for another log's, and for what was damaged.
        """
        try:
            with self.file.open("rb") as file:
                raw = file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            return Memory(self._log, ())
        except OSError as error:
            raise ConfigurationError(f"the notary's memory {self.file} can't be read ({error.strerror})") from error
        return self._parsed(raw)

    def write(self, memory: Memory) -> None:
        """Puts it in the place of what stood there, whole or not at all; on the disk when this returns.

        Only while the folder is :meth:`locked`. Raises :class:`UnavailableError` where it can't be written: then
        nothing that it tells of may leave the process.
        """
        if not self._is_locked:
            raise ConfigurationError(f"the notary's folder {self.path} has to be locked before it is written to")
        notes: dict[str, Json] = {str(number): signed.note for number, signed in memory.last.items()}
        written: dict[str, Json] = {
            "v": _VERSION,
            "log": memory.log,
            "statements": [*memory.statements],
            "notes": notes,
        }
        try:
            exchange(self.file, canonical(written))
        except OSError as error:
            raise UnavailableError(
                f"the notary's memory {self.file} can't be written ({error.strerror}): nothing was signed"
            ) from error

    def _parsed(self, raw: bytes) -> Memory:
        try:
            read = msgspec.json.decode(raw, type=_Written)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._damaged("can't be read") from error
        if read.v != _VERSION:
            raise self._damaged("is of another version")
        if read.log != self._log:
            raise ConfigurationError(f"the notary's folder {self.path} is the log {read.log}'s, not {self._log}'s")
        try:
            statements = _checked(tuple(read.statements), read.log)
            last = {
                int(number): signed_of(note, origin=f"{read.log}~{number}", statements=statements)
                for number, note in read.notes.items()
            }
        except (NoteError, ValueError) as error:
            raise self._damaged(f"is not what was signed ({error})") from error
        return Memory(read.log, statements, last)

    def _damaged(self, what: str) -> ConfigurationError:
        return ConfigurationError(
            f"the notary's memory {self.file} {what}. Nothing is signed without it: put it aside, and begin from the"
            " newest checkpoint that an anchor holds with `unbroken checkpoint adopt`"
        )

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UnavailableError(
                f"another process signs with the folder {self.path} now: nothing was done. Stop it first"
            ) from error

    def _tidy(self) -> None:
        """Takes away what a process that was killed while it wrote has left."""
        for left in self.path.glob(f".{_FILE}.*"):
            with suppress(OSError):
                left.unlink()


def _checked(statements: tuple[str, ...], log: str) -> tuple[str, ...]:
    KeyHistory.of(statements, (), log)
    return statements

"""Which anchor has which checkpoint, in a small file of the notary's, so that an outage outlives the process.

The file is a memory and no evidence: an anchor's receipts are that. Losing it costs a publication to each anchor and
the knowledge of what was at an anchor before; nothing that it says makes a checkpoint count.
"""

import base64
import binascii
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from unbroken.anchors.anchor import MAX_NOTE_BYTES, MAX_PROOF_BYTES, Receipt
from unbroken.core.canonical import canonical
from unbroken.core.times import format_time, parse_time
from unbroken.errors import AnchorError, ConfigurationError, InvalidEventError, UnavailableError
from unbroken.files import exchange

_VERSION: Final = 1
_MAX_BYTES: Final = 64 * (MAX_NOTE_BYTES + MAX_PROOF_BYTES)
_LONGEST_PROBLEM: Final = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with one anchor. Times are UTC.

    ``size`` and ``root`` are of the newest tree that it has, 0 and empty before the first; ``at`` is when it had it, by
    its own signed clock where it has one, else by the notary's; ``published_at`` by the notary's. ``failures`` counts
    attempts since the last success, ``failing_since`` the first of them, and ``problem`` says what the last one met.
    Before ``retry_at`` it is left alone.
    """

    size: int = 0
    root: bytes = b""
    at: datetime | None = None
    published_at: datetime | None = None
    receipt: Receipt | None = field(default=None, repr=False)
    failures: int = 0
    failing_since: datetime | None = None
    retry_at: datetime | None = None
    problem: str | None = None


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    size: int
    root: str
    at: str | None
    published_at: str | None
    receipt: str | None
    failures: int
    failing_since: str | None
    retry_at: str | None
    problem: str | None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    v: int
    origin: str
    anchors: dict[str, _Written]


class StandingFile:
    """The file, for one log. Raises :class:`ConfigurationError` for one of another log, and for a damaged one."""

    def __init__(self, path: Path, *, origin: str) -> None:
        self.path = path
        self._origin = origin

    def read(self) -> dict[str, Standing]:
        """What it says of each anchor by name; nothing where there is no file yet."""
        try:
            with self.path.open("rb") as file:
                raw = file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigurationError(f"the anchors' state {self.path} can't be read ({error.strerror})") from error
        return self._parsed(raw)

    def write(self, standings: Mapping[str, Standing]) -> None:
        """Replaces it, whole or not at all; durable when it returns. Raises :class:`UnavailableError`."""
        anchors = {name: msgspec.to_builtins(_written(each)) for name, each in standings.items()}
        content = canonical({"v": _VERSION, "origin": self._origin, "anchors": anchors})
        try:
            exchange(self.path, content)
        except OSError as error:
            raise UnavailableError(
                f"the anchors' state {self.path} can't be written ({error.strerror}): what was published is at the"
                " anchors all the same"
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from publishing meanwhile. Raises :class:`UnavailableError` where one is at it."""
        lock = self.path.with_name(f"{self.path.name}.lock")
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(f"the anchors' lock {lock} can't be made ({error.strerror})") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise UnavailableError(f"another process publishes with {self.path} now: nothing was done") from error
        try:
            yield
        finally:
            os.close(descriptor)

    def _parsed(self, raw: bytes) -> dict[str, Standing]:
        try:
            read = msgspec.json.decode(raw, type=_File)
            standings = {name: _standing(each) for name, each in read.anchors.items()}
        except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError, AnchorError) as error:
            raise self._damaged("can't be read") from error
        if read.v != _VERSION:
            raise self._damaged("is of another version")
        if read.origin != self._origin:
            raise ConfigurationError(f"the anchors' state {self.path} is that of the log {read.origin}")
        return standings

    def _damaged(self, what: str) -> ConfigurationError:
        return ConfigurationError(
            f"the anchors' state {self.path} {what}. Put it aside and publish: each anchor is given the newest"
            " checkpoint again, which changes nothing that it holds"
        )


def shortened(problem: str) -> str:
    """What is kept of an error's text."""
    return problem[:_LONGEST_PROBLEM]


def _written(standing: Standing) -> _Written:
    return _Written(
        size=standing.size,
        root=standing.root.hex(),
        at=_time(standing.at),
        published_at=_time(standing.published_at),
        receipt=base64.b64encode(standing.receipt.to_bytes()).decode() if standing.receipt else None,
        failures=standing.failures,
        failing_since=_time(standing.failing_since),
        retry_at=_time(standing.retry_at),
        problem=standing.problem,
    )


def _standing(read: _Written) -> Standing:
    return Standing(
        size=read.size,
        root=bytes.fromhex(read.root),
        at=_moment(read.at),
        published_at=_moment(read.published_at),
        receipt=Receipt.from_bytes(base64.b64decode(read.receipt, validate=True)) if read.receipt else None,
        failures=read.failures,
        failing_since=_moment(read.failing_since),
        retry_at=_moment(read.retry_at),
        problem=read.problem,
    )


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


def _moment(text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_time(text)
    except InvalidEventError as error:
        raise ValueError("not a time") from error

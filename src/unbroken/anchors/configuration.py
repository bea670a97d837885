"""The file that says where one log's checkpoints go, and by which keys they are believed.

Whoever publishes, verifies or recovers reads the same one; there is no secret in it. Each has a copy of their own: what
a verifier believes is what stands in the verifier's file, not in that of whoever is to be verified.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from unbroken.anchors.anchor import Anchor, TrustedLog
from unbroken.anchors.kinds import AnyKind, Surroundings, WitnessAnchor, length
from unbroken.anchors.publishing import Terms
from unbroken.core.checkpoint import key_name
from unbroken.core.cosignature import CosignerKey
from unbroken.core.key_history import KeyHistory
from unbroken.core.note import VerifierKey
from unbroken.errors import ConfigurationError

MOST_BYTES: Final = 256 * 1024
MOST_ANCHORS: Final = 32
_LOG: Final = re.compile(r"[^~\x00-\x1f]+")


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    log: str
    trust: tuple[str, ...]
    quorum: int = 2
    timeout: str = "20s"
    allowed_age: str = "3h"
    renew: str = "1h"
    anchor: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class AnchorsFile:
    """What the file at ``path`` says.

    ``log`` is the log's name without an incarnation, ``trust`` the keys of its notary as they were obtained from its
    operator. ``allowed_age`` is how long a quorum may have had nothing newer before there is an alarm.
    """

    path: Path
    log: str
    trust: tuple[VerifierKey, ...]
    terms: Terms
    allowed_age: timedelta
    described: tuple[AnyKind, ...] = field(default=())

    @classmethod
    def read(cls, path: Path) -> Self:
        """The file, looked through but for what only a log or a network can tell.

        Raises :class:`ConfigurationError` with the place of what is wrong.
        """
        try:
            return cls._of(_parsed(_content(path)), path)
        except ConfigurationError as error:
            raise ConfigurationError(f"the anchors' file {path}: {error}") from error

    @property
    def names(self) -> tuple[str, ...]:
        """What the anchors are called, in the file's order."""
        return tuple(each.name for each in self.described)

    @property
    def cosigners(self) -> tuple[CosignerKey, ...]:
        """The keys of all its witnesses."""
        return tuple(key for each in self.described if isinstance(each, WitnessAnchor) for key in each.cosigners)

    def trusted(self, full_name: str, statements: Iterable[str] = ()) -> TrustedLog:
        """One incarnation of the log, with the keys that follow from those trusted here by the log's key statements.

        Raises :class:`ConfigurationError` for another log than the file is about, and :class:`NoteError` for statements
        that are none or don't fit together: whoever keeps them is not believed.
        """
        if full_name.partition("~")[0] != self.log:
            raise ConfigurationError(f"the anchors' file {self.path} is about the log {self.log}, not {full_name}")
        return TrustedLog.of(KeyHistory.of(statements, self.trust, self.log), full_name)

    def anchors(self, log: TrustedLog) -> tuple[Anchor, ...]:
        """The anchors for one incarnation; nobody is asked anything yet.

        Raises :class:`ConfigurationError` for one that can't be set up: a missing extra, a certificate that can't be
        read, an address that is none.
        """
        around = Surroundings(self.path.absolute().parent, self.terms.timeout_s)
        return tuple(self._anchor(each, log, around) for each in self.described)

    def _anchor(self, described: AnyKind, log: TrustedLog, around: Surroundings) -> Anchor:
        try:
            return described.anchor(log, around)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"the anchors' file {self.path}: the anchor {described.name!r}: {error}"
            ) from error

    @classmethod
    def _of(cls, values: Mapping[str, Any], path: Path) -> Self:
        try:
            written = msgspec.convert(values, _Written)
        except msgspec.ValidationError as error:
            raise ConfigurationError(str(error)) from error
        if _LOG.fullmatch(written.log) is None:
            raise ConfigurationError("log is the log's name, without an incarnation")
        if not written.trust:
            raise ConfigurationError("trust names no key of the log: nothing could be believed")
        timeout, renew = _timeout(written.timeout), length(written.renew, "renew")
        terms = Terms(_quorum(written.quorum), timeout.total_seconds(), renew)
        allowed = length(written.allowed_age, "allowed_age")
        if allowed <= renew:
            raise ConfigurationError("allowed_age must be longer than renew, or a quiet log would always be late")
        return cls(path, written.log, _trust(written.trust, written.log), terms, allowed, _described(written.anchor))


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        text = raw.decode()
    except OSError as error:
        raise ConfigurationError(f"it can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError("it is no text in UTF-8") from error
    if len(raw) > MOST_BYTES:
        raise ConfigurationError(f"it is longer than {MOST_BYTES:,} bytes")
    return text


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"it is not TOML: {error}") from error


def _trust(texts: Iterable[str], log: str) -> tuple[VerifierKey, ...]:
    keys = tuple(map(VerifierKey.from_text, texts))
    other = next((key for key in keys if key.name != key_name(log)), None)
    if other is not None:
        raise ConfigurationError(f"trust names {other}, whose name is not that of a key of {log}: {key_name(log)}")
    return keys


def _described(tables: tuple[dict[str, Any], ...]) -> tuple[AnyKind, ...]:
    if len(tables) > MOST_ANCHORS:
        raise ConfigurationError(f"there are more than {MOST_ANCHORS} anchors")
    described = tuple(_one(at, table) for at, table in enumerate(tables, 1))
    twice = [name for name, times in Counter(each.name for each in described).items() if times > 1]
    if twice:
        raise ConfigurationError(f"two anchors are called {', '.join(map(repr, twice))}")
    return described


def _one(at: int, table: Mapping[str, Any]) -> AnyKind:
    name = table.get("name")
    place = f"the anchor {name!r}" if isinstance(name, str) and name else f"[[anchor]] number {at}"
    try:
        return msgspec.convert(table, AnyKind)  # type: ignore[no-any-return]
    except (msgspec.ValidationError, ConfigurationError) as error:
        raise ConfigurationError(f"{place}: {error}") from error


def _quorum(number: int) -> int:
    if number < 1:
        raise ConfigurationError("quorum is at least 1")
    return number


def _timeout(text: str) -> timedelta:
    read = length(text, "timeout")
    if read > timedelta(minutes=10):
        raise ConfigurationError("timeout is at most 10 minutes: a round of all anchors lasts as long as the slowest")
    return read

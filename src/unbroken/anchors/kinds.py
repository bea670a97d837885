"""What a file says of one anchor, for each kind, and how the anchor is made of it.

Nothing here is secret: credentials of an object store are where boto3 looks for them, in a profile that is named.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec

from unbroken.anchors.anchor import Anchor, TrustedLog
from unbroken.anchors.appended_file import AppendedFile
from unbroken.anchors.directory import Directory
from unbroken.anchors.endpoint import TIMEOUT_S, Endpoint
from unbroken.anchors.object_store import Bucket, ObjectStore
from unbroken.anchors.timestamp import TimestampAuthority, certificates_in
from unbroken.anchors.witness import Witness
from unbroken.core.cosignature import CosignerKey
from unbroken.core.lengths import FORM, parse_length
from unbroken.errors import ConfigurationError

_RETAIN: Final = "365d"
_NAME: Final = re.compile(r"[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]{0,58}[^\s\x00-\x1f\x7f])?")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all anchors of a file share: the folder that its paths begin in, and how long one may take."""

    folder: Path
    timeout_s: float

    def path(self, written: str) -> Path:
        """A path of the file's, from the file's own folder where it is not a whole one."""
        return self.folder / written

    def endpoint(self, url: str, *, plain: bool, ca_file: str | None) -> Endpoint:
        """An address that is asked no longer than a round waits for an anchor."""
        trusted = self.path(ca_file) if ca_file is not None else None
        return Endpoint(url, plain=plain, ca_file=trusted, timeout_s=min(TIMEOUT_S, self.timeout_s))


class Described(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """One ``[[anchor]]``; raises :class:`ConfigurationError` for what can't be one."""

    name: str

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise ConfigurationError("a name is 1 to 60 characters on one line, without blanks around them")

    def anchor(self, log: TrustedLog, around: Surroundings) -> Anchor:
        """The anchor for one log; nobody is asked anything yet. Raises :class:`ConfigurationError`."""
        raise NotImplementedError


class DirectoryAnchor(Described, frozen=True, tag="directory"):
    """``path``: a directory on another machine's mount."""

    path: str

    def anchor(self, log: TrustedLog, around: Surroundings) -> Anchor:
        """As :class:`Described` says."""
        return Directory(self.name, around.path(self.path), log=log)


class FileAnchor(Described, frozen=True, tag="file"):
    """``path``: the directory in which the append-only file stands."""

    path: str

    def anchor(self, log: TrustedLog, around: Surroundings) -> Anchor:
        """As :class:`Described` says."""
        return AppendedFile(self.name, around.path(self.path), log=log)


class StoreAnchor(Described, frozen=True, tag="object store"):
    """``owner`` is the account that must own the bucket, ``profile`` the one of boto3's whose credentials are used."""

    bucket: str
    prefix: str = ""
    retain: str = _RETAIN
    owner: str | None = None
    endpoint: str | None = None
    profile: str | None = None

    def __post_init__(self) -> None:
        Described.__post_init__(self)
        self._retained()

    def anchor(self, log: TrustedLog, around: Surroundings) -> Anchor:  # noqa: ARG002 - boto3 has patience of its own
        """As :class:`Described` says."""
        bucket = Bucket(self.bucket, self.prefix, self._retained(), self.owner)
        return ObjectStore.connect(self.name, bucket, log=log, endpoint=self.endpoint, profile=self.profile)

    def _retained(self) -> timedelta:
        return length(self.retain, "retain")


class TimestampAnchor(Described, frozen=True, tag="timestamp"):
    """``roots`` and ``intermediates`` are PEM files; ``plain`` allows HTTP without TLS."""

    url: str
    roots: str
    intermediates: str | None = None
    policy: str | None = None
    plain: bool = False
    ca_file: str | None = None

    def anchor(self, log: TrustedLog, around: Surroundings) -> Anchor:
        """As :class:`Described` says."""
        between = certificates_in(around.path(self.intermediates)) if self.intermediates is not None else ()
        return TimestampAuthority(
            self.name,
            around.endpoint(self.url, plain=self.plain, ca_file=self.ca_file),
            log=log,
            roots=certificates_in(around.path(self.roots)),
            intermediates=between,
            policy=self.policy,
        )


class WitnessAnchor(Described, frozen=True, tag="witness"):
    """``url`` is the submission prefix, ``keys`` are the cosigner's verifier keys, of type ``04``."""

    url: str
    keys: tuple[str, ...]
    plain: bool = False
    ca_file: str | None = None

    def __post_init__(self) -> None:
        Described.__post_init__(self)
        if not self.cosigners:
            raise ConfigurationError("it has no key to verify cosignatures by")

    @property
    def cosigners(self) -> tuple[CosignerKey, ...]:
        """Its keys."""
        return tuple(map(CosignerKey.from_text, self.keys))

    def anchor(self, log: TrustedLog, around: Surroundings) -> Anchor:
        """As :class:`Described` says."""
        endpoint = around.endpoint(self.url, plain=self.plain, ca_file=self.ca_file)
        return Witness(self.name, endpoint, keys=self.cosigners, log=log)


AnyKind = DirectoryAnchor | FileAnchor | StoreAnchor | TimestampAnchor | WitnessAnchor


def length(text: str, key: str) -> timedelta:
    """A length of time; raises :class:`ConfigurationError` naming ``key`` for what is none."""
    read = parse_length(text)
    if read is None:
        raise ConfigurationError(f"{key}: {FORM}")
    return read

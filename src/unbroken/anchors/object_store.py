"""An object store with object lock in compliance mode (S3 API, extra ``s3``): what is in it can't go before its time.

What it proves: that the store was given this checkpoint, and that nobody, the account's owner included, can remove or
change that version before its retention ends, as far as the store does what compliance mode promises.

What it does not: when, but for what the store says of itself. Whoever may write there may put a delete marker or a
newer version in front; both hide nothing from somebody who lists versions, and are reported. Whoever closes the account
takes the objects with it. After the retention they can be removed.

Credentials, region and endpoint are what boto3 finds. The bucket must have been made with object lock.
"""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from unbroken.anchors.anchor import (
    MAX_HELD,
    MAX_NOTE_BYTES,
    Anchored,
    Kind,
    Oddity,
    Receipt,
    Submission,
    TrustedLog,
    newest_of,
    require_of,
)
from unbroken.anchors.placing import Named, falling, folder_of, from_falling
from unbroken.errors import (
    AccessDeniedError,
    AnchorError,
    ConfigurationError,
    NoteError,
    UnavailableError,
    UnbrokenError,
)

PAGE: Final = 1000
"""What S3 lists at most at once."""
_COMPLIANCE: Final = "COMPLIANCE"
_MAX_VERSION_BYTES: Final = 1024
_DENIED: Final = frozenset(
    {"AccessDenied", "AllAccessDisabled", "ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403"}
)
_THERE: Final = frozenset({"PreconditionFailed", "412"})
_NOT_NOW: Final = frozenset(
    {
        *("ConditionalRequestConflict", "OperationAborted", "InternalError", "RequestTimeout", "ServiceUnavailable"),
        *("SlowDown", "ThrottlingException", "Throttling", "RequestLimitExceeded"),
    }
)
_GONE: Final = frozenset({"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405"})
_SERVERS_FAULT: Final = 500


class S3Client(Protocol):
    """What is used of boto3's client for S3."""

    def put_object(self, **request: Any) -> Mapping[str, Any]:
        """Gives ``VersionId``."""
        ...

    def get_object(self, **request: Any) -> Mapping[str, Any]:
        """Gives ``Body``, ``VersionId``, ``ObjectLockMode`` and ``ObjectLockRetainUntilDate``."""
        ...

    def list_object_versions(self, **request: Any) -> Mapping[str, Any]:
        """Gives ``Versions`` and ``DeleteMarkers``."""
        ...


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where objects go, and how long they can't be removed. ``owner`` is the account that must own the bucket."""

    name: str
    prefix: str = ""
    retain: timedelta = timedelta(days=365)
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """One version of an object: its note, and whether it is locked."""

    content: bytes
    version: str
    locked_until: datetime | None


class ObjectStore:
    """An :class:`~unbroken.anchors.anchor.Anchor`: one object for each checkpoint, written once.

    Names sort by falling size, so that the newest is on the first page. Every object is read back once it was written,
    because a store that does not know object lock may take the request and ignore it.
    """

    kind: Kind = "object store"
    keeps = True

    def __init__(self, name: str, bucket: Bucket, *, log: TrustedLog, client: S3Client, provider: str = "S3") -> None:
        if bucket.retain <= timedelta(0):
            raise ConfigurationError("objects are to be retained for a time that is not over at once")
        self.name = name
        self._bucket = bucket
        self._log = log
        self._client = client
        self._provider = provider
        folder = folder_of(log.origin)
        self._prefix = f"{bucket.prefix.strip('/')}/{folder}/".lstrip("/")

    @classmethod
    def connect(
        cls, name: str, bucket: Bucket, *, log: TrustedLog, endpoint: str | None = None, profile: str | None = None
    ) -> "ObjectStore":
        """With boto3's configuration, or a profile of it; nothing is asked yet. Raises :class:`ConfigurationError`."""
        try:
            boto3 = importlib.import_module("boto3")
            config = importlib.import_module("botocore.config").Config(
                connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2, "mode": "standard"}
            )
        except ImportError as error:
            raise ConfigurationError("object stores need the package boto3: pip install 'unbroken[s3]'") from error
        try:
            client = boto3.Session(profile_name=profile).client("s3", endpoint_url=endpoint, config=config)
        except _failures() as error:
            raise ConfigurationError(f"boto3 is not set up for the anchor {name!r} ({type(error).__name__})") from error
        provider = (urlsplit(endpoint).hostname if endpoint else None) or "S3"
        return cls(name, bucket, log=log, client=client, provider=provider)

    @property
    def where(self) -> str:
        """Provider, bucket and prefix."""
        return f"{self._provider}: {self._bucket.name}/{self._prefix}"

    def publish(self, submission: Submission) -> Receipt:
        """As :class:`~unbroken.anchors.anchor.Anchor` says; the receipt names the object's version."""
        content = submission.note.encode()
        key = self._prefix + falling(submission.checkpoint.size, submission.note)
        until = datetime.now(UTC) + self._bucket.retain
        version = self._put(key, content, until=until)
        found = self._got(key, version)
        if found is None or found.content != content:
            raise AnchorError(f"{key} is in the store with another content than its name says: nothing was replaced")
        # A store may keep whole seconds; of an object that was there before, less is left.
        if found.locked_until is None or (version is not None and found.locked_until < until - timedelta(seconds=2)):
            raise ConfigurationError(
                f"the store of {self.name!r} took the checkpoint and did not lock it: the bucket needs object lock"
            )
        return Receipt(self.name, self.kind, submission.note, found.version.encode())

    def held(self) -> Iterator[Receipt | Oddity]:
        """As :class:`~unbroken.anchors.anchor.Anchor` says; each version is read."""
        for key, versions in groupby(self._listed(), key=_key_of):
            yield from self._of_key(key, list(versions))

    def newest(self) -> Receipt | None:
        """As :class:`~unbroken.anchors.anchor.Anchor` says; a marker or a version put in front hides nothing."""
        return newest_of(self.held())

    def holds(self, receipt: Receipt) -> bool:
        """As :class:`~unbroken.anchors.anchor.Anchor` says: that very version, still locked."""
        size = self.verify(receipt).checkpoint.size
        found = self._got(self._prefix + falling(size, receipt.note), receipt.proof.decode())
        return found is not None and found.content == receipt.note.encode() and found.locked_until is not None

    def verify(self, receipt: Receipt) -> Anchored:
        """As :class:`~unbroken.anchors.anchor.Anchor` says. What it shows is the log's signature: ask :meth:`holds`."""
        require_of(receipt, self)
        if not _is_version(receipt.proof):
            raise AnchorError("an object store's receipt names a version, and this is none")
        return Anchored(self.name, self.kind, self._log.opened(receipt.note), by=self.where)

    def _put(self, key: str, content: bytes, *, until: datetime) -> str | None:
        """The new version; ``None`` where an object of that name was there already."""
        try:
            answer = self._client.put_object(
                Key=key,
                Body=content,
                IfNoneMatch="*",
                ObjectLockMode=_COMPLIANCE,
                ObjectLockRetainUntilDate=until,
                ChecksumAlgorithm="SHA256",
                ContentType="text/plain; charset=utf-8",
                **self._asked(),
            )
        except _failures() as error:
            if _code(error) in _THERE:
                return None
            raise self._translated(error) from error
        version = answer.get("VersionId")
        if not isinstance(version, str) or not _is_version(version.encode()):
            raise ConfigurationError(f"the bucket of {self.name!r} keeps no versions: make one with object lock")
        return version

    def _got(self, key: str, version: str | None) -> _Found | None:
        """A version of an object, the present one where none is named; ``None`` where it is not there."""
        try:
            answer = self._client.get_object(
                Key=key, **({"VersionId": version} if version is not None else {}), **self._asked()
            )
            content = answer["Body"].read(MAX_NOTE_BYTES + 1)
        except _failures() as error:
            if _code(error) in _GONE:
                return None
            raise self._translated(error) from error
        given = str(answer.get("VersionId") or "")
        if not _is_version(given.encode()) or (version is not None and given != version):
            raise AnchorError(f"the store of {self.name!r} answered with another version than was asked for")
        is_locked = answer.get("ObjectLockMode") == _COMPLIANCE
        until = answer.get("ObjectLockRetainUntilDate") if is_locked else None
        return _Found(content, given, until if isinstance(until, datetime) else None)

    def _listed(self) -> Iterator[Mapping[str, Any]]:
        """Versions and delete markers by name, page by page; a marker is told by having no size."""
        after: dict[str, str] = {}
        count = 0
        while True:
            page = self._page(after)
            both = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            count += len(both)
            if count > MAX_HELD:
                raise AnchorError(f"more than {MAX_HELD:,} objects are at {self.where}: something fills it up")
            yield from sorted(both, key=_key_of)
            if not page.get("IsTruncated"):
                return
            after = self._next(page, after)

    def _page(self, after: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            return self._client.list_object_versions(Prefix=self._prefix, MaxKeys=PAGE, **after, **self._asked())
        except _failures() as error:
            raise self._translated(error) from error

    def _next(self, page: Mapping[str, Any], after: Mapping[str, str]) -> dict[str, str]:
        following = {"KeyMarker": str(page.get("NextKeyMarker", ""))}
        following |= {"VersionIdMarker": page["NextVersionIdMarker"]} if page.get("NextVersionIdMarker") else {}
        if following == after or following["KeyMarker"] < after.get("KeyMarker", ""):
            raise AnchorError(f"the store of {self.name!r} lists the same objects again and again")
        return following

    def _of_key(self, key: str, versions: list[Mapping[str, Any]]) -> Iterator[Receipt | Oddity]:
        name = key.removeprefix(self._prefix)
        named = from_falling(name)
        if named is None:
            yield Oddity(self.name, "foreign", name)
            return
        kept = [str(each.get("VersionId", "")) for each in versions if "Size" in each]
        read = [each for version in kept for each in self._of_version(key, named, version)]
        # Receipts before what is odd: a version that was put in front of one hides nothing.
        yield from (each for each in read if isinstance(each, Receipt))
        yield from (each for each in read if isinstance(each, Oddity))
        if len(kept) < len(versions):
            yield Oddity(self.name, "deleted", name, named.size)
        if len(kept) > 1:
            yield Oddity(self.name, "replaced", name, named.size)

    def _of_version(self, key: str, named: Named, version: str) -> Iterator[Receipt | Oddity]:
        name = key.removeprefix(self._prefix)
        found = self._got(key, version)
        if found is None or not named.is_of(found.content):
            yield Oddity(self.name, "damaged", name, named.size)
            return
        try:
            is_ours = self._log.opened(found.content).size == named.size
        except NoteError:
            is_ours = False
        if not is_ours:
            yield Oddity(self.name, "foreign", name, named.size)
            return
        yield Receipt(self.name, self.kind, found.content.decode(), version.encode())
        if found.locked_until is None:
            yield Oddity(self.name, "unlocked", name, named.size)

    def _asked(self) -> dict[str, str]:
        owner = {"ExpectedBucketOwner": self._bucket.owner} if self._bucket.owner else {}
        return {"Bucket": self._bucket.name, **owner}

    def _translated(self, error: Exception) -> UnbrokenError:
        """Messages name the code alone: the store's own texts may hold account numbers."""
        code = _code(error)
        if code is None:
            name = type(error).__name__
            if any(word in name for word in ("Connection", "Timeout", "HTTPClient", "Closed", "Incomplete", "Stream")):
                return UnavailableError(f"the store of {self.name!r} can't be reached ({name}): try again")
            if any(word in name for word in ("Checksum", "Parser")):
                return AnchorError(f"the store of {self.name!r} answered with something that does not fit ({name})")
            return ConfigurationError(f"boto3 is not set up for the anchor {self.name!r} ({name})")
        if code in _DENIED:
            return AccessDeniedError(f"the store of {self.name!r} refused ({code})")
        if code in _NOT_NOW or _status(error) >= _SERVERS_FAULT:
            return UnavailableError(f"the store of {self.name!r} can't answer now ({code}): try again")
        return ConfigurationError(f"the store of {self.name!r} does not do what was asked ({code})")


def _key_of(listed: Mapping[str, Any]) -> str:
    return str(listed.get("Key", ""))


def _failures() -> tuple[type[Exception], ...]:
    """What boto3's calls raise."""
    exceptions = importlib.import_module("botocore.exceptions")
    unread = importlib.import_module("botocore.parsers").ResponseParserError
    # ValueError: an endpoint that is no address.
    return exceptions.ClientError, exceptions.BotoCoreError, unread, ValueError


def _code(error: Exception) -> str | None:
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", ""))[:64] if isinstance(response, Mapping) else None


def _status(error: Exception) -> int:
    response = getattr(error, "response", None)
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) if isinstance(response, Mapping) else 0
    return status if isinstance(status, int) else 0


def _is_version(raw: bytes) -> bool:
    # "null" is what objects are called that a bucket keeps no versions of.
    return 0 < len(raw) <= _MAX_VERSION_BYTES and raw.isascii() and raw.decode().isprintable() and raw != b"null"

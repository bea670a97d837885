"""Key-encryption keys as they are named in commands: where each is, in one text."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from unbroken.errors import AccessDeniedError, ConfigurationError
from unbroken.key_services.aws_kms import region_in
from unbroken.key_services.transit_server import TransitServer
from unbroken.privacy.vault.aws_kms import AwsKmsKey
from unbroken.privacy.vault.key_encryption import KeyEncryption, KeyEncryptions, checked_id
from unbroken.privacy.vault.local_key import ENVIRONMENT, from_environment, from_file
from unbroken.privacy.vault.transit import TransitKey

FORMS: Final = "file:PATH, env:VARIABLE, aws-kms:ID=KEY or transit:ID=KEY[@MOUNT]"
_MOUNT: Final = "transit"


@dataclass(frozen=True, slots=True)
class Place:
    """Where key-encryption keys are: ``kind`` and ``value`` as in :data:`FORMS`.

    ``value`` is never shown: the name of a key in KMS may hold an account's number.
    """

    kind: str
    value: str = field(repr=False)

    @property
    def path(self) -> Path | None:
        """The file, where it is one."""
        return Path(self.value) if self.kind == "file" else None


def place_of(spec: str) -> Place:
    """Where ``spec`` says that keys are; raises :class:`ConfigurationError` for what is none of :data:`FORMS`."""
    kind, colon, value = spec.partition(":")
    if not colon or kind not in _OPENERS or (not value and kind != "env"):
        raise ConfigurationError(f"a key-encryption key is named by {FORMS}")
    return Place(kind, value)


def encryptions_at(places: Sequence[Place]) -> KeyEncryptions:
    """The keys at these places, of which the last one wraps; nothing is asked of a service yet.

    Raises :class:`ConfigurationError` where there is none, one can't be read, or two have one id.
    """
    keys = [key for place in places for key in _OPENERS[place.kind](place.value)]
    if not keys:
        raise ConfigurationError(f"no key-encryption key is named: {FORMS}")
    return KeyEncryptions.newest_last(keys)


def doubts_of(key: KeyEncryption) -> str | None:
    """What can't be found out of how ``key`` is set up, in words. Raises :class:`ConfigurationError` for a bad one."""
    if not isinstance(key, TransitKey):
        return None
    try:
        key.check()
    except AccessDeniedError:
        return (
            f"the token may not read the settings of the transit key {key.id!r}, so that it is derived and can't be"
            " exported was not checked"
        )
    return None


def _all_of(keys: KeyEncryptions) -> list[KeyEncryption]:
    return [*keys.retired, keys.current]


def _file(value: str) -> Iterable[KeyEncryption]:
    return _all_of(from_file(Path(value)))


def _environment(value: str) -> Iterable[KeyEncryption]:
    return _all_of(from_environment(value or ENVIRONMENT))


def _aws_kms(value: str) -> Iterable[KeyEncryption]:
    key_id, key = _named(value, "aws-kms:ID=KEY")
    return [AwsKmsKey.connect(key_id, key=key, region=region_in(key))]


def _transit(value: str) -> Iterable[KeyEncryption]:
    key_id, rest = _named(value, "transit:ID=KEY[@MOUNT]")
    key, at, mount = rest.partition("@")
    if not key or (at and not mount):
        raise ConfigurationError("a key of a transit engine is named transit:ID=KEY[@MOUNT]")
    return [TransitKey(key_id, key, TransitServer.from_environment(), mount.strip("/") or _MOUNT)]


def _named(value: str, form: str) -> tuple[str, str]:
    key_id, equals, key = value.partition("=")
    if not equals or not key:
        raise ConfigurationError(f"a key-encryption key has an id of your choice here and a name there: {form}")
    return checked_id(key_id), key


_OPENERS: Final[dict[str, Callable[[str], Iterable[KeyEncryption]]]] = {
    "file": _file,
    "env": _environment,
    "aws-kms": _aws_kms,
    "transit": _transit,
}

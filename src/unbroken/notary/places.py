"""Signing keys as they are named in commands: where each is, in one text."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from unbroken.core.checkpoint import key_name
from unbroken.errors import ConfigurationError
from unbroken.key_services.transit_server import TransitServer
from unbroken.notary import local_key
from unbroken.notary.aws_kms_key import AwsKmsSigningKey
from unbroken.notary.signer import KeptKey, Signer
from unbroken.notary.transit_key import TransitSigningKey

FORMS: Final = "file:PATH, env:VARIABLE, aws-kms:KEY or transit:KEY[@MOUNT][#VERSION]"
_TRANSIT: Final = re.compile(r"(?P<key>[^@#]+)(@(?P<mount>[^@#]+))?(#(?P<version>[1-9][0-9]{0,8}))?")


def signer_at(spec: str, *, log: str) -> Signer:
    """The key at the place that ``spec`` names (:data:`FORMS`), as one of ``log``.

    Services are asked for its public half. Raises :class:`ConfigurationError` for another text and for what is no key
    of this log, and what whoever keeps the key does.
    """
    kind, colon, value = spec.partition(":")
    if not colon or kind not in _OPENERS or (not value and kind != "env"):
        raise ConfigurationError(f"a signing key is named by {FORMS}")
    return Signer.of(_OPENERS[kind](value, key_name(log)), log=log)


def _file(value: str, name: str) -> KeptKey:
    return local_key.from_file(Path(value), name=name)


def _environment(value: str, name: str) -> KeptKey:
    return local_key.from_environment(value or local_key.ENVIRONMENT, name=name)


def _aws_kms(value: str, _: str) -> KeptKey:
    return AwsKmsSigningKey.connect(value)


def _transit(value: str, _: str) -> KeptKey:
    match = _TRANSIT.fullmatch(value)
    if match is None:
        raise ConfigurationError("a key of a transit engine is named transit:KEY[@MOUNT][#VERSION]")
    version = None if match["version"] is None else int(match["version"])
    mount = (match["mount"] or "transit").strip("/")
    return TransitSigningKey(match["key"], TransitServer.from_environment(), mount=mount, version=version)


_OPENERS: Final[dict[str, Callable[[str, str], KeptKey]]] = {
    "file": _file,
    "env": _environment,
    "aws-kms": _aws_kms,
    "transit": _transit,
}

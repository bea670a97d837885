"""Vault keys wrapped by a symmetric key of AWS KMS (extra ``kms``), which never leaves it.

Credentials, region and endpoint are what boto3 finds. Every call carries the encryption context ``unbroken``, which
names log and vault key: a key policy can demand it, and CloudTrail shows which vault key was used when.
"""

import importlib
from collections.abc import Mapping
from typing import Any, Final, Protocol

from unbroken.errors import AccessDeniedError, ConfigurationError, UnavailableError, UnbrokenError
from unbroken.privacy.vault.key_encryption import checked_id

CONTEXT: Final = "unbroken"
_DENIED: Final = frozenset(
    {"AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "InvalidClientTokenId"}
)
_NOT_NOW: Final = frozenset(
    {
        *("DependencyTimeoutException", "KMSInternalException", "KeyUnavailableException"),
        *("LimitExceededException", "RequestLimitExceeded", "ServiceUnavailable", "ThrottlingException"),
    }
)
_OTHERS: Final = frozenset({"IncorrectKeyException", "InvalidCiphertextException"})


class KmsClient(Protocol):
    """What is used of boto3's client for KMS."""

    def encrypt(self, *, KeyId: str, Plaintext: bytes, EncryptionContext: Mapping[str, str]) -> Mapping[str, Any]:  # noqa: N803
        """Gives ``CiphertextBlob``."""
        ...

    def decrypt(self, *, KeyId: str, CiphertextBlob: bytes, EncryptionContext: Mapping[str, str]) -> Mapping[str, Any]:  # noqa: N803
        """Gives ``Plaintext``."""
        ...


class AwsKmsKey:
    """A :class:`~unbroken.privacy.vault.key_encryption.KeyEncryption` by a key of KMS.

    ``id`` is what wrapped keys call it here; ``key`` is its ARN, id or alias there. An alias that is pointed to another
    key needs another ``id``: KMS is told which key to decrypt with, and refuses what another one encrypted.
    """

    def __init__(self, key_id: str, *, key: str, client: KmsClient) -> None:
        self._id = checked_id(key_id)
        self._key = key
        self._client = client

    @classmethod
    def connect(cls, key_id: str, *, key: str, region: str | None = None) -> "AwsKmsKey":
        """With boto3's own configuration; nothing is asked yet. Raises :class:`ConfigurationError`."""
        try:
            boto3 = importlib.import_module("boto3")
            config = importlib.import_module("botocore.config").Config(
                connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 4, "mode": "standard"}
            )
        except ImportError as error:
            raise ConfigurationError("AWS KMS needs the package boto3: pip install 'unbroken[kms]'") from error
        failures = _failures()
        try:
            return cls(key_id, key=key, client=boto3.client("kms", region_name=region, config=config))
        except failures as error:
            raise _translated(error, key_id) from error

    @property
    def id(self) -> str:
        """What wrapped keys name it by."""
        return self._id

    def wrap(self, private: bytes, *, context: bytes) -> bytes:
        """As :class:`~unbroken.privacy.vault.key_encryption.KeyEncryption` says."""
        return self._asked("encrypt", "CiphertextBlob", context, Plaintext=private)

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """As :class:`~unbroken.privacy.vault.key_encryption.KeyEncryption` says."""
        return self._asked("decrypt", "Plaintext", context, CiphertextBlob=wrapped)

    def _asked(self, method: str, wanted: str, context: bytes, **what: bytes) -> bytes:
        try:
            answer = getattr(self._client, method)(
                KeyId=self._key, EncryptionContext={CONTEXT: context.decode()}, **what
            )
        except _failures() as error:
            raise _translated(error, self._id) from error
        return bytes(answer[wanted])


def _failures() -> tuple[type[Exception], ...]:
    """What boto3's calls raise."""
    exceptions = importlib.import_module("botocore.exceptions")
    return exceptions.ClientError, exceptions.BotoCoreError


def _translated(error: Exception, key_id: str) -> UnbrokenError:
    """Messages name the code alone: KMS's own texts may hold account numbers."""
    response = getattr(error, "response", None)
    if response is None:
        return _unreached(error, key_id)
    code = str(response.get("Error", {}).get("Code", ""))
    if code in _DENIED:
        return AccessDeniedError(f"AWS KMS refused the key-encryption key {key_id!r} ({code})")
    if code in _NOT_NOW or response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return UnavailableError(f"AWS KMS can't use the key-encryption key {key_id!r} now ({code}): try again")
    if code in _OTHERS:
        return ConfigurationError(
            f"a vault key can't be unwrapped by {key_id!r} of AWS KMS ({code}): wrapped by another key, or changed"
        )
    return ConfigurationError(f"AWS KMS can't use the key-encryption key {key_id!r} ({code})")


def _unreached(error: Exception, key_id: str) -> UnbrokenError:
    name = type(error).__name__
    if any(word in name for word in ("Connection", "Timeout", "HTTPClient", "Closed")):
        return UnavailableError(f"AWS KMS can't be reached for the key-encryption key {key_id!r} ({name}): try again")
    return ConfigurationError(f"boto3 is not set up for the key-encryption key {key_id!r} of AWS KMS ({name})")

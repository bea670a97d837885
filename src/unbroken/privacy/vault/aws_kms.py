"""Vault keys wrapped by a symmetric key of AWS KMS (extra ``kms``), which never leaves it.

Credentials, region and endpoint are what boto3 finds. Every call carries the encryption context ``unbroken``, which
names log and vault key: a key policy can demand it, and CloudTrail shows which vault key was used when.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from unbroken.key_services import aws_kms
from unbroken.privacy.vault.key_encryption import checked_id

CONTEXT: Final = "unbroken"


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
        return cls(key_id, key=key, client=aws_kms.client(region=region, purpose=_purpose(key_id)))

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
        except aws_kms.failures() as error:
            raise aws_kms.translated(error, _purpose(self._id)) from error
        return bytes(answer[wanted])


def _purpose(key_id: str) -> str:
    return f"the key-encryption key {key_id!r}"

"""A signing key in AWS KMS (extra ``kms``), of the key spec ``ECC_NIST_EDWARDS25519``, which never leaves it.

The notary's login needs ``kms:GetPublicKey`` and ``kms:Sign``. KMS is handed the message itself, as plain Ed25519
(RFC 8032) takes it, so that CloudTrail shows each signature and nobody needs KMS to verify one.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from unbroken.errors import ConfigurationError
from unbroken.key_services import aws_kms

_ALGORITHM: Final = "ED25519_SHA_512"
_MAX_MESSAGE_BYTES: Final = 4096
_PURPOSE: Final = "the signing key"


class KmsClient(Protocol):
    """What is used of boto3's client for KMS."""

    def get_public_key(self, *, KeyId: str) -> Mapping[str, Any]:  # noqa: N803
        """Gives ``PublicKey``, in DER."""
        ...

    def sign(self, *, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> Mapping[str, Any]:  # noqa: N803
        """Gives ``Signature``."""
        ...


class AwsKmsSigningKey:
    """A :class:`~unbroken.notary.signer.KeptKey` of KMS; ``key`` is its ARN, id or alias."""

    def __init__(self, key: str, client: KmsClient) -> None:
        self._key = key
        self._client = client
        self._public = self._asked_public()

    @classmethod
    def connect(cls, key: str) -> "AwsKmsSigningKey":
        """With boto3's own configuration; the public half is asked for. Raises what :meth:`sign` does."""
        return cls(key, aws_kms.client(region=aws_kms.region_in(key), purpose=_PURPOSE))

    @property
    def public(self) -> bytes:
        """As :class:`~unbroken.notary.signer.KeptKey` says."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """As :class:`~unbroken.notary.signer.KeptKey` says."""
        if len(message) > _MAX_MESSAGE_BYTES:
            raise ConfigurationError(f"AWS KMS signs up to {_MAX_MESSAGE_BYTES} bytes: this log's name is too long")
        try:
            answer = self._client.sign(KeyId=self._key, Message=message, MessageType="RAW", SigningAlgorithm=_ALGORITHM)
        except aws_kms.failures() as error:
            raise aws_kms.translated(error, _PURPOSE) from error
        return bytes(answer["Signature"])

    def _asked_public(self) -> bytes:
        try:
            answer = self._client.get_public_key(KeyId=self._key)
        except aws_kms.failures() as error:
            raise aws_kms.translated(error, _PURPOSE) from error
        try:
            key = load_der_public_key(bytes(answer["PublicKey"]))
        except ValueError as error:
            raise ConfigurationError("AWS KMS gave a public key that can't be read") from error
        if not isinstance(key, Ed25519PublicKey):
            raise ConfigurationError("the signing key in AWS KMS is no Ed25519 key: make one of ECC_NIST_EDWARDS25519")
        return key.public_bytes_raw()

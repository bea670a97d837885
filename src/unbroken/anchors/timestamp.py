"""An RFC 3161 timestamp authority (extra ``timestamps``): it signs the time at which it saw a hash.

What it proves: that this very note existed at the stated time, by the word and the clock of the authority, to everybody
who trusts its root. Nobody has to be asked again: the token is verified with the root's certificate alone.

What it does not: that it was the only note. An authority signs whatever hash it is given and keeps nothing, so that two
histories of a log can both be timestamped; it shows *when* each was there. Whether the authority's certificate was
revoked is not asked, and the certificates must have been valid at the stated time, not now. Its tokens are the only
copies.
"""

import base64
import binascii
import hashlib
import importlib
from collections.abc import Iterable, Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from cryptography import x509

from unbroken.anchors.anchor import (
    MAX_PROOF_BYTES,
    Anchored,
    KeepsNothing,
    Kind,
    Receipt,
    Submission,
    TrustedLog,
    require_not_ahead,
    require_of,
)
from unbroken.anchors.endpoint import Endpoint
from unbroken.core.canonical import canonical
from unbroken.errors import AnchorError, ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

_QUERY: Final = "application/timestamp-query"
_REPLY: Final = "application/timestamp-reply"
_MAX_ANSWER_BYTES: Final = 64 * 1024
_MAX_ROOTS_BYTES: Final = 1024 * 1024
_SIGNED_DATA_VERSION: Final = 3
_SIGNER_VERSION: Final = 1
_SHA256: Final = "2.16.840.1.101.3.4.2.1"
_DIGESTS: Final = frozenset({_SHA256, "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"})
_WAITING: Final = 3


class _Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    nonce: str
    response: str
    sha256: str


class TimestampAuthority(KeepsNothing):
    """An :class:`~unbroken.anchors.anchor.Anchor` at ``endpoint``.

    ``roots`` are whom to trust; ``intermediates`` those between root and authority that it does not send. ``policy`` is
    the only policy (an OID) under which its timestamps count, where one is given.
    """

    kind: Kind = "timestamp"

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        log: TrustedLog,
        roots: Sequence[x509.Certificate],
        intermediates: Sequence[x509.Certificate] = (),
        policy: str | None = None,
    ) -> None:
        if not roots:
            raise ConfigurationError(f"the timestamp authority {name!r} has no root to verify its timestamps by")
        self.name = name
        self._endpoint = endpoint
        self._log = log
        self._roots = tuple(roots)
        self._intermediates = tuple(intermediates)
        self._policy = _oid(policy) if policy is not None else None
        self._client = _client()

    @property
    def where(self) -> str:
        """The endpoint, without its path."""
        return f"timestamp authority {self._endpoint.where}"

    def publish(self, submission: Submission) -> Receipt:
        """As :class:`~unbroken.anchors.anchor.Anchor` says; every repetition is another timestamp."""
        query = (
            self._client.TimestampRequestBuilder()
            .data(submission.note.encode())
            .hash_algorithm(self._client.HashAlgorithm.SHA256)
            .build()
        )
        reply = self._endpoint.post(query.as_bytes(), content_type=_QUERY, limit=_MAX_ANSWER_BYTES)
        response = self._endpoint.accept(reply, content_type=_REPLY)
        self._require_granted(response)
        receipt = Receipt(self.name, self.kind, submission.note, _proof(query.nonce, response))
        anchored = self.verify(receipt)
        if anchored.at is not None:
            require_not_ahead(anchored.at, anchor=self.name)
        return receipt

    def verify(self, receipt: Receipt) -> Anchored:
        """As :class:`~unbroken.anchors.anchor.Anchor` says: signature, chain, purpose, nonce, imprint and policy."""
        require_of(receipt, self)
        checkpoint = self._log.opened(receipt.note)
        nonce, raw = _read(receipt.proof)
        response = self._decoded(raw)
        try:
            self._verify(response, receipt.note.encode(), nonce=nonce)
            at = response.tst_info.gen_time
        except _failures(self._client) as error:
            raise AnchorError(f"the timestamp of {self.name!r} does not verify: {_reason(error)}") from error
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        return Anchored(self.name, self.kind, checkpoint, by=self.where, at=at)

    def _verify(self, response: "TimeStampResponse", note: bytes, *, nonce: int) -> None:
        verifier = self._client.VerifierBuilder(
            policy_id=self._policy, roots=list(self._roots), intermediates=list(self._intermediates), nonce=nonce
        ).build()
        verifier.verify(response, hashlib.sha256(note).digest())
        signed, info = response.signed_data, response.tst_info
        (signer,) = signed.signer_infos
        # The library leaves these to its caller.
        if info.message_imprint.hash_algorithm.dotted_string != _SHA256:
            raise ValueError("the imprint is not made by SHA-256")
        if not {each.dotted_string for each in signed.digest_algorithms} <= _DIGESTS:
            raise ValueError("it is signed over a weak digest")
        if (info.version, signed.version, signer.version) != (1, _SIGNED_DATA_VERSION, _SIGNER_VERSION):
            raise ValueError("it is of another version than RFC 3161 has")

    def _require_granted(self, raw: bytes) -> None:
        status = self._decoded(raw).status
        if status == _WAITING:
            raise UnavailableError(f"the timestamp authority {self.name!r} answers later: try again")
        if status != 0:
            raise ConfigurationError(f"the timestamp authority {self.name!r} refused (status {status})")

    def _decoded(self, raw: bytes) -> "TimeStampResponse":
        try:
            response: TimeStampResponse = self._client.decode_timestamp_response(raw)
        except ValueError as error:
            raise AnchorError(f"the answer of {self.name!r} is no timestamp in DER, as RFC 3161 has it") from error
        if response.as_bytes() != raw:
            raise AnchorError(f"the timestamp of {self.name!r} is not spelt as DER is")
        return response


def certificates_in(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file; raises :class:`ConfigurationError` where there are none."""
    try:
        with path.open("rb") as file:
            return x509.load_pem_x509_certificates(file.read(_MAX_ROOTS_BYTES))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"there are no certificates in {path}, or they can't be read") from error


def _proof(nonce: int, response: bytes) -> bytes:
    """Nonce and response; the checksum finds what rots where the authority's signature does not reach."""
    encoded = base64.b64encode(response).decode()
    return canonical({"nonce": str(nonce), "response": encoded, "sha256": hashlib.sha256(response).hexdigest()})


def _read(proof: bytes) -> tuple[int, bytes]:
    try:
        read = msgspec.json.decode(proof[: MAX_PROOF_BYTES + 1], type=_Proof)
        nonce, response = int(read.nonce[:64]), base64.b64decode(read.response, validate=True)
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError) as error:
        raise AnchorError("this is no receipt of a timestamp") from error
    if nonce < 0 or _proof(nonce, response) != proof:
        raise AnchorError("a timestamp's receipt was changed")
    return nonce, response


def _oid(text: str) -> x509.ObjectIdentifier:
    try:
        return x509.ObjectIdentifier(text)
    except ValueError as error:
        raise ConfigurationError("a policy is an object identifier, such as 1.3.6.1.4.1.13762.3") from error


def _client() -> Any:
    try:
        return importlib.import_module("rfc3161_client")
    except ImportError as error:
        raise ConfigurationError(
            "timestamps need the package rfc3161-client: pip install 'unbroken[timestamps]'"
        ) from (error)


def _failures(client: Any) -> tuple[type[Exception], ...]:
    """What verifying raises for a token that is not as it should be, certificates that can't be read among it."""
    found: Iterable[type[Exception]] = (
        *(client.VerificationError, ValueError, x509.InvalidVersion),
        *(x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
    )
    return tuple(found)


def _reason(error: Exception) -> str:
    """Its first words: what follows is an OpenSSL stack with places in its sources."""
    return str(error).partition(": ErrorStack")[0][:120]

"""A timestamp authority (RFC 3161) for tests: certificates of its own, and ``openssl ts`` behind HTTP."""

import datetime as dt
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.anchors.serving import Answer, Request

POLICY = "1.3.6.1.4.1.55555.1"
_CONFIGURATION = """
[tsa]
serial = {folder}/serial
default_policy = {policy}
digests = sha256, sha384, sha512
signer_digest = sha256
ess_cert_id_alg = sha256
accuracy = secs:1
"""


@dataclass(frozen=True)
class Identity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey


@dataclass(frozen=True)
class Authority:
    """An authority's folder, its root and its intermediate, and the certificate that it signs timestamps by."""

    folder: Path
    root: x509.Certificate
    intermediate: x509.Certificate
    signer: x509.Certificate
    certifier: Identity = field(repr=False)

    def signed_anew(self, response: bytes, *, usage: x509.ObjectIdentifier) -> bytes:
        """A response with the same content, signed by another key that the intermediate certified for ``usage``."""
        import rfc3161_client

        other = certified("other", self.certifier, usage=usage)
        decoded = rfc3161_client.decode_timestamp_response(response)
        content = _content_of(decoded.time_stamp_token())
        (self.folder / "content").write_bytes(content)
        (self.folder / "other.pem").write_bytes(other.certificate.public_bytes(Encoding.PEM))
        key = other.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / "other.key").write_bytes(key)
        subprocess.run(
            [
                *("openssl", "cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-md", "sha256"),
                *("-econtent_type", "1.2.840.113549.1.9.16.1.4", "-in", "content", "-outform", "DER"),
                *("-signer", "other.pem", "-inkey", "other.key", "-out", "token"),
            ],
            cwd=self.folder,
            check=True,
            capture_output=True,
            timeout=30,
        )
        body = bytes.fromhex("3003020100") + (self.folder / "token").read_bytes()
        return b"\x30\x82" + len(body).to_bytes(2) + body

    def answer(self, request: Request) -> Answer:
        """What is served: the reply to one query."""
        return Answer(200, self.reply(request.body), {"Content-Type": "application/timestamp-reply"})

    def reply(self, query: bytes) -> bytes:
        (self.folder / "query").write_bytes(query)
        subprocess.run(
            [
                *("openssl", "ts", "-reply", "-queryfile", "query", "-out", "reply"),
                *("-config", "tsa.cnf", "-section", "tsa"),
                *("-signer", "signer.pem", "-inkey", "signer.key"),
            ],
            cwd=self.folder,
            check=True,
            capture_output=True,
            timeout=30,
        )
        return (self.folder / "reply").read_bytes()


def authority(folder: Path, *, usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.TIME_STAMPING) -> Authority:
    """An authority whose signer is certified by an intermediate, and that by a root."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    root = certified("root", None, usage=None)
    intermediate = certified("intermediate", root, usage=None)
    signer = certified("authority", intermediate, usage=usage)
    (folder / "tsa.cnf").write_text(_CONFIGURATION.format(folder=folder, policy=POLICY))
    (folder / "serial").write_text("01\n")
    (folder / "signer.pem").write_bytes(signer.certificate.public_bytes(Encoding.PEM))
    key = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "signer.key").write_bytes(key)
    return Authority(folder, root.certificate, intermediate.certificate, signer.certificate, intermediate)


def _content_of(token: bytes) -> bytes:
    """The TSTInfo inside a token: the octets after its type's identifier."""
    kind = bytes.fromhex("060b2a864886f70d0109100104")
    at = token.index(kind) + len(kind)
    for _ in range(2):
        length, at = _length(token, at + 1)
    return token[at : at + length]


def _length(raw: bytes, at: int) -> tuple[int, int]:
    if raw[at] < 0x80:
        return raw[at], at + 1
    digits = raw[at] & 0x7F
    return int.from_bytes(raw[at + 1 : at + 1 + digits]), at + 1 + digits


def certified(name: str, by: Identity | None, *, usage: x509.ObjectIdentifier | None) -> Identity:
    """A new key with a certificate: an authority's own where there is no ``usage``, self-signed without ``by``."""
    key = generate_private_key(SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Test {name}")])
    issuer = by or Identity(None, key)  # type: ignore[arg-type]
    now = dt.datetime.now(dt.UTC)
    is_authority = usage is None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(_key_usage(is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    return Identity(builder.sign(issuer.key, SHA256()), key)


def _key_usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )

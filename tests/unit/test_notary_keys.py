"""Keys that sign checkpoints, wherever they are kept: what each gives verifies, and what is wrong is said."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.unit.transit_emulator import Transit, served
from unbroken.core.checkpoint import Checkpoint, key_name, opened
from unbroken.core.cosignature import stated_time
from unbroken.core.note import SigningKey
from unbroken.errors import AccessDeniedError, ConfigurationError, UnavailableError, UnbrokenError
from unbroken.key_services.transit_server import TransitServer
from unbroken.notary.aws_kms_key import AwsKmsSigningKey
from unbroken.notary.local_key import create_file
from unbroken.notary.places import signer_at
from unbroken.notary.signer import KeptKey, Signer
from unbroken.notary.transit_key import TransitSigningKey

LOG = "night shift+/agents"
KEY = SigningKey(key_name(LOG), bytes(range(32)))
CHECKPOINT = Checkpoint(f"{LOG}~1", 5, b"r" * 32)
AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
TOKEN = "root-token"  # noqa: S105 - the emulator's


def signs(signer: Signer) -> None:
    """What every one of them has to give: a note and a time that its public half verifies."""
    note = signer.note(CHECKPOINT, at=AT)
    assert opened(note, [signer.verifier], origin=CHECKPOINT.origin) == (CHECKPOINT, [signer.verifier])
    assert stated_time(note, [signer.verifier]) == AT
    later = signer.heartbeat(note, at=AT.replace(minute=1))
    assert opened(later, [signer.verifier], origin=CHECKPOINT.origin)[0] == CHECKPOINT
    assert stated_time(later, [signer.verifier]) == AT.replace(minute=1)


# ---- at hand ----


def test_a_file_s_key_signs(tmp_path: Path) -> None:
    create_file(tmp_path / "k", KEY)
    signer = signer_at(f"file:{tmp_path / 'k'}", log=f"{LOG}~3")
    assert signer.verifier == KEY.verifier
    signs(signer)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    create_file(tmp_path / "k", KEY)
    (tmp_path / "link").symlink_to(tmp_path / "k")
    for spec, why in [(f"file:{tmp_path / 'link'}", "read"), (f"file:{tmp_path / 'none'}", "read")]:
        with pytest.raises(ConfigurationError, match=why):
            signer_at(spec, log=LOG)
    for mode in (0o640, 0o604, 0o666):
        (tmp_path / "k").chmod(mode)
        with pytest.raises(ConfigurationError, match="chmod 0600"):
            signer_at(f"file:{tmp_path / 'k'}", log=LOG)


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    create_file(tmp_path / "k", KEY)
    before = (tmp_path / "k").read_bytes()
    with pytest.raises(ConfigurationError, match="there already"):
        create_file(tmp_path / "k", SigningKey.generate(KEY.name))
    assert (tmp_path / "k").read_bytes() == before


def test_an_environment_s_key_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNBROKEN_CHECKPOINT_KEY", KEY.to_text())
    signs(signer_at("env:", log=LOG))
    monkeypatch.setenv("OTHER", KEY.to_text().strip())
    signs(signer_at("env:OTHER", log=LOG))
    with pytest.raises(ConfigurationError, match="NOWHERE"):
        signer_at("env:NOWHERE", log=LOG)


def test_another_log_s_key_is_refused_without_being_quoted(tmp_path: Path) -> None:
    create_file(tmp_path / "k", KEY)
    with pytest.raises(ConfigurationError, match="signs as night%20shift") as refused:
        signer_at(f"file:{tmp_path / 'k'}", log="clinic.example/agents")
    (tmp_path / "broken").write_text(KEY.to_text()[:-9])
    (tmp_path / "broken").chmod(0o600)
    with pytest.raises(ConfigurationError) as broken:
        signer_at(f"file:{tmp_path / 'broken'}", log=LOG)
    for error in (refused, broken):
        assert KEY.to_text().split("+")[-1][:20] not in str(error.value)


@pytest.mark.parametrize("spec", ["", "k", "file:", "aws-kms:", "transit:", "ftp:x", "transit:@m", "transit:k#0"])
def test_a_spec_is_one_of_a_few(spec: str) -> None:
    with pytest.raises(ConfigurationError, match=r"named"):
        signer_at(spec, log=LOG)


# ---- in a transit engine ----


def test_a_transit_engine_s_key_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(transit := Transit()) as address:
        monkeypatch.setenv("VAULT_ADDR", address)
        monkeypatch.setenv("VAULT_TOKEN", TOKEN)
        signs(signer_at("transit:notary", log=LOG))
        transit.signing_versions.append(Ed25519PrivateKey.generate())
        old, new = (signer_at(spec, log=LOG) for spec in ("transit:notary#1", "transit:notary@transit"))
        assert old.verifier != new.verifier
        signs(old)
        signs(new)
        with pytest.raises(ConfigurationError, match="no version 3"):
            signer_at("transit:notary#3", log=LOG)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("type", "aes256-gcm96", "type ed25519"),
        ("derived", True, "not derived"),
        ("exportable", True, "taken out"),
        ("allow_plaintext_backup", True, "taken out"),
    ],
)
def test_a_transit_key_that_is_set_up_otherwise_is_refused(name: str, value: object, why: str) -> None:
    transit = Transit()
    transit.signing[name] = value
    with served(transit) as address, pytest.raises(ConfigurationError, match=why):
        TransitSigningKey("notary", TransitServer(address, token=TOKEN))


def test_a_transit_server_s_troubles_say_what_to_do() -> None:
    with served(transit := Transit()) as address:
        signer = Signer.of(TransitSigningKey("notary", TransitServer(address, token=TOKEN)), log=LOG)
        transit.sealed = True
        with pytest.raises(UnavailableError):
            signer.sign("text\n")
        transit.sealed = False
        transit.tokens.clear()
        with pytest.raises(AccessDeniedError):
            signer.sign("text\n")
        transit.tokens.add(TOKEN)
        for answer in (b"{}", b'{"data": {"signature": "vault:v2:AAAA"}}', b'{"data": {"signature": "vault:v1:!"}}'):
            transit.answers.append((200, answer))
            with pytest.raises(ConfigurationError):
                signer.sign("text\n")
        transit.answers.append((200, b'{"data": {"signature": "vault:v1:AAAA"}}'))
        with pytest.raises(ConfigurationError, match="did not do it"):
            signer.sign("text\n")
    with pytest.raises(UnavailableError):
        signer.sign("text\n")


# ---- in AWS KMS ----


class ClientError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(f"{code}: arn:aws:kms:eu-central-1:123456789012:key/1")
        self.response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}


class Kms:
    """What KMS documents of its Ed25519 keys."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.public: bytes = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.error: Exception | None = None

    def get_public_key(self, *, KeyId: str) -> Mapping[str, Any]:  # noqa: N803
        self._require(KeyId)
        return {"PublicKey": self.public, "KeySpec": "ECC_NIST_EDWARDS25519"}

    def sign(self, *, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> Mapping[str, Any]:  # noqa: N803
        self._require(KeyId)
        assert (MessageType, SigningAlgorithm) == ("RAW", "ED25519_SHA_512")
        return {"Signature": self.key.sign(Message)}

    def _require(self, key: str) -> None:
        assert key == "alias/notary"
        if self.error is not None:
            raise self.error


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Kms:
    exceptions = ModuleType("botocore.exceptions")
    vars(exceptions).update(ClientError=ClientError, BotoCoreError=OSError)
    monkeypatch.setitem(sys.modules, "botocore", ModuleType("botocore"))
    monkeypatch.setitem(sys.modules, "botocore.exceptions", exceptions)
    return Kms()


def test_a_key_of_kms_signs(kms: Kms) -> None:
    kept: KeptKey = AwsKmsSigningKey("alias/notary", kms)
    assert kept.public == kms.key.public_key().public_bytes_raw()
    signs(Signer.of(kept, log=LOG))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDeniedException", AccessDeniedError),
        ("ThrottlingException", UnavailableError),
        ("DisabledException", ConfigurationError),
    ],
)
def test_what_kms_refuses_says_what_to_do(kms: Kms, code: str, error: type[UnbrokenError]) -> None:
    kept = AwsKmsSigningKey("alias/notary", kms)
    kms.error = ClientError(code)
    for asked in (lambda: kept.sign(b"x"), lambda: AwsKmsSigningKey("alias/notary", kms)):
        with pytest.raises(error) as refused:
            asked()
        assert "123456789012" not in str(refused.value)


def test_another_kind_of_key_in_kms_is_refused(kms: Kms) -> None:
    kms.public = (
        generate_private_key(SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(ConfigurationError, match="ECC_NIST_EDWARDS25519"):
        AwsKmsSigningKey("alias/notary", kms)
    kms.public = b"nonsense"
    with pytest.raises(ConfigurationError, match="can't be read"):
        AwsKmsSigningKey("alias/notary", kms)


def test_a_key_of_kms_that_was_exchanged_signs_nothing(kms: Kms) -> None:
    signer = Signer.of(AwsKmsSigningKey("alias/notary", kms), log=LOG)
    kms.key = Ed25519PrivateKey.generate()
    with pytest.raises(ConfigurationError, match="did not do it"):
        signer.note(CHECKPOINT, at=AT)
    with pytest.raises(ConfigurationError, match="4096"):
        signer.sign("x" * 5000)

"""Vault keys wrapped by AWS KMS: against moto, an emulator of it, where that is installed."""

import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import pytest

from tests.unit.vaulted import DANA, LEE, LOG
from unbroken.errors import AccessDeniedError, ConfigurationError, UnavailableError, UnbrokenError
from unbroken.privacy.vault.aws_kms import AwsKmsKey
from unbroken.privacy.vault.key_encryption import KeyEncryption, KeyEncryptions, unwrap, wrap, wrapped_by
from unbroken.privacy.vault.local_key import LocalKey

# ---- against the emulator ----


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    moto = pytest.importorskip("moto")
    boto3 = pytest.importorskip("boto3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws():
        yield boto3.client("kms", region_name="eu-central-1")


def key_in(kms: Any, name: str = "kms-1") -> AwsKmsKey:
    arn = kms.create_key(Description=name)["KeyMetadata"]["Arn"]
    return AwsKmsKey.connect(name, key=arn, region="eu-central-1")


def test_a_key_is_wrapped_there_and_comes_back(kms: Any) -> None:
    key: KeyEncryption = key_in(kms)
    wrapped = wrap(DANA, by=key, log=LOG)
    assert wrapped_by(wrapped) == "kms-1"
    assert DANA.seed not in wrapped
    assert unwrap(wrapped, key_id=DANA.id, by=key, log=LOG).seed == DANA.seed


def test_it_opens_for_its_id_log_and_key_alone(kms: Any) -> None:
    key = key_in(kms)
    wrapped = wrap(DANA, by=key, log=LOG)
    for key_id, log in ((LEE.id, LOG), (DANA.id, "clinic.example/other")):
        with pytest.raises(ConfigurationError):
            unwrap(wrapped, key_id=key_id, by=key, log=log)
    raw = bytearray(wrapped)
    raw[-1] ^= 1
    with pytest.raises(ConfigurationError):
        unwrap(bytes(raw), key_id=DANA.id, by=key, log=LOG)


def test_the_context_is_what_a_policy_can_demand(kms: Any) -> None:
    wrapped = wrap(DANA, by=key_in(kms), log=LOG)
    blob = wrapped[2 + len("kms-1") :]
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(CiphertextBlob=blob)
    context = {"unbroken": f"unbroken vault key/1/{LOG}/{DANA.id}"}
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == DANA.seed


def test_keys_move_there_from_a_file_s_key(kms: Any) -> None:
    local = LocalKey("file", b"f" * 32)
    both = KeyEncryptions(key_in(kms), (local,))
    wrapped = both.rewrap(wrap(DANA, by=local, log=LOG), key_id=DANA.id, log=LOG)
    assert wrapped_by(wrapped) == "kms-1"
    assert both.unwrap(wrapped, key_id=DANA.id, log=LOG).seed == DANA.seed


def test_a_key_that_is_missing_says_so(kms: Any) -> None:
    with pytest.raises(ConfigurationError, match="NotFoundException"):
        wrap(DANA, by=AwsKmsKey("kms-1", key="alias/missing", client=kms), log=LOG)


def test_without_a_region_the_set_up_is_wrong(kms: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(ConfigurationError, match="NoRegion"):
        AwsKmsKey.connect("kms-1", key="alias/a")


def test_a_service_that_is_not_there_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:9")
    with pytest.raises(UnavailableError):
        wrap(DANA, by=AwsKmsKey.connect("kms-1", key="alias/a", region="eu-central-1"), log=LOG)


# ---- what is said of its refusals, with or without boto3 ----


class ClientError(Exception):
    def __init__(self, code: str, status: int) -> None:
        super().__init__(f"{code}: arn:aws:kms:eu-central-1:123456789012:key/1")
        self.response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}


class BotoCoreError(Exception):
    pass


class EndpointConnectionError(BotoCoreError):
    pass


class NoCredentialsError(BotoCoreError):
    pass


class Failing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def encrypt(self, **_: object) -> Mapping[str, Any]:
        raise self.error

    decrypt = encrypt


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (ClientError("AccessDeniedException", 400), AccessDeniedError),
        (ClientError("ThrottlingException", 400), UnavailableError),
        (ClientError("KMSInternalException", 500), UnavailableError),
        (ClientError("Unknown", 503), UnavailableError),
        (ClientError("InvalidCiphertextException", 400), ConfigurationError),
        (ClientError("IncorrectKeyException", 400), ConfigurationError),
        (ClientError("DisabledException", 400), ConfigurationError),
        (ClientError("KMSInvalidStateException", 400), ConfigurationError),
        (EndpointConnectionError("no"), UnavailableError),
        (NoCredentialsError("no"), ConfigurationError),
    ],
)
def test_each_refusal_says_what_to_do(
    failure: Exception, error: type[UnbrokenError], monkeypatch: pytest.MonkeyPatch
) -> None:
    exceptions = ModuleType("botocore.exceptions")
    vars(exceptions).update(ClientError=ClientError, BotoCoreError=BotoCoreError)
    monkeypatch.setitem(sys.modules, "botocore", ModuleType("botocore"))
    monkeypatch.setitem(sys.modules, "botocore.exceptions", exceptions)
    key = AwsKmsKey("kms-1", key="alias/a", client=Failing(failure))
    for attempt in (key.wrap, key.unwrap):
        with pytest.raises(error) as refused:
            attempt(DANA.seed, context=b"c")
        assert type(refused.value) is error
        assert "123456789012" not in str(refused.value)
        assert refused.value.__cause__ is failure


def test_without_boto3_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConfigurationError, match=r"unbroken\[kms\]"):
        AwsKmsKey.connect("kms-1", key="alias/a")

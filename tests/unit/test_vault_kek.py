"""Where key-encryption keys are, as commands name them: the last one wraps, and what is wrong is said at once."""

from pathlib import Path

import pytest

from tests.unit.transit_emulator import Transit, served
from tests.unit.vaulted import DANA, LOG
from unbroken.errors import ConfigurationError, UnavailableError
from unbroken.privacy.vault.kek import doubts_of, encryptions_at, place_of
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.local_key import LocalKey

OLD, NEW, OTHER = LocalKey("2025", b"o" * 32), LocalKey("2026", b"n" * 32), LocalKey("other", b"x" * 32)


def at(*specs: str) -> KeyEncryptions:
    return encryptions_at([place_of(spec) for spec in specs])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "vault.keys"
    path.touch(0o600)
    path.write_text(OLD.to_text() + NEW.to_text())
    return path


def test_a_file_s_last_key_wraps_and_all_unwrap(file: Path) -> None:
    keys = at(f"file:{file}")
    assert keys.ids == ("2026", "2025")
    assert keys.unwrap(KeyEncryptions(OLD).wrap(DANA, log=LOG), key_id=DANA.id, log=LOG).seed == DANA.seed


def test_of_several_places_the_last_one_wraps(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_KEYS", OTHER.to_text())
    assert at(f"file:{file}", "env:OWN_KEYS").ids == ("other", "2025", "2026")
    assert at("env:OWN_KEYS", f"file:{file}").ids == ("2026", "other", "2025")


def test_the_environment_has_a_variable_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNBROKEN_VAULT_KEYS", NEW.to_text())
    assert at("env:").ids == ("2026",)


@pytest.mark.parametrize(
    "spec",
    [
        *("", "file", "file:", "vault.keys", "FILE:x", "s3:x", "aws-kms:", "aws-kms:a", "aws-kms:a=", "aws-kms:A=b"),
        *("transit:a", "transit:a=", "transit:a=@m", "transit:a=b@", "transit:-=b"),
    ],
)
def test_what_names_no_key_is_refused_with_the_form(spec: str) -> None:
    with pytest.raises(ConfigurationError, match=r"file:|aws-kms:|transit:|0-9 a-z"):
        at(spec)


def test_two_of_one_id_are_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_KEYS", LocalKey("2025", b"y" * 32).to_text())
    with pytest.raises(ConfigurationError, match="one id"):
        at(f"file:{file}", "env:OWN_KEYS")


def test_a_name_in_kms_is_not_shown() -> None:
    arn = "arn:aws:kms:eu-central-1:123456789012:key/1"
    assert "123456789012" not in repr(place_of(f"aws-kms:kms-1={arn}"))


def test_the_region_is_the_one_that_the_name_says(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert at("aws-kms:kms-1=arn:aws:kms:eu-central-1:123456789012:key/1").ids == ("kms-1",)
    with pytest.raises(ConfigurationError, match="NoRegion"):
        at("aws-kms:kms-1=alias/unbroken")


def test_a_transit_engine_is_who_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    transit = Transit()
    with served(transit) as address:
        monkeypatch.setenv("VAULT_ADDR", address)
        monkeypatch.setenv("VAULT_TOKEN", "root-token")
        keys = at("transit:t-1=vault-keys")
        assert keys.unwrap(keys.wrap(DANA, log=LOG), key_id=DANA.id, log=LOG).seed == DANA.seed
        with pytest.raises(ConfigurationError, match="404"):
            at("transit:t-1=vault-keys@elsewhere").wrap(DANA, log=LOG)
    with pytest.raises(UnavailableError):
        keys.wrap(DANA, log=LOG)


def test_how_a_transit_key_is_set_up_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    transit = Transit()
    with served(transit) as address:
        monkeypatch.setenv("VAULT_ADDR", address)
        monkeypatch.setenv("VAULT_TOKEN", "root-token")
        key = at("transit:t-1=vault-keys").current
        assert doubts_of(key) is None
        transit.key["derived"] = False
        with pytest.raises(ConfigurationError, match="derived=true"):
            doubts_of(key)
        transit.tokens.clear()
        assert "was not checked" in str(doubts_of(key))
    assert doubts_of(OLD) is None

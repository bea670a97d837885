"""Key-encryption keys in a file or the environment: for their owner's eyes alone, the last line being in use."""

import errno
import fcntl
import os
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.unit.vaulted import DANA, LOG
from unbroken.errors import ConfigurationError
from unbroken.privacy.vault.key_encryption import wrapped_by
from unbroken.privacy.vault.local_key import (
    LocalKey,
    add_to_file,
    create_file,
    from_environment,
    from_file,
    from_text,
)

OLD, NEW = LocalKey("2025", b"o" * 32), LocalKey("2026", b"n" * 32)
BOTH = OLD.to_text() + "\n" + NEW.to_text()


def test_a_new_file_is_its_owner_s_alone_and_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    key = LocalKey.generate("2026")
    before = os.umask(0)
    try:
        create_file(path, key)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    wrapped = from_file(path).wrap(DANA, log=LOG)
    assert from_file(path).unwrap(wrapped, key_id=DANA.id, log=LOG).seed == DANA.seed
    assert key.unwrap(wrapped[2 + len(key.id) :], context=f"unbroken vault key/1/{LOG}/{DANA.id}".encode()) == DANA.seed


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    create_file(path, OLD)
    with pytest.raises(ConfigurationError):
        create_file(path, NEW)
    assert path.read_text() == OLD.to_text()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o700, 0o777])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "vault.key"
    create_file(path, OLD)
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 0600"):
        from_file(path)
    path.chmod(0o400)
    from_file(path)


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "vault.key"
    create_file(path, OLD)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(ConfigurationError, match="belong"):
        from_file(path)


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    create_file(tmp_path / "real", OLD)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("link", "pipe", "missing", "."):
        with pytest.raises(ConfigurationError):
            from_file(tmp_path / name)


def test_a_long_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    create_file(path, OLD)
    path.write_text(OLD.to_text() + "\n" * 70_000)
    with pytest.raises(ConfigurationError, match="longer"):
        from_file(path)


def test_the_last_line_wraps_and_those_above_still_open(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    create_file(path, OLD)
    old = from_file(path).wrap(DANA, log=LOG)
    path.write_text(BOTH)
    keys = from_file(path)
    assert keys.unwrap(old, key_id=DANA.id, log=LOG).id == DANA.id
    assert wrapped_by(keys.wrap(DANA, log=LOG)) == "2026"


def test_the_environment_holds_the_same_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNBROKEN_VAULT_KEYS", BOTH.strip().replace("\n\n", ";"))
    keys = from_environment()
    assert (keys.current.id, [each.id for each in keys.retired]) == ("2026", ["2025"])
    for value in ("", " ", ";"):
        monkeypatch.setenv("UNBROKEN_VAULT_KEYS", value)
        with pytest.raises(ConfigurationError):
            from_environment()
    monkeypatch.delenv("UNBROKEN_VAULT_KEYS")
    with pytest.raises(ConfigurationError):
        from_environment()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "2025",
        f"2025 {'0' * 62}",
        f"2025 {'z' * 64}",
        f"2025 {'0' * 64} x",
        f"A {'0' * 64}",
        2 * f"a {'0' * 64}\n",
    ],
)
def test_what_is_no_key_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        from_text(text)
    assert "0000" not in str(refused.value)
    assert "zzz" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_secret_that_serves_elsewhere_too_wraps_differently() -> None:
    """What AES-GCM under the secret itself makes does not unwrap."""
    wrapped = OLD.wrap(b"x" * 32, context=b"c")
    framed = b"\x00\x00\x00\x042025" + b"\x00\x00\x00\x01c"
    with pytest.raises(InvalidTag):
        AESGCM(OLD.secret).decrypt(wrapped[:12], wrapped[12:], framed)
    assert OLD.unwrap(wrapped, context=b"c") == b"x" * 32


# ---- adding a key to a file ----


def test_an_added_key_wraps_and_the_others_unwrap(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    create_file(path, OLD)
    wrapped = from_file(path).wrap(DANA, log=LOG)
    assert add_to_file(path, NEW).ids == from_file(path).ids == ("2026", "2025")
    assert from_file(path).unwrap(wrapped, key_id=DANA.id, log=LOG).seed == DANA.seed
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == OLD.to_text() + NEW.to_text()
    assert [item.name for item in tmp_path.iterdir()] == ["vault.key"]


def test_a_file_without_a_line_end_keeps_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    create_file(path, OLD)
    path.write_text(OLD.to_text().strip())
    add_to_file(path, NEW)
    assert from_file(path).ids == ("2026", "2025")


def test_a_key_whose_id_is_there_is_not_added(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    create_file(path, OLD)
    with pytest.raises(ConfigurationError, match="one id"):
        add_to_file(path, LocalKey("2025", b"x" * 32))
    assert path.read_text() == OLD.to_text()


def test_while_somebody_else_changes_the_file_nothing_is_added(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    create_file(path, OLD)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ConfigurationError, match="somebody else"):
            add_to_file(path, NEW)
    assert path.read_text() == OLD.to_text()


def test_where_the_folder_can_not_be_written_the_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "vault.key"
    create_file(path, OLD)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="can't be written"):
        add_to_file(path, NEW)
    assert path.read_text() == OLD.to_text()
    assert [item.name for item in tmp_path.iterdir()] == ["vault.key"]

"""The file of heads: whom it names, and several processes at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from unbroken.cli.kept_heads import KeptHeads, Seen, name_of
from unbroken.errors import ConfigurationError

SEEN = Seen(verdict="consistent", at=datetime.now(UTC), upto=3, head=f"3:{'ab' * 32}", head_at=datetime.now(UTC))


@pytest.fixture
def kept(tmp_path: Path) -> KeptHeads:
    return KeptHeads(tmp_path / "deep" / "heads.json")


def test_what_is_remembered_is_recalled_until_it_is_forgotten(kept: KeptHeads) -> None:
    assert kept.recall("here", "log~1") is None
    assert not kept.forget("here", "log~1")
    kept.remember("here", "log~1", seen=SEEN)
    assert kept.recall("here", "log~1") == SEEN
    assert kept.recall("there", "log~1") is None
    assert kept.recall("here", "log~2") is None
    assert kept.forget("here", "log~1")
    assert kept.recall("here", "log~1") is None


def test_several_at_once_lose_nothing(kept: KeptHeads) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: kept.remember("here", f"log~{number + 1}", seen=SEEN), range(40)))
    assert all(kept.recall("here", f"log~{number + 1}") for number in range(40))


@pytest.mark.parametrize("text", ["", "{}x", "[]", '{"version": 2}', '{"stores": {"a": {"b": {}}}}', "\xff"])
def test_a_damaged_file_is_an_error(kept: KeptHeads, tmp_path: Path, text: str) -> None:
    kept.remember("here", "log~1", seen=SEEN)
    (tmp_path / "deep" / "heads.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"is damaged"):
        kept.recall("here", "log~1")
    with pytest.raises(ConfigurationError, match=r"is damaged"):
        kept.remember("here", "log~1", seen=SEEN)


@pytest.mark.parametrize(
    ("store", "name"),
    [
        ("postgresql://me:secret@db.example:6000/audit?sslmode=require", "postgresql://db.example:6000/audit"),
        ("postgres://db.example/audit", "postgresql://db.example:5432/audit"),
        ("host=db.example user=me password=secret", "postgresql://db.example:5432/me"),
        ("host=/run/pg dbname=audit", "postgresql:///run/pg:5432/audit"),
        ("service=audit", "postgresql://localhost:5432/?service=audit"),
    ],
)
def test_a_server_is_named_without_its_login(store: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE"):
        monkeypatch.delenv(variable, raising=False)
    assert name_of(store) == name


def test_the_environment_fills_in_what_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {"PGHOST": "db.example", "PGPORT": "6000", "PGDATABASE": "audit", "PGUSER": "me"}.items():
        monkeypatch.setenv(variable, value)
    assert name_of("application_name=x") == "postgresql://db.example:6000/audit"


def test_a_folder_is_named_by_its_real_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "link").symlink_to("store")
    monkeypatch.chdir(tmp_path)
    assert name_of("link") == name_of("store") == str((tmp_path / "store").resolve())


def test_an_unreadable_connection_string_is_an_error() -> None:
    with pytest.raises(ConfigurationError):
        name_of("postgresql://[")


def test_a_relative_state_home_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert str(KeptHeads()) == str(tmp_path / ".local/state/unbroken/heads.json")

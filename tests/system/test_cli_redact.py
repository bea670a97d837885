"""``unbroken redact``: what it shows, what it keeps to itself, and what it writes."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.system.cli import UNBROKEN, Cli

CARD = "4012888888881881"
TEXT = f"Jane called.\nHer card is {CARD}, mail jane@example.com\n"


@pytest.fixture(name="cli")
def _cli(tmp_path: Path) -> Cli:
    return Cli(str(tmp_path / "none"), tmp_path / "state")


def run(cli: Cli, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [UNBROKEN, "redact", *arguments], env=cli.environment, capture_output=True, text=True, input=given, timeout=60,
        check=False,
    )  # fmt: skip


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_a_text_is_shown_by_line_and_column_without_its_values(cli: Cli, tmp_path: Path) -> None:
    done = run(cli, written(tmp_path, "notes.txt", TEXT))
    assert done.returncode == 0, done.stderr
    assert "2:13" in done.stdout
    assert "CREDIT_CARD" in done.stdout
    assert "2 findings under the profile balanced" in done.stdout
    assert CARD not in done.stdout
    assert "jane@" not in done.stdout
    assert CARD in run(cli, "--show", str(tmp_path / "notes.txt")).stdout


def test_json_is_shown_by_pointer_and_lines_by_number(cli: Cli, tmp_path: Path) -> None:
    value = {"user": {"first_name": "Mia"}, "arguments": json.dumps({"ssn": "1"})}
    one = run(cli, "--json", written(tmp_path, "a.json", json.dumps(value, indent=1)))
    found = [json.loads(line) for line in one.stdout.splitlines()]
    assert [item.get("where") for item in found] == ["/user/first_name", "/arguments#/ssn", None]
    assert found[-1]["counts"] == {"PERSON": 1, "US_SSN": 1}
    assert found[-1]["rules"].startswith("unbroken-1+")
    many = run(cli, written(tmp_path, "a.jsonl", f'{{"a": 1}}\n{json.dumps(value)}\n'))
    assert "2:/user/first_name" in many.stdout
    assert "2 documents" in many.stdout


def test_apply_writes_the_same_document_with_placeholders(cli: Cli, tmp_path: Path) -> None:
    text = run(cli, "--apply", "-", given=TEXT).stdout
    assert text.startswith("Jane called.\nHer card is [CREDIT_CARD:k0:")
    assert text.endswith("]\n")
    value = {"é": [1, 2.5, None, {"email": "x"}]}
    result = json.loads(run(cli, "--apply", written(tmp_path, "a.json", json.dumps(value))).stdout)
    assert result["é"][:3] == [1, 2.5, None]
    assert result["é"][3]["email"].startswith("[EMAIL_ADDRESS:k0:")


def test_profiles_and_registries(cli: Cli, tmp_path: Path) -> None:
    text = written(tmp_path, "a.txt", "reference 48291374 of POL-123456\n")
    own = "profile = 'strict'\n[[redaction.pattern]]\nkind = 'POLICY_NUMBER'\npattern = 'POL-[0-9]{6}'\n"
    registry = written(tmp_path, "unbroken.toml", f"[redaction]\n{own}")
    assert "0 findings" in run(cli, text).stdout
    assert "NUMBER" in run(cli, "--profile", "strict", text).stdout
    under_registry = run(cli, "--registry", registry, text).stdout
    assert "POLICY_NUMBER" in under_registry
    assert "under the profile strict" in under_registry
    assert (
        "1 finding under the profile balanced" in run(cli, "--registry", registry, "--profile", "balanced", text).stdout
    )


def test_what_is_wrong_is_said(cli: Cli, tmp_path: Path) -> None:
    for arguments in (
        ["--profile", "lax", "-"],
        [str(tmp_path / "none")],
        ["--as", "json", "-"],
        ["--registry", str(tmp_path), "-"],
    ):
        done = run(cli, *arguments, given="not json")
        assert done.returncode == 2, arguments
        assert done.stderr.count("\n") == 1


def test_what_cannot_be_scanned_is_told_and_withheld(cli: Cli) -> None:
    deep = "[" * 300 + f'"{CARD}"' + "]" * 300
    shown = run(cli, "-", given=deep)
    assert shown.returncode == 1
    assert "withheld" in shown.stderr
    applied = run(cli, "--apply", "-", given=deep)
    assert applied.returncode == 1
    assert CARD not in applied.stdout
    assert "[UNSCANNED:" in applied.stdout

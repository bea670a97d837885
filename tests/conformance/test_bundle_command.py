"""spec/verify.py as a command, about evidence bundles: what it prints, exit codes, and that nothing else is needed."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.bundles import as_archive, as_folder, makers, read
from tests.conformance.test_spec_vectors import SPEC, verify

BASE = read("valid-session")


def run(*arguments: str | Path, script: Path = SPEC / "verify.py") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-W", "error", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return as_archive(BASE.files, tmp_path / "bundle.zip")


def trust(keys: list[str]) -> list[str]:
    return [each for key in keys for each in ("--trust", key)]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("valid-session", 0),
        ("fail-entries-value", 1),
        ("valid-draft", 3),
        ("fail-manifest-version-2", 4),
        ("valid-untrusted", 5),
    ],
)
def test_each_verdict_has_its_exit_code(name: str, code: int, tmp_path: Path) -> None:
    vector = read(name)
    for packed, place in ((as_archive, "bundle.zip"), (as_folder, "bundle")):
        done = run(packed(vector.files, tmp_path / place), *trust(vector.trust))
        assert (done.returncode, done.stderr) == (code, "")
        assert vector.verdict in done.stdout


def test_a_proven_bundle_tells_whose_it_is(bundle: Path) -> None:
    done = run(bundle, *trust(BASE.trust))
    for said in (
        "clinic.example/agents~1: proven: the entries are in the log of 15 entries that a trusted key signed",
        "asked for: kind session, session s-1, upto 12",
        "entries: 6, of which 6 were selected",
        "by officer (compliance) for complaint of a patient, case 2026-44",
        f"checkpoint signed by {BASE.trust[0]}, which you trust; as of ",
        "cosigned by witness.example",
        "which nobody vouches for",
    ):
        assert said in done.stdout


def test_the_example_of_the_readme_is_what_is_printed(bundle: Path) -> None:
    text = (SPEC / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"^\$ python -I verify.py bundle.zip --trust (\S+)\n(.*)$", text, re.MULTILINE)
    assert shown is not None
    assert shown[1] == BASE.trust[0]
    assert run(bundle, "--trust", shown[1]).stdout.startswith(f"{shown[2]}\n")


def test_findings_say_where(tmp_path: Path) -> None:
    vector = read("fail-entries-value")
    done = run(as_folder(vector.files, tmp_path / "bundle"), *trust(vector.trust))
    assert "entries.jsonl: altered_file: expected " in done.stdout
    assert "seq 2, inputs: altered_payload: expected " in done.stdout


def test_keys_are_read_from_files_too(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# the clinic's\n\n{BASE.trust[0]}\n", encoding="utf-8")
    assert run(bundle, "--trust", path).returncode == 0


@pytest.mark.parametrize("key", ["no-such-file", "clinic.example/agents+12345678+AAAA", ""])
def test_a_key_that_is_none_is_wrong_usage(key: str, bundle: Path) -> None:
    done = run(bundle, "--trust", key)
    assert done.returncode == 2
    assert "neither a verifier key nor a file" in done.stderr


def test_a_key_that_was_changed_is_refused_and_not_passed_over(bundle: Path) -> None:
    changed = BASE.trust[0].replace("clinic", "clinik")
    done = run(bundle, "--trust", changed)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("more", [("--expect", "0:" + "0" * 64), ("--session", "s-1"), ("--vector",)])
def test_what_belongs_to_exports_is_refused_with_a_bundle(more: tuple[str, ...], bundle: Path) -> None:
    assert run(bundle, *more).returncode == 2


def test_a_bundle_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    assert run(tmp_path / "none.zip").returncode == 2


def test_the_report_as_json_has_all_that_is_printed(bundle: Path) -> None:
    report = json.loads(run(bundle, *trust(BASE.trust), "--json").stdout)
    assert (report["verdict"], report["log"], report["size"], report["draft"]) == (
        "proven", "clinic.example/agents~1", 15, False,
    )  # fmt: skip
    assert (report["entries"], report["selected"], report["withheld"], report["erased"]) == (6, 6, {}, 0)
    assert report["exported"]["by"] == "officer"
    assert report["selection"] == {"kind": "session", "session": "s-1", "upto": "12"}
    assert [(each["key"], each["trusted"]) for each in report["signed"]] == [(BASE.trust[0], True)]
    assert [(each["name"], each["trusted"]) for each in report["witnessed"]] == [("witness.example", False)]


def test_it_needs_nothing_beside_itself(bundle: Path, tmp_path: Path) -> None:
    """Copied elsewhere, run from the root, isolated: as an auditor does who has unpacked it from the bundle."""
    alone = tmp_path / "alone" / "verify.py"
    alone.parent.mkdir()
    shutil.copy(SPEC / "verify.py", alone)
    before = sorted(tmp_path.rglob("*"))
    assert run(bundle, *trust(BASE.trust), script=alone).returncode == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_that_a_terminal_obeys_is_printed(tmp_path: Path) -> None:
    made = makers()
    purpose = "\x1b[2Jwipe \x9b1m\u202e"
    making = made.Making(manifest=lambda value: {**value, "exported": {**value["exported"], "purpose": purpose}})
    files = {name: text.encode() for name, text in making.files().items()}
    done = run(as_archive(files, tmp_path / "bundle.zip"), *trust(BASE.trust))
    assert done.returncode == 0
    assert "wipe" in done.stdout
    assert all(each.isprintable() for each in done.stdout.split("\n"))


def test_the_page_of_the_format_names_what_the_verifier_knows() -> None:
    text = (SPEC / "EVIDENCE.md").read_text(encoding="utf-8")
    table = text.partition("\n## The files\n")[2].partition("\n\nA **draft**")[0]
    rows = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([a-z.A-Z]+)`", " ".join(rows))) == verify.FILES
    assert {name for row in rows if "†" in row for name in re.findall(r"`([a-z.A-Z]+)`", row)} == set(verify.LISTED)
    manifest = text.partition("\n### manifest.json\n")[2].partition("\n### ")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", manifest, re.MULTILINE)) == verify.MANIFEST.keys()
    verdicts = text.partition("\n## Verdicts\n")[2].partition("\n## ")[0]
    codes = dict(re.findall(r"^\| ([a-z ]*?) ?\| (\d) \|", verdicts, re.MULTILINE))
    assert {name or "usage": int(code) for name, code in codes.items()} == verify.EXIT_CODES


def test_keys_are_named_after_their_log() -> None:
    from unbroken.core.checkpoint import key_name

    for log in (
        "clinic.example/agents",
        "night shift",
        "a+b",
        "100%",
        "non\u00a0breaking",
        "stra\u00dfe",
        "\U0001fa7a",
    ):
        assert verify.key_name(f"{log}~3") == key_name(log)
    assert verify.key_name("night shift~1") == "night%20shift"


def test_the_flags_are_those_of_the_page_and_of_the_package() -> None:
    from unbroken.core.kinds import CLASSES

    text = (SPEC / "EVIDENCE.md").read_text(encoding="utf-8").partition("| flags | kinds |\n")[2].partition("\n\n")[0]
    rows = [re.findall("`([a-zA-Z_]+)`", cell) for line in text.splitlines()[1:] for cell in line.split("|")[1:3]]
    named = {kind: set(flags) for flags, kinds in zip(rows[::2], rows[1::2], strict=True) for kind in kinds}
    assert named == {kind: set(flags) for kind, flags in verify.FLAGS.items()}
    assert named == {kind: set(flags) for kind, flags in CLASSES.items()}

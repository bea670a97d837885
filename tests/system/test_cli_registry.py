"""``unbroken registry``: files are checked, what they change is shown, loading is an entry, outcomes are explained."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.system.cli import Cli
from tests.system.test_cli_approvals import on_terminal
from tests.unit.registries import FULL
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.store.log_writer import LogWriter

Entries = Callable[[], list[StoredEntry]]
LOOSER = FULL.replace('redaction = "pci"\nresource_type', "resource_type").replace('scope = ["account"]', "")


@pytest.fixture
def cli(database: Database, tmp_path: Path) -> Cli:
    return as_login(database, tmp_path, "compliance")


def as_login(database: Database, state: Path, login: str) -> Cli:
    return Cli(database.conninfo(login), state / "state", {"UNBROKEN_LOG": LOG})


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    return written(tmp_path, "unbroken.toml", FULL)


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def load(cli: Cli, file: Path, *options: str) -> Any:
    return cli("registry", "load", file, "--reason", "a test", *options)


# ---- check, without a log ----


@pytest.fixture(name="alone")
def _alone(tmp_path: Path) -> Cli:
    """Without any log."""
    return Cli(str(tmp_path / "none"), tmp_path / "state")


def test_check_says_what_a_file_says_and_what_is_odd(alone: Cli, file: Path) -> None:
    done = alone("registry", "check", file)
    assert done.returncode == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == f"{file} can be loaded: 8 entries."
    assert {"tools 4, 2 by pattern", "redaction balanced, with 1 pattern of your own"} <= set(lines)
    assert "prompts hashed, triage-* stored, triage-secret hashed" in lines
    assert "originals of hipaa, pci, record without a key" in lines
    assert "pseudonyms persons, account= in scope" in lines
    odd = "tool 4 (ehr_ping): stands in place of tool 2 (ehr_*), and asks for less: classification"
    assert done.stderr == f"unbroken: {odd}\n"
    told = alone.json("registry", "check", file)
    assert told["entries"] == {"tool": 4, "source": 1, "resource": 2, "domain": 1}
    assert told["originals"] == {"keep": "domains", "domains": ["hipaa", "pci"], "without_key": "record"}
    assert told["warnings"] == [odd]


def test_a_file_that_cannot_be_loaded_is_refused_with_the_place(alone: Cli, cli: Cli, tmp_path: Path) -> None:
    wrong = written(tmp_path, "wrong.toml", "[[tool]]\nname = 'a'\n[[tool]]\npattern = 'b*'\nclassification = 'top'")
    place = 'unbroken: tool 2 (b*): classification "top" is none of public, internal, confidential, restricted\n'
    for done in (
        alone("registry", "check", wrong),
        load(cli, wrong, "--yes"),
        alone("redact", "--registry", wrong, "-"),
    ):
        assert (done.returncode, done.stdout, done.stderr) == (2, "", place)
    missing = alone("registry", "check", tmp_path / "none.toml")
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)


# ---- load ----


def test_loading_is_an_entry_and_a_version(cli: Cli, file: Path, entries: Entries) -> None:
    done = load(cli, file, "--yes")
    assert done.returncode == 0
    assert f"changes for {LOG}~1 against what is built in, as nothing is loaded yet:" in done.stdout
    assert done.stdout.endswith("Version 1 is loaded, in entry 1.\n")
    (entry,) = entries()
    assert decode_event(entry.event).event_type == "log.registry_loaded"
    details = json.loads(entry.details or b"")
    assert (details["version"], details["reason"]) == (1, "a test")
    (listed,) = cli.json("registry", "show", "--versions")["versions"]
    assert (listed["version"], listed["loaded_by"], listed["sha256"]) == (1, "compliance", details["sha256"])


def test_the_newest_text_is_not_loaded_again(cli: Cli, file: Path, entries: Entries) -> None:
    load(cli, file, "--yes")
    again = load(cli, file)
    assert (again.returncode, again.stdout) == (0, f"This is version 1 of {LOG}~1 already: nothing was loaded.\n")
    told = json.loads(load(cli, file, "--json").stdout)
    assert (told["version"], told["loaded"], told["seq"]) == (1, False, None)
    assert len(entries()) == 1


def test_what_changes_is_shown_and_what_protects_less_is_marked(cli: Cli, file: Path, tmp_path: Path) -> None:
    load(cli, file, "--yes")
    looser = written(tmp_path, "looser.toml", LOOSER)
    shown = [" ".join(line.split()) for line in load(cli, looser, "--yes").stdout.splitlines()]
    assert f"2 changes for {LOG}~1 against version 1:" in shown
    assert "removed identities.scope account pseudonyms" in shown
    assert "changed tool get_patient redaction pci → not said redaction" in shown
    assert "2 changes protect less." in shown
    told = json.loads(load(cli, file, "--yes", "--json").stdout)
    assert (told["version"], told["seq"], told["loaded"]) == (3, 3, True)
    assert [(change["of"], change["loosens"]) for change in told["changes"]] == [
        ("identities.scope", []),
        ("tool get_patient", []),
    ]


def test_nothing_is_loaded_unless_somebody_agrees(cli: Cli, file: Path, entries: Entries) -> None:
    unasked = load(cli, file)
    assert (unasked.returncode, unasked.stderr.splitlines()[-1]) == (
        2,
        "unbroken: nobody is there to be asked: say --yes",
    )
    command = ("registry", "load", str(file), "--reason", "a test")
    code, shown = on_terminal(cli, *command, answer="n")
    assert (code, shown.splitlines()[-1].strip()) == (0, "Nothing was loaded.")
    assert entries() == []
    code, shown = on_terminal(cli, *command, answer="y")
    assert (code, shown.splitlines()[-1].strip()) == (0, "Version 1 is loaded, in entry 1.")


def test_only_compliance_loads(database: Database, tmp_path: Path, file: Path, entries: Entries) -> None:
    for login in ("ops", "legal", "dpo", "writer", "verifier"):
        refused = load(as_login(database, tmp_path, login), file, "--yes")
        assert (refused.returncode, "Version" in refused.stdout) == (2, False), login
        assert "takes a login with the duty compliance" in refused.stderr, login
    assert entries() == []


def test_a_version_that_cannot_be_read_is_told_and_can_be_followed_by_one_that_can(
    cli: Cli, file: Path, database: Database
) -> None:
    with database.connect("compliance") as connection:
        connection.execute("select unbroken.load_registry(%s, 'tool = 1', 'a slip')", (LOG,))
    for command in (["unknown"], ["explain", "--tool", "a"]):
        done = cli("registry", *command)
        assert done.returncode == 2
        assert "version 1 of the registry, as it is loaded: each tool is a table of its own" in done.stderr
    done = load(cli, file, "--yes")
    assert done.returncode == 0
    assert "changes are told against what is built in" in done.stderr
    assert cli("registry", "unknown").returncode == 0


# ---- show ----


def test_show_gives_back_the_text_that_was_loaded(cli: Cli, database: Database, tmp_path: Path) -> None:
    text = FULL + "# é, \u202e and no end of line"
    load(cli, written(tmp_path, "unbroken.toml", text), "--yes")
    load(cli, written(tmp_path, "looser.toml", LOOSER), "--yes")
    newest = cli("registry", "show")
    assert (newest.returncode, newest.stdout) == (0, LOOSER)
    assert newest.stderr.startswith(f"unbroken: version 2 of {LOG}~1, loaded 20")
    for login in ("ops", "legal", "dpo", "compliance"):
        first = as_login(database, tmp_path, login)("registry", "show", "--version", 1)
        assert (first.returncode, first.stdout) == (0, text), login
    told = cli.json("registry", "show", "--version", 1)["registry"]
    assert (told["version"], told["text"]) == (1, text)
    assert [each["version"] for each in cli.json("registry", "show", "--versions")["versions"]] == [2, 1]
    listed = cli("registry", "show", "--versions").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["version", "2", "1"]


def test_show_without_a_version(cli: Cli) -> None:
    done = cli("registry", "show")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "Nothing is loaded: what is built in holds.\n")
    assert cli("registry", "show", "--versions").stdout == "Nothing is loaded: what is built in holds.\n"
    assert cli.json("registry", "show")["registry"] is None
    missing = cli("registry", "show", "--version", 4)
    assert (missing.returncode, "has no version 4 of the registry" in missing.stderr) == (2, True)


# ---- unknown ----


def test_unknown_lists_what_was_recorded_until_an_entry_names_it(
    cli: Cli, file: Path, tmp_path: Path, database: Database
) -> None:
    assert cli("registry", "unknown").stdout == "Every name that was recorded is in the registry.\n"
    writer = LogWriter(database.conninfo("writer"), LOG)
    writer.note_unclassified([("tool", "ehr_read"), ("tool", "fax\x1b[2J"), ("source", "lab"), ("resource", "patient")])
    writer.close()
    assert len(cli.json("registry", "unknown")["unknown"]) == 4
    load(cli, file, "--yes")
    told = cli.json("registry", "unknown")
    assert told["version"] == 1
    assert [(item["kind"], item["name"]) for item in told["unknown"]] == [("source", "lab"), ("tool", "fax\x1b[2J")]
    shown = cli("registry", "unknown").stdout
    assert "fax\u241b[2J" in shown
    assert "ehr_read" not in shown
    load(cli, written(tmp_path, "more.toml", FULL + "[[source]]\npattern='l?b'\n[[tool]]\npattern='fax*'"), "--yes")
    assert cli.json("registry", "unknown")["unknown"] == []


# ---- explain ----


def test_explain_names_what_decides(alone: Cli, file: Path) -> None:
    shown = alone("registry", "explain", "--tool", "get_patient", "--source", "lab", "--agent", "triage-1", file)
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert "classification restricted tool 1 (get_patient), resource 1 (patient)" in lines
    assert "redaction pci tool 1 (get_patient)" in lines
    assert "records resource patient" in lines
    assert "by argument patient_id" in lines
    assert "prompts stored" in lines
    assert "keeps original yes" in lines
    assert "named by no entry source lab" in lines
    told = alone.json(
        "registry", "explain", "--resource", "patient", "--domain", "pci", "--found", "health", "--found", "card", file
    )
    assert (told["classification"], told["redaction"]) == ("restricted", "pci")
    assert told["domains"] == ["hipaa", "pci"]
    assert told["keeps_original"] is True
    assert alone.json("registry", "explain", "--resource", "patient", file)["keeps_original"] is False
    assert told["pseudonym_for_id"] is True
    assert {"of": "domain", "value": "hipaa", "by": ["built in for health"]} in told["because"]
    assert {"of": "domain", "value": "pci", "by": ["the caller", "built in for card"]} in told["because"]


def test_explain_asks_the_log_where_no_file_is_given(cli: Cli, file: Path) -> None:
    before = cli.json("registry", "explain", "--tool", "ehr_read")
    assert (before["version"], before["classification"]) == (0, "confidential")
    assert before["unknown"] == [{"kind": "tool", "name": "ehr_read"}]
    load(cli, file, "--yes")
    after = cli.json("registry", "explain", "--tool", "ehr_read")
    assert (after["version"], after["classification"], after["unknown"]) == (1, "internal", [])


def test_explain_says_what_is_wrong(alone: Cli, file: Path) -> None:
    for arguments in ([], ["--found", "money"]):
        done = alone("registry", "explain", *arguments, file)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), arguments

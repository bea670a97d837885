"""Names for those who may know: beside pseudonyms, on their own, and as what is looked for; each look-up on record."""

import csv
import io
import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import unbroken
from tests.conftest import LOG, Database
from tests.plain import draft
from tests.system.cli import Cli, read_until
from tests.system.documents import ROOT, blocks, commands
from tests.system.processes import open_folder
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.core.keyed import LogKey
from unbroken.ledger.ledger import Ledger
from unbroken.privacy.identities import Identities
from unbroken.privacy.names import Names
from unbroken.privacy.pseudonyms import is_pseudonym, new_pseudonym
from unbroken.store.log_writer import LogWriter

KEY = LogKey("1", bytes(range(32)))
NAMES = Names.under(KEY, log=LOG)
DANA, LEE = "Dana Osterkamp", "lee@clinic.example"
Entries = Callable[[], list[StoredEntry]]


@dataclass
class People:
    """Events of people, recorded through one ledger under their pseudonyms."""

    ledger: Ledger
    known: dict[str, str] = field(default_factory=dict)

    def record(self, name: str, event_type: str = "request", session: str = "s-1", **fields: Any) -> int:
        found, _ = Identities(self.ledger.identify, KEY, LOG).pseudonyms([name])
        self.known |= found
        return self.record_as(found[name], event_type, session, **fields)

    def record_as(self, actor: str, event_type: str = "request", session: str = "s-1", **fields: Any) -> int:
        given = {"actor_type": "user", "agent_id": "desk", "session_id": session, "inputs": "hello", **fields}
        (receipt,) = self.ledger.record([draft(event_type, actor_id=actor, **given)])
        return int(receipt.seq)  # type: ignore[union-attr]

    def second_pseudonym(self, database: Database, name: str, *, key: LogKey = KEY) -> str:
        """One more, as an outage leaves it or another key of the log."""
        identity = Names.under(key, log=LOG).identity(name, new_pseudonym())
        with LogWriterOf(database) as writer:
            writer.identify([identity], as_proposed=True)
        return identity.pseudonym


class LogWriterOf:
    def __init__(self, database: Database) -> None:
        self._conninfo = database.conninfo("writer")

    def __enter__(self) -> LogWriter:
        self._writer = LogWriter(self._conninfo, LOG)
        return self._writer

    def __exit__(self, *_: object) -> None:
        self._writer.close()


@pytest.fixture
def people(ledger: Ledger) -> People:
    return People(ledger)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "log.key"
    path.write_text(KEY.to_text())
    return path


@pytest.fixture
def cli(database: Database, tmp_path: Path, key_file: Path) -> Cli:
    return as_login(database, "compliance", tmp_path, UNBROKEN_KEY_FILE=str(key_file))


def as_login(database: Database, login: str, tmp_path: Path, **settings: str) -> Cli:
    known = {"UNBROKEN_LOG": LOG, "UNBROKEN_PURPOSE": "complaint 31", "UNBROKEN_CASE": "C-31"}
    return Cli(database.conninfo(login), tmp_path / "state", {**known, **settings})


def told(entries: Entries, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
    """The log's own entries of some kinds, with their details."""
    found = [(decode_event(entry.event), entry) for entry in entries()]
    return [
        (event.event_type, json.loads(entry.details or b"{}")) for event, entry in found if event.event_type in kinds
    ]


def lookups(entries: Entries) -> list[list[str]]:
    """The pseudonyms of each look-up."""
    return [details["pseudonyms"] for _, details in told(entries, "log.names_asked")]


# ---- beside pseudonyms ----


@pytest.mark.parametrize(
    "command",
    [
        "show s-1 --names",
        "sessions --names",
        "tail --no-follow -n 9 --names",
        "query access --resource r-1 --names",
        "query unapproved --names",
    ],
)
def test_names_stand_beside_pseudonyms_and_are_looked_up_once(
    cli: Cli, people: People, entries: Entries, command: str
) -> None:
    people.record(DANA, "tool_call", tool="refund", side_effect=True, resource_type="order", resource_id="r-1")
    people.record(DANA, "tool_call", tool="refund", side_effect=True, resource_type="order", resource_id="r-1")
    done = cli(*command.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{DANA} ({people.known[DANA][:10]})" in done.stdout
    assert lookups(entries) == [[people.known[DANA]]]
    read, asked, completed = told(entries, "log.read", "log.names_asked", "log.read_completed")
    assert asked[1]["ticket"] == read[1]["ticket"] == completed[1]["ticket"]
    assert read[1]["purpose"] == "complaint 31"


def test_approvals_name_who_asked_and_who_decided(cli: Cli, people: People, entries: Entries) -> None:
    call: dict[str, Any] = {"tool": "refund", "call_id": "c-1", "scope": ["valid_until=2099-01-01T00:00:00.000000Z"]}
    bound = {"arguments_hash": KEY.hash("hello")}
    people.record(DANA, "approval_requested", decision=bound, **call)
    request = decode_event(entries()[-1].event).id
    people.record(LEE)
    decision = {"outcome": "approved", "request": request, "at": "2026-01-01T00:00:00.000000Z", **bound}
    people.record(LEE, "approval_decided", decision={**decision, "by": people.known[LEE]}, **call)
    done = cli("approvals", "list", "--all", "--names")
    assert (done.returncode, done.stderr) == (0, "")
    flat = " ".join(done.stdout.split())
    assert "Dana" in flat
    assert "lee@" in flat
    assert lookups(entries) == [sorted(people.known.values())]
    assert cli.json("approvals", "list", "--all", "--names")["names"] == {p: n for n, p in people.known.items()}


@pytest.mark.parametrize("command", ["show s-1", "sessions", "tail --no-follow -n 9", "query unapproved"])
def test_without_being_asked_nobody_is_named(cli: Cli, people: People, entries: Entries, command: str) -> None:
    people.record(DANA, "tool_call", tool="refund", side_effect=True)
    done = cli(*command.split())
    assert people.known[DANA][:10] in done.stdout
    assert "Osterkamp" not in done.stdout + done.stderr
    assert lookups(entries) == []


@pytest.mark.parametrize("command", ["show s-1", "sessions", "query unapproved"])
def test_json_keeps_pseudonyms_and_adds_the_names(cli: Cli, people: People, command: str) -> None:
    people.record(DANA, "tool_call", tool="refund", side_effect=True)
    assert "names" not in cli.json(*command.split())
    answer = cli.json(*command.split(), "--names")
    assert answer.pop("names") == {people.known[DANA]: DANA}
    assert people.known[DANA] in json.dumps(answer)
    assert "Osterkamp" not in json.dumps(answer)


def test_csv_has_a_column_of_names(cli: Cli, people: People, tmp_path: Path) -> None:
    people.record(DANA, "tool_call", tool="refund", side_effect=True)
    assert cli("query", "unapproved", "--names", "--csv", tmp_path / "x.csv").returncode == 0
    (row,) = csv.DictReader(io.StringIO((tmp_path / "x.csv").read_text(encoding="utf-8")))
    assert row["names"] == f"{people.known[DANA]}={DANA}"
    assert row["actor_id"] == people.known[DANA]


def test_a_log_without_pseudonyms_is_not_asked_for_names(cli: Cli, people: People, entries: Entries) -> None:
    people.record_as("u-17")
    assert cli("show", "s-1", "--names").returncode == 0
    assert lookups(entries) == []


def test_what_is_recorded_as_a_name_can_do_nothing_to_a_terminal(cli: Cli, people: People) -> None:
    people.record("Dana \x1b[31m[bold]X\u202e")
    done = cli("sessions", "--names")
    assert "\x1b" not in done.stdout
    assert "Dana \u241b[31m[bold]X<U+202E>" in done.stdout


def test_tail_names_who_comes_and_does_not_show_its_own_lookups(cli: Cli, people: People, entries: Entries) -> None:
    people.record(DANA)
    with cli.start("tail", "--names", "-n", "1") as tail:
        assert tail.stdout is not None
        read_until(tail, DANA)
        people.record(DANA)
        people.record(LEE)
        rest = read_until(tail, LEE)
        people.record(LEE, "response")
        rest += read_until(tail, "response")
        tail.send_signal(signal.SIGINT)
        rest += tail.stdout.read()
    assert "names_asked" not in rest
    assert lookups(entries) == [[people.known[DANA]], [people.known[LEE]]]
    ((_, completed),) = told(entries, "log.read_completed")
    assert completed["count"] == 4
    assert cli("tail", "--no-follow", "--names", "--json").returncode == 2


# ---- who may know ----


@pytest.mark.parametrize("login", ["compliance", "legal", "dpo"])
def test_these_duties_may_know(database: Database, tmp_path: Path, key_file: Path, people: People, login: str) -> None:
    people.record(DANA)
    done = as_login(database, login, tmp_path)("names", people.known[DANA], "--key", key_file)
    assert (done.returncode, DANA in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("login", "command"),
    [
        ("ops", "sessions --names"),
        ("ops", "names p-00000000000000000000000000000000"),
        ("verifier", "query unapproved --names"),
        ("verifier", "names p-00000000000000000000000000000000"),
        ("writer", "names p-00000000000000000000000000000000"),
    ],
)
def test_these_may_not(
    database: Database, tmp_path: Path, key_file: Path, people: People, entries: Entries, login: str, command: str
) -> None:
    people.record(DANA)
    done = as_login(database, login, tmp_path, UNBROKEN_KEY_FILE=str(key_file))(*command.split())
    assert done.returncode == 2
    assert "compliance, legal or dpo" in done.stderr
    assert DANA not in done.stdout + done.stderr
    assert lookups(entries) == []


def test_without_the_key_nobody_is_asked(database: Database, tmp_path: Path, people: People, entries: Entries) -> None:
    people.record(DANA)
    for command in ("show s-1 --names", f"names {people.known[DANA]}"):
        done = as_login(database, "compliance", tmp_path)(*command.split())
        assert done.returncode == 2
        assert "--key" in done.stderr
    assert told(entries, "log.read", "log.names_asked") == []


def test_another_key_opens_nothing(database: Database, tmp_path: Path, people: People) -> None:
    people.record(DANA)
    wrong = tmp_path / "wrong.key"
    wrong.write_text(LogKey.generate().to_text())
    done = as_login(database, "compliance", tmp_path)("names", people.known[DANA], "--key", wrong)
    assert done.returncode == 1
    assert "can't be opened" in done.stdout
    shown = as_login(database, "compliance", tmp_path)("sessions", "--names", "--key", wrong)
    assert (shown.returncode, people.known[DANA][:10] in shown.stdout) == (0, True)


def test_a_retired_key_still_opens_and_finds(database: Database, tmp_path: Path, people: People) -> None:
    people.record(DANA)
    old = people.known[DANA]
    new = people.second_pseudonym(database, DANA, key=LogKey("2", b"n" * 32))
    people.record_as(new, session="s-2")
    both = tmp_path / "both.key"
    both.write_text(KEY.to_text() + LogKey("2", b"n" * 32).to_text())
    cli = as_login(database, "compliance", tmp_path, UNBROKEN_KEY_FILE=str(both))
    assert {row["pseudonym"]: row["name"] for row in cli.json("names", "--of", DANA)["names"]} == {old: DANA, new: DANA}
    assert {row["session_id"] for row in cli.json("sessions", "--actor", DANA)["sessions"]} == {"s-1", "s-2"}


def test_nothing_is_shown_that_is_not_on_record_before(
    cli: Cli, people: People, database: Database, entries: Entries
) -> None:
    """Where the entry can't be written, there is no name."""
    people.record(DANA)
    database.disarm()
    database.admin.execute("revoke execute on function unbroken.ask_names from unbroken_compliance")
    done = cli("names", people.known[DANA])
    assert done.returncode == 2
    assert DANA not in done.stdout + done.stderr


# ---- on their own ----


def test_names_of_a_session_an_entry_and_pseudonyms(cli: Cli, people: People, entries: Entries) -> None:
    people.record(DANA)
    seq = people.record(LEE, subjects=[(people.record(DANA), people.known[DANA])[1]])
    dana, lee = people.known[DANA], people.known[LEE]
    for command, expected in (
        (["--session", "s-1"], {dana: DANA, lee: LEE}),
        (["--entry", seq], {dana: DANA, lee: LEE}),
        ([lee], {lee: LEE}),
        ([lee[:12], "--session", "s-1"], {lee: LEE}),
        ([dana[:10], "--entry", seq], {dana: DANA}),
        (["--of", " LEE@clinic.EXAMPLE"], {lee: LEE}),
    ):
        answer = cli.json("names", *command)
        assert {row["pseudonym"]: row["name"] for row in answer["names"]} == expected
        assert lookups(entries)[-1] == sorted(expected)
    lines = cli("names", "--session", "s-1").stdout.splitlines()
    assert [line.rstrip().split(maxsplit=1) for line in lines[1:]] == [[dana, DANA], [lee, LEE]]


def test_the_read_of_one_session_opens_no_other_names(cli: Cli, people: People, entries: Entries) -> None:
    people.record(DANA, session="s-1")
    people.record(LEE, session="s-2")
    done = cli("names", people.known[LEE], "--session", "s-1")
    assert done.returncode == 2
    assert "does not stand there" in done.stderr
    assert lookups(entries) == []


def test_a_pseudonym_without_a_name_says_so(cli: Cli, people: People) -> None:
    people.record(DANA)
    unknown = new_pseudonym()
    done = cli("names", unknown, people.known[DANA])
    assert done.returncode == 1
    assert "no name: erased, or never one of this log" in done.stdout
    answer = cli.json("names", unknown)
    assert answer["names"] == [{"pseudonym": unknown, "name": None, "state": "unknown"}]


@pytest.mark.parametrize(
    "command",
    [
        "",
        "Dana",
        "p-3f9a2c1b",
        "p-3f9 --session s-1",
        "--session s-1 --entry 1",
        "--of Dana --session s-1",
        "--of Dana p-00000000000000000000000000000000",
        "--session nothing",
        "--entry 99",
        "--entry 0",
    ],
)
def test_wrong_usage(cli: Cli, people: People, command: str) -> None:
    people.record(DANA)
    assert cli("names", *command.split()).returncode == 2


# ---- as what is looked for ----


def test_actions_are_found_by_name_under_all_pseudonyms_in_order(cli: Cli, people: People, database: Database) -> None:
    people.record(DANA)
    first = people.known[DANA]
    second = people.second_pseudonym(database, DANA)
    expected = [1, *(people.record_as([second, first, second][number % 3]) for number in range(7))]
    people.record(LEE)
    expected.append(people.record_as(DANA))  # from before there were pseudonyms
    command = ("query", "actions", "--agent", "desk", "--user")
    answer = cli.json(*command, DANA)
    assert [row["seq"] for row in answer["rows"]] == expected
    assert answer["findings"] == []
    assert {row["actor_id"] for row in answer["rows"]} == {first, second, DANA}
    assert [row["seq"] for row in cli.json(*command, DANA, "--all")["rows"]] == expected
    paged, after = [], 0
    while after is not None:
        page = cli.json(*command, DANA, "--limit", "2", "--after", after)
        paged += [row["seq"] for row in page["rows"]]
        after = page["next"]
    assert paged == expected
    assert {row["actor_id"] for row in cli.json(*command, second)["rows"]} == {second}


def test_a_resource_that_is_a_person_is_found_by_name(cli: Cli, people: People, database: Database) -> None:
    people.record(LEE)
    first, second = people.known[LEE], people.second_pseudonym(database, LEE)
    expected = [
        people.record(DANA, "data_accessed", resource_type="patient", resource_id=each)
        for each in (second, first, second)
    ]
    answer = cli.json("query", "access", "--resource", LEE)
    assert [row["seq"] for row in answer["rows"]] == expected
    assert answer["findings"] == []
    narrow = cli.json("query", "access", "--resource", LEE, "--type", "patient", "--limit", "1", "--after", expected[0])
    assert ([row["seq"] for row in narrow["rows"]], narrow["next"]) == (expected[1:2], expected[1])


def test_sessions_are_found_by_name(cli: Cli, people: People, database: Database) -> None:
    people.record(DANA, session="s-1")
    people.record(LEE, session="s-2")
    people.record_as(people.second_pseudonym(database, DANA), session="s-3")
    people.record(DANA, session="s-2")

    def found(*options: object) -> list[str]:
        return [row["session_id"] for row in cli.json("sessions", *options)["sessions"]]

    assert found("--actor", DANA) == ["s-2", "s-3", "s-1"]
    assert found("--actor", people.known[DANA]) == ["s-2", "s-1"]
    assert found("--actor", DANA, "--limit", "1", "--before", 4) == ["s-3"]
    assert found("--actor", "nobody") == []


def test_who_can_not_know_is_told_why_nothing_was_found(
    database: Database, tmp_path: Path, key_file: Path, people: People
) -> None:
    people.record(DANA)
    keyless = as_login(database, "compliance", tmp_path)
    assert "the log's key is needed" in keyless("query", "actions", "--agent", "desk", "--user", DANA).stdout
    assert "the log's key is needed" in keyless("sessions", "--actor", DANA).stdout
    verifier = as_login(database, "verifier", tmp_path, UNBROKEN_KEY_FILE=str(key_file))
    assert "knows no names" in verifier("query", "actions", "--agent", "desk", "--user", DANA).stdout
    done = verifier("query", "actions", "--agent", "desk", "--user", people.known[DANA])
    assert (done.returncode, "Nothing found" in done.stdout) == (0, False)


def test_a_search_is_recorded_alike_for_all_spellings_and_by_no_name(
    cli: Cli, people: People, entries: Entries
) -> None:
    people.record(LEE)
    for spelt in (LEE, f" {LEE.upper()} "):
        cli("query", "actions", "--agent", "desk", "--user", spelt)
        cli("sessions", "--actor", spelt)
        cli("names", "--of", spelt)
    scopes = [details["scope"] for _, details in told(entries, "log.read")]
    searched = {scope.get("actor") or scope.get("about") for scope in scopes}
    assert len(searched) == 1
    assert LEE not in json.dumps(scopes)


# ---- who asked for whose names ----


def test_the_report_lists_who_looked_up_which_names(
    cli: Cli, people: People, database: Database, tmp_path: Path, key_file: Path
) -> None:
    people.record(DANA)
    people.record(LEE, session="s-2")
    dana, lee = people.known[DANA], people.known[LEE]
    as_login(database, "legal", tmp_path, UNBROKEN_KEY_FILE=str(key_file))("show", "s-1", "--names")
    cli("names", dana, lee)
    cli("sessions")
    report = cli.json("access", "report")
    assert [(read["login"], [one["pseudonyms"] for one in read["lookups"]]) for read in report["reads"]] == [
        ("legal", [[dana]]),
        ("compliance", [sorted([dana, lee])]),
        ("compliance", []),
        ("compliance", []),
    ]
    text = cli("access", "report", "--names", "--about", LEE).stdout
    flat = " ".join(text.split())
    assert f"looked up the names of {DANA} ({dana[:10]}), entry {report['reads'][0]['lookups'][0]['seq']}" in flat
    assert f"looked its name up: entry {report['reads'][1]['lookups'][0]['seq']}" in flat
    about = cli.json("access", "report", "--about", LEE)["about"]
    assert about["pseudonyms"] == [lee]
    assert len(about["recorded_as"]) == 2
    assert about["looked_up"][0] == report["reads"][1]["lookups"][0]["seq"]
    done = cli("access", "report", "--names", "--csv", "-")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert f"{dana}={DANA}" in next(row for row in rows if row["row"] == "names")["scope"]


def test_somebody_who_looked_for_a_pseudonym_looked_for_its_person(cli: Cli, people: People) -> None:
    people.record(DANA)
    people.record_as("other")
    cli("query", "actions", "--agent", "desk", "--user", people.known[DANA])
    cli("query", "actions", "--agent", "desk", "--user", "other")
    report = cli.json("access", "report", "--about", DANA)
    assert report["about"]["named"] == [report["reads"][0]["seq"], report["reads"][2]["seq"]]
    assert report["about"]["other_people"] == 1


# ---- in a folder ----


def test_the_document_shows_what_the_commands_print(tmp_path: Path) -> None:
    """But for pseudonyms, times and how wide a column is."""
    document = ROOT / "docs" / "identities.md"
    shown = [command for block in blocks(document, "console") for command in commands(block)]
    assert len(shown) >= 6
    with open_folder() as place:
        made = subprocess.run(
            [sys.executable, "-c", "\n".join(blocks(document, "python"))],
            cwd=place,
            env=Cli("", tmp_path, {}).environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (made.returncode, made.stderr) == (0, b"")
        cli = Cli(str(place / "clinic-log"), tmp_path / "state", {})
        for command in shown:
            _, *arguments = shlex.split(command.line)
            done = cli(*arguments)
            assert done.returncode == 0, command.line
            assert not command.output or general(done.stdout) == general(command.output)


def general(text: str) -> str:
    words = re.sub(r"p-[0-9a-f]{8}\b", "p-short", re.sub(r"p-[0-9a-f]{32}", "p-long", text))
    lines = re.sub(r"[0-9-]{10} [0-9:]{5}|[0-9.]+ s", "then", words).splitlines()
    return "\n".join(" ".join(line.split()) for line in lines)


def test_a_folder_has_its_own_key(tmp_path: Path) -> None:
    with open_folder() as place:
        folder = place / "audit"
        with (
            unbroken.open(folder) as trail,
            trail.session("call-1", actor=DANA, agent="desk") as session,
            session.turn("Hello.") as turn,
        ):
            turn.respond("Good day.")
        check_folder(Cli(str(folder), tmp_path / "state", {}))


def check_folder(cli: Cli) -> None:
    ((pseudonym, name),) = cli.json("sessions", "--names")["names"].items()
    assert name == DANA
    assert is_pseudonym(pseudonym)
    assert len(cli.json("query", "actions", "--agent", "desk", "--user", DANA)["rows"]) == 4
    assert DANA in cli("show", "call-1", "--names").stdout

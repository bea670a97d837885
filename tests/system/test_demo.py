"""The example that a newcomer runs first: what it says, that it is true, and that it leaves nothing behind."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.database.recorded import events
from tests.system.processes import PATIENCE_S, UNBROKEN, environment, open_folder, run, servers_below
from unbroken import wiring
from unbroken.cli import app as command_line
from unbroken.cli import demo as demo_command
from unbroken.cli.demo_protection import MASKED, UNMASKED
from unbroken.core.entry import Head, StoredEntry
from unbroken.core.event import decode_event
from unbroken.demo.searching import files_with
from unbroken.demo.tampering import Tampering
from unbroken.store import embedded
from unbroken.store.connection import connect
from unbroken.store.log_reader import LogReader
from unbroken.verify.run import verify_log

WIDEST = 100
UNBREAKABLE = re.compile("[0-9a-f]{64}|/agent[.]py")
"""Hashes and paths, which somebody will want to copy."""
NUMBERED = re.compile(r"^ *(\d+) [ +0-9.s]{8} [a-z]+ ", re.MULTILINE)
"""A row of a timeline: number, time since the start, kind."""


@dataclass(frozen=True)
class Ran:
    """One run of the demo: what it wrote, and what was in its temporary folder before and after it ended."""

    code: int
    out: str
    err: str
    left: list[str]
    servers: list[str]

    @property
    def prose(self) -> str:
        """The text with line breaks as spaces, so that a sentence is found wherever it is broken."""
        return re.sub(r"\s+", " ", self.out)


@pytest.fixture(scope="module")
def ran() -> Iterator[Ran]:
    with open_folder() as temporary:
        result = run(*UNBROKEN, "demo", env=environment(TMPDIR=temporary))
        left = [path.name for path in temporary.iterdir()]
        yield Ran(result.returncode, result.stdout, result.stderr, left, servers_below(temporary))


def test_it_succeeds_and_says_nothing_on_standard_error(ran: Ran) -> None:
    assert (ran.code, ran.err) == (0, "")


def test_it_says_how_the_calls_were_recorded(ran: Ran) -> None:
    assert "The agent's login, recorder, may add entries and do nothing else." in ran.prose
    for session in ("call-2041", "call-2042", "call-2043"):
        assert re.search(rf"^ +{session} +[+]46 70 174 06 \d+ .* \d+ +\d+ *$", ran.out, re.MULTILINE)


def test_it_holds_what_was_said_against_what_the_log_holds(ran: Ran) -> None:
    protect = section(ran.out, "2  Protect", "3  Read")
    assert re.search(r"[+]46 70 174 06 58 calls[.] +p-[0-9a-f]{8} calls[.]", protect)
    assert re.search(r"born 12 May 1968[.] .* born \[date of birth", protect)
    assert re.search(r"nora[.]lindqvist@mail[.]example[.] +[0-9a-f]{6}\][.]", protect)
    assert re.search(r"^ +book_appointment +restricted +hipaa +yes *$", protect, re.MULTILINE)
    read = section(ran.out, "3  Read", "4  Verify")
    for text in MASKED:
        assert text not in read
    for label in ("date of birth", "e-mail", "medical record", "name"):
        placeholders = re.findall(rf"\[{label} ([0-9a-f]{{6}})\]", re.sub(r"\s+", " ", read))
        assert len(set(placeholders)) == 1, f"{label}: {placeholders}"


def test_it_finds_nothing_that_was_masked_on_the_disk(ran: Ran) -> None:
    for text in MASKED:
        assert re.search(rf"^ +{re.escape(text)} +nowhere *$", ran.out, re.MULTILINE)
    for text in UNMASKED:
        assert re.search(rf"^ +{text} +in \d+ files? *$", ran.out, re.MULTILINE)


def test_it_tells_who_asked_for_a_name(ran: Ran) -> None:
    asked = re.search(r"^ +(p-[0-9a-f]{8}) +[+]46 70 174 06 58 *$", ran.out, re.MULTILINE)
    assert asked is not None
    assert f"$ unbroken names {asked[1]} --session call-2041 --purpose 'to call back'" in ran.out
    assert f"actor     {asked[1]} (user)" in ran.out
    entry = re.search(r"^ +entry (\d+) +reader reads: to call back *$", ran.out, re.MULTILINE)
    assert entry is not None
    assert re.search(rf"^ +entry {int(entry[1]) + 1} +and asks for the name", ran.out, re.MULTILINE)


def section(out: str, begin: str, end: str) -> str:
    return out[out.index(f"\n{begin}") : out.index(f"\n{end}")]


def test_it_shows_a_session_event_by_event(ran: Ran) -> None:
    assert "$ unbroken show call-2041" in ran.out
    assert "SIDE EFFECT book_appointment(patient_id" in ran.prose
    assert "Your record says ramipril 5 mg, one in the morning." in ran.out
    numbers = [int(number) for number in NUMBERED.findall(ran.out)]
    assert numbers == list(range(7, len(numbers) + 7)), "after the grants of the folder's logins and the registry"
    assert len(numbers) > 30


def test_it_tells_that_this_look_is_on_record(ran: Ran) -> None:
    told = re.search(r"who looked, when and what for is entry (\d+) of the log", ran.prose)
    head = re.search(r"head to keep +(\d+):", ran.out)
    assert told is not None
    assert head is not None
    assert int(told[1]) == int(head[1]) - 1, "and what was shown is the next one, the last"


def test_it_tells_what_a_kept_head_adds_to_verification(ran: Ran) -> None:
    head = re.search(r"^ +head to keep +((\d+):[0-9a-f]{64}) *$", ran.out, re.MULTILINE)
    assert head is not None
    assert f"$ unbroken verify\nconsistent to {head[2]}, end unproven" in ran.out
    assert f"$ unbroken verify --expect {head[1]}\nproven to {head[2]}" in ran.out


def test_it_shows_that_the_guards_refuse_both_the_agent_and_the_superuser(ran: Ran) -> None:
    assert re.search(r"login, recorder +this login's duty does not allow that", ran.out)
    assert re.search(r"superuser, postgres +the log is append-only: UPDATE on payloads\w* is refused", ran.out)


def test_it_finds_each_forgery_at_its_place(ran: Ran) -> None:
    found = re.findall(r"^(altered_\w+|missing|rewritten) at entry (\d+)", ran.out, re.MULTILINE)
    changed = shown_as(ran.out, "ramipril 5 mg, one in the")
    booked = shown_as(ran.out, "SIDE EFFECT  book_appointment")
    assert found == [
        ("altered_payload", changed),
        ("altered_entry", booked),
        ("missing", booked),
        ("rewritten", "1"),
    ]
    assert "Shown: 4 of 4 forgeries were found" in ran.prose


def shown_as(out: str, text: str) -> str:
    """The number of the first entry of the timeline in which the text stands."""
    before = out[: out.index(text)]
    return str(NUMBERED.findall(before)[-1])


def test_a_finding_tells_session_part_and_what_was_expected(ran: Ran) -> None:
    finding = ran.prose[ran.prose.index("altered_payload at entry") :]
    place = r"altered_payload at entry (\d+) .*seq \1 session call-2041 part outputs"
    assert re.match(rf"{place} expected [0-9a-f]{{64}} found [0-9a-f]{{64}} ", finding)


def test_it_tells_that_a_consistent_rewrite_shows_only_against_the_signed_checkpoint(ran: Ran) -> None:
    rewritten = ran.prose[ran.prose.index("d) Everything") :]
    plain, against = rewritten.split("The signed checkpoint tells:")
    assert "consistent to" in plain
    assert "finding" not in plain
    assert re.search(r"--anchors \S+ 1 finding .*rewritten at entry 1 .*a signed checkpoint of \d+ entries", against)


def test_it_tells_what_is_not_shown_and_how_to_go_on(ran: Ran) -> None:
    assert "this program is no outside" in ran.prose
    for command in ("unbroken demo --keep my-first-log", "unbroken init --store audit", "unbroken tail --store audit"):
        assert f"\n$ {command}\n" in ran.out


def test_in_a_pipe_it_writes_plain_text_of_the_width_of_a_page(ran: Ran) -> None:
    assert "\x1b" not in ran.out
    assert "\r" not in ran.out
    breakable = (line.rstrip() for line in ran.out.splitlines() if not UNBREAKABLE.search(line))
    assert max(map(len, breakable)) <= WIDEST


def test_it_leaves_neither_files_nor_processes(ran: Ran) -> None:
    assert (ran.left, ran.servers) == ([], [])


@dataclass(frozen=True)
class Kept:
    """A run with --keep, and the folder that it kept."""

    folder: Path
    code: int
    out: str
    stopped: bool


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    with open_folder() as place:
        folder = place / "first log"
        result = run(*UNBROKEN, "demo", "--fast", "--keep", folder, env=environment(COLUMNS="80"))
        yield Kept(folder, result.returncode, result.stdout, stopped=servers_below(folder) == [])


def test_a_kept_folder_holds_the_log_whose_head_was_told(kept: Kept) -> None:
    told = re.search(r"^[$] unbroken verify --expect (\d+:[0-9a-f]{64}) --store '.*first log'$", kept.out, re.MULTILINE)
    assert told is not None
    with embedded.enter(kept.folder) as server, LogReader(server.conninfo(wiring.VERIFIER)) as reader:
        assert servers_below(kept.folder) != []
        report = verify_log(reader, expect=Head.parse(told[1]))
    assert (kept.code, kept.stopped) == (0, True)
    assert (report.verdict, report.log) == ("proven", "clinic.example/agents~1")


def test_a_kept_folder_holds_what_the_demo_tells(kept: Kept) -> None:
    """The registry and the look-up are entries of the log, and nothing that was masked is in the folder."""
    with embedded.enter(kept.folder) as server, LogReader(server.conninfo(wiring.VERIFIER)) as reader:
        entries = [entry for lot in reader.entries() for entry in lot]
        types = [decode_event(entry.event).event_type for entry in entries]
        assert types[5] == "log.registry_loaded"
        assert types.count("log.names_asked") == 1
        registry = reader.registry()
        assert registry is not None
        assert "hipaa" in registry.text
    found = files_with(kept.folder, [*MASKED, *UNMASKED])
    assert [found[text] for text in MASKED] == [0] * len(MASKED)
    assert all(found[text] for text in UNMASKED)


def test_the_registry_of_the_demo_names_all_its_tools(kept: Kept) -> None:
    with embedded.enter(kept.folder) as server, LogReader(server.conninfo(wiring.READER)) as reader:
        assert [(each.kind, each.name) for each in reader.unclassified()] == []


def test_a_kept_folder_holds_no_forged_copy(kept: Kept) -> None:
    with embedded.enter(kept.folder) as server, connect(server.conninfo("postgres")) as connection:
        rows = connection.execute("select datname from pg_database where not datistemplate order by 1").fetchall()
    assert rows == [("postgres",), ("unbroken",)]


def test_the_calls_hold_a_booking_a_tool_that_fails_and_a_refusal(kept: Kept) -> None:
    def calls(session: str) -> list[tuple[str, str | None, str | None]]:
        def entries() -> list[StoredEntry]:
            return [entry for lot in reader.entries(session=session) for entry in lot]

        told = [event for event in events(entries) if event["event_type"] in ("tool_result", "response")]
        return [(event["event_type"], event.get("tool"), event.get("status")) for event in told]

    with embedded.enter(kept.folder) as server, LogReader(server.conninfo(wiring.VERIFIER)) as reader:
        assert ("tool_result", "book_appointment", "ok") in calls("call-2041")
        assert ("tool_result", "book_appointment", "error") in calls("call-2042")
        assert calls("call-2043")[:2] == [("response", None, "ok")] * 2


def test_a_folder_with_something_in_it_is_refused_and_left_alone() -> None:
    with open_folder() as folder:
        (folder / "mine").touch()
        result = run(*UNBROKEN, "demo", "--keep", folder, env=environment())
        assert result.returncode == 2
        assert "--keep takes a folder that is new or empty" in result.stderr
        assert [path.name for path in folder.iterdir()] == ["mine"]


@pytest.mark.parametrize("after", ["no key and no network", "1  Record", "$ unbroken verify"])
def test_an_interrupt_leaves_nothing_behind(after: str) -> None:
    with open_folder() as temporary:
        process = subprocess.Popen(
            [*UNBROKEN, "demo"],
            env=environment(TMPDIR=temporary, COLUMNS="200"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        assert process.stdout is not None
        for line in process.stdout:
            if after in line:
                break
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 130
        assert rest.endswith("\nStopped, and nothing is left behind.\n")
        assert (list(temporary.iterdir()), servers_below(temporary)) == ([], [])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused")
def test_root_is_told_how_to_allow_it() -> None:
    with open_folder() as temporary:
        result = run(*UNBROKEN, "demo", env=environment(TMPDIR=temporary, UNBROKEN_ALLOW_ROOT=None))
        assert result.returncode == 2
        assert "set UNBROKEN_ALLOW_ROOT=1" in result.stderr
        assert list(temporary.iterdir()) == []


def test_a_forgery_that_is_not_found_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    blunt = Tampering("Nothing at all.", "It can't be.", "altered_entry", forge=lambda _: 1)
    monkeypatch.setattr(demo_command, "TAMPERINGS", (blunt,))
    with open_folder() as temporary:
        monkeypatch.setattr("tempfile.tempdir", str(temporary))
        result = CliRunner().invoke(command_line.app, ["demo", "--no-pause"])
        assert result.exit_code == 1
        assert "NOT FOUND" in result.output
        assert list(temporary.iterdir()) == []

"""The commands on an embedded store in a folder that several processes share."""

import json
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.cli import Cli, conversation, read_until
from unbroken import wiring
from unbroken.cli.target import open_ledger
from unbroken.store import embedded

LOG = "clinic.example/agents"
SESSIONS = ("call-1", "call-2", "visit \x1b[31m\u202e")
GRANTS = 5  # of a folder's own logins: entries like any other
RECORDED = GRANTS + 4 * len(SESSIONS) + 1  # the last: its recorder has stopped


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ub-")).resolve()
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def store() -> Iterator[Path]:
    """Three sessions in a running store; a test that adds to it makes a store of its own."""
    folder = _folder()
    with embedded.enter(folder / "store", allow_root=True) as server:
        wiring.prepare_embedded(server, LOG)
        with open_ledger(str(server.folder), LOG) as ledger:
            for session in SESSIONS:
                ledger.record(conversation(session, actor="u-17\x1b]0;x\x07", answer="see \x1b[2J you"))
        yield server.folder
    shutil.rmtree(folder)


@pytest.fixture
def cli(store: Path, tmp_path: Path) -> Cli:
    return Cli(str(store), tmp_path / "state")


@pytest.fixture
def empty() -> Iterator[Path]:
    """A folder in which a store may be made."""
    folder = _folder()
    yield folder
    shutil.rmtree(folder)


def end_of(cli: Cli) -> int:
    """How many entries there are now: every command that reads adds two."""
    return int(cli.json("status")["logs"][0]["head"].partition(":")[0])


def test_without_an_outside_head_the_end_is_unproven(cli: Cli) -> None:
    report = cli.json("verify")
    entries, head = report["entries"], report["head"]
    assert entries >= RECORDED
    assert head.startswith(f"{entries}:")
    done = cli("verify")
    assert done.returncode == 3
    assert done.stdout.startswith(f"consistent to {entries}, end unproven  {LOG}~1, {entries} entries read\n")
    assert done.stdout.endswith(f"head to keep  {head}\n")


def test_the_expected_head_proves_the_log(cli: Cli, tmp_path: Path) -> None:
    head = cli.json("verify")["head"]
    done = cli("verify", "--expect", head)
    assert (done.returncode, done.stdout.split("  ")[0]) == (0, f"proven to {head.partition(':')[0]}")
    (tmp_path / "head").write_text(f"{head}\n")
    assert cli("verify", "--expect", tmp_path / "head").returncode == 0
    report = cli.json("verify", "--expect", head)
    assert (report["verdict"], report["expected_head"], report["kept_head"]) == ("proven", head, head)


def test_another_head_is_a_finding_with_its_place(cli: Cli) -> None:
    entries = end_of(cli)
    done = cli("verify", "--expect", f"{entries}:{'ab' * 32}")
    assert done.returncode == 1
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[0] == f"1 finding  {LOG}~1, {entries} entries read"
    assert f"forked at entry {entries}" in lines
    assert f"expected  the expected head's hash {'ab' * 32}" in lines
    missing = cli("verify", "--expect", f"{entries + 5}:{'ab' * 32}")
    assert (missing.returncode, f"truncated at entry {entries + 1}" in missing.stdout) == (1, True)


def test_an_earlier_head_is_in_the_log_but_does_not_prove_its_end(cli: Cli) -> None:
    part = cli.json("verify", "--range", "1..4")
    assert (part["verdict"], part["scope"], part["entries"]) == ("consistent", "entries 1 to 4", 4)
    done = cli("verify", "--expect", part["head"])
    assert done.returncode == 3
    assert "Head 4, which you expected, is in it" in done.stdout


def test_one_session_is_verified_by_itself(cli: Cli) -> None:
    done = cli("verify", "--session", "call-2")
    assert (done.returncode, done.stdout.splitlines()[0]) == (3, f"consistent  one session of {LOG}~1, 4 entries read")
    assert not cli.heads_file.exists(), "only a run over the whole log is kept"
    unknown = cli("verify", "--session", "call-")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr.startswith("unbroken: there is no session 'call-'")


def test_wrong_usage_ends_with_2(cli: Cli) -> None:
    wrong = [
        "verify --range 5..4",
        "verify --range 0..4",
        "verify --expect 12",
        "verify --session call-1 --range 1..2",
        f"verify --session call-1 --expect {RECORDED}:{'ab' * 32}",
        "verify --workers 0",
        "verify --nonsense",
        "verify --log nowhere",
        "verify --forget --log nowhere",
        "status --max-age soon",
        "login add x --role owner",
        "login add x --role writer --password-stdin --generate-password",
        "tail -n -1",
        "show ''",
        f"show {'x' * 1025}",
        "sessions --limit 0",
        "vrify",
    ]
    for command, done in cli.all(wrong).items():
        assert (done.returncode, done.stdout) == (2, ""), command
        assert done.stderr, command
        assert "Traceback" not in done.stderr, command


@pytest.mark.parametrize("command", ["verify", "verify --json", "sessions", "show call-2", "query errors --json"])
def test_output_that_nobody_reads_is_no_finding(command: str, cli: Cli) -> None:
    """It ends with what a shell makes of SIGPIPE, and not with 1."""
    running = cli.start(*shlex.split(command))
    assert running.stdout is not None
    running.stdout.close()
    assert running.wait(60) == 141
    assert running.stderr is not None
    with running.stderr as complaints:
        assert complaints.read() == ""


def test_a_store_that_is_not_there_is_one_line_and_2(empty: Path, tmp_path: Path) -> None:
    commands = ["verify", "status", "sessions", "tail", "login list", "show x"]
    for command, done in Cli(str(empty / "absent"), tmp_path).all(commands).items():
        assert (done.returncode, done.stdout) == (2, ""), command
        assert done.stderr.count("\n") == 1, command
        assert done.stderr.startswith("unbroken: there is no log in the folder"), command
    assert not (empty / "absent").exists()


def test_an_unreachable_database_is_2(tmp_path: Path) -> None:
    for command in ("verify", "status"):
        done = Cli(f"host={tmp_path} user=nobody dbname=nothing", tmp_path)(command)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_an_export_is_what_tail_prints(cli: Cli, tmp_path: Path) -> None:
    export = tmp_path / "export.jsonl"
    report = cli.json("verify")
    export.write_text(cli("tail", "--json", "--no-follow", "-n", 10_000).stdout)
    assert export.read_text().isascii()
    done = cli("verify", "--file", export, "--expect", report["head"])
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        f"proven to {report['entries']}  an export of {LOG}~1, {report['entries']} entries read",
    )
    altered = export.read_text().replace("monday", "friday", 1)
    export.write_text(altered)
    assert [finding["kind"] for finding in cli.json("verify", "--file", export)["findings"]] == ["altered_payload"]


def test_what_cannot_be_read_is_4(cli: Cli, tmp_path: Path) -> None:
    export = tmp_path / "export.jsonl"
    export.write_bytes(b"\xff\x00 not an export\n")
    done = cli("verify", "--file", export)
    assert (done.returncode, done.stdout.split("  ")[0]) == (4, "unverifiable, 1 finding")


def test_tail_shows_the_newest_entries(cli: Cli) -> None:
    entries = end_of(cli)
    done = cli("tail", "--no-follow", "-n", 10_000)
    lines = {int(line.split()[0]): line for line in done.stdout.splitlines()}
    assert list(lines) == list(range(1, entries + 1))
    kinds = ["request", "tool_call", "tool_result", "response", "log.recorder_stopped"]
    assert [lines[seq].split()[3] for seq in range(RECORDED - 4, RECORDED + 1)] == kinds
    assert "book  SIDE EFFECT" in lines[RECORDED - 3]
    assert "> desk" in lines[RECORDED - 4]
    newest = cli("tail", "--no-follow", "-n", 2).stdout.splitlines()
    assert [line.split()[0] for line in newest] == [str(entries + 1), str(entries + 2)]
    assert cli("tail", "--no-follow", "-n", 0).stdout == ""


def test_nothing_recorded_reaches_the_terminal_as_a_command(cli: Cli) -> None:
    commands = [
        "tail --no-follow",
        "tail --no-follow --json",
        "sessions",
        "sessions --json",
        "show visit",
        "show visit --json",
        "show visit --full",
        "show ''",
        "verify --session visit",
        "status",
    ]
    for command, done in cli.all(commands).items():
        assert done.stdout + done.stderr, command
        assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(done.stdout + done.stderr), command


def test_sessions_come_newest_first_and_in_pages(cli: Cli) -> None:
    done = cli("sessions")
    rows = done.stdout.splitlines()
    assert rows[0].split() == ["session", "actor", "agent", "entries", "errors", "began", "(UTC)", "lasted"]
    assert [row.split()[0] for row in rows[1:]] == ["visit", "call-2", "call-1"]
    first = cli.json("sessions", "--limit", 2)
    assert [row["session_id"] for row in first["sessions"]] == [SESSIONS[2], SESSIONS[1]]
    second = cli.json("sessions", "--limit", 2, "--before", first["next_before"])
    assert [row["session_id"] for row in second["sessions"]] == [SESSIONS[0]]
    assert second["next_before"] is None
    assert second["sessions"][0]["entries"] == 4
    assert cli("sessions", "--before", 1).stdout == "No sessions before entry 1.\n"


def test_show_renders_a_verified_session(cli: Cli) -> None:
    done = cli("show", "call-1")
    assert done.returncode == 0
    assert "book it" in done.stdout
    assert 'SIDE EFFECT  book(day="monday")' in done.stdout
    assert done.stdout.endswith("verified: 4 entries unaltered, numbered without a gap\n")


def test_show_takes_the_beginning_of_an_id(cli: Cli) -> None:
    assert cli("show", "call-2").stdout == cli("show", "call-2").stdout
    assert "session visit" in cli("show", "vis").stdout
    assert cli("show", "x" * 1024).stderr.startswith("unbroken: there is no session 'xxx")
    several = cli("show", "call-")
    assert (several.returncode, several.stdout) == (2, "")
    assert several.stderr == "unbroken: several sessions begin with 'call-': call-1, call-2\n"
    unknown = cli("show", "call-3")
    assert (unknown.returncode, "`unbroken sessions` lists them" in unknown.stderr) == (2, True)


def test_show_as_json_has_every_item(cli: Cli) -> None:
    shown = cli.json("show", "call-2")
    assert (shown["verdict"], shown["findings"]) == ("consistent", [])
    assert [item["kind"] for item in shown["items"]] == ["request", "tool_call", "tool_result", "response"]
    assert [item["seq"] for item in shown["items"]] == [GRANTS + 4 + number for number in range(1, 5)]
    assert shown["summary"]["session"] == "call-2"


def test_status_tells_monitors_what_was_verified(cli: Cli) -> None:
    never = cli("status")
    assert (never.returncode, "never verified by you" in never.stdout) == (3, True)
    entries = cli.json("verify")["entries"]
    fine = cli("status")
    assert fine.returncode == 0, fine.stdout
    assert f"consistent to {entries}, end unproven, " in fine.stdout
    assert "entries since" not in fine.stdout, "neither verifying nor asking how it is doing adds to a log"
    for line in ("writers     recorder", "partitions  1, 0 ahead", "on disk", "WAL         at most"):
        assert line in fine.stdout
    status = cli.json("status", "--max-age", "7d")
    assert status["exit_code"] == 0
    log = status["logs"][0]
    assert log["head"] == log["kept_head"]
    assert log["bytes_per_entry_with_payload"] > log["bytes_per_entry"] > 0
    assert log["wal_bytes_per_entry_at_most"] > 0
    assert log["seconds_since_last"] > 0
    assert [writer["login"] for writer in log["writers"]] == ["recorder"]


def test_an_old_verdict_counts_no_longer(cli: Cli) -> None:
    cli("verify")
    heads = cli.heads()
    heads["stores"][cli.store][f"{LOG}~1"]["at"] = "2020-01-01T00:00:00Z"
    cli.heads_file.write_text(json.dumps(heads))
    old = cli("status")
    assert (old.returncode, "too long ago" in old.stdout) == (3, True)
    assert cli("status", "--max-age", "999999d").returncode == 0


def test_a_bad_verdict_stays_until_the_next(cli: Cli) -> None:
    cli("verify", "--expect", f"{end_of(cli)}:{'ab' * 32}")
    bad = cli("status")
    assert (bad.returncode, "1 finding, " in bad.stdout) == (1, True)
    cli("verify")
    assert cli("status").returncode == 0


def test_what_is_kept_is_for_its_owner_alone(cli: Cli) -> None:
    cli("verify")
    assert stat.S_IMODE(cli.heads_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(cli.heads_file.parent.stat().st_mode) == 0o700
    assert list(cli.heads()["stores"]) == [cli.store]


def test_a_damaged_file_of_heads_is_not_passed_over(cli: Cli) -> None:
    entries = cli.json("verify")["entries"]
    cli.heads_file.write_text(cli.heads_file.read_text().replace(f'"{entries}:', '"x:'))
    for command in ("verify", "status"):
        done = cli(command)
        assert (done.returncode, "is damaged" in done.stderr) == (2, True)


def test_verify_goes_on_where_nothing_can_be_kept(store: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = Cli(str(store), tmp_path / "file")("verify")
    assert (done.returncode, done.stdout[:10]) == (3, "consistent")
    assert done.stderr.startswith("unbroken: the head and the verdict can't be kept in ")


def test_forgetting_asks_or_needs_yes(cli: Cli) -> None:
    assert "No head of" in cli("verify", "--forget").stdout
    cli("verify")
    asked = cli("verify", "--forget")
    assert (asked.returncode, "--yes" in asked.stderr) == (2, True)
    assert cli("verify", "--forget", "--yes").returncode == 0
    assert cli.heads()["stores"][cli.store] == {}


def test_init_makes_a_log_that_can_be_recorded_into(empty: Path, tmp_path: Path) -> None:
    cli = Cli(str(empty / "new"), tmp_path)
    first = cli("init")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith(f"Installed unbroken's schema in {empty / 'new'}.\nThe log local/agents is there.\n")
    assert cli("init").stdout.startswith("The schema in ")
    assert [(each["login"], each["duty"]) for each in cli.json("login", "list")["logins"]] == [
        *(("reader", "compliance"), ("dpo", "dpo"), ("notary", "notary")),
        *(("verifier", "verifier"), ("recorder", "writer")),
    ]
    transcript = tmp_path / "chat.json"
    transcript.write_text(json.dumps([{"role": "user", "content": "hello"}]))
    assert cli("import", "chat", transcript).returncode == 0
    assert cli("verify").returncode == 3
    assert cli("init", "--log", "other.example/agents").returncode == 0
    unnamed = cli("verify")
    assert (unnamed.returncode, "name one of these logs" in unnamed.stderr) == (2, True)
    other = cli("verify", "--log", "other.example/agents").stdout
    assert other.startswith(f"consistent to {GRANTS}, end unproven")
    assert [log["log"] for log in cli.json("status")["logs"]] == ["local/agents~1", "other.example/agents~1"]
    assert cli("status").returncode == 0
    refused = cli("init", "--log", "no~good")
    assert (refused.returncode, "without '~'" in refused.stderr) == (2, True)


def test_tail_follows_what_other_processes_record(empty: Path, tmp_path: Path) -> None:
    """The process that started the server ends first; tail and a third one go on."""
    cli = Cli(str(empty / "store"), tmp_path)
    recording = (
        "import unbroken, sys\n"
        "with unbroken.open(sys.argv[1]) as trail, trail.session(actor='u-17', agent='desk') as session:\n"
        "    with session.turn(sys.argv[2]) as turn:\n"
        "        turn.respond('yes')\n"
        "        if sys.argv[3:]: print('recorded', flush=True); sys.stdin.read()\n"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", recording, cli.store, "one", "wait"],
        env=cli.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert first.stdin is not None
    assert first.stdout is not None
    assert first.stdout.readline() == "recorded\n"
    tail = cli.start("tail", "-n", 1)
    read_until(tail, "response")
    first.stdin.close()
    assert first.wait(60) == 0
    first.stdout.close()
    read_until(tail, "conversation_ended")
    subprocess.run([sys.executable, "-c", recording, cli.store, "two"], env=cli.environment, check=True, timeout=60)
    read_until(tail, "conversation_ended")
    tail.send_signal(signal.SIGINT)
    rest = tail.communicate(timeout=60)
    assert (tail.returncode, *rest) == (0, "", "")

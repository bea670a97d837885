"""`unbroken db` and the line of `unbroken status` that runs it."""

import tempfile
from pathlib import Path

import pytest

from tests.conftest import LOG, Database
from tests.system.cli import Cli
from unbroken.store.check import WHY

DOCUMENT = Path(__file__).parents[2] / "docs" / "db-check.md"


@pytest.fixture
def cli(database: Database, tmp_path: Path) -> Cli:
    """As the login for operations: a monitor's."""
    return Cli(database.conninfo("ops"), tmp_path / "state", {"UNBROKEN_LOG": LOG})


def faults(cli: Cli) -> list[tuple[str, str]]:
    return [
        (check["name"], found["object"])
        for check in cli.json("db", "check")["checks"]
        for found in check["findings"]
        if found["severity"] == "fault"
    ]


def test_a_database_as_released(cli: Cli) -> None:
    # The tests' servers run without fsync, and other tests may have left logins; neither is a fault.
    done = cli("db", "check")
    assert (done.returncode, done.stderr) == (3, "")
    lines = done.stdout.splitlines()
    assert "ok        functions" in lines
    assert "warning   server" in lines
    assert any("setting fsync is off" in line for line in lines)
    assert "mend: alter system set fsync = on" in done.stdout
    assert f"{len(WHY)} checks, 1 warning" in " ".join(done.stdout.split())
    report = cli.json("db", "check")
    assert (report["exit_code"], [check["name"] for check in report["checks"]]) == (3, list(WHY))
    assert faults(cli) == []


def test_a_fault_is_named_with_how_to_mend_it(cli: Cli, database: Database) -> None:
    database.disarm()
    database.admin.execute("grant select on unbroken.entries to public")
    done = cli("db", "check")
    assert done.returncode == 1
    assert "FAULT     privileges" in done.stdout
    assert "fault: table unbroken.entries PUBLIC is not the release's: SELECT" in done.stdout
    assert "mend: revoke all on table unbroken.entries from PUBLIC" in done.stdout
    found = faults(cli)
    assert ("privileges", "table unbroken.entries") in found
    assert ("guards", "event trigger unbroken_refuse_ddl") in found
    assert ("triggers", "table unbroken.entries_1_0") in found
    assert "more: --all" in done.stdout
    assert "more: --all" not in cli("db", "check", "--all").stdout


def test_what_a_login_may_not_see_is_told(database: Database, tmp_path: Path) -> None:
    done = Cli(database.conninfo("writer"), tmp_path)("db", "check")
    assert done.returncode == 3
    assert "not done  grants: this login may not: permission denied for table" in done.stdout
    assert done.stdout.rstrip().endswith("2 not done")


def test_guards_can_be_demanded(cli: Cli, database: Database) -> None:
    database.admin.execute("drop event trigger unbroken_refuse_ddl")
    database.admin.execute("drop event trigger unbroken_refuse_drop")
    database.admin.execute("drop schema unbroken_guard cascade")
    assert cli("db", "check").returncode == 3
    assert cli("db", "check", "--guarded").returncode == 1


def test_status_tells_how_many_faults_there_are(cli: Cli, database: Database) -> None:
    report = cli.json("status")
    assert (report["schema"]["faults"], report["schema"]["checked"]) == (0, True)
    assert "fault" not in cli("status").stdout
    database.admin.execute("alter event trigger unbroken_refuse_ddl disable")
    done = cli("status")
    assert (done.returncode, "1 fault, " in done.stdout, "`unbroken db check`" in done.stdout) == (1, True, True)
    assert cli.json("status")["exit_code"] == 1


def test_a_folder_is_as_released(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="ub-") as name:
        cli = Cli(f"{name}/store", tmp_path / "state")
        Path(name).chmod(0o755)
        assert cli("init").returncode == 0
        done = cli("db", "check", "--guarded")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[-1] == f"{name}/store: {len(WHY)} checks, as released"
        assert "schema" in cli("status").stdout
        assert cli("db", "migrate", "--sql").stdout.startswith("-- The schema is of this release")


def test_scripts_are_printed_and_nothing_is_executed(cli: Cli, tmp_path: Path, database: Database) -> None:
    roles = Cli("", tmp_path)("db", "roles", "--sql")
    assert (roles.returncode, "'unbroken_owner'" in roles.stdout) == (0, True)
    script = cli("db", "migrate", "--again", "--sql")
    assert (script.returncode, script.stderr) == (0, "")
    assert script.stdout.rstrip().endswith("commit;")
    database.admin.execute(script.stdout.encode())
    assert faults(cli) == []
    for command in ("roles", "migrate"):
        done = cli("db", command)
        assert (done.returncode, "--sql" in done.stderr) == (2, True)


def test_the_document_names_every_check() -> None:
    rows = [line.split("|") for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    assert [row[1].strip(" `") for row in rows] == list(WHY)


def test_a_database_without_a_schema_says_what_to_do(database: Database, tmp_path: Path) -> None:
    empty = Cli(database.server.conninfo("postgres", "postgres"), tmp_path)
    done = empty("db", "check")
    assert (done.returncode, "run `unbroken init`" in done.stderr) == (2, True)
    script = empty("db", "migrate", "--sql")
    assert (script.returncode, "create table unbroken.entries" in script.stdout) == (0, True)

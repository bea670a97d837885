"""The PostgreSQL programs that this machine has, and an initialised data directory of each to copy."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unbroken.store.embedded.accounts import account_of, runner_for
from unbroken.store.embedded.programs import programs_for

KINDS: Final = ("embedded", "debian15")
"""The wheel's PostgreSQL 18, started by hand so that it can be mistreated, and Debian's PostgreSQL 15."""
_DEBIAN: Final = Path("/usr/lib/postgresql/15/bin")
SUPERUSER: Final = "postgres"


@dataclass(frozen=True, slots=True)
class Installation:
    """PostgreSQL's programs, who may run them (a user id and group id), and data to start from."""

    kind: str
    programs: Path
    uid: int
    gid: int
    folder: Path

    @property
    def template(self) -> Path:
        """A data directory that was shut down in order."""
        return self.folder / "template"

    def started_as(self) -> dict[str, Any]:
        """How a process of the server's user is started."""
        identity = {"user": self.uid, "group": self.gid, "extra_groups": []} if os.geteuid() == 0 else {}
        return {"cwd": "/", "umask": 0o077, **identity}

    def run(self, program: str, *arguments: str) -> None:
        """Runs a program as the server's user to its end."""
        subprocess.run(
            [self.programs / program, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=120,
            **self.started_as(),
        )

    def own(self, *paths: Path) -> None:
        """Gives paths to the server's user."""
        if os.geteuid() == 0:
            for path in paths:
                os.chown(path, self.uid, self.gid)


def is_installed(kind: str) -> bool:
    """Whether this machine has the server at all."""
    return kind != "debian15" or (_DEBIAN / "initdb").exists()


@contextmanager
def open_folder(prefix: str) -> Iterator[Path]:
    """A folder directly below the temporary directory, which the server's user can pass through."""
    folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def initialised(kind: str) -> Iterator[Installation]:
    """An installation with an empty database cluster, in a folder that is removed afterwards.

    WAL segments have 1 MB, so that a fault meets changes of segment too; all else is as PostgreSQL comes.
    """
    with open_folder("ub-faults-") as folder:
        made = _installation(kind, folder)
        made.own(folder)
        made.run(
            "initdb",
            f"--pgdata={made.template}",
            f"--username={SUPERUSER}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--wal-segsize=1",
            "--data-checksums",
        )
        yield made


def _installation(kind: str, folder: Path) -> Installation:
    own = account_of(os.geteuid())
    if kind == "embedded":
        runner = runner_for(own, allow_root=True)
        programs = programs_for(runner, client=own, folder=folder).server
        return Installation(kind, programs, runner.uid, runner.gid, folder)
    account = pwd.getpwnam("postgres" if own.uid == 0 else own.name)
    return Installation(kind, _DEBIAN, account.pw_uid, account.pw_gid, folder)

"""A folder's data with the programs and accounts for it, and running these programs on it."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from unbroken.errors import UnavailableError
from unbroken.store.embedded.accounts import Account
from unbroken.store.embedded.programs import Programs, programs_for


@dataclass(frozen=True, slots=True)
class Cluster:
    """The data in ``folder`` and the programs for it; ``runner`` runs the server and ``client`` is who connects."""

    folder: Path
    client: Account
    runner: Account
    programs: Programs

    @property
    def foreign(self) -> bool:
        """Whether the server runs as another user than the one who connects."""
        return self.runner.uid != self.client.uid

    @property
    def pgdata(self) -> Path:
        """The data directory, which may not be there yet."""
        return self.folder / "pgdata"

    @property
    def log(self) -> Path:
        """The file that the server and all programs write to."""
        return self.folder / "server.log"

    def run_as_server(
        self, program: str, *arguments: str, data: Path, seconds: float, inherited: tuple[int, ...] = ()
    ) -> None:
        """Run a program as ``runner`` on the data directory ``data``, with the ``inherited`` descriptors left open.

        Raises UnavailableError when it fails or takes longer than ``seconds``.
        """
        _run(
            [str(self.programs.server / program), *arguments],
            log=self.log,
            seconds=seconds,
            # PGDATA and not --pgdata: pg_ctl puts its arguments into a shell command without escaping them.
            environment={"PGDATA": str(data)},
            inherited=inherited,
            account=self.runner if self.foreign else None,
        )

    def run_as_client(self, program: str, *arguments: str, seconds: float) -> None:
        """Run a program as this process's user; raises UnavailableError like :meth:`run_as_server`."""
        _run([str(self.programs.client / program), *arguments], log=self.log, seconds=seconds)


def cluster_in(folder: Path, *, client: Account, runner: Account) -> Cluster:
    """Return the cluster of ``folder``, whether its data is there or not; raises like :func:`programs_for`."""
    return Cluster(folder, client, runner, programs_for(runner, client=client, folder=folder))


def _run(
    command: list[str],
    *,
    log: Path,
    seconds: float,
    environment: dict[str, str] | None = None,
    inherited: tuple[int, ...] = (),
    account: Account | None = None,
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

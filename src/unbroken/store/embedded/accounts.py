"""Who runs the server and who connects to it, and where these users of the machine may go."""

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unbroken.errors import ConfigurationError

if sys.platform != "win32":
    import pwd

ROOT_RUNS_SERVER_AS: Final = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the machine."""

    name: str
    uid: int
    gid: int


def account_of(uid: int) -> Account:
    """Return the account with the user id ``uid``; raises ConfigurationError where it has no name."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:
        raise ConfigurationError(
            f"The user id {uid} has no name on this machine, and PostgreSQL needs one; add it to /etc/passwd."
        ) from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def runner_for(client: Account, *, allow_root: bool | None) -> Account:
    """Return the account that runs the server: ``client``, except for root, under which PostgreSQL refuses to run.

    Raises ConfigurationError where root is not permitted or the user who should run the server can't.
    """
    if client.uid != 0:
        return client
    name = os.environ.get("UNBROKEN_SERVER_USER", ROOT_RUNS_SERVER_AS)
    allowed = os.environ.get("UNBROKEN_ALLOW_ROOT") == "1" if allow_root is None else allow_root
    if not allowed:
        raise ConfigurationError(
            "PostgreSQL does not run as root. Run this as an ordinary user, or set UNBROKEN_ALLOW_ROOT=1 to let the "
            f"server run as the user `{name}` (another one: UNBROKEN_SERVER_USER)."
        )
    return _named_for_server(name)


def _named_for_server(name: str) -> Account:
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise ConfigurationError(f"There is no user `{name}`; name one that exists in UNBROKEN_SERVER_USER.") from error
    if entry.pw_uid == 0:
        raise ConfigurationError("PostgreSQL does not run as root; name another user in UNBROKEN_SERVER_USER.")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def blocking(path: Path, account: Account) -> Path | None:
    """Return the first directory on the way to and including ``path`` that ``account`` may not pass through."""
    way = (*reversed(path.parents), path)
    return next((directory for directory in way if not allows(directory, account, stat.S_IXOTH)), None)


def allows(path: Path, account: Account, permission: int) -> bool:
    """Tell whether the mode of ``path`` gives ``account`` a permission, named by its bit for others (``S_IXOTH``)."""
    status = path.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode >> 6 & permission)
    if status.st_gid == account.gid:
        return bool(status.st_mode >> 3 & permission)
    return bool(status.st_mode & permission)

"""Who uses a folder's server: joining the processes that do, leaving them, and what a fork makes of it."""

import atexit
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from unbroken.errors import UnavailableError, UnbrokenError
from unbroken.store.embedded.cluster import Cluster
from unbroken.store.embedded.locks import Lock, drop_inherited
from unbroken.store.embedded.server import running, stop
from unbroken.store.embedded.waiting import DECISION_SECONDS, eventually

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Membership:
    """A process's place among the users of a cluster, as long as it has a seat."""

    cluster: Cluster
    users: Lock
    seats: set[object] = field(default_factory=set)


class Process:
    """What this process holds. ``guard`` is held for every change and during a fork: a child never sees half of one."""

    def __init__(self) -> None:
        self.guard = threading.RLock()
        self.memberships: dict[Path, Membership] = {}

    def before_fork(self) -> None:
        """Wait for the change that another thread makes."""
        self.guard.acquire()

    def after_fork_in_parent(self) -> None:
        """Let changes go on."""
        self.guard.release()

    def after_fork_in_child(self) -> None:
        """Hold nothing: locks and seats are the parent's."""
        self.guard = threading.RLock()
        drop_inherited()
        self.memberships.clear()

    def give_up(self, folder: Path, seat: object) -> None:
        """Give up one seat, and with the last one leave the folder; does nothing for a seat that is not held."""
        with self.guard:
            membership = self.memberships.get(folder)
            if membership is None or seat not in membership.seats:
                return
            membership.seats.discard(seat)
            if not membership.seats:
                del self.memberships[folder]
                _leave(membership)

    def give_up_everything(self) -> None:
        """Leave every folder, at the end of the process: what hinders it can only be told."""
        with self.guard:
            while self.memberships:
                _, membership = self.memberships.popitem()
                try:
                    _leave(membership)
                except UnbrokenError as error:
                    _log.warning("%s", error)


this_process: Final = Process()
atexit.register(this_process.give_up_everything)
if sys.platform != "win32":
    os.register_at_fork(
        before=this_process.before_fork,
        after_in_parent=this_process.after_fork_in_parent,
        after_in_child=this_process.after_fork_in_child,
    )


@contextmanager
def decision(folder: Path) -> Iterator[None]:
    """Hold the folder's ``server.lock``: nobody else starts or stops meanwhile.

    Raises UnavailableError where another process holds it for longer than any start and stop takes.
    """
    with Lock(folder / "server.lock") as lock:
        if not eventually(lock.exclusively, seconds=DECISION_SECONDS):
            raise UnavailableError(
                f"Another process has been starting or stopping the PostgreSQL in {folder} for {DECISION_SECONDS:g} s."
            )
        yield


def take_seat(cluster: Cluster) -> tuple[Path, object]:
    """Become a user, or one once more, of a running server; returns its socket directory and the seat.

    Like all that starts and stops, called under the guard and the decision lock.
    """
    membership = this_process.memberships.get(cluster.folder)
    with ExitStack() as undo:
        if membership is None:
            membership = Membership(cluster, undo.enter_context(Lock(cluster.folder / "users.lock")))
            # Only a leaver takes it exclusively, and gives it up before the decision lock that we hold.
            if not membership.users.shared():
                raise UnavailableError(f"{cluster.folder}/users.lock is held by something else than unbroken.")
            undo.callback(_stop_if_unused, membership)
        socket_dir = running(cluster)
        undo.pop_all()
    seat = object()
    membership.seats.add(seat)
    this_process.memberships[cluster.folder] = membership
    return socket_dir, seat


def _leave(membership: Membership) -> None:
    folder, users = membership.cluster.folder, membership.users
    try:
        # Closed first inside, so that whoever decides next finds it free, outside where that lock can't be had.
        with users, decision(folder), users:
            if users.exclusively():
                stop(membership.cluster)
    except OSError as error:
        raise UnavailableError(f"The PostgreSQL in {folder} could not be left in order: {error}.") from error


def _stop_if_unused(membership: Membership) -> None:
    """After a failed start: what hinders stopping says less than what hindered starting, which is being raised."""
    with suppress(UnavailableError):
        if membership.users.exclusively():
            stop(membership.cluster)

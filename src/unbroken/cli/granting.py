"""What the commands that give and take access have in common: who may, and for which log."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from unbroken.cli.kept_heads import name_of
from unbroken.cli.target import conninfo_of, origin_of
from unbroken.store.access import is_access_administrator
from unbroken.store.connection import Connection, connect
from unbroken.store.embedded import SUPERUSER
from unbroken.store.log_reader import LogReader

LoginArgument = Annotated[str, typer.Argument(metavar="LOGIN", help="The login's name in the database.")]
DutyArgument = Annotated[
    str,
    typer.Argument(
        metavar="DUTY",
        help="writer, server, ops, compliance, legal, dpo, subjects, retention, verifier or access.",
    ),
]
RequestArgument = Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is recorded.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it without being asked once more.")]


@dataclass(frozen=True, slots=True)
class Administration:
    """A connection that may give or take access to one log; ``installs`` tells that it is no access administrator's."""

    connection: Connection
    log: str
    store: str
    installs: bool

    def command(self, *words: str) -> str:
        """An ``unbroken`` command on the same log, for somebody with a login of their own."""
        return shlex.join(["unbroken", *words, "--log", self.log, "--store", name_of(self.store)])


@contextmanager
def open_granting(store: str, log: str | None) -> Iterator[Administration]:
    """The login in the connection string, or the folder's superuser, to grant and revoke with."""
    with conninfo_of(store, login=SUPERUSER) as conninfo, connect(conninfo) as connection:
        yield Administration(connection, origin_of(conninfo, log), store, not is_access_administrator(connection))


@contextmanager
def open_requests(store: str, log: str | None) -> Iterator[LogReader]:
    """A reader for what access administrators may see: grants and requests, and no entries."""
    with conninfo_of(store, login=SUPERUSER) as conninfo, LogReader(conninfo, log) as reader:
        yield reader

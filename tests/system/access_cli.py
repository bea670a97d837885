"""A log whose access two people administer, each of them and everybody else with a login of their own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import Database, unguarded
from tests.system.cli import Cli
from unbroken.store import administration
from unbroken.store.connection import connect

ACCESS_LOG = "clinic.example/access"
PEOPLE = {
    "anna": "access",
    "bert": "access",
    "cleo": "access",
    "clara": "compliance",
    "dora": "compliance",
    "agent": "writer",
    "monitor": "ops",
}
"""Logins and the group that each is in; anna and bert are granted access to begin with."""


@dataclass(frozen=True)
class Clinic:
    """Commands as each login, against one log in one database."""

    database: Database
    state: Path

    def __call__(self, login: str, **settings: str) -> Cli:
        given = {"UNBROKEN_LOG": ACCESS_LOG, "UNBROKEN_PURPOSE": "a review", **settings}
        return Cli(self.database.conninfo(login), self.state, given)

    def grant(self, login: str, duty: str, *, by: str = "anna", confirmed_by: str | None = "bert") -> None:
        """Grants a duty end to end."""
        given = self(by).json("grant", login, duty, "--reason", "as agreed", "--yes")
        if given["request"] is not None and confirmed_by is not None:
            done = self(confirmed_by)("access", "confirm", given["request"], "--yes")
            assert (done.returncode, done.stderr) == (0, "")

    def request(self, login: str, duty: str, *, by: str = "anna") -> str:
        """Asks for a duty, and gives the request's id back."""
        return str(self(by).json("grant", login, duty, "--reason", "as agreed", "--yes")["request"])

    def report(self, *options: str, login: str = "clara") -> Any:
        """What the report says, as JSON."""
        return self(login).json("access", "report", *options)


def open_clinic(database: Database, state: Path) -> Clinic:
    """The log, the logins, and two access administrators: one from the installation, one by two people."""
    with connect(database.server.conninfo("postgres", database.name)) as connection:
        with unguarded(connection):
            administration.create_log(connection, ACCESS_LOG)
        for login, duty in PEOPLE.items():
            administration.add_login(connection, login, duty=duty, password=None)
        administration.install_grant(connection, ACCESS_LOG, "anna", duty="access", reason="set up")
        asked = administration.install_grant(connection, ACCESS_LOG, "bert", duty="access", reason="set up")
    assert asked.request is not None
    with connect(database.conninfo("anna")) as connection:
        administration.confirm(connection, ACCESS_LOG, asked.request)
    return Clinic(database, state)

"""Asking before something is done that can't be taken back."""

import sys

import typer

from unbroken.cli.printing import warn
from unbroken.cli.target import is_conninfo
from unbroken.errors import ConfigurationError


def agreed(question: str, *, yes: bool) -> bool:
    """Whether to go on: with ``yes`` without asking, else whoever sits at the terminal is asked.

    Raises :class:`ConfigurationError` where nobody does.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigurationError("nobody is there to be asked: say --yes")
    # On standard error, so that an answer that is piped on holds no question.
    return typer.confirm(question, err=True)


def agreed_by_another(question: str, store: str, *, yes: bool, first: str = "asks", second: str = "confirms") -> bool:
    """The same for the second of two people, one of whom ``first`` and one ``second``; says where both are one."""
    if not is_conninfo(store):
        warn(
            f"in a folder's own database all logins are yours, so that one person is both who {first} and who "
            f"{second}: two people take a database on a server, with a login each"
        )
    return agreed(question, yes=yes)

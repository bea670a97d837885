"""Asking before something is done that can't be taken back."""

import sys

import typer

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

"""What the commands about disposals have in common: which one, who may, and how it is opened."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer

from unbroken.cli.subject_decide import open_door
from unbroken.errors import ConfigurationError
from unbroken.store.disposals import Disposal, Disposals
from unbroken.store.log_reader import LogReader

REVIEWERS: Final = "compliance, legal or dpo"
"""Duties that review, decide and approve."""
SEERS: Final = "compliance, legal, dpo, retention or verifier"
"""Duties that see which disposals there are."""

DisposalArgument = Annotated[str, typer.Argument(metavar="DISPOSAL", help="The disposal's id, as listed.")]


@contextmanager
def open_disposals(
    store: str, log: str | None, *, login: str, duties: str = REVIEWERS
) -> Iterator[tuple[Disposals, LogReader]]:
    """The disposals of a log and the connection to it, for a login with one of ``duties``."""
    with open_door(store, log, login=login, duties=duties) as reader:
        yield Disposals(reader), reader


def disposal_in(door: Disposals, disposal: str) -> Disposal:
    """The disposal of this id; raises :class:`ConfigurationError` where there is none."""
    row = door.one(_uuid(disposal))
    if row is None:
        raise ConfigurationError(
            f"{door.log} has no disposal {disposal}: `unbroken disposal list --all` shows what there is"
        )
    return row


def listed_in(door: Disposals, disposal: str, *, states: tuple[str, ...]) -> tuple[Disposal, str]:
    """The disposal of this id with its list's hash; raises :class:`ConfigurationError` outside of ``states``."""
    row = disposal_in(door, disposal)
    if row.state == "proposed" and row.state not in states:
        raise ConfigurationError("nobody has reviewed this list yet: `unbroken disposal review` comes first")
    if row.state not in states or row.sha256 is None:
        raise ConfigurationError(f"this disposal is {row.state}: that is for one that is {' or '.join(states)}")
    return row, row.sha256


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise ConfigurationError(f"{text} is no disposal's id: `unbroken disposal list` shows what there is") from None

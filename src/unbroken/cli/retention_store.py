"""What the commands about retention have in common: the log's policies, what there is, and who may ask."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from unbroken.cli.late_progress import LateProgress
from unbroken.cli.subject_decide import open_door
from unbroken.retention.reading import in_force, rules_of, stocks_of, told_in
from unbroken.retention.reckoning import Reckoning, Stock
from unbroken.store.log_reader import LogReader
from unbroken.store.retention import PolicyVersion, Retention

DECIDERS: Final = "compliance, legal or dpo"
"""Duties that propose, confirm and withdraw."""
SEERS: Final = "compliance, legal, dpo, retention or verifier"
"""Duties that may know of policies and of what there is."""
_COUNTING: Final = "counting what the log holds"

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="The policies, in TOML: retention.toml.", show_default=False)
]
VersionArgument = Annotated[int, typer.Argument(metavar="VERSION", min=1, help="The version that was proposed.")]


@dataclass(frozen=True, slots=True)
class Kept:
    """A log's retention over one connection, and the version of the policies that counts."""

    door: Retention
    reader: LogReader
    version: PolicyVersion | None

    @property
    def log(self) -> str:
        """The log's full name."""
        return self.door.log

    @property
    def origin(self) -> str:
        """The log's name for all its incarnations."""
        return self.log.partition("~")[0]

    def now(self) -> datetime:
        """The time by the database's clock, by which disposal goes."""
        head = self.reader.stated_head()
        return datetime.now(UTC) if head is None else head.now

    def reckoning(self) -> Reckoning:
        """What the policies in force say."""
        return Reckoning(None if self.version is None else rules_of(self.version), told_in(self.door))

    def stocks(self) -> Iterator[Stock]:
        """What there is in all incarnations of the log; a bar shows how far it is, where it takes a while."""
        for _, name in self.reader.incarnations():
            with LateProgress(_COUNTING) as progress:
                yield from stocks_of(Retention(self.reader, name), progress=progress)


@contextmanager
def open_kept(store: str, log: str | None, *, login: str, duties: str) -> Iterator[Kept]:
    """The retention of a log, for a login with one of ``duties``."""
    with open_door(store, log, login=login, duties=duties) as reader:
        door = Retention(reader)
        yield Kept(door, reader, in_force(door))

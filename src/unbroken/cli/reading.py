"""How commands read: every look at a log is on record before the first row is given, and so is how it ended."""

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Final

import typer

from unbroken import wiring
from unbroken.cli.printing import warn
from unbroken.cli.target import conninfo_of, is_conninfo
from unbroken.core.entry import StoredEntry
from unbroken.errors import AccessDeniedError, ConfigurationError, UnbrokenError
from unbroken.store.log_reader import LogReader, Ticket

LONGEST: Final = timedelta(hours=12)
"""How long one read may last."""
LOCAL_PURPOSE: Final = "local use"
"""What a read of an embedded folder is for where nothing else is said: whoever runs it owns everything there."""

PurposeOption = Annotated[
    str | None,
    typer.Option(
        "--purpose",
        envvar="UNBROKEN_PURPOSE",
        metavar="TEXT",
        help="What this read is for: it is recorded. Asked for where it is missing.",
        show_default=False,
    ),
]
CaseOption = Annotated[
    str | None,
    typer.Option(
        "--case",
        envvar="UNBROKEN_CASE",
        metavar="CASE",
        help="The case or matter that it belongs to; the duties legal and dpo need one.",
        show_default=False,
    ),
]


@dataclass
class Reading:
    """One read of a log: its reader, its ticket, and what was shown under it."""

    reader: LogReader
    ticket: Ticket
    count: int = 0
    outcome: str = "complete"
    _digest: Any = field(default_factory=hashlib.sha256)

    def shown(self, entry: StoredEntry) -> None:
        """Counts an entry that was shown, in the order in which it was."""
        self.count += 1
        self._digest.update(entry.hash)

    @property
    def digest(self) -> str:
        """SHA-256, in hex, over the hashes of what was shown."""
        return str(self._digest.hexdigest())


@contextmanager
def open_read(
    store: str,
    log: str | None,
    *,
    scope: Mapping[str, str],
    purpose: str | None = None,
    case: str | None = None,
    lasting: timedelta = timedelta(minutes=15),
) -> Iterator[Reading]:
    """A read of one log under a ticket, with the login in the connection string or the folder's own reader.

    ``scope`` says what is looked for. On leaving, the completion is recorded, with how it ended. Raises
    :class:`AccessDeniedError` when the login may not read, which is recorded as well.
    """
    stated = _purpose(store, purpose)
    with conninfo_of(store, login=wiring.READER) as conninfo, LogReader(conninfo, log) as reader:
        ticket = reader.open_ticket(purpose=stated, case=case, scope=scope, valid_for=lasting)
        reading = Reading(reader, ticket)
        try:
            yield reading
        except (KeyboardInterrupt, GeneratorExit):
            reading.outcome = "interrupted"
            raise
        except AccessDeniedError:
            reading.outcome = "refused"
            raise
        except typer.Exit:
            raise
        except BaseException:
            reading.outcome = "failed"
            raise
        finally:
            _close(reading)


def _close(reading: Reading) -> None:
    """Records how the read ended. Without it the read stands as never completed, which is said."""
    try:
        reading.reader.close_ticket(reading.ticket, outcome=reading.outcome, count=reading.count, digest=reading.digest)
    except UnbrokenError as error:
        warn(f"that this read has ended could not be recorded, so it stands as not completed: {error}")


def _purpose(store: str, purpose: str | None) -> str:
    if purpose is not None:
        return purpose
    if not is_conninfo(store):
        return LOCAL_PURPOSE
    if not sys.stdin.isatty() or os.environ.get("CI"):
        raise ConfigurationError("say what this read is for with --purpose (or UNBROKEN_PURPOSE): it is recorded")
    return str(typer.prompt("What is this read for? It is recorded", err=True))

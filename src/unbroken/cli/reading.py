"""How commands read: every look at a log is on record before the first row is given, and so is how it ended."""

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Annotated, Any, Final

import typer

from unbroken import wiring
from unbroken.cli.denials import READERS, denials_told, state_of_refusal, takes
from unbroken.cli.ending import ending_in_order
from unbroken.cli.masked import masked, masked_scope, rules_of
from unbroken.cli.printing import duration, warn
from unbroken.cli.target import conninfo_of, is_conninfo
from unbroken.core.entry import StoredEntry
from unbroken.errors import AccessDeniedError, ConfigurationError, SchemaError, UnavailableError, UnbrokenError
from unbroken.investigate.listed import Listed
from unbroken.privacy.redaction.rules import DEFAULT_RULES, Rules
from unbroken.store.log_reader import NO_GRANT, LogReader, Ticket, record_denial

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
        help="What this read is for: the log records it. Needed for a log on a server (asked for at a terminal).",
        show_default=False,
    ),
]
CaseOption = Annotated[
    str | None,
    typer.Option(
        "--case",
        envvar="UNBROKEN_CASE",
        metavar="CASE",
        help="The case or matter it belongs to, recorded as well; the duties legal and dpo need one.",
        show_default=False,
    ),
]


@dataclass
class Reading:
    """One read of a log: its reader, its ticket, and what was shown under it."""

    reader: LogReader
    ticket: Ticket
    conninfo: str = field(repr=False)
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
    duties: str = READERS,
    login: str = wiring.READER,
) -> Iterator[Reading]:
    """A read of one log under a ticket, with the login in the connection string or the folder's own ``login``.

    ``scope`` says what is looked for, ``duties`` which ones may, for those who may not. On leaving, the completion is
    recorded with how it ended, also when the process is told to end. Raises :class:`AccessDeniedError` when the login
    may not read, which is recorded as well.
    """
    asked = _masked({"purpose": _purpose(store, purpose), "case": case, "scope": scope}, store, DEFAULT_RULES)
    with (
        ending_in_order(),
        conninfo_of(store, login=login) as conninfo,
        _reader(store, log, conninfo, asked=asked, duties=duties) as reader,
    ):
        until = monotonic() + lasting.total_seconds()
        with _no_ticket_told(duties), _standby_told():
            ticket = reader.open_ticket(**_masked(asked, store, rules_of(reader)), valid_for=lasting)
        reading = Reading(reader, ticket, conninfo)
        try:
            yield reading
        except typer.Exit:
            raise
        except (KeyboardInterrupt, SystemExit, GeneratorExit, BrokenPipeError):
            reading.outcome = "interrupted"
            raise
        except AccessDeniedError as error:
            over = monotonic() >= until
            reading.outcome = "interrupted" if over else "refused"
            raise _ended(error, lasting) if over else _refused(error, ticket, duties) from error
        except BaseException:
            reading.outcome = "failed"
            raise
        finally:
            _close(reading)


def _masked(asked: Mapping[str, Any], store: str, rules: Rules) -> dict[str, Any]:
    """What is said of a read, as it may be recorded; what was masked before stays as it is."""
    return {
        "purpose": masked(store, asked["purpose"], rules=rules),
        "case": None if asked["case"] is None else masked(store, asked["case"], rules=rules),
        "scope": masked_scope(store, asked["scope"], rules=rules),
    }


@contextmanager
def _reader(
    store: str, log: str | None, conninfo: str, *, asked: Mapping[str, Any], duties: str
) -> Iterator[LogReader]:
    try:
        with denials_told("reading", duties=duties), _standby_told():
            reader = LogReader(conninfo, log, writes=True)
    except (AccessDeniedError, ConfigurationError) as error:
        if log is None or not is_conninfo(store) or isinstance(error, SchemaError) or _kept_out(error):
            raise
        # This login sees no such log. Whether there is one, the database knows, and then notes the attempt for the log.
        with _no_ticket_told(duties):
            record_denial(conninfo, log, **asked)
        raise
    with reader:
        yield reader


def _kept_out(error: UnbrokenError) -> bool:
    """Whether the login may not even ask, as writers may not, or was not let in at all."""
    if not isinstance(error, AccessDeniedError):
        return False
    cause = error.__cause__
    return not isinstance(cause, AccessDeniedError) or state_of_refusal(cause) != "UB003"


@contextmanager
def _standby_told() -> Iterator[None]:
    """Says why reading takes a server that records, where there is none."""
    try:
        yield
    except UnavailableError as error:
        if "writes" not in str(error):
            raise
        raise UnavailableError(
            "every read is recorded, so it takes the server that records, and none that does can be reached: name it "
            "in the connection string; `unbroken verify` runs on a standby too"
        ) from error


@contextmanager
def _no_ticket_told(duties: str) -> Iterator[None]:
    try:
        yield
    except AccessDeniedError as error:
        if state_of_refusal(error) is not None:
            # Not even the function is this login's to call, so nothing but the server's own log can tell of it.
            raise AccessDeniedError(takes("reading", duties)) from error
        if str(error) != NO_GRANT:
            raise
        raise AccessDeniedError(f"{error}. {takes('Reading', duties)}") from error


def _refused(error: AccessDeniedError, ticket: Ticket, duties: str) -> AccessDeniedError:
    """Why rows were refused under a ticket: the duty opens others, or was taken away meanwhile."""
    if state_of_refusal(error) is None:
        return error  # said by this command, which knows why
    if state_of_refusal(error) == "42501":
        words = f"the duty {ticket.duty} does not open this; that it was tried is recorded. {takes('It', duties)}"
    else:
        words = f"this read was ended: the login may not read this log any more. {takes('Reading', duties)}"
    return AccessDeniedError(words)


def _ended(error: AccessDeniedError, lasting: timedelta) -> UnbrokenError:
    if state_of_refusal(error) != "UB007":
        return error
    return UnbrokenError(f"this read has lasted {duration(lasting)}, and no longer was it opened for: begin another")


def _close(reading: Reading) -> None:
    """Records how the read ended. Without it the read stands as never completed, which is said."""
    try:
        try:
            _complete(reading, reading.reader)
        except UnavailableError:
            # Whoever is interrupted in the middle of an answer loses the connection.
            with LogReader(reading.conninfo, reading.reader.log, writes=True) as reader:
                _complete(reading, reader)
    except UnbrokenError as error:
        warn(f"that this read has ended could not be recorded, so it stands as not completed: {error}")


def _complete(reading: Reading, reader: LogReader) -> None:
    reader.close_ticket(reading.ticket, outcome=reading.outcome, count=reading.count, digest=reading.digest)


def shown_in(reading: Reading, listed: Iterable[Listed[Any]]) -> None:
    """Counts the entries that a list was made of; of rows without any, the rows."""
    for row in listed:
        for verified in row.entries:
            if verified.entry is not None:
                reading.shown(verified.entry)
        if not row.entries:
            reading.count += 1


def _purpose(store: str, purpose: str | None) -> str:
    if purpose is not None:
        return purpose
    if not is_conninfo(store):
        return LOCAL_PURPOSE
    if not (sys.stdin.isatty() and sys.stderr.isatty()) or os.environ.get("CI"):
        raise ConfigurationError("say what this read is for with --purpose (or UNBROKEN_PURPOSE): it is recorded")
    return str(typer.prompt("What is this read for? It is recorded", err=True))

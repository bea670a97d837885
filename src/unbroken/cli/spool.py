"""``unbroken spool``: what recorders kept on this machine while the log could not be reached."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from unbroken import wiring
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.printing import (
    ROWS,
    amount,
    as_json_time,
    cells,
    console,
    counted,
    moment,
    plain_table,
    print_json,
    print_table,
    warn,
)
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, conninfo_of, origin_of
from unbroken.core.times import parse_time
from unbroken.errors import UnavailableError
from unbroken.investigate.printable import printable
from unbroken.ledger.delivery import Delivery
from unbroken.ledger.spool.spool import Spool, orphans
from unbroken.ledger.spool.spooling import drain as drain_spool
from unbroken.ledger.spool.survey import SpoolState, survey
from unbroken.store.log_writer import LogWriter

PATIENCE_S: Final = 30.0
"""How long the log may let one stretch of work wait, without any event going through, before this gives up."""

app = typer.Typer(no_args_is_help=True)

FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="The spool's folder.", show_default=False)]


@app.callback()
def _group() -> None:
    """See and send what was kept while a log could not be reached.

    A recorder with on_failure="spool" keeps events in a folder on its own
    machine during an outage and sends them afterwards. What it leaves when it
    dies, the next recorder with this folder sends, or `unbroken spool drain`.
    The folder belongs to one user: run this as that user.
    """


@app.command()
def status(folder: FolderArgument, json: JsonOption = False) -> None:
    """List the files in a spool's folder, and what waits in each.

    Looks only: needs no database and changes nothing. A file of a living
    process is sent by that process. Times are UTC, by the recorder's clock.

    \b
    Exit codes: 0 nothing needs you, 1 a dead recorder's events wait, events
    were refused, or a file can't be read, 2 no such folder or wrong usage.

    \b
    Examples:
      unbroken spool status /var/lib/agent/spool
      unbroken spool status /var/lib/agent/spool --json | jq '.spools[].events'
    """
    found = survey(folder)
    if json:
        print_json({"folder": str(folder), "spools": [_as_json(state) for state in found]})
    elif found:
        _print(found)
    else:
        typer.echo("Nothing is kept here.")
    if any(state.fault or state.refused or (_waits(state) and not state.alive) for state in found):
        raise typer.Exit(1)


@app.command()
def drain(
    folder: FolderArgument, json: JsonOption = False, store: StoreOption = DEFAULT_STORE, log: LogOption = None
) -> None:
    """Send what dead recorders left in a folder to their log, in order.

    Afterwards the log has an entry, `log.gap`, for each of them. What a living
    process has is left to it, and other logs' files stay. An event that the
    log refuses for ever is set aside. It may be stopped and run again at any
    moment: nothing is lost and nothing is recorded twice. The login must be
    the one that the dead recorders used.

    \b
    Exit codes: 0 all was sent, 1 events were refused or a file can't be
    read, 2 the log can't be reached or wrong usage.

    \b
    Examples:
      unbroken spool drain /var/lib/agent/spool
      unbroken spool drain /var/lib/agent/spool --log clinic.example/agents \\
        --store postgresql://booking-agent@db.example/audit
    """
    # What the library would log is in the result.
    logging.getLogger("unbroken").addHandler(logging.NullHandler())
    origin = origin_of(store, log)
    found = survey(folder)
    waiting = sum(state.events for state in found if state.log == origin and not state.alive)
    result = _Drained(faults=[state.fault for state in found if state.fault])
    with _delivery(store, origin) as delivery, LateProgress("drain") as progress:
        for spool in orphans(folder, log=origin):
            result.drain(spool, delivery, lambda sent: progress(sent, waiting))
    if json:
        print_json({"log": origin, "sent": result.sent, "refused": result.refused, "faults": result.faults})
    else:
        _print_drained(result, origin, folder)
    if result.refused or result.faults:
        raise typer.Exit(1)


@app.command()
def refused(folder: FolderArgument, json: JsonOption = False) -> None:
    """List the events that the log refused, and why.

    They stay in their files, which nothing removes: move a file elsewhere when
    you have seen to what it holds. The entry `log.gap` names them too.

    \b
    Examples:
      unbroken spool refused /var/lib/agent/spool
      unbroken spool refused /var/lib/agent/spool --json
    """
    found = [(state, item) for state in survey(folder) for item in state.refused]
    if json:
        rows = [
            {"id": item.id, "reason": item.reason, "log": state.log, "path": str(state.path)} for state, item in found
        ]
        print_json({"folder": str(folder), "refused": rows})
        return
    table = plain_table("event", "reason", "log", "recorder")
    for state, item in found:
        table.add_row(*cells(item.id, item.reason, state.log, state.path.stem))
    console(piped=ROWS).print(table if found else "Nothing was refused.")


@dataclass
class _Drained:
    sent: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)

    def drain(self, spool: Spool, delivery: Delivery, progress: Callable[[int], None]) -> None:
        """Sends one file's events."""

        def sent(events: int) -> None:
            self.sent += events
            progress(self.sent)

        before = len(spool.refused())
        try:
            while _stretch(spool, delivery, sent):
                pass
        finally:
            self.refused += len(spool.refused()) - before


def _stretch(spool: Spool, delivery: Delivery, sent: Callable[[int], None]) -> bool:
    """Sends for a while; whether there is more to send. Raises when nothing at all went through."""
    waiting = spool.count
    try:
        drain_spool(spool, delivery, deadline=time.monotonic() + PATIENCE_S, progress=sent)
    except UnavailableError:
        if spool.count == waiting:
            raise
        return True
    return False


@contextmanager
def _delivery(store: str, origin: str) -> Iterator[Delivery]:
    """The way into the log, with the login in the connection string or the folder's own writer login.

    Raises at once where the log can't be reached at the beginning.
    """
    with conninfo_of(store, login=wiring.WRITER) as conninfo:
        LogWriter(conninfo, origin).close()
        made = Delivery(lambda wait_s: LogWriter(conninfo, origin, wait_s=wait_s))
        try:
            yield made
        finally:
            made.close()


def _waits(state: SpoolState) -> bool:
    return state.events > 0 or state.window is not None


def _print(found: list[SpoolState]) -> None:
    table = plain_table(
        "recorder", "log", "process", "events", "size", "since (UTC)", "refused", right=("events", "size", "refused")
    )
    for state in found:
        table.add_row(*cells(*_row(state)))
    print_table(table)
    for state in found:
        if state.fault:
            warn(state.fault)
    left = [state for state in found if _waits(state) and not state.alive]
    if left:
        events = sum(state.events for state in left)
        console(stderr=True).print(
            f"{counted(events, 'event')} of dead recorders: unbroken spool drain sends them", style="dim"
        )


def _row(state: SpoolState) -> tuple[str, ...]:
    process = f"lives, pid {state.pid}" if state.alive else "dead"
    if state.fault:
        return state.path.stem, "", process, "?", "", "", "can't be read"
    return (
        state.path.stem,
        state.log or "",
        process,
        f"{state.events:,}",
        amount(state.size_bytes),
        moment(parse_time(state.window.since)) if state.window else "",
        f"{len(state.refused):,}" if state.refused else "",
    )


def _print_drained(result: _Drained, origin: str, folder: Path) -> None:
    typer.echo(printable(f"Sent {counted(result.sent, 'event')} to {origin}."))
    if result.refused:
        typer.echo(f"Refused and set aside: {result.refused:,}; `unbroken spool refused` lists them.")
    for fault in result.faults:
        warn(fault)
    living = sum(_waits(state) for state in survey(folder) if state.alive)
    if living:
        typer.echo(f"Left to living recorders: {counted(living, 'file')}.")


def _as_json(state: SpoolState) -> dict[str, Any]:
    window = state.window
    return {
        "path": str(state.path),
        "log": state.log,
        "alive": state.alive,
        "pid": state.pid if state.alive else None,
        "events": state.events,
        "size_bytes": state.size_bytes,
        "since": None if window is None else as_json_time(parse_time(window.since)),
        "first_ts": None if window is None else window.first_ts,
        "last_ts": None if window is None else window.last_ts,
        "refused": len(state.refused),
        "fault": state.fault,
    }

"""``unbroken import``: transcripts of conversations that went on elsewhere."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from unbroken import wiring
from unbroken.capture.chat import DEFAULT_AGENT
from unbroken.capture.chat_files import Broken
from unbroken.capture.chat_import import Progress as ImportProgress
from unbroken.capture.chat_import import Report, import_chat
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, open_ledger
from unbroken.investigate.printable import printable

SHOWN_PLACES: Final = 20
"""Records left out are listed up to here; --json lists them all."""

app = typer.Typer(help="Import conversations that were recorded elsewhere.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Import conversations that were recorded elsewhere."""


@app.command("chat")
def import_chat_command(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, show_default=False)
    ],
    side_effect: Annotated[
        list[str] | None,
        typer.Option("--side-effect", metavar="TOOL", help="A tool that changes something; repeat for several."),
    ] = None,
    agent: Annotated[str, typer.Option(help="The agent_id that the events get.")] = DEFAULT_AGENT,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Import OpenAI-style chat transcripts: each conversation becomes a session.

    A FILE is a JSON array of conversations, one conversation, or JSON Lines.
    A conversation is an array of messages, or an object with "messages".
    Importing a file again adds nothing. Records that can't be read are
    listed, all others go in, and the exit code is then 1.

      unbroken import chat conversations.json

      unbroken import chat --side-effect book --side-effect pay 2026-*.jsonl
    """
    with open_ledger(store, log) as ledger, _progress_bar() as on_progress:
        report = import_chat(
            ledger,
            files,
            protection=wiring.protection_of(ledger),
            side_effects=side_effect or (),
            agent=agent,
            on_progress=on_progress,
        )
        name = ledger.log
    if json:
        sys.stdout.write(msgspec.json.encode(_as_json(report, name)).decode() + "\n")
    else:
        Console(soft_wrap=True).print(Text("\n").join(map(Text, _lines(report, name))))
    if report.broken or report.conflicts:
        raise typer.Exit(1)


@contextmanager
def _progress_bar() -> Iterator[Callable[[ImportProgress], None]]:
    """A bar on standard error, where that is a terminal; an interrupt says what it leaves behind."""
    errors = Console(stderr=True)
    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[conversations]:,} conversations, {task.fields[events]:,} events"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("import", total=None, conversations=0, events=0)

        def show(state: ImportProgress) -> None:
            bar.update(
                task, completed=state.done, total=state.total, conversations=state.conversations, events=state.events
            )

        try:
            yield show
        except KeyboardInterrupt:
            bar.stop()
            errors.print("Stopped. What was imported until now is in the log; the same command imports the rest.")
            raise


def _lines(report: Report, log: str) -> Iterator[str]:
    counts = f"{_count(report.conversations, 'conversation')}, {_count(report.added, 'event')} added"
    yield printable(f"{counts}, {report.already:,} there already, in {log}")
    yield from _left_out(report.broken, "could not be read and was left out:", "could not be read and were left out:")
    yield from _left_out(report.conflicts, "is in conflict and was left out:", "are in conflict and were left out:")


def _left_out(places: Sequence[Broken], one: str, several: str) -> Iterator[str]:
    if places:
        yield f"{_count(len(places), 'record')} {one if len(places) == 1 else several}"
    for broken in places[:SHOWN_PLACES]:
        yield printable(f"  {broken.place}: {broken.reason}")
    if len(places) > SHOWN_PLACES:
        yield f"  … and {len(places) - SHOWN_PLACES:,} more, which --json lists"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _as_json(report: Report, log: str) -> dict[str, object]:
    return {
        "log": log,
        "conversations": report.conversations,
        "events_added": report.added,
        "events_already_there": report.already,
        "broken": [_place_as_json(broken) for broken in report.broken],
        "conflicts": [_place_as_json(broken) for broken in report.conflicts],
    }


def _place_as_json(broken: Broken) -> dict[str, object]:
    place = broken.place
    return {"file": printable(place.file), "line": place.line, "item": place.item, "reason": broken.reason}

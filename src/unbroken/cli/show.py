"""``unbroken show``: one session as a person reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from unbroken.cli.access import reading_payloads
from unbroken.cli.printing import console, counted, print_json
from unbroken.cli.report_view import finding_as_json, finding_in_words
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, open_reader
from unbroken.cli.timeline_view import TimelineView
from unbroken.core.entry import Head, StoredEntry
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.investigate.timeline import Timeline, TimelineItem, timeline_of
from unbroken.store.log_reader import LogReader
from unbroken.verify.examine import Broken, examine
from unbroken.verify.finding import Finding, Report
from unbroken.verify.run import verify_session

NAMED: Final = 5
"""Sessions that are named where the beginning of an id fits several."""


def show(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="A session's id, or an unambiguous beginning.")],
    full: Annotated[bool, typer.Option("--full", help="Show long texts and prompts in full.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show one session as a timeline, verified.

    Each entry is verified before it is shown, and what is wrong with it
    stands beside it. The exit code is 0 if nothing is wrong, 1 if there are
    findings, 4 if something can't be read. Times are UTC.

    \b
    Examples:
      unbroken show call-2042
      unbroken show call --full | less -R
      unbroken show call-2042 --json
    """
    with open_reader(store, log) as reader, reading_payloads("show"):
        entries = _entries_of(reader, session)
        name = reader.log
    report = verify_session(_Read(name, entries), session)
    timeline = timeline_of(entries, findings=_marks(entries, report), full=full or json)
    if json:
        print_json(_as_json(timeline, report))
    else:
        out = console()
        out.print(TimelineView(timeline))
        _print_verdict(out, report)
    raise typer.Exit(0 if report.verdict == "consistent" else report.exit_code)


@dataclass
class _Read:
    """Entries as a source, so that exactly those are verified that are shown."""

    log: str
    read: list[StoredEntry]

    def head(self) -> Head:
        """The last of them."""
        return Head(self.read[-1].seq, self.read[-1].hash.hex())

    def entries(self, *, after: int = 0, upto: int = 0, session: str | None = None) -> Iterator[list[StoredEntry]]:  # noqa: ARG002
        """All of them."""
        yield self.read


def _entries_of(reader: LogReader, session: str) -> list[StoredEntry]:
    """The entries of the one session that ``session`` is, or is the beginning of."""
    entries = _read(reader, session)
    if entries:
        return entries
    fitting = reader.sessions_beginning(session, limit=NAMED + 1)
    if len(fitting) == 1:
        return _read(reader, fitting[0])
    if fitting:
        named = printable(", ".join(fitting[:NAMED]) + (", …" if len(fitting) > NAMED else ""))
        raise ConfigurationError(f"several sessions begin with {session!r}: {named}")
    raise ConfigurationError(f"there is no session {session!r} in {reader.log}: `unbroken sessions` lists them")


def _read(reader: LogReader, session: str) -> list[StoredEntry]:
    return [entry for lot in reader.entries(session=session) for entry in lot]


def _marks(entries: list[StoredEntry], report: Report) -> dict[int, list[str]]:
    """What is wrong with each entry, by its number: with it alone, and with its place in the session."""
    marks: dict[int, list[str]] = {}
    for entry in entries:
        step = examine(entry)
        faults = (step.fault,) if isinstance(step, Broken) else step.faults
        found = [
            Finding(fault.kind, entry.seq, fault.expected, fault.found, entry.log, part=fault.part) for fault in faults
        ]
        marks.setdefault(entry.seq, []).extend(map(finding_in_words, found))
    for finding in report.findings:
        words = finding_in_words(finding)
        if words not in marks.setdefault(finding.seq, []) and finding.kind in _OF_PLACE:
            marks[finding.seq].append(words)
    return marks


_OF_PLACE: Final = ("session_gap", "duplicate", "reordered", "forked")


def _print_verdict(out: Console, report: Report) -> None:
    out.print()
    if report.verdict == "consistent":
        words = Text(f"verified: {counted(report.entries, 'entry')} unaltered, numbered without a gap", "green")
    else:
        words = Text(f"{counted(report.findings_total, 'finding')}: this is not what was recorded", "bold red")
    out.print(words, soft_wrap=True)


def _as_json(timeline: Timeline, report: Report) -> dict[str, Any]:
    return {
        "verdict": report.verdict,
        "findings": [finding_as_json(finding) for finding in report.findings],
        "summary": msgspec.to_builtins(timeline.summary),
        "items": [_item_as_json(item) for item in timeline.items],
    }


def _item_as_json(item: TimelineItem) -> dict[str, Any]:
    offset = None if item.offset is None else item.offset.total_seconds()
    return {**msgspec.to_builtins(item), "offset": offset}

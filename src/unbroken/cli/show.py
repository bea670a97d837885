"""``unbroken show``: one session as a person reads it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from unbroken.cli.masked import masked
from unbroken.cli.people import KeyOption, NamesOption, keys_for_names, people_of, texts_of
from unbroken.cli.printing import console, counted, print_json
from unbroken.cli.reading import CaseOption, PurposeOption, Reading, open_read
from unbroken.cli.report_view import finding_as_json, finding_in_words
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.cli.timeline_view import TimelineView
from unbroken.core.entry import Head, StoredEntry
from unbroken.core.keyed import LogKey
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.investigate.short_forms import ShortForms
from unbroken.investigate.timeline import Timeline, TimelineItem, timeline_of
from unbroken.verify.erased import Erased, erased_in, faults_of, payload_of
from unbroken.verify.examine import Intact, examine
from unbroken.verify.finding import Finding, Report
from unbroken.verify.run import verify_session

LONGEST_ID: Final = 1024
"""Bytes of the longest id of a session that the log takes."""
NAMED: Final = 5
"""Sessions that are named where the beginning of an id fits several."""


def show(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="A session's id, or an unambiguous beginning.")],
    full: Annotated[bool, typer.Option("--full", help="Show long texts and prompts in full.")] = False,
    names: NamesOption = False,
    key: KeyOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show one session as a timeline, verified.

    Each entry is verified before it is shown, and what is wrong with it
    stands beside it. The exit code is 0 if nothing is wrong, 1 if there are
    findings, 4 if something can't be read. Content that was destroyed, as an
    entry of the log tells, stands as [erased] or [disposed of] and is no
    finding; --full names the disposal. Times are UTC.

    What was masked stands as [e-mail 5d0c4f], people as p-3f9a2c1b: the
    same value or person the same throughout. --full and --json show these
    in full, with how each event is classified.

    On a server this takes a login with the duty compliance, legal or dpo.
    It is recorded as a read of this one session; with the beginning of an
    id as two, as finding the session opens the whole log.

    \b
    Examples:
      unbroken show call-2042
      unbroken show call --full | less -R
      unbroken show call-2042 --json
      unbroken show call-2042 --names --purpose "complaint 31"
    """
    session = masked(store, session)  # as it was on its way into the log
    keys = keys_for_names(store, key, wanted=names)
    read = _read(store, log, session, purpose=purpose, case=case, keys=keys)
    entries, known = read.entries, read.names
    source = _Read(read.log, entries, read.erasing)
    report = verify_session(source, session)
    erased = erased_in(map(examine, entries), source)
    forms = ShortForms(full=full or json, names=None if json else known)
    timeline = timeline_of(
        entries,
        findings=_marks(entries, report, erased),
        full=full or json,
        forms=forms,
        gone={seq: gone for seq, each in erased.items() if (gone := payload_of(each)) is not None},
    )
    if json:
        print_json(_as_json(timeline, report) | ({"names": known} if names else {}))
    else:
        out = console()
        out.print(TimelineView(timeline))
        _print_verdict(out, report)
    raise typer.Exit(0 if report.verdict == "consistent" else report.exit_code)


@dataclass
class _Read:
    """Entries as a source, so that exactly those are verified that are shown; with those that tell what is gone."""

    log: str
    read: list[StoredEntry]
    erasing: list[StoredEntry]

    def head(self) -> Head:
        """The last of them."""
        return Head(self.read[-1].seq, self.read[-1].hash.hex())

    def entries(self, *, after: int = 0, upto: int = 0, session: str | None = None) -> Iterator[list[StoredEntry]]:  # noqa: ARG002
        """Those with ``after < seq <= upto``."""
        some = [entry for entry in self.read if after < entry.seq <= upto]
        yield from [some] if some else []

    def erasures(self) -> Iterator[list[StoredEntry]]:
        """The entries that tell of erasures and disposals."""
        yield self.erasing


@dataclass(frozen=True)
class _Found:
    """A session's entries, its log's name, and the names of people in it where they were asked for.

    ``erasing`` are the entries that tell of erasures and disposals, read where the session lacks something.
    """

    log: str
    entries: list[StoredEntry]
    names: Mapping[str, str]
    erasing: list[StoredEntry]


def _read(
    store: str, log: str | None, session: str, *, purpose: str | None, case: str | None, keys: Sequence[LogKey]
) -> _Found:
    """The one session that ``session`` is, or is the beginning of; with ``keys`` the people in it are looked up.

    A read that opens one session says so; to find which ones begin so takes one that opens the log.
    """
    if not 1 <= len(session.encode("utf-8", "surrogateescape")) <= LONGEST_ID:
        raise typer.BadParameter(f"a session's id has 1 to {LONGEST_ID} bytes", param_hint="SESSION")
    scope = {"what": "show", "session": session}
    with open_read(store, log, scope=scope, purpose=purpose, case=case) as reading:
        found = _found(reading, session, keys)
    if found.entries:
        return found
    what = f"show: sessions that begin with {session}".encode("utf-8", "replace")[:LONGEST_ID]
    scope = {"what": what.decode("utf-8", "ignore")}
    with open_read(store, log, scope=scope, purpose=purpose, case=case) as reading:
        only = _only(reading.reader.sessions_beginning(session, limit=NAMED + 1), session, found.log)
        return _found(reading, only, keys)


def _found(reading: Reading, session: str, keys: Sequence[LogKey]) -> _Found:
    entries = [entry for lot in reading.reader.entries(session=session) for entry in lot]
    names: Mapping[str, str] = {}
    if keys:
        people = people_of(reading, keys)
        people.look_up_in(texts_of(entries))
        names = people.names
    for entry in entries:
        reading.shown(entry)
    lacks = any(isinstance(step, Intact) and step.absences for step in map(examine, entries))
    erasing = [entry for lot in reading.reader.erasures() for entry in lot] if lacks else []
    return _Found(reading.reader.log, entries, names, erasing)


def _only(fitting: list[str], session: str, log: str) -> str:
    """The one session that ``session`` is the beginning of."""
    if len(fitting) > 1:
        named = printable(", ".join(fitting[:NAMED]) + (", …" if len(fitting) > NAMED else ""))
        raise ConfigurationError(f"several sessions begin with {session!r}: {named}")
    if not fitting:
        raise ConfigurationError(f"there is no session {session!r} in {log}: `unbroken sessions` lists them")
    return fitting[0]


def _marks(entries: list[StoredEntry], report: Report, erased: Mapping[int, Erased]) -> dict[int, list[str]]:
    """What is wrong with each entry, by its number: with it alone, and with its place in the session."""
    marks: dict[int, list[str]] = {}
    for entry in entries:
        faults = faults_of(examine(entry), erased.get(entry.seq, {}))
        found = [
            Finding(fault.kind, entry.seq, fault.expected, fault.found, entry.log, part=fault.part) for fault in faults
        ]
        marks.setdefault(entry.seq, []).extend(map(finding_in_words, found))
    for finding in report.findings:
        words = finding_in_words(finding)
        if words not in marks.setdefault(finding.seq, []) and finding.kind in _OF_PLACE:
            marks[finding.seq].append(words)
    return marks


_OF_PLACE: Final = ("session_gap", "duplicate", "reordered", "forked", "not_erased", "held_destroyed")


def _print_verdict(out: Console, report: Report) -> None:
    out.print()
    if report.verdict == "consistent":
        disposed = report.accounted.disposed
        ways = ("erased", report.accounted.payloads - disposed), ("disposed of", disposed)
        gone = [f"; the content of {counted(number, 'entry')} was {how}, on record" for how, number in ways if number]
        numbered = f"verified: {counted(report.entries, 'entry')} unaltered, numbered without a gap{''.join(gone)}"
        words = Text(numbered, "green")
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

"""``unbroken tail``: what is being recorded, while it is."""

import errno
import select
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import Annotated, Final, TypeAlias

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from unbroken.cli.people import KeyOption, NamesOption, keys_for_names, people_of, texts_of
from unbroken.cli.placeholders import mark_placeholders
from unbroken.cli.printing import ROWS, console, print_json, warn
from unbroken.cli.reading import LONGEST, CaseOption, PurposeOption, Reading, open_read
from unbroken.cli.report_view import finding_in_words
from unbroken.cli.target import DEFAULT_STORE, LogOption, StoreOption
from unbroken.core.entry import Head, StoredEntry
from unbroken.core.event import Event, decode_event
from unbroken.investigate.destroyed import IN_PLACE
from unbroken.investigate.export_form import export_form
from unbroken.investigate.masked import counts_of, in_words
from unbroken.investigate.own_entries import told_by_the_log
from unbroken.investigate.printable import printable
from unbroken.investigate.short_forms import ShortForms
from unbroken.privacy.people import People
from unbroken.verify.accounting import Accounting
from unbroken.verify.chain import START, Chain
from unbroken.verify.declaration import Declaration
from unbroken.verify.erased import Erased, erased_in, payload_of
from unbroken.verify.examine import Broken, Intact, examine
from unbroken.verify.finding import Finding, FindingList

_AT_ONCE: Final = 50
"""Entries whose people are looked up together."""
POLL_S: Final = 0.3
"""How long an entry may wait to be seen."""
_SESSION_SHOWN: Final = 12
_STDOUT: Final = 1

Shown: TypeAlias = tuple[StoredEntry, list[Finding], Declaration | None]
"""An entry, what is wrong with it or between it and the one before, and what declares its content gone."""


def tail(
    number: Annotated[int, typer.Option("--number", "-n", min=0, metavar="N", help="Entries to begin with.")] = 10,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Wait for new entries.")] = True,
    names: NamesOption = False,
    key: KeyOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print entries in the export form, one on each line.")] = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show the newest entries, and new ones as they come.

    Each entry is verified by itself and against the one before; what is
    wrong with it is printed beneath it. [erased] and [disposed of] mark content
    that an entry of the log declares gone. Times are UTC, by the database's
    clock. What --json --no-follow prints, `unbroken verify --file` reads.

    On a server this takes a login with the duty compliance, legal or dpo.
    The whole of it is one read: recorded, never shown, over after twelve
    hours. Ctrl-C or a polite kill is how one that follows ends, so it is
    recorded as complete then; as interrupted where the output is closed
    (`| head`) or the time is up.

    \b
    Examples:
      unbroken tail
      unbroken tail -n 50 --no-follow --names
      unbroken tail --json -n 0 | jq -c '.line | fromjson | .event.tool'
    """
    if names and json:
        raise typer.BadParameter("--json prints entries as they are verified, and so without --names")
    keys = keys_for_names(store, key, wanted=names)
    scope = {"what": "tail" if follow else "tail --no-follow", "limit": str(number)}
    lasting = LONGEST if follow else timedelta(minutes=15)
    with open_read(store, log, scope=scope, purpose=purpose, case=case, lasting=lasting) as reading:
        people = people_of(reading, keys) if names else None
        watch = _Watch(reading, number=number, own=[] if people is None else people.lookups)
        printed = _JsonLines() if json else _TextLines(console(piped=ROWS), people)
        if not follow:
            _print(watch.before(), printed, reading)
            return
        with _asked_to_end():
            while True:
                _print(watch.news(), printed, reading)
                _wait_for_more()


def _print(found: Iterator[Shown], printed: "_JsonLines | _TextLines", reading: Reading) -> None:
    while some := list(islice(found, _AT_ONCE)):
        printed.prepare(entry for entry, *_ in some)
        for entry, findings, gone in some:
            # Counted first: one who ends it in between has perhaps seen it.
            reading.shown(entry)
            printed.entry(entry, findings, gone)


@contextmanager
def _asked_to_end() -> Iterator[None]:
    """Following ends when somebody says so, and all that there was until then has been shown."""
    try:
        yield
    except KeyboardInterrupt:
        return
    except SystemExit as end:
        if end.code != 128 + signal.SIGTERM:
            raise
        raise typer.Exit(end.code) from None


def _wait_for_more() -> None:
    """Waits a little, as long as anybody reads what is printed."""
    output = select.poll()
    output.register(_STDOUT, 0)
    if output.poll(POLL_S * 1000):
        raise BrokenPipeError(errno.EPIPE, "nobody reads the output any more")


class _Watch:
    """Gives each new entry once, with what is wrong with it or between it and the one before.

    But for those that tell of this read: its own, and of look-ups those with the ids ``own``, which may grow.
    """

    def __init__(self, reading: Reading, *, number: int, own: Sequence[str]) -> None:
        self._reader = reading.reader
        self._own = reading.ticket.seq
        self._lookups = own
        self._after = max(self._own - 1 - number, 0)
        self._chain: Chain | None = None

    def before(self) -> Iterator[Shown]:
        """The entries that were there before this read."""
        return self._given(self._reader.entries(after=self._after, upto=self._own - 1))

    def news(self) -> Iterator[Shown]:
        """The entries that are there and were not given yet."""
        return self._given(self._reader.entries(after=self._after))

    def _given(self, lots: Iterator[list[StoredEntry]]) -> Iterator[Shown]:
        for lot in lots:
            steps = [examine(entry) for entry in lot]
            erased = erased_in(steps, self._reader)
            for entry, step in zip(lot, steps, strict=True):
                self._after = entry.seq
                gone = erased.get(entry.seq, {})
                findings = self._findings(entry, step, gone)
                if entry.seq != self._own and not _is_one_of(entry, self._lookups):
                    yield entry, findings, payload_of(gone)

    def _findings(self, entry: StoredEntry, step: Intact | Broken, erased: Erased) -> list[Finding]:
        chain = self._chain or self._start(entry)
        chain.follow([step])
        chain.finish()
        if isinstance(step, Intact):
            for fault in step.absences:
                if fault.part not in erased:
                    chain.find("missing", step.seq, expected=fault.expected, found=fault.found, part=fault.part)
        found = list(chain.findings.kept)
        # What came before is not needed for the next one, and this may go on for hours.
        chain.findings, chain.accounting = FindingList(), Accounting()
        chain.told.clear()
        chain.gaps.clear()
        return found

    def _start(self, entry: StoredEntry) -> Chain:
        """A chain that takes from the first entry what came before it."""
        before = START if entry.seq == 1 else Head(entry.seq - 1, entry.prev_hash.hex())
        self._chain = Chain(log=self._reader.log, start=before)
        return self._chain


class _JsonLines:
    """Entries in the export form; findings on standard error, where they disturb nobody who reads it."""

    def prepare(self, entries: Iterable[StoredEntry]) -> None:
        """Nothing is known of them but what they say."""

    def entry(self, entry: StoredEntry, findings: list[Finding], _gone: Declaration | None) -> None:
        print_json(export_form(entry))
        sys.stdout.flush()
        for finding in findings:
            warn(f"finding at entry {finding.seq}: {finding_in_words(finding)}")


class _TextLines:
    """One line for each entry, cut at the terminal's width, and one for each finding."""

    def __init__(self, out: Console, people: People | None) -> None:
        self._out = out
        self._people = people
        self._forms = ShortForms(names=None if people is None else people.names)

    def prepare(self, entries: Iterable[StoredEntry]) -> None:
        """Looks up who is in entries that are shown next."""
        if self._people is not None:
            self._people.look_up_in(texts_of(entries))

    def entry(self, entry: StoredEntry, findings: list[Finding], gone: Declaration | None) -> None:
        self._out.print(_line(entry, self._forms, gone), no_wrap=True, overflow="ellipsis")
        for finding in findings:
            self._out.print(Text(f"{'FINDING':>16}  {_placed(finding, entry)}", "bold red"))


def _is_one_of(entry: StoredEntry, lookups: Sequence[str]) -> bool:
    """Whether an entry tells of one of these look-ups."""
    event = _event(entry) if lookups else None
    return event is not None and event.id in lookups and event.recorder is None


def _placed(finding: Finding, entry: StoredEntry) -> str:
    place = "" if finding.seq == entry.seq else f"at entry {finding.seq}: "
    return place + finding_in_words(finding)


def _line(entry: StoredEntry, forms: ShortForms, gone: Declaration | None) -> Text:
    read = _event(entry)
    event = None if read is None else forms.event(read)
    when = printable(entry.recorded_at[:19].replace("T", " "))
    start = Text.assemble((f"{entry.seq:>7}", "dim"), f"  {when}  ")
    if event is None:
        return start.append("an event that this version can't read", "bold red")
    style = "bold red" if event.event_type == "error" or event.status == "error" else "bold"
    start.append(f"{printable(event.event_type):<20}", style)
    start.append(f"  {printable(_who(event))}")
    if event.tool:
        start.append(f"  {printable(event.tool)}", "yellow")
    if event.side_effect and event.event_type == "tool_call":
        start.append("  SIDE EFFECT", "bold black on yellow")
    if gone is not None:
        start.append(f"  {IN_PLACE[gone.work]} with entry {gone.seq:,}", "dim italic")
    if words := told_by_the_log(entry, event):
        start.append(f"  {forms.name(words, scanned=False)}")
    if masked := counts_of(event):
        start.append(f"  masked: {printable(in_words(masked))}", "dim italic")
    if event.session_id:
        start.append(f"  {_short(printable(event.session_id))}", "dim")
    return mark_placeholders(start)


def _who(event: Event) -> str:
    agent = event.agent_name or event.agent_id
    return event.actor_id if agent is None or agent == event.actor_id else f"{event.actor_id} > {agent}"


def _short(session: str) -> str:
    return session if len(session) <= _SESSION_SHOWN else session[: _SESSION_SHOWN - 1] + "…"


def _event(entry: StoredEntry) -> Event | None:
    try:
        return decode_event(entry.event)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None

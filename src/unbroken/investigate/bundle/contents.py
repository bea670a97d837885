"""What goes into a bundle of the log itself: entries, read and verified one by one, as JSON Lines and as CSV."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import IO, Final, Protocol, Self, TypeAlias

from unbroken.core.canonical import canonical
from unbroken.core.commitment import PARTS
from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event, decode_event
from unbroken.investigate.bundle.table import Table
from unbroken.investigate.export_form import export_form
from unbroken.verify.accounting import Accounting, bits_of, parts_of
from unbroken.verify.bundle.manifest import File
from unbroken.verify.bundle.selection import Selection
from unbroken.verify.declaration import Declaration, runs_in
from unbroken.verify.erased import declarations_in
from unbroken.verify.examine import Broken, Intact, examine
from unbroken.verify.finding import Finding, FindingList, Kind
from unbroken.verify.numbers import Run, both, merged

AT_ONCE: Final = 100
"""Entries that are asked for by their numbers at a time, as each may hold megabytes."""
LONG: Final = 200
"""Entries of a run from which on it is read as one."""

Shown: TypeAlias = Callable[[StoredEntry], object]
"""Is told each entry that is selected, in order."""
Progress: TypeAlias = Callable[[int, int], None]


class Source(Protocol):
    """A log that gives entries by number, and those that tell what is gone."""

    log: str

    def entries(self, *, after: int = ..., upto: int = ...) -> Iterator[list[StoredEntry]]:
        """The entries with ``after < seq <= upto`` in order, some at a time."""

    def entries_at(self, seqs: Sequence[int]) -> list[StoredEntry]:
        """The entries of these numbers, in order; fewer where some are not there."""

    def erasures(self) -> Iterator[list[StoredEntry]]:
        """All entries ``log.erased`` and ``log.disposed``, in order, some at a time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which entries a bundle holds: those selected, and what is left out of their payloads.

    With ``with_range`` it holds the lines of everything between the first and the last of them as well.
    """

    selection: Selection
    selected: Sequence[Run]
    withheld: frozenset[str] = frozenset()
    with_range: bool = False

    @property
    def range(self) -> Run:
        """The first and the last selected entry."""
        return self.selected[0][0], self.selected[-1][1]


@dataclass(slots=True)
class Contents:
    """What was written: the files, the numbers of the entries in them, and what was found wrong on the way."""

    files: dict[str, File] = field(default_factory=dict)
    seqs: list[int] = field(default_factory=list)
    withheld: Counter[str] = field(default_factory=Counter)
    findings: FindingList = field(default_factory=FindingList)


def written(folder: Path, plan: Plan, source: Source, *, shown: Shown, progress: Progress) -> Contents:
    """Writes ``entries.jsonl`` and ``entries.csv`` into ``folder``.

    Where anything is wrong with an entry, or with which ones the database gave, that is in the findings, and what was
    written is not to be handed out.
    """
    # What a later incarnation tells of this one can't go into a bundle of this one.
    own = [declaration for declaration in declarations_in(source) if not declaration.about]
    writer = _Writer(plan, source.log, own)
    wanted = writer.wanted()
    total = sum(last - first + 1 for first, last in wanted)
    with ExitStack() as stack:
        lines = stack.enter_context(_Counted.new(folder / "entries.jsonl"))
        table = stack.enter_context(_Counted.new(folder / "entries.csv"))
        writer.open(lines, table)
        for done, entry in enumerate(_read(source, wanted, writer.lack), start=1):
            if writer.write(entry):
                shown(entry)
            progress(done, total)
    writer.settle()
    writer.contents.files = {"entries.jsonl": lines.file, "entries.csv": table.file}
    return writer.contents


class _Counted:
    """A file that is written from beginning to end, with its size and digest. Its owner alone may read it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = sha256()
        self._bytes = 0

    @classmethod
    def new(cls, path: Path) -> "_Counted":
        return cls(path.open("xb"))

    def write(self, content: bytes) -> None:
        self._file.write(content)
        self._digest.update(content)
        self._bytes += len(content)

    @property
    def file(self) -> File:
        return File(self._bytes, self._digest.hexdigest())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class _Explaining:
    """An entry that explains why payloads of selected ones are absent."""

    declaration: Declaration
    gone: list[Run]

    def names(self, seq: int) -> bool:
        at = bisect_right(self.gone, seq, key=lambda run: run[0]) - 1
        return at >= 0 and seq <= self.gone[at][1]


class _Writer:
    """Takes entries in order, verifies each, and writes what the plan has of it."""

    def __init__(self, plan: Plan, log: str, declarations: Sequence[Declaration]) -> None:
        self._plan = plan
        self._log = log
        self._firsts = [first for first, _ in plan.selected]
        self._accounting = Accounting()
        self._explaining: dict[int, _Explaining] = {}
        for declaration in declarations:
            self._accounting.hear(declaration)
            gone = [(first, min(last, declaration.seq - 1)) for first, last in runs_in(declaration.payloads)]
            if any(both(plan.selected, (run for run in gone if run[0] <= run[1]))):
                self._explaining[declaration.seq] = _Explaining(declaration, gone)
        self.contents = Contents()

    def wanted(self) -> list[Run]:
        """The numbers of all entries that go in."""
        runs = [self._plan.range] if self._plan.with_range else self._plan.selected
        return list(merged(runs, [(seq, seq) for seq in sorted(self._explaining)]))

    def open(self, lines: _Counted, table: _Counted) -> None:
        self._lines = lines
        self._table = Table(table.write)

    def write(self, entry: StoredEntry) -> bool:
        """Writes an entry; whether it is one of those selected."""
        self.contents.seqs.append(entry.seq)
        step = examine(entry)
        if isinstance(step, Broken):
            self._find(step.fault.kind, entry.seq, expected=step.fault.expected, found=step.fault.found)
            return False
        self._look_at(step)
        event = decode_event(entry.event)
        selected = self._is_selected(entry.seq)
        self._require_match(entry, event, selected=selected)
        withheld = self._withheld(entry.seq, selected=selected)
        form = export_form(entry, withheld=withheld)
        self.contents.withheld.update(form.get("withheld", ()))
        self._lines.write(canonical(form) + b"\n")
        self._table.write(entry, event, withheld=withheld, selected=selected, gone=self._gone(entry, step))
        return selected

    def lack(self, seq: int) -> None:
        """Notes that the database did not give an entry that is to go in."""
        self._find(
            "missing", seq, expected="an entry, as the log's numbers have no gaps", found="none that can be read"
        )

    def settle(self) -> None:
        """Finds what is absent and not declared gone."""
        for bits, (first, last) in self._accounting.unaccounted():
            for part in parts_of(bits):
                found = "nothing, and no entry that tells how it went"
                wanted = f"what entries {first} to {last} commit to" if last > first else "what the entry commits to"
                self.contents.findings.add(Finding("missing", first, wanted, found, self._log, part=part))

    def _look_at(self, step: Intact) -> None:
        for fault in step.faults:
            self._find(fault.kind, step.seq, expected=fault.expected, found=fault.found, part=fault.part)
        if step.absences:
            self._accounting.lack(bits_of(fault.part or "" for fault in step.absences), step.seq, step.seq)

    def _require_match(self, entry: StoredEntry, event: Event, *, selected: bool) -> None:
        """The database only says which entries are meant; the lines say whether they are."""
        selection = self._plan.selection
        if selection.can_be_rerun and selection.matches(entry.seq, entry.recorded_at, event) != selected:
            found = "one that was not" if selected else "an entry that the database left out of its answer"
            self._find("column_disagrees", entry.seq, expected="what was asked for", found=found)

    def _withheld(self, seq: int, *, selected: bool) -> frozenset[str]:
        if seq in self._explaining:
            return frozenset()
        return self._plan.withheld if selected else frozenset(PARTS)

    def _gone(self, entry: StoredEntry, step: Intact) -> Declaration | None:
        """What declares this one's payload gone: an erasure if any does, else a disposal."""
        if entry.parts or not any(fault.part in PARTS for fault in step.absences):
            return None
        telling = [each.declaration for each in self._explaining.values() if each.names(entry.seq)]
        return next((each for each in telling if each.work == "erasure"), next(iter(telling), None))

    def _is_selected(self, seq: int) -> bool:
        at = bisect_right(self._firsts, seq) - 1
        return at >= 0 and seq <= self._plan.selected[at][1]

    def _find(self, kind: Kind, seq: int, *, expected: str, found: str, part: str | None = None) -> None:
        self.contents.findings.add(Finding(kind, seq, expected, found, self._log, part=part))


def _read(source: Source, wanted: Sequence[Run], lack: Callable[[int], None]) -> Iterator[StoredEntry]:
    """The entries of these numbers, in order; what is not there is told to ``lack``."""
    due = (seq for first, last in wanted for seq in range(first, last + 1))
    for entry in _given(source, wanted):
        for seq in due:
            if seq >= entry.seq:
                break
            lack(seq)
        yield entry
    for seq in due:
        lack(seq)


def _given(source: Source, wanted: Sequence[Run]) -> Iterator[StoredEntry]:
    waiting: list[int] = []
    flush = partial(_at, source, waiting)
    for first, last in wanted:
        if last - first + 1 >= LONG:
            yield from flush()
            yield from (entry for lot in source.entries(after=first - 1, upto=last) for entry in lot)
        else:
            waiting += range(first, last + 1)
            if len(waiting) >= AT_ONCE:
                yield from flush()
    yield from flush()


def _at(source: Source, waiting: list[int]) -> Iterator[StoredEntry]:
    seqs, waiting[:] = list(waiting), []
    for start in range(0, len(seqs), AT_ONCE):
        yield from source.entries_at(seqs[start : start + AT_ONCE])

"""The entries of a bundle: each by itself, in order, and each there for a reason that the manifest gives."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event, decode_event
from unbroken.verify.against_holds import kept_as_lacking, lacking_of
from unbroken.verify.bundle.manifest import Manifest
from unbroken.verify.bundle.selection import Selection
from unbroken.verify.chain import Chain
from unbroken.verify.declaration import WORKS
from unbroken.verify.examine import Broken
from unbroken.verify.export import read_exported
from unbroken.verify.finding import Accounted, BundleKind, Finding, Kind
from unbroken.verify.numbers import Run, both
from unbroken.verify.settle import look_at_told, settle

_FOR_EVER = 2**63 - 1


@dataclass(slots=True)
class Entries:
    """What is gathered while entries are followed: their hashes by number, and what the manifest counts."""

    manifest: Manifest
    chain: Chain = field(init=False)
    accounted: Accounted = field(default_factory=Accounted)
    leaves: dict[int, bytes] = field(default_factory=dict)
    withheld: Counter[str] = field(default_factory=Counter)
    is_broken: bool = False
    _selection: Selection = field(init=False)
    _firsts: list[int] = field(init=False)
    _numbered: dict[int, tuple[int, str | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chain = Chain(log=self.manifest.log, partial=True, unique_ids=False, lacking=kept_as_lacking())
        self._selection = self.manifest.chosen
        self._firsts = [first for first, _ in self.manifest.selected]

    def follow(self, lines: Iterable[str]) -> None:
        """Takes all lines of ``entries.jsonl``."""
        for line in lines:
            exported = read_exported(line)
            self.chain.follow([exported.step])
            self.withheld.update(exported.withheld)
            if isinstance(exported.step, Broken) or exported.entry is None:
                self.is_broken = True
            elif exported.entry.seq not in self.leaves:
                self._place(exported.entry)
        self.chain.finish()
        if not self.is_broken:
            self._require_all()
            self._require_whole_session()
        self.accounted = settle(
            self.chain, look_at_told(self.chain), shown=("payload",), lacking=lacking_of(self.chain)
        )

    def is_selected(self, seq: int) -> bool:
        """Whether the manifest says that this entry is one of those the bundle is about."""
        at = bisect_right(self._firsts, seq) - 1
        return at >= 0 and seq <= self.manifest.selected[at][1]

    def _is_in_range(self, seq: int) -> bool:
        first, last = self.manifest.range
        return self.manifest.with_range and first <= seq <= last

    def _place(self, entry: StoredEntry) -> None:
        self.leaves[entry.seq] = entry.hash
        event = decode_event(entry.event)
        selected = self.is_selected(entry.seq)
        self._require_reason(entry, event, selected=selected)
        matches = self._selection.matches(entry.seq, entry.recorded_at, event)
        if selected and not matches:
            self._find("selection_wrong", entry, event, expected="what was selected", found="another entry")
        elif matches and not selected and self._selection.can_be_rerun and self._is_in_range(entry.seq):
            self._find("selection_wrong", entry, event, expected="it to be selected", found="an entry left out")
        if selected and matches and self._selection.kind == "session":
            self._numbered[entry.seq] = entry.session_seq or 0, event.session_id

    def _require_reason(self, entry: StoredEntry, event: Event, *, selected: bool) -> None:
        if selected or (event.event_type in WORKS and event.recorder is None):
            return
        if not self._is_in_range(entry.seq):
            self._find("manifest_wrong", entry, event, expected="a reason for this entry", found="none")
        elif entry.parts:
            self._find("manifest_wrong", entry, event, expected="only the line, as it was not selected", found="more")

    def _require_whole_session(self) -> None:
        """One session's entries are all there if their numbers begin with 1 and go on without a gap."""
        told = {finding.seq for finding in self.chain.findings.kept if finding.kind == "session_gap"}
        due = 1
        for seq, (number, session) in sorted(self._numbered.items()):
            if number != due and seq not in told:
                self.chain.find(
                    "session_gap", seq, expected=f"session_seq {due}", found=f"session_seq {number}", session=session
                )
            due = number + 1

    def _require_all(self) -> None:
        """That every entry is there that the manifest says is."""
        wanted: list[Run] = [self.manifest.range] if self.manifest.with_range else self.manifest.selected
        absent = [*self.chain.gaps, (self.chain.end + 1, _FOR_EVER)]
        for first, last in both(wanted, absent):
            numbers = f"entry {first}" if first == last else f"entries {first} to {last}"
            self.chain.find("missing", first, expected=f"{numbers}, as the manifest says", found="none")

    def _find(self, kind: Kind | BundleKind, entry: StoredEntry, event: Event, *, expected: str, found: str) -> None:
        self.chain.findings.add(Finding(kind, entry.seq, expected, found, entry.log, session=event.session_id))

"""The entries of a log one after another: order, links, sessions. Follows spec/FORMAT.md, "Order and links"."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from unbroken.core.entry import GENESIS, Head
from unbroken.core.event import decode_event
from unbroken.core.tree.hashing import HASH_BYTES
from unbroken.verify.accounting import Accounting, bits_of
from unbroken.verify.declaration import Declaration
from unbroken.verify.examine import Broken, Fault, Intact
from unbroken.verify.finding import MAX_FINDINGS, Finding, FindingList, Kind
from unbroken.verify.holding import HoldWord, Scope
from unbroken.verify.numbers import Numbers, merged, without
from unbroken.verify.replay.act import Act, without_repetitions
from unbroken.verify.replay.classing import NONE, Classes, classes_in
from unbroken.verify.replay.replay import Replay, Uses
from unbroken.verify.sessions import SessionState, SessionStates
from unbroken.verify.spilled import Spilled
from unbroken.verify.tree import Span, Tree, spans_of

START = Head(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Run:
    """A page of entries that are all intact, faultless and follow one another; what the chain needs of them.

    ``sessions`` holds, per session, its first and last session_seq and seq in the page, numbered without gaps;
    ``absences`` what its entries lack that may be accounted for, as :func:`bits_of`, with the first and the last of
    neighbours alike, and ``covered`` which of them a hold covers, by the place of its scope; ``declarations`` what they
    say of what is gone and of holds; ``spans`` what a tree needs of it, where there is one, and ``acts``, ``uses`` and
    ``classes`` what a replay does.
    """

    log: str
    first_seq: int
    last_seq: int
    first_prev: bytes
    last_hash: bytes
    sessions: dict[str, tuple[int, int, int, int]]
    absences: tuple[tuple[int, int, int], ...] = ()
    covered: tuple[tuple[int, int, int], ...] = ()
    declarations: tuple[Declaration | HoldWord, ...] = ()
    acts: tuple[Act, ...] = ()
    uses: Uses = field(default_factory=dict)
    classes: Classes = NONE
    spans: tuple[Span, ...] = ()


def summarise(
    steps: Sequence[Intact | Broken], cuts: Iterable[int] | None = None, scopes: Sequence[Scope] = ()
) -> Run | None:
    """The page as one :class:`Run`, or ``None`` where it has to be followed entry by entry.

    ``cuts`` are the sizes within it at which a tree wants its root; ``None`` where there is no tree. ``scopes`` are
    those of holds.
    """
    sessions: dict[str, tuple[int, int, int, int]] = {}
    before: Intact | None = None
    erased: list[Intact] = []
    for step in steps:
        if isinstance(step, Broken) or step.faults:
            return None
        if step.absences or step.declares:
            erased.append(step)
        if before is not None and not (
            step.seq == before.seq + 1 and step.prev_hash == before.hash and step.log == before.log
        ):
            return None
        if step.session is not None and step.session_seq is not None:
            known = sessions.get(step.session)
            if known is not None and step.session_seq != known[1] + 1:
                return None
            first_number, first_seq = (step.session_seq, step.seq) if known is None else (known[0], known[2])
            sessions[step.session] = (first_number, step.session_seq, first_seq, step.seq)
        before = step
    first = steps[0] if steps else None
    if before is None or not isinstance(first, Intact):
        return None
    run = Run(before.log, first.seq, before.seq, first.prev_hash, before.hash, sessions)
    run = _with_acts(run, [step for step in steps if isinstance(step, Intact)])
    if cuts is not None:
        leaves = [step.hash for step in steps if isinstance(step, Intact)]
        run = replace(run, spans=spans_of(leaves, start=first.seq - 1, cuts=cuts))
    return _with_erased(run, erased, scopes) if erased else run


def _with_acts(run: Run, steps: Sequence[Intact]) -> Run:
    uses: dict[str, tuple[int, str, str]] = {}
    last: str | None = None
    for step in steps:
        if step.recorder != last:
            last = step.recorder
            if last is not None:
                uses.setdefault(last, (step.seq, step.writer, step.recorded_at))
    acts = without_repetitions([step.tells for step in steps if step.tells is not None])
    classes = classes_in(steps)
    return replace(run, acts=tuple(acts), uses=uses, classes=classes)


def _with_erased(run: Run, erased: Sequence[Intact], scopes: Sequence[Scope]) -> Run:
    absences: list[tuple[int, int, int]] = []
    for step in erased:
        bits = _bits_of(step)
        if absences and absences[-1][::2] == (bits, step.seq - 1):
            absences[-1] = bits, absences[-1][1], step.seq
        elif bits:
            absences.append((bits, step.seq, step.seq))
    declarations = tuple(step.declares for step in erased if step.declares is not None)
    covered = tuple(_covered(erased, scopes)) if scopes else ()
    return replace(run, absences=tuple(absences), covered=covered, declarations=declarations)


def _covered(steps: Iterable[Intact], scopes: Sequence[Scope]) -> Iterator[tuple[int, int, int]]:
    """Which of those that lack something each scope covers, with the first and the last of neighbours."""
    lacking = [(step.seq, decode_event(step.event), step.recorded_at) for step in steps if step.absences]
    for place, scope in enumerate(scopes):
        first = last = 0
        for seq, event, recorded_at in lacking:
            if scope.covers(event, recorded_at):
                if first and seq != last + 1:
                    yield place, first, last
                    first = 0
                first, last = first or seq, seq
        if first:
            yield place, first, last


def _bits_of(step: Intact) -> int:
    return bits_of(fault.part or "" for fault in step.absences)


@dataclass(slots=True)
class Chain:
    """Where in the log a run of verification stands.

    ``top`` is the highest intact entry so far; ``broken`` counts the entries since then that can't be believed, and
    ``links`` are the hashes by which the last of them may be followed. ``absent`` is the number of entries that the
    whole run lacks. A ``sparse`` chain is one session's: it lacks numbers by its nature. A ``partial`` one was chosen
    from a log: what it lacks is no finding either, but may be why the numbers of sessions jump. What entries lack of
    their content goes to ``accounting``; how some of those followed singly put it is kept in ``told``, and of all of
    them, where they can't be read again, the event and its time in ``lacking``. ``covered`` are those of them that
    holds with the ``scopes`` that were known before cover. ``unread`` are
    the numbers of entries of which is not known what is left. Entries are leaves of ``tree``, where one is wanted, for
    as long as none is lacking; of one that can't be believed it takes the hash that the entry states, so that what is
    said of it is held against what was signed. What tables beside the entries have to say goes to ``replay``, where
    they are going to be compared.
    """

    log: str | None = None
    start: Head = START
    heads: tuple[Head, ...] = ()
    sparse: bool = False
    partial: bool = False
    unique_ids: bool = True
    findings: FindingList = field(default_factory=FindingList)
    sessions: SessionStates = field(default_factory=SessionStates)
    entries: int = 0
    absent: int = 0
    broken: int = 0
    links: frozenset[bytes] = frozenset()
    gaps: list[tuple[int, int]] = field(default_factory=list)
    ids: set[bytes] = field(default_factory=set)
    met: set[Head] = field(default_factory=set)
    top: Head = START
    accounting: Accounting = field(default_factory=Accounting)
    told: dict[int, Intact] = field(default_factory=dict)
    unread: Numbers = field(default_factory=Numbers)
    replay: Replay | None = None
    tree: Tree | None = None
    lacking: Spilled[tuple[bytes, str]] | None = None
    scopes: tuple[Scope, ...] = ()
    covered: dict[Scope, Numbers] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.top = self.start
        self.met = {head for head in self.heads if head == self.start}

    @property
    def end(self) -> int:
        """The highest number that is accounted for."""
        return self.top.seq + self.broken

    def follow_run(self, run: Run) -> bool:
        """Takes a whole page where nothing is or was wrong; ``False`` where its entries must be followed singly."""
        if self.findings.total or self.broken or self.sparse or not self.unique_ids or not self._continues(run):
            return False
        known = {session: self.sessions.get(session) for session in run.sessions}
        for session, (first, *_) in run.sessions.items():
            state = known[session]
            if first != (state.last if state else (first - 1 if self.start.seq else 0)) + 1:
                return False
        for session, (_, last, first_seq, last_seq) in run.sessions.items():
            state = known[session]
            self.sessions.put(session, SessionState(last, 0, state.first_seq if state else first_seq, last_seq))
        self.log = run.log
        self.top = Head(run.last_seq, run.last_hash.hex())
        self.met.update(head for head in self.heads if head == self.top)
        self.entries += run.last_seq - run.first_seq + 1
        if self.tree is not None:
            self.tree.take(run.spans)
        self._account_for(run)
        return True

    def _account_for(self, run: Run) -> None:
        for absence in run.absences:
            self.accounting.lack(*absence)
        self._cover(run.covered)
        for declaration in run.declarations:
            self.accounting.hear(declaration)
        if self.replay is not None:
            self.replay.hear(run.acts, run.uses, run.classes)

    def _cover(self, covered: Iterable[tuple[int, int, int]]) -> None:
        for place, first, last in covered:
            self.covered.setdefault(self.scopes[place], Numbers()).add(first, last)

    def _continues(self, run: Run) -> bool:
        """Whether the page follows on what there is, and no head stands in it but one that is its end."""
        if (
            run.first_seq != self.top.seq + 1
            or run.first_prev.hex() != self.top.hash
            or run.log != (self.log or run.log)
        ):
            return False
        within = [head for head in self.heads if run.first_seq <= head.seq <= run.last_seq]
        return all(head == Head(run.last_seq, run.last_hash.hex()) for head in within)

    def follow(self, steps: Iterable[Intact | Broken]) -> None:
        """Takes entries one by one."""
        for step in steps:
            self.entries += 1
            if isinstance(step, Broken):
                self._follow_broken(step)
            else:
                self._follow_intact(step)

    def finish(self) -> None:
        """Reports what never came."""
        for first, last in () if self.sparse or self.partial else self.gaps:
            wanted = f"entry {first}" if first == last else f"entries {first} to {last}"
            self.find("missing", first, expected=wanted, found=f"entry {last + 1}")
        for head in self.heads:
            if head.seq > self.end:
                wanted = f"entries up to the expected head {head.seq}"
                self.find("truncated", self.end + 1, expected=wanted, found=f"the end after {self.end}")

    def find(
        self,
        kind: Kind,
        seq: int,
        *,
        expected: str,
        found: str,
        session: str | None = None,
        part: str | None = None,
    ) -> None:
        """Adds a finding at ``seq``."""
        self.findings.add(Finding(kind, seq, expected, found, self.log or "", session, part))

    def _follow_broken(self, step: Broken) -> None:
        fault = step.fault
        # Where an entry stands in the log is what counts; among one session's alone, only it can say where that is.
        place = step.seq if self.sparse and step.seq is not None else self.end + 1
        self.find(fault.kind, place, expected=fault.expected, found=fault.found, session=step.session)
        if self.tree is not None:
            self._grow_by_claim(self.tree, step)
        self.broken += 1
        self.absent += 1
        self.links = frozenset(step.links)

    def _follow_intact(self, step: Intact) -> None:
        self.log = self.log or step.log
        if step.seq > self.top.seq:
            linked = self._is_linked(step)
            if self.tree is not None:
                self._grow(self.tree, step)
            self._advance(step)
            self._check_belonging(step, linked=linked)
            self._check_id(step)
            self._check_session(step)
        elif self._fill(step.seq):
            found = f"after entry {self.top.seq}"
            self.find("reordered", step.seq, expected="entries in the order of seq", found=found, session=step.session)
            self._check_belonging(step, linked=True)
            self._check_id(step)
        else:
            self.find("duplicate", step.seq, expected="each seq once", found="the seq again", session=step.session)
            return
        for fault in step.faults:
            self._add_fault(fault, step)
        if step.absences:
            self._lack(step)
        if step.declares:
            self.accounting.hear(step.declares)
        if step.unseen:
            self.unread.add(step.seq, step.seq)
        if self.replay is not None:
            self._replay(self.replay, step)

    def _lack(self, step: Intact) -> None:
        self.accounting.lack(_bits_of(step), step.seq, step.seq)
        self._cover(_covered([step], self.scopes) if self.scopes else ())
        if self.lacking is not None:
            self.lacking.put(str(step.seq), (step.event, step.recorded_at))
        if len(self.told) < MAX_FINDINGS:
            self.told[step.seq] = step

    def _replay(self, replay: Replay, step: Intact) -> None:
        if any(fault.part == "details" for fault in step.faults):
            replay.unheard.add(step.seq)
        uses = {} if step.recorder is None else {step.recorder: (step.seq, step.writer, step.recorded_at)}
        classes = classes_in([step])
        replay.hear(() if step.tells is None else (step.tells,), uses, classes)

    def intact(self) -> Iterator[tuple[int, int]]:
        """The numbers that intact entries have, as runs; without those of which is not known what is left."""
        return without([(self.start.seq + 1, self.top.seq)], merged(self.gaps, self.unread))

    def _add_fault(self, fault: Fault, step: Intact) -> None:
        self.findings.add(
            Finding(fault.kind, step.seq, fault.expected, fault.found, step.log, step.session, fault.part)
        )

    def _is_linked(self, step: Intact) -> bool:
        distance = step.seq - self.top.seq
        if distance == 1:
            return step.prev_hash.hex() == self.top.hash
        if distance == self.broken + 1 and self.links:
            return step.prev_hash in self.links
        return True

    def _grow(self, tree: Tree, step: Intact) -> None:
        if step.seq != self.end + 1:
            tree.stop()
        tree.add(step.hash)

    def _grow_by_claim(self, tree: Tree, step: Broken) -> None:
        stated = step.links[0] if step.links and step.seq in (None, self.end + 1) else b""
        if len(stated) == HASH_BYTES:
            tree.add(stated)
        else:
            tree.stop()

    def _advance(self, step: Intact) -> None:
        first = self.end + 1
        if self.broken and step.seq > self.top.seq + 1:
            self.unread.add(self.top.seq + 1, min(self.end, step.seq - 1))
        if step.seq > first:
            self.gaps.append((first, step.seq - 1))
            self.absent += 0 if self.sparse else step.seq - first
        self.top, self.broken, self.links = Head(step.seq, step.hash.hex()), 0, frozenset()

    def _fill(self, seq: int) -> bool:
        """Takes ``seq`` out of the gaps; whether it was in one."""
        at = bisect_right(self.gaps, seq, key=lambda gap: gap[0]) - 1
        if at < 0 or self.gaps[at][1] < seq:
            return False
        first, last = self.gaps[at]
        self.gaps[at : at + 1] = [gap for gap in ((first, seq - 1), (seq + 1, last)) if gap[0] <= gap[1]]
        return True

    def _check_belonging(self, step: Intact, *, linked: bool) -> None:
        """At most one finding: the first of link, log and head that is wrong."""
        heads = [head for head in self.heads if head.seq == step.seq]
        wrong = next((head for head in heads if head.hash != step.hash.hex()), None)
        if not linked:
            wanted, found = "the hash of the entry before it", f"prev_hash {step.prev_hash.hex()}"
        elif step.log != self.log:
            wanted, found = f"log {self.log}", f"log {step.log}"
        elif wrong is not None:
            wanted, found = f"the expected head's hash {wrong.hash}", f"hash {step.hash.hex()}"
        else:
            self.met.update(heads)
            return
        self.find("forked", step.seq, expected=wanted, found=found, session=step.session)

    def _check_id(self, step: Intact) -> None:
        """Where no index vouches for it, that no event id comes twice."""
        if self.unique_ids:
            return
        key = bytes.fromhex(step.id.replace("-", ""))
        if key in self.ids:
            found = f"{step.id} again"
            self.find("duplicate", step.seq, expected="each event id once", found=found, session=step.session)
        self.ids.add(key)

    def _check_session(self, step: Intact) -> None:
        """That a session's numbers go on, as far as entries that are absent don't explain a jump."""
        if step.session is None or step.session_seq is None:
            return
        state = self.sessions.get(step.session)
        last, absent, first_seq = (state.last, state.absent, state.first_seq) if state else (0, 0, step.seq)
        if state is None and self.start.seq:
            last, absent = step.session_seq - 1, self.absent
        if not last < step.session_seq <= last + 1 + self.absent - absent:
            wanted, found = f"session_seq {last + 1}", f"session_seq {step.session_seq}"
            self.find("session_gap", step.seq, expected=wanted, found=found, session=step.session)
        self.sessions.put(step.session, SessionState(max(last, step.session_seq), self.absent, first_seq, step.seq))

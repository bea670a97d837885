"""What a log and its anchors say together: who has which checkpoint, and whether the log still fits it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from unbroken.anchors.anchor import Oddity, Receipt, TrustedLog
from unbroken.anchors.configuration import AnchorsFile
from unbroken.anchors.lateness import Lateness, lateness
from unbroken.anchors.standing import Standing
from unbroken.anchors.survey import Seen, survey
from unbroken.cli.denials import denials_told
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.target import open_reader
from unbroken.core.tree.proving import root_of
from unbroken.errors import AnchorError, NoteError, ProofError, UnavailableError
from unbroken.store.checkpoints import Checkpoints, StoredReceipt

DUTIES: Final = "notary, verifier, ops, compliance, legal, dpo, retention or access"
FINE: Final = 0
NEEDS_YOU: Final = 1
ALL_RECEIPTS: Final = 10_000
"""How many of an anchor's receipts are looked at by who looks at all."""
_NEWEST: Final = 5


@dataclass(frozen=True, slots=True)
class Outside:
    """One log and its anchors, at ``now`` by this machine's clock.

    ``contradictions`` says by an anchor's name how what it shows excludes what the database has. What excludes it
    counts for no quorum.
    """

    log: str
    head: int
    seen: tuple[Seen, ...]
    contradictions: dict[str, str]
    lateness: Lateness
    now: datetime
    unfitting: NoteError | None

    @property
    def is_odd(self) -> bool:
        """Whether there is something to look into."""
        return bool(self.contradictions) or self.unfitting is not None or any(each.is_odd for each in self.seen)

    @property
    def have(self) -> int:
        """How many anchors have the largest tree that a quorum has."""
        return sum(each.size >= self.lateness.size for each in self.lateness.anchors) if self.lateness.size else 0

    @property
    def window(self) -> tuple[int, int] | None:
        """The first and the last entry that no quorum has."""
        return self.lateness.window(self.head)

    def exit_code(self, *, all_must_answer: bool = False) -> int:
        """What a monitor is to be told."""
        silent = all_must_answer and any(each.error is not None for each in self.seen)
        return NEEDS_YOU if self.lateness.is_late or self.is_odd or silent else FINE


def look(file: AnchorsFile, store: str, log: str | None, *, what: str, thorough: bool = False) -> Outside:
    """Asks the database and the anchors; raises for the database and the set-up alone."""
    with denials_told(what, duties=DUTIES), open_reader(store, log or file.log) as reader:
        kept = Checkpoints(reader.connection, reader.log)
        trusted, unfitting = trusted_by(file, kept)
        anchors = file.anchors(trusted)
        stored = [
            row
            for name in file.names
            for row in kept.receipts(anchor=name, limit=ALL_RECEIPTS if thorough else _NEWEST)
        ]
        with LateProgress("asking the anchors"):
            seen = survey(
                anchors,
                readable(stored),
                trusted,
                timeout_s=file.terms.timeout_s * (10 if thorough else 1),
                thorough=thorough,
            )
        # After the anchors: what they have was there before they had it.
        end = reader.stated_head()
        head = 0 if end is None else end.head.seq
        contradictions = dict(_contradictions(seen, kept, head))
    seen = tuple(replace(each, oddities=(*each.oddities, *_unreadable(each.anchor, stored))) for each in seen)
    now = datetime.now(UTC)
    standings = {each.anchor: Standing() if each.anchor in contradictions else each.standing for each in seen}
    late = lateness(standings, quorum=file.terms.quorum, allowed=file.allowed_age, now=now)
    return Outside(kept.log, head, seen, contradictions, late, now, unfitting)


def trusted_by(file: AnchorsFile, kept: Checkpoints) -> tuple[TrustedLog, NoteError | None]:
    """Whom the file trusts, with the database's key statements, unless they don't fit: then without, and why."""
    try:
        return file.trusted(kept.log, [each.statement for each in kept.key_statements()]), None
    except NoteError as error:
        return file.trusted(kept.log), error


def readable(stored: Iterable[StoredReceipt]) -> Iterator[Receipt]:
    """The receipts that are ones."""
    for row in stored:
        receipt = read(row)
        if receipt is not None:
            yield receipt


def read(row: StoredReceipt) -> Receipt | None:
    """A receipt of the anchor that the row names; ``None`` where its bytes are none."""
    try:
        receipt = Receipt.from_bytes(row.receipt)
    except AnchorError:
        return None
    return receipt if (receipt.anchor, receipt.kind) == (row.anchor, row.kind) else None


def _unreadable(anchor: str, stored: Iterable[StoredReceipt]) -> Iterator[Oddity]:
    for row in stored:
        if row.anchor == anchor and read(row) is None:
            yield Oddity(anchor, "damaged", f"a receipt in the database, for {row.size} entries: it is none", row.size)


def _contradictions(seen: Iterable[Seen], kept: Checkpoints, head: int) -> Iterator[tuple[str, str]]:
    for each in seen:
        if each.newest is None:
            continue
        size, root = each.newest.checkpoint.size, each.newest.checkpoint.root
        if size > head:
            yield each.anchor, f"it has {size:,} entries, and the log ends at {head:,}: entries are gone"
        elif _root(kept, size) not in (None, root):
            yield (
                each.anchor,
                f"it has another tree of {size:,} entries than the log: it was rewritten, or has two histories",
            )


def _root(kept: Checkpoints, size: int) -> bytes | None:
    """What the database says that the root is; ``None`` where it can't be told from its tiles."""
    try:
        return root_of(size, kept.tree)
    except (ProofError, UnavailableError):
        return None

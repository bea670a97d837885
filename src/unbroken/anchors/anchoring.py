"""Taking a notary's checkpoints outside, round by round: publishing, keeping receipts, telling alarms.

The anchors come first and the database last: what is held outside doesn't depend on whether the database can write it
down. What it would not take waits on the notary's disk and is brought again in the next round.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from unbroken.anchors import alarms, samples
from unbroken.anchors.alarms import Alarmed, AlarmsFile, Met
from unbroken.anchors.anchor import Anchor, Consistency, Kind, Oddity, Receipt, Submission, TrustedLog
from unbroken.anchors.configuration import AnchorsFile
from unbroken.anchors.kept import KeptReceipts
from unbroken.anchors.lateness import Lateness, lateness
from unbroken.anchors.publishing import Outcome, Publisher
from unbroken.anchors.publishing import Round as Published
from unbroken.anchors.samples import Sample
from unbroken.anchors.served import served
from unbroken.anchors.standing import StandingFile
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.note import parse
from unbroken.errors import AnchorError, ConfigurationError, NoteError, UnbrokenError


class Stated(Protocol):
    """A key statement as the database has it."""

    @property
    def statement(self) -> str:
        """The signed note."""
        ...


class Record(Protocol):
    """What is asked of the log's database, which is :class:`unbroken.store.checkpoints.Checkpoints`."""

    def key_statements(self) -> Sequence[Stated]:
        """All statements about the keys that sign, in order."""
        ...

    def store_receipt(
        self, receipt: bytes, *, anchor: str, kind: str, size: int, root: bytes, at: datetime | None
    ) -> None:
        """Keeps what an anchor answered, once however often it is brought."""
        ...

    def raise_alarm(self, alarm: str, details: Mapping[str, str | int | bool], /) -> int | None:
        """Puts an alarm on record."""
        ...


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to.

    ``served`` is the note with the cosignatures of witnesses. ``alarmed`` is what alarms there are, those of earlier
    rounds among them. So many receipts as ``unstored`` says are on the notary's disk and not yet in the database:
    ``refused`` is why. ``unfitting`` is why the database's key statements count for nothing.
    """

    published: Published
    lateness: Lateness
    served: str = field(repr=False)
    alarmed: Alarmed
    unstored: int = 0
    refused: UnbrokenError | None = None
    unfitting: NoteError | None = None

    @property
    def is_late(self) -> bool:
        """Whether a quorum has had nothing newer for longer than allowed."""
        return self.lateness.is_late

    @property
    def is_contradicted(self) -> bool:
        """Whether an anchor contradicts the log, or lost what it was given: no outage, but something to look into."""
        return bool(self.alarmed.contradicting) or any(self._oddities())

    @property
    def lines(self) -> tuple[str, ...]:
        """What an operator should read, most urgent first; none where all is well."""
        return tuple(self._lines())

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The same as figures for a monitor."""
        return samples.of(self.published, self.lateness, is_contradicted=self.is_contradicted, unstored=self.unstored)

    def _lines(self) -> Iterator[str]:
        for odd in self._oddities():
            yield f"the anchor {odd.anchor!r}: {odd.what}: {odd.place}"
        for each in sorted(self._outcomes(), key=lambda outcome: not isinstance(outcome.error, AnchorError)):
            if each.error is not None:
                yield str(each.error)
            elif each.state == "pending":
                yield f"the anchor {each.anchor!r} does not answer"
        if self.is_late:
            yield f"late: no quorum of {self.published.quorum} anchors has had a new checkpoint for too long"
        if self.unfitting is not None:
            yield f"the log's key statements count for nothing: {self.unfitting}"
        if self.refused is not None:
            waiting = self.unstored + len(self.alarmed.untold)
            yield f"the database did not take {waiting} receipts and alarms, which are kept: {self.refused}"

    def _outcomes(self) -> tuple[Outcome, ...]:
        return self.published.late + self.published.outcomes

    def _oddities(self) -> Iterator[Oddity]:
        return (oddity for each in self._outcomes() for oddity in each.oddities)


class Anchoring:
    """One incarnation's way outside, for one thread of one process, through all connections that it has meanwhile.

    ``log`` is the full name. What it has to remember stands in ``folder``, in files named after the incarnation.
    """

    def __init__(self, file: AnchorsFile, folder: Path, *, log: str) -> None:
        incarnation = log.rpartition("~")[2]
        self._file = file
        self._log = log
        self._standings = StandingFile(folder / f"anchors-{incarnation}.json", origin=log)
        self._alarms = AlarmsFile(folder / f"alarms-{incarnation}.json")
        self._kept = KeptReceipts(folder / f"receipts-{incarnation}")
        self._set_up: _SetUp | None = None

    def round(self, note: str, consistency: Consistency, record: Record) -> Round:
        """Hands the newest note to all anchors that are due, and what comes of it to the database.

        ``consistency`` is asked for proofs while this runs, by other threads, one at a time; ``record`` is used after.
        Raises :class:`ConfigurationError` where the anchors can't be set up or the file trusts none of the keys that
        signed, and :class:`UnavailableError` where the notary's own disk fails or the key statements can't be read: not
        for anchors, and not for what the database won't take.
        """
        set_up, submission = self._opened(note, consistency, record)
        published = set_up.publisher.publish(submission)
        for receipt in published.receipts:
            self._kept.keep(receipt)
        unstored, refused = self._stored(set_up, record)
        late = lateness(
            published.standings,
            quorum=published.quorum,
            allowed=self._file.allowed_age,
            now=(now := datetime.now(UTC)),
        )
        met = Met(published.late + published.outcomes, late, set_up.kinds, published.quorum, now)
        alarmed, untold = self._alarmed(met, record)
        return Round(
            published=published,
            lateness=late,
            served=served(note, _receipts(published)),
            alarmed=alarmed,
            unstored=unstored,
            refused=refused or untold,
            unfitting=set_up.unfitting,
        )

    def _opened(self, note: str, consistency: Consistency, record: Record) -> "tuple[_SetUp, Submission]":
        if self._set_up is None:
            self._set_up = self._made(record)
        try:
            return self._set_up, Submission.of(note, self._set_up.log, consistency=consistency)
        except NoteError:
            # The key may have been rotated since the statements were read.
            self._set_up = self._made(record)
        try:
            return self._set_up, Submission.of(note, self._set_up.log, consistency=consistency)
        except NoteError as error:
            raise ConfigurationError(
                f"by the anchors' file {self._file.path} this checkpoint is not to be believed: {error}. Put the key"
                " that the notary signs with into its trust. Nothing was published"
            ) from error

    def _made(self, record: Record) -> "_SetUp":
        log, unfitting = self._trusted(record)
        anchors = self._file.anchors(log)
        publisher = Publisher(anchors, self._standings, terms=self._file.terms)
        # A process that ended between an answer and keeping it left it in the state alone.
        for standing in publisher.standings().values():
            if standing.receipt is not None:
                self._kept.keep(standing.receipt)
        return _SetUp(log, anchors, publisher, unfitting)

    def _trusted(self, record: Record) -> tuple[TrustedLog, NoteError | None]:
        """Statements that don't fit must not keep checkpoints from going outside: whoever put them there wants that."""
        try:
            return self._file.trusted(self._log, [each.statement for each in record.key_statements()]), None
        except NoteError as error:
            return self._file.trusted(self._log), error

    def _stored(self, set_up: "_SetUp", record: Record) -> tuple[int, UnbrokenError | None]:
        """Brings what is kept to the database: how many it did not take, and why not the last of them."""
        unstored, why = 0, None
        for receipt in self._kept.all():
            checkpoint = Checkpoint.parse(parse(receipt.note).text)
            try:
                record.store_receipt(
                    receipt.to_bytes(),
                    anchor=receipt.anchor,
                    kind=receipt.kind,
                    size=checkpoint.size,
                    root=checkpoint.root,
                    at=set_up.time_of(receipt),
                )
            except UnbrokenError as error:
                unstored, why = unstored + 1, error
            else:
                self._kept.drop(receipt)
        return unstored, why

    def _alarmed(self, met: Met, record: Record) -> tuple[Alarmed, UnbrokenError | None]:
        before = self._alarms.read()
        known = alarms.after(before, met)
        if known != before:
            # First on the disk: better told twice than never.
            self._alarms.write(known)
        left, why = alarms.told(known, record.raise_alarm)
        if left != known:
            self._alarms.write(left)
        return left, why


@dataclass(frozen=True, slots=True)
class _SetUp:
    """The anchors for one set of trusted keys."""

    log: TrustedLog
    anchors: tuple[Anchor, ...]
    publisher: Publisher
    unfitting: NoteError | None

    @property
    def kinds(self) -> Mapping[str, Kind]:
        return {each.name: each.kind for each in self.anchors}

    def time_of(self, receipt: Receipt) -> datetime | None:
        """When the anchor had it by its own clock, where it is one of these and states a time."""
        anchor = next((each for each in self.anchors if each.name == receipt.anchor), None)
        try:
            return None if anchor is None else anchor.verify(receipt).at
        except (AnchorError, NoteError):
            return None


def _receipts(published: Published) -> list[bytes]:
    """The newest receipt of each anchor."""
    return [each.receipt.to_bytes() for each in published.standings.values() if each.receipt is not None]

"""Handing a checkpoint to several anchors at once, through outages of some of them.

Each call of :meth:`Publisher.publish` is one round: every anchor that is due is asked at the same time, each for no
longer than the timeout, and what came of it is written down. Whoever calls it every minute retries with back-off.
After an outage an anchor is given the newest checkpoint alone: it covers all those in between.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from unbroken.anchors.anchor import Anchor, Oddity, Receipt, Submission
from unbroken.anchors.asking import Asking, Gate, Told
from unbroken.anchors.standing import Standing, StandingFile, shortened
from unbroken.core.checkpoint import Checkpoint
from unbroken.errors import AnchorError, ConfigurationError, UnbrokenError

State = Literal["anchored", "current", "waiting", "pending", "failed"]
_LEAST: Final = 2
_STEPS: Final = 2**20


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long an anchor is left alone after it failed: from ``first``, doubled up to ``most``, less a random part."""

    first: timedelta = timedelta(seconds=5)
    most: timedelta = timedelta(minutes=5)

    def after(self, failures: int) -> timedelta:
        """The time to wait after that many failures in a row."""
        whole = min(self.first * (1 << min(max(failures, 1) - 1, 30)), self.most)
        return whole - whole * (secrets.randbelow(_STEPS) / (2 * _STEPS))


@dataclass(frozen=True, slots=True)
class Terms:
    """What publishing is to achieve.

    ``quorum`` anchors must have a checkpoint for it to count as anchored. ``timeout_s`` is for each anchor in a round.
    An anchor that has this tree already is given it again, with what is new about the note, after ``renew``.
    """

    quorum: int = 2
    timeout_s: float = 20.0
    renew: timedelta = timedelta(hours=1)
    backoff: Backoff = Backoff()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a round came to at one anchor.

    ``anchored``: it has this checkpoint now, and ``receipt`` shows it. ``current``: it had this tree, not long ago.
    ``waiting``: it failed lately and is left alone. ``pending``: it has not answered yet. ``failed``: see ``error``, of
    which an :class:`AnchorError` is no outage but something to look into, as is each of ``oddities``.
    """

    anchor: str
    state: State
    receipt: Receipt | None = None
    error: UnbrokenError | None = None
    oddities: tuple[Oddity, ...] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to: an outcome for each anchor, and what came late of an earlier round."""

    checkpoint: Checkpoint
    outcomes: tuple[Outcome, ...]
    late: tuple[Outcome, ...]
    standings: Mapping[str, Standing]
    quorum: int

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """All that this round brought, to be kept."""
        return tuple(each.receipt for each in self.late + self.outcomes if each.receipt is not None)


class Publisher:
    """Publishes one log's checkpoints to at least two anchors; for one thread of one process.

    Raises :class:`ConfigurationError` for anchors of one name or at one place, and for a quorum that they can't reach.
    """

    def __init__(self, anchors: Sequence[Anchor], file: StandingFile, *, terms: Terms | None = None) -> None:
        self._terms = terms or Terms()
        _check(anchors, self._terms.quorum)
        self._anchors = tuple(anchors)
        self._file = file
        self._pending: dict[str, Asking] = {}

    def standings(self) -> dict[str, Standing]:
        """How it stands with each anchor, as of the last round of whichever process."""
        known = self._file.read()
        return {each.name: known.get(each.name, Standing()) for each in self._anchors}

    def publish(self, submission: Submission) -> Round:
        """One round. Raises :class:`ConfigurationError` and :class:`UnavailableError` for the state's file alone."""
        with self._file.locked():
            known = self._file.read()
            standings = {each.name: known.get(each.name, Standing()) for each in self._anchors}
            late = self._collected(standings)
            outcomes = self._round(submission, standings)
            if known | standings != known:
                self._file.write(known | standings)
        return Round(submission.checkpoint, outcomes, late, standings, self._terms.quorum)

    def _collected(self, standings: dict[str, Standing]) -> tuple[Outcome, ...]:
        """Takes up what anchors answered after their round was over."""
        found = [self._outcome(name, standings, within_s=0) for name in list(self._pending)]
        return tuple(each for each in found if each.state != "pending")

    def _round(self, submission: Submission, standings: dict[str, Standing]) -> tuple[Outcome, ...]:
        decided = {name: self._undue(name, submission.checkpoint, standings) for name in standings}
        gate = Gate(submission)
        try:
            for each in self._anchors:
                if decided[each.name] is None:
                    self._pending[each.name] = Asking(each, gate.submission, last=standings[each.name].receipt)
            deadline = time.monotonic() + self._terms.timeout_s
            return tuple(
                undue or self._outcome(name, standings, within_s=deadline - time.monotonic())
                for name, undue in decided.items()
            )
        finally:
            gate.close()

    def _undue(self, name: str, checkpoint: Checkpoint, standings: dict[str, Standing]) -> Outcome | None:
        """Why an anchor is not asked in this round; ``None`` where it is."""
        standing = standings[name]
        if name in self._pending:
            return Outcome(name, "pending")
        contradiction = _contradiction(name, checkpoint, standing)
        if contradiction is not None:
            standings[name] = replace(standing, problem=shortened(_words(contradiction)))
            return Outcome(name, "failed", error=contradiction)
        now = datetime.now(UTC)
        if standing.failures and _is_before(now, standing.retry_at, at_most=self._terms.backoff.most):
            return Outcome(name, "waiting")
        renewed = standing.published_at + self._terms.renew if standing.published_at else None
        is_current = _has(standing, checkpoint) and _is_before(now, renewed, at_most=self._terms.renew)
        return Outcome(name, "current") if is_current else None

    def _outcome(self, name: str, standings: dict[str, Standing], *, within_s: float) -> Outcome:
        asking = self._pending.pop(name)
        told = asking.told(within_s=within_s)
        if told is None:
            self._pending[name] = asking
            standings[name] = _hanging(standings[name])
            return Outcome(name, "pending")
        standings[name] = self._standing_after(standings[name], told)
        state: State = "failed" if told.error is not None else "anchored"
        return Outcome(name, state, told.receipt, told.error, told.oddities)

    def _standing_after(self, before: Standing, told: Told) -> Standing:
        now = datetime.now(UTC)
        if told.receipt is None or told.anchored is None:
            failures = before.failures + 1
            return replace(
                before,
                failures=failures,
                failing_since=before.failing_since or now,
                retry_at=now + self._terms.backoff.after(failures),
                problem=shortened(_words(told.error)),
            )
        checkpoint = told.anchored.checkpoint
        return Standing(
            size=checkpoint.size,
            root=checkpoint.root,
            at=told.anchored.at or now,
            published_at=now,
            receipt=told.receipt,
        )


def _check(anchors: Sequence[Anchor], quorum: int) -> None:
    if len(anchors) < _LEAST:
        raise ConfigurationError(f"checkpoints go to at least {_LEAST} anchors: one alone can be lost, or lie")
    for what in ("name", "where"):
        values = [getattr(each, what) for each in anchors]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise ConfigurationError(f"two anchors have one {what}, so that they are one: {', '.join(twice)}")
    if not 1 <= quorum <= len(anchors):
        raise ConfigurationError(f"a quorum of {quorum} can't be reached with {len(anchors)} anchors")


def _contradiction(name: str, checkpoint: Checkpoint, standing: Standing) -> AnchorError | None:
    """Why this checkpoint can't follow what the anchor has, where that can be seen from here."""
    if standing.size > checkpoint.size:
        return AnchorError(
            f"the anchor {name!r} was given {standing.size} entries before, more than the {checkpoint.size} of this"
            " checkpoint: the log came back behind it. Nothing was published there"
        )
    if standing.size == checkpoint.size and standing.root not in (b"", checkpoint.root):
        return AnchorError(
            f"the anchor {name!r} was given another tree of {standing.size} entries before: two histories of the log"
            " exist. Nothing was published there"
        )
    return None


def _hanging(standing: Standing) -> Standing:
    """Without another failure counted: it has not come to one yet."""
    return replace(standing, failing_since=standing.failing_since or datetime.now(UTC), problem="it does not answer")


def _words(error: UnbrokenError | None) -> str:
    return f"{type(error).__name__}: {error}"


def _has(standing: Standing, checkpoint: Checkpoint) -> bool:
    return (standing.size, standing.root) == (checkpoint.size, checkpoint.root)


def _is_before(now: datetime, then: datetime | None, *, at_most: timedelta) -> bool:
    """Whether ``then`` is yet to come; a time further off than it can be was written by a clock that was wrong."""
    return then is not None and now < then <= now + at_most

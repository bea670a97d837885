"""What was destroyed, held against the legal holds that were in force then (spec/FORMAT.md, "What was held")."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import msgspec

from unbroken.core.event import Event, decode_event
from unbroken.verify.accounting import ORIGINAL, Held
from unbroken.verify.chain import Chain
from unbroken.verify.examine import Intact
from unbroken.verify.finding import MAX_FINDINGS
from unbroken.verify.holding import Version
from unbroken.verify.numbers import Numbers, Run, both, merged, without
from unbroken.verify.spilled import Spilled

APART: Final = 1000
"""Numbers up to so far apart are read together, with those between them."""
AT_ONCE: Final = 1000
"""Runs of numbers that are read together at most."""

Lacking: TypeAlias = Callable[[Sequence[Run]], Iterable[tuple[int, bytes, str]]]
"""Of intact entries with these numbers that lack something: the number, the event's text, and when it was recorded."""


def lacking_in(look_again: Callable[[int, int], Iterable[Intact]]) -> Lacking:
    """What lacks something among entries that can be read once more."""

    def lacking(runs: Sequence[Run]) -> Iterator[tuple[int, bytes, str]]:
        at = 0
        for step in look_again(runs[0][0], runs[-1][1]):
            while at < len(runs) and runs[at][1] < step.seq:
                at += 1
            if step.event and at < len(runs) and runs[at][0] <= step.seq:
                yield step.seq, step.event, step.recorded_at

    return lacking


def kept_as_lacking() -> Spilled[tuple[bytes, str]]:
    """Where a chain keeps what lacks something and can't be read again."""
    return Spilled(msgspec.msgpack.encode, msgspec.msgpack.Decoder(tuple[bytes, str]).decode)


def lacking_of(chain: Chain) -> Lacking:
    """What a chain kept of what lacks something."""

    def lacking(runs: Sequence[Run]) -> Iterator[tuple[int, bytes, str]]:
        for first, last in runs if chain.lacking is not None else ():
            for seq in range(first, last + 1):
                known = None if chain.lacking is None else chain.lacking.get(str(seq))
                if known is not None:
                    yield seq, *known

    return lacking


def check_holds(chain: Chain, held: Held, lacking: Lacking, *, since: Numbers | None = None) -> None:
    """Adds to a chain what is absent and declared gone by an entry at which a hold covered it.

    What holds cover whose scopes the chain knew was seen when it was read, but for what went ``since``.
    """
    found: list[Numbers] = []
    for versions, numbers in chain.accounting.under_hold(held):
        for version in versions:
            if version.scope in chain.scopes:
                seen = Numbers(without(both(numbers, chain.covered.get(version.scope, ())), merged(*found)))
                found.append(seen)
                for runs in _windows(seen):
                    _report_all(chain, held, runs, version, lacking)
        others = tuple(version for version in versions if version.scope not in chain.scopes)
        for rest, of in ((numbers, others), (both(numbers, since or ()), versions)):
            if of:
                found.append(_look_again(chain, held, without(rest, merged(*found)), of, lacking))


def _look_again(
    chain: Chain, held: Held, numbers: Iterable[Run], versions: Sequence[Version], lacking: Lacking
) -> Numbers:
    """Reports those of these entries that one of the versions covers, and gives their numbers."""
    these = Numbers()
    for runs in _windows(numbers):
        for seq, text, recorded_at in lacking(runs):
            event = decode_event(text)
            version = next((each for each in versions if _covers(each, event, recorded_at)), None)
            if version is not None:
                these.add(seq, seq)
                _report(chain, held, seq, version, session=event.session_id)
    return these


def _report_all(chain: Chain, held: Held, runs: Sequence[Run], version: Version, lacking: Lacking) -> None:
    """Reports all of these; of those that will be listed the session is told, too."""
    room = chain.findings.total < MAX_FINDINGS
    sessions = {seq: decode_event(text).session_id for seq, text, _ in lacking(runs)} if room else {}
    for first, last in runs:
        for seq in range(first, last + 1):
            _report(chain, held, seq, version, session=sessions.get(seq))


def _covers(version: Version, event: Event, recorded_at: str) -> bool:
    return version.scope is not None and version.scope.covers(event, recorded_at)


def _windows(runs: Iterable[Run]) -> Iterator[list[Run]]:
    """Runs that lie close together."""
    window: list[Run] = []
    for run in runs:
        if window and (run[0] - window[-1][1] > APART or len(window) >= AT_ONCE):
            yield window
            window = []
        window.append(run)
    if window:
        yield window


def _report(chain: Chain, held: Held, seq: int, version: Version, *, session: str | None) -> None:
    chain.find(
        "held_destroyed",
        seq,
        expected=f"the {held}: hold {version.hold} covered it when it was declared gone",
        found="none",
        session=session,
        part=ORIGINAL if held == ORIGINAL else None,
    )

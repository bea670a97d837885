"""The end of a run: what is absent and was not erased, and what was erased and is there."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias, get_args

from unbroken.core.commitment import PARTS
from unbroken.verify.accounting import OF, ORIGINAL, Held, parts_of
from unbroken.verify.chain import Chain
from unbroken.verify.examine import Intact
from unbroken.verify.finding import MAX_FINDINGS, Accounted
from unbroken.verify.numbers import Numbers, Run

AT_ONCE: Final = 1000
"""Entries that are looked at once more together."""
LookAgain: TypeAlias = Callable[[int, int], Iterable[Intact]]
"""The intact entries between two numbers, as far as they can be given once more."""


def settle(chain: Chain, look_again: LookAgain, *, shown: Sequence[Held] = get_args(Held)) -> Accounted:
    """Reports, on a chain that was followed to its end, what its erasures don't account for; gives what they do.

    ``shown`` are those of the two that the source tells of.

    What is absent stays so whatever a second look shows, which only tells more of it. But what is declared and was
    there may have been erased after it was read.
    """
    for bits, run in chain.accounting.unaccounted():
        for some in _lots(run):
            room = chain.findings.total < MAX_FINDINGS
            _report_missing(chain, bits, some, _by_number(look_again(*some)) if room else {})
    for held in shown:
        gone_since = Numbers()
        for run in chain.accounting.contradicted(held, chain.intact()):
            for some in _lots(run):
                for seq in _report_not_erased(chain, held, some, _by_number(look_again(*some))):
                    gone_since.add(seq, seq)
        for first, last in gone_since:
            chain.accounting.lack(OF[held], first, last)
    return chain.accounting.result()


def look_at_told(chain: Chain) -> LookAgain:
    """For a source that can't be read again: what the chain kept of entries that lack something."""
    return lambda first, last: (chain.told[seq] for seq in range(first, last + 1) if seq in chain.told)


def _lots(run: Run) -> Iterator[Run]:
    first, last = run
    for begin in range(first, last + 1, AT_ONCE):
        yield begin, min(begin + AT_ONCE - 1, last)


def _by_number(steps: Iterable[Intact]) -> Mapping[int, Intact]:
    return {step.seq: step for step in steps}


def _report_missing(chain: Chain, bits: int, run: Run, seen: Mapping[int, Intact]) -> None:
    for seq in range(run[0], run[1] + 1):
        step = seen.get(seq)
        wanted = {} if step is None else {fault.part: fault.expected for fault in step.absences}
        for part in parts_of(bits):
            chain.find(
                "missing",
                seq,
                expected=wanted.get(part, "what the event commits to"),
                found="nothing, and no entry that tells of its erasure",
                session=None if step is None else step.session,
                part=part,
            )


def _report_not_erased(chain: Chain, held: Held, run: Run, seen: Mapping[int, Intact]) -> Iterator[int]:
    """Reports what is still there; gives the numbers of what is not, now."""
    for seq in range(run[0], run[1] + 1):
        step = seen.get(seq)
        if step is not None and _lacks(step, held):
            yield seq
        else:
            chain.find(
                "not_erased",
                seq,
                expected=f"no {held}: an entry log.erased declares it gone",
                found=f"the {held}, or an event that never had one",
                session=None if step is None else step.session,
                part=ORIGINAL if held == ORIGINAL else None,
            )


def _lacks(step: Intact, held: Held) -> bool:
    absent = {fault.part for fault in step.absences}
    return ORIGINAL in absent if held == ORIGINAL else not absent.isdisjoint(PARTS)

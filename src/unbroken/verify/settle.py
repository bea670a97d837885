"""The end of a run: what is absent and not declared gone, what is declared gone and there, and what was held."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias, get_args

from unbroken.core.commitment import PARTS
from unbroken.verify.accounting import OF, ORIGINAL, Held, parts_of
from unbroken.verify.against_holds import Lacking, check_holds, lacking_in
from unbroken.verify.chain import Chain
from unbroken.verify.examine import Intact
from unbroken.verify.finding import MAX_FINDINGS, Accounted
from unbroken.verify.numbers import Numbers, Run, in_lots

UNTOLD: Final = "nothing, and no entry that declares it gone"
LookAgain: TypeAlias = Callable[[int, int], Iterable[Intact]]
"""The intact entries between two numbers, as far as they can be given once more."""


def settle(
    chain: Chain, look_again: LookAgain, *, shown: Sequence[Held] = get_args(Held), lacking: Lacking | None = None
) -> Accounted:
    """Reports, on a chain that was followed to its end, what nothing accounts for, and what was held; gives what is.

    ``shown`` are those of the two that the source tells of; ``lacking`` gives what lacks something once more, where
    ``look_again`` does not.

    What is absent stays so whatever a second look shows, which only tells more of it. But what is declared and was
    there may have been destroyed after it was read.
    """
    for bits, run in chain.accounting.unaccounted():
        for some in in_lots(run):
            room = chain.findings.total < MAX_FINDINGS
            _report_missing(chain, bits, some, _by_number(look_again(*some)) if room else {})
    for held in shown:
        gone_since = Numbers()
        for run in chain.accounting.contradicted(held, chain.intact()):
            for some in in_lots(run):
                for seq in _report_not_erased(chain, held, some, _by_number(look_again(*some))):
                    gone_since.add(seq, seq)
        for first, last in gone_since:
            chain.accounting.lack(OF[held], first, last)
        check_holds(chain, held, lacking or lacking_in(look_again), since=gone_since)
    return chain.accounting.result()


def look_at_told(chain: Chain) -> LookAgain:
    """For a source that can't be read again: what the chain kept of entries that lack something."""
    return lambda first, last: (chain.told[seq] for seq in range(first, last + 1) if seq in chain.told)


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
                found=UNTOLD,
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
                expected=f"no {held}: an entry declares it gone",
                found=f"the {held}, or an event that never had one",
                session=None if step is None else step.session,
                part=ORIGINAL if held == ORIGINAL else None,
            )


def _lacks(step: Intact, held: Held) -> bool:
    absent = {fault.part for fault in step.absences}
    return ORIGINAL in absent if held == ORIGINAL else not absent.isdisjoint(PARTS)

"""The hash of a disposal's candidates, worked out batch by batch and against one that is made number by number."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from unbroken.verify.lots import LOT, MOST, ListHash, hash_of, lots_of
from unbroken.verify.numbers import Numbers, Run, size


def by_hand(numbers: list[int]) -> str:
    """The hash of ascending numbers, by the words of the format."""
    lots = [numbers[start : start + LOT] for start in range(0, len(numbers), LOT)]
    hashes = [hashlib.sha256(spelt(lot).encode()).hexdigest() for lot in lots]
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def spelt(lot: list[int]) -> str:
    runs: list[list[int]] = []
    for number in lot:
        if runs and runs[-1][-1] + 1 == number:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(1, 1500)), min_size=1, max_size=12), st.integers(1, 4))
def test_it_is_the_same_however_many_lots_a_batch_takes(steps: list[tuple[int, int]], at_once: int) -> None:
    numbers: list[int] = []
    for gap, length in steps:
        first = (numbers[-1] if numbers else 0) + gap
        numbers += range(first, first + length)
    found, entries = ListHash(), 0
    for start in range(0, len(numbers), at_once * LOT):
        for lot in lots_of(runs_of(numbers[start : start + at_once * LOT])) or ():
            entries += size(lot)
            found.add(hash_of(lot))
    assert (entries, found.hex) == (len(numbers), by_hand(numbers))


def runs_of(numbers: list[int]) -> list[Run]:
    return list(Numbers((number, number) for number in numbers))


def test_nothing_has_no_hash() -> None:
    assert ListHash().hex is None
    assert lots_of([]) == []


def test_what_no_batch_can_be_is_not_gone_through() -> None:
    assert lots_of([(1, 2**53)]) is None
    assert len(lots_of([(1, MOST * LOT)]) or ()) == MOST
    assert lots_of([(1, MOST * LOT + 1)]) is None

"""The hash of a disposal's candidates, however they come, and against one that is worked out number by number."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from unbroken.verify.lots import LOT, Lots


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


@given(
    st.lists(st.tuples(st.integers(1, 400), st.integers(1, 1500)), min_size=1, max_size=12),
    st.integers(1, 5),
    st.data(),
)
def test_it_is_the_same_however_the_candidates_come(
    steps: list[tuple[int, int]], size: int, data: st.DataObject
) -> None:
    runs: list[tuple[int, int]] = []
    numbers: list[int] = []
    at = 0
    for gap, length in steps:
        # Neighbouring runs may touch, as those of one batch and the next do.
        first = at + data.draw(st.sampled_from([1, gap]))
        at = first + length - 1
        runs.append((first, at))
        numbers += range(first, at + 1)
    lots = Lots()
    for start in range(0, len(runs), size):
        lots.add(runs[start : start + size], below=at + 1)
    assert (lots.entries, lots.sha256) == (len(numbers), by_hand(numbers))


def test_what_comes_out_of_order_or_twice_is_no_list() -> None:
    for runs in ([(3, 4), (1, 2)], [(1, 3), (3, 4)]):
        lots = Lots()
        lots.add(runs, below=9)
        assert lots.sha256 is None


def test_numbers_that_can_not_be_candidates_are_not_gone_through() -> None:
    lots = Lots()
    lots.add([(1, 2**53)], below=1000)
    lots.add([(1, 10)] * 10, below=1000)
    assert (lots.entries, lots.sha256) == (0, None)


def test_a_full_lot_begins_no_other() -> None:
    lots = Lots()
    lots.add([(1, LOT)], below=LOT + 1)
    assert lots.sha256 == by_hand(list(range(1, LOT + 1)))

"""Sets of numbers as runs behave as sets do, however their numbers came, and take little memory."""

import tracemalloc
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.verify import numbers
from unbroken.verify.numbers import Counted, Numbers, Run, both, compared, merged, size, without

RUN = st.tuples(st.integers(1, 60), st.integers(0, 6)).map(lambda run: (run[0], run[0] + run[1]))
RUNS = st.lists(RUN, max_size=25)


def flat(runs: Iterable[Run]) -> set[int]:
    return {number for first, last in runs for number in range(first, last + 1)}


def is_tidy(runs: list[Run]) -> bool:
    """Whether runs ascend with a number lacking between any two."""
    return all(first <= last for first, last in runs) and all(one[1] + 1 < two[0] for one, two in pairwise(runs))


@given(RUNS)
def test_a_set_holds_what_was_added_in_any_order(runs: list[Run]) -> None:
    made = Numbers(runs)
    assert flat(made) == flat(runs)
    assert is_tidy(list(made))
    assert bool(made) is bool(runs)
    assert list(made) == list(made)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few numbers fill several."""
    monkeypatch.setattr(numbers, "_BLOCK", 4)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("order", ["ascending", "descending", "from the middle", "twice"])
def test_many_numbers_come_back_out_of_their_blocks(order: str) -> None:
    some = [(number, number + number % 2) for number in range(1, 2000, 5)]
    added = {
        "ascending": some,
        "descending": some[::-1],
        "from the middle": some[200:] + some[:200],
        "twice": some + some,
    }[order]
    assert list(Numbers(added)) == some


@given(RUNS, RUNS, RUNS)
def test_sets_combine_as_sets_do(one: list[Run], two: list[Run], three: list[Run]) -> None:
    a, b, c = Numbers(one), Numbers(two), Numbers(three)
    for made, expected in (
        (merged(a, b, c), flat(a) | flat(b) | flat(c)),
        (without(a, b), flat(a) - flat(b)),
        (both(a, b), flat(a) & flat(b)),
        (merged(), set()),
    ):
        runs = list(made)
        assert flat(runs) == expected
        assert is_tidy(runs)
        assert size(runs) == len(expected)


@given(RUNS, RUNS)
def test_two_sets_are_held_against_each_other(one: list[Run], two: list[Run]) -> None:
    made = compared(Numbers(one), Numbers(two))
    assert (flat(made.only_one), flat(made.only_other)) == (flat(one) - flat(two), flat(two) - flat(one))
    assert made.common == len(flat(one) & flat(two))


@given(RUNS, RUNS)
def test_numbers_within_runs_are_counted(one: list[Run], two: list[Run]) -> None:
    counted = Counted(Numbers(one))
    assert counted.within(Numbers(two)) == len(flat(one) & flat(two))


def test_a_number_as_high_as_any_and_a_run_over_all() -> None:
    top = 2**53 - 1
    made = Numbers([(1, 1), (top, top)])
    assert list(without([(1, top)], made)) == [(2, top - 1)]
    assert Counted(made).within([(1, top)]) == 2


def test_scattered_numbers_take_a_few_bytes_each() -> None:
    count = 100_000
    tracemalloc.start()
    try:
        made = Numbers((number, number) for number in range(1, 7 * count, 7))
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        assert size(made) == count
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 6 * count
    assert peak < held + 1_000_000


def test_a_hostile_order_of_numbers_makes_no_piece_for_each() -> None:
    made = Numbers((number, number) for number in range(200_000, 0, -2))
    assert size(made) == 100_000
    assert len(made._pieces) < 40

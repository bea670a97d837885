"""What a log has lost, told by the checkpoints that others keep."""

from collections.abc import Iterator, Sequence

import pytest

from tests.property.rfc6962 import Tree
from unbroken.anchors.losing import Kept, held_against
from unbroken.core.checkpoint import Checkpoint

LEAVES = [bytes([n]) * 32 for n in range(20)]
OTHER = [*LEAVES[:6], *(bytes([n + 100]) * 32 for n in range(6, 20))]


def kept(size: int, leaves: Sequence[bytes] = LEAVES) -> Kept:
    return Kept(Checkpoint("clinic.example/agents~1", size, Tree(leaves).root(size)), f"note {size}", "nas")


def shown(end: int, *, lot: int = 7) -> Iterator[bytes]:
    return (b"".join(LEAVES[at : min(at + lot, end)]) for at in range(0, end, lot))


@pytest.mark.parametrize("lot", [1, 3, 7, 100])
def test_a_log_that_ends_before_what_was_signed_has_lost_the_rest(lot: int) -> None:
    loss = held_against([kept(15), kept(9), kept(4)], 10, shown(10, lot=lot))
    assert (loss.newest, loss.fits, loss.unfit) == (kept(15), kept(9), None)
    assert (loss.sound, loss.lost) == (10, (11, 15))


@pytest.mark.parametrize("sizes", [[10], [3, 10], [10, 10]])
def test_a_log_that_has_all_that_was_signed_has_lost_nothing_of_it(sizes: list[int]) -> None:
    loss = held_against([kept(size) for size in sizes], 12, shown(12))
    assert (loss.fits, loss.unfit, loss.lost, loss.sound) == (kept(10), None, None, 12)


def test_nothing_outside_tells_nothing() -> None:
    loss = held_against([], 12, shown(12))
    assert (loss.newest, loss.fits, loss.lost, loss.sound) == (None, None, None, 12)


def test_what_was_recorded_since_counts_from_the_last_that_fits() -> None:
    loss = held_against([kept(5), kept(8, OTHER), kept(15, OTHER)], 12, shown(12))
    assert (loss.fits, loss.unfit) == (kept(5), kept(8, OTHER))
    assert (loss.sound, loss.lost) == (5, (6, 15))


def test_what_comes_after_one_that_does_not_fit_fits_nothing() -> None:
    loss = held_against([kept(7, OTHER), kept(9)], 12, shown(12))
    assert (loss.fits, loss.unfit, loss.sound) == (None, kept(7, OTHER), 0)


def test_an_empty_log_has_lost_everything() -> None:
    assert held_against([kept(3)], 0, iter(())).lost == (1, 3)

"""The real delivery of batches under every schedule of faults, up to a number of them."""

from collections.abc import Callable

import pytest

from tests.model.recording import Recording, assert_right, recording
from tests.model.schedule import Schedule, every_schedule


def explore(run: Callable[[Schedule], None], *, deviations: int) -> int:
    """How many schedules there are; fails with the first one under which ``run`` does."""
    count = 0
    for _ in every_schedule(_explained(run), deviations=deviations):
        count += 1
    return count


def _explained(run: Callable[[Schedule], None]) -> Callable[[Schedule], None]:
    def explained(schedule: Schedule) -> None:
        try:
            run(schedule)
        except AssertionError as error:
            error.add_note(f"schedule:\n{schedule}")
            raise

    return explained


def test_a_batch_and_a_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(schedule: Schedule) -> None:
        made = recording(schedule, monkeypatch)
        made.again(made.record([("a", "b"), ("c",)]), ("d",))
        assert_right(made)

    print(explore(run, deviations=3))

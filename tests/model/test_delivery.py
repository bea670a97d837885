"""The real delivery of batches under every schedule of faults, up to a number of them."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest

from tests.model.door import Door
from tests.model.recording import assert_right, recording
from tests.model.schedule import Schedule, count_schedules
from unbroken.errors import ConflictError
from unbroken.ledger.delivery import Delivered, Delivery
from unbroken.ledger.doubts import Doubts
from unbroken.ledger.sealed import Sealed
from unbroken.ledger.source import Source
from unbroken.store.log_writer import AlreadyRecordedError

KINDS: Final[dict[str, dict[str, Any]]] = {
    "plain": {},
    "an event is malformed": {"malformed": "b"},
    "an approval comes or goes": {"stateful": "b"},
    "another recorder had an event": {"elsewhere": "b"},
    "another recorder had one and one is malformed": {"elsewhere": "b", "malformed": "c"},
    "another recorder had one and an approval comes or goes": {"elsewhere": "b", "stateful": "c"},
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def two_batches(patch: pytest.MonkeyPatch, *, elsewhere: str = "", **kind: str) -> Callable[[Schedule], None]:
    """Two calls together, then what was not recorded of them once more together with a third one."""

    def run(schedule: Schedule) -> None:
        made = recording(schedule, patch, **kind)
        if elsewhere:
            record_elsewhere(made.door, patch, elsewhere)
        made.again(made.record([("a", "b"), ("c",)]), ("d",))
        assert_right(made)

    return run


def record_elsewhere(door: Door, patch: pytest.MonkeyPatch, name: str) -> None:
    """Another recorder has the event in the log already."""
    other = recording(Schedule(), patch)
    other.door.lines = door.lines
    other.record([(name,)])


@each_kind
def test_callers_are_told_the_truth_whatever_fails(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    deviations = 2 if "elsewhere" in KINDS[kind] else 3
    assert count_schedules(two_batches(monkeypatch, **KINDS[kind]), deviations=deviations) > 250


@pytest.mark.long
@pytest.mark.parametrize("deadline_s", [0.4, 1.0], ids=["short of time", "patient"])
@each_kind
def test_callers_are_told_the_truth_whatever_fails_more_often(
    monkeypatch: pytest.MonkeyPatch, kind: str, deadline_s: float
) -> None:
    monkeypatch.setattr("tests.model.recording.DEADLINE_S", deadline_s)
    assert count_schedules(two_batches(monkeypatch, **KINDS[kind]), deviations=4) > 5_000


def test_nobody_is_in_the_log_before_being_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(schedule: Schedule) -> None:
        made = recording(schedule, monkeypatch)
        made.again(made.record([("a", "x"), ("y",)]), ("z",))
        assert_right(made)

    assert count_schedules(run, deviations=3) > 1_000


def test_a_person_who_could_not_be_made_known_leaves_no_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was sent that could be recorded, so a caller may be told so, or a spool take the event."""

    def run(schedule: Schedule) -> None:
        made = recording(schedule, monkeypatch)
        (end,) = made.record([("x",)])
        appended = any(told.startswith("append") for told in schedule.told)
        assert appended or end.recorded is False
        assert_right(made)

    assert count_schedules(run, deviations=4) > 100


@pytest.mark.long
def test_three_tries_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(schedule: Schedule) -> None:
        made = recording(schedule, monkeypatch)
        made.again(made.again(made.record([("a",), ("b",)]), ("c",)), ("d",))
        assert_right(made)

    assert count_schedules(run, deviations=4) > 20_000


def forgets_that_a_connection_broke(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Delivery, "_is_broken", lambda _self: False)


def gives_unknown_numbers_to_the_next(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Source, "lose", Source.give_back)


def takes_what_it_recorded_itself_for_a_conflict(patch: pytest.MonkeyPatch) -> None:
    def attempt(self: Delivery, batch: Sequence[Sealed], deadline: float, **_doubt: object) -> Delivered:
        try:
            return Delivered(self._append(batch, deadline))
        except AlreadyRecordedError as error:
            raise ConflictError("an id is taken", index=0) from error

    patch.setattr(Delivery, "_attempt", attempt)


def makes_nobody_known(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Delivery, "_register", lambda *_: None)


def makes_people_known_afterwards(patch: pytest.MonkeyPatch) -> None:
    original, register = Delivery._attempt, Delivery._register
    patch.setattr(Delivery, "_register", lambda *_: None)

    def attempt(self: Delivery, batch: Sequence[Sealed], deadline: float, *, doubt: bool) -> Delivered:
        delivered = original(self, batch, deadline, doubt=doubt)
        register(self, [each for item in batch for each in item.identities], deadline)
        return delivered

    patch.setattr(Delivery, "_attempt", attempt)


@pytest.mark.parametrize("mistake", [makes_nobody_known, makes_people_known_afterwards])
def test_a_mistake_with_people_is_found(
    monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None]
) -> None:
    mistake(monkeypatch)
    with pytest.raises(AssertionError):
        test_nobody_is_in_the_log_before_being_known(monkeypatch)


def forgets_what_was_unknown(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Doubts, "add", lambda _self, _ids: None)


def lets_ids_in_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Door, "append", lambda self, texts: [self._record(text) for text in texts])


@pytest.mark.parametrize(
    "mistake",
    [
        forgets_that_a_connection_broke,
        gives_unknown_numbers_to_the_next,
        takes_what_it_recorded_itself_for_a_conflict,
        forgets_what_was_unknown,
        lets_ids_in_twice,
    ],
)
def test_a_mistake_is_found(monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None]) -> None:
    mistake(monkeypatch)
    with pytest.raises(AssertionError):
        count_schedules(two_batches(monkeypatch), deviations=3)

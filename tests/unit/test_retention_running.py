"""The round of disposal without a database: which step comes next, what it stops at, and how often it tries."""

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime

import pytest

from unbroken.errors import ConfigurationError
from unbroken.retention.running import Done, Round, waits_for
from unbroken.store.disposals import Batch, Disposal, Looking, Place

THEN = datetime(2026, 3, 3, tzinfo=UTC)
_EMPTY = {field.name: None for field in fields(Disposal)}
ROW = Disposal(
    **{  # type: ignore[arg-type]
        **_EMPTY,
        "disposal": "d",
        "state": "frozen",
        "standing": False,
        "policies_version": 1,
        "upto": 30_000,
        "reached": 0,
        "entries": 2500,
        "started_by": "retention",
        "started_at": THEN,
        "through": 0,
        **dict.fromkeys(("payloads", "originals", "keys", "kept", "decisions"), 0),
        "approvals": [],
    }
)
PLACE = Place(0, "payloads", "payloads_1_0", 8192, None, None, "vacuum")


@dataclass
class FakeDoor:
    """One disposal that goes on as it is told to; ``said`` lists what was asked of it."""

    row: Disposal | None = None
    nothing_due: bool = False
    policies: bool = True
    gone: bool = False
    dropping: list[str] = field(default_factory=lambda: ["not empty"])
    log: str = "clinic.example/agents~1"
    said: list[str] = field(default_factory=list)
    left: int = 3

    def _to(self, state: str) -> None:
        assert self.row is not None
        self.row = replace(self.row, state=state)
        self.said.append(state)

    def one(self, disposal: str) -> Disposal | None:
        return self.row if self.row is not None and self.row.disposal == disposal else None

    def open(self, *, standing: bool) -> Disposal | None:  # noqa: ARG002
        return self.row

    def places(self, disposal: str) -> list[Place]:  # noqa: ARG002
        return [PLACE, replace(PLACE, part="originals"), replace(PLACE, number=1, waits_for="snapshot")]

    def start(self, *, standing: bool) -> str | None:
        self.row = replace(ROW, standing=standing)
        return "d" if self.policies else None

    def freeze(self, disposal: str) -> Looking:  # noqa: ARG002
        assert self.row is not None
        self.row = replace(self.row, reached=self.row.reached + 10_000)
        self.said.append("looked")
        return Looking(self.row.reached, self.row.upto, 0)

    def propose(self, disposal: str) -> int | None:  # noqa: ARG002
        if self.nothing_due:
            return None
        assert self.row is not None
        self._to("approved" if self.row.standing else "proposed")
        return 7

    def begin(self, disposal: str) -> int:  # noqa: ARG002
        self._to("begun")
        return 8

    def batch(self, disposal: str, limit: int) -> Batch:  # noqa: ARG002
        if self.left == 0:
            self._to("emptied")
            return Batch(None, 0, 0, 0, 0)
        self.left -= 1
        return Batch(9, limit - 1, 2, 1, 1)

    def drop_empty(self, number: int) -> str:
        self.said.append(f"drop {number}")
        return self.dropping.pop(0) if len(self.dropping) > 1 else self.dropping[0]

    def note_gone(self, disposal: str) -> bool:  # noqa: ARG002
        if self.gone:
            self._to("gone")
        return self.gone

    def finish(self, row: Disposal) -> None:
        assert row.state == "gone"
        self._to("done")


def go(door: FakeDoor, *, standing: bool = False, attempts: int = 3) -> Done:
    pauses = door.said
    return Round(door, door.finish, attempts=attempts, pause=lambda: pauses.append("pause")).go(standing=standing)


def test_what_is_due_is_proposed_and_then_waited_for() -> None:
    door = FakeDoor()
    done = go(door)
    assert door.said == ["looked", "looked", "looked", "proposed"]
    assert (done.steps, done.waits_for) == (("proposed",), "review")
    again = go(door)
    assert (again.steps, again.waits_for, len(door.said)) == ((), "review", 4)


def test_under_approvals_in_advance_nobody_is_waited_for() -> None:
    door = FakeDoor(gone=True)
    done = go(door, standing=True)
    assert done.steps == ("proposed", "begun", "emptied", "gone", "certified")
    assert (done.payloads, done.originals, done.keys, done.kept) == (2997, 6, 3, 3)
    assert (done.waits_for, done.disposal and done.disposal.state) == (None, "done")


def test_where_nothing_is_due_nothing_is_proposed() -> None:
    assert go(FakeDoor(nothing_due=True)) == Done("clinic.example/agents~1", False)


def test_without_policies_it_says_so() -> None:
    assert go(FakeDoor(policies=False)).waits_for == "policies"
    assert go(FakeDoor(policies=False), standing=True).waits_for is None


@pytest.mark.parametrize("state", ["approved", "begun", "emptied", "gone"])
def test_it_goes_on_from_wherever_it_was(state: str) -> None:
    done = go(FakeDoor(row=replace(ROW, state=state), gone=True))
    assert done.disposal is not None
    assert done.disposal.state == "done"
    assert done.steps[-1] == "certified"


def test_a_partition_that_is_in_use_is_tried_again_and_then_left() -> None:
    door = FakeDoor(row=replace(ROW, state="emptied"), dropping=["more", "dropped", "in use"])
    done = go(door)
    drops = [said for said in door.said if said.startswith(("drop", "pause"))]
    assert drops == ["drop 0", "drop 0", "drop 1", "pause", "drop 1", "pause", "drop 1"]
    assert (done.dropped, done.steps, done.waits_for) == ((0,), (), "vacuum")


def test_a_reviewer_an_approver_a_vacuum_or_a_reader_is_waited_for() -> None:
    def waits(state: str, *places: Place) -> str | None:
        return waits_for(replace(ROW, state=state), lambda _: list(places))

    snapshot, gone = replace(PLACE, waits_for="snapshot"), replace(PLACE, how="vacuumed", waits_for=None)
    assert [waits(state) for state in ("proposed", "reviewed", "begun", "done")] == ["review", "approval", None, None]
    assert waits("emptied", PLACE, snapshot) == "vacuum"
    assert waits("emptied", gone, snapshot) == "snapshot"


def test_a_disposal_that_is_not_there_any_more_ends_the_round() -> None:
    door = FakeDoor(row=replace(ROW, state="approved"))
    with pytest.raises(ConfigurationError, match="verify"):
        Round(_Forgetful(door), door.finish).go(standing=False)


class _Forgetful(FakeDoor):
    def __init__(self, door: FakeDoor) -> None:
        super().__init__(row=door.row)

    def one(self, disposal: str) -> Disposal | None:  # noqa: ARG002
        return None

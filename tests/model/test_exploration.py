"""Every world that the model can come to is right, and the exploration notices each known mistake."""

from pathlib import Path

import pytest

from tests.model.explore import Explored, explore
from tests.model.invariants import INVARIANTS, numbers_rise
from tests.model.scenario import Scenario
from tests.model.scenarios import LONG, MISTAKES, SHORT, Mistake
from tests.model.world import Entry

DOCUMENT = Path(__file__).parents[2] / "docs" / "recording-model.md"


def assert_holds(scenario: Scenario) -> Explored:
    explored = explore(scenario)
    assert explored.found is None, f"\n{explored.found}"
    return explored


def documented(scenario: Scenario) -> str:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    return next((line for line in lines if line.startswith(f"| {scenario.name} |")), "")


@pytest.mark.parametrize("scenario", SHORT, ids=lambda scenario: scenario.name)
def test_the_design_holds(scenario: Scenario) -> None:
    explored = assert_holds(scenario)
    assert f"| {explored.worlds:,} |" in documented(scenario), f"explored {explored.worlds:,} worlds"


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("scenario", LONG, ids=lambda scenario: scenario.name)
def test_the_design_holds_in_larger_worlds(scenario: Scenario) -> None:
    explored = assert_holds(scenario)
    assert f"| {explored.worlds:,} |" in documented(scenario), f"explored {explored.worlds:,} worlds"


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what)
def test_a_mistake_is_found(mistake: Mistake) -> None:
    found = explore(mistake.scenario).found
    assert found is not None
    assert found.invariant == mistake.violates, f"\n{found}"


def test_each_invariant_can_break() -> None:
    """One is never the first to break, so a world that breaks it is made by hand."""
    broken = {mistake.violates for mistake in MISTAKES}
    assert [invariant for invariant in INVARIANTS if invariant.__name__ not in broken] == [numbers_rise]
    late_first = (Entry("b", 0, 2, "", opens=True), Entry("a", 0, 1, "b", opens=True))
    world = SHORT[0].start()._replace(log=late_first)
    assert numbers_rise(world, SHORT[0]) == "p0's numbers stand in the log as [2, 1]"
    declared = world.with_process(0, world.processes[0]._replace(gaps=frozenset({1})))
    assert numbers_rise(declared, SHORT[0]) is None


def test_a_counterexample_is_a_list_of_steps() -> None:
    found = explore(next(m.scenario for m in MISTAKES if m.what == "no barrier")).found
    assert str(found).splitlines() == [
        "acknowledged_is_flushed: a was acknowledged and would not survive a crash",
        "   1. caller 0 wants to record a",
        "   2. caller 0 leads",
        "   3. p0's leader sends a#1",
        "   4. database: takes the lock for p0's append",
        "   5. database: commits p0's append",
        "   6. p0's leader hears ok",
        "   7. p0's leader answers",
    ]

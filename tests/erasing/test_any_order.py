"""Recording, sealing, opening, wrapping anew, erasing and restoring in any order: it is as a plain model says."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.erasing.machine import Machine
from tests.faults.cluster import Cluster

CAREFUL = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    database=None,
    # Making a failing run shorter restores hundreds of backups.
    phases=[Phase.explicit, Phase.generate],
)


def test_any_order(cluster: Cluster, tmp_path: Path) -> None:
    run(cluster, tmp_path, examples=6, steps=40)


@pytest.mark.long
def test_any_order_for_long(cluster: Cluster, tmp_path: Path) -> None:
    run(cluster, tmp_path, examples=300, steps=60)


def run(cluster: Cluster, backups: Path, *, examples: int, steps: int) -> None:
    made: Any = lambda: Machine(cluster, backups)  # noqa: E731 - a class, to hypothesis
    run_state_machine_as_test(made, settings=settings(CAREFUL, max_examples=examples, stateful_step_count=steps))

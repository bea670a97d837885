"""Recording, holding, disposing, erasing and being interrupted in any order: it is as a plain model says."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import Server
from tests.retention_machine.machine import Machine

CAREFUL = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    database=None,
    # Making a failing run shorter would make hundreds of databases.
    phases=[Phase.explicit, Phase.generate],
)


def test_any_order(server: Server) -> None:
    run(server, examples=4, steps=40)


@pytest.mark.long
def test_any_order_for_long(server: Server) -> None:
    run(server, examples=300, steps=60)


def run(server: Server, *, examples: int, steps: int) -> None:
    made: Any = lambda: Machine(server)  # noqa: E731 - a class, to hypothesis
    run_state_machine_as_test(made, settings=settings(CAREFUL, max_examples=examples, stateful_step_count=steps))

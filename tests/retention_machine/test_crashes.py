"""The same on a server that is killed, every process of it, while it destroys or lets go."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.cluster import Cluster, prepared
from tests.faults.installation import KINDS, is_installed
from tests.retention_machine.crashing import Crashing, crashing
from tests.retention_machine.test_any_order import CAREFUL

pytestmark = pytest.mark.long


@pytest.fixture(params=KINDS)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    if not is_installed(request.param):
        pytest.skip("Debian's PostgreSQL 15 is not installed")
    with prepared(request.param) as installation, crashing(installation) as running:
        yield running


def test_any_order_with_crashes(cluster: Cluster) -> None:
    made: Any = lambda: Crashing(cluster)  # noqa: E731 - a class, to hypothesis
    run_state_machine_as_test(made, settings=settings(CAREFUL, max_examples=40, stateful_step_count=50))

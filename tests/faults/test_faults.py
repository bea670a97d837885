"""What the log promises, held under every fault of the catalogue, on every server that is installed, side by side."""

import secrets
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.faults.careless import Careless
from tests.faults.catalogue import FAULTS, Fault
from tests.faults.installation import KINDS, Installation, is_installed
from tests.faults.on_network import strike
from tests.faults.on_server import kill_the_server
from tests.faults.run import Outcome, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

LONG_ROUNDS = 5


@pytest.fixture(scope="module")
def installations(_installations: Callable[[str], Installation]) -> Sequence[Installation]:
    return [_installations(kind) for kind in KINDS if is_installed(kind)]


def outcomes_of(fault: Fault, installations: Sequence[Installation], *, careless: Careless = "") -> list[Outcome]:
    """One run on each server, at the same time: faults mostly wait."""
    obstacle = fault.obstacle()
    if obstacle is not None:
        pytest.skip(obstacle)
    with ThreadPoolExecutor(len(installations)) as pool:
        once = partial(run, fault, seed=secrets.randbits(32), careless=careless)
        return list(pool.map(once, installations))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_after_a_fault_all_that_was_acknowledged_is_there_once_and_the_log_verifies(
    fault: Fault, installations: Sequence[Installation]
) -> None:
    for outcome in outcomes_of(fault, installations):
        assert list(outcome.broken) == [], outcome
        assert outcome.tally.acknowledged > 0


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_also_at_many_other_moments(fault: Fault, installations: Sequence[Installation]) -> None:
    for _ in range(LONG_ROUNDS):
        for outcome in outcomes_of(fault, installations):
            assert list(outcome.broken) == [], outcome


def test_control_who_does_not_wait_for_the_disk_loses_what_was_acknowledged(
    installations: Sequence[Installation],
) -> None:
    fault = Fault("control", kill_the_server, settings={"wal_writer_delay": "10s"})
    for outcome in outcomes_of(fault, installations, careless="hasty"):
        assert outcome.tally.lost, outcome


def test_control_who_sends_again_without_asking_doubles_what_was_recorded(
    installations: Sequence[Installation],
) -> None:
    lost_answer = Fault("control", partial(strike, blow="cut before the answer"), network=True)
    for outcome in outcomes_of(lost_answer, installations, careless="resending"):
        assert outcome.tally.doubled, outcome
        assert not outcome.tally.lost

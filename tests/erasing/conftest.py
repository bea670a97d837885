"""Servers of a test's own, each with a log and its logins."""

from collections.abc import Iterator

import pytest

from tests.erasing.servers import vault_cluster
from tests.faults.cluster import Cluster, prepared
from tests.faults.installation import KINDS, Installation, is_installed


@pytest.fixture(scope="session", params=KINDS)
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Data to start servers from, for each PostgreSQL that this machine has."""
    if not is_installed(request.param):
        pytest.skip("Debian's PostgreSQL 15 is not installed")
    with prepared(request.param) as made:
        yield made


@pytest.fixture
def cluster(installation: Installation) -> Iterator[Cluster]:
    """A server with an empty vault."""
    with vault_cluster(installation) as running:
        yield running

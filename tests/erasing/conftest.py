"""Servers of a test's own, each with a log and its logins."""

from collections.abc import Iterator

import pytest

from tests.erasing.servers import vault_cluster
from tests.faults.cluster import Cluster
from tests.faults.installation import Installation


@pytest.fixture
def cluster(installation: Installation) -> Iterator[Cluster]:
    """A server with an empty vault."""
    with vault_cluster(installation) as running:
        yield running

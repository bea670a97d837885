"""Servers of a test's own, for what no server that others use as well would survive."""

from collections.abc import Iterator

import pytest

from tests.database.tampered import Admin
from tests.faults.cluster import Cluster, cluster_of, prepared
from tests.faults.installation import KINDS, Installation, is_installed


@pytest.fixture(scope="session", params=KINDS)
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Data to start servers from, with the schema, a log and its logins, for each PostgreSQL that this machine has."""
    if not is_installed(request.param):
        pytest.skip("Debian's PostgreSQL 15 is not installed")
    with prepared(request.param) as made:
        yield made


@pytest.fixture(scope="module")
def cluster(installation: Installation) -> Iterator[Cluster]:
    """A server with nothing but an installation as it is meant to be: a log, and logins with grants for it."""
    with cluster_of(installation) as running:
        yield running


@pytest.fixture
def admin(cluster: Cluster) -> Iterator[Admin]:
    """A superuser, and whatever is done is undone."""
    with cluster.admin() as connection, connection.transaction(force_rollback=True):
        yield connection

"""Servers of a test's own, for what no server that others use as well would survive."""

from collections.abc import Iterator

import pytest

from tests.faults.cluster import prepared
from tests.faults.installation import KINDS, Installation, is_installed


@pytest.fixture(scope="session", params=KINDS)
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Data to start servers from, with the schema, a log and its logins, for each PostgreSQL that this machine has."""
    if not is_installed(request.param):
        pytest.skip("Debian's PostgreSQL 15 is not installed")
    with prepared(request.param) as made:
        yield made

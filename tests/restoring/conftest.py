"""Servers of a test's own, with an archive for their write-ahead log and a log that has a notary."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.erasing.servers import vault_cluster
from tests.faults.cluster import Cluster
from tests.faults.installation import Installation, open_folder
from tests.restoring.scene import Scene


@pytest.fixture(scope="session", params=["embedded", pytest.param("debian15", marks=pytest.mark.long)])
def installation(request: pytest.FixtureRequest, _installations: Callable[[str], Installation]) -> Installation:
    """Data to start servers from: what happens to Debian's is tried by ``make test-long``."""
    return _installations(request.param)


@pytest.fixture
def backups(installation: Installation) -> Iterator[Path]:
    """Where backups lie, which the server's user may write to."""
    with open_folder("ub-backups-") as folder:
        (folder / "archive").mkdir()
        installation.own(folder)
        installation.own(folder / "archive")
        yield folder


@pytest.fixture
def cluster(installation: Installation, backups: Path) -> Iterator[Cluster]:
    with vault_cluster(installation, archive=backups / "archive") as running:
        yield running


@pytest.fixture
def scene(cluster: Cluster, tmp_path: Path) -> Iterator[Scene]:
    yield from notarised(cluster, tmp_path)


def notarised(cluster: Cluster, folder: Path) -> Iterator[Scene]:
    """The server's log with a notary and anchors, until the end of a test."""
    made = Scene(cluster, folder)
    made.set_up()
    yield made
    for ledger in made.ledgers:
        ledger.close()

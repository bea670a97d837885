"""What the tests of the database share: servers of a test's own, and ways to the one that others use as well."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import LOG, Database
from tests.database.disposing import Disposing, due_at_once
from tests.database.outage import Line, line_to
from tests.database.raw import Connection
from tests.database.tampered import Admin
from tests.faults.cluster import Cluster, cluster_of
from tests.faults.installation import Installation
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter


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


@pytest.fixture
def recording(database: Database) -> Iterator[LogWriter]:
    """The log's functions as a recorder calls them."""
    made = LogWriter(database.conninfo("writer"), LOG)
    yield made
    made.close()


@pytest.fixture
def writer(database: Database) -> Iterator[Connection]:
    with database.connect("writer") as connection:
        yield connection


@pytest.fixture
def dpo(database: Database) -> Iterator[Connection]:
    with database.connect("dpo") as connection:
        yield connection


@pytest.fixture
def legal(database: Database) -> Iterator[Connection]:
    with database.connect("legal") as connection:
        yield connection


@pytest.fixture
def compliance(database: Database) -> Iterator[LogReader]:
    """A reader that may open tickets and load registries."""
    with LogReader(database.conninfo("compliance"), LOG, writes=True) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a recorder's spool goes."""
    return tmp_path / "spool"


@pytest.fixture
def line(database: Database) -> Iterator[Line]:
    """The way to the database, which can be cut."""
    with line_to(database) as made:
        yield made


@pytest.fixture
def on(database: Database) -> Iterator[Disposing]:
    """The steps of a disposal, in a log in which some content is due as soon as it is recorded."""
    due_at_once(database)
    made = Disposing(database)
    yield made
    made.close()

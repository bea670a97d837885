"""A ticket that is neither committed nor rolled back: in a prepared transaction, on a server that allows these."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import LOG
from tests.faults.cluster import Cluster, cluster_of
from tests.faults.installation import Installation

TICKET = "select refused from unbroken.open_ticket(%s, 'review', null, '{}', '1 hour')"
READ = "select count(*) from unbroken.entries"


@pytest.fixture(scope="module")
def cluster(installation: Installation) -> Iterator[Cluster]:
    settings = {"max_prepared_transactions": "2", "fsync": "off"}
    with cluster_of(installation, settings=settings) as running:
        yield running


def test_it_opens_nothing_until_it_is_committed(cluster: Cluster) -> None:
    with psycopg.connect(cluster.conninfo("ops"), autocommit=True) as ops:
        ops.execute("begin")
        assert ops.execute(TICKET, (LOG,)).fetchone() == (None,)
        ops.execute("prepare transaction 'a look'")
        # It holds the log's lock as any open transaction does; ops and superusers end it.
        with pytest.raises(psycopg.Error) as caught:
            ops.execute(READ)
        assert caught.value.sqlstate == "UB007"
        ops.execute("rollback prepared 'a look'")
        with pytest.raises(psycopg.Error):
            ops.execute(READ)
        ops.execute("begin")
        ops.execute(TICKET, (LOG,))
        ops.execute("prepare transaction 'a look'")
        ops.execute("commit prepared 'a look'")
        row = ops.execute(READ).fetchone()
    assert row is not None
    with cluster.admin() as admin:
        recorded = admin.execute("select count(*) from unbroken.entries where event_type = 'log.read'").fetchone()
    assert recorded == (1,), "what was rolled back was not read under"

"""A primary and the standby that follows it, for failing over from one to the other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg.conninfo import make_conninfo

from tests.faults.cluster import LOOPBACK, Cluster, cluster_of
from tests.faults.installation import SUPERUSER, Installation, open_folder
from tests.faults.waiting import eventually


@dataclass(frozen=True)
class Pair:
    """Two servers with the same data; recorders know both and ask for the one that takes writes."""

    primary: Cluster
    standby: Cluster

    def conninfo(self, user: str) -> str:
        return make_conninfo(
            host=f"{LOOPBACK},{LOOPBACK}",
            port=f"{self.primary.port},{self.standby.port}",
            user=user,
            dbname=SUPERUSER,
            target_session_attrs="read-write",
        )

    def make_synchronous(self) -> None:
        """From now on a commit waits until the standby has it on disk."""
        with self.primary.admin() as admin:
            admin.execute("set synchronous_commit = local")
            admin.execute("alter system set synchronous_standby_names = '*'")
            admin.execute("select pg_reload_conf()")
            followed = "select count(*) = 1 from pg_stat_replication where sync_state = 'sync'"
            eventually(lambda: admin.execute(followed).fetchone() == (True,), "the standby was waited for")

    def detach(self) -> None:
        """The standby gets nothing any more, and nobody notices."""
        with self.standby.admin() as admin:
            admin.execute("alter system set primary_conninfo = ''")
            admin.execute("select pg_reload_conf()")
        with self.primary.admin() as admin:
            left = "select count(*) = 0 from pg_stat_replication"
            eventually(lambda: admin.execute(left).fetchone() == (True,), "the standby was gone")

    def fail_over(self) -> None:
        """``kill -9`` of the primary; the standby takes its place."""
        self.primary.kill()
        with self.standby.admin() as admin:
            assert admin.execute("select pg_promote(true, 60)").fetchone() == (True,)


@contextmanager
def primary_and_standby(installation: Installation, settings: Mapping[str, str] | None = None) -> Iterator[Pair]:
    """Both are up, and the standby has all that the primary has; commits do not wait for it."""
    with cluster_of(installation, settings=settings) as primary, open_folder("ub-standby-") as folder:
        installation.own(folder)
        source = f"host={LOOPBACK} port={primary.port} user={SUPERUSER}"
        installation.run(
            "pg_basebackup", f"--pgdata={folder / 'data'}", f"--dbname={source}", "--checkpoint=fast", "-R"
        )
        settings_there = {**primary.settings, "unix_socket_directories": str(folder)}
        standby = Cluster(installation, folder, folder / "data", primary.port + 10000, settings_there, {})
        try:
            standby.start()
            yield Pair(primary, standby)
        finally:
            standby.remove()

"""After a restore without owners and privileges, and what the printed scripts make."""

import pytest

from tests.conftest import LOG, Database
from tests.database.tampered import disarm, findings
from tests.faults.cluster import Cluster, cluster_of
from tests.faults.installation import SUPERUSER, Installation
from unbroken.errors import SchemaError
from unbroken.store import administration
from unbroken.store.check import check
from unbroken.store.connection import connect
from unbroken.store.installation_script import migration_script, roles_script
from unbroken.store.sql import script


def _dump_and_restore(running: Cluster) -> None:
    """What an administrator does who keeps owners and privileges out of the dump."""
    dump = running.folder / "dump"
    address = ("--host", str(running.folder), "--port", str(running.port), "--username", SUPERUSER)
    running.installation.run("pg_dump", *address, "--format=custom", f"--file={dump}", "postgres")
    with running.admin() as admin:
        disarm(admin)
        admin.execute("drop schema unbroken cascade")
        admin.execute("drop schema unbroken_guard cascade")
    running.installation.run(
        "pg_restore", *address, "--no-owner", "--no-privileges", "--exit-on-error", "--dbname=postgres", str(dump)
    )


def test_a_restore_without_owners_and_privileges_is_found_and_mended(installation: Installation) -> None:
    with cluster_of(installation) as running:
        _dump_and_restore(running)
        with running.admin() as admin:
            found = findings(check(admin))
            assert {name for name, severity, _, _ in found if severity == "fault"} >= {"owners", "privileges"}
            for name in ("table unbroken.entries", "table unbroken.entries_1_0", "view unbroken.audit_log"):
                assert ("owners", "fault", name, "owner is: postgres; released as: unbroken_owner") in found
            assert any(
                each[0] == "privileges" and each[2].startswith("function unbroken.append(") and "PUBLIC" in each[3]
                for each in found
            )
            mends = {finding.mend for each in check(admin) for finding in each.findings}
            assert any("unbroken db migrate --again --sql" in mend for mend in mends)
        with connect(running.conninfo(SUPERUSER)) as connection:
            connection.execute(migration_script(connection, again=True, guards=True).encode())
            assert findings(check(connection, guarded=True)) == []


def test_the_scripts_make_what_an_installation_makes(installation: Installation) -> None:
    with cluster_of(installation) as running, connect(running.conninfo(SUPERUSER)) as connection:
        assert migration_script(connection, again=False, guards=True) == ""
        connection.execute(script("ddl_guard_off"))
        connection.execute("drop schema unbroken cascade")
        connection.execute(roles_script().encode())
        connection.execute(migration_script(connection, again=False, guards=True).encode())
        administration.create_log(connection, LOG)
        assert [each for each in findings(check(connection)) if each[0] != "grants"] == []
        assert migration_script(connection, again=False, guards=True) == ""


def test_a_script_without_guards_makes_none(cluster: Cluster) -> None:
    with connect(cluster.conninfo(SUPERUSER)) as connection:
        assert "unbroken_guard" in migration_script(connection, again=True, guards=True)
        assert "create event trigger" not in migration_script(connection, again=True, guards=False)


def test_a_log_made_by_an_older_release_comes_to_the_same_facts(database: Database) -> None:
    """Partitions made before a column was added have it in another place."""
    with connect(database.conninfo(SUPERUSER)) as connection:
        administration.create_log(connection, "another.example/log")
        schema = [each for each in findings(check(connection)) if each[0] in ("tables", "partitions", "strangers")]
    assert schema == []


def test_guards_that_are_missing_are_made_by_the_script(cluster: Cluster) -> None:
    """As `unbroken init` makes them, if a superuser runs it."""
    with connect(cluster.conninfo(SUPERUSER)) as connection, connection.transaction(force_rollback=True):
        connection.execute(script("ddl_guard_off"))
        assert migration_script(connection, again=False, guards=False) == ""
        text = migration_script(connection, again=False, guards=True)
        connection.execute(text.removesuffix("commit;\n").replace("begin;", "", 1).encode())
        assert findings(check(connection, guarded=True)) == []


@pytest.mark.parametrize(
    "statement",
    [
        "update unbroken.migrations set checksum = '' where number = 1",
        "insert into unbroken.migrations (number, name, checksum) values (99, 'later', '')",
    ],
)
def test_no_script_is_made_for_migrations_of_another_release(cluster: Cluster, statement: str) -> None:
    with connect(cluster.conninfo(SUPERUSER)) as connection, connection.transaction(force_rollback=True):
        connection.execute(script("ddl_guard_off"))
        connection.execute("alter table unbroken.migrations disable trigger user")
        connection.execute(statement.encode())
        with pytest.raises(SchemaError, match="does not know"):
            migration_script(connection, again=True, guards=True)

"""Reading is closed where what was erased may be back: on a server that took over, and where a dump was loaded."""

from contextlib import closing

import psycopg
import pytest
from psycopg import sql

from tests.conftest import LOG, Database, add_login
from tests.database.raw import Connection, append, open_ticket, sent
from tests.database.standby import primary_and_standby
from tests.database.tampered import disarm
from tests.database.test_vault_door import ANN, refused, value
from tests.database.vaulting import plain_keys
from tests.faults.cluster import cluster_of
from tests.faults.installation import SUPERUSER, Installation
from tests.faults.waiting import eventually

_REFUSED = "select refused from unbroken.open_ticket(%s, 'a test', 'T-1', '{\"what\": \"test\"}', '1 h')"
_OPEN = "select unbroken.open_reads(%s)"


@pytest.mark.parametrize("part", ["system_identifier", "timeline", "relation"])
def test_what_was_open_before_a_restore_is_closed_after_it(database: Database, dpo: Connection, part: str) -> None:
    """Tickets, look-ups and openings come back with a backup, and may still be valid."""
    with database.connect("writer") as writer:
        append(writer, [sent({"inputs": "1"}, subjects=[ANN])])
    value(dpo, "select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", LOG, *plain_keys("pool", 1))
    ticket = open_ticket(dpo)
    opening = value(dpo, "select unbroken.ask_originals(%s, %s, 'open', '{1}')", LOG, ticket)
    names = value(dpo, "select unbroken.ask_names(%s, %s, %s)", LOG, ticket, [ANN])
    wrapping = value(dpo, "select unbroken.ask_rewrapping(%s, 'kek-2')", LOG)
    database.disarm()
    column = sql.Identifier(part)
    moved = sql.SQL("1") if part == "relation" else sql.SQL("{} + 1").format(column)
    database.admin.execute(sql.SQL("update unbroken.recoveries set {} = {}").format(column, moved))
    assert value(dpo, _REFUSED, LOG) == "not recovered"
    assert value(dpo, "select unbroken.reads_are_open(%s)", LOG) is False
    for statement, *given in (
        ("select * from unbroken.entries",),
        ("select * from unbroken.payloads",),
        ("select * from unbroken.originals(%s, %s)", LOG, opening),
        ("select * from unbroken.opened_keys(%s, %s, '{v-00000000000000000000000000000000}')", LOG, opening),
        ("select * from unbroken.names(%s, %s)", LOG, names),
        ("select * from unbroken.keys_to_rewrap(%s, %s, 10)", LOG, wrapping),
        ("select unbroken.ask_rewrapping(%s, 'kek-3')", LOG),
        ("select * from unbroken.find_person(%s, %s, %s, false)", LOG, ticket, [ANN]),
        ("select * from unbroken.ask_erasure(%s, %s, %s, false, 'C-1', 'asked for')", LOG, ticket, [ANN]),
    ):
        assert refused(dpo, statement, *given) == "UB007", statement
    assert value(database.admin, _OPEN, LOG) is not None
    assert value(database.admin, _OPEN, LOG) is None
    assert dpo.execute("select seq from unbroken.entries where event_type = 'request'").fetchall() == [(1,)]


@pytest.mark.parametrize("login", ["dpo", "compliance", "ops", "access", "verifier", "writer", "retention"])
def test_no_login_opens_reading(database: Database, login: str) -> None:
    with database.connect(login) as connection:
        assert refused(connection, _OPEN, LOG) == "42501"
        assert refused(connection, "insert into unbroken.recoveries values (1, 1, 1, 1)") == "42501"


def test_reading_is_not_opened_by_hand(database: Database) -> None:
    """Not by the owner either: the row wants its entry."""
    with database.admin.transaction(force_rollback=True):
        database.admin.execute("set local role unbroken_owner")
        inserting = (
            "insert into unbroken.recoveries (log, system_identifier, timeline, relation, seq) values (1, 1, 1, 1, %s)"
        )
        for seq in (None, 1):
            with pytest.raises(psycopg.Error) as caught, database.admin.transaction():
                database.admin.execute(inserting, (seq,))
            assert caught.value.sqlstate == "UB010"


def test_a_server_that_took_over_is_closed_at_once(installation: Installation) -> None:
    """The control file tells of its time line only with the next checkpoint, which may be minutes away."""
    with primary_and_standby(installation) as pair:
        with pair.primary.admin() as admin:
            add_login(admin, "compliance", duty="compliance")
        with closing(psycopg.connect(pair.primary.conninfo("compliance"), autocommit=True)) as connection:
            open_ticket(connection)
        with pair.primary.admin() as admin:
            (written,) = admin.execute("select pg_current_wal_lsn()").fetchone() or (None,)
        with pair.standby.admin() as admin:
            replayed = "select pg_last_wal_replay_lsn() >= %s::pg_lsn"
            eventually(lambda: admin.execute(replayed, (written,)).fetchone() == (True,), "the standby had the ticket")
        pair.fail_over()
        with closing(psycopg.connect(pair.standby.conninfo("compliance"), autocommit=True)) as connection:
            assert value(connection, _REFUSED, LOG) == "not recovered"
            assert refused(connection, "select from unbroken.entries") == "UB007"
            with pair.standby.admin() as admin:
                assert value(admin, _OPEN, LOG) is not None
            assert connection.execute("select from unbroken.entries").rowcount > 0


def test_a_dump_that_is_loaded_into_the_same_server_is_closed(installation: Installation) -> None:
    with cluster_of(installation) as running:
        with running.admin() as admin:
            add_login(admin, "compliance", duty="compliance")
        with closing(psycopg.connect(running.conninfo("compliance"), autocommit=True)) as connection:
            open_ticket(connection)
        dump = running.folder / "dump"
        address = ("--host", str(running.folder), "--port", str(running.port), "--username", SUPERUSER)
        running.installation.run("pg_dump", *address, "--format=custom", f"--file={dump}", "postgres")
        with running.admin() as admin:
            disarm(admin)
            admin.execute("drop schema unbroken cascade")
            admin.execute("drop schema unbroken_guard cascade")
        running.installation.run("pg_restore", *address, "--exit-on-error", "--dbname=postgres", str(dump))
        with closing(psycopg.connect(running.conninfo("compliance"), autocommit=True)) as connection:
            assert value(connection, _REFUSED, LOG) == "not recovered"
            assert refused(connection, "select from unbroken.entries") == "UB007"

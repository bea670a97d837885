"""``unbroken db vacuum``: what was erased leaves the tables' files, and what keeps it there is named."""

from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database
from tests.database import raw
from tests.database.vaulting import append
from tests.system.erasing import Clinic

DANA, LEE = "Dana Osterkamp", "Lee Ang"
SAID = b"what nobody else says: quagga 5153"
_RELATIONS = """
select c.oid from pg_class c left join pg_class t on t.reltoastrelid = c.oid
 where c.relkind in ('r', 'i', 't')
   and ('unbroken'::regnamespace in (c.relnamespace, t.relnamespace) or c.relname = 'pg_statistic')
"""
_SECRETS = (
    "select i.sealed from unbroken.identities i where i.pseudonym = %s",
    "select w.wrapped from unbroken.wrapped_keys w natural join unbroken.subject_keys k where k.holder = %s",
    "select substr(ciphertext, 100, 64) from unbroken.originals natural join unbroken.entries where subjects[1] = %s",
)


@pytest.fixture
def clinic(database: Database, tmp_path: Path) -> Clinic:
    made = Clinic(database, tmp_path)
    made.record(DANA, times=5, session_id="s-1")
    made.record(LEE, times=2, session_id="s-1")
    said = raw.sent({"inputs": f'"{SAID.decode()}"'}, subjects=[made.pseudonym(DANA)])
    with database.connect("writer") as writer:
        append(writer, [(said, None)])
    return made


def in_files(database: Database, *pieces: bytes) -> list[bool]:
    """Which of these bytes stand in any file of the schema's tables and indexes, as they are on disk."""
    database.admin.execute("checkpoint")
    files = database.admin.execute(
        f"select pg_read_binary_file(pg_relation_filepath(r.oid)) from ({_RELATIONS}) r"  # noqa: S608
        " where pg_relation_filepath(r.oid) is not null".encode()
    ).fetchall()
    content = b"".join(bytes(row[0]) for row in files)
    return [piece in content for piece in pieces]


def secrets_of(clinic: Clinic) -> list[bytes]:
    """Dana's sealed name, her wrapped key, a piece of an original, and what she said."""
    found = []
    for statement in _SECRETS:
        row = clinic.database.admin.execute(statement.encode(), (clinic.pseudonym(DANA),)).fetchone()
        assert row is not None
        found.append(bytes(row[0]))
    return [*found, SAID]


def erased(clinic: Clinic) -> list[bytes]:
    secrets = secrets_of(clinic)
    clinic.carry_out(clinic.confirmed(DANA))
    return secrets


def test_rewriting_takes_what_was_erased_out_of_the_files(clinic: Clinic) -> None:
    secrets = erased(clinic)
    assert in_files(clinic.database, *secrets) == [True, True, True, True]
    done = clinic.as_login("postgres")("db", "vacuum", "--full", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("rewritten", "WAL", "backups", "encrypt disks"):
        assert words in done.stdout
    assert in_files(clinic.database, *secrets) == [False, False, False, False]
    assert clinic.count("identities") == 1


def test_without_full_names_and_keys_leave_and_it_says_what_stays(clinic: Clinic) -> None:
    secrets = erased(clinic)
    done = clinic.as_login("postgres")("db", "vacuum", "--yes")
    assert done.returncode == 0, done.stderr
    assert "--full rewrites" in done.stdout
    assert in_files(clinic.database, *secrets[:2]) == [False, False]


def test_a_dry_run_changes_nothing(clinic: Clinic) -> None:
    secrets = erased(clinic)
    cli = clinic.as_login("postgres")
    told = cli.json("db", "vacuum", "--full", "--dry-run")
    assert {each["name"] for each in told["tables"] if each["full"]} >= {"identities", "wrapped_keys"}
    assert {each["after"] for each in told["tables"]} == {None}
    assert told["still_held"]["wal_files"] > 0
    assert cli("db", "vacuum", "--full").returncode == 2
    assert in_files(clinic.database, *secrets) == [True, True, True, True]


def test_an_older_view_is_named_and_told_in_the_exit_code(clinic: Clinic) -> None:
    with psycopg.connect(clinic.database.conninfo("postgres")) as old:
        old.execute("set transaction isolation level repeatable read")
        old.execute("select count(*) from unbroken.identities")
        secrets = erased(clinic)
        done = clinic.as_login("postgres")("db", "vacuum", "--yes")
        assert (done.returncode, "older view" in done.stdout) == (1, True), done.stdout
        assert f"process {old.info.backend_pid}" in done.stdout
        old.execute("select count(*) from unbroken.identities")
        assert in_files(clinic.database, secrets[0]) == [True]
    assert clinic.as_login("postgres")("db", "vacuum", "--yes").returncode == 0
    assert in_files(clinic.database, secrets[0]) == [False]


def test_a_table_in_use_is_left_and_told(clinic: Clinic) -> None:
    with psycopg.connect(clinic.database.conninfo("postgres")) as user:
        user.execute("lock table unbroken.identities in access share mode")
        told = clinic.as_login("postgres").json("db", "vacuum", "--yes")
    after = {each["name"]: each["after"] for each in told["tables"]}
    assert after["identities"] is None
    assert after["wrapped_keys"] is not None


def test_others_than_whoever_installs_may_not(clinic: Clinic) -> None:
    for login in ("dpo", "ops", "writer"):
        assert clinic.as_login(login)("db", "vacuum", "--yes").returncode == 2, login

"""Installing: again, at once, without a superuser; and what is said of a schema that does not fit."""

import hashlib
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import _SERVERS, LOG, LOGINS, Database, Server
from tests.database import raw
from tests.database.raw import Connection, append, new_id, sent
from unbroken.errors import AccessDeniedError, ConfigurationError, SchemaError, UnavailableError
from unbroken.store import administration
from unbroken.store.connection import connect
from unbroken.store.log_reader import LogReader, list_logs
from unbroken.store.log_writer import LogWriter
from unbroken.store.migrations import NEWEST, fingerprint, install, numbered
from unbroken.store.sql import query, script

GUARDS = ["unbroken_refuse_ddl", "unbroken_refuse_drop"]

ALL = [title for _, title, _ in numbered()]


@pytest.fixture
def empty(server: Server) -> Iterator[Callable[..., str]]:
    """Makes databases without the schema; the roles, which belong to the server, are there."""
    made: list[str] = []

    def make(options: str = "") -> str:
        made.append(f"empty_{uuid.uuid4().hex}")
        server.execute("create database {} template template0 " + options, made[-1])
        return made[-1]

    yield make
    for name in made:
        server.execute("drop database {} with (force)", name)


@pytest.fixture(scope="module")
def bare(server: Server) -> Iterator[Server]:
    """A server of the same kind on which nothing was ever installed: it has none of the roles."""
    yield from _SERVERS[server.kind]()


def guards(connection: Any) -> list[str]:
    rows = connection.execute("select evtname::text from pg_event_trigger where evtenabled = 'A' order by 1").fetchall()
    return [name for (name,) in rows]


def catalogue(connection: Any) -> list[tuple[Any, ...]]:
    """All that the schema holds, with the numbers that the server gave it."""
    rows: list[tuple[Any, ...]] = connection.execute(
        "select 'relation', oid::int, relname::text, relacl::text from pg_class"
        " where relnamespace = 'unbroken'::regnamespace"
        " union all select 'function', oid::int, proname::text, proacl::text || md5(pg_get_functiondef(oid))"
        " from pg_proc where pronamespace = 'unbroken'::regnamespace"
        " union all select 'trigger', oid::int, tgname::text, tgenabled::text from pg_trigger where not tgisinternal"
        " union all select 'guard', 0, evtname::text, evtenabled::text from pg_event_trigger"
        " union all select 'comment', 0, obj_description('unbroken'::regnamespace, 'pg_namespace'), null"
        " order by 1, 3, 2"
    ).fetchall()
    return rows


def works(conninfo: Callable[[str], str], login: str, *, log: str = LOG) -> None:
    """That the writer ``login`` can append and ``verifier`` read it."""
    with psycopg.connect(conninfo(login), autocommit=True) as writer:
        recorder = new_id()
        append(
            writer,
            [
                sent({"inputs": "1"}, session_id="s", recorder=recorder),
                sent(subjects=["B", "a", "z", "é"], recorder=recorder),
            ],
            log=log,
        )
    with LogReader(conninfo("verifier"), log) as reader:
        assert reader.head().seq >= 2


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What ``work`` gave back in each of so many threads, which begin at once; an error is given back too."""
    results: list[Any] = [None] * count
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            barrier.wait(30)
            results[number] = work(number)
        except Exception as error:  # noqa: BLE001 - told to the thread that waits
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


# ---- Again, and at once ----


def test_installing_twice_does_nothing_the_second_time(server: Server, empty: Callable[..., str]) -> None:
    with connect(server.conninfo("postgres", empty())) as connection:
        assert install(connection) == ALL
        before = catalogue(connection)
        assert install(connection) == []
        assert catalogue(connection) == before
        assert guards(connection) == GUARDS


def test_an_older_release_of_the_functions_is_replaced(server: Server, empty: Callable[..., str]) -> None:
    with connect(server.conninfo("postgres", empty())) as connection:
        install(connection)
        wanted = [row[2:] for row in catalogue(connection)]
        for guard in GUARDS:
            connection.execute(sql.SQL("drop event trigger {}").format(sql.Identifier(guard)))
        connection.execute("comment on schema unbroken is 'unbroken of yesterday'")
        connection.execute(
            "create or replace function unbroken.caller() returns text language sql as $$ select 'x'::text $$"
        )
        assert install(connection) == []
        assert sorted(map(str, (row[2:] for row in catalogue(connection)))) == sorted(map(str, wanted))


def test_whoever_read_or_recorded_before_there_were_grants_goes_on(server: Server, empty: Callable[..., str]) -> None:
    """A schema of the second migration, with a writer that has a grant and a verifier that needed none."""
    name = empty()
    with connect(server.conninfo("postgres", name)) as connection:
        with connection.transaction():
            for prepared in ("roles", "become_owner", "schema"):
                connection.execute(script(prepared))
            connection.execute("set local role unbroken_owner")
            connection.execute(script("migrations"))
            for number, title, text in islice(numbered(), 2):
                connection.execute(text)
                checksum = hashlib.sha256(text.encode()).digest()
                connection.execute(query("record_migration"), (number, title, checksum))
            connection.execute("insert into unbroken.logs (origin) values (%s)", (LOG,))
            connection.execute("insert into unbroken.grants (log, login, duty) values (1, 'writer', 'writer')")
            connection.execute("reset role")
            connection.execute(script("leave_owner"))
        assert install(connection) == ALL[2:]
        works(partial(server.conninfo, dbname=name), "writer")
        told = connection.execute(
            "select details::json ->> 'login', details::json ->> 'duty', details::json ->> 'basis'"
            " from unbroken.audit_log where action = 'access_granted' order by seq"
        ).fetchall()
        # Other modules' logins belong to the server as well.
        of_tests = {row for row in told if row[0] in LOGINS}
        assert of_tests == {(login, login, "migration") for login in ("writer", "verifier", "ops")}


def test_entries_survive_an_install(database: Database) -> None:
    with database.connect("writer") as writer:
        append(writer, [sent({"inputs": "1"}, session_id="s")])
        database.admin.execute("drop event trigger unbroken_refuse_ddl")
        database.admin.execute("comment on schema unbroken is 'unbroken of yesterday'")
        before = raw.contents(database)
        assert install(database.admin) == []
        # Grants that stood without an entry have one now; nothing else is different.
        after = raw.contents(database)
        assert all(set(after[table]) >= set(rows) for table, rows in before.items())
        assert len(after["entries"]) == len(before["entries"]) + len(LOGINS)
        database.admin.execute("drop event trigger unbroken_refuse_ddl")
        database.admin.execute("comment on schema unbroken is 'unbroken of yesterday'")
        assert install(database.admin) == []
        assert raw.contents(database) == after
        assert guards(database.admin) == GUARDS
        append(writer, [sent({"inputs": "1"}, session_id="s")])
    assert raw.both_accept(database) == 2 + len(LOGINS)


def test_a_guard_that_was_taken_away_comes_back(database: Database) -> None:
    """The schema's comment says that all is up to date; what it can't speak of is what stands outside the schema."""
    database.disarm()
    install(database.admin)
    assert guards(database.admin) == GUARDS


def test_four_at_once_install_one_schema(server: Server, empty: Callable[..., str]) -> None:
    name = empty()

    def work(_: int) -> list[str]:
        with connect(server.conninfo("postgres", name)) as connection:
            return install(connection)

    assert sorted(in_threads(4, work), key=str) == [ALL, [], [], []] or sorted(in_threads(4, work), key=str) == [[]] * 4
    with connect(server.conninfo("postgres", name)) as connection:
        assert guards(connection) == GUARDS


def test_four_at_once_install_on_a_new_server(bare: Server) -> None:
    """Roles belong to the server, so the lock of one database is no help."""
    names = [f"side_{uuid.uuid4().hex}" for _ in range(4)]
    for name in names:
        bare.execute("create database {}", name)

    def work(number: int) -> list[str]:
        with connect(bare.conninfo("postgres", names[number])) as connection:
            return install(connection)

    results = in_threads(4, work)
    for name in names:
        bare.execute("drop database {} with (force)", name)
    assert results == [ALL] * 4


def test_four_at_once_make_logs_and_logins(database: Database) -> None:
    logins = [f"login_{uuid.uuid4().hex}" for _ in range(4)]

    def work(number: int) -> bool:
        with connect(database.conninfo("postgres")) as connection:
            administration.create_log(connection, LOG)
            administration.create_log(connection, f"log {number}")
            made = administration.add_login(connection, logins[number], duty="writer", password=None)
            administration.install_grant(connection, f"log {number}", logins[number], duty="writer")
            administration.add_login(connection, "verifier", duty="verifier", password=None)
            administration.install_grant(connection, f"log {number}", "verifier", duty="verifier")
            return made

    results = in_threads(4, work)
    try:
        assert results == [True] * 4
        assert len(list_logs(database.conninfo("verifier"))) == 5
        for number, login in enumerate(logins):
            works(database.conninfo, login, log=f"log {number}")
    finally:
        for login in logins:
            database.server.execute("drop role if exists {}", login)


# ---- Without a superuser ----


@pytest.fixture(scope="module")
def owned(server: Server) -> Iterator[tuple[Server, str]]:
    """A database on a new server that belongs to ``installer``, who may make roles and is no superuser."""
    for new in _SERVERS[server.kind]():
        new.execute("create role installer login createrole")
        new.execute("create database owned owner installer")
        yield new, "owned"


def test_no_superuser_is_needed(owned: tuple[Server, str]) -> None:
    server, name = owned
    with connect(server.conninfo("installer", name)) as connection:
        assert install(connection) == ALL
        assert install(connection) == []
        administration.create_log(connection, LOG)
        for login, duty in (("writer", "writer"), ("verifier", "verifier"), ("ops", "ops")):
            assert administration.add_login(connection, login, duty=duty, password=None)
            assert not administration.add_login(connection, login, duty=duty, password=None)
            administration.install_grant(connection, LOG, login, duty=duty)
        assert guards(connection) == []
        works(lambda user: server.conninfo(user, name), "writer")
        members = connection.execute(
            "select pg_get_userbyid(m.member), to_jsonb(m) ->> 'admin_option', to_jsonb(m) ->> 'inherit_option',"
            " to_jsonb(m) ->> 'set_option' from pg_auth_members m where m.roleid = 'unbroken_owner'::regrole"
        ).fetchall()
        # From 16 on whoever makes a role may go on to grant it; it neither inherits its rights nor acts as it.
        assert members == ([] if server.kind == "debian15" else [("installer", "true", "false", "false")])
        for statement in ("delete from unbroken.entries", "select from unbroken.payloads", "set role unbroken_owner"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
        temporary = connection.execute("select has_database_privilege('writer', current_database(), 'temporary')")
        assert temporary.fetchone() == (False,)
    with connect(server.conninfo("postgres", name)) as superuser:
        for table in ("entries", "payloads", "event_ids", "sessions", "entries_1_0"):
            with pytest.raises(psycopg.Error) as caught:
                superuser.execute("truncate unbroken.@".replace("@", table).encode())
            assert caught.value.sqlstate == "UB010"
        # A superuser who comes later adds what only a superuser can make.
        install(superuser)
        assert guards(superuser) == GUARDS


def test_a_login_without_rights_is_told_so(server: Server, empty: Callable[..., str]) -> None:
    with connect(server.conninfo("ops", empty())) as connection:
        with pytest.raises(AccessDeniedError):
            install(connection)
        with pytest.raises(AccessDeniedError):
            administration.add_login(connection, "mallory", duty="writer", password=None)


# ---- Databases that are made in another way ----


def test_lists_are_in_order_of_code_points_in_every_locale(server: Server, empty: Callable[..., str]) -> None:
    if server.kind == "embedded":
        pytest.skip("built without ICU, and other locales need not be there")
    name = empty("locale_provider icu icu_locale 'en-US' locale 'C.UTF-8' encoding 'UTF8'")
    with connect(server.conninfo("postgres", name)) as connection:
        install(connection)
        administration.create_log(connection, LOG)
        for login in ("writer", "verifier"):
            administration.add_login(connection, login, duty=login, password=None)
            administration.install_grant(connection, LOG, login, duty=login)
    admin: Connection
    with closing(psycopg.connect(server.conninfo("postgres", name), autocommit=True)) as admin:
        database = Database(server, name, admin)
        with database.connect("writer") as writer:
            append(writer, [sent(subjects=["B", "a", "é"], session_id="é"), sent(session_id="Z"), sent(session_id="a")])
            raw.refused(database, writer, [sent(subjects=["a", "B"])])
            raw.refused(database, writer, [sent(domains=["é", "z"])])
        assert raw.both_accept(database) == 2 + 3


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_of_another_encoding_is_refused(server: Server, empty: Callable[..., str], encoding: str) -> None:
    """Only UTF-8 can hold every text and refuses bytes that are none."""
    name = empty(f"encoding '{encoding}' locale 'C'")
    with connect(server.conninfo("postgres", name)) as connection:
        with pytest.raises(ConfigurationError, match="UTF"):
            install(connection)
        assert connection.execute("select to_regnamespace('unbroken')").fetchone() == (None,)


@pytest.mark.parametrize("server", ["debian15"], indirect=True)
def test_a_server_may_speak_another_language(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages and call stacks are translated, so nothing may hang on their words."""
    monkeypatch.setenv("LANGUAGE", "de")
    for german in _SERVERS[server.kind]():
        german.execute("alter system set lc_messages = 'C.UTF-8'")
        german.execute("select pg_reload_conf()")
        german.execute("create database {}", "d")
        with connect(german.conninfo("postgres", "d")) as connection:
            with pytest.raises(psycopg.errors.DivisionByZero) as caught:
                connection.execute("select 1 / 0")
            if "Division durch Null" not in str(caught.value):
                pytest.skip("this server has no translations")
            install(connection)
            administration.create_log(connection, LOG)
            for login in ("writer", "verifier"):
                administration.add_login(connection, login, duty=login, password=None)
                administration.install_grant(connection, LOG, login, duty=login)
        works(partial(german.conninfo, dbname="d"), "writer")


@pytest.mark.parametrize("setting", ["search_path=public", "DateStyle=German"])
def test_a_writer_records_whatever_its_login_was_set_to(database: Database, setting: str) -> None:
    conninfo = psycopg.conninfo.make_conninfo(database.conninfo("writer"), options=f"-c {setting}")
    with closing(LogWriter(conninfo, LOG)) as writer:
        assert len(writer.append([str(sent().text).encode()], [{}])) == 1
    assert raw.both_accept(database) == 1


def test_a_login_with_another_isolation_is_told_what_to_set(database: Database) -> None:
    """The package does not set it for the session: behind a pooler that would be somebody else's."""
    conninfo = psycopg.conninfo.make_conninfo(
        database.conninfo("writer"), options="-c default_transaction_isolation=serializable"
    )
    with closing(LogWriter(conninfo, LOG)) as writer:
        with pytest.raises(ConfigurationError, match="alter role"):
            writer.append([str(sent().text).encode()], [{}])
        assert not writer.broken
    assert raw.both_accept(database) == 0


# ---- Schemas that do not fit ----


def test_a_database_without_the_schema_is_told_so(server: Server, empty: Callable[..., str]) -> None:
    name = empty()
    for attempt in (
        lambda: LogWriter(server.conninfo("writer", name), LOG),
        lambda: LogReader(server.conninfo("verifier", name), LOG),
        lambda: LogReader(server.conninfo("verifier", name)),
        lambda: list_logs(server.conninfo("verifier", name)),
    ):
        with pytest.raises(SchemaError, match="unbroken init"):
            attempt()


def test_a_database_that_is_not_there_is_told(server: Server) -> None:
    for attempt in (
        lambda: LogWriter(server.conninfo("writer", "nowhere"), LOG),
        lambda: LogReader(server.conninfo("verifier", "nowhere"), LOG),
    ):
        with pytest.raises((UnavailableError, ConfigurationError)) as caught:
            attempt()
        assert caught.value.recorded is False
        assert isinstance(caught.value.__cause__, psycopg.Error)


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(UnavailableError, match="nothing was recorded"):
        LogWriter("host=/nowhere user=writer dbname=unbroken", LOG)
    with pytest.raises(ConfigurationError, match="connection string"):
        LogWriter("host=/nowhere colour=green", LOG)


def test_a_login_that_is_not_there_is_told(server: Server) -> None:
    with pytest.raises(AccessDeniedError):
        connect(server.conninfo("nobody_of_this_name", "postgres"))


def test_a_log_that_is_not_there_is_told(database: Database) -> None:
    with pytest.raises(AccessDeniedError, match="no such log"):
        LogWriter(database.conninfo("writer"), "nowhere")
    with pytest.raises(ConfigurationError, match="nowhere"):
        LogReader(database.conninfo("verifier"), "nowhere")


def test_a_schema_that_is_too_old_is_told(database: Database) -> None:
    database.disarm()
    database.admin.execute("delete from unbroken.migrations where number = %s", (NEWEST,))
    for attempt in (
        lambda: LogWriter(database.conninfo("writer"), LOG),
        lambda: LogReader(database.conninfo("verifier"), LOG),
    ):
        with pytest.raises(SchemaError, match=r"too old.*unbroken init"):
            attempt()


def test_a_schema_that_is_too_new_is_told(database: Database) -> None:
    """A later release says in describe_log which recorders it still serves."""
    database.disarm()
    database.admin.execute("insert into unbroken.migrations (number, name, checksum) values (99, 'later', '\\x00')")
    LogWriter(database.conninfo("writer"), LOG).close()
    database.admin.execute(
        "create or replace function unbroken.describe_log(p_log text)"
        " returns table (log text, writer text, migration integer, oldest integer)"
        " language sql stable security definer set search_path = unbroken, pg_temp"
        " as $$ select 'clinic.example/agents~1', session_user::text, 99, 99 $$"
    )
    with pytest.raises(SchemaError, match=r"too new.*upgrade"):
        LogWriter(database.conninfo("writer"), LOG)


def test_a_newer_schema_is_not_installed_over(database: Database) -> None:
    database.disarm()
    database.admin.execute("insert into unbroken.migrations (number, name, checksum) values (99, 'later', '\\x00')")
    database.admin.execute("comment on schema unbroken is 'unbroken of tomorrow'")
    before = catalogue(database.admin)
    with pytest.raises(SchemaError, match="newer"):
        install(database.admin)
    assert catalogue(database.admin) == before


def test_a_migration_that_was_another_one_is_told(database: Database) -> None:
    database.disarm()
    database.admin.execute("update unbroken.migrations set checksum = '\\x00' where number = 1")
    database.admin.execute("comment on schema unbroken is 'unbroken of yesterday'")
    before = catalogue(database.admin)
    with pytest.raises(SchemaError, match="migration 1 "):
        install(database.admin)
    assert catalogue(database.admin) == before


def test_a_schema_of_that_name_that_is_another_ones_is_not_taken_over(
    server: Server, empty: Callable[..., str]
) -> None:
    with connect(server.conninfo("postgres", empty())) as connection:
        connection.execute("create schema unbroken")
        connection.execute("create table unbroken.entries (mine int)")
        with pytest.raises((SchemaError, AccessDeniedError, UnavailableError)):
            install(connection)
        assert connection.execute("select count(*) from unbroken.entries").fetchone() == (0,)
        assert connection.execute("select to_regclass('unbroken.logs')").fetchone() == (None,)


def test_the_fingerprint_is_what_the_schema_says(database: Database) -> None:
    said = database.admin.execute("select obj_description('unbroken'::regnamespace, 'pg_namespace')").fetchone()
    assert said == (fingerprint(),)

"""Objects with the names of real ones, each of which gives itself away when it is used in their place."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from psycopg import sql

from tests.conftest import Database
from tests.database.catalogue import functions, relations
from tests.database.raw import Connection

GIVEN_AWAY: Final = "UB099"
"""What a shadow raises when it runs."""
PATH: Final = "evil, pg_temp, public, pg_catalog, unbroken"

_TYPES: Final = [
    "bool",
    "bytea",
    "int4",
    "int8",
    "text",
    "name",
    "uuid",
    "timestamptz",
    "interval",
    "json",
    "jsonb",
    "_text",
    "_uuid",
    "_int4",
    "anyarray",
    "float8",
    "xid",
    "xid8",
    "oid",
]
_SPY: Final = "language plpgsql as $$ begin raise exception 'a shadow ran' using errcode = 'UB099'; end $$"

_CALLED: Final = """
select p.proname, pg_get_function_identity_arguments(p.oid), format_type(p.prorettype, null), p.proretset
  from pg_proc p
 where p.pronamespace = 'pg_catalog'::regnamespace and p.proname = any (%s)
   and not exists (select from unnest(p.proargtypes) t join pg_type y on y.oid = t
                    where y.typtype = 'p' and y.typname not in ('anyarray', 'anyelement', 'record'))
   and p.prorettype not in ('internal'::regtype, 'cstring'::regtype)
"""
_OPERATORS: Final = """
select o.oprname, format_type(o.oprleft, null), format_type(o.oprright, null), format_type(o.oprresult, null)
  from pg_operator o join pg_type l on l.oid = o.oprleft join pg_type r on r.oid = o.oprright
 where o.oprnamespace = 'pg_catalog'::regnamespace and l.typname = any (%(types)s) and r.typname = any (%(types)s)
"""


@contextmanager
def unguarded(admin: Connection) -> Iterator[None]:
    """The guard on definitions looks at the whole catalogue after each command: not while hundreds are given."""
    for trigger in ("unbroken_refuse_ddl", "unbroken_refuse_drop"):
        admin.execute(sql.SQL("alter event trigger {} disable").format(sql.Identifier(trigger)))
    yield
    for trigger in ("unbroken_refuse_ddl", "unbroken_refuse_drop"):
        admin.execute(sql.SQL("alter event trigger {} enable always").format(sql.Identifier(trigger)))


def cast_shadows(database: Database) -> dict[str, int]:
    """Fills the schema ``evil``, and ``public``, with shadows of all that the schema's functions call, read or name.

    Lets everybody use them, and TEMP besides. Returns how many there are of each kind.
    """
    admin = database.admin
    with unguarded(admin), admin.transaction():
        admin.execute("create schema evil")
        made = {
            "functions": _cast_functions(admin),
            "operators": _cast_operators(admin),
            "tables": _cast_tables(admin),
            "types": _cast_types(admin),
        }
        admin.execute("grant all on schema evil, public to public")
        admin.execute("grant all on all tables in schema evil to public")
        admin.execute(sql.SQL("grant temporary, create on database {} to public").format(sql.Identifier(database.name)))
    return made


def cast_temporary_shadows(connection: Connection) -> int:
    """The login's own temporary tables and types, which come before everything else for relations and types."""
    names = [
        name
        for (name,) in connection.execute(
            "select relname from pg_catalog.pg_class where relnamespace = 'evil'::regnamespace and relkind = 'r'"
        ).fetchall()
    ]
    for name in names:
        connection.execute(
            sql.SQL("create temporary table {} (like {})").format(sql.Identifier(name), sql.Identifier("evil", name))
        )
    connection.execute("create type pg_temp.event as (actor_id pg_catalog.int4)")
    connection.execute("create domain pg_temp.text as pg_catalog.int4")
    return len(names)


def _bodies(admin: Connection) -> str:
    views = admin.execute("select definition from pg_views where schemaname = 'unbroken'").fetchall()
    return "\n".join([function.body for function in functions(admin)] + [text for (text,) in views])


def _cast_functions(admin: Connection) -> int:
    called = sorted(set(re.findall(r"([a-z_0-9]+)\s*\(", _bodies(admin))))
    made = 0
    for name, arguments, returned, many in admin.execute(_CALLED, (called,)).fetchall():
        made += _cast(admin, name, arguments, f"setof {returned}" if many else returned)
    for function in functions(admin):
        if not function.is_trigger:
            kinds = ", ".join(kind for _, kind in function.parameters)
            made += _cast(admin, function.name, kinds, "void")
    return made


def _cast(admin: Connection, name: str, arguments: str, returned: str) -> int:
    for schema in ("evil", "public"):
        template = "create or replace function {}(#) returns @ %".replace("#", arguments).replace("@", returned)
        admin.execute(sql.SQL(template.replace("%", _SPY)).format(sql.Identifier(schema, name)))
    return 1


def _cast_operators(admin: Connection) -> int:
    made = 0
    for name, left, right, result in admin.execute(_OPERATORS, {"types": _TYPES}).fetchall():
        function = f"evil.operator_{made}"
        admin.execute(f"create function {function}({left}, {right}) returns {result} {_SPY}".encode())
        for schema in ("evil", "public"):
            statement = f"create operator {schema}.{name} (leftarg = {left}, rightarg = {right}, function = {function})"
            admin.execute(statement.encode())
        made += 1
    return made


def _cast_tables(admin: Connection) -> int:
    read = sorted(set(re.findall(r"\bpg_[a-z_]+\b", _bodies(admin))))
    system = admin.execute(
        "select relname from pg_class where relnamespace = 'pg_catalog'::regnamespace and relkind in ('r', 'v')"
        " and relname = any (%s)",
        (read,),
    ).fetchall()
    names = [("pg_catalog", name) for (name,) in system] + [
        ("unbroken", relation.name) for relation in relations(admin)
    ]
    for schema, name in names:
        # A column of a pseudo-type, as some of the server's own tables have, can't be had.
        columns = admin.execute(
            "select a.attname from pg_attribute a join pg_type t on t.oid = a.atttypid"
            " where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped and t.typtype <> 'p'"
            " order by a.attnum",
            (sql.Identifier(schema, name).as_string(admin),),
        ).fetchall()
        admin.execute(
            sql.SQL("create table {} as select {} from {} limit 0").format(
                sql.Identifier("evil", name),
                sql.SQL(", ").join(sql.Identifier(column) for (column,) in columns),
                sql.Identifier(schema, name),
            )
        )
    return len(names)


def _cast_types(admin: Connection) -> int:
    names = [
        "text",
        "uuid",
        "bytea",
        "int",
        "int4",
        "int8",
        "bigint",
        "boolean",
        "bool",
        "json",
        "jsonb",
        "timestamptz",
        "interval",
        "name",
        "integer",
        "record",
    ]
    for name in names:
        admin.execute(sql.SQL("create domain {} as pg_catalog.int4").format(sql.Identifier("evil", name)))
    return len(names)

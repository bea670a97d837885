"""What the schema consists of, as the server's catalogue says: a table or function that is new turns up by itself."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import sql

from tests.database.raw import Connection

_PARTITION: Final = re.compile(r"(entries|originals|payloads)_([0-9]+)_([0-9]+)")

_RELATIONS: Final = """
select c.relname, c.relkind::text,
       array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
              order by a.attnum),
       array(select format_type(a.atttypid, a.atttypmod) from pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum),
       array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
               and a.attidentity = '' and a.attgenerated = '' order by a.attnum),
       array(select a.attname::text from pg_index i, unnest(i.indkey::int2[]) k, pg_attribute a
              where i.indrelid = c.oid and i.indisprimary and a.attrelid = c.oid and a.attnum = k)
  from pg_class c
 where c.relnamespace = 'unbroken'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
 order by 1
"""
_FUNCTIONS: Final = """
select p.proname, p.prosecdef, p.proconfig, l.lanname, p.prosqlbody is not null, p.pronargdefaults,
       coalesce(p.proargnames[1:p.pronargs], '{}'), array(select format_type(t, null) from unnest(p.proargtypes) t),
       p.prorettype in ('trigger'::regtype, 'event_trigger'::regtype),
       array(select a.grantee::regrole::text from aclexplode(p.proacl) a
              where a.grantee not in (0, p.proowner) and a.privilege_type = 'EXECUTE' order by 1),
       p.prosrc || coalesce(pg_get_function_sqlbody(p.oid), '')
  from pg_proc p join pg_language l on l.oid = p.prolang
 where p.pronamespace = 'unbroken'::regnamespace
 order by 1
"""


@dataclass(frozen=True)
class Relation:
    """A table, partition or view of the schema."""

    name: str
    kind: str
    columns: Mapping[str, str]
    """Name to type, in order."""
    plain: Sequence[str]
    """Columns that a statement may give a value."""
    key: Sequence[str]

    @property
    def partition_of(self) -> str | None:
        match = _PARTITION.fullmatch(self.name)
        return match[1] if match else None

    @property
    def log(self) -> int | None:
        """The number of the log that a partition is for."""
        match = _PARTITION.fullmatch(self.name)
        return int(match[2]) if match else None

    @property
    def is_view(self) -> bool:
        return self.kind == "v"


@dataclass(frozen=True)
class Function:
    """A function of the schema."""

    name: str
    definer: bool
    settings: tuple[str, ...]
    language: str
    bound: bool
    """Whether its names were looked up when it was made."""
    defaults: int
    parameters: Sequence[tuple[str, str]]
    """Name, which may be empty, and type."""
    is_trigger: bool
    executors: frozenset[str]
    """The duties that may call it."""
    body: str

    @property
    def signature(self) -> str:
        return f"{self.name}({', '.join(kind for _, kind in self.parameters)})"


def relations(admin: Connection) -> list[Relation]:
    return [
        Relation(name, kind, dict(zip(columns, types, strict=True)), plain, key)
        for name, kind, columns, types, plain, key in admin.execute(_RELATIONS).fetchall()
    ]


def functions(admin: Connection) -> list[Function]:
    return [_function(*row) for row in admin.execute(_FUNCTIONS.encode()).fetchall()]


def _function(name: str, definer: bool, settings: list[str] | None, *rest: Any) -> Function:
    language, bound, defaults, names, types, is_trigger, groups, body = rest
    named = [*names, *[""] * (len(types) - len(names))]
    return Function(
        name,
        definer,
        tuple(settings or ()),
        language,
        bound,
        defaults,
        tuple(zip(named, types, strict=True)),
        is_trigger,
        frozenset(group.removeprefix("unbroken_") for group in groups),
        body,
    )


def calling(function: Function, arguments: Mapping[str, Any]) -> tuple[sql.Composed, list[Any]]:
    """The statement that calls ``function`` with ``arguments`` by name; what is not given takes its default."""
    given = [(name, kind) for name, kind in function.parameters if name in arguments]
    assert len(given) == len(arguments), (function.name, sorted(arguments), function.parameters)
    parts = [sql.SQL("{} => %s::{}").format(sql.Identifier(name), type_of(kind)) for name, kind in given]
    statement = sql.SQL("select * from unbroken.{}({})").format(
        sql.Identifier(function.name), sql.SQL(", ").join(parts)
    )
    return statement, [arguments[name] for name, _ in given]


def type_of(kind: str) -> sql.Composed:
    """A type by its full name, so that nothing of the same name elsewhere is taken for it."""
    base, array = kind.removesuffix("[]"), kind.endswith("[]")
    named = sql.SQL(base) if base.startswith("unbroken.") else sql.SQL("pg_catalog.{}").format(_builtin(base))
    return sql.SQL("{}[]").format(named) if array else sql.SQL("{}").format(named)


def _builtin(name: str) -> sql.Identifier:
    short = {
        "integer": "int4",
        "bigint": "int8",
        "boolean": "bool",
        "timestamp with time zone": "timestamptz",
        "smallint": "int2",
    }
    return sql.Identifier(short.get(name, name))

"""What a schema is, fact by fact: the release's as this package states it, a database's as its catalogues do."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

from unbroken.store.connection import Connection
from unbroken.store.sql import query, text

MANIFEST: Final = "facts.txt"
GUARD: Final = "unbroken_guard"
SUPERUSER: Final = "a superuser"
"""Stands for the name of whichever superuser installed."""
PARTITION: Final = re.compile(r"table unbroken\.(entries|originals|payloads)_(\d+)_(\d+)")
_ANY_PARTITION: Final = r"table unbroken.\1_LOG_NUMBER"

_OF_IMPOSTORS: Final = ("row_security", "triggers", "strangers")
"""The checks that look at what decides which rows a table shows; each table has a fact of the first."""
_HOMES: Final = ("guards", "functions", "views", "tables", "privileges")
"""Which check tells that an object is missing: the first of these that looks at it."""

Key: TypeAlias = tuple[str, str]
"""The check that a fact belongs to, and which property of the object it states."""
Released: TypeAlias = Mapping[str, Mapping[Key, frozenset[str]]]
"""Object, property, and the values that the versions of PostgreSQL print for it."""


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """One property of one object, and the check that looks at it."""

    object: str
    check: str
    property: str
    value: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a database is not as released: ``found`` is ``None`` for what lacks, ``expected`` for what is too much.

    An object that is missing or too much as a whole is one difference, without a ``property``.
    """

    check: str
    object: str
    property: str | None
    expected: str | None
    found: str | None


@cache
def released() -> Released:
    """The release's facts; those of a partition stand under the name of any partition."""
    objects: dict[str, dict[Key, frozenset[str]]] = {}
    here: dict[Key, frozenset[str]] = {}
    for line in text(MANIFEST).splitlines():
        if line.startswith("  "):
            check, _, rest = line.strip().partition(" ")
            name, _, value = rest.partition(": ")
            here[check, name] = here.get((check, name), frozenset()) | {_unescaped(value)}
        elif line and not line.startswith("#"):
            here = objects.setdefault(line, {})
    return objects


def manifest(facts: Iterable[Fact]) -> Iterator[str]:
    """The lines of the manifest for ``facts`` of fresh installations."""
    here = ""
    for fact in sorted({_of_any_partition(fact) for fact in facts}):
        if fact.object != here:
            here = fact.object
            yield here
        yield f"  {fact.check} {fact.property}: {_escaped(fact.value)}"


def read_facts(connection: Connection) -> list[Fact]:
    """The facts of schema ``unbroken``. For a connection with the settings of ``steady``."""
    return _read(connection, "unbroken")


def read_guards(connection: Connection) -> list[Fact]:
    """The facts of the guards against DDL, none where there are none; all belong to the check of that name."""
    superusers = {str(row[0]) for row in connection.execute(query("superusers", of="check"))}
    return [
        *(_of_guard(fact, superusers) for fact in _read(connection, GUARD)),
        *(_fact(row) for row in connection.execute(query("guards", of="check"))),
    ]


def impostors_among(connection: Connection, tables: Sequence[str]) -> list[str]:
    """Which of these tables of schema ``unbroken`` could show other rows than were recorded.

    Missing, something else under the name, rewritten by a rule, with another row security than the release's, or with a
    child that the release did not make.
    """
    with connection.transaction():
        connection.execute(query("steady", of="check"))
        facts = _read(connection, "unbroken", *_OF_IMPOSTORS)
    names = {f"table unbroken.{table}": table for table in tables}
    altered = {
        each.object
        for each in differences(facts, names)
        if each.property is None or each.check == "row_security" or each.property.startswith(("rule ", "child "))
    }
    return [table for name, table in names.items() if name in altered]


def differences(facts: Iterable[Fact], expected: Iterable[str]) -> Iterator[Difference]:
    """Where ``facts`` are not what the release says of the objects ``expected``, in order of objects.

    Partitions are measured against what the release says of any partition; which of them there must be is not said
    here.
    """
    found = _by_object(facts)
    wanted = set(expected)
    for name in sorted(wanted - found.keys()):
        checks = {check for check, _ in released()[name]}
        yield Difference(next(check for check in _HOMES if check in checks), name, None, "there", None)
    for name in sorted(found):
        template = PARTITION.sub(_ANY_PARTITION, name)
        if template in released() and (template in wanted or template != name):
            yield from _of_object(name, found[name], released()[template])
        else:
            yield Difference("strangers", name, None, None, "there")


def schema_objects() -> list[str]:
    """The objects of schema ``unbroken`` that every installation has."""
    return [name for name, facts in released().items() if "LOG_NUMBER" not in name and not _is_guards(facts)]


def guard_objects() -> list[str]:
    """The objects of the guards against DDL."""
    return [name for name, facts in released().items() if _is_guards(facts)]


def _is_guards(facts: Mapping[Key, frozenset[str]]) -> bool:
    return any(check == "guards" for check, _ in facts)


def _of_object(name: str, found: Mapping[Key, str], expected: Mapping[Key, frozenset[str]]) -> Iterator[Difference]:
    for key in sorted({*found, *expected}):
        is_, should = found.get(key), expected.get(key)
        if is_ is None or should is None or is_ not in should:
            wanted = None if should is None else min(should)
            yield Difference(key[0], name, key[1], wanted, is_)


def _by_object(facts: Iterable[Fact]) -> dict[str, dict[Key, str]]:
    objects: dict[str, dict[Key, str]] = {}
    for fact in facts:
        objects.setdefault(fact.object, {})[fact.check, fact.property] = fact.value
    return objects


def _read(connection: Connection, schema: str, *checks: str) -> list[Fact]:
    """What belongs to these checks, or to any."""
    asked = {"schema": schema, "checks": list(checks) or None}
    return [_fact(row) for row in connection.execute(query("facts", of="check"), asked)]


def _fact(row: tuple[object, ...]) -> Fact:
    check, name, of, value = map(str, row)
    return Fact(name, check, of, value)


def _of_guard(fact: Fact, superusers: set[str]) -> Fact:
    """Owner and installer without their name, and what is said of each other check in the property."""
    named = SUPERUSER if fact.value in superusers and fact.property == "owner" else fact.value
    prefix, _, role = fact.property.rpartition(" ")
    of = f"{prefix} {SUPERUSER}".strip() if fact.check == "privileges" and role in superusers else fact.property
    return Fact(fact.object, "guards", f"{fact.check} {of}", named)


def _of_any_partition(fact: Fact) -> Fact:
    return Fact(PARTITION.sub(_ANY_PARTITION, fact.object), fact.check, fact.property, fact.value)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], value)

"""What tests of the check of a database share: its findings as plain tuples, and tamperings that have to make one."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import psycopg

from unbroken.store.check import Outcome, check
from unbroken.store.sql import script

Admin: TypeAlias = psycopg.Connection[tuple[Any, ...]]
Found: TypeAlias = tuple[str, str, str, str]
"""Check, severity, object and what was found."""


@dataclass(frozen=True)
class Tampering:
    """Statements, and the finding that they must make: check, object and words of what was found."""

    statements: str
    check: str
    object: str
    found: str = ""
    severity: str = "fault"


def findings(outcomes: list[Outcome]) -> list[Found]:
    """All findings, in order."""
    return [
        (each.name, found.severity.value, found.object, found.found) for each in outcomes for found in each.findings
    ]


def disarm(admin: Admin) -> None:
    """Takes the guards against DDL away, as a superuser can."""
    admin.execute(script("ddl_guard_off"))


def found_after(admin: Admin, case: Tampering) -> list[Found]:
    """What a check finds once these statements have run; a role and a function stand ready for them."""
    admin.execute("create role access_boss")
    admin.execute("create function public.eq(int, text) returns boolean language sql as 'select true'")
    admin.execute(case.statements.encode())
    return findings(check(admin))


def is_found(case: Tampering, found: list[Found]) -> None:
    """Demands the finding that the tampering has to make."""
    right = [
        each
        for each in found
        if each[:2] == (case.check, case.severity) and each[2] == case.object and case.found in each[3]
    ]
    assert right, found

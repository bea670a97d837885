"""A schema under attack: its names, its logins, and how to tell its verifier's opinion."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.conftest import Server

DUTIES: Final = (
    "writer",
    "server",
    "ops",
    "compliance",
    "legal",
    "dpo",
    "subjects",
    "retention",
    "verifier",
    "access",
    "notary",
)
OUTSIDERS: Final = {"stranger": None, "reads_all": "pg_read_all_data", "writes_all": "pg_write_all_data"}
"""Logins without any duty, and the predefined role that each is a member of."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """``names`` fill in the statements of the catalogue: names of tables, and whole statements that differ by schema.

    ``logins`` has one login for each duty, and ``access2``, a second administrator of access.
    """

    label: str
    schema: str
    owner: str
    logins: Mapping[str, str]
    groups: tuple[str, ...]
    counters: tuple[str, ...]
    """Tables that count and hold no record, so that their rows may change."""
    names: Mapping[str, str]
    findings: Callable[[Server, str], tuple[str, ...]]
    """The kinds of finding that the schema's verifier reports in a database."""
    prepare: Callable[[Server, str], None]
    """Gives a copy of the template the privileges on the database itself, which are not copied."""

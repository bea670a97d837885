"""Policies in force, and what their periods start with, for tests of other things: two logins, a word each."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tests.conftest import LOG, Database
from unbroken.retention.policy_file import set_in
from unbroken.retention.policy_set import PolicySet

PAST = datetime(2015, 3, 1, 12, tzinfo=UTC)
"""When start events were that make what waited for them due at once."""
AT_ONCE = """
[[policy]]
id = "own.account"
title = "What belongs to an account that was closed"
citation = "a test"
basis = "organisation"
jurisdiction = "any"
floor = "1y"
ceiling = "2y"
start = "account_closed"
start_key = "account"
domains = ["accounts"]
"""
"""A policy whose start event can be told long past, so that what is recorded now is due now."""
TEXT = set_in(AT_ONCE).text
"""The same as a log keeps it."""


def put_in_force(database: Database, rules: PolicySet | str, *, log: str = LOG) -> int:
    """Has compliance propose a set, or the TOML text of one, and legal confirm it; returns its version."""
    text = set_in(rules).text if isinstance(rules, str) else rules.text
    with database.connect("compliance") as connection:
        version = proposed(connection, text, log=log)
    with database.connect("legal") as connection:
        connection.execute("select unbroken.confirm_policies(%s, %s::integer)", (log, version))
    return version


def proposed(connection: "psycopg.Connection[Any]", text: str, *, log: str = LOG) -> int:
    """Proposes a set's text as one login; returns its version."""
    row = connection.execute(
        "select version from unbroken.propose_policies(%s, %s, 'a test', %s)", (log, text, Jsonb({"entries": 0}))
    ).fetchone()
    assert row is not None
    return int(row[0])


def ask_standing(
    connection: "psycopg.Connection[Any]", policies: list[str], *, days: float = 30, log: str = LOG
) -> str:
    """Asks for an approval in advance as one login; returns its id."""
    row = connection.execute(
        "select approval::text from unbroken.ask_standing(%s, %s, %s, 'a test')",
        (log, policies, datetime.now(UTC) + timedelta(days=days)),
    ).fetchone()
    assert row is not None
    return str(row[0])


def tell(
    database: Database, kind: str = "account_closed", item: str = "account=1", *, at: datetime = PAST, log: str = LOG
) -> int:
    """Has compliance tell a start event; returns the entry's number."""
    with database.connect("compliance") as connection:
        row = connection.execute(
            "select unbroken.tell_start(%s, %s, %s, %s, 'a test')", (log, kind, item, at)
        ).fetchone()
    assert row is not None
    return int(row[0])

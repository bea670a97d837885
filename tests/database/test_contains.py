"""What entries contain: derived by the database as the package derives it, and found by it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import LiteralString

import psycopg
import pytest

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.raw import Connection, append, new_id, open_ticket, sent
from unbroken.core.kinds import CLASSES, classes_of
from unbroken.store.investigations import Investigations

UNKNOWN = ["EMAIL_ADDRESS", "POLICY_NUMBER", "CREDIT", "SECRETS", "credit_card", "", "é"]
REDACTIONS = [
    ["EMAIL_ADDRESS:1"],
    ["CARD_CODE:1"],
    ["CREDIT_CARD:2", "UK_NHS:1"],
    ["API_KEY:1", "CREDIT_CARD:1", "DE_BSNR:4", "EMAIL_ADDRESS:9"],
    ["UNSCANNED:1"],
    ["UNSCANNED:1", "US_NPI:1"],
    ["no count"],
    [":"],
    ["CREDIT_CARD:1:2", "JWT"],
    None,
]


def expected(redactions: list[str] | None) -> list[str] | None:
    """What the package says of the kinds, sorted."""
    flags = {flag for item in redactions or [] for flag in classes_of(item.split(":")[0])}
    return sorted(flags) or None


def column(database: Database) -> list[list[str] | None]:
    rows = database.admin.execute("select contains from unbroken.entries order by seq").fetchall()
    return [row[0] for row in rows]


# ---- Derived ----


@pytest.mark.parametrize("kind", [*CLASSES, *UNKNOWN])
def test_the_database_knows_each_kind_as_the_package_does(database: Database, kind: str) -> None:
    row = database.admin.execute("select unbroken.classes_of(%s)", (kind,)).fetchone()
    assert row is not None
    assert sorted(row[0]) == sorted(classes_of(kind))


def test_each_entry_has_its_flags_alone_and_in_a_batch(database: Database, writer: Connection) -> None:
    for redactions in REDACTIONS:
        append(writer, [sent(redactions=redactions)])
    append(writer, [sent(redactions=redactions) for redactions in REDACTIONS])
    assert column(database) == [expected(redactions) for redactions in REDACTIONS] * 2
    raw.both_accept(database)


def test_the_logs_own_entries_contain_nothing(database: Database, writer: Connection) -> None:
    writer.execute("select unbroken.stop_recorder(%s, %s, 3)", (LOG, new_id()))
    assert column(database) == [None]


def test_no_event_says_itself_what_it_contains(database: Database, writer: Connection) -> None:
    raw.refused(database, writer, [sent(contains=["health"])])


# ---- Found ----

CARD, HEALTH, BOTH = ["CREDIT_CARD:1"], ["UK_NHS:1"], ["CARD_CODE:1", "DE_BSNR:1"]
SPREAD = [CARD, None, HEALTH, ["EMAIL_ADDRESS:1"], BOTH, ["SECRET:1"], None]


@pytest.fixture
def asking(database: Database, writer: Connection) -> Iterator[Investigations]:
    append(writer, [sent(redactions=redactions, session_id="s", tool="wire") for redactions in SPREAD])
    with database.connect("verifier") as connection:
        yield Investigations(connection, LOG)


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        (["card"], [1, 5]),
        (["health"], [3, 5]),
        (["personal"], [1, 3, 4]),
        (["secret"], [6]),
        (["card", "health"], [1, 3, 5]),
        (["card", "health", "personal", "secret"], [1, 3, 4, 5, 6]),
        (["nothing"], []),
        ([], []),
    ],
)
def test_entries_are_found_by_what_they_contain(asking: Investigations, flags: list[str], found: list[int]) -> None:
    assert [each.seq for each in asking.entries_containing(flags, limit=10)] == found


def test_pages_and_times_bound_what_is_found(asking: Investigations) -> None:
    everything = ["card", "health", "personal", "secret"]
    assert [each.seq for each in asking.entries_containing(everything, limit=2)] == [1, 3]
    assert [each.seq for each in asking.entries_containing(everything, limit=2, after=3)] == [4, 5]
    later = datetime.now(UTC) + timedelta(days=1)
    assert asking.entries_containing(everything, limit=10, since=later) == []
    assert len(asking.entries_containing(everything, limit=10, upto=later)) == 5
    first = asking.entries_containing(["card"], limit=1)[0]
    assert (first.event_type, first.session_id, first.tool, first.contains) == (
        "request",
        "s",
        "wire",
        ["card", "personal"],
    )


@pytest.mark.parametrize("login", ["compliance", "legal", "dpo"])
def test_people_find_them_under_a_ticket(database: Database, asking: Investigations, login: str) -> None:
    with database.connect(login) as connection:
        theirs = Investigations(connection, LOG)
        with pytest.raises(Exception, match="ticket"):
            theirs.entries_containing(["card"], limit=10)
        open_ticket(connection)
        assert [each.seq for each in theirs.entries_containing(["card"], limit=10)] == [1, 5]


@pytest.mark.parametrize("login", ["writer", "ops", "access"])
def test_other_duties_do_not(database: Database, asking: Investigations, login: str) -> None:
    with database.connect(login) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(QUERY, (LOG, ["card"]))


def test_operations_see_the_flags_and_nothing_of_what_was_found(database: Database, asking: Investigations) -> None:
    with database.connect("ops") as connection:
        open_ticket(connection)
        rows = connection.execute("select contains from unbroken.entries where 'health' = any (contains)").fetchall()
        assert rows == [(["health", "personal"],), (["card", "health"],)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select event from unbroken.entries")


QUERY: LiteralString = "select seq from unbroken.entries_containing(%s, %s::text[], null, null, null, null)"


@pytest.mark.parametrize(
    ("flags", "condition"), [(["health"], "health"), (["card"], "card"), (["personal"], "contains IS NOT NULL")]
)
def test_an_index_serves_under_row_security(
    database: Database, asking: Investigations, flags: list[str], condition: str
) -> None:
    """The one of the flag where there is one, else that of all entries with flags."""
    with database.connect("compliance") as connection:
        open_ticket(connection)
        connection.execute("set enable_seqscan = off")
        connection.execute("set enable_bitmapscan = off")
        row = connection.execute(f"explain (format json) {QUERY}".encode(), (LOG, flags)).fetchone()
        assert row is not None
        used = {node["Index Name"] for node in nodes(row[0][0]["Plan"]) if node.get("Relation Name") == "entries_1_0"}
        assert "Function Scan" not in json.dumps(row[0][0]["Plan"])
    definitions = database.admin.execute(
        "select i.relname::text, pg_get_indexdef(i.oid) from pg_class i where i.relname = any (%s)", (list(used),)
    ).fetchall()
    assert any(condition in definition for _, definition in definitions), definitions


def nodes(plan: dict[str, object]) -> Iterator[dict[str, object]]:
    yield plan
    children = plan.get("Plans")
    assert children is None or isinstance(children, list)
    for child in children or ():
        yield from nodes(child)

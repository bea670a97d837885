"""Who may do what: every operation, tried as every login on the real database, comes to what docs/roles.md says."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.conftest import Server
from tests.database import raw
from tests.database.catalogue import Relation, functions, relations
from tests.database.operations import INNER, NO, NOTHING, OWN, TICKET, UNHELD, YES, Found, try_all
from tests.database.role_matrix import DOCUMENT, WRITE, table, with_table, written, wrong_refusals
from tests.database.tenants import DUTIES, GRANTED, LOGINS, MEMBERS, NOBODY, OWNER, READERS, tenants_on


@dataclass(frozen=True)
class Tried:
    """What was found, and what there was to be tried."""

    found: Found
    relations: list[Relation]
    functions: set[str]
    size: int


@pytest.fixture(scope="module")
def tried(server: Server) -> Iterator[Tried]:
    with tenants_on(server) as tenants:
        found = try_all(tenants, LOGINS)
        names = {function.name for function in functions(tenants.admin)}
        yield Tried(found, relations(tenants.admin), names, raw.both_accept(tenants.database))


def test_the_documented_table_is_what_comes_of_trying(tried: Tried) -> None:
    made = table(tried.found, tried.relations)
    if os.environ.get(WRITE):
        DOCUMENT.write_text(with_table(DOCUMENT.read_text(), made))
    assert written(DOCUMENT.read_text()) == made, "python -m tests.database.role_matrix writes it anew"


def test_what_is_refused_is_refused_for_want_of_a_right(tried: Tried) -> None:
    """And never by rows that are silently missing."""
    assert wrong_refusals(tried.found) == []


def test_everything_in_the_schema_was_tried(tried: Tried) -> None:
    functions_tried = {
        operation.target if operation.name == INNER else operation.name
        for operation in tried.found
        if operation.section == "functions"
    }
    assert functions_tried == tried.functions
    for section in ("reading", "changing"):
        targets = {operation.target for operation in tried.found if operation.section == section}
        assert targets == {relation.name for relation in tried.relations}
    read = {(o.target, o.name.removeprefix("column ")) for o in tried.found if o.name.startswith("column ")}
    assert read == {(relation.name, column) for relation in tried.relations for column in relation.columns}


def test_nobody_but_the_owner_changes_a_row_or_a_definition(tried: Tried) -> None:
    for operation, row in tried.found.items():
        if operation.section == "changing":
            assert {row[login].verdict for login in LOGINS if login != OWNER} == {NO}, (
                operation.name,
                operation.target,
            )


def test_half_a_right_is_none(tried: Tried) -> None:
    """Neither a group's member without a grant nor a grant's holder outside the group reads or records anything.

    What is left to a member is about no log: the release's number, a flush, and taking apart a text of its own.
    """
    harmless = {"migrations", "barrier", "said_in"}
    for operation, row in tried.found.items():
        if operation.section == "session" or {operation.name, operation.target} & harmless:
            continue
        found = {row[login].verdict for login in (*MEMBERS, GRANTED, NOBODY)}
        assert found <= ({NO, NOTHING} if operation.section == "functions" else {NO}), (
            operation.name,
            operation.target,
        )


def test_people_read_entries_under_a_ticket_and_not_otherwise(tried: Tried) -> None:
    opened = {"entries", "payloads", "sessions", "approvals", "agent_audit", "audit_log"}
    for operation, row in tried.found.items():
        if operation.section == "reading" and operation.target in opened and operation.name != "rows of another log":
            found = {row[login].verdict for login in READERS} - ({UNHELD} if operation.target == "entries" else set())
            assert found <= {TICKET, NO}, (operation.name, operation.target)


def test_each_duty_can_do_what_it_is_for(tried: Tried) -> None:
    verdicts = {(o.name, o.target): {login: row[login].verdict for login in DUTIES} for o, row in tried.found.items()}
    assert verdicts["append", "events"]["writer"] == verdicts["append", "events"]["server"] == YES
    assert verdicts["whole rows", "payloads"]["verifier"] == YES
    assert verdicts["whole rows", "payloads"]["compliance"] == TICKET
    assert verdicts["whole rows", "entries"]["ops"] == NO
    assert verdicts["column seq", "entries"]["ops"] == UNHELD
    assert verdicts["column seq", "entries"]["legal"] == TICKET
    assert verdicts["SET ROLE", ""]["ops"] == OWN


def test_the_log_is_as_it_was(tried: Tried) -> None:
    """All of it was rolled back, but for the tickets."""
    assert tried.size > len(READERS)

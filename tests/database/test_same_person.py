"""A person who got several pseudonyms, made apart from one another, is one person where approvals are concerned."""

import os

import pytest

from tests.conftest import Database, add_log
from tests.database import raw
from tests.database.raw import Connection, append
from tests.database.test_approval_door import call, decision, refused, request, state
from tests.database.test_identities_door import Name, identify, name


@pytest.fixture
def ann(writer: Connection) -> tuple[str, str]:
    """Two pseudonyms of one person."""
    first, second = name(), name()
    second = Name(second.pseudonym, first.lookup)
    identify(writer, first, second, as_proposed=True)
    return first.pseudonym, second.pseudonym


@pytest.fixture
def bob(writer: Connection) -> str:
    """The pseudonym of another person."""
    return identify(writer, name())[0]


def same(database: Database, log: int, one: str | None, other: str | None) -> bool:
    row = database.admin.execute("select unbroken.same_person(%s, %s, %s)", (log, one, other)).fetchone()
    assert row is not None
    return bool(row[0])


def test_equal_names_and_pseudonyms_of_one_name_are_one_person(
    database: Database, ann: tuple[str, str], bob: str
) -> None:
    assert same(database, 1, "u-1", "u-1")
    assert same(database, 1, *ann)
    assert same(database, 1, *reversed(ann))
    assert not same(database, 1, ann[0], bob)
    assert not same(database, 1, "u-1", "u-2")
    assert not same(database, 1, ann[0], "u-1")
    for one, other in ((None, None), (None, "u-1"), (ann[0], None)):
        assert not same(database, 1, one, other)


def test_pseudonyms_are_one_persons_in_their_own_log(database: Database, ann: tuple[str, str]) -> None:
    add_log(database.admin, "other.example/agents")
    assert not same(database, 2, *ann)


def test_nobody_approves_its_own_request_under_another_pseudonym(
    database: Database, writer: Connection, ann: tuple[str, str]
) -> None:
    asked = request(actor_id=ann[0])
    append(writer, [asked])
    refused(database, writer, decision(asked, actor_id=ann[1], said={"by": ann[1]}), why="own request")
    assert state(writer, asked) == "pending"


def test_nobody_approves_its_own_call_under_another_pseudonym(
    database: Database, writer: Connection, ann: tuple[str, str], bob: str
) -> None:
    """Somebody else asked for it, and the one who decided makes the call."""
    asked = request(actor_id=bob)
    append(writer, [asked, decision(asked, actor_id=ann[0], said={"by": ann[0]})])
    refused(database, writer, call(asked, actor_id=ann[1], said={"by": ann[0]}), why="mismatch")
    append(writer, [call(asked, actor_id=bob, said={"by": ann[0]})])
    assert state(writer, asked) == "used"
    raw.both_accept(database)


def test_an_agent_that_is_the_person_does_not_decide(
    database: Database, writer: Connection, ann: tuple[str, str], bob: str
) -> None:
    asked = request(actor_id=bob, agent_id=ann[0])
    append(writer, [asked])
    refused(database, writer, decision(asked, actor_id=ann[1], said={"by": ann[1]}), why="own request")


def test_another_person_decides_under_a_pseudonym(
    database: Database, writer: Connection, ann: tuple[str, str], bob: str
) -> None:
    asked = request(actor_id=ann[0])
    append(writer, [asked, decision(asked, actor_id=bob, said={"by": bob})])
    append(writer, [call(asked, actor_id=ann[1], said={"by": bob})])
    assert state(writer, asked) == "used"
    raw.both_accept(database)


def test_pseudonyms_that_nobody_registered_are_not_known_to_be_one_persons(
    database: Database, writer: Connection
) -> None:
    """What the database can't know: whoever records under pseudonyms registers them first."""
    one, other = (f"p-{os.urandom(16).hex()}" for _ in range(2))
    asked = request(actor_id=one)
    append(writer, [asked, decision(asked, actor_id=other, said={"by": other})])
    assert state(writer, asked) == "approved"

"""What the door accepts of approvals: a reader of the log may rely on every rule here, whatever the recorder was."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.conftest import LOG, Database, add_log, add_login
from tests.database import raw
from tests.database.raw import TS, Connection, Sent, append, sent
from unbroken.core.times import format_time

HASH = "k1:" + "a" * 64
OTHER_HASH = "k1:" + "b" * 64


def until(**ahead: float) -> list[str]:
    return [f"valid_until={format_time(datetime.now(UTC) + timedelta(**ahead))}"]


def request(**given: Any) -> Sent:
    fields = {
        "event_type": "approval_requested",
        "actor_id": "u-1",
        "agent_id": "bot",
        "tool": "wire",
        "call_id": "c-1",
    }
    return sent(**{**fields, "decision": {"arguments_hash": HASH}, "scope": until(hours=1), **given})


def decision(asked: Sent, outcome: str = "approved", *, said: dict[str, Any] | None = None, **given: Any) -> Sent:
    said = {"arguments_hash": HASH, "at": TS, "by": "boss", "outcome": outcome, "request": id_of(asked), **(said or {})}
    fields = {"event_type": "approval_decided", "actor_id": "boss", "tool": "wire", "call_id": "c-1"}
    scope = until(hours=1) if outcome == "approved" else None
    return sent(**{**fields, "decision": present(said), "scope": scope, **given})


def call(asked: Sent, *, said: dict[str, Any] | None = None, **given: Any) -> Sent:
    said = {
        "arguments_hash": HASH,
        "at": TS,
        "by": "boss",
        "outcome": "approved",
        "request": id_of(asked),
        **(said or {}),
    }
    fields = {"event_type": "tool_call", "actor_id": "u-1", "agent_id": "bot", "tool": "wire", "call_id": "c-1"}
    return sent(**{**fields, "side_effect": True, "decision": present(said), **given})


def present(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def id_of(item: Sent) -> str:
    return str(json.loads(str(item.text))["id"])


def refused(database: Database, writer: Connection, *batch: Sent, why: str) -> None:
    error = raw.refused(database, writer, batch, state="UB005")
    assert error.diag.message_hint == why
    assert error.diag.message_detail == str(len(batch) - 1)


def state(writer: Connection, asked: Sent) -> str:
    row = writer.execute(
        "select state from unbroken.approvals_of(%s, %s::uuid, null, null)", (LOG, id_of(asked))
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_an_approval_serves_one_call(database: Database, writer: Connection) -> None:
    asked = request()
    append(writer, [asked])
    assert state(writer, asked) == "pending"
    append(writer, [decision(asked)])
    assert state(writer, asked) == "approved"
    append(writer, [call(asked)])
    assert state(writer, asked) == "used"
    refused(database, writer, sent(), call(asked), why="used")
    refused(database, writer, decision(asked, "denied"), why="used")
    raw.both_accept(database)


@pytest.mark.parametrize("missing", ["tool", "call_id", "scope"])
def test_a_request_says_what_it_is_about_and_until_when(database: Database, writer: Connection, missing: str) -> None:
    refused(database, writer, request(**{missing: None}), why="mismatch")
    refused(database, writer, request(decision={"by": "x"}), why="mismatch")


@pytest.mark.parametrize(
    "scope", ["valid_until=tomorrow", "valid_until=", "valid_until=2026-13-01T00:00:00.000000Z", "until=x"]
)
def test_a_time_that_is_none_is_no_validity(database: Database, writer: Connection, scope: str) -> None:
    refused(database, writer, request(scope=[scope]), why="mismatch")
    asked = request()
    append(writer, [asked])
    refused(database, writer, decision(asked, scope=[scope]), why="mismatch")


@pytest.mark.parametrize(
    "changed",
    [
        {"tool": "other"},
        {"call_id": "c-2"},
        {"said": {"arguments_hash": OTHER_HASH}},
        {"said": {"arguments_hash": None}},
    ],
)
def test_a_decision_and_a_call_are_about_what_was_asked(
    database: Database, writer: Connection, changed: dict[str, Any]
) -> None:
    asked = request()
    append(writer, [asked])
    refused(database, writer, decision(asked, **changed), why="mismatch")
    append(writer, [decision(asked)])
    refused(database, writer, call(asked, **changed), why="mismatch")
    append(writer, [call(asked)])


def test_without_a_request_there_is_no_decision_and_no_approved_call(database: Database, writer: Connection) -> None:
    stranger = request()
    refused(database, writer, decision(stranger), why="unknown")
    refused(database, writer, call(stranger), why="unknown")
    refused(database, writer, call(stranger, said={"request": None}), why="unknown")
    plain = sent()
    append(writer, [plain])
    refused(database, writer, decision(plain), why="unknown")


def test_a_request_of_another_log_does_not_count(database: Database, writer: Connection) -> None:
    add_log(database.admin, "second")
    asked = request()
    append(writer, [asked], log="second")
    refused(database, writer, decision(asked), why="unknown")


def test_a_call_that_is_not_approved_makes_no_such_claim(database: Database, writer: Connection) -> None:
    asked = request()
    append(writer, [asked])
    refused(database, writer, call(asked), why="pending")
    append(writer, [call(asked, said={"outcome": None})])
    assert state(writer, asked) == "pending"


@pytest.mark.parametrize("who", ["u-1", "bot"])
def test_nobody_approves_what_they_asked_for(database: Database, writer: Connection, who: str) -> None:
    asked = request()
    append(writer, [asked])
    refused(database, writer, decision(asked, actor_id=who, said={"by": who}), why="own request")
    append(writer, [decision(asked, "denied", actor_id=who, said={"by": who})])


def test_nobody_decides_in_another_name(database: Database, writer: Connection) -> None:
    asked = request()
    append(writer, [asked])
    refused(database, writer, decision(asked, said={"by": "somebody"}), why="mismatch")
    refused(database, writer, decision(asked, said={"at": None}), why="mismatch")


@pytest.mark.parametrize(
    "changed",
    [
        {"said": {"by": "another"}},
        {"said": {"at": "2026-03-01T09:00:00.000001Z"}},
        {"actor_id": "boss"},
        {"agent_id": "boss"},
    ],
)
def test_a_call_tells_the_decision_as_it_was(database: Database, writer: Connection, changed: dict[str, Any]) -> None:
    asked = request()
    append(writer, [asked])
    append(writer, [decision(asked)])
    refused(database, writer, call(asked, **changed), why="mismatch")


def test_a_denial_is_final(database: Database, writer: Connection) -> None:
    asked = request()
    append(writer, [asked, decision(asked, "denied")])
    assert state(writer, asked) == "denied"
    refused(database, writer, decision(asked), why="denied")
    refused(database, writer, decision(asked, "denied"), why="denied")
    refused(database, writer, call(asked), why="denied")


def test_an_approval_can_be_withdrawn_and_not_repeated(database: Database, writer: Connection) -> None:
    asked = request()
    append(writer, [asked, decision(asked)])
    refused(database, writer, decision(asked), why="mismatch")
    append(writer, [decision(asked, "denied")])
    refused(database, writer, call(asked), why="denied")


def test_a_decision_comes_before_the_call_in_a_commit_of_its_own(database: Database, writer: Connection) -> None:
    asked = request()
    append(writer, [asked])
    refused(database, writer, decision(asked), call(asked), why="mismatch")


def test_time_ends_requests_and_approvals(database: Database, writer: Connection) -> None:
    late = request(scope=until(seconds=-1))
    append(writer, [late])
    assert state(writer, late) == "expired"
    refused(database, writer, decision(late), why="expired")
    append(writer, [decision(late, "denied")])
    asked = request()
    append(writer, [asked, decision(asked, scope=until(seconds=-1))])
    assert state(writer, asked) == "expired"
    refused(database, writer, call(asked), why="expired")


def test_two_decisions_in_one_batch_are_seen_in_order(database: Database, writer: Connection) -> None:
    asked = request()
    append(writer, [asked])
    refused(database, writer, decision(asked, "denied"), decision(asked), why="denied")
    append(writer, [decision(asked), decision(asked, "denied")])
    assert state(writer, asked) == "denied"


def test_one_login_for_request_and_decision_is_told(database: Database, writer: Connection) -> None:
    add_login(database.admin, "approver", duty="writer")
    mine, theirs = request(), request(call_id="c-2")
    append(writer, [mine, theirs])
    append(writer, [decision(mine)])
    with database.connect("approver") as approver:
        append(approver, [decision(theirs, call_id="c-2", recorder=raw.new_id())])
    statement = "select by, self_attested from unbroken.approvals_of(%s, null, %s, %s)"
    assert writer.execute(statement, (LOG, "c-1", HASH)).fetchall() == [("boss", True)]
    assert writer.execute(statement, (LOG, "c-2", HASH)).fetchall() == [("boss", False)]


@pytest.mark.parametrize(
    "arguments", [(None, None, None), (raw.RECORDER, "c", HASH), (None, "c", None), (None, None, HASH)]
)
def test_one_asks_by_request_or_by_call(writer: Connection, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(psycopg.Error) as caught:
        writer.execute("select * from unbroken.approvals_of(%s, %s::uuid, %s, %s)", (LOG, *arguments))
    assert caught.value.sqlstate == "UB002"


@pytest.mark.parametrize(
    "change",
    [
        "outcome = 'approved', decided_seq = 9",
        "outcome = null, decided_seq = null",
        "used_seq = null",
        "call_id = 'x'",
        "requested_until = now() + interval '9 y'",
    ],
)
def test_what_was_decided_stays_decided(database: Database, writer: Connection, change: LiteralString) -> None:
    denied, used = request(), request(call_id="c-2")
    append(writer, [denied, used, decision(denied, "denied"), decision(used, call_id="c-2")])
    append(writer, [call(used, call_id="c-2")])
    for statement in (sql.SQL("update unbroken.approvals set {}"), sql.SQL("delete from unbroken.approvals")):
        with pytest.raises(psycopg.Error) as caught:
            database.admin.execute(statement.format(sql.SQL(change)))
        assert caught.value.sqlstate == "UB010"

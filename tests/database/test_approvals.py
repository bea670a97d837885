"""Approvals: a tool that needs one runs only under a decision about this very call that came before and holds still."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import plain
from tests.conftest import LOG, Database, add_login
from tests.database.recorded import Entries, events, only, refused, types
from unbroken.capture import Trail
from unbroken.core.keyed import LogKey
from unbroken.errors import (
    AccessDeniedError,
    ConfigurationError,
    InvalidEventError,
    NotApprovedError,
    RecordingStoppedError,
)
from unbroken.ledger.approval import Approval
from unbroken.ledger.draft import Draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.receipt import Kept
from unbroken.store.connection import connect
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter
from unbroken.verify.run import verify_log

SOON = timedelta(milliseconds=1)
AN_HOUR = timedelta(hours=1)


class Bank:
    """A tool that needs an approval, and what it has done."""

    def __init__(self, trail: Trail) -> None:
        self.trail = trail
        self.wired: list[tuple[str, int]] = []
        self.wire: Callable[..., str] = trail.tool(
            side_effect=True, requires_approval=True, resource=("account", "iban"), name="wire"
        )(self._wire)

    def _wire(self, iban: str, amount: int = 1) -> str:
        self.wired.append((iban, amount))
        return "done"

    def call(self, *arguments: Any, call_id: str = "c1", actor: str = "u-7") -> str:
        """One call as the model asked for it, in a turn of its own."""
        with self.trail.session("s-1", actor=actor, agent="teller") as session, session.turn("wire it") as turn:
            try:
                with self.trail.called_as(call_id):
                    return self.wire(*arguments)
            finally:
                turn.respond()

    def refusal(self, *arguments: Any, **where: Any) -> NotApprovedError:
        """The error of a call that must not run."""
        before = list(self.wired)
        with pytest.raises(NotApprovedError) as caught:
            self.call(*arguments, **where)
        assert self.wired == before, "it ran"
        return caught.value

    def ask(self, *arguments: Any, **where: Any) -> str:
        """A call for which nobody was asked yet; gives the request."""
        error = self.refusal(*arguments, **where)
        assert error.state == "pending"
        assert error.request_id is not None
        return error.request_id


@pytest.fixture
def bank(trail: Trail) -> Bank:
    return Bank(trail)


@pytest.fixture
def approver(database: Database) -> Iterator[Trail]:
    """A trail of another login, which may record into the same log; it does not have the log's key."""
    with connect(database.server.conninfo("postgres", database.name)) as connection:
        add_login(connection, "approver", duty="writer")
    with plain.Trail(Ledger(lambda _: LogWriter(database.conninfo("approver"), LOG))) as trail:
        yield trail


def told(entries: Entries, event_type: str) -> list[dict[str, Any]]:
    return [event for event in events(entries) if event["event_type"] == event_type]


def refusals(entries: Entries) -> list[dict[str, Any]]:
    """The events that say that a call was refused; the errors that its turn ended in come on top."""
    return [event for event in told(entries, "error") if event["status"] == "refused"]


# ---- the way it goes well ----


def test_a_call_asks_waits_and_runs_once(bank: Bank, approver: Trail, entries: Entries) -> None:
    error = bank.refusal("NL-1", 5)
    assert (error.state, error.call_id) == ("pending", "c1")
    assert str(error) == "This action needs an approval, which has been asked for and is not given yet."
    assert error.request_id is not None
    approved = approver.decide(error.request_id, "approve", by="alice", reason="within limit")
    assert (approved.state, approved.by, approved.self_attested) == ("approved", "alice", False)
    assert bank.call("NL-1", 5) == "done"
    assert bank.wired == [("NL-1", 5)]
    assert bank.refusal("NL-1", 5).state == "used"
    assert approver.approval(error.request_id).state == "used"


def test_the_request_says_what_is_to_be_done(bank: Bank, entries: Entries) -> None:
    request = bank.ask("NL-1", 5)
    asked = only(entries, "approval_requested")
    assert asked["id"] == request
    assert (asked["tool"], asked["call_id"], asked["inputs"]) == ("wire", "c1", {"iban": "NL-1", "amount": 5})
    assert (asked["session_id"], asked["actor_id"], asked["agent_id"]) == ("s-1", "u-7", "teller")
    assert (asked["turn_id"], asked["parent_id"]) == (
        only(entries, "request")["turn_id"],
        only(entries, "request")["id"],
    )
    assert (asked["resource_type"], asked["resource_id"]) == ("account", "NL-1")
    assert list(asked["decision"]) == ["arguments_hash"]
    (until,) = asked["scope"]
    assert until.startswith("valid_until=")
    assert asked["ts"] < until.removeprefix("valid_until=")
    assert "tool_call" not in types(entries)


def test_the_decision_is_bound_to_the_request(bank: Bank, approver: Trail, entries: Entries) -> None:
    request = bank.ask("NL-1", 5)
    approver.decide(request, "approve", by="alice", reason="within limit", purpose="payroll")
    asked, decided = only(entries, "approval_requested"), only(entries, "approval_decided")
    assert (decided["parent_id"], decided["decision"]["request"]) == (request, request)
    for key in ("tool", "call_id", "session_id", "turn_id"):
        assert decided[key] == asked[key]
    assert decided["decision"]["arguments_hash"] == asked["decision"]["arguments_hash"]
    assert (decided["decision"]["by"], decided["decision"]["outcome"]) == ("alice", "approved")
    assert (decided["actor_id"], decided["actor_type"], decided["purpose"]) == ("alice", "user", "payroll")
    assert decided["details"] == {"reason": "within limit"}
    assert [item.partition("=")[0] for item in decided["scope"]] == ["valid_until"]
    assert "agent_id" not in decided


def test_the_call_states_the_decision_that_it_runs_under(bank: Bank, approver: Trail, entries: Entries) -> None:
    approver.decide(bank.ask("NL-1", 5), "approve", by="alice")
    bank.call("NL-1", 5)
    call, decided = only(entries, "tool_call"), only(entries, "approval_decided")
    assert call["decision"] == decided["decision"]
    assert (call["side_effect"], call["inputs"]) == (True, {"iban": "NL-1", "amount": 5})
    assert "details" not in call
    assert [event["event_type"] for event in events(entries)][-5:-2] == ["tool_call", "tool_result", "data_modified"]


def test_an_approval_that_is_asked_for_ahead_needs_no_refusal(
    trail: Trail, bank: Bank, approver: Trail, entries: Entries
) -> None:
    with trail.session("s-1", actor="u-7", agent="teller", scope=["system=core"]) as session, session.turn() as turn:
        asked = trail.request_approval(
            tool="wire", call_id="c1", arguments={"iban": "NL-1"}, reason="a large one", policy="four eyes"
        )
        turn.respond("One moment.")
    assert (asked.state, asked.requested_by, asked.agent_id) == ("pending", "u-7", "teller")
    approver.decide(asked, "approve", by="alice")
    bank.call("NL-1", 1)
    request = only(entries, "approval_requested")
    assert request["inputs"] == {"iban": "NL-1", "amount": 1}, "the default counts as asked for"
    assert (request["decision"]["policy"], request["details"]) == ("four eyes", {"reason": "a large one"})
    assert request["scope"][0] == "system=core"


def test_variable_arguments_are_bound_as_they_are(trail: Trail, approver: Trail, entries: Entries) -> None:
    seen: list[object] = []

    @trail.tool(requires_approval=True)
    def run(*parts: str, **options: int) -> None:
        seen.append((parts, options))

    def attempt() -> None:
        with trail.session(actor="u") as session, session.turn(), trail.called_as("c1"):
            run("a", "b", n=1)

    with pytest.raises(NotApprovedError) as caught:
        attempt()
    approver.decide(str(caught.value.request_id), "approve", by="alice")
    attempt()
    assert seen == [(("a", "b"), {"n": 1})]
    assert len(told(entries, "approval_requested")) == 1


def test_a_call_without_an_id_says_under_which_to_call_again(
    trail: Trail, bank: Bank, approver: Trail, entries: Entries
) -> None:
    with trail.session(actor="u-7") as session, session.turn() as turn:
        for _ in range(2):
            with pytest.raises(NotApprovedError) as caught:
                bank.wire("NL-1")
        turn.respond()
    first, second = told(entries, "approval_requested")
    assert first["call_id"] != second["call_id"] == caught.value.call_id
    approver.decide(second["id"], "approve", by="alice")
    bank.call("NL-1", call_id=second["call_id"])
    assert bank.wired == [("NL-1", 1)]


def test_outside_any_session_it_is_the_same(trail: Trail, bank: Bank, approver: Trail, entries: Entries) -> None:
    with trail.called_as("c1"), pytest.raises(NotApprovedError) as caught:
        bank.wire("NL-1")
    assert only(entries, "approval_requested")["actor_id"] == "unknown"
    approver.decide(str(caught.value.request_id), "approve", by="alice")
    with trail.called_as("c1"):
        bank.wire("NL-1")
    assert only(entries, "tool_call")["details"] == {"orphan": True}
    with pytest.raises(InvalidEventError, match="actor_id"):
        trail.request_approval(tool="wire", call_id="c2", arguments={})
    asked = trail.request_approval(tool="wire", call_id="c2", arguments={}, actor_id="job", actor_type="system")
    assert asked.requested_by == "job"


# ---- each reason not to run ----


def test_without_a_decision_it_does_not_run_and_asks_once(bank: Bank, entries: Entries) -> None:
    first = bank.ask("NL-1", 5)
    again = bank.refusal("NL-1", 5)
    assert (again.state, again.request_id) == ("pending", first)
    assert types(entries).count("approval_requested") == 1
    assert "error" not in types(entries), "who waits has not been refused"


def test_after_a_denial_it_does_not_run(bank: Bank, approver: Trail, entries: Entries) -> None:
    request = bank.ask("NL-1", 5)
    denied = approver.decide(request, "deny", by="alice", reason="unknown payee")
    assert (denied.state, denied.outcome, denied.by) == ("denied", "denied", "alice")
    error = bank.refusal("NL-1", 5)
    assert (error.state, error.request_id, str(error)) == (
        "denied",
        request,
        "This action needs an approval, which was denied.",
    )
    (refusal,) = refusals(entries)
    assert (refusal["tool"], refusal["call_id"], refusal["resource_id"]) == ("wire", "c1", "NL-1")
    assert refusal["details"] == {"approval": "denied", "request": request}
    decided = only(entries, "approval_decided")
    assert (decided["decision"]["outcome"], decided["details"]) == ("denied", {"reason": "unknown payee"})
    assert "scope" not in decided


def test_after_an_expiry_it_does_not_run(bank: Bank, approver: Trail, entries: Entries) -> None:
    request = bank.ask("NL-1", 5)
    approver.decide(request, "approve", by="alice", valid_for=SOON)
    assert bank.refusal("NL-1", 5).state == "expired"
    assert [refusal["details"]["approval"] for refusal in refusals(entries)] == ["expired"]


def test_a_request_can_be_decided_in_its_time_only(trail: Trail, approver: Trail) -> None:
    asked = trail.request_approval(
        tool="wire", call_id="c1", arguments={}, valid_for=SOON, actor_id="u", actor_type="user"
    )
    assert trail.approval(asked.request).state == "expired"
    with pytest.raises(InvalidEventError, match="expired"):
        approver.decide(asked, "approve", by="alice")
    assert approver.decide(asked, "deny", by="alice").state == "denied"


@pytest.mark.parametrize(
    ("arguments", "where"),
    [(("NL-1", 5), {"call_id": "c2"}), (("NL-1", 6), {}), (("NL-2", 5), {}), (("NL-1", "5"), {})],
    ids=["another call", "another amount", "another account", "another type"],
)
def test_an_approval_is_for_one_call_with_its_arguments(
    bank: Bank, approver: Trail, entries: Entries, arguments: tuple[object, ...], where: dict[str, str]
) -> None:
    request = bank.ask("NL-1", 5)
    approver.decide(request, "approve", by="alice")
    other = bank.refusal(*arguments, **where)
    assert other.state == "pending"
    assert other.request_id != request
    assert bank.call("NL-1", 5) == "done", "the approved one is unharmed"


def test_an_approval_is_for_one_tool(trail: Trail, bank: Bank, approver: Trail) -> None:
    approver.decide(bank.ask("NL-1", 5), "approve", by="alice")

    @trail.tool(requires_approval=True)
    def drain(iban: str, amount: int) -> None:
        pytest.fail("it ran")

    with (
        trail.session(actor="u-7") as session,
        session.turn(),
        trail.called_as("c1"),
        pytest.raises(NotApprovedError) as caught,
    ):
        drain("NL-1", 5)
    assert caught.value.state == "pending"


@pytest.mark.parametrize("by", ["u-7", "teller"])
def test_whoever_asked_can_not_approve(bank: Bank, approver: Trail, entries: Entries, by: str) -> None:
    request = bank.ask("NL-1", 5)
    with pytest.raises(InvalidEventError, match="can't approve"):
        approver.decide(request, "approve", by=by)
    assert bank.refusal("NL-1", 5).state == "pending"
    assert approver.decide(request, "deny", by=by).state == "denied", "but may think better of it"


def test_whoever_calls_can_not_have_approved(bank: Bank, approver: Trail, entries: Entries) -> None:
    request = bank.ask("NL-1", 5)
    approver.decide(request, "approve", by="alice")
    error = bank.refusal("NL-1", 5, actor="alice")
    assert (error.state, error.request_id) == ("unknown", request)
    assert len(refusals(entries)) == 1
    assert bank.call("NL-1", 5) == "done"


def test_an_approval_is_used_once_also_by_many_at_once(bank: Bank, approver: Trail, entries: Entries) -> None:
    approver.decide(bank.ask("NL-1", 5), "approve", by="alice")
    go = threading.Barrier(6)

    def attempt(_: int) -> str:
        go.wait(10)
        try:
            return bank.call("NL-1", 5)
        except NotApprovedError as error:
            return error.state

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(attempt, range(6))) == ["done", *["used"] * 5]
    assert bank.wired == [("NL-1", 5)]
    assert len(told(entries, "tool_call")) == 1
    assert [refusal["details"]["approval"] for refusal in refusals(entries)] == ["used"] * 5


def test_a_tool_that_failed_has_used_its_approval(trail: Trail, approver: Trail) -> None:
    @trail.tool(requires_approval=True)
    def fragile() -> None:
        raise LookupError

    def attempt() -> None:
        with trail.session(actor="u") as session, session.turn(), trail.called_as("c1"):
            fragile()

    with pytest.raises(NotApprovedError) as caught:
        attempt()
    approver.decide(str(caught.value.request_id), "approve", by="alice")
    with pytest.raises(LookupError):
        attempt()
    with pytest.raises(NotApprovedError) as caught:
        attempt()
    assert caught.value.state == "used"


# ---- decisions ----


def test_a_denial_is_final(bank: Bank, approver: Trail) -> None:
    request = bank.ask("NL-1", 5)
    approver.decide(request, "deny", by="alice")
    for verdict in ("approve", "deny"):
        with pytest.raises(InvalidEventError, match="final"):
            approver.decide(request, verdict, by="bob")
    assert bank.refusal("NL-1", 5).state == "denied"


def test_a_denial_withdraws_an_approval_that_is_not_used(bank: Bank, approver: Trail) -> None:
    request = bank.ask("NL-1", 5)
    approver.decide(request, "approve", by="alice")
    approver.decide(request, "deny", by="bob")
    assert bank.refusal("NL-1", 5).state == "denied"


def test_what_is_done_can_not_be_denied_any_more(bank: Bank, approver: Trail) -> None:
    request = bank.ask("NL-1", 5)
    approver.decide(request, "approve", by="alice")
    bank.call("NL-1", 5)
    with pytest.raises(InvalidEventError, match="has been used"):
        approver.decide(request, "deny", by="bob")


def test_a_request_is_approved_once(bank: Bank, approver: Trail) -> None:
    request = bank.ask("NL-1", 5)
    approver.decide(request, "approve", by="alice")
    with pytest.raises(InvalidEventError, match="approved already"):
        approver.decide(request, "approve", by="bob", valid_for=timedelta(days=30))


def test_after_a_denial_or_an_expiry_it_can_be_asked_for_again(trail: Trail, bank: Bank, approver: Trail) -> None:
    approver.decide(bank.ask("NL-1", 5), "deny", by="alice")
    asked = {"tool": "wire", "call_id": "c1", "arguments": {"iban": "NL-1", "amount": 5}}
    second = trail.request_approval(**asked, actor_id="u-7", actor_type="user")  # type: ignore[arg-type]
    assert bank.refusal("NL-1", 5).request_id == second.request
    approver.decide(second, "approve", by="alice", valid_for=SOON)
    assert bank.refusal("NL-1", 5).state == "expired"
    third = trail.request_approval(**asked, actor_id="u-7", actor_type="user")  # type: ignore[arg-type]
    approver.decide(third, "approve", by="alice")
    assert bank.call("NL-1", 5) == "done"


def test_of_two_requests_for_one_call_either_may_be_approved(trail: Trail, bank: Bank, approver: Trail) -> None:
    first = bank.ask("NL-1", 5)
    asked = {"tool": "wire", "call_id": "c1", "arguments": {"iban": "NL-1", "amount": 5}}
    trail.request_approval(**asked, actor_id="u-7", actor_type="user")  # type: ignore[arg-type]
    approver.decide(first, "approve", by="alice")
    assert bank.call("NL-1", 5) == "done"


def test_a_newer_denial_overrules_an_older_approval(trail: Trail, bank: Bank, approver: Trail) -> None:
    first = bank.ask("NL-1", 5)
    asked = {"tool": "wire", "call_id": "c1", "arguments": {"iban": "NL-1", "amount": 5}}
    second = trail.request_approval(**asked, actor_id="u-7", actor_type="user")  # type: ignore[arg-type]
    approver.decide(first, "approve", by="alice")
    approver.decide(second, "deny", by="bob")
    assert bank.refusal("NL-1", 5).state == "denied"


def test_through_the_requests_own_login_a_decision_is_self_attested(
    trail: Trail, bank: Bank, approver: Trail, entries: Entries
) -> None:
    own, other = bank.ask("NL-1", call_id="c1"), bank.ask("NL-1", call_id="c2")
    assert trail.decide(own, "approve", by="alice").self_attested
    assert not approver.decide(other, "approve", by="alice").self_attested
    bank.call("NL-1", call_id="c1")
    bank.call("NL-1", call_id="c2")
    marked, unmarked = told(entries, "approval_decided")
    assert (marked["details"], "details" in unmarked) == ({"self_attested": True}, False)
    marked, unmarked = told(entries, "tool_call")
    assert (marked["details"], "details" in unmarked) == ({"self_attested": True}, False)


def test_a_request_that_is_not_there_is_unknown(trail: Trail) -> None:
    nowhere = "00000000-0000-7000-8000-000000000000"
    with pytest.raises(NotApprovedError) as caught:
        trail.approval(nowhere)
    assert (caught.value.state, caught.value.request_id) == ("unknown", nowhere)
    with pytest.raises(NotApprovedError):
        trail.decide(nowhere, "approve", by="alice")


def test_a_decision_in_a_turn_is_not_the_turns(trail: Trail, bank: Bank, entries: Entries) -> None:
    request = bank.ask("NL-1", 5)
    with trail.session("desk", actor="boss", agent="desk-agent") as session, session.turn() as turn:
        trail.decide(request, "approve", by="alice")
        turn.respond()
    decided = only(entries, "approval_decided")
    assert (decided["session_id"], decided["actor_id"], "agent_id" in decided) == ("s-1", "alice", False)


@pytest.mark.parametrize("valid_for", [timedelta(0), -AN_HOUR, timedelta.max])
def test_a_length_of_time_that_makes_no_sense_is_refused(trail: Trail, bank: Bank, valid_for: timedelta) -> None:
    with pytest.raises(ConfigurationError, match="days"):
        trail.request_approval(tool="wire", call_id="c1", arguments={}, valid_for=valid_for)
    with pytest.raises(ConfigurationError, match="days"):
        trail.decide(bank.ask("NL-1"), "approve", by="alice", valid_for=valid_for)


def test_a_verdict_is_approve_or_deny(trail: Trail, bank: Bank, entries: Entries) -> None:
    with pytest.raises(ConfigurationError, match="approve or deny"):
        trail.decide(bank.ask("NL-1"), "approved", by="alice")  # type: ignore[arg-type]
    assert "approval_decided" not in types(entries)


def test_without_the_logs_key_nothing_can_be_asked_for(approver: Trail) -> None:
    with pytest.raises(ConfigurationError, match="key"):
        approver.tool(requires_approval=True)(lambda: None)
    with pytest.raises(ConfigurationError, match="key"):
        approver.request_approval(tool="t", call_id="c", arguments={}, actor_id="a", actor_type="user")


def test_another_key_makes_another_request(database: Database, bank: Bank, approver: Trail) -> None:
    approver.decide(bank.ask("NL-1", 5), "approve", by="alice")
    ledger = Ledger(lambda _: LogWriter(database.conninfo("writer"), LOG), key=LogKey.generate())
    with plain.Trail(ledger) as other:
        assert Bank(other).refusal("NL-1", 5).state == "pending"


# ---- in a turn ----


def test_the_turn_goes_on_without_what_was_not_approved(
    trail: Trail, bank: Bank, approver: Trail, entries: Entries
) -> None:
    @trail.tool
    def look() -> str:
        return "still here"

    approver.decide(bank.ask("NL-1", call_id="c2"), "deny", by="alice")
    with trail.session(actor="u-7") as session, session.turn() as turn:
        for call_id in ("c1", "c2"):
            with trail.called_as(call_id), suppress(NotApprovedError):
                bank.wire("NL-1")
        turn.respond(look())
    assert types(entries)[-4:] == ["tool_call", "tool_result", "response", "conversation_ended"]


def test_a_turn_that_ends_because_an_approval_is_pending_is_paused(trail: Trail, bank: Bank, entries: Entries) -> None:
    def run() -> None:
        with trail.session(actor="u-7") as session, session.turn(), trail.called_as("c1"):
            bank.wire("NL-1")

    with pytest.raises(NotApprovedError):
        run()
    note, ended = only(entries, "annotated"), only(entries, "conversation_ended")
    assert (note["status"], ended["status"]) == ("paused", "paused")
    assert note["parent_id"] == only(entries, "request")["id"]
    assert "error" not in types(entries)


def test_a_turn_that_ends_because_of_a_denial_ends_in_an_error(
    trail: Trail, bank: Bank, approver: Trail, entries: Entries
) -> None:
    approver.decide(bank.ask("NL-1"), "deny", by="alice")
    with (
        pytest.raises(NotApprovedError),
        trail.session(actor="u-7") as session,
        session.turn(),
        trail.called_as("c1"),
    ):
        bank.wire("NL-1")
    assert [error["status"] for error in told(entries, "error")] == ["refused", "error"]


def test_when_the_request_can_not_be_recorded_the_turn_stops(
    trail: Trail, bank: Bank, database: Database, ledger: Ledger, entries: Entries
) -> None:
    def run() -> None:
        with session.turn():
            with refused(database, ledger), suppress(AccessDeniedError):
                bank.wire("NL-1")
            bank.wire("NL-1")

    with trail.session(actor="u-7") as session, pytest.raises(RecordingStoppedError):
        run()
    assert bank.wired == []
    assert "approval_requested" not in types(entries)


class _Spooling(Ledger):
    """As one with a spool when the log goes away after it was asked whether a call is approved."""

    def record(self, drafts: Sequence[Draft], *, deadline_s: float | None = None) -> list[Kept]:
        if drafts[0].event.event_type == "tool_call":
            raise NotApprovedError("unchecked", index=0)
        return super().record(drafts, deadline_s=deadline_s)


def test_a_call_whose_approval_the_log_could_not_check_does_not_run(
    database: Database, approver: Trail, entries: Entries
) -> None:
    def attempt() -> None:
        with trail.session(actor="u-7") as session, session.turn(), trail.called_as("c1"):
            bank.wire("NL-1")

    ledger = _Spooling(lambda _: LogWriter(database.conninfo("writer"), LOG), key=LogKey.generate())
    with plain.Trail(ledger) as trail:
        bank = Bank(trail)
        approver.decide(bank.ask("NL-1"), "approve", by="alice")
        with pytest.raises(NotApprovedError) as caught:
            attempt()
    assert (bank.wired, caught.value.state) == ([], "unchecked")
    (refusal,) = refusals(entries)
    assert refusal["details"]["approval"] == "unchecked"
    assert "tool_call" not in types(entries)


def test_a_model_that_asks_for_it_does_not_get_it_recorded_as_a_call(
    trail: Trail, bank: Bank, approver: Trail, entries: Entries
) -> None:
    with trail.session(actor="u-7") as session, session.turn() as turn:
        asked = {"id": "c1", "name": "wire", "arguments": {"iban": "NL-1"}}
        turn.model_call("m-1").result("wire", tool_calls=[asked])
        with trail.called_as("c1"), suppress(NotApprovedError):
            bank.wire("NL-1")
        turn.respond()
    assert "tool_call" not in types(entries)
    assert "annotated" not in types(entries)
    approver.decide(only(entries, "approval_requested")["id"], "approve", by="alice")
    bank.call("NL-1")
    assert len(told(entries, "tool_call")) == 1


def test_coroutines_ask_decide_and_run_alike(trail: Trail, entries: Entries) -> None:
    done: list[str] = []

    @trail.tool(requires_approval=True)
    async def send(to: str) -> None:
        done.append(to)

    async def main() -> Approval:
        async with trail.session(actor="u", agent="bot") as session, session.turn() as turn:
            asked = await turn.request_approval(tool="send", call_id="c1", arguments={"to": "x"}, reason="outside")
            for call_id in ("c1", "c2"):
                with trail.called_as(call_id), pytest.raises(NotApprovedError) as caught:
                    await send("x")
                assert (caught.value.state, caught.value.request_id == asked.request) == ("pending", call_id == "c1")
            await turn.decide(asked, "approve", by="alice", reason="fine")
            with trail.called_as("c1"):
                await send("x")
            await turn.respond()
        return asked

    asked = asyncio.run(main())
    assert done == ["x"]
    assert only(entries, "tool_call")["decision"]["request"] == asked.request
    assert only(entries, "approval_decided")["turn_id"] == asked.turn_id


def test_a_tool_that_yields_does_not_begin_without_an_approval(trail: Trail, approver: Trail, entries: Entries) -> None:
    @trail.tool(requires_approval=True)
    def pages(n: int) -> Iterator[int]:
        yield from range(n)

    def read() -> list[int]:
        with trail.session(actor="u") as session, session.turn(), trail.called_as("c1"):
            return list(pages(2))

    with pytest.raises(NotApprovedError) as caught:
        read()
    assert "tool_call" not in types(entries)
    approver.decide(str(caught.value.request_id), "approve", by="alice")
    assert read() == [0, 1]
    assert only(entries, "tool_call")["decision"]["by"] == "alice"


def test_a_turn_asks_and_decides_also_for_a_thread_without_context(trail: Trail, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(turn.request_approval, tool="send", call_id="c1", arguments={}).result()
            decided = pool.submit(turn.decide, asked, "deny", by="alice").result()
        turn.respond()
    assert (asked.turn_id, decided.state) == (turn.id, "denied")


# ---- over processes ----


@dataclass(frozen=True)
class Processes:
    """Runs the bank's agent, and whoever decides, each time as a new process."""

    database: Database
    key: LogKey = field(default_factory=LogKey.generate)

    def __call__(self, *arguments: str, login: str = "writer") -> str:
        """What the process prints."""
        command = [sys.executable, "-m", "tests.database.bank_process", self.database.conninfo(login)]
        done = subprocess.run(
            [*command, self.key.to_text(), *arguments],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def test_a_run_pauses_and_goes_on_in_another_process(
    database: Database, approver: Trail, entries: Entries, reader: LogReader
) -> None:
    run = Processes(database)
    state, request = run("call").split()
    assert state == "pending"
    assert run("call") == f"pending {request}", "nobody has decided yet"
    assert run("approve", request, login="approver") == "approved"
    assert run("call") == "wired 5 to NL-1"
    assert run("call") == f"used {request}"
    told_of = events(entries)
    assert {event["session_id"] for event in told_of if not event["event_type"].startswith("log.")} == {"s-1"}
    assert [event["tool"] for event in told_of if event["event_type"] == "tool_call"] == ["wire"]
    assert "self_attested" not in str(told_of)
    started = [entry.session_seq for entry in entries() if b'"conversation_started"' in entry.event]
    assert started[0] == 1
    assert len(started) == 4
    assert verify_log(reader).findings == ()


def test_a_person_at_the_agents_own_login_is_seen_as_such(database: Database, entries: Entries) -> None:
    run = Processes(database)
    _, request = run("call").split()
    assert run("approve", request, login="writer") == "approved"
    assert run("call") == "wired 5 to NL-1"
    assert only(entries, "tool_call")["details"] == {"self_attested": True}


def test_a_denial_reaches_the_next_process(database: Database, approver: Trail) -> None:
    run = Processes(database)
    _, request = run("call").split()
    assert run("deny", request, login="approver") == "denied"
    assert run("call") == f"denied {request}"

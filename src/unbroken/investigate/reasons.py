"""Why a call counts as not approved, held against the verified lines of the call, the decision and the request."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from unbroken.core.entry import StoredEntry
from unbroken.core.event import Decision, Event
from unbroken.investigate.verified import Verified

IN_WORDS: Final = {
    "no_decision": "no decision that held",
    "denied": "denied",
    "other_arguments": "decided for other arguments",
    "after_the_fact": "decided after the call",
    "by_caller": "decided by the caller itself",
    "self_attested": "self-attested: asked for and decided through one login",
    "not_claimed": "approved, but the call does not use it",
}
"""What a person reads for each reason."""


@dataclass(frozen=True, slots=True)
class Case:
    """A call and, where the database named them, the decision and the request that its reason is about."""

    call: Verified
    decided: Verified | None = None
    asked: Verified | None = None


def refuted(reason: str, case: Case) -> Iterator[str]:
    """What in the verified lines speaks against ``reason``; nothing where they bear it out.

    A line that could not be verified is a finding already, and speaks neither for nor against.
    """
    call = case.call.event
    if call is None:
        return
    if call.event_type != "tool_call" or call.side_effect is not True:
        yield "no call with a side effect"
    if case.decided is None:
        if reason != "no_decision":
            yield "no decision"
    elif case.decided.event is not None:
        yield from not_about(call, case.decided.event, case.asked)
        if not _bears_out(reason, case, call=call, decided=case.decided.event):
            yield "a decision that gives no such reason"


def not_about(event: Event, decided: Event, asked: Verified | None) -> Iterator[str]:
    """What speaks against it that a decision is about the call of an event, and on the request named with it."""
    if decided.event_type != "approval_decided":
        yield "an entry that is no decision"
    if (decided.tool, decided.call_id) != (event.tool, event.call_id):
        yield "a decision about another call"
    if asked is not None and asked.event is not None and decision_of(decided).request != asked.event.id:
        yield "a decision on another request"


def decision_of(event: Event) -> Decision:
    """What an event says of a decision, empty where it says nothing."""
    return event.decision or Decision()


def _bears_out(reason: str, case: Case, *, call: Event, decided: Event) -> bool:
    approved, late = decision_of(decided).outcome == "approved", _is_late(case)
    match reason:
        case "no_decision":
            return approved and not late
        case "denied":
            return decision_of(decided).outcome == "denied" and not late
        case "other_arguments":
            return _are_other_arguments(case, call=call, decided=decided)
        case "after_the_fact":
            return late
        case "by_caller":
            return decided.actor_id in (call.actor_id, call.agent_id)
        case "self_attested":
            return approved and _is_through_one_login(case)
        case "not_claimed":
            return approved and not late
        case _:
            return False


def _is_late(case: Case) -> bool:
    return case.decided is not None and case.decided.seq >= case.call.seq


def _are_other_arguments(case: Case, *, call: Event, decided: Event) -> bool:
    """By the keyed hashes or, where the call states none, by the arguments themselves, where both are held."""
    stated = decision_of(call).arguments_hash
    if stated is not None:
        return stated != decision_of(decided).arguments_hash
    asked = None if case.asked is None else case.asked.inputs
    return asked is None or case.call.inputs is None or asked != case.call.inputs


def _is_through_one_login(case: Case) -> bool:
    entries = [each.entry for each in (case.asked, case.decided) if each is not None and each.entry is not None]
    return len({_login(entry) for entry in entries}) <= 1


def _login(entry: StoredEntry) -> str:
    """The login of the entry's writer, which is stated as ``login as role`` where a role was set."""
    return entry.writer.partition(" as ")[0]

"""Approvals: somebody else's decision about one call of a tool with exactly its arguments, for one execution.

Request, decision and use are events, so that asking, deciding and acting may happen in different processes, days apart.
A request is bound to the id of the call and to a keyed hash of the arguments by name. The database lets a call run
under an approval only when the decision came before, holds still, is about this call with these arguments, has not been
used, and came from another actor than whoever asked and whoever calls. See docs/approvals.md.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any, Final, Literal, TypeAlias

from unbroken.capture.finalisers import writing
from unbroken.capture.recorder import Recorder
from unbroken.capture.scope import Scope
from unbroken.core.ids import is_id, new_id
from unbroken.core.keyed import LogKey
from unbroken.core.normalise import normalise
from unbroken.core.times import format_time
from unbroken.errors import ConfigurationError, InvalidEventError, NotApprovedError, UnbrokenError
from unbroken.ledger.approval import Approval
from unbroken.ledger.draft import ABSENT

Verdict: TypeAlias = Literal["approve", "deny"]

DECIDE_WITHIN: Final = timedelta(hours=24)
"""How long a request can be decided."""
USE_WITHIN: Final = timedelta(hours=1)
"""How long an approval can be used."""
LONGEST: Final = timedelta(days=366)
_OUTCOMES: Final[Mapping[str, str]] = {"approve": "approved", "deny": "denied"}
_REFUSED: Final[Mapping[str, str]] = {
    "denied": "it was denied, which is final",
    "expired": "it has expired, so it has to be asked for again",
    "own request": "whoever asked, or the agent that did, can't approve",
    "unknown": "this log holds no such request",
    "used": "the approval has been used",
}
_VALID_UNTIL: Final = "valid_until="


class Approvals:
    """Requests and decisions of one log; nothing is held here, what counts is what the log says."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def request(
        self, here: Scope, /, *, tool: str, call_id: str, arguments: Mapping[str, object], **how: Any
    ) -> Approval:
        """Records that ``tool`` asks in ``here`` to run with these arguments, by name; ``how`` is as in :meth:`_ask`.

        Where the tool is known here, the defaults of its other arguments count as asked for.
        """
        known = self._recorder.tools.find(tool)
        complete = arguments if known is None else known.complete(arguments)
        return self._ask(here, complete, tool=tool, call_id=call_id, **how)

    def for_call(self, here: Scope, arguments: Mapping[str, object], *, fields: Mapping[str, Any]) -> Approval:
        """The request that decides about a call, which is made where there is none; ``fields`` are the call's.

        That is one approved, unless a newer one was denied, and else the newest.
        """
        call = (fields["call_id"], self._hash(arguments))
        with writing():
            known = self._recorder.ledger.approvals_of(*call)
        found = [each for each in known if each.tool == fields["tool"]]
        since_denial = takewhile(lambda each: each.state != "denied", found)
        approved = (each for each in since_denial if each.state == "approved")
        return next(approved, None) or (found[0] if found else self._ask(here, arguments, **fields))

    def _ask(
        self,
        here: Scope,
        arguments: object,
        /,
        *,
        valid_for: timedelta = DECIDE_WITHIN,
        reason: str | None = None,
        policy: str | None = None,
        **fields: Any,
    ) -> Approval:
        until = _until(valid_for)
        required_key(self._recorder.key)
        with here.guard():
            event = {
                **fields,
                "event_type": "approval_requested",
                "id": new_id(),
                "inputs": arguments,
                "decision": {"arguments_hash": self._hash(arguments), "policy": policy},
                "scope": _scope(fields.get("scope", here.fields.get("scope")), until),
                "details": _details(reason=reason),
            }
            self._recorder.record_all(here, event)
        return self.find(event["id"])

    def decide(
        self,
        request: Approval | str,
        verdict: Verdict,
        *,
        by: str,
        reason: str | None = None,
        valid_for: timedelta = USE_WITHIN,
        **fields: Any,
    ) -> Approval:
        """Records ``approval_decided`` in the session and turn of the request."""
        if verdict not in _OUTCOMES:
            raise ConfigurationError("a verdict is approve or deny")
        asked = request if isinstance(request, Approval) else self.find(request)
        if verdict == "approve" and by in (asked.requested_by, asked.agent_id):
            # The log compares what it holds: a name that became a pseudonym is no longer the agent's id.
            raise _undecided("own request")
        outcome = _OUTCOMES[verdict]
        decision = {
            "arguments_hash": asked.arguments_hash,
            "at": format_time(datetime.now(UTC)),
            "by": by,
            "outcome": outcome,
        }
        event = {
            "actor_type": "user",
            "session_id": asked.session_id,
            "turn_id": asked.turn_id,
            **fields,
            "actor_id": by,
            "parent_id": asked.request,
            "tool": asked.tool,
            "call_id": asked.call_id,
            "decision": {**decision, "request": asked.request},
            "details": _details(reason=reason, self_attested=self._is_own(asked.request) or None),
        }
        if verdict == "approve":
            event["scope"] = _scope(fields.get("scope"), _until(valid_for))
        try:
            self._recorder.record(self._recorder.nowhere, "approval_decided", **event)
        except NotApprovedError as error:
            raise _undecided(error.state) from error
        return self.find(asked.request)

    def find(self, request: str) -> Approval:
        """The request of this id; raises :class:`NotApprovedError` of state ``unknown`` when the log has none."""
        with writing():
            found = self._recorder.ledger.approval(request) if is_id(request) else None
        if found is None:
            raise NotApprovedError("unknown", request_id=request)
        return found

    def _is_own(self, request: str) -> bool:
        """Whether the request came through the login that records here: nobody else vouches for a decision then."""
        ledger = self._recorder.ledger
        with writing():
            return _login(ledger.writers_of([request]).get(request, "")) == _login(ledger.writer)

    def _hash(self, arguments: object) -> str:
        return required_key(self._recorder.key).hash(normalise(arguments))


def required_key(key: LogKey | None) -> LogKey:
    """The log's key; raises :class:`ConfigurationError` without one: nothing would bind approvals to arguments."""
    if key is None:
        raise ConfigurationError("approvals are bound to arguments by a keyed hash: give this trail the log's key")
    return key


def decision_of(approval: Approval) -> dict[str, str | None]:
    """The decision as the ``tool_call`` states it that runs under the approval."""
    return {
        "arguments_hash": approval.arguments_hash,
        "at": approval.at,
        "by": approval.by,
        "outcome": approval.outcome,
        "request": approval.request,
    }


def _until(valid_for: timedelta) -> str:
    """The item of a scope that says until when a request or an approval is good."""
    if not timedelta(0) < valid_for <= LONGEST:
        raise ConfigurationError(f"a request or an approval is good for up to {LONGEST.days} days")
    return f"{_VALID_UNTIL}{format_time(datetime.now(UTC) + valid_for)}"


def _scope(around: Collection[str] | None, until: str) -> tuple[str, ...]:
    return (*(item for item in around or () if not item.startswith(_VALID_UNTIL)), until)


def _login(writer: str) -> str:
    """The login of a writer, which is stated as ``login as role`` where a role was set."""
    return writer.partition(" as ")[0]


def _details(**values: object) -> object:
    return {name: value for name, value in values.items() if value is not None} or ABSENT


def _undecided(state: str) -> UnbrokenError:
    why = _REFUSED.get(state, "it is about another call, or was approved already")
    return InvalidEventError(f"the request can't be decided like this: {why}; nothing was recorded")

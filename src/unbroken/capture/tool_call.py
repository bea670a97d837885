"""One call of a tool, as events: committed before the tool's code runs, and its result before the caller gets it."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache
from typing import Any, Final

from unbroken.capture.approvals import Approvals, decision_of
from unbroken.capture.failures import because_of, described, status_of
from unbroken.capture.recorder import Recorder
from unbroken.capture.scope import Scope
from unbroken.capture.stopwatch import Stopwatch
from unbroken.capture.toolbox import Told, Tool
from unbroken.capture.unstarted import Asked
from unbroken.core.canonical import canonical
from unbroken.core.ids import new_id
from unbroken.core.normalise import normalise
from unbroken.errors import NotApprovedError
from unbroken.ledger.approval import Approval

_STATES: Final = ("pending", "denied", "expired", "used", "unchecked")


class ToolCall:
    """One call of a tool. After :meth:`begin`, ``id`` is its event's and ``caused`` the scope of the tool's code."""

    def __init__(self, recorder: Recorder, tool: Tool, *, arguments: Mapping[str, object]) -> None:
        self.id = new_id()
        self._recorder = recorder
        self._tool = tool
        self._arguments = arguments
        self._scope = recorder.here(otherwise=recorder.orphanage)
        self.caused = _inside(self._scope, self.id)
        self._told = Told({}, {}, [])
        self._running: Stopwatch | None = None

    def under_way(self) -> AbstractContextManager[None]:
        """Round the whole call: its turn is not left before it is over."""
        return self._scope.operation(self.id)

    def begin(self) -> None:
        """Records the call, unless the answer that asks for it did so; the tool may run when this returns.

        Raises :class:`NotApprovedError` where an approval is needed that the call has not.
        """
        with self._scope.guard():
            self._tool = self._tool.registered(self._recorder.protection.tool(self._tool.name))
            self._told = Told.of(self._tool, call_id=self._scope.call_id or new_id(), arguments=self._arguments)
            if self._tool.requires_approval:
                self._record_approved()
            else:
                self._record_or_become_asked()
        if self._scope.activity is not None:
            self._scope.activity.note_tool(self._tool.name)
        self._running = Stopwatch()

    def succeed(self, value: object) -> None:
        """Records the result and, in the same batch, what data the tool has read or modified."""
        result = {"event_type": "tool_result", "status": "ok", "latency_ms": self._latency(), "outputs": value}
        self._recorder.record_all(self.caused, {**self._told.fields, **result}, *self._touched())

    def fail(self, error: BaseException) -> None:
        """Records that the tool raised; nothing when it did not run, or recording is what failed."""
        if self._running is None or self._scope.stop_told_by(error):
            return
        result = {"status": status_of(error), "latency_ms": self._latency(), "details": described(error)}
        with because_of(error):
            self._recorder.record(self.caused, "tool_result", **{**self._told.fields, **result})

    def _touched(self) -> list[dict[str, Any]]:
        """The data that was read or modified, as events."""
        touched = {"event_type": "data_modified" if self._tool.side_effect else "data_accessed"}
        return [{**self._told.fields, **touched, **resource} for resource in self._told.resources]

    def _record_or_become_asked(self) -> None:
        likeness = cache(lambda: _likeness(self._scope, self._told))
        asked = self._take(likeness)
        if asked is not None and asked.likeness == likeness() and not self._is_inherited:
            self._become(asked)
        else:
            self._record({} if asked is None else {"parent_id": asked.id}, self._scope.marks())

    def _record(self, more: Mapping[str, object], details: Mapping[str, object]) -> None:
        call = {**self._told.event, **more, "id": self.id, **({"details": details} if details else {})}
        self._recorder.record_all(self._scope, call)

    def _take(self, likeness: Callable[[], bytes]) -> Asked | None:
        scope = self._scope
        if scope.activity is None:
            return None
        return scope.activity.unstarted.take(self._tool.name, scope.call_id, likeness=likeness, within=scope.within)

    @property
    def _is_inherited(self) -> bool:
        return self._scope.activity is not None and self._scope.activity.is_inherited

    def _become(self, asked: Asked) -> None:
        """This call is the one whose event is in the log already."""
        if self._scope.activity is not None:
            self._scope.activity.known_as(self.id, asked.id)
        self.id = asked.id
        self.caused = _inside(self._scope, asked.id)
        self._told.fields["call_id"] = asked.call_id

    def _record_approved(self) -> None:
        approval = Approvals(self._recorder).for_call(self._scope, self._arguments, fields=self._told.fields)
        if approval.state != "approved":
            raise self._refused(approval.state, approval)
        self_attested = {"self_attested": True} if approval.self_attested else {}
        try:
            self._record({"decision": decision_of(approval)}, {**self._scope.marks(), **self_attested})
        except NotApprovedError as error:
            # Denied, used or expired in the meantime, given by whoever calls now, or the log is out of reach.
            raise self._refused(error.state, approval) from error

    def _refused(self, state: str, approval: Approval) -> NotApprovedError:
        """The error to raise, once the log says that the call did not run; of a request that is pending it knows."""
        if state != "pending":
            details = {**self._scope.marks(), "approval": state, "request": approval.request}
            refusal = {"event_type": "error", "status": "refused", "details": details}
            self._recorder.record_all(self._scope, {**self._told.fields, **refusal})
        known = state if state in _STATES else "unknown"
        return NotApprovedError(known, request_id=approval.request, call_id=approval.call_id)

    def _latency(self) -> int | None:
        return None if self._running is None else self._running.milliseconds()


def asked_for(
    recorder: Recorder, scope: Scope, tool_calls: object, *, cause: str
) -> list[tuple[Asked, dict[str, Any]]]:
    """The calls that an answer asks for, each with the ``tool_call`` to be recorded together with it.

    ``scope`` is where the model was asked, ``cause`` the id of the answer's event. None when the turn was left, or when
    this process was forked in it: nobody here would tell which of them were not executed.
    """
    if scope.activity is None or scope.activity.closed or scope.activity.is_inherited:
        return []
    found = []
    for known, call in recorder.tools.wanted(tool_calls):
        tool = known.registered(recorder.protection.tool(known.name))
        if not scope.activity.unstarted.ran_before(tool.name, call.call_id):
            told = Told.of(tool, call_id=call.call_id or new_id(), arguments=tool.complete(call.arguments))
            asked = Asked(
                id=new_id(),
                tool=tool.name,
                call_id=told.fields["call_id"],
                named=call.call_id is not None,
                likeness=_likeness(scope, told),
                within=scope.within,
            )
            found.append((asked, {**told.event, "id": asked.id, "parent_id": cause}))
    return found


def _inside(scope: Scope, call: str) -> Scope:
    return replace(scope.caused_by(call), within=call)


def _likeness(scope: Scope, told: Told) -> bytes:
    """Equal for two calls of which the log would tell the same, but for their cause and the id of the call."""
    whole = {key: value for key, value in {**scope.fields, **told.event}.items() if key not in ("call_id", "parent_id")}
    return hashlib.sha256(canonical(normalise(whole))).digest()

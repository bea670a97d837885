"""The front door of capture."""

import inspect
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, overload

from unbroken.capture.agents import Handoff
from unbroken.capture.approvals import DECIDE_WITHIN, USE_WITHIN, Approvals, Verdict, required_key
from unbroken.capture.bound import bound
from unbroken.capture.carry import carried, carry
from unbroken.capture.finalisers import writing
from unbroken.capture.recorder import Recorder
from unbroken.capture.scope import inside
from unbroken.capture.session import Session
from unbroken.capture.tool import check, recorded
from unbroken.capture.toolbox import Tool
from unbroken.core.event import ActorType
from unbroken.core.ids import new_id
from unbroken.ledger.approval import Approval
from unbroken.ledger.draft import ABSENT
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.protection import Protection
from unbroken.ledger.receipt import Kept

P = ParamSpec("P")
R = TypeVar("R")


class Trail:
    """One log, to record through. Safe to use from several threads and tasks; a context manager that closes it.

    Every event passes ``protection`` before anything of it is stored or sent. ``on_close`` is called once, after the
    ledger is closed. ``orphan_actor`` is the actor, of type ``system``, of tool calls outside any session: they are
    recorded too, with ``orphan`` in their details.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        protection: Protection,
        on_close: Callable[[], None] | None = None,
        orphan_actor: str = "unknown",
    ) -> None:
        self.ledger = ledger
        self._recorder = Recorder(ledger, protection=protection, orphan_actor=orphan_actor)
        self._on_close = on_close

    def session(
        self,
        session_id: str | None = None,
        *,
        actor: str,
        actor_type: ActorType = "user",
        agent: str | None = None,
        agent_name: str | None = None,
        agent_version: str | None = None,
        subjects: Collection[str] = (),
        purpose: str | None = None,
        scope: Collection[str] = (),
        domains: Collection[str] = (),
        **fields: Any,
    ) -> Session:
        """A conversation of ``actor`` with ``agent``; ``session_id`` is a new UUIDv7 where it is not given.

        ``subjects`` are the people the data is about, ``scope`` are ``key=value`` texts. These and further ``fields``
        of an event stand on every event of the session.
        """
        given = {
            "actor_id": actor,
            "actor_type": actor_type,
            "agent_id": agent,
            "agent_name": agent_name,
            "agent_version": agent_version,
            "subjects": tuple(subjects),
            "purpose": purpose,
            "scope": tuple(scope),
            "domains": tuple(domains),
        }
        return Session(self._recorder, session_id or new_id(), fields={**fields, **given})

    def record(
        self,
        event_type: str,
        *,
        inputs: object = ABSENT,
        outputs: object = ABSENT,
        details: object = ABSENT,
        **fields: Any,
    ) -> Kept:
        """Records one event, with session, turn, parent, agent and actor of the current scope unless given.

        Outside any session ``actor_id`` and ``actor_type`` have to be given.
        """
        return self._recorder.record(
            self._recorder.here(), event_type, inputs=inputs, outputs=outputs, details=details, **fields
        )

    @overload
    def tool(self, function: Callable[P, R], /) -> Callable[P, R]: ...

    @overload
    def tool(
        self,
        function: None = None,
        /,
        *,
        side_effect: bool = False,
        requires_approval: bool = False,
        resource: tuple[str, str] | None = None,
        name: str | None = None,
        **fields: Any,
    ) -> Callable[[Callable[P, R]], Callable[P, R]]: ...

    def tool(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        side_effect: bool = False,
        requires_approval: bool = False,
        resource: tuple[str, str] | None = None,
        name: str | None = None,
        **fields: Any,
    ) -> Callable[..., Any]:
        """Records the calls of a function, which keeps its name, signature and kind (plain, coroutine or generator).

        ``tool_call``, with the arguments by name, is committed before the function's code runs, or it does not run.
        ``tool_result`` follows with the result and the time taken; an exception is recorded there and goes on as it is.
        A function whose result can't be recorded has run, yet the call raises.

        A call of a generator function begins when its first item is asked for, and its result is what it has yielded,
        recorded when it is over: ``aborted`` when it is not read to its end. Of what exceeds the size of a part, 4 MiB,
        the first items are kept, and the details tell the number of items and the hash of all. What can't be recorded
        at all is not handed on: it ends the generator with the error.

        ``resource`` is a resource type and the argument that holds its ids, such as ``("patient", "patient_id")`` or
        ``("patient", "order.patient_id")``: then ``data_accessed``, or ``data_modified`` for a tool with a side effect,
        is recorded for each id, at most 100, once the tool has succeeded. ``fields`` stand on the events of the calls.

        A tool that ``requires_approval`` runs only under an approval of this very call: of its id (:meth:`called_as`)
        with these arguments. The first call records ``approval_requested`` and raises :class:`NotApprovedError`, which
        names request and call; decide with :meth:`decide`, anywhere, and call again under the same id.
        """

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            check(function, resource)
            if requires_approval:
                required_key(self.ledger.key)
            tool = Tool(
                name=name or function.__name__,
                side_effect=side_effect,
                resource=resource,
                requires_approval=requires_approval,
                signature=inspect.signature(function),
                fields=fields,
            )
            self._recorder.tools.add(tool)
            return recorded(self._recorder, function, tool=tool)

        return decorate if function is None else decorate(function)

    def agent(self, agent: str, *, name: str | None = None, version: str | None = None) -> Handoff:
        """In a block, with ``with`` or ``async with``: another agent goes on, of which all events in it tell.

        Entering records ``annotated`` of status ``handoff``, with the agents' ids as ``from`` and ``to``: the parent of
        what follows. An agent that is called like a tool has a session of its own instead.
        """
        return Handoff(self._recorder, agent, name=name, version=version)

    def bind(self, function: Callable[P, R]) -> Callable[P, R]:
        """``function``, to be called in another thread, in the place of now: session, turn and parent.

        A plain, coroutine or generator function stays one. Outside any session there is nothing to take along.
        """
        here = self._recorder.here()
        return function if here is self._recorder.nowhere else bound(function, here)

    def carry(self) -> dict[str, Any]:
        """The place of now, for :meth:`carried` in another process: a dict that JSON can hold, 64 KiB at most.

        It holds what stands on every event here, such as actor and subjects, so treat it like the events themselves.
        """
        return carry(self._recorder)

    def carried(self, place: Mapping[str, Any]) -> AbstractContextManager[None]:
        """In a block: things happen in the ``place`` that :meth:`carry` gave, of a trail that records the same log.

        After a failed write everything in the block is refused. Whoever gives you the place says in whose name you
        record, so take it from those only whom you let do so. Raises :class:`ConfigurationError` for what
        :meth:`carry` can't have made.
        """
        return carried(self._recorder, place)

    def called_as(self, call_id: str) -> AbstractContextManager[None]:
        """In a block: tools are called under the id that the model gave to the call it asks for."""
        scope = self._recorder.here(otherwise=self._recorder.orphanage)
        return inside(replace(scope, call_id=call_id))

    def request_approval(
        self,
        *,
        tool: str,
        call_id: str,
        arguments: Mapping[str, object],
        valid_for: timedelta = DECIDE_WITHIN,
        reason: str | None = None,
        policy: str | None = None,
        **fields: Any,
    ) -> Approval:
        """Records ``approval_requested`` for one call of ``tool`` with these ``arguments`` by name.

        A tool that requires an approval asks by itself; this asks ahead, or again after a denial or an expiry.
        ``valid_for`` is how long it can be decided. Outside any session ``actor_id`` and ``actor_type`` have to be
        given.
        """
        how = {"valid_for": valid_for, "reason": reason, "policy": policy, **fields}
        here = self._recorder.here()
        return Approvals(self._recorder).request(here, tool=tool, call_id=call_id, arguments=arguments, **how)

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
        """Records the decision of ``by``, ``approve`` or ``deny``, in the session and turn of the request.

        An approval is for one execution within ``valid_for``; a denial is final, and withdraws an approval that has not
        been used. Whoever asked, and the agent that did, can't approve. A decision through the login that recorded the
        request is marked ``self_attested``. Raises :class:`InvalidEventError` where the database refuses the decision,
        and :class:`NotApprovedError` of state ``unknown`` for a request that the log does not hold.
        """
        how = {"reason": reason, "valid_for": valid_for, **fields}
        return Approvals(self._recorder).decide(request, verdict, by=by, **how)

    def approval(self, request_id: str) -> Approval:
        """What became of a request; raises :class:`NotApprovedError` of state ``unknown`` when the log has none."""
        return Approvals(self._recorder).find(request_id)

    def close(self) -> None:
        """Closes the ledger; there is nothing to flush."""
        on_close, self._on_close = self._on_close, None
        try:
            with writing():
                self.ledger.close()
        finally:
            if on_close is not None:
                on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

"""The front door of capture."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import replace
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, overload

from unbroken.capture.recorder import Recorder
from unbroken.capture.scope import inside
from unbroken.capture.session import Session
from unbroken.capture.tool import check, recorded
from unbroken.capture.tool_call import Tool
from unbroken.core.event import ActorType
from unbroken.core.ids import new_id
from unbroken.ledger.draft import ABSENT
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.receipt import Receipt

P = ParamSpec("P")
R = TypeVar("R")


class Trail:
    """One log, to record through. Safe to use from several threads and tasks; a context manager that closes it.

    ``on_close`` is called once, after the ledger is closed. ``orphan_actor`` is the actor, of type ``system``, of tool
    calls outside any session: they are recorded too, with ``orphan`` in their details.
    """

    def __init__(
        self, ledger: Ledger, *, on_close: Callable[[], None] | None = None, orphan_actor: str = "unknown"
    ) -> None:
        self.ledger = ledger
        self._recorder = Recorder(ledger, orphan_actor=orphan_actor)
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
    ) -> Receipt:
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
        resource: tuple[str, str] | None = None,
        name: str | None = None,
        **fields: Any,
    ) -> Callable[..., Any]:
        """Records the calls of a function or coroutine function, which keeps its name and signature.

        ``tool_call``, with the arguments by name, is committed before the function's code runs, or it does not run.
        ``tool_result`` follows with the result and the time taken; an exception is recorded there and goes on as it is.
        A function whose result can't be recorded has run, yet the call raises.

        ``resource`` is a resource type and the argument that holds its ids, such as ``("patient", "patient_id")`` or
        ``("patient", "order.patient_id")``: then ``data_accessed``, or ``data_modified`` for a tool with a side effect,
        is recorded for each id, at most 100, once the tool has succeeded. ``fields`` stand on the events of the calls.
        """

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            check(function, resource)
            tool = Tool(name=name or function.__name__, side_effect=side_effect, resource=resource, fields=fields)
            return recorded(self._recorder, function, tool=tool)

        return decorate if function is None else decorate(function)

    def called_as(self, call_id: str) -> AbstractContextManager[None]:
        """In a block: tools are called under the id that the model gave to the call it asks for."""
        scope = self._recorder.here(otherwise=self._recorder.orphanage)
        return inside(replace(scope, call_id=call_id))

    def close(self) -> None:
        """Closes the ledger; there is nothing to flush."""
        on_close, self._on_close = self._on_close, None
        try:
            self.ledger.close()
        finally:
            if on_close is not None:
                on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

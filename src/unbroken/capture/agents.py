"""One agent hands over to another."""

from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from unbroken.capture.recorder import Recorder
from unbroken.capture.scope import Scope, inside
from unbroken.capture.threads import in_thread
from unbroken.core.ids import new_id


class Handoff:
    """Made by :meth:`Trail.agent`. Enter it once, with ``with`` or ``async with``.

    ``id`` is that of the event that tells of the handoff, which the agent that hands over records, and from which
    follows what happens inside.
    """

    def __init__(self, recorder: Recorder, agent: str, *, name: str | None, version: str | None) -> None:
        self.id = new_id()
        self.agent = agent
        self._recorder = recorder
        self._fields = {"agent_id": agent, "agent_name": name, "agent_version": version}
        self._block = ExitStack()

    def __enter__(self) -> Self:
        scope = self._scope()
        self._record(scope)
        self._enter(scope)
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._block.close()

    async def __aenter__(self) -> Self:
        scope = self._scope()
        await in_thread(self._record, scope)
        self._enter(scope)
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._block.close()

    def _scope(self) -> Scope:
        return self._recorder.here(otherwise=self._recorder.orphanage)

    def _record(self, scope: Scope) -> None:
        came_from = scope.fields.get("agent_id")
        parties = {"to": self.agent} if came_from is None else {"from": came_from, "to": self.agent}
        self._recorder.record(scope, "annotated", id=self.id, status="handoff", details={**parties, **scope.marks()})

    def _enter(self, scope: Scope) -> None:
        """The turn waits for the end of the block."""
        caused = scope.caused_by(self.id)
        self._block.enter_context(scope.operation(self.id))
        self._block.enter_context(inside(replace(caused, fields={**caused.fields, **self._fields})))

"""One conversation."""

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from unbroken.capture.aio import AsyncSession
from unbroken.capture.failures import because_of, described, status_of
from unbroken.capture.forks import ProcessLock
from unbroken.capture.prompts import Prompts
from unbroken.capture.recorder import Recorder
from unbroken.capture.scope import Scope, inside
from unbroken.capture.stopwatch import Stopwatch
from unbroken.capture.threads import in_thread
from unbroken.capture.turn import Turn
from unbroken.ledger.draft import ABSENT
from unbroken.ledger.receipt import Kept


class Session:
    """Made by :meth:`Trail.session`. Enter it with ``with``, or ``async with``, which gives an :class:`AsyncSession`.

    Entering records ``conversation_started``; leaving records ``conversation_ended`` with the number of turns, the
    duration, and status ``ok``, ``error`` or ``aborted``. A session entered inside another one is caused by what was
    going on there, and stops with it when recording fails.
    """

    def __init__(self, recorder: Recorder, session_id: str, *, fields: Mapping[str, Any]) -> None:
        self.id = session_id
        self._recorder = recorder
        around = recorder.here()
        cause = around.fields.get("parent_id")
        self._scope = Scope(recorder, {**fields, "session_id": session_id, "parent_id": cause}, around.activity)
        self._prompts = Prompts()
        # Owns the count of turns, which may begin in several threads.
        self._lock = ProcessLock()
        self._turns = 0
        self._begun: Stopwatch | None = None
        self._stay = ExitStack()

    def turn(self, request: object = ABSENT, **fields: Any) -> Turn:
        """A turn that begins with ``request`` when it is entered; ``fields`` stand on all its events."""
        scope = self._recorder.here()
        inner = scope if scope.fields.get("session_id") == self.id else self._scope
        return Turn(
            self._recorder, inner, request=request, prompts=self._prompts, on_begin=self._count_turn, fields=fields
        )

    def record(
        self,
        event_type: str,
        *,
        inputs: object = ABSENT,
        outputs: object = ABSENT,
        details: object = ABSENT,
        **fields: Any,
    ) -> Kept:
        """Records any event of this session, outside its turns."""
        return self._recorder.record(self._scope, event_type, inputs=inputs, outputs=outputs, details=details, **fields)

    def __enter__(self) -> Self:
        self._begin()
        self._stay.enter_context(inside(self._scope))
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        with self._stay:
            self._end(error)

    async def __aenter__(self) -> AsyncSession:
        try:
            await in_thread(self._begin)
        except BaseException as error:
            await in_thread(self._end, error)
            raise
        self._stay.enter_context(inside(self._scope))
        return AsyncSession(self)

    async def __aexit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        with self._stay:
            await in_thread(self._end, error)

    def _begin(self) -> None:
        self._recorder.record(self._scope, "conversation_started")
        self._begun = Stopwatch()

    def _count_turn(self) -> None:
        with self._lock:
            self._turns += 1

    def _end(self, error: BaseException | None) -> None:
        if self._begun is None:
            return
        told: dict[str, object] = {} if error is None else {**described(error)}
        details = {"turns": self._turns, "duration_ms": self._begun.milliseconds(), **told}
        status = "ok" if error is None else status_of(error)
        with because_of(error):
            self._recorder.record(self._scope, "conversation_ended", status=status, details=details)

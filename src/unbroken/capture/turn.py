"""One request and all that it causes."""

from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Final, Self

from unbroken.capture.activity import Activity
from unbroken.capture.aio import AsyncTurn
from unbroken.capture.approvals import Approvals, Verdict
from unbroken.capture.failures import PAUSED, because_of, described, status_of
from unbroken.capture.model_call import ModelCall
from unbroken.capture.prompts import Prompts
from unbroken.capture.recorder import Recorder
from unbroken.capture.scope import Scope, inside
from unbroken.capture.stopwatch import Stopwatch
from unbroken.capture.threads import in_thread, wait_for
from unbroken.core.canonical import canonical
from unbroken.core.ids import new_id
from unbroken.core.normalise import normalise
from unbroken.errors import InvalidEventError, OutcomeUnknownError, RecordingStoppedError, UnbrokenError
from unbroken.ledger.approval import Approval
from unbroken.ledger.draft import ABSENT
from unbroken.ledger.receipt import Kept

DEADLINE_S: Final = 10.0
"""How long leaving a turn waits for its operations in other tasks and threads, in seconds."""


class Turn:
    """Made by :meth:`Session.turn`. Enter it with ``with``, or with ``async with``, which gives an :class:`AsyncTurn`.

    Entering records ``request``. Leaving waits until everything under way in the turn is over and committed, 10 s at
    most, else it raises :class:`OutcomeUnknownError`. A generator tool or a stream of a model's answer that only who
    leaves could read on is recorded as aborted instead. An exception inside is recorded as ``error`` and goes on as it
    is; where recording it fails, the failure is raised from it. A turn that ends well without :meth:`respond` gets an
    ``annotated`` event of status ``no_response`` about its request: no response is made up. One that ends because an
    approval is pending gets one of status ``paused``. Before that come ``annotated`` events of status ``not_executed``
    about the calls that a model asked for and that have not begun.

    After a failed write, everything in the turn that records raises :class:`RecordingStoppedError`, and so does leaving
    it unless the failure is what leaves it. A new turn may try again.
    """

    def __init__(
        self,
        recorder: Recorder,
        scope: Scope,
        *,
        request: object,
        prompts: Prompts,
        on_begin: Callable[[], None],
        fields: Mapping[str, Any],
    ) -> None:
        self.id: str = fields.get("turn_id") or new_id()
        self.request_id = new_id()
        self._recorder = recorder
        self._activity = Activity(around=scope.activity)
        asked_in = Scope(recorder, {**scope.fields, **fields, "turn_id": self.id}, activity=self._activity)
        self._asked_in = asked_in
        self._scope = asked_in.caused_by(self.request_id)
        self._request = request
        self._prompts = prompts
        self._on_begin = on_begin
        self._answered = False
        self._begun: Stopwatch | None = None
        self._stay = ExitStack()

    def respond(self, value: object = ABSENT, **fields: Any) -> Kept:
        """Records the response, with the time since the request, its length, the tools used and the last model."""
        scope = self.here()
        latency = self._latency()
        with scope.guard():
            event = {
                "parent_id": self.request_id,
                "model": self._activity.model,
                "latency_ms": latency,
                "status": "ok",
                "details": {**_length("response_length", value), "tools_used": self._activity.tools_used()},
            }
            receipt = self._recorder.record(scope, "response", outputs=value, **{**event, **fields})
        self._answered = True
        return receipt

    def model_call(
        self,
        model: str,
        messages: Sequence[object] = (),
        *,
        parameters: Mapping[str, object] | None = None,
        tools: Sequence[object] | None = None,
        prompt_template: object = None,
        **fields: Any,
    ) -> ModelCall:
        """Records that ``model`` is about to be asked; call :meth:`ModelCall.result` with its answer.

        ``messages`` are all messages sent, of which only those new to the session are stored; ``tools`` are those
        offered to the model; ``prompt_template`` names or holds the template that the prompt was made from.
        """
        call = ModelCall(self._recorder, self.here(), model=model, fields=fields)
        call.begin(self._prompts, messages, parameters=parameters, tools=tools, prompt_template=prompt_template)
        return call

    def record(
        self,
        event_type: str,
        *,
        inputs: object = ABSENT,
        outputs: object = ABSENT,
        details: object = ABSENT,
        **fields: Any,
    ) -> Kept:
        """Records any event in this turn."""
        return self._recorder.record(self.here(), event_type, inputs=inputs, outputs=outputs, details=details, **fields)

    def request_approval(self, *, tool: str, call_id: str, arguments: Mapping[str, object], **options: Any) -> Approval:
        """As :meth:`Trail.request_approval`, in this turn."""
        return Approvals(self._recorder).request(
            self.here(), tool=tool, call_id=call_id, arguments=arguments, **options
        )

    def decide(self, request: Approval | str, verdict: Verdict, *, by: str, **options: Any) -> Approval:
        """As :meth:`Trail.decide`: it is recorded in the turn of the request, which may be another."""
        return Approvals(self._recorder).decide(request, verdict, by=by, **options)

    def here(self) -> Scope:
        """The current scope where it is of this turn, else the turn's own: in a thread that knows of no turn."""
        scope = self._recorder.here()
        return scope if scope.fields.get("turn_id") == self.id else self._scope

    def __enter__(self) -> Self:
        self._begin()
        self._enter()
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        with self._stay:
            try:
                while give_up := self._activity.take_standing():
                    give_up()
                futures.wait([self._activity.close()], DEADLINE_S)
            except BaseException as interruption:
                self._end(error or interruption)
                raise
            self._end(error)

    async def __aenter__(self) -> AsyncTurn:
        try:
            await in_thread(self._begin)
        except BaseException as error:
            await in_thread(self._end, error)
            raise
        self._enter()
        return AsyncTurn(self)

    async def __aexit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        with self._stay:
            try:
                while give_up := self._activity.take_standing():
                    await in_thread(give_up)
                await wait_for(self._activity.close(), DEADLINE_S)
            except BaseException as interruption:
                await in_thread(self._end, error or interruption)
                raise
            await in_thread(self._end, error)

    def _begin(self) -> None:
        with self._asked_in.guard():
            details = _length("message_length", self._request) or ABSENT
            self._recorder.record(self._asked_in, "request", id=self.request_id, inputs=self._request, details=details)
        self._begun = Stopwatch()
        self._on_begin()

    def _enter(self) -> None:
        if self._activity.around is not None:
            self._stay.enter_context(self._activity.around.operation(self.id))
        self._stay.enter_context(inside(self._scope))

    def _end(self, error: BaseException | None) -> None:
        if self._begun is None:
            return
        failure = self._activity.stop.failure
        if failure is not None:
            self._end_stopped(error, failure)
        elif error is not None:
            self._record_error(error)
        elif under_way := self._activity.under_way():
            self._give_up(under_way)
        elif not self._answered:
            self._close_with({"event_type": "annotated", "status": "no_response", "latency_ms": self._latency()})
        else:
            self._close_with()

    def _end_stopped(self, error: BaseException | None, failure: BaseException) -> None:
        """The last word on a turn that was stopped; one event that can't be recorded doesn't keep it back."""
        if isinstance(failure, InvalidEventError):
            with suppress(UnbrokenError):  # the failure itself is on its way to the caller
                last = {"event_type": "error", **self._failed_with(failure)}
                self._recorder.record_regardless(self._scope, *self._not_executed(), last)
        if not self._activity.stop.told_by(error):
            raise RecordingStoppedError from (error or failure)

    def _close_with(self, *last: Mapping[str, Any]) -> None:
        """Records which calls that a model asked for have not begun, and the ``last`` words on the turn."""
        if events := [*self._not_executed(), *last]:
            self._recorder.record_all(self._scope, *events)

    def _not_executed(self) -> list[dict[str, Any]]:
        unstarted = self._activity.unstarted
        return [call.not_executed(carried=unstarted.carried) for call in unstarted.close()]

    def _record_error(self, error: BaseException) -> None:
        told = self._failed_with(error)
        with because_of(error):
            self._close_with({"event_type": "annotated" if told["status"] == PAUSED else "error", **told})

    def _failed_with(self, error: BaseException) -> dict[str, Any]:
        return {"status": status_of(error), "latency_ms": self._latency(), "details": described(error)}

    def _give_up(self, under_way: tuple[str, ...]) -> None:
        error = OutcomeUnknownError(
            f"the turn was left while {len(under_way)} of its operations were still running after {DEADLINE_S:.0f} s; "
            "what is done by then is recorded, their results are recorded when they come: "
            "wait for tasks and threads before leaving the turn, and for generators that others read",
            ids=under_way,
        )
        self._record_error(error)
        raise error

    def _latency(self) -> int | None:
        return None if self._begun is None else self._begun.milliseconds()


def _length(name: str, value: object) -> dict[str, int]:
    """The characters of a text, or of another value's canonical JSON text."""
    if value is ABSENT:
        return {}
    return {name: len(value if isinstance(value, str) else canonical(normalise(value)).decode())}

"""One question to a model: recorded before it is asked, and what it answered."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from decimal import Decimal, InvalidOperation
from types import TracebackType
from typing import Any, Self

from unbroken.capture.failures import because_of, described, status_of
from unbroken.capture.prompts import Prompts
from unbroken.capture.recorder import Recorder
from unbroken.capture.scope import Scope, inside
from unbroken.capture.stopwatch import Stopwatch
from unbroken.core.ids import new_id
from unbroken.errors import InvalidEventError
from unbroken.ledger.draft import ABSENT
from unbroken.ledger.receipt import Receipt


class ModelCall:
    """Made by :meth:`Turn.model_call`, which has recorded it. ``id`` is the ``model_call`` event's.

    Call :meth:`result` with the answer. As a context manager it also records an exception of the block as ``error``
    caused by this call, and what happens in the block has this call as its parent.
    """

    def __init__(self, recorder: Recorder, scope: Scope, *, model: str, fields: Mapping[str, Any]) -> None:
        self.id = new_id()
        self._recorder = recorder
        self._scope = scope
        self._caused = scope.caused_by(self.id)
        self._fields = {"model": model, **fields}
        self._asked: Stopwatch | None = None
        self._block = ExitStack()

    def begin(
        self,
        prompts: Prompts,
        messages: Sequence[object],
        *,
        parameters: Mapping[str, object] | None,
        tools: Sequence[object] | None,
        prompt_template: object,
    ) -> None:
        """Records the call; ``prompts`` learns its messages once they are committed."""
        with self._scope.guard():
            prompt = prompts.refer(messages)
            details = _given(parameters=parameters, tools=tools, prompt_template=prompt_template)
            call = {
                "id": self.id,
                "prompt_hash": prompt.keyed_hash(self._recorder.key),
                "inputs": prompt.inputs,
                "details": {"message_count": len(prompt.messages), **details, **self._scope.marks()},
            }
            self._recorder.record(self._scope, "model_call", **{**self._fields, **call})
        prompts.recorded(prompt)
        self._asked = Stopwatch()

    def result(
        self,
        output: object = ABSENT,
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cost_usd: Decimal | str | float | None = None,
        cost_source: str | None = None,
        finish_reason: str | None = None,
        tool_calls: Sequence[object] | None = None,
        **fields: Any,
    ) -> Receipt:
        """Records what the model answered, with the time since it was asked.

        ``tool_calls`` are the calls it asks for, as given by the model; ``cost_source`` tells where the cost comes
        from, such as ``provider`` or ``price list 2026-01``.
        """
        latency = self._latency()
        with self._scope.guard():
            event = {
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "cost_usd": _decimal(cost_usd),
                "cost_source": cost_source,
                "latency_ms": latency,
                "status": "ok",
            }
            details = _given(finish_reason=finish_reason, tool_calls=tool_calls) or ABSENT
            everything = {**self._fields, **event, **fields}
            receipt = self._recorder.record(self._caused, "model_result", outputs=output, details=details, **everything)
        if self._scope.activity is not None:
            self._scope.activity.note_model(everything["model"])
        return receipt

    def fail(self, error: BaseException) -> None:
        """Records that asking ended with ``error``; nothing when it was not asked, or recording it is what failed."""
        if self._asked is None or self._scope.stop_told_by(error):
            return
        event = {"status": status_of(error), "latency_ms": self._latency(), "details": described(error)}
        with because_of(error):
            self._recorder.record(self._caused, "error", **{**self._fields, **event})

    def enter(self) -> None:
        """Opens the block: what happens has this call as its parent, and the turn waits for its end."""
        self._block.enter_context(self._scope.operation(self.id))
        self._block.enter_context(inside(self._caused))

    def leave(self) -> None:
        """Closes the block."""
        self._block.close()

    def __enter__(self) -> Self:
        self.enter()
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        with self._block:
            if error is not None:
                self.fail(error)

    def _latency(self) -> int | None:
        return None if self._asked is None else self._asked.milliseconds()


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _decimal(cost: Decimal | str | float | None) -> str | None:
    if cost is None:
        return None
    try:
        return format(Decimal(str(cost)), "f")
    except InvalidOperation as error:
        raise InvalidEventError("cost_usd is not a decimal number") from error

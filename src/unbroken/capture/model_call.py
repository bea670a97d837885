"""One question to a model: recorded before it is asked, and what it answered."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack
from decimal import Decimal, InvalidOperation
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from unbroken.capture.failures import because_of, described, status_of
from unbroken.capture.prompts import Prompts
from unbroken.capture.recorder import Recorder
from unbroken.capture.scope import Scope, inside
from unbroken.capture.stopwatch import Stopwatch
from unbroken.capture.stream import Answer, streamed
from unbroken.capture.tool_call import asked_for
from unbroken.core.ids import new_id
from unbroken.errors import InvalidEventError
from unbroken.ledger.draft import ABSENT
from unbroken.ledger.receipt import Kept

T = TypeVar("T")


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
        self._streamed: BaseException | None = None
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
            protect = partial(self._recorder.messages, self._scope, **{"event_type": "model_call", **self._fields})
            prompt = prompts.refer(messages, protect=protect, parameters=parameters)
            details = _given(
                prompt_length=prompt.length, parameters=parameters, tools=tools, prompt_template=prompt_template
            )
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
    ) -> Kept:
        """Records what the model answered, with the time since it was asked.

        ``tool_calls`` are the calls it asks for, as given by the model (see :mod:`unbroken.capture.asked`). Those of
        this trail's tools, but for tools that need an approval, are recorded in the same commit: all of them are in the
        log before any of them runs, and if they can't be, none runs. ``cost_source`` tells where the cost comes from,
        such as ``provider`` or ``price list 2026-01``.
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
            told = {"id": new_id(), "event_type": "model_result", "outputs": output, "details": details}
            everything = {**told, **self._fields, **event, **fields}
            receipt = self._record(everything, tool_calls)
        if self._scope.activity is not None:
            self._scope.activity.note_model(everything["model"])
        return receipt

    def stream(
        self, chunks: Iterable[T], *, collect: Callable[[list[T]], Mapping[str, Any]] | None = None
    ) -> Generator[T, None, None]:
        """Hands on the ``chunks`` of an answer as they come, and records it once, when they end, in place of you.

        The output is one text where all chunks are texts, else the list of them. ``collect`` makes more of it: it gets
        the list of chunks and returns keyword arguments of :meth:`result`, such as ``output``, ``output_tokens`` and
        ``tool_calls``. An answer that is not read to its end is recorded as ``aborted``, one that breaks off with an
        exception as ``error``, each with what had passed. What has the size of a part is kept of it, 4 MiB, and of more
        the details tell the number of chunks and the hash.
        """
        return streamed(chunks, self.answer(collect))

    def answer(self, collect: Callable[[list[Any]], Mapping[str, Any]] | None) -> Answer:
        """The answer, to be recorded as it comes in."""
        return Answer(self._scope, self._caused, tell=self._tell, collect=collect)

    def fail(self, error: BaseException) -> None:
        """Records that asking ended with ``error``; nothing when it was not asked, or recording it is what failed.

        Nor when a stream of its answer has told of the error.
        """
        if self._asked is None or error is self._streamed or self._scope.stop_told_by(error):
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

    def _record(self, result: Mapping[str, Any], tool_calls: object) -> Kept:
        """The answer and the calls that it asks for, all or none."""
        asked = asked_for(self._recorder, self._scope, tool_calls, cause=result["id"])
        receipt, *_ = self._recorder.record_all(self._caused, result, *(event for _, event in asked))
        if self._scope.activity is not None:
            self._scope.activity.unstarted.add([call for call, _ in asked])
        return receipt

    def _tell(self, error: BaseException | None, **answer: Any) -> None:
        self._streamed = error
        self.result(**answer)

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

"""Generator functions as tools: what they yield is their result, recorded once when they are over or given up."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from unbroken.capture.arguments import named_arguments
from unbroken.capture.failures import because_of, described, status_of
from unbroken.capture.generators import async_stepwise, stepwise
from unbroken.capture.passage import Passage
from unbroken.capture.reading import Reading
from unbroken.capture.recorder import Recorder
from unbroken.capture.scope import Scope
from unbroken.capture.tool_call import ToolCall
from unbroken.capture.toolbox import Tool
from unbroken.ledger.draft import ABSENT
from unbroken.ledger.protection import Pieces

P = ParamSpec("P")
R = TypeVar("R")


def is_generator(function: object) -> bool:
    """Whether a call of ``function`` gives a generator, plain or asynchronous."""
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def recorded_generator(recorder: Recorder, function: Callable[P, Any], *, tool: Tool) -> Callable[P, Any]:
    """``function`` with its calls recorded, each when its first item is asked for."""
    signature = inspect.signature(function)

    def read(args: Sequence[object], kwargs: Mapping[str, object]) -> Reading:
        call = _GeneratorCall(recorder, tool, arguments=named_arguments(signature, args, kwargs=kwargs))
        return Reading(call, call.activity)

    drive = async_stepwise if inspect.isasyncgenfunction(function) else stepwise
    return drive(function, read)


class _GeneratorCall(ToolCall):
    """A call of which each item is handed on before the result is recorded."""

    def __init__(self, recorder: Recorder, tool: Tool, *, arguments: Mapping[str, object]) -> None:
        super().__init__(recorder, tool, arguments=arguments)
        self.activity = self._scope.activity
        self.passage = Passage()

    def begin(self) -> Scope:  # type: ignore[override]
        super().begin()
        return self.caused

    def end(self, error: BaseException | None) -> None:
        """Records what was yielded; nothing when the tool did not run, or recording is what failed."""
        if self._running is None or (error is not None and self._scope.stop_told_by(error)):
            return
        told = {} if error is None else described(error)
        result = {
            "event_type": "tool_result",
            "status": "ok" if error is None else status_of(error),
            "latency_ms": self._latency(),
            "outputs": Pieces(self.passage.values()),
            "details": {**told, **self.passage.told()} or ABSENT,
        }
        with because_of(error):
            # Data was read, too, when the tool had yielded something before it broke off.
            happened = error is None or (self.passage.items and not self._tool.side_effect)
            data = self._touched() if happened else []
            self._recorder.record_all(self.caused, {**self._told.fields, **result}, *data)

"""One call of a tool, as events: committed before the tool's code runs, and its result before the caller gets it."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from unbroken.capture.failures import because_of, described, status_of
from unbroken.capture.recorder import Recorder
from unbroken.capture.resources import resource_ids
from unbroken.capture.stopwatch import Stopwatch
from unbroken.core.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """What is known of a tool: ``resource`` is a resource type and the path of the argument that holds its ids."""

    name: str
    side_effect: bool
    resource: tuple[str, str] | None
    fields: Mapping[str, Any] = field(default_factory=dict)


class ToolCall:
    """One call of a tool. ``id`` is the ``tool_call`` event's; ``caused`` is the scope of the tool's own code."""

    def __init__(self, recorder: Recorder, tool: Tool, *, arguments: Mapping[str, object]) -> None:
        self.id = new_id()
        self._recorder = recorder
        self._tool = tool
        self._arguments = arguments
        self._scope = recorder.here(otherwise=recorder.orphanage)
        self.caused = self._scope.caused_by(self.id)
        self._fields: dict[str, Any] = {**tool.fields, "tool": tool.name, "call_id": self._scope.call_id or new_id()}
        self._resources: list[dict[str, str]] = []
        self._running: Stopwatch | None = None

    def under_way(self) -> AbstractContextManager[None]:
        """Round the whole call: its turn is not left before it is over."""
        return self._scope.operation(self.id)

    def begin(self) -> None:
        """Records the call; the tool may run when this returns."""
        with self._scope.guard():
            self._resources = self._find_resources()
            if len(self._resources) == 1:
                self._fields.update(self._resources[0])
            call = {"id": self.id, "side_effect": self._tool.side_effect, "inputs": self._arguments}
            self._recorder.record(self._scope, "tool_call", **{**self._fields, **self._marks(), **call})
        if self._scope.activity is not None:
            self._scope.activity.note_tool(self._tool.name)
        self._running = Stopwatch()

    def succeed(self, value: object) -> None:
        """Records the result and, in the same batch, what data the tool has read or modified."""
        result = {"event_type": "tool_result", "status": "ok", "latency_ms": self._latency(), "outputs": value}
        touched = {"event_type": "data_modified" if self._tool.side_effect else "data_accessed"}
        data = [{**self._fields, **touched, **resource} for resource in self._resources]
        self._recorder.record_all(self.caused, {**self._fields, **result}, *data)

    def fail(self, error: BaseException) -> None:
        """Records that the tool raised; nothing when it did not run, or recording is what failed."""
        if self._running is None or self._scope.stop_told_by(error):
            return
        result = {"status": status_of(error), "latency_ms": self._latency(), "details": described(error)}
        with because_of(error):
            self._recorder.record(self.caused, "tool_result", **{**self._fields, **result})

    def _find_resources(self) -> list[dict[str, str]]:
        if self._tool.resource is None:
            return []
        kind, path = self._tool.resource
        ids = resource_ids(self._arguments, path)
        return [{"resource_type": kind, "resource_id": each} for each in ids] or [{"resource_type": kind}]

    def _marks(self) -> dict[str, object]:
        marks = self._scope.marks()
        return {"details": marks} if marks else {}

    def _latency(self) -> int | None:
        return None if self._running is None else self._running.milliseconds()

"""The tools of a trail by their names, and what the event of a call says: also when a model asks for it first."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from unbroken.capture.arguments import named_arguments
from unbroken.capture.asked import Call, asked_calls
from unbroken.capture.resources import resource_ids
from unbroken.ledger.protection import Registered


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """What is known of a tool: ``resource`` is a resource type and the path of the argument that holds its ids.

    ``signature`` is the function's; ``fields`` stand on the events of the tool's calls.
    """

    name: str
    side_effect: bool
    resource: tuple[str, str] | None
    requires_approval: bool = False
    signature: inspect.Signature | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)

    def complete(self, arguments: object) -> object:
        """``arguments`` by name as the function gets them, defaults included; where they don't fit, as they are."""
        if self.signature is None or not isinstance(arguments, Mapping):
            return arguments
        signature = _without_object(self.signature)
        try:
            signature.bind(**arguments)
        except TypeError:
            return arguments
        return named_arguments(signature, (), kwargs=arguments)

    def registered(self, known: Registered) -> "Tool":
        """The tool with what a registry knows: a side effect if either says so, its own resource if it has one."""
        side_effect = self.side_effect or known.side_effect is True
        return replace(self, side_effect=side_effect, resource=self.resource or known.resource)

    def resources(self, arguments: object) -> list[dict[str, str]]:
        """The resources that a call concerns, as fields of events; raises :class:`TooLargeError` for too many."""
        if self.resource is None:
            return []
        kind, path = self.resource
        ids = resource_ids(arguments if isinstance(arguments, Mapping) else {}, path)
        return [{"resource_type": kind, "resource_id": each} for each in ids] or [{"resource_type": kind}]


@dataclass(frozen=True, slots=True)
class Told:
    """One call as events tell it: ``fields`` stand on all of them, ``event`` is that of the ``tool_call``."""

    fields: dict[str, Any]
    event: dict[str, Any]
    resources: list[dict[str, str]]

    @classmethod
    def of(cls, tool: Tool, *, call_id: str, arguments: object) -> "Told":
        """Raises :class:`TooLargeError` where the arguments name too many resources."""
        resources = tool.resources(arguments)
        fields = {**tool.fields, "tool": tool.name, "call_id": call_id, **(resources[0] if len(resources) == 1 else {})}
        event = {**fields, "event_type": "tool_call", "side_effect": tool.side_effect, "inputs": arguments}
        return cls(fields, event, resources)


class Toolbox:
    """The tools of one trail. Of several with one name the newest counts: a call tells of itself what differs."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}

    def add(self, tool: Tool) -> None:
        self._tools[tool.name] = tool

    def find(self, name: str) -> Tool | None:
        """The tool of this name."""
        return self._tools.get(name)

    def wanted(self, tool_calls: object) -> Iterator[tuple[Tool, Call]]:
        """Those of the calls that a model asks for that will run once they are recorded: no approval is needed."""
        for call in asked_calls(tool_calls):
            tool = self._tools.get(call.tool)
            if tool is not None and not tool.requires_approval:
                yield tool, call


def _without_object(signature: inspect.Signature) -> inspect.Signature:
    """The signature of the function as it is called on its object, whose name nobody gives."""
    parameters = list(signature.parameters.values())
    takes_self = bool(parameters) and parameters[0].name in ("self", "cls")
    return signature.replace(parameters=parameters[1:]) if takes_self else signature

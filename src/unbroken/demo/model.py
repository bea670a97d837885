"""A language model that follows a script, so that the example needs no key and says the same every time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Message: TypeAlias = dict[str, Any]

_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True)
class ToolRequest:
    """A tool that the model wants to be called; ``id`` is its name for this call."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Reply:
    """What a model answers: a text, or tools that it wants to be called first."""

    text: str = ""
    tools: Sequence[ToolRequest] = field(default=())
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def calls(self) -> list[Message]:
        """The requests as they stand in a message."""
        return [{"id": tool.id, "name": tool.name, "arguments": dict(tool.arguments)} for tool in self.tools]

    @property
    def message(self) -> Message:
        """The reply as a message of the conversation."""
        return {"role": "assistant", "content": self.text, **({"tool_calls": self.calls} if self.tools else {})}


class ScriptedModel:
    """Gives the replies of its script one after another; tokens are counted roughly, from the text's length."""

    name = "scripted-model"

    def __init__(self, script: Sequence[Reply]) -> None:
        self._script = iter(script)

    def complete(self, messages: Sequence[Message], tools: Sequence[str]) -> Reply:
        """The next reply to the conversation so far, in which ``tools`` may be asked for."""
        reply = next(self._script)
        sent = _tokens(messages, tools)
        return Reply(reply.text, reply.tools, input_tokens=sent, output_tokens=_tokens(reply.text, reply.calls))


def _tokens(*texts: object) -> int:
    return sum(len(str(text)) for text in texts) // _CHARACTERS_PER_TOKEN

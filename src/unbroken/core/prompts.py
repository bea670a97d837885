"""What of the messages that a model gets is its prompt, and how long that is."""

from typing import Final

from unbroken.core.canonical import canonical
from unbroken.core.normalise import Json

SPEAKERS: Final = frozenset({"user", "human", "assistant", "ai", "model", "tool", "function"})
"""Roles whose messages are the conversation; whatever has another role, or none, is the prompt."""
INSTRUCTIONS: Final = frozenset(
    {"system", "system_prompt", "system_instruction", "system_instructions", "systemInstruction", "instructions"}
)
"""Parameters by which some providers take the prompt beside the messages."""


def is_said(message: Json) -> bool:
    """Whether the message is part of the conversation."""
    return isinstance(message, dict) and message.get("role") in SPEAKERS


def content_of(message: Json) -> Json:
    """What a message says: its ``content``, or all but its role where it has none."""
    if not isinstance(message, dict):
        return message
    rest = {name: value for name, value in message.items() if name != "role"}
    return rest.get("content", rest)


def length_of(content: Json) -> int:
    """The characters of a message's content: of its text or texts, and of the JSON of what is none."""
    if isinstance(content, str):
        return len(content)
    if isinstance(content, list):
        return sum(length_of(part) for part in content)
    if isinstance(content, dict) and isinstance(text := content.get("text"), str):
        return len(text)
    return len(canonical(content).decode())

"""The details of the log's own entries, read with nothing taken for granted."""

from collections.abc import Mapping
from typing import Final, TypeAlias

Details: TypeAlias = Mapping[str, object]
_SHOWN: Final = 60
"""Characters of a list of numbers or names that are shown."""


def text(details: Details, key: str) -> str:
    """The text or number under ``key``; empty where there is neither."""
    value = details.get(key)
    return str(value) if isinstance(value, str | int) else ""


def after(reason: str) -> str:
    """A reason as it stands behind what it is for."""
    return f": {reason}" if reason else ""


def shortened(words: str) -> str:
    """The beginning of a list that may be long."""
    return words if len(words) <= _SHOWN else words[: _SHOWN - 1] + "…"

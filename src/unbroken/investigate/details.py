"""The details of the log's own entries, read with nothing taken for granted."""

from collections.abc import Mapping
from typing import TypeAlias

Details: TypeAlias = Mapping[str, object]


def text(details: Details, key: str) -> str:
    """The text or number under ``key``; empty where there is neither."""
    value = details.get(key)
    return str(value) if isinstance(value, str | int) else ""


def after(reason: str) -> str:
    """A reason as it stands behind what it is for."""
    return f": {reason}" if reason else ""

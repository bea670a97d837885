"""Pseudonyms: ``p-`` and 32 hex digits of chance, which say nothing of the name that they stand for."""

import os
import re
from collections.abc import Iterator
from typing import Final

_RANDOM_BYTES: Final = 16
_SHAPE: Final = re.compile(r"p-[0-9a-f]{32}")
_WITHIN: Final = re.compile(rf"(?<![0-9A-Za-z-]){_SHAPE.pattern}(?![0-9A-Za-z-])")


def new_pseudonym() -> str:
    """A fresh one, of 128 random bits."""
    return f"p-{os.urandom(_RANDOM_BYTES).hex()}"


def is_pseudonym(text: str) -> bool:
    """Whether ``text`` has the form of a pseudonym."""
    return _SHAPE.fullmatch(text) is not None


def pseudonyms_in(text: str) -> Iterator[str]:
    """What has the form of a pseudonym within ``text``, and is no part of something longer."""
    return (match[0] for match in _WITHIN.finditer(text)) if "p-" in text else iter(())

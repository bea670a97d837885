"""How checkpoints are called where names are sorted and nothing is written twice: by size and the note's SHA-256."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

ENDING: Final = ".checkpoint"
_DIGITS: Final = 19
_HIGHEST: Final = 10**_DIGITS - 1
_LONGEST: Final = 160
_RISING: Final = re.compile(r"(?P<size>[0-9]{19})-(?P<digest>[0-9a-f]{64})[.]checkpoint")
_FALLING: Final = re.compile(r"(?P<order>[0-9]{19})-(?P<size>[0-9]{1,19})-(?P<digest>[0-9a-f]{64})[.]checkpoint")


@dataclass(frozen=True, slots=True)
class Named:
    """What a name says of its content."""

    size: int
    digest: str

    def is_of(self, content: bytes) -> bool:
        """Whether ``content`` is the note that was given this name."""
        return hashlib.sha256(content).hexdigest() == self.digest


def folder_of(origin: str) -> str:
    """A name of one part for a log's place, readable where the origin is not too long for one."""
    text = quote(origin, safe="~ ")
    if len(text) > _LONGEST:
        return f"sha256-{hashlib.sha256(origin.encode()).hexdigest()}"
    return "%2E" + text[1:] if text.startswith(".") else text


def rising(size: int, note: str) -> str:
    """A name that sorts after those of smaller trees."""
    return f"{size:0{_DIGITS}d}-{_digest(note)}{ENDING}"


def falling(size: int, note: str) -> str:
    """A name that sorts before those of smaller trees, for stores that list from the front alone."""
    return f"{_HIGHEST - size:0{_DIGITS}d}-{size}-{_digest(note)}{ENDING}"


def from_rising(name: str) -> Named | None:
    """What :func:`rising` put into a name; ``None`` for any other."""
    match = _RISING.fullmatch(name)
    return Named(int(match["size"]), match["digest"]) if match else None


def from_falling(name: str) -> Named | None:
    """What :func:`falling` put into a name; ``None`` for any other."""
    match = _FALLING.fullmatch(name)
    if match is None:
        return None
    named = Named(int(match["size"]), match["digest"])
    in_one_spelling = str(named.size) == match["size"] and int(match["order"]) == _HIGHEST - named.size
    return named if in_one_spelling else None


def _digest(note: str) -> str:
    return hashlib.sha256(note.encode()).hexdigest()

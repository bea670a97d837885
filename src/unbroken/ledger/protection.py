"""What is done to an event before anything of it is stored or sent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """A pseudonym, and what leads to it: the lookup of a person's name, and the name sealed under the log's key."""

    pseudonym: str
    lookup: bytes
    sealed: bytes

"""Where a sealed original belongs: one event of one log."""

from dataclasses import dataclass
from typing import Final

from unbroken.core.ids import is_id
from unbroken.errors import ConfigurationError
from unbroken.privacy.vault.framing import framed

MAX_ORIGIN_BYTES: Final = 1024
_PART: Final = b"original"
"""Named in what is bound, so that another part that is sealed one day can't stand in for this one."""


@dataclass(frozen=True, slots=True)
class Place:
    """The event that an original is of; ``log`` is the log's name, with or without incarnation.

    Raises :class:`ConfigurationError` for what can't be the name of a log or the id of an event.
    """

    log: str
    event_id: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.origin.encode(errors="replace")) <= MAX_ORIGIN_BYTES:
            raise ConfigurationError("an original belongs to a log, whose name has no more than 1024 bytes")
        if not is_id(self.event_id):
            raise ConfigurationError("an original belongs to an event, by its lower-case hyphenated id")

    @property
    def origin(self) -> str:
        """The log's name without incarnation: a log that goes on after a restore keeps its originals."""
        return self.log.partition("~")[0]

    def bound(self, purpose: bytes, *details: bytes) -> bytes:
        """What ties bytes to this place and to one purpose within it."""
        return framed(purpose, self.origin.encode(), self.event_id.encode(), _PART, *details)

"""What the log's own entries say of something that was destroyed, read only where their lines commit to it."""

from typing import Protocol, TypeVar

import msgspec

from unbroken.core.commitment import opens
from unbroken.errors import UnbrokenError

T = TypeVar("T")


class Entry(Protocol):
    """An entry with what it holds: its event, and the details with their salt."""

    @property
    def seq(self) -> int: ...
    @property
    def event(self) -> bytes: ...
    @property
    def details(self) -> bytes | None: ...
    @property
    def salt(self) -> bytes | None: ...


class _Event(msgspec.Struct, frozen=True):
    event_type: str
    details: str | None = None
    recorder: str | None = None


def details_in(entry: Entry, event_type: str, kind: type[T]) -> T | None:
    """The details of an entry of the log's own of this type; ``None`` for any other entry.

    Raises :class:`UnbrokenError` where they are not what the entry commits to, or can't be read.
    """
    try:
        event = msgspec.json.decode(entry.event, type=_Event)
        if event.event_type != event_type or event.recorder is not None:
            return None
        if entry.details is None or not opens(event.details or "", salt=entry.salt or b"", value=entry.details):
            raise UnbrokenError(f"entry {entry.seq}, {event_type}, was altered: run `unbroken verify`")
        return msgspec.json.decode(entry.details, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnbrokenError(f"entry {entry.seq}, {event_type}, can't be read: run `unbroken verify`") from error


def numbers_in(ranges: str | int) -> int:
    """How many numbers ``3-7,9`` names; a number is how many there are."""
    if isinstance(ranges, int):
        return ranges
    pairs = (each.partition("-") for each in ranges.split(",") if each)
    return sum(int(last or first) - int(first) + 1 for first, _, last in pairs)

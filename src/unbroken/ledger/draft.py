"""An event as it is prepared, before it gets its recorder's number."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from unbroken.core.canonical import canonical
from unbroken.core.commitment import PARTS, commit, new_salt
from unbroken.core.entry import Part
from unbroken.core.event import Event, make_event
from unbroken.core.ids import new_id
from unbroken.core.normalise import Json, normalise
from unbroken.errors import TooLargeError
from unbroken.ledger.protection import Identity, Pieces, Protection, Screened, Value, bare

ABSENT: Final = object()
"""Stands for a part that there is none of; ``None`` is a value."""
MAX_PART_BYTES: Final = 4 * 2**20
"""The largest part that the log takes; the database refuses more."""
MAX_EVENT_TEXT_BYTES: Final = 1024
"""The longest single text of an event."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked event and the parts of its payload, by name; the event already commits to them.

    ``identities`` are unknown to the log yet and go there with the event. ``original`` is what the event was before it
    was masked, sealed; the event commits to that too.
    """

    event: Event
    parts: Mapping[str, Part]
    identities: tuple[Identity, ...] = ()
    original: bytes | None = field(default=None, repr=False)

    @property
    def weight(self) -> int:
        """The bytes that it counts with where memory and batches are bounded."""
        return sum(len(part.value) for part in self.parts.values()) + len(self.original or b"")


def draft(
    event_type: str,
    *,
    protection: Protection,
    inputs: object = ABSENT,
    outputs: object = ABSENT,
    details: object = ABSENT,
    **fields: Any,
) -> Draft:
    """An event ready to be recorded; ``id`` and ``ts`` (now, UTC) are filled in where they are not given.

    Nothing of what is given gets past ``protection``. Raises :class:`InvalidEventError` naming what is wrong, and
    :class:`TooLargeError` for a part over :data:`MAX_PART_BYTES` or a text over :data:`MAX_EVENT_TEXT_BYTES`.
    """
    _check_lengths(fields)
    # What is sealed is bound to the event's id, so that is there first.
    fields.setdefault("id", new_id())
    given = zip(PARTS, (inputs, outputs, details), strict=True)
    values = {name: _value(value) for name, value in given if value is not ABSENT}
    texts = {name: _text(name, bare(value)) for name, value in values.items()}
    protected = protection.protect({"event_type": event_type, **fields}, values)
    _check_lengths(protected.fields)
    parts = {
        # What was left as it is has its text already.
        name: Part(new_salt(), texts[name] if value is bare(values[name]) else _text(name, value))
        for name, value in protected.parts.items()
    }
    commitments = {name: commit(part.salt, part.value) for name, part in parts.items()}
    original = protected.original
    if original is not None:
        commitments["original"] = original.commitment
    protected.fields.setdefault("ts", datetime.now(UTC))
    event = make_event(**{**protected.fields, **commitments})
    return Draft(event, parts, protected.identities, None if original is None else original.ciphertext)


def _check_lengths(fields: Mapping[str, object]) -> None:
    for name, value in fields.items():
        if isinstance(value, str) and len(value.encode(errors="replace")) > MAX_EVENT_TEXT_BYTES:
            raise TooLargeError(f"{name} is longer than {MAX_EVENT_TEXT_BYTES} bytes")


def _value(value: object) -> Value:
    return value if isinstance(value, Screened | Pieces) else normalise(value)


def _text(name: str, value: Json) -> bytes:
    text = canonical(value)
    if len(text) > MAX_PART_BYTES:
        raise TooLargeError(f"{name} is {len(text)} bytes long; the log takes {MAX_PART_BYTES}")
    return text

"""An event as it goes to the database, or to the spool: nothing of it changes any more."""

import re
from hashlib import sha256
from typing import Final

import msgspec

from unbroken.core.entry import Part
from unbroken.ledger.protection import Identity

# A bare quote after a comma can't stand inside a JSON text, so the first match is the two keys themselves.
_NUMBER: Final = re.compile(rb',"recorder":"[0-9a-f-]{36}","recorder_seq":[0-9]+')


class Sealed(msgspec.Struct, frozen=True):
    """An event's canonical text with its recorder's number, and the parts of its payload by name.

    ``identities`` are those of people in it that the log may not know: they go there before the event does.
    ``original`` is what it was before it was masked, sealed to keys that nobody has who records.
    """

    id: str
    text: bytes
    parts: dict[str, Part]
    identities: tuple[Identity, ...] = ()
    original: bytes | None = None

    def unnumbered_hash(self) -> bytes:
        """The SHA-256 of what the event says, without who numbered it: by this an event sent again is known."""
        return sha256(_NUMBER.sub(b"", self.text, count=1)).digest()

    def numbered(self, recorder: str, number: int) -> bytes:
        """The text as it would be under another recorder's number."""
        return _NUMBER.sub(b',"recorder":"%b","recorder_seq":%d' % (recorder.encode(), number), self.text, count=1)

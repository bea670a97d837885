"""Ids of imported conversations and of their events, which follow from the content: the same ones at every import.

They stay in the log when the content is gone, and the hash of a short text is as good as the text. So they are made
under the log's key; only without one are they plain hashes.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from unbroken.core.ids import id_of
from unbroken.core.keyed import LogKey

_PURPOSE: Final = b"unbroken import ids"
_LETTERS: Final = 16


@dataclass(frozen=True, slots=True)
class ChatIds:
    """Makes the ids under one log's key, or without one."""

    _key: bytes = field(repr=False)

    @classmethod
    def under(cls, key: LogKey | None) -> "ChatIds":
        """Under the key of the log that the conversations go to."""
        return cls(b"" if key is None else hmac.digest(key.secret, _PURPOSE, "sha256"))

    def event(self, identity: bytes, *rest: bytes) -> str:
        """The id of an event of the conversation with this identity."""
        return id_of(b"chat", identity, *rest, key=self._key)

    def session(self, identity: bytes) -> str:
        """The id of a session that the conversation gives no name."""
        made = hmac.digest(self._key, identity, "sha256") if self._key else hashlib.sha256(identity).digest()
        return f"chat-{made.hex()[:_LETTERS]}"

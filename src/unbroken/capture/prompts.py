"""Prompts by reference: a message that a session has recorded once is not stored again with every model call.

``inputs`` of a ``model_call`` is this object::

    {"messages": ["<commitment>", ...],
     "new": [{"commitment": "<64 hex>", "salt": "<64 hex>", "message": <the message>}, ...]}

``messages`` lists the commitments of all messages that were sent, in the order sent. ``new`` holds, once each and in
the order of their first appearance, those that no earlier ``model_call`` of this session recorded. A commitment is
``SHA-256(salt ‖ message)``, the message as RFC 8785 text in UTF-8 and the salt as 32 bytes. Equal messages have the
same one throughout a session object, and another one in the next.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from unbroken.capture.forks import ProcessLock
from unbroken.core.canonical import canonical
from unbroken.core.commitment import commit, new_salt
from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json, normalise

SYSTEM_ROLES: Final = frozenset({"system", "developer"})


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages as a ``model_call`` records them; ``fresh`` are the commitments made for it, by message digest."""

    messages: list[Json]
    inputs: Json
    fresh: Mapping[bytes, str]

    def keyed_hash(self, key: LogKey | None) -> str | None:
        """The keyed hash of the system messages' contents, in order; ``None`` without a key or such messages."""
        system = [m.get("content") for m in self.messages if isinstance(m, dict) and m.get("role") in SYSTEM_ROLES]
        return key.hash(system) if key is not None and system else None


class Prompts:
    """The messages that one session has recorded, known by their digests."""

    def __init__(self) -> None:
        # Owns the mapping; two calls that meet the same new message at once may both record it, which does no harm.
        self._lock = ProcessLock()
        self._commitments: dict[bytes, str] = {}

    def refer(self, messages: Sequence[object]) -> Prompt:
        """The prompt made of ``messages``, a text being one; raises :class:`InvalidEventError` for a cycle."""
        values = [normalise(message) for message in ([messages] if isinstance(messages, str) else messages)]
        fresh: dict[bytes, str] = {}
        new: list[Json] = []
        listed: list[Json] = []
        for value in values:
            text = canonical(value)
            digest = hashlib.sha256(text).digest()
            commitment = self._known(digest) or fresh.get(digest)
            if commitment is None:
                salt = new_salt()
                commitment = fresh[digest] = commit(salt, text)
                new.append({"commitment": commitment, "salt": salt.hex(), "message": value})
            listed.append(commitment)
        return Prompt(messages=values, inputs={"messages": listed, "new": new}, fresh=fresh)

    def recorded(self, prompt: Prompt) -> None:
        """To be called once ``prompt`` is committed: later prompts may refer to its messages."""
        with self._lock:
            for digest, commitment in prompt.fresh.items():
                self._commitments.setdefault(digest, commitment)

    def _known(self, digest: bytes) -> str | None:
        with self._lock:
            return self._commitments.get(digest)

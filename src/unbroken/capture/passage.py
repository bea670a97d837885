"""What has passed of a stream: its first items, as many as the log takes in one part, and the hash of all of them."""

import hashlib
from typing import Final, cast

import msgspec

from unbroken.core.canonical import canonical
from unbroken.core.normalise import MAX_NODES, Json, normalise
from unbroken.ledger.draft import MAX_PART_BYTES

MAX_KEPT_BYTES: Final = MAX_PART_BYTES - 2**16
MAX_KEPT_NODES: Final = MAX_NODES - 2**16
"""Both are bounds of one part, less a margin. Values are counted by the commas and brackets of their text, or more."""


class Passage:
    """Filled item by item; each is taken as it is when it passes, whatever becomes of it later.

    ``items`` is how many have passed, ``size_bytes`` their size as JSON, and ``kept`` how many of them are kept;
    ``returned`` is what a generator returned.
    """

    def __init__(self) -> None:
        self.items = 0
        self.size_bytes = 0
        self.kept = 0
        self.returned: object = None
        self._text = bytearray()
        self._nodes = 1
        self._hash = hashlib.sha256(b"[")

    def add(self, item: object) -> Json:
        """Returns the item as it is recorded; raises :class:`InvalidEventError` for what can't be."""
        listed = [normalised] = cast("list[Json]", normalise([item]))
        text = canonical(listed)[1:-1]
        separator = b"," if self.items else b""
        self._hash.update(separator + text)
        if self.kept == self.items and self._has_room(text):
            self._text += separator + text
            self.kept += 1
        self.items += 1
        self.size_bytes += len(text)
        return normalised

    def values(self) -> list[Json]:
        """The items that are kept."""
        values: list[Json] = msgspec.json.decode(b"[" + self._text + b"]")
        return values

    def told(self) -> dict[str, object]:
        """What the details say beside the items: the return value, and where not all are kept, how many and the hash.

        The hash is that of the RFC 8785 text of the list of all items.
        """
        returned = {} if self.returned is None else {"returned": self.returned}
        if self.kept == self.items:
            return returned
        whole = self._hash.copy()
        whole.update(b"]")
        return {**returned, "items": self.items, "kept": self.kept, "sha256": whole.hexdigest()}

    def _has_room(self, text: bytes) -> bool:
        self._nodes += 1 + sum(map(text.count, (b",", b"[", b"{")))
        return len(self._text) + len(text) < MAX_KEPT_BYTES and self._nodes < MAX_KEPT_NODES

"""Wrapping vault keys anew, so that a key-encryption key can be retired: no original is touched."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from unbroken.errors import ConfigurationError
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.store.vault import Rewrapped

LOT: Final = 200
"""Keys that are wrapped anew in one transaction."""
MOST_FAILED: Final = 100
"""Keys that don't unwrap before it is no use to go on: then it is the key-encryption key, and not they."""
Progress = Callable[[int], None]


class WrappedKeys(Protocol):
    """The wrapped keys of a log."""

    @property
    def log(self) -> str: ...

    def ask_rewrapping(self, to: str) -> str:
        """Puts on record that keys will be wrapped by ``to``; what to ask for them with."""

    def keys_to_rewrap(self, opening: str, limit: int) -> Mapping[str, bytes]:
        """Some that are not wrapped by ``to`` yet, in order of id."""

    def rewrap_keys(self, opening: str, keys: Sequence[Rewrapped]) -> int:
        """Exchanges those that are still as they were; how many."""

    def close_rewrapping(self, opening: str) -> int:
        """The number of the entry that tells how many."""


@dataclass
class Rotation:
    """What came of it: ``failed`` says by key id why some are still wrapped as they were; ``seq`` is the last entry."""

    opening: str
    rewrapped: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    seq: int | None = None


def rotate(keys: WrappedKeys, *, wrapping: KeyEncryptions, progress: Progress = lambda _done: None) -> Rotation:
    """Wraps everything by the current key that is not yet; begun again, it goes on where it stopped.

    A key that doesn't unwrap stays and is told of. Raises what wrapping raises where the key-encryption key refuses or
    can't be reached; what was wrapped anew until then stays, and how many is on record.
    """
    rotation = Rotation(keys.ask_rewrapping(wrapping.current.id))
    try:
        while _lot(keys, wrapping, rotation):
            progress(rotation.rewrapped)
    finally:
        rotation.seq = keys.close_rewrapping(rotation.opening)
    return rotation


def _lot(keys: WrappedKeys, wrapping: KeyEncryptions, rotation: Rotation) -> bool:
    """Wraps some anew; whether there may be more."""
    found = keys.keys_to_rewrap(rotation.opening, LOT + len(rotation.failed))
    due = {key_id: wrapped for key_id, wrapped in found.items() if key_id not in rotation.failed}
    if not due:
        return False
    exchanged: list[Rewrapped] = []
    try:
        for key_id, wrapped in due.items():
            try:
                made = wrapping.rewrap(wrapped, key_id=key_id, log=keys.log)
            except ConfigurationError as error:
                rotation.failed[key_id] = str(error)
            else:
                exchanged.append(Rewrapped(key_id, wrapped, made))
    finally:
        # Also when a service stops answering in the middle.
        if exchanged:
            rotation.rewrapped += keys.rewrap_keys(rotation.opening, exchanged)
    return len(rotation.failed) < MOST_FAILED

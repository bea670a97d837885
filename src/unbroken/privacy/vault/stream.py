"""Opening many originals, one after another, in memory that does not grow with their number."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from unbroken.core.normalise import Json
from unbroken.errors import OriginalError
from unbroken.privacy.vault.keys import PrivateKey
from unbroken.privacy.vault.layout import keys_needed
from unbroken.privacy.vault.originals import open_original
from unbroken.privacy.vault.place import Place

MOST_KEYS: Final = 256
"""How many private keys are at hand at a time: a session's people, many times over."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A sealed original as it is stored, and what its entry says of it."""

    place: Place
    commitment: str
    ciphertext: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of one: the original, or why there is none."""

    place: Place
    original: dict[str, Json] | None = field(repr=False)
    error: OriginalError | None = None


def open_each(
    sealed: Iterable[Kept], *, key_of: Callable[[str], PrivateKey | None], most_keys: int = MOST_KEYS
) -> Iterator[Opened]:
    """Opens each as it is asked for, and says of one that doesn't open why, without ending.

    ``key_of`` gives the private key of an id, or ``None`` where it is gone; it is asked again for a key only after
    ``most_keys`` others. What it raises, ends the stream.
    """
    key = lru_cache(most_keys)(key_of)
    for each in sealed:
        yield opened(each, key_of=key)


def opened(kept: Kept, *, key_of: Callable[[str], PrivateKey | None]) -> Opened:
    """What comes of one; what ``key_of`` raises is raised."""
    try:
        found = {key_id: key_of(key_id) for key_id in keys_needed(kept.ciphertext)}
        private_keys = {key_id: key for key_id, key in found.items() if key is not None}
        original = open_original(
            kept.ciphertext, private_keys=private_keys, place=kept.place, commitment=kept.commitment
        )
    except OriginalError as error:
        return Opened(kept.place, None, error)
    return Opened(kept.place, original)

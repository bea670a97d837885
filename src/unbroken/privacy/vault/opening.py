"""Looking at originals: asked for on record, opened one after another, and the outcome on record too."""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import IO, Final, Literal, Protocol

from unbroken.core.normalise import Json
from unbroken.errors import ConfigurationError, KeyMissingError, OriginalError
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.keys import PrivateKey
from unbroken.privacy.vault.layout import MAX_KEYS, keys_needed
from unbroken.privacy.vault.place import Place
from unbroken.privacy.vault.stream import MOST_KEYS, Kept, opened
from unbroken.store.log_reader import Ticket

AT_ONCE: Final = 1000
"""Originals that one opening is for."""
IN_MEMORY_BYTES: Final = 8 * 2**20
"""Of the sealed originals of an opening; more of them wait in a temporary file, still sealed."""
KEYS_AT_ONCE: Final = 100
"""Wrapped keys that are asked for at a time: the database looks through all originals of the opening each time."""
Kind = Literal["open", "match"]
Outcome = Literal["opened", "erased", "locked", "damaged"]


class Desk(Protocol):
    """Where originals are asked for."""

    @property
    def log(self) -> str: ...

    def ask_originals(self, ticket: Ticket, kind: str, seqs: Sequence[int]) -> str:
        """Puts on record that these will be looked at; what to ask for them with."""

    def originals(self, opening: str) -> Iterator[tuple[int, bytes]]:
        """The sealed originals by entry, in order, of those there are."""

    def opened_keys(self, opening: str, key_ids: Sequence[str]) -> Mapping[str, bytes]:
        """The wrapped keys, of those there are."""

    def close_opening(self, opening: str, *, opened: int, failed: int, digest: str) -> int:
        """Puts on record what came of it."""


@dataclass(frozen=True, slots=True)
class Look:
    """What came of one original, which is there where it was opened, else ``why`` not.

    ``erased``: it, or a key that it takes, is gone. ``locked``: a key is wrapped by something that is not at hand.
    ``damaged``: it is not what its entry says.
    """

    outcome: Outcome
    original: Mapping[str, Json] | None = field(default=None, repr=False)
    why: str = ""
    key_ids: tuple[str, ...] = ()


class Opening:
    """One opening under way, of entries whose lines were verified; made by :func:`open_originals`."""

    def __init__(self, desk: Desk, opening: str, sealed: "_SetAside", keys: KeyEncryptions) -> None:
        self.id = opening
        self._desk = desk
        self._sealed = sealed
        self._keys = _Keys(desk, opening, keys)
        self._opened = 0
        self._failed = 0
        self._digest = hashlib.sha256()

    def look(self, seq: int, *, event_id: str, commitment: str, digest: bytes) -> Look:
        """What came of the original of the entry ``seq``, by what its line says; ``digest`` is the entry's hash.

        Raises what unwrapping raises where a key-encryption key refuses or can't be reached.
        """
        look = self._look(seq, Place(self._desk.log, event_id), commitment)
        if look.outcome == "opened":
            self._opened += 1
            self._digest.update(digest)
        else:
            self._failed += 1
        return look

    def failed(self) -> None:
        """Counts an original that was asked for and is not looked at, because its entry can't be believed."""
        self._failed += 1

    def close(self) -> int:
        """Puts on record how many were opened; the entry's number."""
        return self._desk.close_opening(
            self.id, opened=self._opened, failed=self._failed, digest=self._digest.hexdigest()
        )

    def _look(self, seq: int, place: Place, commitment: str) -> Look:
        ciphertext = self._sealed.of(seq)
        if ciphertext is None:
            return Look("erased", why="the sealed original is not there any more")
        try:
            self._keys.have(self._sealed.keys_from(seq))
            found = opened(Kept(place, commitment, ciphertext), key_of=self._keys.key_of)
        except ConfigurationError as error:
            return Look("locked", why=str(error))
        if isinstance(found.error, KeyMissingError):
            return Look("erased", why=_keys_gone(found.error.key_ids), key_ids=found.error.key_ids)
        if found.error is not None:
            return Look("damaged", why=str(found.error))
        return Look("opened", found.original)


@contextmanager
def open_originals(
    desk: Desk, ticket: Ticket, seqs: Sequence[int], *, keys: KeyEncryptions, kind: Kind = "open"
) -> Iterator[Opening]:
    """Opens the originals of up to :data:`AT_ONCE` entries. Asking for them is on record before anything is decrypted.

    However it ends, what came of it is put on record. Only a few keys and originals are in memory at a time. Sealed
    ones wait outside the database meanwhile, so that it waits for nobody who reads slowly.
    """
    opening = desk.ask_originals(ticket, kind, sorted(set(seqs)))
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
        sealed = _SetAside(file)
        made = Opening(desk, opening, sealed, keys)
        try:
            sealed.take(desk.originals(opening))
            yield made
        finally:
            made.close()


class _SetAside:
    """Sealed originals in a file, and by entry where each is and which keys it takes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._places: dict[int, tuple[int, int]] = {}
        self._keys: dict[int, tuple[str, ...]] = {}

    def take(self, sealed: Iterable[tuple[int, bytes]]) -> None:
        for seq, ciphertext in sealed:
            self._places[seq] = self._file.tell(), len(ciphertext)
            # One that is damaged says so when it is opened.
            with suppress(OriginalError):
                self._keys[seq] = keys_needed(ciphertext)
            self._file.write(ciphertext)

    def of(self, seq: int) -> bytes | None:
        if seq not in self._places:
            return None
        at, length = self._places[seq]
        self._file.seek(at)
        return self._file.read(length)

    def keys_from(self, seq: int) -> Iterator[str]:
        """The keys of this entry's original, and then of those after it."""
        return (key_id for later, key_ids in self._keys.items() if later >= seq for key_id in key_ids)


class _Keys:
    """The private keys of an opening: some are got at a time, and unwrapped when they are first needed."""

    def __init__(self, desk: Desk, opening: str, encryptions: KeyEncryptions) -> None:
        self._desk = desk
        self._opening = opening
        self._encryptions = encryptions
        self._wrapped: dict[str, bytes | None] = {}
        self.key_of = lru_cache(MOST_KEYS)(self._unwrapped)

    def have(self, key_ids: Iterator[str]) -> None:
        """Sees to it that the first of these are at hand; where they are not, the next ones are got with them."""
        first = list(dict.fromkeys(islice(key_ids, MAX_KEYS)))
        if all(key_id in self._wrapped for key_id in first):
            return
        wanted = list(islice(dict.fromkeys([*first, *key_ids]), KEYS_AT_ONCE))
        found = self._desk.opened_keys(self._opening, wanted)
        self._wrapped = {key_id: found.get(key_id) for key_id in wanted}

    def _unwrapped(self, key_id: str) -> PrivateKey | None:
        wrapped = self._wrapped[key_id]
        return None if wrapped is None else self._encryptions.unwrap(wrapped, key_id=key_id, log=self._desk.log)


def _keys_gone(key_ids: Sequence[str]) -> str:
    what = "a key that it needs is" if len(key_ids) == 1 else f"{len(key_ids)} keys that it needs are"
    return f"{what} destroyed"

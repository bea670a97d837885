"""Looking at originals: asked for on record, opened one after another, and the outcome on record too."""

import hashlib
import struct
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Final, Literal, Protocol

from unbroken.core.normalise import Json
from unbroken.errors import ConfigurationError, KeyMissingError, OriginalError
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.keys import PrivateKey
from unbroken.privacy.vault.layout import keys_needed
from unbroken.privacy.vault.place import Place
from unbroken.privacy.vault.stream import MOST_KEYS, Kept, opened
from unbroken.store.log_reader import Ticket

AT_ONCE: Final = 1000
"""Originals that one opening is for."""
IN_MEMORY_BYTES: Final = 8 * 2**20
"""Of the sealed originals of an opening; more of them wait in a temporary file, still sealed."""
Kind = Literal["open", "match"]
Outcome = Literal["opened", "erased", "locked", "damaged"]
_FRAME: Final = struct.Struct(">QI")


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

    def __init__(self, desk: Desk, opening: str, sealed: Iterator[tuple[int, bytes]], keys: KeyEncryptions) -> None:
        self._desk = desk
        self.id = opening
        self._sealed = _InOrder(sealed)
        self._encryptions = keys
        self._keys: dict[str, PrivateKey | None] = {}
        self._opened = 0
        self._failed = 0
        self._digest = hashlib.sha256()

    def look(self, seq: int, *, event_id: str, commitment: str, digest: bytes) -> Look:
        """What came of the original of the entry ``seq``, by what its line says; ``digest`` is the entry's hash.

        Entries are looked at in order. Raises what unwrapping raises where a key-encryption key refuses or can't be
        reached.
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
            self._have_keys(keys_needed(ciphertext))
        except ConfigurationError as error:
            return Look("locked", why=str(error))
        except OriginalError as error:
            return Look("damaged", why=str(error))
        found = opened(Kept(place, commitment, ciphertext), key_of=self._keys.get)
        if isinstance(found.error, KeyMissingError):
            return Look("erased", why=_keys_gone(found.error.key_ids), key_ids=found.error.key_ids)
        if found.error is not None:
            return Look("damaged", why=str(found.error))
        return Look("opened", found.original)

    def _have_keys(self, key_ids: Sequence[str]) -> None:
        """Gets the keys that are not at hand, and lets go of others beyond :data:`MOST_KEYS`."""
        wanted = [key_id for key_id in key_ids if key_id not in self._keys]
        if not wanted:
            return
        wrapped = self._desk.opened_keys(self.id, wanted)
        got = {
            key_id: self._encryptions.unwrap(wrapped[key_id], key_id=key_id, log=self._desk.log)
            if key_id in wrapped
            else None
            for key_id in wanted
        }
        others = [key_id for key_id in self._keys if key_id not in key_ids]
        for key_id in others[: max(len(self._keys) + len(got) - MOST_KEYS, 0)]:
            del self._keys[key_id]
        self._keys |= got


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
        made = Opening(desk, opening, _read_back(file), keys)
        try:
            _set_aside(desk.originals(opening), file)
            yield made
        finally:
            made.close()


class _InOrder:
    """Takes from pairs in order of number the ones that are asked for, in that order too."""

    def __init__(self, pairs: Iterator[tuple[int, bytes]]) -> None:
        self._pairs = pairs
        self._next: tuple[int, bytes] | None = None

    def of(self, seq: int) -> bytes | None:
        while self._next is None or self._next[0] < seq:
            self._next = next(self._pairs, None)
            if self._next is None:
                return None
        return self._next[1] if self._next[0] == seq else None


def _set_aside(sealed: Iterable[tuple[int, bytes]], file: IO[bytes]) -> None:
    for seq, ciphertext in sealed:
        file.write(_FRAME.pack(seq, len(ciphertext)))
        file.write(ciphertext)
    file.seek(0)


def _read_back(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    while frame := file.read(_FRAME.size):
        seq, length = _FRAME.unpack(frame)
        yield seq, file.read(length)


def _keys_gone(key_ids: Sequence[str]) -> str:
    what = "a key that it needs is" if len(key_ids) == 1 else f"{len(key_ids)} keys that it needs are"
    return f"{what} destroyed"

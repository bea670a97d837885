"""The vault's side of the door: what a data protection officer's login may call, and how the pool stands."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from unbroken.store.connection import translated
from unbroken.store.log_reader import LogReader, Ticket
from unbroken.store.rows import first_of, rows_of
from unbroken.store.sql import query

AT_ONCE: Final = 1000
"""Keys or entries that one call takes."""


class Public(Protocol):
    """The public half of a vault key."""

    @property
    def id(self) -> str: ...
    @property
    def raw(self) -> bytes: ...


class NewKey(Protocol):
    """A key for the pool: its public half, what shows recorders that it is the log's, and its wrapped private half."""

    @property
    def public(self) -> Public: ...
    @property
    def endorsement(self) -> str: ...
    @property
    def wrapped(self) -> bytes: ...
    @property
    def wrapped_by(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """A private half as it was wrapped, and as it is to be."""

    key_id: str
    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class KeyCount:
    """How many keys one key-encryption key wraps: in the pool, and assigned to somebody.

    ``wrapped_by`` is ``None`` for those that are destroyed, which alone ``destroyed`` counts.
    """

    wrapped_by: str | None
    free: int
    assigned: int
    destroyed: int


class VaultDoor:
    """The vault of the log that a reader is connected to. All but :meth:`state` takes the duty dpo.

    Every method is a transaction of its own. Raises :class:`AccessDeniedError` for other duties, and where the ticket
    has ended.
    """

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader

    @property
    def log(self) -> str:
        """The log's full name."""
        return self._reader.log

    def state(self) -> list[KeyCount]:
        """The keys by what wraps them; nothing where no vault is set up."""
        return [KeyCount(*row) for row in self._rows("vault_state", (self.log,))]

    def refill(self, keys: Sequence[NewKey]) -> int:
        """Adds 1 to 1000 keys, wrapped by one key-encryption key, to the pool; returns the entry's number."""
        (wrapped_by,) = {key.wrapped_by for key in keys}
        columns = (
            [key.public.id for key in keys],
            [key.public.raw for key in keys],
            [key.endorsement for key in keys],
            [key.wrapped for key in keys],
        )
        return int(self._one("refill_vault", (self.log, *columns, wrapped_by)))

    def ask_originals(self, ticket: Ticket, kind: str, seqs: Sequence[int]) -> str:
        """Puts on record that the originals of these entries will be looked at; what to ask for them with.

        ``kind`` is open or match. Up to 1000 entries; under a ticket for one session, of that session.
        """
        return str(self._one("ask_originals", (self.log, ticket.id, kind, list(seqs))))

    def originals(self, opening: str) -> Iterator[tuple[int, bytes]]:
        """The sealed originals that were asked for, by entry, in order; of those there are. One at a time in memory."""
        with translated(), self._reader.connection.cursor(binary=True) as cursor:
            for seq, ciphertext in cursor.stream(query("originals"), (self.log, opening)):
                yield seq, bytes(ciphertext)

    def opened_keys(self, opening: str, key_ids: Sequence[str]) -> Mapping[str, bytes]:
        """The wrapped private halves of keys that those originals are sealed to; without those that are destroyed."""
        given = (self.log, opening, list(key_ids))
        return {key_id: bytes(wrapped) for key_id, wrapped in self._rows("opened_keys", given)}

    def close_opening(self, opening: str, *, opened: int, failed: int, digest: str) -> int:
        """Puts on record what came of it; ``digest`` is the SHA-256, in hex, over the hashes of the opened entries.

        Returns the entry's number.
        """
        return int(self._one("close_opening", (self.log, opening, opened, failed, digest)))

    def ask_rewrapping(self, to: str) -> str:
        """Puts on record that keys will be wrapped anew, by the key-encryption key ``to``."""
        return str(self._one("ask_rewrapping", (self.log, to)))

    def keys_to_rewrap(self, opening: str, limit: int) -> Mapping[str, bytes]:
        """Wrapped keys that are not wrapped by ``to`` yet, in order of id."""
        given = (self.log, opening, limit)
        return {key_id: bytes(wrapped) for key_id, wrapped in self._rows("keys_to_rewrap", given)}

    def rewrap_keys(self, opening: str, keys: Sequence[Rewrapped]) -> int:
        """Puts these in place of what is still as it was; returns how many."""
        columns = [key.key_id for key in keys], [key.old for key in keys], [key.new for key in keys]
        return int(self._one("rewrap_keys", (self.log, opening, *columns)))

    def close_rewrapping(self, opening: str) -> int:
        """Puts on record how many keys were wrapped anew; returns the entry's number."""
        return int(self._one("close_rewrapping", (self.log, opening)))

    def _rows(self, name: str, given: tuple[object, ...]) -> list[tuple[Any, ...]]:
        return rows_of(self._reader.connection, name, given)

    def _one(self, name: str, given: tuple[object, ...]) -> Any:
        return first_of(self._rows(name, given))[0]

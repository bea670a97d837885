"""A vault in a test's database: keys in its pool, and events that come with sealed originals."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from tests.conftest import LOG
from tests.database import raw
from tests.database.raw import Connection, Received
from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.keys import PrivateKey, PublicKey
from unbroken.privacy.vault.local_key import LocalKey
from unbroken.privacy.vault.originals import seal
from unbroken.privacy.vault.place import Place
from unbroken.privacy.vault.pool import Pooled, made

_APPEND: Final = (
    "select * from unbroken.append(%s, %s::text[],"
    " %s::text[], %s::bytea[], %s::text[], %s::bytea[], %s::text[], %s::bytea[], null, %s::bytea[])"
)


@dataclass(frozen=True)
class Vault:
    """What the opener's host has: the keys that wrap, and the log's."""

    wrapping: KeyEncryptions = field(default_factory=lambda: KeyEncryptions(LocalKey.generate("1")))
    log_key: LogKey = field(default_factory=LogKey.generate)

    def refill(self, dpo: Connection, count: int) -> list[Pooled]:
        """Puts new keys into the pool of the log."""
        keys = list(islice(made(count, wrapping=self.wrapping, log_key=self.log_key, log=LOG), count))
        columns: list[Any] = [[each.public.id for each in keys], [each.public.raw for each in keys]]
        columns += [[each.endorsement for each in keys], [each.wrapped for each in keys]]
        dpo.execute("select unbroken.refill_vault(%s, %s, %s, %s, %s, %s)", (LOG, *columns, keys[0].wrapped_by))
        return keys

    def private(self, key: Pooled) -> PrivateKey:
        """The private half of a key of the pool."""
        return self.wrapping.unwrap(key.wrapped, key_id=key.public.id, log=LOG)


def keys_for(writer: Connection, *holders: tuple[str, str]) -> list[PublicKey | None]:
    """The public keys of holders, kind and name each; ``None`` where the pool has none left."""
    kinds, names = zip(*holders, strict=True)
    rows = writer.execute("select * from unbroken.vault_keys(%s, %s, %s)", (LOG, list(kinds), list(names))).fetchall()
    return [None if row[0] is None else PublicKey(row[0], bytes(row[1])) for row in rows]


def sealed_to(keys: Sequence[PublicKey], original: dict[str, Json], **fields: Any) -> tuple[raw.Sent, bytes]:
    """An event with a payload, and what it was before redaction, sealed."""
    event_id = raw.new_id()
    made_original = seal(original, keys=keys, place=Place(LOG, event_id))
    parts = {"inputs": '"[masked]"'}
    sent = raw.sent(parts, id=event_id, original=made_original.commitment, **fields)
    return sent, made_original.ciphertext


def append(writer: Connection, batch: Sequence[tuple[raw.Sent, bytes | None]], *, log: str = LOG) -> list[Received]:
    """Appends events with their originals."""
    columns = raw.columns_of([sent for sent, _ in batch])
    with writer.cursor(binary=True) as cursor:
        rows = cursor.execute(_APPEND, (log, *columns, [original for _, original in batch])).fetchall()
    return [Received(*row) for row in rows]


def record_about(writer: Connection, subject: str, original: dict[str, Json], **fields: Any) -> Received:
    """Records one event about a subject with its original, sealed to the subject's key."""
    (key,) = keys_for(writer, ("subject", subject))
    assert key is not None
    return append(writer, [sealed_to([key], original, subjects=[subject], **fields)])[0]


def plain_keys(seed: str, count: int) -> tuple[list[str], list[bytes], list[str], list[bytes]]:
    """What ``unbroken.refill_vault`` takes, for keys that seal nothing: ids, public halves, endorsements,
    wrapped halves; made from ``seed``, and a thousand in no time.
    """
    ids = [f"v-{hashlib.sha256(f'{seed} {number}'.encode()).hexdigest()[:32]}" for number in range(count)]
    return ids, [b"p" * 1216] * count, ["k1:" + "a" * 64] * count, [f"wrapped {key}".encode() for key in ids]


def laid_out(*key_ids: str, size: int = 600) -> bytes:
    """Bytes that are laid out like an original sealed to these keys, and open to nobody."""
    keys = b"".join(bytes.fromhex(key.removeprefix("v-")) + bytes(1168) for key in sorted(key_ids))
    return b"UBO\x01" + bytes([len(key_ids)]) + keys + size.to_bytes(4, "big") + bytes(size)

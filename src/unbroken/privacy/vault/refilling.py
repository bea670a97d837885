"""Filling the pool of vault keys, where originals may be opened."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, Protocol

from unbroken.core.keyed import LogKey
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.pool import Pooled, made

LOT: Final = 1000
"""Keys that are added at a time: each lot is one entry of the log, and stays whatever comes after it."""
Progress = Callable[[int, int], None]


class Pool(Protocol):
    """Where a log's keys are kept."""

    @property
    def log(self) -> str: ...

    def refill(self, keys: Sequence[Pooled]) -> int:
        """Adds up to 1000 keys; the number of the entry that tells of it."""


def refill(
    pool: Pool, count: int, *, wrapping: KeyEncryptions, log_key: LogKey, progress: Progress = lambda _done, _of: None
) -> list[int]:
    """Adds ``count`` new keys, in lots; the entries that tell of it.

    The first key is unwrapped again before anything is added: a key-encryption key that may wrap and not unwrap would
    make originals that nobody opens. Raises what wrapping raises; lots that were added stay.
    """
    keys = made(count, wrapping=wrapping, log_key=log_key, log=pool.log)
    entries: list[int] = []
    done = 0
    progress(done, count)
    while done < count:
        lot = []
        for key in islice(keys, LOT):
            lot.append(key)
            if done + len(lot) == 1:
                wrapping.unwrap(key.wrapped, key_id=key.public.id, log=pool.log)
            progress(done + len(lot), count)
        entries.append(pool.refill(lot))
        done += len(lot)
    return entries

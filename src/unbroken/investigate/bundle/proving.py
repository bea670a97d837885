"""What proves a bundle's entries: a checkpoint that covers them, waited for a while, and what goes with it."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from unbroken.core.canonical import canonical
from unbroken.core.tree.multiproof import multiproof
from unbroken.store.checkpoints import Checkpoints, StoredCheckpoint, StoredReceipt

POLL_S: Final = 0.5
_RECEIPTS: Final = 1000

Served: TypeAlias = Callable[[str, Iterable[bytes]], str]
"""A checkpoint's note with the cosignatures that receipts bear."""
Progress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Covering:
    """A checkpoint, and what anchors answered when they were given it."""

    checkpoint: StoredCheckpoint
    receipts: tuple[StoredReceipt, ...]


def awaited(checkpoints: Checkpoints, seq: int, *, seconds: float, progress: Progress) -> Covering | None:
    """The best checkpoint that covers the entry ``seq``; ``None`` if there is none when the time is over.

    Where the log has anchors, one that an anchor has been given is waited for as well, and is preferred. A log that has
    no checkpoints at all is not waited for.
    """
    begun = time.monotonic()
    anchored = bool(checkpoints.receipts(limit=1))
    while True:
        found = _best(checkpoints, seq)
        waited = time.monotonic() - begun
        done = found is not None and (found.receipts or not anchored)
        if done or waited >= seconds or checkpoints.newest() is None:
            return found
        progress(int(waited), int(seconds))
        time.sleep(min(POLL_S, seconds - waited))


def files_of(covering: Covering, seqs: Sequence[int], checkpoints: Checkpoints, served: Served) -> dict[str, bytes]:
    """The files that show the entries of these ascending numbers to be in the checkpoint's tree."""
    checkpoint, receipts = covering.checkpoint, [each.receipt for each in covering.receipts]
    hashes = multiproof([seq - 1 for seq in seqs], checkpoint.size, reader=checkpoints.tree)
    return {
        "checkpoint.note": served(checkpoint.note, receipts).encode(),
        "proof.json": _json({"v": 1, "size": checkpoint.size, "hashes": [each.hex() for each in hashes]}),
        "anchors.jsonl": b"".join(each + b"\n" for each in receipts),
    }


def keys_of(checkpoints: Checkpoints, cosigners: Sequence[str] = ()) -> bytes:
    """``keys.json``: the history of the log's keys, and cosigners' keys as somebody here names them."""
    statements = [each.statement for each in checkpoints.key_statements()]
    return _json({"v": 1, "statements": [*statements], "cosigners": [*cosigners]})


def _best(checkpoints: Checkpoints, seq: int) -> Covering | None:
    """Of the checkpoints that cover the entry, the one that most anchors were given; else the first."""
    first = checkpoints.covering(seq)
    if first is None:
        return None
    found = checkpoints.receipts(limit=_RECEIPTS, least=first.size)
    given = Counter(each.size for each in found)
    for size, _ in sorted(given.items(), key=lambda each: (-each[1], each[0])):
        anchored = checkpoints.of_size(size)
        if anchored is not None:
            fitting = (each for each in found if (each.size, each.root) == (size, anchored.root))
            return Covering(anchored, tuple(sorted(fitting, key=lambda each: each.anchor)))
    return Covering(first, ())


def _json(value: dict[str, int | list[str]]) -> bytes:
    return canonical({name: [*each] if isinstance(each, list) else each for name, each in value.items()}) + b"\n"

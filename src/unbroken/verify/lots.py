"""The candidates of a disposal in lots of a thousand, and their hashes: what people agree to is the hash of these."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice
from typing import Final

from unbroken.verify.numbers import Run

BOTH: Final = "both"
"""What goes of the candidates of a lot, unless it is one part alone."""
LOT: Final = 1000
"""Candidates in each lot but the last."""
MOST: Final = 100
"""Lots that one entry is believed to tell of, many more than are taken at a time; a forged one may say anything."""


def lots_of(runs: Iterable[Run]) -> list[list[Run]] | None:
    """The numbers of one batch, which ascend, so many at a time; ``None`` where no batch is that large."""
    lots = list(islice(_lots_of(runs), MOST + 1))
    return lots if len(lots) <= MOST else None


def _lots_of(runs: Iterable[Run]) -> Iterator[list[Run]]:
    lot: list[Run] = []
    room = LOT
    for first, last in runs:
        at = first
        while at <= last:
            end = min(last, at + room - 1)
            lot.append((at, end))
            room -= end - at + 1
            at = end + 1
            if not room:
                yield lot
                lot, room = [], LOT
    if lot:
        yield lot


def hash_of(lot: Iterable[Run], *, part: str = BOTH) -> str:
    """The hash of a lot, in hex: of its numbers as ``3-7,9``, after the part where one goes alone."""
    numbers = ",".join(str(first) if first == last else f"{first}-{last}" for first, last in lot)
    text = numbers if part == BOTH else f"{part} {numbers}"
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


class ListHash:
    """The hash of a whole list, in hex: of its lots' hashes, one below the other."""

    def __init__(self) -> None:
        self._lots = sha256()
        self._empty = True

    def add(self, lot: str) -> None:
        """Adds the hash of the next lot."""
        self._lots.update(("" if self._empty else "\n").encode() + lot.encode("utf-8", "surrogateescape"))
        self._empty = False

    @property
    def hex(self) -> str | None:
        """The hash so far; ``None`` of nothing."""
        return None if self._empty else self._lots.hexdigest()

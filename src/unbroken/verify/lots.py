"""The hash that people agree to when they approve of a disposal, worked out again from which numbers it took."""

import hashlib
from collections.abc import Iterable
from typing import Final

from unbroken.verify.numbers import Run

LOT: Final = 1000
"""Candidates of a lot; the last one may have fewer."""


class Lots:
    """Candidates as they come, in ascending order: how many, and the hash that stands for all of them.

    A lot's hash is the SHA-256 of its numbers as ``3-7,9``; the hash of all is that of the lots' hashes, in hex, on a
    line each.
    """

    def __init__(self) -> None:
        self.entries = 0
        self._last = 0
        self._ascending = True
        self._lot: list[Run] = []
        self._hashes: list[str] = []

    def add(self, runs: Iterable[Run], *, below: int) -> None:
        """Takes further candidates, all of which have to be ``below`` a number."""
        for first, last in runs:
            # What can't be a list is not gone through: a forger may name any number.
            self._ascending = self._ascending and self._last < first and last < below
            if not self._ascending:
                return
            self._last, at = last, first
            while at <= last:
                end = min(last, at + LOT - self.entries % LOT - 1)
                self._put(at, end)
                at = end + 1

    @property
    def sha256(self) -> str | None:
        """The hash in hex of all that came; ``None`` where they did not come in order: no list is like that."""
        rest = [_hash(self._lot)] if self._lot else []
        return hashlib.sha256("\n".join([*self._hashes, *rest]).encode()).hexdigest() if self._ascending else None

    def _put(self, first: int, last: int) -> None:
        if self._lot and self._lot[-1][1] + 1 == first:
            self._lot[-1] = (self._lot[-1][0], last)
        else:
            self._lot.append((first, last))
        self.entries += last - first + 1
        if self.entries % LOT == 0:
            self._hashes.append(_hash(self._lot))
            self._lot = []


def _hash(lot: list[Run]) -> str:
    text = ",".join(str(first) if first == last else f"{first}-{last}" for first, last in lot)
    return hashlib.sha256(text.encode()).hexdigest()

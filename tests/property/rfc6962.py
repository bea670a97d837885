"""RFC 6962, section 2.1, word for word: recursive, slow, and sharing nothing with the package."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256


class Tree:
    """A tree over leaves' hashes. ``D[start:end]`` of the RFC is written as its bounds."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves
        self.mth = cache(self._mth)

    def root(self, size: int) -> bytes:
        return self.mth(0, size) if size else sha256(b"").digest()

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return self._path(index, 0, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        return self._subproof(old, 0, new, whole=True)

    def _mth(self, start: int, end: int) -> bytes:
        if end - start == 1:
            return self.leaves[start]
        k = start + split(end - start)
        return sha256(b"\x01" + self.mth(start, k) + self.mth(k, end)).digest()

    def _path(self, m: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        k = split(end - start)
        if m < k:
            return [*self._path(m, start, start + k), self.mth(start + k, end)]
        return [*self._path(m - k, start + k, end), self.mth(start, start + k)]

    def _subproof(self, m: int, start: int, end: int, *, whole: bool) -> list[bytes]:
        if m == end - start:
            return [] if whole else [self.mth(start, end)]
        k = split(end - start)
        if m <= k:
            return [*self._subproof(m, start, start + k, whole=whole), self.mth(start + k, end)]
        return [*self._subproof(m - k, start + k, end, whole=False), self.mth(start, start + k)]


def split(n: int) -> int:
    """``k`` of the RFC: the largest power of two below ``n``."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def turns(index: int, size: int) -> str:
    """Where the way from the root to a leaf goes: what a verifier knows of index and size."""
    if size == 1:
        return ""
    k = split(size)
    return "l" + turns(index, k) if index < k else "r" + turns(index - k, size - k)


def leaf(number: int) -> bytes:
    """A leaf's hash, another one for each number."""
    return sha256(b"\x00leaf %d" % number).digest()

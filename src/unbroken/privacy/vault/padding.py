"""Padding to few lengths, so that a sealed original's length says little of what was said.

Lengths go up in the steps of Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication
with PURBs", 2019): at most 12 % more, and of a length of L bits only some log L bits show. All short ones look alike.
"""

from typing import Final

SHORTEST: Final = 512
"""Where a "yes" and a "no" can't be told apart; little beside the bytes that each key takes."""
_MARK: Final = b"\x80"


def padded_length(length: int) -> int:
    """The length that ``length`` bytes get, which is one of few and no smaller."""
    if length <= SHORTEST:
        return SHORTEST
    exponent = length.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return -(-length // step) * step


def padded(content: bytes) -> bytes:
    """``content``, a mark, and zeros up to :func:`padded_length`."""
    return (content + _MARK).ljust(padded_length(len(content) + 1), b"\x00")


def unpadded(padded_content: bytes) -> bytes | None:
    """What :func:`padded` was given; ``None`` for what it does not give."""
    content, mark, zeros = padded_content.rpartition(_MARK)
    if not mark or zeros.strip(b"\x00") or len(padded_content) != padded_length(len(content) + 1):
        return None
    return content

"""Where tiles and bundles stand below a log's prefix (C2SP tlog-tiles): ``<folder>/x001/x234/067.p/12``."""

import re
from typing import Final

from unbroken.errors import ProofError

WIDTH: Final = 256
"""How many hashes a full tile holds, and how many entries a full bundle."""
_DIGITS: Final = 3
# Six elements before the last are more than any index takes.
_SHAPE: Final = re.compile(r"(.+?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


def path_of(folder: str, index: int, width: int) -> str:
    """The path of what is ``index``-th in its folder; partial where ``width`` is less than :data:`WIDTH`."""
    digits = str(index)
    digits = digits.zfill(-len(digits) // _DIGITS * -_DIGITS)
    *before, last = (digits[at : at + _DIGITS] for at in range(0, len(digits), _DIGITS))
    suffix = "" if width == WIDTH else f".p/{width}"
    return "/".join([folder, *(f"x{element}" for element in before), last]) + suffix


def parse(path: str) -> tuple[str, int, int]:
    """Folder, index and width; raises :class:`ProofError` for anything but the one spelling of a path."""
    match = _SHAPE.fullmatch(path)
    if match is None:
        raise ProofError("this is not the path of a tile or bundle")
    folder, elements, partial = match.groups()
    index, width = int(elements.replace("x", "").replace("/", "")), int(partial or WIDTH)
    if path_of(folder, index, width) != path or width > WIDTH:
        raise ProofError("this is not the path of a tile or bundle: it has another spelling")
    return folder, index, width

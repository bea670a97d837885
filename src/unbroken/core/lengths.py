"""Lengths of time as options and files take them: ``90s``, ``30m``, ``36h``, ``7d``."""

import re
from datetime import timedelta
from typing import Final

FORM: Final = "a length is a number and one of s, m, h, d: such as 36h"
_LENGTH: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_length(text: str) -> timedelta | None:
    """The length that ``text`` says; ``None`` where it says none."""
    match = _LENGTH.fullmatch(text)
    return None if match is None else timedelta(**{_UNITS[match[2]]: int(match[1])})

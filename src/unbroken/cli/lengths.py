"""Lengths of time as options take them: ``90s``, ``30m``, ``36h``, ``7d``."""

import re
from datetime import timedelta
from typing import Final

import typer

_LENGTH: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def length_of(text: str, *, option: str) -> timedelta:
    """The length that ``text`` says; ``option`` is who is blamed when it says none."""
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise typer.BadParameter("a length is a number and one of s, m, h, d: such as 36h", param_hint=option)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})

"""Lengths of time as options take them."""

from datetime import timedelta

import typer

from unbroken.core.lengths import FORM, parse_length


def length_of(text: str, *, option: str) -> timedelta:
    """The length that ``text`` says; ``option`` is who is blamed when it says none."""
    length = parse_length(text)
    if length is None:
        raise typer.BadParameter(FORM, param_hint=option)
    return length

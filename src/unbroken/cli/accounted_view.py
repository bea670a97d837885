"""What a verification found absent and declared erased, as text and as JSON."""

from typing import Any, Final

from rich.console import Console
from rich.text import Text

from unbroken.cli.printing import cells, counted, plain_table
from unbroken.verify.finding import Accounted, Erasure

_LISTED: Final = 20
"""Erasures that stand in the table; JSON has them all."""
_NUMBERS: Final = ("payloads", "originals", "keys", "names")


def print_accounted(console: Console, accounted: Accounted) -> None:
    """How much is gone and accounted for, and by which erasures; nothing where nothing was erased."""
    if not accounted.erasures_total:
        return
    erasures = counted(accounted.erasures_total, "erasure")
    console.print()
    console.print(Text(f"Erased and accounted for: {in_words(accounted)}, by {erasures}"))
    table = plain_table("erasure", "entries", *_NUMBERS, "", right=_NUMBERS)
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for each in accounted.erasures[:_LISTED]:
        table.add_row(
            *cells(each.erasure, _entries(each), *(f"{getattr(each, name):,}" for name in _NUMBERS), _end(each))
        )
    console.print(table)
    if accounted.erasures_total > _LISTED:
        console.print(Text(f"{counted(accounted.erasures_total - _LISTED, 'erasure')} more: --json", "dim"))


def in_words(accounted: Accounted) -> str:
    """``3 payloads, 1 key``: of what there is any."""
    there = ((getattr(accounted, name), name) for name in _NUMBERS)
    return ", ".join(counted(number, name.removesuffix("s")) for number, name in there if number) or "nothing yet"


def accounted_as_json(accounted: Accounted) -> dict[str, Any]:
    """All of it; ``erasures`` may be fewer than ``erasures_total``."""
    numbers = {name: getattr(accounted, name) for name in _NUMBERS}
    erasures = [_as_json(each) for each in accounted.erasures]
    return {**numbers, "erasures_total": accounted.erasures_total, "erasures": erasures}


def _as_json(erasure: Erasure) -> dict[str, Any]:
    return {
        "erasure": erasure.erasure,
        "first_seq": erasure.first_seq,
        "last_seq": erasure.last_seq,
        **{name: getattr(erasure, name) for name in _NUMBERS},
        "complete": erasure.complete,
    }


def _entries(erasure: Erasure) -> str:
    first, last = f"{erasure.first_seq:,}", f"{erasure.last_seq:,}"
    return first if first == last else f"{first} to {last}"


def _end(erasure: Erasure) -> str:
    return "" if erasure.complete else "not finished"

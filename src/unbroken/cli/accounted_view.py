"""What a verification found absent and declared gone, as text and as JSON."""

from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from unbroken.cli.printing import cells, counted, plain_table
from unbroken.verify.finding import Accounted, Disposal, Erasure

_LISTED: Final = 20
"""Erasures that stand in the table, and disposals; JSON has them all."""
_NUMBERS: Final = ("payloads", "originals", "keys", "names")
_OF_DISPOSALS: Final = ("payloads", "originals", "keys")


def print_accounted(console: Console, accounted: Accounted) -> None:
    """How much is gone and accounted for, and by what; nothing where nothing was destroyed."""
    if accounted.erasures_total:
        words = _in_words(_erased(accounted))
        _print(console, f"Erased and accounted for: {words}", accounted.erasures, accounted.erasures_total, _NUMBERS)
    if accounted.disposals_total:
        words = _in_words(_disposed(accounted))
        title = f"Disposed of and accounted for: {words}"
        _print(console, title, accounted.disposals, accounted.disposals_total, _OF_DISPOSALS)


def _print(
    console: Console, title: str, listed: Sequence[Erasure | Disposal], total: int, numbers: tuple[str, ...]
) -> None:
    kind = "erasure" if isinstance(listed[0], Erasure) else "disposal"
    console.print()
    console.print(Text(f"{title}, by {counted(total, kind)}"))
    table = plain_table(kind, "entries", *numbers, "", right=numbers)
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for each in listed[:_LISTED]:
        amounts = (f"{getattr(each, name):,}" for name in numbers)
        table.add_row(*cells(getattr(each, kind), _entries(each), *amounts, "" if each.complete else "not finished"))
    console.print(table)
    if total > _LISTED:
        console.print(Text(f"{counted(total - _LISTED, kind)} more: --json", "dim"))


def _erased(accounted: Accounted) -> dict[str, int]:
    gone = _disposed(accounted)
    return {name: getattr(accounted, name) - gone.get(name, 0) for name in _NUMBERS}


def _disposed(accounted: Accounted) -> dict[str, int]:
    numbers = accounted.disposed, accounted.disposed_originals, accounted.disposed_keys
    return dict(zip(_OF_DISPOSALS, numbers, strict=True))


def _in_words(numbers: dict[str, int]) -> str:
    """``3 payloads, 1 key``: of what there is any."""
    there = [counted(number, name.removesuffix("s")) for name, number in numbers.items() if number]
    return ", ".join(there) or "nothing yet"


def accounted_as_json(accounted: Accounted) -> dict[str, Any]:
    """All of it; ``erasures`` may be fewer than ``erasures_total``, and so may ``disposals`` be."""
    return {
        **{name: getattr(accounted, name) for name in _NUMBERS},
        "erased": _erased(accounted),
        "disposed": _disposed(accounted),
        "erasures_total": accounted.erasures_total,
        "erasures": [_as_json("erasure", each, _NUMBERS) for each in accounted.erasures],
        "disposals_total": accounted.disposals_total,
        "disposals": [_as_json("disposal", each, _OF_DISPOSALS) for each in accounted.disposals],
    }


def _as_json(kind: str, each: Erasure | Disposal, numbers: Sequence[str]) -> dict[str, Any]:
    return {
        kind: getattr(each, kind),
        "first_seq": each.first_seq,
        "last_seq": each.last_seq,
        **{name: getattr(each, name) for name in numbers},
        "complete": each.complete,
    }


def _entries(each: Erasure | Disposal) -> str:
    first, last = f"{each.first_seq:,}", f"{each.last_seq:,}"
    return first if first == last else f"{first} to {last}"

"""The erasures of a report on access, as text: who asked, who confirmed, who carried out, and how much it was."""

from collections.abc import Iterator
from datetime import datetime

from rich.text import Text

from unbroken.cli.printing import counted, moment
from unbroken.investigate.access_erasures import Act, Erasure
from unbroken.investigate.printable import printable
from unbroken.investigate.short_forms import ShortForms

_PEOPLE = 10


def erasure_lines(each: Erasure, now: datetime, forms: ShortForms) -> Iterator[Text]:
    """One erasure: what it is, then who did what, a line each."""
    case = f"  case {each.case}" if each.case else ""
    yield Text.assemble((each.state(now), "cyan"), printable(f"  {each.erasure}{case}"))
    if each.reason:
        yield Text(printable(each.reason))
    if each.despite_floors:
        yield Text("asked for although a law asks to keep some of it", "yellow")
    if each.subjects:
        more = f" and {len(each.subjects) - _PEOPLE:,} more" if len(each.subjects) > _PEOPLE else ""
        people = ", ".join(forms.name(subject, scanned=False) for subject in each.subjects[:_PEOPLE])
        acts = "; with what they did to others" if each.with_acted else ""
        yield Text(printable(f"of {people}{more}{acts}"))
    yield from (
        Text(printable(f"{words} by {act.by}, {moment(act.at)}, entry {act.seq:,}")) for words, act in _acts(each)
    )
    if each.begun is not None:
        yield Text(f"destroyed: {_amounts(each.payloads, each.originals, each.keys)}", "yellow")
    elif each.planned:
        planned = each.planned
        amounts = _amounts(*(planned.get(name, 0) for name in ("payloads", "originals", "keys")))
        yield Text(f"there were {amounts} when it was asked for")


def _acts(each: Erasure) -> Iterator[tuple[str, Act]]:
    named = {
        "asked for": each.requested,
        "confirmed": each.confirmed,
        "withdrawn": each.withdrawn,
        "done again from the ledger": each.reapplied,
        "begun": each.begun,
        "ended": each.done,
    }
    yield from ((words, act) for words, act in named.items() if act is not None)


def _amounts(payloads: int, originals: int, keys: int) -> str:
    return f"{counted(payloads, 'payload')}, {counted(originals, 'original')} and {counted(keys, 'key')}"

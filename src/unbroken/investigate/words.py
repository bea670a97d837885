"""The wording of an event, and the facts that events of every kind may state."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event
from unbroken.investigate.printable import printable

Known: TypeAlias = Mapping[str, tuple[StoredEntry, Event]]
"""The entries of a session and their events, by the events' ids."""


@dataclass(frozen=True, slots=True)
class Wording:
    """An event in words, all of them printable."""

    title: str = ""
    facts: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def in_entry(what: str, place: tuple[StoredEntry, Event] | None) -> tuple[str, ...]:
    """The fact that ``what`` stands in an entry, where it is known."""
    return () if place is None else (f"{what} in entry {place[0].seq:,}",)


def figures(event: Event) -> Iterator[str]:
    """Tokens, cost and latency, where the event has them."""
    if event.input_tokens is not None or event.output_tokens is not None:
        yield f"{event.input_tokens or 0:,} → {event.output_tokens or 0:,} tokens"
    if event.cost_usd is not None:
        yield f"${event.cost_usd}"
    if event.latency_ms is not None:
        yield f"{event.latency_ms / 1000:,.1f} s" if event.latency_ms >= 1000 else f"{event.latency_ms} ms"


def circumstances(event: Event, *, tool: bool = True) -> Iterator[str]:
    """What was touched, by which ``tool``, why, for whom, and what was decided about it."""
    if event.resource_type or event.resource_id:
        yield printable("/".join(text for text in (event.resource_type, event.resource_id) if text))
    if event.tool and tool:
        yield printable(event.tool)
    for word, text in (("purpose", event.purpose), ("to", event.recipient), ("model", event.model)):
        if text:
            yield printable(f"{word} {text}")
    if event.decision is not None and event.decision.outcome:
        by = f" by {event.decision.by}" if event.decision.by else ""
        yield printable(f"{event.decision.outcome}{by}")

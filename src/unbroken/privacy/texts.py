"""The texts of an event that may hold anything, each by its place: ``tool``, ``scope/0``, ``decision/by``."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from unbroken.ledger.draft import MAX_EVENT_TEXT_BYTES

_TEXTS: Final = (
    *("actor_id", "agent_id", "agent_name", "agent_version", "call_id", "cost_source", "model", "purpose"),
    *("recipient", "resource_id", "resource_type", "session_id", "source_address", "status", "tool", "turn_id"),
)
_LISTS: Final = ("domains", "scope", "subjects")
_DECISION: Final = ("by", "outcome", "policy")
_TOO_LONG: Final = "[too long once masked]"


def texts_of(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The texts and their places, by which :func:`with_texts` knows them again."""
    for name in _TEXTS:
        if isinstance(fields.get(name), str):
            yield name, fields[name]
    for name in _LISTS:
        for at, item in enumerate(fields.get(name) or ()):
            if isinstance(item, str):
                yield f"{name}/{at}", item
    decision = fields.get("decision")
    if isinstance(decision, Mapping):
        for name in _DECISION:
            if isinstance(decision.get(name), str):
                yield f"decision/{name}", decision[name]


def with_texts(fields: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """The fields with these texts in their places."""
    event = dict(fields)
    for place, text in texts.items():
        name, _, within = place.partition("/")
        if not within:
            event[name] = _kept(text)
        elif name == "decision":
            event[name] = {**event[name], within: _kept(text)}
        else:
            items = list(event[name])
            items[int(within)] = _kept(text)
            event[name] = items
    return event


def changed_texts(
    before: Mapping[str, str], after: Mapping[str, str], recorded: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """The texts of ``before`` that are others in ``after``, by their places in the event as it is recorded.

    There the items of a list are sorted. A text of which another one took the place, as two became the same, has a
    place beyond the list's end.
    """
    taken: set[str] = set()
    for place, text in before.items():
        kept = _kept(after[place])
        if kept != text:
            name = place.partition("/")[0]
            where = place if name not in _LISTS else _place_in(name, kept, recorded, taken)
            taken.add(where)
            yield where, text


def _place_in(name: str, item: str, recorded: Mapping[str, Any], taken: set[str]) -> str:
    items = sorted({each for each in recorded.get(name) or () if isinstance(each, str)})
    place, beyond = f"{name}/{items.index(item)}", len(items)
    while place in taken:
        place, beyond = f"{name}/{beyond}", beyond + 1
    return place


def _kept(text: str) -> str:
    return text if len(text.encode(errors="replace")) <= MAX_EVENT_TEXT_BYTES else _TOO_LONG

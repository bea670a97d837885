"""What became of the calls of a session: whether they have a result, never began, or were made as a call of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from unbroken.core.event import Event

NOT_EXECUTED: Final = "not_executed"
"""Status of the ``annotated`` event about a call that a model asked for and that its turn ended without."""
_RESULT_OF: Final = {"tool_call": ("tool_result", "error"), "model_call": ("model_result", "error")}


@dataclass(frozen=True, slots=True)
class Fates:
    """Ids of calls: that have a result; that did not begin; that began as another call, which is told by itself."""

    answered: frozenset[str]
    not_executed: frozenset[str]
    replaced: frozenset[str]

    def happened(self, event: Event) -> bool:
        """Whether the call was made as it stands here."""
        return event.id not in self.not_executed and event.id not in self.replaced

    def is_open(self, event: Event) -> bool:
        """Whether the event is a call of which nobody knows what became."""
        return event.event_type in _RESULT_OF and event.id not in self.answered and self.happened(event)


def fates_of(events: Sequence[Event]) -> Fates:
    """What became of the calls among one session's events, which stand in order."""
    known: dict[str, Event] = {}
    replaced = set()
    unbegun: dict[str, Event] = {}
    for event in events:
        cause = known.get(event.parent_id or "")
        if cause is not None and is_in_place_of(event, cause):
            replaced.add(cause.id)
        elif cause is not None and event.event_type == "annotated" and event.status == NOT_EXECUTED:
            unbegun[cause.id] = cause
        known[event.id] = event
    elsewhere = _begun_elsewhere(events, unbegun)
    return Fates(
        answered=frozenset(_answered(events)),
        not_executed=frozenset(unbegun.keys() - elsewhere),
        replaced=frozenset(replaced | elsewhere),
    )


def _begun_elsewhere(events: Sequence[Event], unbegun: Mapping[str, Event]) -> set[str]:
    """Ids of calls of which their turn knew no beginning, as it was another process of the turn that made them."""
    calls = {_name(event) for event in events if event.event_type == "tool_call" and event.id not in unbegun}
    return {asked.id for asked in unbegun.values() if _name(asked) in calls}


def _name(call: Event) -> tuple[str | None, ...]:
    return call.turn_id, call.tool, call.call_id


def is_in_place_of(event: Event, asked: Event) -> bool:
    """Whether ``event`` is the call ``asked`` as it was really made: with other arguments, or in a forked process."""
    both = event.event_type == asked.event_type == "tool_call"
    return both and event.parent_id == asked.id and (event.tool, event.call_id) == (asked.tool, asked.call_id)


def _answered(events: Sequence[Event]) -> set[str]:
    """Ids of the calls that have a result, told by its parent or, for tools, by the id of the call."""
    calls = {(event.turn_id, event.call_id): event.id for event in events if event.event_type == "tool_call"}
    types = {event.id: event.event_type for event in events}
    answered = set()
    for event in events:
        if event.parent_id is not None and event.event_type in _RESULT_OF.get(types.get(event.parent_id, ""), ()):
            answered.add(event.parent_id)
        elif event.event_type == "tool_result" and event.call_id is not None:
            answered.add(calls.get((event.turn_id, event.call_id), ""))
    return answered

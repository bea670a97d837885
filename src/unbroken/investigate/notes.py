"""What a recorder adds to a session by itself, in words: the ``annotated`` events of the statuses that it uses."""

from collections.abc import Mapping
from typing import Any, Final

from unbroken.core.event import Event
from unbroken.investigate.calls import NOT_EXECUTED
from unbroken.investigate.content import text_of, within
from unbroken.investigate.printable import printable
from unbroken.investigate.words import Known, Wording, figures, in_entry

NO_RESPONSE: Final = "no_response"
PAUSED: Final = "paused"
HANDOFF: Final = "handoff"
NOTES: Final = (NOT_EXECUTED, NO_RESPONSE, PAUSED, HANDOFF)


def noted(event: Event, parts: Mapping[str, Any], *, known: Known) -> Wording:
    """An ``annotated`` event whose status is one of :data:`NOTES`."""
    match event.status:
        case "not_executed":
            # Its place was handed to another process, of which the turn knows nothing.
            where = " in this process" if within(parts["details"], "carried") is True else ""
            title = f"{event.tool or 'a tool'} was asked for and not run{where} before the turn ended"
            return Wording(printable(title), in_entry("asked for", known.get(event.parent_id or "")))
        case "paused":
            return Wording("the turn ended to wait for an approval", tuple(figures(event)))
        case "handoff":
            return Wording(_handoff(parts["details"]))
        case _:
            return Wording("the turn ended without a response", tuple(figures(event)))


def _handoff(details: Any) -> str:
    came_from, to = text_of(within(details, "from")), text_of(within(details, "to"))
    by = printable(came_from) if came_from else "it"
    return f"{by} hands over to {printable(to) if to else 'another agent'}"

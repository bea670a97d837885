"""Approvals in words: who asked, who decided, and what was not done for want of a decision."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event
from unbroken.core.times import is_time
from unbroken.investigate.content import NOTHING, call_text, text_of, within
from unbroken.investigate.printable import printable
from unbroken.investigate.words import Known, Wording, circumstances, in_entry

SELF_ATTESTED: Final = "self-attested: asked for and decided through one login"
REFUSED: Final = "refused"
"""Status of the ``error`` event about a call that did not run for want of an approval that holds."""
_UNTIL: Final = "valid_until="
_REFUSED: Final = {
    "denied": "its approval was denied",
    "expired": "its approval had expired",
    "unchecked": "its approval could not be checked",
    "used": "its approval had been used",
}


def requested(event: Event, parts: Mapping[str, Any]) -> tuple[Wording, str]:
    """An ``approval_requested``, and the reason given for it."""
    tool = event.tool or "tool"
    policy = event.decision.policy if event.decision is not None else None
    facts = [*circumstances(event, tool=False)]
    facts += [printable(f"policy {policy}")] if policy else []
    facts += [f"to be decided until {until}" for until in _until(event)]
    facts.append(printable(f"request {event.id}"))
    return Wording(call_text(tool, parts["inputs"]), tuple(facts)), _reason(parts)


def decided(event: Event, parts: Mapping[str, Any], *, entry: StoredEntry, known: Known) -> tuple[Wording, str]:
    """An ``approval_decided``, and the reason given for it."""
    decision = event.decision
    outcome = (decision and decision.outcome) or "decided"
    by = (decision and decision.by) or event.actor_id
    asked = known.get((decision and decision.request) or "")
    facts = [printable(event.tool)] if event.tool else []
    facts += in_entry("asked for", asked)
    facts += [f"to be used until {until}" for until in _until(event)]
    through_one = asked is not None and _login(asked[0]) == _login(entry)
    own = through_one or within(parts["details"], "self_attested") is True
    facts += [SELF_ATTESTED] if own else []
    return Wording(printable(f"{outcome} by {by}"), tuple(facts)), _reason(parts)


def refused(event: Event, parts: Mapping[str, Any], *, known: Known) -> Wording:
    """An ``error`` about a call that was not carried out because its approval did not hold."""
    why = _REFUSED.get(text_of(within(parts["details"], "approval")), "no approval holds for this call")
    asked = known.get(text_of(within(parts["details"], "request")))
    facts = (*circumstances(event, tool=False), *in_entry("asked for", asked))
    return Wording(printable(f"{event.tool or 'a tool'} was not run: {why}"), facts)


def _until(event: Event) -> Iterator[str]:
    for item in event.scope or ():
        text = item.removeprefix(_UNTIL)
        if text != item and is_time(text):
            yield f"{text[:10]} {text[11:19]} UTC"


def _reason(parts: Mapping[str, Any]) -> str:
    if parts["details"] is NOTHING:
        return ""
    reason = within(parts["details"], "reason")
    return text_of(parts["details"]) if reason is None and not isinstance(parts["details"], dict) else text_of(reason)


def _login(entry: StoredEntry) -> str:
    """The login of the entry's writer, which is stated as ``login as role`` where a role was set."""
    return entry.writer.partition(" as ")[0]

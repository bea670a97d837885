"""Who did what, by the log's own entries: what takes two people was done by two."""

import json
from collections.abc import Callable
from typing import Any, Final

_TOLD: Final = """
select e.event_type, e.actor_id, p.details from unbroken.entries e join unbroken.payloads p using (log, seq)
 where e.event_type like 'log.%' order by e.seq
"""
_FIRST: Final = {
    "log.policies_proposed": "version", "log.hold_change_asked": "request", "log.standing_asked": "approval",
    "log.disposal_reviewed": "disposal", "log.erasure_requested": "erasure",
}  # fmt: skip
"""What a first person says, and what of it a second one names."""
_SECOND: Final = {
    "log.policies_confirmed": "log.policies_proposed", "log.hold_changed": "log.hold_change_asked",
    "log.standing_confirmed": "log.standing_asked", "log.disposal_approved": "log.disposal_reviewed",
    "log.erasure_confirmed": "log.erasure_requested",
}  # fmt: skip
_BEFORE: Final = {
    "log.disposing": ("log.disposal_approved", "disposal"), "log.disposed": ("log.disposing", "disposal"),
    "log.erased": ("log.erasure_confirmed", "erasure"),
}  # fmt: skip
"""What has to be told before something is destroyed."""


def who_acted_alone(rows: Callable[[str], list[tuple[Any, ...]]]) -> list[str]:
    """What somebody did who was the first of the two as well, and what was destroyed that nobody had agreed on."""
    said: dict[tuple[str, str], str] = {}
    standing: set[str] = set()
    faults = []
    for kind, actor, text in rows(_TOLD):
        details = json.loads(text)
        if kind in _FIRST:
            said[kind, str(details[_FIRST[kind]])] = actor
        if kind == "log.disposal_proposed" and details["standing"]:
            standing.add(details["disposal"])
        if kind in _SECOND:
            first = _SECOND[kind]
            name = str(details[_FIRST[first]])
            if said.get((first, name)) in (None, actor):
                faults.append(f"{kind} {name} by {actor} alone")
        if kind in _BEFORE:
            before, key = _BEFORE[kind]
            name = details[key]
            if (before, name) not in said and not (kind == "log.disposing" and name in standing):
                faults.append(f"{kind} {name} without {before}")
        for key in ("disposal", "erasure"):
            if key in details:
                said.setdefault((kind, details[key]), actor)
    return faults

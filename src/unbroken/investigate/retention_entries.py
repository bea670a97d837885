"""The log's own entries about policies, holds and disposals, in a few words."""

from collections.abc import Callable, Mapping
from typing import Final

from unbroken.investigate.destroyed import what_went
from unbroken.investigate.details import Details, after, shortened, text
from unbroken.investigate.words import count


def _version(details: Details) -> str:
    return f"version {text(details, 'version')}"


def _proposed(details: Details) -> str:
    return _version(details) + after(text(details, "reason"))


def _started(details: Details) -> str:
    return f"{text(details, 'kind')} of {text(details, 'item')} on {_day(details, 'at')}"


def _standing(details: Details) -> str:
    return f"standing approval {text(details, 'approval')}"


def _standing_asked(details: Details) -> str:
    named = details.get("policies")
    policies = ", ".join(map(str, named)) if isinstance(named, list) else ""
    return f"of {shortened(policies)} until {_day(details, 'valid_until')}" + after(text(details, "reason"))


def _standing_ended(details: Details) -> str:
    return _standing(details) + after(text(details, "reason"))


def _hold(details: Details) -> str:
    return f"hold {text(details, 'hold')}"


def _issued(details: Details) -> str:
    return f"{text(details, 'kind')}, matter {text(details, 'matter')}" + after(text(details, "reason"))


def _counted(details: Details) -> str:
    preserved = f"{_number(details, 'preserved', 'payload')} and {_number(details, 'originals', 'original')} preserved"
    return f"{_hold(details)}, {preserved}, {_number(details, 'gone', 'payload')} gone before"


def _reviewed(details: Details) -> str:
    return _hold(details) + after(text(details, "reason"))


def _change_asked(details: Details) -> str:
    return f"to {text(details, 'kind')} {_hold(details)}" + after(text(details, "reason"))


def _changed(details: Details) -> str:
    done = "narrowed" if text(details, "kind") == "narrow" else "released"
    return f"{_hold(details)} {done}, its scope before covers until {_day(details, 'ends_at')}"


def _request(details: Details) -> str:
    return f"request {text(details, 'request')}"


def _disposal(details: Details) -> str:
    return f"disposal {text(details, 'disposal')}"


def _disposal_proposed(details: Details) -> str:
    standing = ", by standing approval" if details.get("standing") is True else ""
    return f"{_disposal(details)}, {text(details, 'entries')} entries up to {text(details, 'upto')}{standing}"


def _decided(details: Details) -> str:
    domains = details.get("domains")
    named = f" to {', '.join(map(str, domains))}" if isinstance(domains, list) else ""
    until = f" until {_day(details, 'until')}" if "until" in details else ""
    which = text(details, "numbers")
    of = f" of {shortened(which)}" if which else " of classes"
    return f"{_disposal(details)}, {text(details, 'decision')}{of}{until}{named}" + after(text(details, "reason"))


def _disposal_ended(details: Details) -> str:
    return _disposal(details) + after(text(details, "reason"))


def _disposed(details: Details) -> str:
    return ", ".join([_disposal(details), *what_went(details), *_kept(details)])


def _kept(details: Details) -> list[str]:
    value = details.get("kept")
    if isinstance(value, str) and value:
        return [f"kept {shortened(value)}"]
    return [f"{value:,} kept"] if isinstance(value, int) and value else []


def _number(details: Details, key: str, noun: str) -> str:
    value = details.get(key)
    return count(value, noun) if isinstance(value, int) else f"{noun}s"


def _day(details: Details, key: str) -> str:
    return text(details, key)[:10]


RETENTION_WORDS: Final[Mapping[str, Callable[[Details], str]]] = {
    "log.policies_proposed": _proposed,
    "log.policies_confirmed": _version,
    "log.policies_withdrawn": _version,
    "log.start_told": _started,
    "log.standing_asked": _standing_asked,
    "log.standing_confirmed": _standing,
    "log.standing_ended": _standing_ended,
    "log.hold_issued": _issued,
    "log.hold_counted": _counted,
    "log.hold_reviewed": _reviewed,
    "log.hold_change_asked": _change_asked,
    "log.hold_changed": _changed,
    "log.hold_change_withdrawn": _request,
    "log.disposal_proposed": _disposal_proposed,
    "log.disposal_decided": _decided,
    "log.disposal_reviewed": _disposal_ended,
    "log.disposal_approved": _disposal,
    "log.disposal_withdrawn": _disposal_ended,
    "log.disposing": _disposal,
    "log.disposed": _disposed,
}
"""What each of them tells, from its details."""

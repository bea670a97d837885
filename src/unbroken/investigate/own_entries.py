"""The log's own entries in a few words: who was granted what, who read, what for, what changed."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import msgspec

from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event
from unbroken.investigate.printable import printable
from unbroken.investigate.prompts import changed

Details: TypeAlias = Mapping[str, object]

_NAMED: Final = 3
"""People who are named where there are many."""


def told_by_the_log(entry: StoredEntry, event: Event) -> str:
    """What an entry that the log made by itself tells of, printable; empty for any other, or where that can't be read.

    A recorder numbers all that it says, so only the log's own entries have no recorder.
    """
    words = _WORDS.get(event.event_type)
    if words is None or event.recorder is not None or entry.details is None:
        return ""
    try:
        details = msgspec.json.decode(entry.details, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return printable(words(details))


def _granted(details: Details) -> str:
    because, basis = _text(details, "reason"), _text(details, "basis")
    granted = f"{_text(details, 'duty')} to {_text(details, 'login')}, {basis}"
    return granted if because == basis else granted + _after(because)


def _revoked(details: Details) -> str:
    return f"{_text(details, 'duty')} from {_text(details, 'login')}" + _after(_text(details, "reason"))


def _requested(details: Details) -> str:
    return f"{_text(details, 'duty')} for {_text(details, 'login')}" + _after(_text(details, "reason"))


def _withdrawn(details: Details) -> str:
    return f"request {_text(details, 'request')}"


def _read(details: Details) -> str:
    scope = details.get("scope")
    found = scope if isinstance(scope, dict) else {}
    what = " ".join(text for text in (_text(found, "what"), _text(found, "session")) if text)
    case = _text(details, "case")
    return f"{what}, {_text(details, 'duty')}{f', case {case}' if case else ''}" + _after(_text(details, "purpose"))


def _completed(details: Details) -> str:
    return f"{_text(details, 'outcome')}, {_text(details, 'count')} shown"


def _denied(details: Details) -> str:
    attempts = _text(details, "attempts")
    who = ", ".join(filter(None, (_text(details, "login"), _text(details, "duty"))))
    words = f"{who}: {_text(details, 'refused')}"
    return words if attempts in ("", "1") else f"{words}, {attempts} attempts"


def _stopped(details: Details) -> str:
    return f"after number {_text(details, 'count')}"


def _gap(details: Details) -> str:
    return f"{_text(details, 'reason')}, numbers {_text(details, 'first')} to {_text(details, 'last')}"


def _unlocked(details: Details) -> str:
    return f"ended a session of {_text(details, 'login')}"


def _asked_names(details: Details) -> str:
    people = details.get("pseudonyms")
    listed = [str(person) for person in people] if isinstance(people, list) else []
    more = f" and {len(listed) - _NAMED:,} more" if len(listed) > _NAMED else ""
    return f"of {', '.join(listed[:_NAMED])}{more}"


def _loaded(details: Details) -> str:
    return f"version {_text(details, 'version')}" + _after(_text(details, "reason"))


def _text(details: Details, key: str) -> str:
    value = details.get(key)
    return str(value) if isinstance(value, str | int) else ""


def _after(reason: str) -> str:
    return f": {reason}" if reason else ""


_WORDS: Final[Mapping[str, Callable[[Details], str]]] = {
    "access_granted": _granted,
    "access_revoked": _revoked,
    "log.access_requested": _requested,
    "log.access_withdrawn": _withdrawn,
    "log.read": _read,
    "log.read_completed": _completed,
    "log.read_denied": _denied,
    "log.names_asked": _asked_names,
    "log.registry_loaded": _loaded,
    "log.recorder_stopped": _stopped,
    "log.gap": _gap,
    "log.unlocked": _unlocked,
    "prompt_changed": changed,
    "model_changed": changed,
}

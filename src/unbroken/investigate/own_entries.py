"""The log's own entries in a few words: who was granted what, who read, what for, what changed."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event
from unbroken.investigate.details import Details, after, text
from unbroken.investigate.printable import printable
from unbroken.investigate.prompts import changed
from unbroken.investigate.retention_entries import RETENTION_WORDS
from unbroken.investigate.vault_entries import VAULT_WORDS

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
    because, basis = text(details, "reason"), text(details, "basis")
    granted = f"{text(details, 'duty')} to {text(details, 'login')}, {basis}"
    return granted if because == basis else granted + after(because)


def _revoked(details: Details) -> str:
    return f"{text(details, 'duty')} from {text(details, 'login')}" + after(text(details, "reason"))


def _requested(details: Details) -> str:
    return f"{text(details, 'duty')} for {text(details, 'login')}" + after(text(details, "reason"))


def _withdrawn(details: Details) -> str:
    return f"request {text(details, 'request')}"


def _read(details: Details) -> str:
    scope = details.get("scope")
    found = scope if isinstance(scope, dict) else {}
    what = " ".join(filter(None, (text(found, "what"), text(found, "session"))))
    case = text(details, "case")
    return f"{what}, {text(details, 'duty')}{f', case {case}' if case else ''}" + after(text(details, "purpose"))


def _exported(details: Details) -> str:
    asked, number = details.get("selection"), details.get("entries")
    kind = text(asked, "kind") if isinstance(asked, dict) else ""
    return " ".join(filter(None, ("evidence,", kind, f"{number} entries" if isinstance(number, int) else "")))


def _verified(details: Details) -> str:
    proven = text(details, "proven_to")
    told = text(details, "run"), text(details, "verdict"), f"proven to {proven}" if proven else ""
    return ", ".join(filter(None, told))


def _completed(details: Details) -> str:
    return f"{text(details, 'outcome')}, {text(details, 'count')} shown"


def _denied(details: Details) -> str:
    attempts = text(details, "attempts")
    who = ", ".join(filter(None, (text(details, "login"), text(details, "duty"))))
    words = f"{who}: {text(details, 'refused')}"
    return words if attempts in ("", "1") else f"{words}, {attempts} attempts"


def _stopped(details: Details) -> str:
    return f"after number {text(details, 'count')}"


def _gap(details: Details) -> str:
    return f"{text(details, 'reason')}, numbers {text(details, 'first')} to {text(details, 'last')}"


def _unlocked(details: Details) -> str:
    return f"ended a session of {text(details, 'login')}"


def _asked_names(details: Details) -> str:
    people = details.get("pseudonyms")
    listed = [str(person) for person in people] if isinstance(people, list) else []
    more = f" and {len(listed) - _NAMED:,} more" if len(listed) > _NAMED else ""
    return f"of {', '.join(listed[:_NAMED])}{more}"


def _loaded(details: Details) -> str:
    return f"version {text(details, 'version')}" + after(text(details, "reason"))


_WORDS: Final[Mapping[str, Callable[[Details], str]]] = {
    "access_granted": _granted,
    "access_revoked": _revoked,
    "log.access_requested": _requested,
    "log.access_withdrawn": _withdrawn,
    "log.read": _read,
    "log.read_completed": _completed,
    "log.read_denied": _denied,
    "log.exported": _exported,
    "log.verified": _verified,
    "log.names_asked": _asked_names,
    "log.registry_loaded": _loaded,
    "log.recorder_stopped": _stopped,
    "log.gap": _gap,
    "log.unlocked": _unlocked,
    "prompt_changed": changed,
    "model_changed": changed,
    **VAULT_WORDS,
    **RETENTION_WORDS,
}

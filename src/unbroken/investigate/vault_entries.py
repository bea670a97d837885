"""The log's own entries about the vault and about erasures, in a few words."""

from collections.abc import Callable, Mapping
from typing import Final

from unbroken.investigate.destroyed import what_went
from unbroken.investigate.details import Details, after, shortened, text


def _refilled(details: Details) -> str:
    return f"{text(details, 'count')} keys, wrapped by {text(details, 'wrapped_by')}"


def _asked(details: Details) -> str:
    what = "to hold something against" if text(details, "kind") == "match" else "to open"
    return f"{what} the originals of {shortened(text(details, 'seqs'))}"


def _opened(details: Details) -> str:
    failed = text(details, "failed")
    return f"{text(details, 'opened')} opened" + (f", {failed} not" if failed not in ("", "0") else "")


def _rewrapping(details: Details) -> str:
    return f"keys to {text(details, 'to')}"


def _rewrapped(details: Details) -> str:
    return f"{text(details, 'keys')} keys to {text(details, 'to')}"


def _requested(details: Details) -> str:
    people = details.get("subjects")
    whom = ", ".join(map(str, people)) if isinstance(people, list) else ""
    acted = ", also what they did to others" if details.get("with_acted") is True else ""
    return f"of {shortened(whom)}{acted}, case {text(details, 'case')}{after(text(details, 'reason'))}"


def _of_erasure(details: Details) -> str:
    return f"erasure {text(details, 'erasure')}"


def _erased(details: Details) -> str:
    return ", ".join([_of_erasure(details), *what_went(details)])


def _restored(details: Details) -> str:
    server = f"server {text(details, 'system_identifier')}, time line {text(details, 'timeline')}"
    return f"{server}, {text(details, 'erasures')} erasures done"


VAULT_WORDS: Final[Mapping[str, Callable[[Details], str]]] = {
    "log.vault_refilled": _refilled,
    "log.vault_rewrapping": _rewrapping,
    "log.vault_rewrapped": _rewrapped,
    "log.original_asked": _asked,
    "log.original_opened": _opened,
    "log.erasure_requested": _requested,
    "log.erasure_confirmed": _of_erasure,
    "log.erasure_withdrawn": _of_erasure,
    "log.erasure_reapplied": _of_erasure,
    "log.erased": _erased,
    "log.restored": _restored,
}
"""What each of them tells, from its details."""

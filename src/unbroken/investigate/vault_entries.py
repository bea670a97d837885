"""The log's own entries about the vault and about erasures, in a few words."""

from collections.abc import Callable, Mapping
from typing import Final

from unbroken.investigate.details import Details, after, text
from unbroken.investigate.words import count

_SHOWN: Final = 60
"""Characters of a list of numbers that are shown."""


def _refilled(details: Details) -> str:
    return f"{text(details, 'count')} keys, wrapped by {text(details, 'wrapped_by')}"


def _asked(details: Details) -> str:
    what = "to hold something against" if text(details, "kind") == "match" else "to open"
    return f"{what} the originals of {_cut(text(details, 'seqs'))}"


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
    return f"of {_cut(whom)}{acted}, case {text(details, 'case')}{after(text(details, 'reason'))}"


def _of_erasure(details: Details) -> str:
    return f"erasure {text(details, 'erasure')}"


def _erased(details: Details) -> str:
    what = filter(None, (_numbers(details, "payloads"), _numbers(details, "originals"), *_counts(details)))
    end = ["complete"] if details.get("complete") is True else []
    return ", ".join([_of_erasure(details), *end, *what])


def _numbers(details: Details, key: str) -> str:
    """Which payloads or originals, or where the entry only counts them, how many."""
    value = details.get(key)
    if isinstance(value, str) and value:
        return f"{key} of {_cut(value)}"
    return count(value, key.removesuffix("s")) if isinstance(value, int) else ""


def _counts(details: Details) -> list[str]:
    counted = ((details.get(key), noun) for key, noun in (("keys", "key"), ("pseudonyms", "name")))
    return [
        count(len(value) if isinstance(value, list) else value, noun)
        for value, noun in counted
        if value and isinstance(value, list | int)
    ]


def _restored(details: Details) -> str:
    server = f"server {text(details, 'system_identifier')}, time line {text(details, 'timeline')}"
    return f"{server}, {text(details, 'erasures')} erasures done"


def _cut(words: str) -> str:
    return words if len(words) <= _SHOWN else words[: _SHOWN - 1] + "…"


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

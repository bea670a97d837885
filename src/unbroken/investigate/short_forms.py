"""Placeholders and pseudonyms shortened for people: as much of each as tells it from all others of one output.

``[EMAIL_ADDRESS:k7:5d0c4f…]`` becomes ``[e-mail 5d0c4f]`` and ``p-3f9a2c1b…`` becomes ``p-3f9a2c1b``. Equal ones stay
equal and different ones different, so that a value or a person can still be followed.

What stands in a text is a placeholder only if the text was scanned: the scan marks what somebody typed. In any other
text it stays as it is. A text that looks like a short form from the beginning is marked as typed as well, or anybody
could write what seems to be masked.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from unbroken.core.event import Decision, Event
from unbroken.investigate.masked import is_label, label_of
from unbroken.investigate.printable import printable

_PLACEHOLDER: Final = re.compile(r"\[(typed:)?([A-Z][A-Z0-9_]{1,40}):k([0-9a-z]{1,16}):([0-9a-z]{8,64})\]")
_SHORT: Final = re.compile(r"\[(?:typed )?([A-Za-z][A-Za-z0-9' -]{0,60}) ([0-9a-f]{6,24})\]")
_EITHER: Final = re.compile(f"{_PLACEHOLDER.pattern}|{_SHORT.pattern}")
_PSEUDONYM: Final = re.compile(r"(?<![0-9A-Za-z-])p-([0-9a-f]{8,32})(?![0-9A-Za-z-])")
_TOKEN: Final = re.compile("[0-9a-f]{32}")
_NAMING: Final = 24
"""The digits of a placeholder that name its value; those behind them are a check."""
_OFF: Final = "off"
_RANDOM: Final = "hipaa"
"""The profile that masks by chance, also as a part of a sum."""
_FEWEST: Final = 6
_FEWEST_OF_PEOPLE: Final = 8
_PERSON: Final = ""
"""In place of the label of a kind, for pseudonyms."""
_AS_THEY_ARE: Final = frozenset((
    "event_type", "id", "ts", "original", "parent_id", "prompt_hash", "recorder", "inputs", "outputs", "details",
    "session_id", "turn_id", "call_id", "trace_id", "span_id", "redactions", "rules", "cost_usd", "actor_type",
    "capture", "classification", "arguments_hash", "at", "request",
))  # fmt: skip
"""Fields by which something is looked up, counted or compared."""

MASKED: Final = re.compile(
    r"\[(?!typed)(?:[A-Z][A-Z0-9_]{1,40}:k[0-9a-z]{1,16}:[0-9a-f]{32}|[A-Za-z][^\[\]]{0,60} [0-9a-f]{6,24})\]"
)
"""What stands for a value in a text as it is shown."""
TYPED: Final = re.compile(r"\[typed[: ][^\[\]]{1,140}\]")
"""What only looks so."""


class ShortForms:
    """The short forms of one output; with ``full`` placeholders and pseudonyms stay as they are.

    A form that was given once stays. To lengthen all that are alike from the first one on, :meth:`learn` the texts of
    an output before the first is shown. ``names`` stand before the pseudonyms that lead to them, as far
    as there are any by then.
    """

    def __init__(self, *, full: bool = False, names: Mapping[str, str] | None = None) -> None:
        self._full = full
        self._names = {} if names is None else names
        self._known: dict[tuple[str, str], set[str]] = {}
        self._given: dict[tuple[str, str, str], str] = {}
        self._taken: set[tuple[str, str]] = set()
        self._labels: set[str] = set()

    def learn(self, text: str) -> None:
        """Takes note of all that stands in a text, so that their forms will differ."""
        if "[" in text:
            for match in _PLACEHOLDER.finditer(text):
                if match[1] is None and _TOKEN.fullmatch(match[4]):
                    self._note(label_of(match[2]), match[4], _FEWEST)
        if "p-" in text:
            for match in _PSEUDONYM.finditer(text):
                self._note_person(match[1])

    def text(self, text: str, *, scanned: bool) -> str:
        """A text that somebody said or a program wrote; ``scanned`` tells whether redaction has seen it."""
        if self._full or "[" not in text:
            return text
        if scanned:
            self.learn(text)
        marked = _SHORT.sub(self._typed_short, text)
        return _PLACEHOLDER.sub(self._placeholder, marked) if scanned else marked

    def name(self, text: str, *, scanned: bool = True) -> str:
        """A field's text, which may be a person's pseudonym, or hold some."""
        shown = self.text(text, scanned=scanned)
        return _PSEUDONYM.sub(self._pseudonym, shown) if "p-" in shown else shown

    def event(self, event: Event) -> Event:
        """The event as it is shown; what is looked up, counted or compared stays."""
        scanned = is_scanned(event)
        changed = {name: self._field(value, scanned) for name, value in _texts_of(event)}
        if event.decision is not None:
            said = {name: self._field(value, scanned) for name, value in _texts_of(event.decision)}
            changed["decision"] = msgspec.structs.replace(event.decision, **said)
        return msgspec.structs.replace(event, **changed)

    def value(self, value: Any, *, scanned: bool) -> Any:
        """A part of a payload, with every text in it, keys included, as it is shown; as it is if nested too deeply."""
        try:
            return value if self._full else self._value(value, scanned)
        except RecursionError:
            return value

    def _value(self, value: Any, scanned: bool) -> Any:
        if isinstance(value, str):
            return self.text(value, scanned=scanned)
        if isinstance(value, list):
            return [self._value(item, scanned) for item in value]
        if isinstance(value, dict):
            return {self.text(key, scanned=scanned): self._value(item, scanned) for key, item in value.items()}
        return value

    def _field(self, value: Any, scanned: bool) -> Any:
        if isinstance(value, tuple):
            return tuple(self.name(item, scanned=scanned) for item in value)
        return self.name(value, scanned=scanned)

    def _placeholder(self, match: re.Match[str]) -> str:
        typed, kind, key, token = match.groups()
        label = label_of(kind)
        self._labels.add(label)
        if typed is not None:
            return f"[typed {label} {token[:_FEWEST]}]"
        if not _TOKEN.fullmatch(token):
            return match[0]
        digits = self._short(label, token, fewest=_FEWEST, place=key)
        return match[0] if digits is None else f"[{label} {digits}]"

    def _pseudonym(self, match: re.Match[str]) -> str:
        whole = match[0]
        self._note_person(match[1])
        if self._full or not _TOKEN.fullmatch(match[1]):
            digits = None
        else:
            digits = self._short(_PERSON, match[1], fewest=_FEWEST_OF_PEOPLE)
        shown = whole if digits is None else f"p-{digits}"
        name = self._names.get(whole)
        return shown if name is None else f"{printable(name)} ({shown})"

    def _typed_short(self, match: re.Match[str]) -> str:
        is_ours = is_label(match[1]) or match[1] in self._labels
        return f"[typed {match[0][1:]}" if is_ours and not match[0].startswith("[typed ") else match[0]

    def _short(self, label: str, token: str, *, fewest: int, place: str = "") -> str | None:
        """The first digits of a token that no other begins with; ``None`` where all that name a value are shared."""
        given = self._given.get((label, place, token))
        if given is not None:
            return given
        self._note(label, token, fewest)
        others = self._known[label, token[:fewest]] - {token}
        for length in range(fewest, _NAMING + 1):
            start = token[:length]
            if (label, start) not in self._taken and not any(other.startswith(start) for other in others):
                self._given[label, place, token] = start
                self._taken.add((label, start))
                return start
        return None

    def _note_person(self, digits: str) -> None:
        """A pseudonym, or an id that looks like a short one and is therefore not to be used for another."""
        if _TOKEN.fullmatch(digits):
            self._note(_PERSON, digits, _FEWEST_OF_PEOPLE)
        else:
            self._taken.add((_PERSON, digits))

    def _note(self, label: str, token: str, fewest: int) -> None:
        self._labels.add(label)
        self._known.setdefault((label, token[:fewest]), set()).add(token)


def is_scanned(event: Event) -> bool:
    """Whether redaction has seen an event, by the version of the rules, the profile and the registry that it states."""
    return event.rules is not None and event.rules.partition("/")[0] != _OFF


def is_masked_by_chance(event: Event) -> bool:
    """Whether equal values have different placeholders in this event, so that texts can't be compared by them."""
    return event.rules is not None and _RANDOM in re.split("[/+]", event.rules)


def has_typed(text: str) -> bool:
    """Whether something in a text was marked as typed, so that it differs from what was written."""
    return "[typed:" in text


def masked_in(text: str) -> dict[str, int]:
    """The placeholders in a scanned text, counted by kind."""
    found: dict[str, int] = {}
    for match in _PLACEHOLDER.finditer(text):
        if match[1] is None:
            found[match[2]] = found.get(match[2], 0) + 1
    return found


def without_values(text: str) -> str:
    """A text with the kind alone in place of what was masked: the same for equal texts that were masked by chance."""
    short = _PLACEHOLDER.sub(lambda match: f"[{'typed ' if match[1] else ''}{label_of(match[2])} 000000]", text)
    return MASKED.sub(lambda match: f"{match[0].rpartition(' ')[0]}]", short)


def uncut(text: str, length: int) -> int:
    """Where ``text`` can be cut at about ``length`` characters without cutting through what stands for a value."""
    start = text.rfind("[", max(length - 160, 0), length)
    match = _EITHER.match(text, start) if start >= 0 else None
    return length if match is None or match.end() <= length else match.end()


def _texts_of(struct: Event | Decision) -> list[tuple[str, Any]]:
    found = ((name, getattr(struct, name)) for name in struct.__struct_fields__ if name not in _AS_THEY_ARE)
    return [(name, value) for name, value in found if isinstance(value, str | tuple)]

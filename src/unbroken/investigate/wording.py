"""What each kind of event says, in a title, a few facts and its content.

A prompt's messages stand in the events of their own already, as requests, results and answers. So a model call shows
only the messages that no earlier event of the session shows: system prompts, and what the agent put in between.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from unbroken.core.commitment import PARTS
from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event
from unbroken.investigate.calls import is_in_place_of
from unbroken.investigate.content import (
    NOTHING,
    call_text,
    compact,
    folded,
    indented,
    is_content,
    part_of,
    short,
    text_of,
    within,
)
from unbroken.investigate.decisions import REFUSED, decided, refused, requested
from unbroken.investigate.notes import NOTES, noted
from unbroken.investigate.printable import printable
from unbroken.investigate.prompts import SYSTEM_ROLES, changed, described, is_described, prompt_role, template_of
from unbroken.investigate.short_forms import ShortForms, is_masked_by_chance, is_scanned, without_values
from unbroken.investigate.words import Known, Wording, circumstances, count, figures, in_entry
from unbroken.verify.declaration import Declaration

NOTHING_GONE: Final[Mapping[int, Declaration]] = {}
_BRIEF: Final = 100
_EMPTY: Final = "(empty)"


def told(
    session: Sequence[tuple[StoredEntry, Event | None]],
    *,
    full: bool,
    forms: ShortForms,
    gone: Mapping[int, Declaration] = NOTHING_GONE,
) -> list[Wording]:
    """The wording of each entry of one session, in order; an empty one where the event can't be read.

    ``gone`` is what declares the payloads of some of them gone, by their numbers.
    """
    known = {event.id: (entry, event) for entry, event in session if event}
    repeated = {each for entry, event in session if event for each in _responses(entry, event, forms)}
    teller = _Teller(full, repeated, known, forms, gone)
    return [Wording() if event is None else teller.tell(entry, event) for entry, event in session]


@dataclass
class _Teller:
    """Goes through a session once. ``shown`` are the texts so far; ``repeated`` are turns and their responses.

    ``known`` are the session's entries by the ids of their events, ``gone`` what declares the payloads of some of them
    gone, by their numbers; ``before`` is the id of the event told last.
    """

    full: bool
    repeated: set[tuple[str | None, str]]
    known: Known
    forms: ShortForms
    gone: Mapping[int, Declaration]
    shown: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    before: str = ""

    def tell(self, entry: StoredEntry, event: Event) -> Wording:
        """The next event's wording."""
        wording = self._step(entry, event)
        self.before = event.id
        return wording

    def _step(self, entry: StoredEntry, event: Event) -> Wording:
        gone = self.gone.get(entry.seq)
        parts = {name: _shown(entry, event, name, self.forms, gone=gone) for name in PARTS}
        match event.event_type:
            case "request":
                return Wording(lines=self._spoken(parts["inputs"]))
            case "response":
                return Wording(facts=tuple(figures(event)), lines=self._spoken(parts["outputs"]))
            case "model_call":
                return self._model_call(event, parts)
            case "model_result":
                return self._model_result(event, parts)
            case "tool_call":
                return self._tool_call(entry, event, parts)
            case "tool_result":
                return self._tool_result(event, parts)
            case "conversation_started":
                return self._started(entry, event, parts)
            case "conversation_ended":
                return self._ended(event, parts)
            case _:
                return self._beside(entry, event, parts)

    def _beside(self, entry: StoredEntry, event: Event, parts: dict[str, Any]) -> Wording:
        """What comes between the steps of a conversation: failures, decisions, notes."""
        match event.event_type:
            case "error" if event.status == REFUSED:
                return refused(event, parts, known=self.known)
            case "error":
                return self._error(event, parts)
            case "approval_requested":
                return self._reasoned(*requested(event, parts))
            case "approval_decided":
                return self._reasoned(*decided(event, parts, entry=entry, known=self.known))
            case "annotated" if event.status in NOTES:
                return noted(event, parts, known=self.known)
            case "prompt_changed" | "model_changed" if words := changed(parts["details"]):
                return Wording(facts=(words,))
            case _:
                return self._other(event, parts)

    def _model_call(self, event: Event, parts: dict[str, Any]) -> Wording:
        inputs = parts["inputs"]
        model = (printable(event.model),) if event.model else ()
        if not is_content(inputs) and inputs is not NOTHING:
            return Wording(facts=(*model, text_of(inputs)))
        messages, new = within(inputs, "messages"), within(inputs, "new")
        if not isinstance(messages, list) or not isinstance(new, list):
            return Wording(facts=model, lines=self._fold(text_of(inputs)))
        self.held.update(text_of(within(item, "commitment")) for item in new)
        missing = sum(text_of(reference) not in self.held for reference in messages)
        facts = [*model, f"{count(len(messages), 'message')}, {len(new)} new"]
        if missing:
            facts.append(f"{missing} not held")
        unshown = [message for item in new if self._is_news(message := within(item, "message"), event)]
        template = template_of(within(parts["details"], "prompt_template"))
        if self.full:
            facts += [template] if template else []
            return Wording(facts=tuple(facts), lines=tuple(line for message in unshown for line in _whole(message)))
        told = [_prompt(message) for message in unshown if _is_prompt(message)]
        if template:
            told[:1] = [f"{told[0]}, {template}" if told else template]
        lines = tuple(_brief(message) for message in unshown if not _is_prompt(message))
        return Wording(facts=(*facts, *told), lines=lines)

    def _is_news(self, message: Any, event: Event) -> bool:
        if is_described(message):
            text = text_of(message.get("content_hash"))
            news = not text or text not in self.shown
            self.shown.add(text)
            return news
        text = text_of(within(message, "content"))
        news = bool(text) and _comparable(text, event) not in self.shown
        self.shown.update(_spellings(text))
        return news

    def _model_result(self, event: Event, parts: dict[str, Any]) -> Wording:
        outputs = parts["outputs"]
        names = _names_of(within(outputs, "tool_calls") or within(parts["details"], "tool_calls"))
        asks = f"asks for {short(', '.join(names), _BRIEF)}" if names else "answers"
        facts = (asks, *figures(event))
        text = text_of(outputs["content"] if isinstance(outputs, dict) and "content" in outputs else outputs)
        self.shown.update(_spellings(text))
        if (event.turn_id, _comparable(text, event)) in self.repeated:
            return Wording(facts=facts)
        return Wording(facts=facts, lines=self._fold(text))

    def _tool_call(self, entry: StoredEntry, event: Event, parts: dict[str, Any]) -> Wording:
        arguments = parts["inputs"]
        lines = folded(indented(compact(arguments)), lines=None) if self.full and is_content(arguments) else ()
        facts = [*circumstances(event, tool=False)]
        facts += ["self-attested"] if within(parts["details"], "self_attested") is True else []
        asked = self.known.get(event.parent_id or "")
        if asked is not None and is_in_place_of(event, asked[1]):
            facts += in_entry(_asked_as((entry, event), asked), asked)
        return Wording(call_text(event.tool or "tool", arguments), tuple(facts), lines)

    def _reasoned(self, wording: Wording, reason: str) -> Wording:
        return replace(wording, lines=self._fold(reason, lines=4, characters=320))

    def _tool_result(self, event: Event, parts: dict[str, Any]) -> Wording:
        text = _failure(parts["details"]) or text_of(parts["outputs"])
        self.shown.update(_spellings(text))
        lines = self._fold(indented(text) if self.full else text, lines=4, characters=320)
        return Wording(facts=(*self._answering(event, parts), *figures(event)), lines=lines or (_EMPTY,))

    def _answering(self, event: Event, parts: dict[str, Any]) -> tuple[str, ...]:
        """Which call a result answers, where it is not the one told just before."""
        tool = printable(event.tool or "tool")
        if within(parts["details"], "orphan") is True:
            return (f"{tool}, answering no recorded call",)
        return (
            () if event.parent_id == self.before else in_entry(f"{tool}, called", self.known.get(event.parent_id or ""))
        )

    def _error(self, event: Event, parts: dict[str, Any]) -> Wording:
        details = parts["details"]
        stated = within(details, "error") or (details if details is not NOTHING else parts["outputs"])
        return Wording(facts=tuple(figures(event)), lines=self._fold(_failure(details) or text_of(stated)))

    def _started(self, entry: StoredEntry, event: Event, parts: dict[str, Any]) -> Wording:
        resumed = ("conversation resumed",) if entry.session_seq is not None and entry.session_seq > 1 else ()
        source = within(parts["details"], "source")
        if not isinstance(source, dict):
            told = self._other(event, parts)
            return replace(told, facts=(*resumed, *told.facts))
        place = "".join(f", {key} {text_of(source[key])}" for key in ("line", "item") if key in source)
        facts = (*resumed, printable(f"from {text_of(source.get('file'))}{place}"))
        record = within(parts["details"], "record")
        return Wording(facts=facts, lines=self._fold(indented(compact(record))) if self.full and record else ())

    def _ended(self, event: Event, parts: dict[str, Any]) -> Wording:
        turns = within(parts["details"], "turns")
        return Wording(facts=(count(turns, "turn"),)) if isinstance(turns, int) else self._other(event, parts)

    def _other(self, event: Event, parts: dict[str, Any]) -> Wording:
        lines = [
            line
            for name, value in parts.items()
            if value is not NOTHING
            for line in self._fold(f"{name}: {text_of(value)}", lines=4, characters=320)
        ]
        return Wording(facts=(*circumstances(event), *figures(event)), lines=tuple(lines))

    def _spoken(self, value: Any) -> tuple[str, ...]:
        text = text_of(value)
        self.shown.update(_spellings(text))
        return self._fold(text) or (_EMPTY,)

    def _fold(self, text: str, *, lines: int = 12, characters: int = 800) -> tuple[str, ...]:
        return folded(text, lines=None if self.full else lines, characters=characters)


def _shown(entry: StoredEntry, event: Event, name: str, forms: ShortForms, *, gone: Declaration | None = None) -> Any:
    """A part as it is shown, with short forms in its texts."""
    return forms.value(part_of(entry, event, name, gone=gone), scanned=is_scanned(event))


def _responses(entry: StoredEntry, event: Event, forms: ShortForms) -> Iterator[tuple[str | None, str]]:
    """A response's turn and text, by which the model result that it repeats is known; of other events nothing."""
    if event.event_type == "response" and "outputs" in entry.parts:
        yield from ((event.turn_id, text) for text in _spellings(text_of(_shown(entry, event, "outputs", forms))))


def _spellings(text: str) -> tuple[str, str]:
    """Under which :func:`_comparable` finds a text."""
    return text, without_values(text)


def _comparable(text: str, event: Event) -> str:
    """A text of an event as it is held against others, which have other placeholders where they are by chance."""
    return without_values(text) if is_masked_by_chance(event) else text


def _asked_as(made: tuple[StoredEntry, Event], asked: tuple[StoredEntry, Event]) -> str:
    """How the arguments of a call compare with those that were asked for.

    What was masked may stand under another placeholder each time, so whether it was the same can't be told then.
    """
    here, there = part_of(*made, "inputs"), part_of(*asked, "inputs")
    if here == there or not (is_content(here) and is_content(there)):
        return "asked for"
    if is_scanned(made[1]) and is_scanned(asked[1]) and without_values(text_of(here)) == without_values(text_of(there)):
        return "asked for, as far as it is not masked,"
    return "otherwise than asked for"


def _failure(details: Any) -> str:
    """An exception as its recorder told it, ``type: message``; empty where the details tell of none."""
    kind, message = within(details, "error_type"), within(details, "error_message")
    return f"{kind}: {message}" if isinstance(kind, str) and isinstance(message, str) else ""


def _names_of(calls: Any) -> list[str]:
    """The tools that a model asks for, in the two shapes in which calls are written."""
    asked = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    return [text_of(within(call, "function", "name") or call.get("name")) for call in asked]


def _is_prompt(message: Any) -> bool:
    return is_described(message) or within(message, "role") in SYSTEM_ROLES


def _prompt(message: Any) -> str:
    if is_described(message):
        return f"{prompt_role(message)}, {described(message)}"
    return f"{prompt_role(message)}, {count(len(text_of(within(message, 'content'))), 'character')}"


def _brief(message: Any) -> str:
    return f"{_role(message)}: {short(text_of(within(message, 'content')), _BRIEF)}"


def _whole(message: Any) -> tuple[str, ...]:
    if is_described(message):
        return (f"{prompt_role(message)}: {described(message, full=True)}",)
    return (f"{_role(message)}:", *folded(text_of(within(message, "content")), lines=None))


def _role(message: Any) -> str:
    return prompt_role(message) if _is_prompt(message) else printable(text_of(within(message, "role")) or "message")

"""The parts of an event as they go to be masked: what was masked before is left alone, and prompts go by policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json
from unbroken.ledger.protection import Screened, Value, as_given, bare
from unbroken.privacy import prompts
from unbroken.privacy.redaction.redactor import Redacted
from unbroken.privacy.registry.registry import Registry

_TEMPLATE: Final = "prompt_template/"


@dataclass(frozen=True, slots=True)
class Shown:
    """``values`` are to be masked, and ``names`` with the event's own texts: what the prompt's template is called.

    ``screened`` were masked before. ``details`` are those that the names were taken out of.
    """

    values: Mapping[str, Value]
    screened: Mapping[str, Screened]
    names: Mapping[str, str] = field(default_factory=dict)
    details: Json = None

    @property
    def counts(self) -> list[Mapping[str, int]]:
        """How much was masked before."""
        return [each.counts for each in self.screened.values()]

    def parts(self, masked: Redacted) -> dict[str, Json]:
        """All parts as they are recorded, once the rest of them is masked."""
        parts = {**masked.values, **{name: each.value for name, each in self.screened.items()}}
        if self.names:
            names = {place.removeprefix(_TEMPLATE): masked.texts[place] for place in self.names}
            parts["details"] = prompts.with_names(parts["details"], names, self.details)
        return parts


def shown(fields: Mapping[str, Any], parts: Mapping[str, Value], *, registry: Registry, key: LogKey | None) -> Shown:
    """The parts of an event of these fields."""
    screened = {name: value for name, value in parts.items() if isinstance(value, Screened)}
    values = {name: value for name, value in parts.items() if not isinstance(value, Screened)}
    if fields.get("event_type") not in prompts.HOLDERS or "details" not in values:
        return Shown(values, screened)
    details = prompts.shown_details(bare(values["details"]), registry.prompts_of(fields.get("agent_id")), key)
    names = {f"{_TEMPLATE}{name}": text for name, text in prompts.names_in(details).items()}
    return Shown({**values, "details": prompts.without_names(details)}, screened, names, details)


def changed_parts(given: Mapping[str, Value], recorded: Mapping[str, Json]) -> dict[str, Json]:
    """The parts of which something else is recorded than was given, as they were given."""
    before = {name: as_given(value) for name, value in given.items()}
    return {name: value for name, value in before.items() if is_other(value, recorded[name])}


def is_other(before: Json, after: Json) -> bool:
    """Whether masking made something else of a value."""
    return after is not before and after != before

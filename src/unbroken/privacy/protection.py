"""What every event of a log passes on its way there: names become pseudonyms, what is personal is masked, and what the
event touches, or turns out to hold, says how it is classified."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from unbroken.core.keyed import LogKey
from unbroken.core.kinds import classes_of
from unbroken.core.normalise import Json
from unbroken.errors import ConfigurationError
from unbroken.ledger.draft import MAX_EVENT_TEXT_BYTES
from unbroken.ledger.protection import Identity, Pieces, Protected, Registered, Screened, Value, bare
from unbroken.privacy import prompts
from unbroken.privacy.identities import Identities
from unbroken.privacy.pieces import joined_where_cut
from unbroken.privacy.redaction.ner import NerEngine
from unbroken.privacy.redaction.placeholders import PlaceholderKey
from unbroken.privacy.redaction.profiles import BALANCED, OFF, Profile
from unbroken.privacy.redaction.redactor import Redacted, Redactor
from unbroken.privacy.registry.registry import SYSTEM, Registry
from unbroken.privacy.registry.said import Classified

PERSONS: Final = frozenset({"user", "admin"})
"""Types of actors that are people."""
_TEXTS: Final = (
    *("actor_id", "agent_id", "agent_name", "agent_version", "call_id", "cost_source", "model", "purpose"),
    *("recipient", "resource_id", "resource_type", "session_id", "source_address", "status", "tool", "turn_id"),
)
_LISTS: Final = ("domains", "scope", "subjects")
_DECISION: Final = ("by", "outcome", "policy")
_TEMPLATE: Final = "prompt_template"
_TOO_LONG: Final = "[too long once masked]"


class LogProtection:
    """The :class:`~unbroken.ledger.protection.Protection` of one log; safe for use by several threads at once.

    ``registry`` gives the version that is in force, ``key`` is the log's, ``identities`` finds pseudonyms (``None``
    without a key), and ``note`` is told what no registry names: kinds and names. ``ner`` finds
    names in the running text of parts.

    An event's own texts are masked as far as ``balanced`` goes whatever the profile, with placeholders that stay the
    same: they are what events are found by. Its parts are masked by the strictest profile that applies.
    """

    def __init__(
        self,
        registry: Callable[[], Registry],
        *,
        key: LogKey | None,
        identities: Identities | None,
        note: Callable[[Collection[tuple[str, str]]], None],
        ner: NerEngine | None = None,
    ) -> None:
        self._registry = registry
        self._key = key
        self._identities = identities
        self._note = note
        placeholders = None if key is None else PlaceholderKey.derived(key.id, key.secret)
        self._has_model = ner is not None
        # One for each version and profile: making one reads all patterns.
        self._redactor = lru_cache(32)(
            lambda registry, profile, modelled: Redactor(
                profile, key=placeholders, rules=registry.rules, ner=ner if modelled else None
            )
        )

    def check(self) -> None:
        """Raises :class:`ConfigurationError` for what would stop every event that names a person."""
        if self._identities is None and self._registry().pseudonyms:
            raise _keyless()

    def protect(self, fields: Mapping[str, Any], parts: Mapping[str, Value]) -> Protected:
        """As :class:`~unbroken.ledger.protection.Protection` says.

        Raises :class:`ConfigurationError` where pseudonyms are asked for and there is no key to find them by.
        """
        registry = self._registry()
        classified = registry.classified(fields)
        named, identities = self._named(fields, registry)
        screened = {name: value for name, value in parts.items() if isinstance(value, Screened)}
        values = {name: value for name, value in parts.items() if not isinstance(value, Screened)}
        template: dict[str, str] = {}
        if fields.get("event_type") in prompts.HOLDERS and "details" in values:
            policy = registry.prompts_of(fields.get("agent_id"))
            details = prompts.shown_details(bare(values["details"]), policy, self._key)
            template = {f"{_TEMPLATE}/{name}": text for name, text in prompts.names_in(details).items()}
            values["details"] = prompts.without_names(details)
        known = _sum(each.counts for each in screened.values())
        texts = dict(_texts(named))
        masked, classified = self._masked(registry, classified, values, texts={**texts, **template}, known=known)
        masked_parts = {**masked.values, **{name: each.value for name, each in screened.items()}}
        if template:
            names = {place.removeprefix(f"{_TEMPLATE}/"): masked.texts[place] for place in template}
            masked_parts["details"] = prompts.with_names(masked_parts["details"], names, details)
        event = _with_texts(named, {place: masked.texts[place] for place in texts})
        event |= _governance(event, classified, own=fields)
        if classified.unknown:
            self._note(set(_unknown(classified, fields, event)))
        event["redactions"] = [f"{kind}:{count}" for kind, count in masked.counts.items()] or None
        event["rules"] = self._version(registry, classified.profile)
        return Protected(event, {name: masked_parts[name] for name in parts}, identities)

    def messages(self, messages: Sequence[Json], fields: Mapping[str, Any]) -> list[Screened]:
        """As :class:`~unbroken.ledger.protection.Protection` says: prompts by policy, everything masked."""
        registry = self._registry()
        classified = registry.classified(fields)
        screened = []
        for message in prompts.shown(messages, registry.prompts_of(fields.get("agent_id")), self._key):
            masked, _ = self._masked(registry, classified, {"message": message}, texts={}, known={})
            screened.append(Screened(masked.values["message"], masked.counts))
        return screened

    def tool(self, name: str) -> Registered:
        """What the registry says of the tool."""
        return self._registry().tool(name)

    # ---- names ----

    def _named(self, fields: Mapping[str, Any], registry: Registry) -> tuple[dict[str, Any], tuple[Identity, ...]]:
        """The fields with pseudonyms in place of people's names, and the identities that the log doesn't know yet."""
        if not registry.pseudonyms:
            return dict(fields), ()
        names = {name for name in _names(fields, registry) if name}
        if not names:
            return dict(fields), ()
        if self._identities is None:
            raise _keyless()
        found, identities = self._identities.pseudonyms(names)
        return _renamed(fields, registry, found), identities

    # ---- masking ----

    def _masked(
        self,
        registry: Registry,
        classified: Classified,
        values: Mapping[str, Value],
        *,
        texts: Mapping[str, str],
        known: Mapping[str, int],
    ) -> tuple[Redacted, Classified]:
        """What is left of values and texts, and how they are classified then; ``known`` was masked before.

        What is found may ask for a stricter profile than was looked with: then the values are looked at once more.
        """
        while True:
            masked = self._looked_at(registry, classified.profile, values, texts)
            counts = _sum((masked.counts, known))
            raised = registry.raised(classified, {flag for kind in counts for flag in classes_of(kind)})
            if raised.profile == classified.profile:
                return Redacted(masked.values, masked.texts, counts, withheld=masked.withheld), raised
            classified = raised

    def _looked_at(
        self, registry: Registry, profile: Profile, given: Mapping[str, Value], texts: Mapping[str, str]
    ) -> Redacted:
        values = {name: self._whole(value, registry, profile) for name, value in given.items()}
        if profile.off or (profile == BALANCED and not self._has_model):
            return self._redactor(registry, profile, False).redact(values, texts=texts)
        outer = self._redactor(registry, BALANCED, False).redact({}, texts=texts)
        inner = self._redactor(registry, profile, self._has_model).redact(values)
        return Redacted(inner.values, outer.texts, _sum((outer.counts, inner.counts)), withheld=inner.withheld)

    def _whole(self, value: Value, registry: Registry, profile: Profile) -> Json:
        """The value, with texts put together that hide something by being cut up."""
        if not isinstance(value, Pieces) or profile.off:
            return bare(value)
        return joined_where_cut(value.items, self._redactor(registry, profile, self._has_model))

    def _version(self, registry: Registry, profile: Profile) -> str:
        """The rules' version, the profile, and the registry's version."""
        rules = (
            OFF.name
            if profile.off
            else f"{self._redactor(registry, profile, self._has_model).rules_version}/{profile.name}"
        )
        return f"{rules}/r{registry.version}"


def _keyless() -> ConfigurationError:
    return ConfigurationError(
        "people's names are recorded as pseudonyms, which takes the log's key: give key=…, to commands by"
        " UNBROKEN_KEY_FILE, or load a registry with [identities] pseudonyms = false where callers pass opaque ids"
        " already; nothing was recorded"
    )


def _names(fields: Mapping[str, Any], registry: Registry) -> Iterator[str]:
    """What names people among an event's fields."""
    if fields.get("actor_type") in PERSONS:
        yield from _text(fields.get("actor_id"))
    for subject in fields.get("subjects") or ():
        yield from _text(subject)
    decision = fields.get("decision")
    if isinstance(decision, Mapping):
        yield from _text(decision.get("by"))
    if _is_persons(fields, registry):
        yield from _text(fields.get("resource_id"))
    for item in fields.get("scope") or ():
        for text in _text(item):
            key, mark, value = text.partition("=")
            if mark and key in registry.pseudonymous_scope:
                yield value


def _renamed(fields: Mapping[str, Any], registry: Registry, found: Mapping[str, str]) -> dict[str, Any]:
    """The same fields with what ``found`` has in place of what :func:`_names` gives."""
    renamed = dict(fields)
    if fields.get("actor_type") in PERSONS:
        renamed["actor_id"] = _found(fields.get("actor_id"), found)
    if fields.get("subjects"):
        renamed["subjects"] = [_found(subject, found) for subject in fields["subjects"]]
    decision = fields.get("decision")
    if isinstance(decision, Mapping) and "by" in decision:
        renamed["decision"] = {**decision, "by": _found(decision["by"], found)}
    if _is_persons(fields, registry):
        renamed["resource_id"] = _found(fields.get("resource_id"), found)
    if fields.get("scope") and registry.pseudonymous_scope:
        renamed["scope"] = [_renamed_item(item, registry, found) for item in fields["scope"]]
    return renamed


def _renamed_item(item: object, registry: Registry, found: Mapping[str, str]) -> object:
    if not isinstance(item, str):
        return item
    key, mark, value = item.partition("=")
    return f"{key}={_found(value, found)}" if mark and key in registry.pseudonymous_scope else item


def _is_persons(fields: Mapping[str, Any], registry: Registry) -> bool:
    """Whether the resource's id is a person's."""
    kind = fields.get("resource_type")
    return isinstance(kind, str) and registry.is_pseudonymous(kind)


def _found(name: object, found: Mapping[str, str]) -> object:
    return found.get(name, name) if isinstance(name, str) else name


def _text(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value


def _texts(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The texts of an event that may hold anything, by names that :func:`_with_texts` knows again."""
    for name in _TEXTS:
        if isinstance(fields.get(name), str):
            yield name, fields[name]
    for name in _LISTS:
        for at, item in enumerate(fields.get(name) or ()):
            if isinstance(item, str):
                yield f"{name}/{at}", item
    decision = fields.get("decision")
    if isinstance(decision, Mapping):
        for name in _DECISION:
            if isinstance(decision.get(name), str):
                yield f"decision/{name}", decision[name]


def _with_texts(fields: dict[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """The fields with these texts in their places."""
    event = dict(fields)
    for place, text in texts.items():
        kept = text if len(text.encode(errors="replace")) <= MAX_EVENT_TEXT_BYTES else _TOO_LONG
        name, _, within = place.partition("/")
        if not within:
            event[name] = kept
        elif name == "decision":
            event[name] = {**event[name], within: kept}
        else:
            items = list(event[name])
            items[int(within)] = kept
            event[name] = items
    return event


def _governance(event: Mapping[str, Any], classified: Classified, *, own: Mapping[str, Any]) -> dict[str, Any]:
    """What the event says of the data that it tells of; ``own`` are the fields as they were given."""
    effect = classified.side_effect if event.get("event_type") == "tool_call" else event.get("side_effect")
    # What the caller says is masked like any text of the event.
    domains = classified.domains - set(own.get("domains") or ()) | set(event.get("domains") or ())
    return {"classification": classified.classification, "domains": sorted(domains) or None, "side_effect": effect}


def _unknown(classified: Classified, fields: Mapping[str, Any], event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What no registry names, by the names that the masked ``event`` has for it."""
    for kind, name in classified.unknown:
        if kind == "source":
            at = list(fields["scope"]).index(f"{SYSTEM}{name}")
            yield kind, event["scope"][at].removeprefix(SYSTEM)
        else:
            yield kind, event["tool" if kind == "tool" else "resource_type"]


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for kind, count in each.items():
            total[kind] = total.get(kind, 0) + count
    return total

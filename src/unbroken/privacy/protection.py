"""What every event of a log passes on its way there: names become pseudonyms, what is personal is masked, and what the
event touches, or turns out to hold, says how it is classified. What it was is sealed, where policy keeps that."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from unbroken.core.ids import is_id
from unbroken.core.keyed import LogKey
from unbroken.core.kinds import classes_of
from unbroken.core.normalise import Json
from unbroken.errors import ConfigurationError, InvalidEventError
from unbroken.ledger.protection import (
    SAME,
    Identity,
    Pieces,
    Protected,
    Registered,
    Screened,
    SealedOriginal,
    Value,
    bare,
)
from unbroken.privacy import prompts
from unbroken.privacy.identities import Identities
from unbroken.privacy.naming import names_in, renamed
from unbroken.privacy.pieces import joined_where_cut
from unbroken.privacy.redaction.ner import NerEngine
from unbroken.privacy.redaction.placeholders import PlaceholderKey
from unbroken.privacy.redaction.profiles import BALANCED, OFF, Profile
from unbroken.privacy.redaction.redactor import Redacted, Redactor
from unbroken.privacy.registry.registry import SYSTEM, Registry
from unbroken.privacy.registry.said import Classified
from unbroken.privacy.shown import changed_parts, is_other, shown
from unbroken.privacy.texts import changed_texts, texts_of, with_texts
from unbroken.privacy.vault.holders import holders_of
from unbroken.privacy.vault.originals import EVENT
from unbroken.privacy.vault.sealer import Sealer


class LogProtection:
    """The :class:`~unbroken.ledger.protection.Protection` of one log; safe for use by several threads at once.

    ``registry`` gives the version that is in force, ``key`` is the log's, ``identities`` finds pseudonyms (``None``
    without a key), ``note`` is told what no registry names: kinds and names, and ``sealer`` seals what
    events were (``None`` keeps nothing of it). ``ner`` finds names in the running text of parts.

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
        sealer: Sealer | None = None,
        ner: NerEngine | None = None,
    ) -> None:
        self._registry = registry
        self._key = key
        self._identities = identities
        self._note = note
        self._sealer = sealer
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

        Raises :class:`ConfigurationError` where pseudonyms are asked for and there is no key to find them by, and what
        :meth:`Sealer.seal` raises.
        """
        registry = self._registry()
        classified = registry.classified(fields)
        named, identities = self._named(fields, registry)
        seen = shown(fields, parts, registry=registry, key=self._key)
        texts = dict(texts_of(named))
        masked, classified = self._masked(
            registry, classified, seen.values, texts={**texts, **seen.names}, known=_sum(seen.counts)
        )
        event = self._event(named, texts, masked, own=fields, classified=classified)
        event["rules"] = self._version(registry, classified.profile)
        if classified.unknown:
            self._note(set(_unknown(classified, fields, event)))
        recorded = seen.parts(masked)
        original = None
        if self._keeps_originals(registry, classified):
            before = _before(parts, recorded, texts=dict(changed_texts(texts, masked.texts, event)))
            original = self._original(before, event, registry)
        return Protected(event, {name: recorded[name] for name in parts}, identities, original)

    def messages(self, messages: Sequence[Json], fields: Mapping[str, Any]) -> list[Screened]:
        """As :class:`~unbroken.ledger.protection.Protection` says: prompts by policy, everything masked."""
        registry = self._registry()
        classified = registry.classified(fields)
        screened = []
        described = prompts.shown(messages, registry.prompts_of(fields.get("agent_id")), self._key)
        for message, said in zip(messages, described, strict=True):
            masked, _ = self._masked(registry, classified, {"message": said}, texts={}, known={})
            value = masked.values["message"]
            screened.append(Screened(value, masked.counts, message if is_other(message, value) else SAME))
        return screened

    def tool(self, name: str) -> Registered:
        """What the registry says of the tool."""
        return self._registry().tool(name)

    def _event(
        self,
        named: Mapping[str, Any],
        texts: Collection[str],
        masked: Redacted,
        *,
        own: Mapping[str, Any],
        classified: Classified,
    ) -> dict[str, Any]:
        """The fields once their ``texts`` are masked, with what is said of the event's data; ``own`` are as given."""
        event = with_texts(named, {place: masked.texts[place] for place in texts})
        event |= _governance(event, classified, own=own)
        event["redactions"] = [f"{kind}:{count}" for kind, count in masked.counts.items()] or None
        return event

    # ---- originals ----

    def _keeps_originals(self, registry: Registry, classified: Classified) -> bool:
        return (
            self._sealer is not None
            and registry.originals.keeps(classified.domains)
            # Last, as a log without a vault is asked from time to time.
            and not self._sealer.idle
        )

    def _original(
        self, original: Mapping[str, Json], event: Mapping[str, Any], registry: Registry
    ) -> SealedOriginal | None:
        """What an event was, sealed; ``None`` where nothing in it was changed, or there is nobody to seal it to."""
        event_id = event.get("id")
        if self._sealer is None or not original:
            return None
        if not isinstance(event_id, str) or not is_id(event_id):
            raise InvalidEventError("not an event: id has not the form of its kind")
        stop = registry.originals.without_key == "stop"
        return self._sealer.seal(original, holders=holders_of(event), event_id=event_id, stop=stop)

    # ---- names ----

    def _named(self, fields: Mapping[str, Any], registry: Registry) -> tuple[dict[str, Any], tuple[Identity, ...]]:
        """The fields with pseudonyms in place of people's names, and the identities that the log doesn't know yet."""
        if not registry.pseudonyms:
            return dict(fields), ()
        names = {name for name in names_in(fields, registry) if name}
        if not names:
            return dict(fields), ()
        if self._identities is None:
            raise _keyless()
        found, identities = self._identities.pseudonyms(names)
        return renamed(fields, registry, found), identities

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


def _before(given: Mapping[str, Value], recorded: Mapping[str, Json], *, texts: Mapping[str, str]) -> dict[str, Json]:
    """What an event was, as far as something else is recorded: parts, and ``texts`` of its own."""
    before = changed_parts(given, recorded)
    return {**before, EVENT: {**texts}} if texts else before


def _keyless() -> ConfigurationError:
    return ConfigurationError(
        "people's names are recorded as pseudonyms, which takes the log's key: give key=…, to commands by"
        " UNBROKEN_KEY_FILE, or load a registry with [identities] pseudonyms = false where callers pass opaque ids"
        " already; nothing was recorded"
    )


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

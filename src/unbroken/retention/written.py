"""A policy as it is written: as a table of a TOML file, and in the JSON text that a log keeps."""

from collections.abc import Mapping
from typing import Any

import msgspec

from unbroken.core.normalise import Json
from unbroken.errors import ConfigurationError
from unbroken.retention.period import Period
from unbroken.retention.policy import PARTS, RECORD, Applies, Basis, Part, Policy, zone_named


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    id: str
    title: str
    citation: str
    basis: Basis
    jurisdiction: str
    version: int = 1
    floor: str | None = None
    ceiling: str | None = None
    start: str = RECORD
    start_key: str | None = None
    hot: str | None = None
    parts: tuple[Part, ...] = PARTS
    domains: tuple[str, ...] = ()
    event_types: tuple[str, ...] = ()
    everything: bool = False
    zone: str = "UTC"
    note: str = ""
    verify: bool = False


def policy_from(table: Mapping[str, Any]) -> Policy:
    """The policy that a table states; raises :class:`ConfigurationError` for what is none."""
    try:
        read = msgspec.convert(dict(table), _Written)
    except msgspec.ValidationError as error:
        raise ConfigurationError(str(error)) from error
    if len(set(read.parts)) < len(read.parts):
        raise ConfigurationError(f"the policy {read.id}: a part is named twice")
    return Policy(
        id=read.id,
        version=read.version,
        title=read.title,
        citation=read.citation,
        basis=read.basis,
        jurisdiction=read.jurisdiction,
        floor=_period(read.floor),
        ceiling=_period(read.ceiling),
        start=read.start,
        start_key=read.start_key,
        hot=_period(read.hot),
        parts=frozenset(read.parts),
        applies=Applies(frozenset(read.domains), frozenset(read.event_types), read.everything),
        zone=zone_named(read.zone),
        note=read.note,
        verify=read.verify,
    )


def table_of(policy: Policy) -> dict[str, Json]:
    """The same as JSON: lists are sorted; what is empty is absent, but for start and zone, which decide dates.

    Both parts are absent too: what is said of both is written in one way.
    """
    found: dict[str, Json] = {
        "id": policy.id,
        "version": policy.version,
        "title": policy.title,
        "citation": policy.citation,
        "basis": policy.basis,
        "jurisdiction": policy.jurisdiction,
        "floor": _text(policy.floor),
        "ceiling": _text(policy.ceiling),
        "start": policy.start,
        "start_key": policy.start_key,
        "hot": _text(policy.hot),
        "parts": [*sorted(policy.parts)] if policy.is_partial else [],
        "domains": [*sorted(policy.applies.domains)],
        "event_types": [*sorted(policy.applies.event_types)],
        "everything": policy.applies.everything,
        "zone": policy.zone.key,
        "note": policy.note,
        "verify": policy.verify,
    }
    return {key: value for key, value in found.items() if value not in (None, "", [], False)}


def _period(text: str | None) -> Period | None:
    return None if text is None else Period.parse(text)


def _text(period: Period | None) -> str | None:
    return None if period is None else str(period)

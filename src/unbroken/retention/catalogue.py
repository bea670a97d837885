"""Policies as TOML: those that come with the package, and an organisation's own."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec

from unbroken.errors import ConfigurationError
from unbroken.retention.period import Period
from unbroken.retention.policy import RECORD, Applies, Basis, Policy, zone_named

DEFAULT: Final = "default.one_year"
"""The policy for whatever no other one is for."""
MOST_BYTES: Final = 2**20
MOST_POLICIES: Final = 1000


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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
    domains: tuple[str, ...] = ()
    event_types: tuple[str, ...] = ()
    everything: bool = False
    zone: str = "UTC"
    note: str = ""
    verify: bool = False


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    policy: tuple[dict[str, Any], ...] = ()


@cache
def built_in() -> dict[str, Policy]:
    """The policies that come with the package, by id."""
    text = resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    return policies_from(text)


def policies_from(text: str) -> dict[str, Policy]:
    """The policies of a TOML text by id; raises :class:`ConfigurationError` saying what is wrong, and where."""
    if len(text.encode()) > MOST_BYTES:
        raise ConfigurationError(f"a file of policies is longer than {MOST_BYTES:,} bytes")
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise ConfigurationError(f"this is no file of policies ({error})") from error
    if len(file.policy) > MOST_POLICIES:
        raise ConfigurationError(f"a file has more than {MOST_POLICIES:,} policies")
    found: dict[str, Policy] = {}
    for number, table in enumerate(file.policy, 1):
        policy = _policy(table, number)
        if policy.id in found:
            raise ConfigurationError(f"policy {number}: {policy.id} is there twice")
        found[policy.id] = policy
    return found


def _policy(table: dict[str, Any], number: int) -> Policy:
    try:
        read = msgspec.convert(table, _Written)
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
            applies=Applies(frozenset(read.domains), frozenset(read.event_types), read.everything),
            zone=zone_named(read.zone),
            note=read.note,
            verify=read.verify,
        )
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"policy {number}: {error}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"policy {number}: {error}") from error


def _period(text: str | None) -> Period | None:
    return None if text is None else Period.parse(text)

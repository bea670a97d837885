"""The policies that come with the package, and TOML files of policies."""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from unbroken.errors import ConfigurationError
from unbroken.retention.policy import Policy
from unbroken.retention.written import policy_from

DEFAULT: Final = "default.one_year"
"""The policy for whatever no other one is for."""
MOST_BYTES: Final = 2**20
MOST_POLICIES: Final = 1000


@cache
def built_in() -> dict[str, Policy]:
    """The policies that come with the package, by id."""
    text = resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    return policies_from(text)


def policies_from(text: str) -> dict[str, Policy]:
    """The policies of a TOML text by id; raises :class:`ConfigurationError` saying what is wrong, and where."""
    return policies_in(tables_in(text))


def tables_in(text: str) -> dict[str, Any]:
    """What a TOML text of at most :data:`MOST_BYTES` bytes says."""
    if len(text.encode()) > MOST_BYTES:
        raise ConfigurationError(f"a file of policies is longer than {MOST_BYTES:,} bytes")
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"this is no file of policies ({error})") from error


def policies_in(tables: Mapping[str, Any]) -> dict[str, Policy]:
    """The policies that stand in a file as ``[[policy]]``, by id."""
    if unknown := sorted(tables.keys() - {"policy"}):
        raise ConfigurationError(f"this is no file of policies: nothing is known of {', '.join(unknown)}")
    found = tables.get("policy", [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ConfigurationError("policies stand in tables of their own: [[policy]]")
    if len(found) > MOST_POLICIES:
        raise ConfigurationError(f"there are more than {MOST_POLICIES:,} policies")
    return by_id(_policy(table, number) for number, table in enumerate(found, 1))


def by_id(policies: Iterable[Policy]) -> dict[str, Policy]:
    """Policies by their id; raises :class:`ConfigurationError` where two have the same."""
    found: dict[str, Policy] = {}
    for policy in policies:
        if policy.id in found:
            raise ConfigurationError(f"{policy.id} is there twice")
        found[policy.id] = policy
    return found


def _policy(table: dict[str, Any], number: int) -> Policy:
    try:
        return policy_from(table)
    except ConfigurationError as error:
        raise ConfigurationError(f"policy {number}: {error}") from error

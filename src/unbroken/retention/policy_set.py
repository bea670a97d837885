"""All policies of a log in one version, and the text that the log keeps of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from unbroken.core.canonical import canonical
from unbroken.errors import ConfigurationError
from unbroken.retention.catalogue import MOST_BYTES, MOST_POLICIES, by_id
from unbroken.retention.policy import Part, Policy
from unbroken.retention.written import policy_from, table_of

VERSION: Final = 1
"""The version of the text's form."""


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The policies of a log, ordered by id, and the id of the one for whatever no other one is for.

    Raises :class:`ConfigurationError` where that one is missing, or names what it is for, or an id stands twice.
    """

    policies: tuple[Policy, ...]
    default: str

    def __post_init__(self) -> None:
        found = by_id(self.policies)
        if list(found) != sorted(found):
            raise ConfigurationError("the policies of a set stand in the order of their ids")
        if self.default not in found:
            raise ConfigurationError(f"the default policy {self.default} is not among the policies")
        applies = found[self.default].applies
        if applies.domains or applies.event_types or not applies.everything:
            raise ConfigurationError(
                f"the default policy {self.default} is for whatever no other one is for: it says `everything = true`, "
                "and names no domains or event types"
            )
        if found[self.default].is_partial:
            raise ConfigurationError(
                f"the default policy {self.default} is for all that an entry holds: it has no parts"
            )
        if len(self.policies) > MOST_POLICIES or len(self.text.encode()) > MOST_BYTES:
            raise ConfigurationError(f"a set is at most {MOST_POLICIES:,} policies and {MOST_BYTES:,} bytes")

    @property
    def text(self) -> str:
        """The RFC 8785 text of the set, as logs keep it."""
        tables: list[Any] = [table_of(policy) for policy in self.policies]
        return canonical({"default": self.default, "policies": tables, "v": VERSION}).decode()

    def of_class(self, *, event_type: str, domains: Iterable[str], part: Part | None = None) -> tuple[Policy, ...]:
        """The policies for entries of this type in these domains, or for a part of them.

        Never none, as the default one is for the rest: also for a part that no other one is for.
        """
        given = frozenset(domains)
        found = tuple(
            policy
            for policy in self.policies
            if policy.id != self.default
            and policy.applies.to(domains=given, event_type=event_type)
            and (part is None or part in policy.parts)
        )
        return found or (self.by_id[self.default],)

    @property
    def by_id(self) -> dict[str, Policy]:
        """The policies by their id."""
        return {policy.id: policy for policy in self.policies}


def set_of(policies: Iterable[Policy], *, default: str) -> PolicySet:
    """The set of these policies, in whatever order they come."""
    return PolicySet(tuple(sorted(policies, key=lambda policy: policy.id)), default)


def set_from(text: str) -> PolicySet:
    """The set that a log's text states.

    Raises :class:`ConfigurationError` for a text that this release would not have written so: of another version of
    the form, or not canonical.
    """
    try:
        read = msgspec.json.decode(text, type=_Text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigurationError(f"this is no set of policies ({error})") from error
    found = PolicySet(tuple(policy_from(table) for table in read.policies), read.default)
    if read.v != VERSION or found.text != text:
        raise ConfigurationError("this set of policies is not in the form that this release reads: upgrade it")
    return found


class _Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    default: str
    policies: tuple[dict[str, Any], ...]
    v: int

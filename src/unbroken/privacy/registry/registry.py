"""The registry: what is known of tools, data sources, resource types and domains, and so of an event."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final, Literal

from unbroken.errors import InvalidEventError
from unbroken.ledger.protection import Registered
from unbroken.privacy.redaction.profiles import Profile
from unbroken.privacy.redaction.rules import Rules
from unbroken.privacy.registry.entry import Entry
from unbroken.privacy.registry.matching import Names
from unbroken.privacy.registry.originals import Originals
from unbroken.privacy.registry.said import Classified, Said, combined

Prompts = Literal["hashed", "stored"]
Own = tuple[frozenset[str] | None, str | None, bool | None]
CALLER: Final = "the caller"
"""Who says what an event says of itself."""
SYSTEM: Final = "system="
"""What a scope item that names a data source begins with."""
_NOTHING: Final[Own] = (None, None, None)
_KNOWN: Final = 1_024
_LONGEST_KNOWN: Final = 2_048
"""What events come to is remembered for so many, whose names have no more letters than this."""


@dataclass(frozen=True, slots=True)
class AgentPrompts:
    """Whether the prompts of an agent, or of all whose ids fit a pattern, are stored."""

    name: str
    is_pattern: bool
    store: Prompts


@dataclass(frozen=True, eq=False)
class Registry:
    """One version of a log's registry; ``version`` 0 is what is built in. Safe for use by several threads at once.

    An exact entry stands in place of all patterns for that name; several patterns that fit are combined. What the
    entries of a name leave open, and all of a name without any, is as ``defaults`` say. ``found`` is what findings of
    redaction raise, by flag.
    """

    version: int
    rules: Rules
    profile: Profile
    pseudonyms: bool
    pseudonymous_scope: frozenset[str]
    prompts: Prompts
    agents: Names[AgentPrompts]
    originals: Originals
    defaults: Said
    tools: Names[Entry]
    sources: Names[Entry]
    resources: Names[Entry]
    domains: Names[Entry]
    found: Mapping[str, Said]
    _known: Callable[[tuple[tuple[str, str], ...], Own], Classified] = field(init=False, repr=False)
    _everywhere: Said = field(init=False, repr=False)
    _defaults_of_data: Said = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", lru_cache(_KNOWN)(self._classified))
        object.__setattr__(self, "_everywhere", Said("redaction", redaction=self.profile))
        object.__setattr__(self, "_defaults_of_data", replace(self.defaults, side_effect=None))

    def entries(self) -> Iterator[Entry]:
        """All entries, kind by kind, in the order of the file."""
        for names in (self.tools, self.sources, self.resources, self.domains):
            yield from names.entries

    def of_kind(self, kind: str) -> Names[Entry]:
        """The entries of one kind: ``tool``, ``source``, ``resource`` or ``domain``."""
        return {"tool": self.tools, "source": self.sources, "resource": self.resources, "domain": self.domains}[kind]

    def tool(self, name: str) -> Registered:
        """What is known of a tool: the resource is that of the first entry that tells of one."""
        entries = self.tools.of(name)
        effects = [said.side_effect for said in self._says("tool", entries) if said.side_effect is not None]
        effect = max(effects, default=None)
        for entry in entries:
            if entry.resource_type is not None and entry.resource_id is not None:
                return Registered(effect, (entry.resource_type, entry.resource_id))
        return Registered(effect)

    def prompts_of(self, agent_id: str | None) -> Prompts:
        """Whether an agent's prompts are stored as texts; of several patterns that fit, all have to say so."""
        said = {agent.store for agent in self.agents.of(agent_id)} if agent_id is not None else set()
        if not said:
            return self.prompts
        return "hashed" if "hashed" in said else "stored"

    def is_pseudonymous(self, resource_type: str) -> bool:
        """Whether the ids of these resources are people's."""
        return any(entry.pseudonym for entry in self.resources.of(resource_type))

    def classified(self, fields: Mapping[str, Any]) -> Classified:
        """How the data of an event of these fields is to be treated, before anything is found in it.

        Takes into account ``tool``, ``scope`` (items ``system=<data source>``), ``resource_type``, and what the event
        says itself: ``domains``, ``classification``, ``side_effect``. Raises :class:`InvalidEventError` for domains
        that are no texts.
        """
        names, own = tuple(_names(fields)), _own(fields)
        known = sum(len(name) for _, name in names) + sum(map(len, own[0] or ())) <= _LONGEST_KNOWN
        return (self._known if known else self._classified)(names, own)

    def raised(self, classified: Classified, contains: Collection[str]) -> Classified:
        """The same once redaction has found something: ``contains`` of ``personal``, ``health``, ``card``, ``secret``.

        Never less strict than ``classified``; raising twice raises no further.
        """
        known = classified.because
        more = [self.found[flag] for flag in sorted(contains) if flag in self.found]
        more += self._says_of_domains(more)
        new = [said for said in more if not any(said is one for one in known)]
        return combined([*known, *new], unknown=classified.unknown) if new else classified

    def _classified(self, names: tuple[tuple[str, str], ...], own: Own) -> Classified:
        said, unknown = [self._everywhere], []
        for kind, name in names:
            entries = self.of_kind(kind).of(name)
            if not entries:
                unknown.append((kind, name))
            said += self._says(kind, entries)
            said += self._says_of_resources(entries)
        if own != _NOTHING:
            said.append(Said(CALLER, *own))
        unique = list(dict.fromkeys([*said, *self._says_of_domains(said)]))
        return combined(unique, unknown=tuple(unknown))

    def _says(self, kind: str, entries: tuple[Entry, ...]) -> list[Said]:
        """What entries of one name say, and what the defaults say of the rest. Only a tool has side effects."""
        said = [entry.says for entry in entries]
        rest = (self.defaults if kind == "tool" else self._defaults_of_data).left_by(said)
        return said if rest.says_nothing else [*said, rest]

    def _says_of_resources(self, entries: tuple[Entry, ...]) -> list[Said]:
        """What is said of the resource types that a tool's entries name, where an entry names these."""
        types = {entry.resource_type for entry in entries if entry.resource_type is not None}
        found = [self.resources.of(name) for name in sorted(types)]
        return [said for of_type in found if of_type for said in self._says("resource", of_type)]

    def _says_of_domains(self, said: Iterable[Said]) -> list[Said]:
        """What it means to be in the domains that are told of."""
        names = {name.lower() for one in said for name in one.domains or ()}
        return [entry.says for name in sorted(names) for entry in self.domains.of(name)]


def _names(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Kinds and names of what an event concerns."""
    if isinstance(tool := fields.get("tool"), str):
        yield "tool", tool
    for item in fields.get("scope") or ():
        if isinstance(item, str) and item.startswith(SYSTEM):
            yield "source", item[len(SYSTEM) :]
    if isinstance(resource := fields.get("resource_type"), str):
        yield "resource", resource


def _own(fields: Mapping[str, Any]) -> Own:
    """What an event says of itself: domains, classification, side effect."""
    domains, classification, effect = fields.get("domains"), fields.get("classification"), fields.get("side_effect")
    if domains is not None:
        if not isinstance(domains, list | tuple | set | frozenset) or not all(type(name) is str for name in domains):
            raise InvalidEventError("not an event: domains is a list of texts")
        domains = frozenset(domains)
    return (
        domains,
        classification if isinstance(classification, str) else None,
        effect if isinstance(effect, bool) else None,
    )

"""Whatever more is known of an event, its data is never treated less strictly."""

from collections.abc import Mapping
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from unbroken.privacy.redaction.profiles import PROFILES, covers, strictest
from unbroken.privacy.registry.looser import looser
from unbroken.privacy.registry.reading import registry_from
from unbroken.privacy.registry.registry import Registry
from unbroken.privacy.registry.said import CLASSIFICATIONS

NAMES: Final = ("a", "ab", "abc", "b", "bc")
PATTERNS: Final = ("*", "a*", "*b", "?", "ab*", "*c")
DOMAINS: Final = ("gdpr", "hipaa", "pci")
FLAGS: Final = ("personal", "health", "card", "secret")

Item = Mapping[str, Any]


def said(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """What an entry may say, each of it or not."""
    return st.fixed_dictionaries(
        {},
        optional={
            "classification": st.sampled_from(CLASSIFICATIONS),
            "redaction": st.sampled_from(list(PROFILES)),
            **more,
        },
    )


domain_lists = st.lists(st.sampled_from(DOMAINS), max_size=2, unique=True)
treatments = said(domains=domain_lists)
tools = said(domains=domain_lists, side_effect=st.booleans(), resource_type=st.sampled_from(NAMES))


def named(items: st.SearchStrategy[dict[str, Any]], own: str = "name") -> st.SearchStrategy[list[dict[str, Any]]]:
    """Entries of a kind, exact and by pattern, each name once."""
    key = st.one_of(
        st.tuples(st.just(own), st.sampled_from(NAMES)), st.tuples(st.just("pattern"), st.sampled_from(PATTERNS))
    )
    entry = st.builds(lambda name, says: {name[0]: name[1], **says}, key, items)
    return st.lists(entry, max_size=4, unique_by=lambda item: item.get(own) or item["pattern"])


def _name(item: Any) -> str:
    return str(item["name"])


def _named(name: str, says: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, **says}


files = st.fixed_dictionaries(
    {
        "tool": named(tools),
        "source": named(treatments),
        "resource": named(treatments, "type"),
        "domain": st.lists(
            st.builds(_named, st.sampled_from(DOMAINS), said()),
            max_size=3,
            unique_by=_name,
        ),
        "found": st.dictionaries(st.sampled_from(FLAGS), treatments, max_size=3),
        "redaction": st.fixed_dictionaries({}, optional={"profile": st.sampled_from(list(PROFILES))}),
        "defaults": said(domains=domain_lists, side_effect=st.booleans()),
    }
)
events = st.fixed_dictionaries(
    {},
    optional={
        "tool": st.sampled_from(NAMES),
        "scope": st.lists(st.sampled_from([f"system={name}" for name in NAMES] + ["account=1"]), max_size=2),
        "resource_type": st.sampled_from(NAMES),
        "domains": domain_lists,
        "classification": st.sampled_from(CLASSIFICATIONS),
        "side_effect": st.booleans(),
    },
)
findings = st.sets(st.sampled_from(FLAGS))


def read(file: Mapping[str, Any]) -> Registry:
    """The registry of a file in which this stands."""
    return registry_from("\n".join(_lines(file)), version=1)


def _lines(file: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, value in file.items():
        if isinstance(value, list):
            for item in value:
                lines += [f"[[{name}]]", *_pairs(item)]
        elif name == "found":
            for flag, item in value.items():
                lines += [f"[found.{flag}]", *_pairs(item)]
        else:
            lines += [f"[{name}]", *_pairs(value)]
    return lines


def _pairs(item: Item) -> list[str]:
    return [f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for key, value in item.items()]


@given(files, events, events)
def test_whatever_an_event_concerns_besides_never_loosens(file: Item, event: Item, more: Item) -> None:
    registry = read(file)
    both = {**event, **{key: value for key, value in more.items() if key not in event}}
    assert looser(registry.classified(event), registry.classified(both)) == []


@given(files, events, st.lists(st.sampled_from(DOMAINS)), st.sampled_from(NAMES))
def test_one_more_domain_or_source_never_loosens(file: Item, event: Item, domains: list[str], source: str) -> None:
    registry = read(file)
    more = {
        **event,
        "domains": [*event.get("domains", ()), *domains],
        "scope": [*event.get("scope", ()), f"system={source}"],
    }
    assert looser(registry.classified(event), registry.classified(more)) == []


@given(files, events, findings, findings)
def test_a_finding_never_loosens_and_their_order_does_not_matter(
    file: Item, event: Item, some: set[str], others: set[str]
) -> None:
    registry = read(file)
    before = registry.classified(event)
    once = registry.raised(before, some)
    assert looser(before, once) == []
    assert looser(once, registry.raised(before, some | others)) == []
    together, in_turn = registry.raised(before, some | others), registry.raised(once, others)
    assert looser(together, in_turn) == looser(in_turn, together) == []


@given(files, events, findings, st.sampled_from(PATTERNS), tools)
def test_one_more_pattern_never_loosens_what_entries_say(
    file: dict[str, Any], event: Item, found: set[str], pattern: str, says: Item
) -> None:
    """What was left to the defaults is the one thing that an entry may say to be less, so here they leave all open."""
    file = {**file, "tool": [item for item in file["tool"] if item.get("pattern") != pattern], "defaults": OPEN}
    added = {**file, "tool": [*file["tool"], {"pattern": pattern, **says}]}
    before, after = read(file), read(added)
    assert looser(before.raised(before.classified(event), found), after.raised(after.classified(event), found)) == []


OPEN: Final = {"classification": "public", "redaction": "off"}
"""Defaults that are the least that there is."""


@given(files, events, findings, st.sampled_from(DOMAINS), said())
def test_one_more_domain_entry_never_loosens(
    file: dict[str, Any], event: Item, found: set[str], name: str, says: Item
) -> None:
    file = {**file, "domain": [item for item in file["domain"] if item["name"] != name]}
    before, after = read(file), read({**file, "domain": [*file["domain"], {"name": name, **says}]})
    assert looser(before.raised(before.classified(event), found), after.raised(after.classified(event), found)) == []


profiles = st.sampled_from(list(PROFILES.values()))


@given(st.lists(profiles, min_size=1), profiles)
def test_the_strictest_covers_each_in_whatever_order_they_come(several: list[Any], one: Any) -> None:
    whole = strictest(several)
    assert all(covers(whole, each) for each in several)
    assert strictest([whole, one]) == strictest([*reversed(several), one])

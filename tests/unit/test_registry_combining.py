"""How an event's data is treated: entries, defaults, the event's own words and findings, the strictest of all."""

import itertools
import time
from typing import Any

import pytest

from tests.unit.registries import FULL, registry
from unbroken.errors import ConfigurationError, InvalidEventError
from unbroken.privacy.redaction.profiles import BALANCED, HIPAA, OFF, PCI, PROFILES, STRICT, Profile, covers, strictest
from unbroken.privacy.registry.explanation import reasons
from unbroken.privacy.registry.reading import BUILT_IN
from unbroken.privacy.registry.said import Classified

REGISTRY = registry()


def told(classified: Classified) -> tuple[str, str | None, bool | None, str]:
    return (
        " ".join(sorted(classified.domains)),
        classified.classification,
        classified.side_effect,
        classified.profile.name,
    )


def of(**fields: Any) -> tuple[str, str | None, bool | None, str]:
    return told(REGISTRY.classified(fields))


def test_an_event_that_concerns_nothing_has_no_classification() -> None:
    assert of(event_type="request", actor_id="u-1", scope=["account=7"]) == ("", None, None, "balanced")
    assert REGISTRY.classified({}).unknown == ()


def test_an_exact_entry_with_all_that_it_says() -> None:
    assert of(tool="get_patient") == ("hipaa", "restricted", False, "pci")


def test_an_exact_entry_stands_in_place_of_patterns() -> None:
    assert of(tool="ehr_ping") == ("", "public", None, "balanced")


def test_patterns_that_fit_are_combined() -> None:
    assert of(tool="ehr_write") == ("", "internal", True, "strict")


def test_what_no_entry_says_is_as_the_defaults_say() -> None:
    assert of(tool="lab_write") == ("", "confidential", True, "strict")
    assert of(scope=["system=ehr"]) == ("gdpr hipaa", "confidential", None, "balanced")


@pytest.mark.parametrize(
    ("fields", "unknown"),
    [
        ({"tool": "nobody"}, [("tool", "nobody")]),
        ({"scope": ["account=1", "system=lab"]}, [("source", "lab")]),
        ({"resource_type": "order"}, [("resource", "order")]),
        (
            {"tool": "Get_Patient", "scope": ["system=ehr", "system=lab"], "resource_type": "invoice"},
            [("tool", "Get_Patient"), ("source", "lab"), ("resource", "invoice")],
        ),
        ({"tool": "x" * 2000}, [("tool", "x" * 2000)]),
    ],
)
def test_what_no_entry_names_gets_the_defaults_and_is_told(
    fields: dict[str, Any], unknown: list[tuple[str, str]]
) -> None:
    classified = REGISTRY.classified(fields)
    assert classified.classification == "confidential"
    assert list(classified.unknown) == unknown


def test_defaults_of_the_file() -> None:
    own = registry("[defaults]\nclassification='internal'\ndomains=['gdpr']\nredaction='strict'\nside_effect=true")
    assert told(own.classified({"tool": "x"})) == ("gdpr", "internal", True, "strict")
    assert told(own.classified({"resource_type": "x"})) == ("gdpr", "internal", None, "strict")
    assert told(own.classified({})) == ("", None, None, "balanced")
    partly = registry("[defaults]\nredaction='strict'\n[[tool]]\nname='a'\ndomains=[]\nredaction='off'")
    assert told(partly.classified({"tool": "x"})) == ("", "confidential", None, "strict")
    assert told(partly.classified({"tool": "a"})) == ("", "confidential", None, "balanced")


def test_tool_source_and_resource_type_are_combined() -> None:
    assert of(tool="ehr_ping", scope=["system=ehr"], resource_type="invoice1") == (
        "gdpr hipaa",
        "confidential",
        None,
        "balanced",
    )


def test_a_tool_is_as_strict_as_the_resources_it_touches() -> None:
    text = "[[tool]]\nname='t'\nclassification='public'\nresource_type='patient'\n[[resource]]\ntype='patient'\n"
    classified = registry(text + "domains=['hipaa']\nclassification='restricted'").classified({"tool": "t"})
    assert told(classified)[:2] == ("hipaa", "restricted")
    assert registry(text.replace("patient'\n[[", "other'\n[[")).classified({"tool": "t"}).unknown == ()


def test_what_the_event_says_itself_counts() -> None:
    assert of(tool="ehr_ping", classification="internal", side_effect=True) == ("", "internal", True, "balanced")
    assert of(classification="public") == ("", "public", None, "balanced")
    assert of(tool="get_patient", classification="public", side_effect=True)[1:3] == ("restricted", True)
    assert of(domains=["gdpr"]) == ("gdpr", None, None, "balanced")


def test_a_domain_brings_what_it_means_wherever_it_comes_from() -> None:
    assert of(domains=("pci",)) == ("pci", "restricted", None, "pci")
    assert of(domains={"PCI"}) == ("PCI", "restricted", None, "pci")
    by_tool = registry(FULL + "[[tool]]\nname='pay'\ndomains=['pci']\nclassification='public'")
    assert told(by_tool.classified({"tool": "pay"})) == ("pci", "restricted", None, "pci")


def test_a_word_that_is_no_classification_stays_to_be_refused() -> None:
    assert of(tool="get_patient", classification="top-secret")[1] == "top-secret"


@pytest.mark.parametrize("domains", ["hipaa", [1], {"a": 1}, 3])
def test_domains_that_are_no_texts_are_refused(domains: object) -> None:
    with pytest.raises(InvalidEventError, match="domains is a list of texts"):
        REGISTRY.classified({"domains": domains})


# ---- findings ----


def test_findings_raise() -> None:
    nothing = REGISTRY.classified({})
    assert told(REGISTRY.raised(nothing, ["personal"])) == ("gdpr", "confidential", None, "balanced")
    assert told(REGISTRY.raised(nothing, {"health", "personal"})) == ("gdpr hipaa", "restricted", None, "balanced")
    assert told(REGISTRY.raised(nothing, ("card",))) == ("pci", "restricted", None, "pci")
    assert told(REGISTRY.raised(nothing, ("secret",))) == ("", "restricted", None, "balanced")
    assert REGISTRY.raised(nothing, ()) is nothing


def test_raising_again_raises_no_further() -> None:
    once = REGISTRY.raised(REGISTRY.classified({"tool": "nobody"}), {"card"})
    assert REGISTRY.raised(once, {"card"}) is once
    assert once.unknown == (("tool", "nobody"),)
    assert REGISTRY.raised(once, {"health"}) == REGISTRY.raised(
        REGISTRY.raised(REGISTRY.classified({"tool": "nobody"}), {"card"}), {"health", "card"}
    )


def test_findings_of_the_file_stand_in_place_of_what_is_built_in() -> None:
    own = registry("[found.personal]\ndomains=[]\n[found.health]\nclassification='internal'\nredaction='hipaa'")
    assert told(own.raised(own.classified({}), {"personal"})) == ("", "confidential", None, "balanced")
    assert told(own.raised(own.classified({}), {"health"})) == ("hipaa", "internal", None, "hipaa")


# ---- the rest of what a registry tells ----


def test_what_is_known_of_a_tool() -> None:
    assert REGISTRY.tool("get_patient") == (False, ("patient", "patient_id"))
    assert REGISTRY.tool("ehr_write") == (True, None)
    assert REGISTRY.tool("ehr_ping") == (None, None)
    assert REGISTRY.tool("nobody") == (None, None)
    assert registry("[defaults]\nside_effect=true").tool("nobody") == (True, None)
    assert registry("[[tool]]\nname='a'\nresource_id='x'").tool("a") == (None, None)


def test_several_tools_with_a_resource_give_the_first() -> None:
    text = "".join(f"[[tool]]\npattern='{p}'\nresource_type='{p[0]}'\nresource_id='i'\n" for p in ("a*", "?b", "ab*"))
    assert registry(text).tool("ab").resource == ("a", "i")


def test_whose_prompts_are_stored() -> None:
    assert REGISTRY.prompts_of("triage-1") == "stored"
    assert REGISTRY.prompts_of("triage-secret") == "hashed"
    assert REGISTRY.prompts_of("desk") == "hashed"
    assert REGISTRY.prompts_of(None) == "hashed"
    mostly = registry("[prompts]\nstore='stored'\nagents={'a*'='stored','*b'='hashed'}")
    assert [mostly.prompts_of(agent) for agent in ("ab", "ac", "c", None)] == ["hashed", "stored", "stored", "stored"]


def test_whose_ids_are_peoples() -> None:
    assert REGISTRY.is_pseudonymous("patient")
    assert not REGISTRY.is_pseudonymous("invoice1")
    assert not REGISTRY.is_pseudonymous("person")
    by_pattern = registry("[[resource]]\npattern='p*'\npseudonym=true\n[[resource]]\ntype='plant'")
    assert [by_pattern.is_pseudonymous(name) for name in ("person", "plant")] == [True, False]


def test_reasons_name_what_decided_and_not_what_was_overruled() -> None:
    classified = REGISTRY.raised(
        REGISTRY.classified({"tool": "get_patient", "scope": ["system=ehr"], "classification": "public"}), {"card"}
    )
    assert [(reason.of, reason.value, reason.by) for reason in reasons(classified)] == [
        ("domain", "gdpr", ("source 1 (ehr)",)),
        ("domain", "hipaa", ("tool 1 (get_patient)", "source 1 (ehr)")),
        ("domain", "pci", ("built in for card",)),
        (
            "classification",
            "restricted",
            ("tool 1 (get_patient)", "resource 1 (patient)", "built in for card", "domain 1 (pci)"),
        ),
        ("side effect", "no", ("tool 1 (get_patient)",)),
        ("redaction", "pci", ("tool 1 (get_patient)", "domain 1 (pci)")),
    ]


def test_each_outcome_has_a_reason() -> None:
    for fields in ({"tool": "a_write"}, {"domains": ["x"]}, {"side_effect": False}, {"tool": "ehr_a_write"}, {}):
        found = reasons(REGISTRY.raised(REGISTRY.classified(fields), {"personal"}))
        assert all(reason.by for reason in found)


# ---- profiles ----


def test_profiles_stand_in_order() -> None:
    assert list(PROFILES) == ["off", "balanced", "strict", "pci", "hipaa"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((OFF,), OFF),
        ((OFF, OFF), OFF),
        ((OFF, BALANCED), BALANCED),
        ((BALANCED, STRICT), STRICT),
        ((STRICT, HIPAA), HIPAA),
        ((PCI, HIPAA, OFF), HIPAA),
        ((PCI, BALANCED), PCI),
        ((STRICT, PCI), Profile("strict+pci", bare=True, deny=True, every_url=True)),
        ((PCI, STRICT, HIPAA), HIPAA),
    ],
)
def test_the_strictest_profile_does_all_that_one_of_them_does(given: tuple[Profile, ...], expected: Profile) -> None:
    for order in itertools.permutations(given):
        assert strictest(order) == expected


def test_sums_of_sums() -> None:
    both = strictest((STRICT, PCI))
    assert strictest((both, BALANCED)) == both
    assert strictest((both, STRICT)) == both
    assert strictest((both, HIPAA)) == HIPAA
    own = strictest((Profile("mine", random=True), PCI))
    assert own == Profile("pci+mine", bare=True, deny=True, random=True)
    assert strictest((OFF, Profile("none", off=True))) == OFF
    assert strictest((BALANCED, Profile("none", bare=True, off=True))) == BALANCED
    with pytest.raises(ConfigurationError):
        strictest(())


def test_what_covers_what() -> None:
    assert [covers(HIPAA, one) for one in PROFILES.values()] == [True] * 5
    assert [covers(OFF, one) for one in PROFILES.values()] == [True, False, False, False, False]
    assert [covers(PCI, one) for one in PROFILES.values()] == [True, True, False, True, False]


# ---- speed ----


def test_what_a_name_comes_to_is_remembered_unless_it_is_long() -> None:
    for fields, remembered in (
        ({"tool": "ehr_ping", "domains": ["gdpr"]}, True),
        ({"scope": ["system=" + "x" * 1000] * 3}, False),
        ({"domains": ["x" * 3000]}, False),
    ):
        assert (REGISTRY.classified(fields) is REGISTRY.classified(dict(fields))) is remembered


def test_an_event_is_classified_in_microseconds_under_the_largest_registry() -> None:
    tools = "".join(f"[[tool]]\npattern='*{number}*x'\nclassification='public'\n" for number in range(1_000))
    large = registry(tools + "".join(f"[[resource]]\ntype='r{number}'\n" for number in range(8_000)))
    fields = {"tool": "1_x", "scope": ["account=1", "system=a"], "resource_type": "r7"}
    large.classified(fields)
    begun = time.process_time()
    for _ in range(2_000):
        large.classified(fields)
    assert (time.process_time() - begun) / 2_000 < 100e-6
    assert BUILT_IN.classified(fields).classification == "confidential"

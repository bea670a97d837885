"""What an event passes on its way to the log: names, masking, classification, and what they make of one another."""

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json
from unbroken.errors import ConfigurationError, TooLargeError
from unbroken.ledger.draft import MAX_EVENT_TEXT_BYTES, Draft, draft
from unbroken.ledger.protection import Identity, Screened
from unbroken.privacy.identities import Identities
from unbroken.privacy.protection import LogProtection
from unbroken.privacy.pseudonyms import is_pseudonym
from unbroken.privacy.redaction.ner import NerEngine, NerSpan
from unbroken.privacy.registry.reading import registry_from

KEY = LogKey.generate()
MAIL = "jane.roe@example.com"
CARD = "4111 1111 1111 1111"
MRN = "MRN 00482913"


class Rows:
    """The identities of a log, as its function gives them."""

    def __init__(self) -> None:
        self.by_lookup: dict[bytes, str] = {}
        self.away = False

    def __call__(self, proposals: Sequence[Identity]) -> list[str] | None:
        if self.away:
            return None
        return [self.by_lookup.setdefault(each.lookup, each.pseudonym) for each in proposals]


def protection(
    toml: str = "",
    *,
    key: LogKey | None = KEY,
    rows: Rows | None = None,
    noted: list[Any] | None = None,
    ner: NerEngine | None = None,
) -> LogProtection:
    def note(items: Collection[tuple[str, str]]) -> None:
        if noted is not None:
            noted.extend(items)

    registry = registry_from(toml, version=7)
    identities = None if key is None else Identities(rows or Rows(), key, "clinic.example/agents")
    return LogProtection(lambda: registry, key=key, identities=identities, note=note, ner=ner)


def recorded(guard: LogProtection, kind: str = "request", /, **fields: Any) -> Draft:
    return draft(kind, protection=guard, **{"actor_id": "cron", "actor_type": "system", **fields})


def part(made: Draft, name: str) -> str:
    return made.parts[name].value.decode()


def whole(made: Draft) -> str:
    """Everything of it that would be stored."""
    return str(made.event) + "".join(each.value.decode() for each in made.parts.values())


@pytest.mark.parametrize("name", ["inputs", "outputs", "details"])
def test_every_part_is_masked(name: str) -> None:
    made = recorded(protection(), **{name: {"note": [f"write to {MAIL}"]}})
    assert MAIL not in whole(made)
    assert "[EMAIL_ADDRESS:k1:" in part(made, name)
    assert made.event.redactions == ("EMAIL_ADDRESS:1",)


TEXTS = (
    *("agent_id", "agent_name", "agent_version", "call_id", "cost_source", "model", "purpose", "recipient"),
    *("resource_id", "resource_type", "session_id", "source_address", "status", "tool", "turn_id", "actor_id"),
)


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_of_an_event_is_masked(name: str) -> None:
    made = recorded(protection(), **{name: f"for {MAIL}"})
    assert MAIL not in whole(made)
    assert made.event.redactions == ("EMAIL_ADDRESS:1",)


@pytest.mark.parametrize("name", ["scope", "subjects", "domains"])
def test_every_list_of_an_event_is_masked(name: str) -> None:
    made = recorded(protection("identities.pseudonyms = false"), **{name: [f"account={MAIL}", "plain"]})
    assert MAIL not in whole(made)
    assert "plain" in getattr(made.event, name)


@pytest.mark.parametrize("name", ["by", "outcome", "policy"])
def test_a_decision_is_masked(name: str) -> None:
    made = recorded(protection("identities.pseudonyms = false"), "reviewed", decision={name: MAIL})
    assert MAIL not in whole(made)


def test_a_text_that_masking_makes_too_long_is_withheld_as_a_whole() -> None:
    many = " ".join(f"a{number}@ex.org" for number in range(60))
    made = recorded(protection(), purpose=many)
    assert made.event.purpose is not None
    assert len(made.event.purpose) < MAX_EVENT_TEXT_BYTES
    assert "ex.org" not in whole(made)


def test_a_text_that_is_too_long_is_refused_as_without_protection() -> None:
    with pytest.raises(TooLargeError):
        recorded(protection(), purpose="x" * (MAX_EVENT_TEXT_BYTES + 1))


def test_what_was_masked_before_is_counted_and_left_as_it_is() -> None:
    made = recorded(protection(), inputs=Screened({"kept": MAIL}, {"US_SSN": 2}))
    assert MAIL in part(made, "inputs")
    assert made.event.redactions == ("US_SSN:2",)


# Names


@pytest.mark.parametrize("kind", ["user", "admin"])
def test_people_are_recorded_by_pseudonym(kind: str) -> None:
    made = recorded(protection(), actor_id="Jane Roe", actor_type=kind)
    assert is_pseudonym(made.event.actor_id)


@pytest.mark.parametrize("kind", ["agent", "system"])
def test_what_is_nobody_keeps_its_name(kind: str) -> None:
    assert recorded(protection(), actor_id="nightly", actor_type=kind).event.actor_id == "nightly"


def test_one_person_has_one_pseudonym_wherever_it_stands() -> None:
    toml = """
    identities.scope = ["account"]
    [[resource]]
    type = "patient"
    pseudonym = true
    """
    made = recorded(
        protection(toml),
        "reviewed",
        actor_id="P-1",
        actor_type="user",
        subjects=["P-1", "P-2"],
        decision={"by": "P-1"},
        resource_type="patient",
        resource_id="P-1",
        scope=["account=P-1", "system=ehr"],
    )
    event = made.event
    assert is_pseudonym(event.actor_id)
    assert event.subjects is not None
    assert event.actor_id in event.subjects
    assert event.decision is not None
    assert event.decision.by == event.actor_id
    assert event.resource_id == event.actor_id
    assert event.scope == (f"account={event.actor_id}", "system=ehr")
    assert "P-1" not in whole(made)
    assert "P-2" not in whole(made)


def test_a_resource_that_is_nobody_keeps_its_id() -> None:
    made = recorded(protection(), resource_type="invoice", resource_id="P-1")
    assert made.event.resource_id == "P-1"


def test_without_a_key_nobody_is_recorded_by_name() -> None:
    guard = protection(key=None)
    with pytest.raises(ConfigurationError, match="UNBROKEN_KEY_FILE"):
        guard.check()
    with pytest.raises(ConfigurationError, match="nothing was recorded"):
        recorded(guard, actor_id="Jane Roe", actor_type="user")


def test_a_registry_can_say_that_ids_are_opaque_already() -> None:
    guard = protection("identities.pseudonyms = false", key=None)
    guard.check()
    assert recorded(guard, actor_id="u-1", actor_type="user").event.actor_id == "u-1"


def test_who_was_not_known_before_an_outage_goes_along_with_the_event() -> None:
    rows = Rows()
    guard = protection(rows=rows)
    known = recorded(guard, actor_id="Jane Roe", actor_type="user")
    rows.away = True
    assert recorded(guard, actor_id="Jane Roe", actor_type="user").identities == ()
    made = recorded(guard, actor_id="John Doe", actor_type="user")
    assert known.identities == ()
    assert [each.pseudonym for each in made.identities] == [made.event.actor_id]
    assert b"John" not in made.identities[0].sealed


# Classification


def test_a_tool_that_nobody_names_is_confidential_and_noted() -> None:
    noted: list[tuple[str, str]] = []
    made = recorded(protection(noted=noted), "tool_call", tool="find", scope=["system=ehr"], resource_type="chart")
    assert made.event.classification == "confidential"
    assert set(noted) == {("tool", "find"), ("source", "ehr"), ("resource", "chart")}


def test_what_is_noted_is_masked() -> None:
    noted: list[tuple[str, str]] = []
    recorded(protection(noted=noted), "tool_call", tool=f"ask {MAIL}", scope=[f"system={MAIL}"], resource_type=MAIL)
    assert len(noted) == 3
    assert MAIL not in str(noted)


def test_what_is_found_raises_the_classification() -> None:
    made = recorded(protection(), inputs=f"card {CARD}, {MRN}")
    assert made.event.classification == "restricted"
    assert made.event.domains == ("gdpr", "hipaa", "pci")


def test_what_is_found_never_lowers_what_the_caller_says() -> None:
    made = recorded(protection(), inputs=f"mail {MAIL}", classification="restricted", domains=["hr"])
    assert made.event.classification == "restricted"
    assert made.event.domains == ("gdpr", "hr")


def test_an_event_of_nothing_has_no_classification() -> None:
    made = recorded(protection(), inputs="hello")
    assert (made.event.classification, made.event.domains, made.event.redactions) == (None, None, None)
    assert made.event.rules is not None
    assert made.event.rules.endswith("/balanced/r7")


def test_a_registry_says_what_a_call_does_and_a_caller_may_say_more() -> None:
    toml = """
    [[tool]]
    name = "pay"
    side_effect = true
    resource_type = "invoice"
    resource_id = "order.invoice"
    """
    guard = protection(toml)
    assert guard.tool("pay") == (True, ("invoice", "order.invoice"))
    assert recorded(guard, "tool_call", tool="pay", side_effect=False).event.side_effect is True
    assert recorded(guard, "tool_call", tool="look", side_effect=True).event.side_effect is True
    assert recorded(guard, "tool_result", tool="pay").event.side_effect is None


NUMBER = "reference 83620174"
"""Masked by no rule of balanced, and by strict as a long number."""


def test_parts_are_masked_by_the_strictest_profile_that_applies() -> None:
    guard = protection('[[tool]]\nname = "ehr"\nredaction = "strict"')
    assert "83620174" in whole(recorded(guard, "tool_result", tool="other", outputs=NUMBER))
    made = recorded(guard, "tool_result", tool="ehr", outputs=NUMBER, session_id="83620174")
    assert "83620174" not in part(made, "outputs")
    assert made.event.session_id == "83620174"
    assert made.event.rules is not None
    assert "/strict/" in made.event.rules


def test_what_is_found_may_ask_for_a_stricter_look_at_the_same_values() -> None:
    guard = protection('[[domain]]\nname = "pci"\nredaction = "strict"')
    assert "83620174" in whole(recorded(guard, inputs=NUMBER))
    made = recorded(guard, inputs=f"{NUMBER}, card {CARD}")
    assert "83620174" not in whole(made)


def test_switched_off_nothing_is_masked_and_the_event_says_so() -> None:
    made = recorded(protection('redaction.profile = "off"'), inputs=MAIL)
    assert MAIL in part(made, "inputs")
    assert made.event.rules == "off/r7"
    assert made.event.redactions is None


def test_the_operators_patterns_apply() -> None:
    toml = """
    [[redaction.pattern]]
    name = "policy number"
    kind = "POLICY_NUMBER"
    pattern = 'POL-\\d{6}'
    """
    made = recorded(protection(toml), inputs="POL-123456")
    assert made.event.redactions == ("POLICY_NUMBER:1",)


class Romeos:
    """Recognises one name."""

    version = "romeo-1"

    def spans(self, texts: Sequence[str]) -> list[list[NerSpan]]:
        return [
            [NerSpan(text.index("Romeo"), text.index("Romeo") + 5, "PERSON")] if "Romeo" in text else []
            for text in texts
        ]


def test_a_model_finds_names_in_parts_and_leaves_the_events_own_texts() -> None:
    made = recorded(protection(ner=Romeos()), inputs="ask Romeo Montague", agent_name="the Romeo desk")
    assert "Romeo" not in part(made, "inputs")
    assert made.event.agent_name == "the Romeo desk"
    assert made.event.rules != recorded(protection(), inputs="x").event.rules


# Messages


def test_messages_are_masked_and_a_prompt_is_described() -> None:
    messages: list[Json] = [
        {"role": "system", "content": f"You help {MAIL}"},
        {"role": "user", "content": f"card {CARD}"},
    ]
    system, user = protection().messages(messages, {"agent_id": "desk"})
    assert isinstance(system.value, dict)
    assert set(system.value) == {"role", "content_hash", "length"}
    assert CARD not in str(user.value)
    assert user.counts == {"CREDIT_CARD": 1}


def test_a_prompt_is_stored_masked_where_the_registry_says_so() -> None:
    messages: list[Json] = [{"role": "system", "content": f"You help {MAIL}"}]
    (system,) = protection('prompts.agents = { "desk-*" = "stored" }').messages(messages, {"agent_id": "desk-1"})
    assert "You help [EMAIL_ADDRESS:" in str(system.value)

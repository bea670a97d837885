"""Events as a whole: keys that speak for their values, JSON in texts, numbers, failures, counts, and what is kept."""

import importlib.util
import json
import logging
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from tests.unit.redacting import CARD, KEY, kinds, masked, redactor
from unbroken.errors import ConfigurationError, TooLargeError
from unbroken.privacy.redaction.ner import NerSpan
from unbroken.privacy.redaction.presidio import PresidioEngine
from unbroken.privacy.redaction.profiles import BALANCED, HIPAA, OFF, PCI, STRICT, profile_named
from unbroken.privacy.redaction.redactor import Redactor

SENSITIVE = [
    ("ssn", "US_SSN", "anything"),
    ("socialSecurityNumber", "US_SSN", 78051123),
    ("cvv", "CARD_CODE", 123),
    ("card_cvv2", "CARD_CODE", "12"),
    ("pin", "PIN", 1234),
    ("password", "PASSWORD", "x"),
    ("dbPassword", "PASSWORD", "hunter2"),
    ("dob", "DATE_OF_BIRTH", "yesterday"),
    ("patient_date_of_birth", "DATE_OF_BIRTH", "1990"),
    ("first_name", "PERSON", "Mia"),
    ("patientName", "PERSON", "Mia Li"),
    ("customer-last-name", "PERSON", "Li"),
    ("billing_address", "ADDRESS", "somewhere"),
    ("address", "ADDRESS", {"street1": "975 Sunset Drive", "zip": 78750}),
    ("phone", "PHONE_NUMBER", "ask reception"),
    ("mobile_number_2", "PHONE_NUMBER", 12345),
    ("email", "EMAIL_ADDRESS", "on file"),
    ("mrn", "MEDICAL_RECORD", "A1"),
    ("patient_id", "MEDICAL_RECORD", 17),
    ("nhs_number", "HEALTH_PLAN", "12"),
    ("account_number", "BANK_ACCOUNT", "12-3"),
    ("passport_no", "PASSPORT", "X1 2 3 4"),
    ("api_key", "SECRET", "short"),
    ("x-api-key", "SECRET", "short"),
    ("Authorization", "SECRET", "Basic x"),
    ("aws_secret_access_key", "SECRET", "abc"),
    ("access_token", "SECRET", "abc"),
    ("token", "SECRET", "abcdefghijkl"),
]


@pytest.mark.parametrize(("key", "kind", "value"), SENSITIVE)
def test_a_sensitive_key_masks_its_value_whatever_it_is(key: str, kind: str, value: Any) -> None:
    result = masked({key: value})
    assert isinstance(result, dict)
    leaves = list(result[key].values()) if isinstance(value, dict) else [result[key]]
    assert all(str(leaf).startswith("[") and str(leaf).endswith("]") for leaf in leaves)
    assert kind in str(leaves)


def test_children_of_a_sensitive_key_are_masked_each() -> None:
    result = masked({"phone": {"value": "12", "verified": True, "others": ["34", None]}})
    assert result["phone"]["verified"] is True
    assert result["phone"]["others"][1] is None
    assert result["phone"]["value"] != "12"
    assert result["phone"]["others"][0].startswith("[PHONE_NUMBER:k7:")


@pytest.mark.parametrize("label", ["name", "key", "field", "label"])
def test_a_label_beside_a_value_speaks_for_it(label: str) -> None:
    result = masked([{label: "ssn", "value": "none"}, {label: "weather", "value": "none"}])
    assert result[0]["value"].startswith("[US_SSN:k7:")
    assert result[1]["value"] == "none"


def test_keys_of_objects_are_masked_and_stay_apart() -> None:
    result = masked({"jane@example.com": 1, "JANE@example.com": 2, "other": 3})
    assert isinstance(result, dict)
    assert sorted(result.values()) == [1, 2, 3]
    assert not any("@" in key for key in result)


def test_json_in_texts_is_walked_and_written_back() -> None:
    arguments = json.dumps({"user": {"first_name": "Mia", "dob": "1990-04-05"}, "q": "é"})
    result = masked({"arguments": arguments})
    inner = json.loads(result["arguments"])
    assert inner["q"] == "é"
    assert inner["user"]["first_name"].startswith("[PERSON:k7:")
    assert inner["user"]["dob"].startswith("[DATE_OF_BIRTH:k7:")


def test_a_key_that_stands_twice_hides_nothing() -> None:
    assert CARD not in str(masked('{"a": "' + CARD + '", "a": "b"}'))


@pytest.mark.parametrize(
    "text",
    ['{"first_name": "Mia"', "{'ssn': '12'}", 'log {"password":"x y"} end', "<ssn>12</ssn>", "?first_name=Mia&x=1",
     "password=hunter2", "--password hunter2 --x", "DB_PASSWORD=hunter2", "api_key: 'abcd1234efgh'"],
)  # fmt: skip
def test_keys_in_running_text(text: str) -> None:
    result = str(masked(text))
    assert "Mia" not in result
    assert "hunter2" not in result
    assert "'12'" not in result
    assert ">12<" not in result
    assert "x y" not in result
    assert result != text


def test_texts_are_scanned_with_the_parts() -> None:
    result = redactor().redact({"inputs": {"a": 1}}, texts={"resource_id": "patient jane@example.com", "status": "ok"})
    assert result.texts["status"] == "ok"
    assert "jane" not in result.texts["resource_id"]
    assert result.values == {"inputs": {"a": 1}}


def test_counts_and_flags() -> None:
    values: dict[str, Any] = {
        "inputs": f"{CARD} and jane@example.com",
        "outputs": [f"{CARD}", {"mrn": "12"}, "ghp_" + "a1" * 18],
    }
    result = redactor().redact(values)
    assert result.counts == {"CREDIT_CARD": 2, "EMAIL_ADDRESS": 1, "MEDICAL_RECORD": 1, "API_KEY": 1}
    assert result.contains == {"personal", "card", "health", "secret"}
    assert result.withheld == ()
    clean = redactor().redact({"inputs": "nothing"})
    assert (clean.counts, clean.contains) == ({}, frozenset())


def test_inputs_are_not_touched() -> None:
    value = {"a": [f"{CARD}", {"ssn": "12"}]}
    before = json.dumps(value)
    masked(value)
    assert json.dumps(value) == before


# ---- failing ----


class _Broken:
    version = "broken"

    def spans(self, texts: Sequence[str]) -> Sequence[Sequence[NerSpan]]:
        if any("bomb" in text for text in texts):
            raise ValueError("a model may raise anything: " + texts[0])
        return [[NerSpan(0, 4, "PERSON")] if text.startswith("Jane") else [] for text in texts]


def test_what_raises_costs_one_part(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        result = redactor(ner=_Broken()).redact({"inputs": "a bomb 4012", "outputs": "Jane came", "details": None})
    assert result.withheld == ("inputs",)
    assert str(result.values["inputs"]).startswith("[UNSCANNED:k7:")
    assert str(result.values["outputs"]).startswith("[PERSON:k7:")
    assert result.counts == {"UNSCANNED": 1, "PERSON": 1}
    assert "4012" not in caplog.text


def test_what_is_too_large_or_takes_too_long_is_withheld() -> None:
    small = redactor(most_letters=1000)
    result = small.redact({"inputs": "x" * 2000, "outputs": "fine"}, texts={"status": "y" * 2000})
    assert result.withheld == ("inputs", "status")
    assert result.values["outputs"] == "fine"
    assert redactor(seconds=-1.0).redact({"inputs": "fine"}).withheld == ("inputs",)
    with pytest.raises(TooLargeError) as caught:
        small.explain("secret " * 1000)
    assert "secret" not in str(caught.value)


def test_a_part_and_a_text_of_one_name_are_both_withheld() -> None:
    result = redactor(most_letters=10).redact({"a": "x" * 20}, texts={"a": "y" * 20})
    assert str(result.values["a"]).startswith("[UNSCANNED")
    assert result.texts["a"].startswith("[UNSCANNED")


def test_nothing_of_a_value_stands_in_a_repr() -> None:
    hit = redactor().explain(f"card {CARD}")[0]
    assert CARD not in repr(hit)
    assert hit.masked == "40… (16)"
    assert "secret" not in repr(KEY).lower().replace("secret=", "")
    assert CARD[2:] not in repr(redactor())


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, -4012888888881881, 10**400, 1e300, True, None, "", [], {}]
)
def test_odd_values_are_taken(value: Any) -> None:
    result = redactor().redact({"a": value, "b": {"ssn": value}})
    assert result.withheld == () or value == 10**400
    assert "8888" not in str(result.values)


# ---- profiles ----


def test_profiles_differ_in_what_is_bare() -> None:
    value = {
        "note": "reference 48291374 and AB12CD34",
        "order_id": 48291374,
        "created_at": "2024-05-20T13:45:12.123456Z",
    }
    assert kinds(value, BALANCED) == set()
    assert kinds(value, STRICT) == {"NUMBER", "IDENTIFIER"}
    strict = masked(value, STRICT)
    assert strict["order_id"] == 48291374
    assert strict["created_at"] == value["created_at"]


def test_deny_by_default_masks_short_values_under_unknown_keys() -> None:
    value = {"nickel": "Jane", "status": "ok", "amount": 12, "summary": "the visit went well and nothing was found"}
    for profile in (HIPAA, PCI):
        result = masked(value, profile)
        assert result["nickel"].startswith("[VALUE:k7:")
        assert result["status"] == "ok"
        assert result["summary"] == value["summary"]


def test_safe_harbor_masks_dates_and_urls() -> None:
    text = "seen on 2024-05-20 at https://example.com/a/b and discharged May 22, 2024"
    assert {"DATE", "URL"} <= kinds(text, HIPAA)
    assert kinds(text, BALANCED) == set()


def test_off_changes_nothing() -> None:
    result = redactor(OFF).redact({"a": CARD})
    assert result.values == {"a": CARD}
    assert redactor(OFF).explain(CARD) == []


def test_the_version_of_the_rules_names_what_changes_them() -> None:
    versions = {redactor(profile).rules_version for profile in (BALANCED, STRICT, HIPAA, PCI)}
    versions.add(redactor(ner=_Broken()).rules_version)
    assert len(versions) == 5
    assert all(version.startswith("unbroken-1+") and len(version) == 19 for version in versions)
    assert Redactor(BALANCED, key=None).rules_version == redactor().rules_version
    assert profile_named("strict") is STRICT


# ---- the Presidio adapter ----


class _Result(NamedTuple):
    start: int
    end: int
    entity_type: str


class _Analyzer:
    """Stands for Presidio's: finds the word Jane."""

    def analyze(self, *, text: str, language: str, entities: list[str], score_threshold: float) -> list[_Result]:
        assert (language, score_threshold) == ("en", 0.5)
        at = text.find("Jane")
        return [_Result(at, at + 4, entities[0])] if at >= 0 else []


def test_the_presidio_adapter_masks_what_its_model_finds() -> None:
    front = redactor(ner=PresidioEngine(analyzer=_Analyzer()))
    result = front.redact({"note": "then Jane called", "other": ["nobody came", 12]})
    assert str(result.values["note"]).startswith("then [PERSON:k7:")
    assert result.values["other"] == ["nobody came", 12]
    assert front.explain("then Jane called")[0].tier == "model"


@pytest.mark.skipif(importlib.util.find_spec("presidio_analyzer") is not None, reason="Presidio is installed")
def test_without_presidio_the_adapter_says_what_to_install() -> None:
    with pytest.raises(ConfigurationError, match="presidio"):
        PresidioEngine()


@pytest.mark.parametrize(
    "text",
    [
        'Error: {"npiNumber": "1817258233"} then',
        "KeyError: {'npiNumber': '1817258233', 'x': 1}",
        "see <npiNumber>1817258233</npiNumber>",
        "https://api.internal/x?npiNumber=1817258233",
        "{'first': 1, 'body': \"{'npiNumber': '1817258233'}\"}",
    ],
)
def test_a_key_of_joined_words_in_running_text_is_context(text: str) -> None:
    assert "1817258233" not in str(masked(text))
    assert masked(text.replace("npiNumber", "itemNumber")) == text.replace("npiNumber", "itemNumber")

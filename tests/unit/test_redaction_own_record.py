"""What an agent's record is made of stays under every profile; what people could be known by doesn't."""

import json
import random
import uuid
from typing import Any

import pytest

from tests.unit.redacting import found, masked
from unbroken.privacy.redaction.profiles import BALANCED, HIPAA, PCI, STRICT, Profile

_MADE = random.Random(12)  # noqa: S311 - any ids do
PROFILES = [BALANCED, STRICT, HIPAA, PCI]


def hashed() -> str:
    return _MADE.randbytes(32).hex()


def identifier() -> str:
    return str(uuid.UUID(bytes=_MADE.randbytes(16), version=4))


def record() -> dict[str, Any]:
    """Everything in an entry that is no text of a caller's."""
    return {
        "event": {
            "actor_id": f"p-{_MADE.randbytes(16).hex()}",
            "subjects": [f"p-{_MADE.randbytes(16).hex()}"],
            "resource_id": f"p-{_MADE.randbytes(16).hex()}",
            "id": identifier(),
            "parent_id": identifier(),
            "recorder": identifier(),
            "session_id": identifier(),
            "recorder_seq": _MADE.randrange(10**12),
            "ts": "2026-11-21T22:58:01.123456Z",
            "inputs": hashed(),
            "outputs": hashed(),
            "details": hashed(),
            "original": hashed(),
            "prompt_hash": f"k1:{hashed()}",
            "decision": {
                "request": identifier(),
                "arguments_hash": f"k1:{hashed()}",
                "at": "2026-11-21T22:58:01.000001Z",
            },
            "span_id": _MADE.randbytes(8).hex(),
            "trace_id": _MADE.randbytes(16).hex(),
            "cost_usd": "0.001234567",
            "input_tokens": 1234567,
            "capture": "enforced",
            "classification": "restricted",
            "domains": ["gdpr", "hipaa"],
            "redactions": ["EMAIL_ADDRESS:2"],
            "rules": "unbroken-1+0a1b2c3d",
            "agent_id": "triage-7",
            "agent_version": "3.12.4",
        },
        "prev_hash": hashed(),
        "hash": hashed(),
        "head": f"1234567:{hashed()}",
        "recorded_at": "2026-11-21T22:58:01.223456Z",
        "seq": 1234567,
        "session_seq": 123456,
        "payload": {"inputs": {"salt": hashed()}},
    }


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_record_stays_whole(profile: Profile) -> None:
    for _ in range(20):
        value = record()
        assert found(value, profile) == []
        assert masked(json.dumps(value), profile) == json.dumps(value)


@pytest.mark.parametrize("profile", [STRICT, HIPAA, PCI], ids=lambda profile: profile.name)
def test_the_same_forms_below_other_keys_are_masked(profile: Profile) -> None:
    for value in ({"employee": identifier()}, {"device": hashed()}, {"ref": "AB12345"}, {"patient_no": 1234567}):
        assert found(value, profile)


@pytest.mark.parametrize("profile", [STRICT, HIPAA, PCI], ids=lambda profile: profile.name)
def test_other_values_below_the_records_keys_are_masked(profile: Profile) -> None:
    for value in (
        {"inputs": "AB1234567"},
        {"original": "44012888"},
        {"request": "case 4711007"},
        {"head": "X99 12345"},
    ):
        assert found(value, profile)


def test_hipaa_masks_dates_and_times_that_are_not_the_records_own() -> None:
    for value in (
        {"admitted_at": "2026-11-21T22:58:01.123456Z"},
        {"recorded_at": "2026-11-21T22:58:01Z"},
        {"ts": "2026-11-21"},
        {"created_at": "2026-11-21 22:58"},
    ):
        assert [kind for kind, _ in found(value, HIPAA)] == ["DATE"]


def test_a_uuid_is_masked_whole() -> None:
    one = identifier()
    assert found(f"see {one} there", STRICT) == [("IDENTIFIER", one)]


def test_a_sessions_id_is_masked_where_it_could_be_a_login() -> None:
    assert found({"session_id": identifier()}) == []
    assert found({"session_id": "s-12"}) == []
    assert found({"session_id": _MADE.randbytes(16).hex()}) != []
    assert found({"session_token": identifier()}) != []

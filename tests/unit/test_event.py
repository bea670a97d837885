"""Events: the closed shape, and errors that name the field and never its value."""

import datetime as dt
import traceback
from typing import Any

import msgspec
import pytest
import rfc8785

from tests.plain import draft
from unbroken.core.canonical import canonical
from unbroken.core.event import Decision, Event, encode_event, make_event, read_event
from unbroken.core.ids import is_id, new_id
from unbroken.errors import InvalidEventError
from unbroken.ledger.draft import MAX_PART_BYTES

BASE: dict[str, Any] = {
    "event_type": "request",
    "actor_id": "u-1",
    "actor_type": "user",
    "id": "0193f1f8-1111-7111-8111-111111111111",
    "ts": dt.datetime(2026, 5, 15, 12, 0, tzinfo=dt.UTC),
}


def test_an_event_prints_its_canonical_text() -> None:
    event = make_event(**BASE, subjects=["b", "a", "b"], side_effect=False, input_tokens=0, model='gpt "é"\n')
    text = encode_event(event)
    assert text == rfc8785.dumps(msgspec.json.decode(text))
    assert msgspec.json.decode(text)["subjects"] == ["a", "b"]
    assert read_event(text) == event


def test_the_attributes_stand_in_canonical_order() -> None:
    assert list(Event.__struct_fields__) == sorted(Event.__struct_fields__)
    assert list(Decision.__struct_fields__) == sorted(Decision.__struct_fields__)


def test_synonyms_are_taken_as_input() -> None:
    assert make_event(**(BASE | {"event_type": "tool_invoked"})).event_type == "tool_call"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"event_type": "no_such"}, "event_type"),
        ({"event_type": "log.disposed"}, "event_type"),
        ({"actor_id": None}, "actor_id"),
        ({"actor_id": ""}, "actor_id"),
        ({"actor_type": "robot"}, "actor_type"),
        ({"tool": 7}, "tool"),
        ({"colour": "red"}, "colour"),
        ({"tool": "a\x00b"}, "tool"),
        ({"session_id": "\ud800"}, "session_id"),
        ({"input_tokens": -1}, "input_tokens"),
        ({"input_tokens": 2**53}, "input_tokens"),
        ({"latency_ms": 1.5}, "latency_ms"),
        ({"id": BASE["id"].upper().replace("1111-7", "ABCD-7")}, "id"),
        ({"ts": dt.datetime(2026, 5, 15, 12, 0)}, "time zone"),  # noqa: DTZ001
        ({"ts": "2026-02-30T00:00:00.000000Z"}, "ts"),
        ({"prompt_hash": "k1:short"}, "prompt_hash"),
        ({"cost_usd": "1e3"}, "cost_usd"),
        ({"trace_id": "F" * 32}, "trace_id"),
        ({"decision": {}}, "decision"),
        ({"decision": {"at": "yesterday"}}, "at"),
        ({"scope": ["a", 3]}, "scope"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidEventError, match=named):
        make_event(**(BASE | change))


MARKER = "alice" + "@example.com"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"tool": f"{MARKER}\x00"}, "tool"),
        ({"event_type": MARKER}, "event_type is none of access_granted, "),
        ({"event_type": [MARKER]}, "event_type"),
        ({"actor_type": MARKER}, "actor_type is none of user, agent, admin, system"),
        ({"actor_type": [MARKER]}, "actor_type"),
        ({"capture": MARKER}, "capture is none of enforced, observed, imported"),
        ({"classification": MARKER}, "classification is none of public, "),
        ({"input_tokens": MARKER}, "input_tokens"),
        ({"side_effect": MARKER}, "side_effect"),
        ({"scope": {MARKER: 1}}, "scope"),
        ({"subjects": [MARKER, 1]}, "subjects"),
        ({"decision": MARKER}, "decision"),
        ({"decision": {MARKER: 1}}, "decision has other fields than arguments_hash, "),
        ({"decision": {"at": MARKER}}, "at"),
        ({"ts": MARKER}, "ts"),
        ({"cost_usd": MARKER}, "cost_usd"),
        ({"parent_id": MARKER}, "parent_id"),
        ({MARKER: 1}, "a field's name"),
        ({"actor_name": MARKER}, "no field actor_name"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_errors_do_not_quote_values(change: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidEventError, match=named) as caught:
        make_event(**(BASE | change))
    assert MARKER not in _traceback(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize("field", ["actor_type", MARKER, "input_tokens", "parent_id"])
def test_errors_of_reading_do_not_quote_values(field: str) -> None:
    text = rfc8785.dumps(msgspec.to_builtins(make_event(**BASE)) | {field: MARKER})
    with pytest.raises(InvalidEventError) as caught:
        read_event(text)
    assert MARKER not in _traceback(caught.value)


@pytest.mark.parametrize("number", [2**53 + 4711, -(2**60) - 4711])
def test_a_value_without_a_canonical_form_is_not_quoted(number: int) -> None:
    with pytest.raises(InvalidEventError) as caught:
        canonical({"é": number})
    assert str(number) not in _traceback(caught.value)


def _traceback(error: BaseException) -> str:
    """All that a logger would write, but for the lines of source, which a test has its values in."""
    return "".join(
        line for line in traceback.format_exception(error) if not line.startswith("  File") and "^^^" not in line
    )


def test_a_draft_gets_an_id_and_a_time_and_commits_to_its_parts() -> None:
    made = draft("request", actor_id="u", actor_type="user", inputs={"b": 1, "a": None}, outputs=None)
    assert is_id(made.event.id)
    assert made.parts["inputs"].value == b'{"a":null,"b":1}'
    assert made.parts["outputs"].value == b"null"
    assert made.event.details is None
    assert made.parts["inputs"].salt != made.parts["outputs"].salt


def test_a_draft_over_the_limit_says_by_how_much() -> None:
    with pytest.raises(InvalidEventError, match=f"inputs is {MAX_PART_BYTES + 3} bytes"):
        draft("request", actor_id="u", actor_type="user", inputs="x" * (MAX_PART_BYTES + 1))
    with pytest.raises(InvalidEventError, match="actor_id is longer"):
        draft("request", actor_id="u" * 1025, actor_type="user")


def test_ids_are_version_7_and_differ() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(event_id[14] == "7" and event_id[19] in "89ab" for event_id in ids)

"""A record of a transcript is understood as a conversation, or refused with a reason."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from unbroken.capture.chat_files import Broken
from unbroken.capture.chat_record import Conversation, read_conversations

HELLO = {"role": "user", "content": "hello"}
CHANGED = 1_700_000_000


def read(folder: Path, *records: object) -> list[Conversation | Broken]:
    path = folder / "chat.jsonl"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    os.utime(path, (CHANGED, CHANGED))
    return list(read_conversations(path))


def understood(folder: Path, *records: object) -> list[Conversation]:
    found = read(folder, *records)
    assert all(isinstance(item, Conversation) for item in found), found
    return [item for item in found if isinstance(item, Conversation)]


def call(name: object = "lookup", arguments: object = "{}", **rest: object) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"role": "assistant", "content": None, "tool_calls": [{"function": function, "type": "function", **rest}]}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"traj": []}, "no messages"),
        ({"messages": "hello"}, "no messages"),
        ({"prompt": "hello"}, "no messages"),
        ("hello", "no messages"),
        (None, "no messages"),
        ({"messages": [HELLO, {"content": "Gregory"}]}, "message 2 has no role"),
        ({"messages": ["Gregory"]}, "message 1 has no role"),
        ({"messages": [{"role": "Gregory", "content": ""}]}, "role other than"),
        ({"messages": [call(name=None)]}, "names no function"),
        ({"messages": [call(name="")]}, "names no function"),
        ({"messages": [{"role": "assistant", "tool_calls": ["Gregory"]}]}, "names no function"),
        ({"messages": [{"role": "assistant", "tool_calls": "Gregory"}]}, "not an array"),
    ],
)
def test_a_broken_record_is_refused_and_the_next_one_read(tmp_path: Path, record: object, reason: str) -> None:
    broken, good = read(tmp_path, record, [HELLO])
    assert isinstance(broken, Broken)
    assert broken.place.line == 1
    assert reason in broken.reason
    assert "Gregory" not in broken.reason
    assert isinstance(good, Conversation)


def test_nesting_beyond_what_the_log_holds_breaks_the_record_only(tmp_path: Path) -> None:
    deep: object = "end"
    for _ in range(100):
        deep = [deep]
    broken, good = read(tmp_path, [{"role": "user", "content": deep}], [HELLO])
    assert isinstance(broken, Broken)
    assert isinstance(good, Conversation)


def test_arguments_are_parsed_where_they_are_json(tmp_path: Path) -> None:
    texts = ['{"a": 1}', "not json", "", "[" * 50_000, '{"n": NaN}', {"already": "parsed"}]
    (found,) = understood(tmp_path, [call(arguments=text) for text in texts])
    arguments = [message.calls[0].arguments for message in found.messages]
    assert arguments == [{"a": 1}, "not json", "", "[" * 50_000, {"n": "NaN"}, {"already": "parsed"}]


def test_the_older_function_call_is_a_call_without_an_id(tmp_path: Path) -> None:
    message = {"role": "assistant", "content": None, "function_call": {"name": "lookup", "arguments": "{}"}}
    (found,) = understood(tmp_path, [message])
    assert [(made.call_id, made.tool) for made in found.messages[0].calls] == [(None, "lookup")]


@pytest.mark.parametrize(
    "rest",
    [
        {"user_id": "anna"},
        {"user": "anna"},
        {"metadata": {"user_id": "anna"}},
        {"info": {"task": {"user_id": "anna"}}},
    ],
)
def test_the_user_is_taken_from_where_records_state_it(tmp_path: Path, rest: dict[str, Any]) -> None:
    (found,) = understood(tmp_path, {"messages": [HELLO], **rest})
    assert found.user == "anna"
    assert "anna" not in str(found.rest)


def test_who_is_not_stated_as_text_is_not_stated(tmp_path: Path) -> None:
    (found,) = understood(tmp_path, {"messages": [HELLO], "user": {"name": "anna"}, "id": 7, "model": None})
    assert (found.user, found.model) == (None, None)
    assert found.name is None


def test_a_named_session_keeps_its_name(tmp_path: Path) -> None:
    first, second = understood(
        tmp_path, {"messages": [HELLO], "id": "x", "session_id": "s-1"}, {"messages": [HELLO], "id": "x"}
    )
    assert (first.name, second.name) == ("s-1", "x")


def test_equal_records_of_one_file_are_different_conversations(tmp_path: Path) -> None:
    first, other, second = understood(tmp_path, [HELLO], [HELLO, HELLO], [HELLO])
    assert len({first.identity, second.identity, other.identity}) == 3
    assert (first.occurrence, second.occurrence, other.occurrence) == (1, 2, 1)


def test_identity_does_not_depend_on_the_place_or_the_order_of_keys(tmp_path: Path) -> None:
    (alone,) = understood(tmp_path, {"messages": [HELLO], "a": 1})
    _, behind = understood(tmp_path, [HELLO], {"a": 1, "messages": [{"content": "hello", "role": "user"}]})
    assert alone.identity == behind.identity


def test_digests_cover_what_was_said_before(tmp_path: Path) -> None:
    bye = {"role": "user", "content": "bye"}
    first, second = understood(tmp_path, [HELLO, HELLO], [bye, HELLO])
    digests = [message.digest for message in (*first.messages, *second.messages)]
    assert len(set(digests)) == 4


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (1_600_000_000, datetime.fromtimestamp(1_600_000_000, UTC)),
        (1_600_000_000.5, datetime.fromtimestamp(1_600_000_000.5, UTC)),
        (1_600_000_000_250, datetime.fromtimestamp(1_600_000_000.25, UTC)),
        ("2020-09-13T14:26:40+02:00", datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)),
        ("2020-09-13T12:26:40Z", datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)),
        ("2020-09-13T12:26:40", None),
        ("yesterday", None),
        (10**300, None),
        (-5, None),
        (True, None),
        ({"at": 1}, None),
    ],
)
def test_times_are_what_the_record_says_or_when_the_file_changed(
    tmp_path: Path, stated: object, expected: datetime | None
) -> None:
    (by_record,) = understood(tmp_path, {"messages": [HELLO], "created": stated})
    (by_message,) = understood(tmp_path, [{**HELLO, "timestamp": stated}, HELLO])
    at = expected or datetime.fromtimestamp(CHANGED, UTC)
    assert by_record.messages[0].at == at
    assert [message.at for message in by_message.messages] == [at, at]

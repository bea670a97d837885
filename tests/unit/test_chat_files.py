"""Files of transcripts are cut into records, and what can't be read is named by its place."""

import json
from pathlib import Path

import pytest

from unbroken.capture import chat_files
from unbroken.capture.chat_files import Broken, Place, Record, read_records
from unbroken.errors import ConfigurationError, TooLargeError

HELLO = {"role": "user", "content": "hello"}
CONVERSATION = {"messages": [HELLO]}


def read(folder: Path, text: str | bytes, name: str = "chat.json") -> list[Record | Broken]:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_records(path))


def values(found: list[Record | Broken]) -> list[object]:
    assert all(isinstance(record, Record) for record in found), found
    return [record.value for record in found if isinstance(record, Record)]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ([CONVERSATION, CONVERSATION], [CONVERSATION, CONVERSATION]),
        ([[HELLO], [HELLO, HELLO]], [[HELLO], [HELLO, HELLO]]),
        ([HELLO, HELLO], [[HELLO, HELLO]]),
        (CONVERSATION, [CONVERSATION]),
        ([CONVERSATION], [CONVERSATION]),
        ([], []),
    ],
)
def test_each_shape_of_json_gives_its_conversations(
    tmp_path: Path, document: object, expected: list[object], indent: int | None
) -> None:
    assert values(read(tmp_path, json.dumps(document, indent=indent))) == expected


@pytest.mark.parametrize("name", ["chat.jsonl", "chat.ndjson", "chat.json"])
def test_lines_are_known_by_suffix_and_by_content(tmp_path: Path, name: str) -> None:
    text = f"{json.dumps(CONVERSATION)}\n\n{json.dumps([HELLO])}\n{json.dumps([CONVERSATION, [HELLO]])}\n"
    found = read(tmp_path, text, name)
    assert values(found) == [CONVERSATION, [HELLO], CONVERSATION, [HELLO]]
    file = str(tmp_path / name)
    assert [record.place for record in found] == [Place(file, 1), Place(file, 3), Place(file, 4, 1), Place(file, 4, 2)]


def test_an_array_with_one_item_to_a_line_is_not_json_lines(tmp_path: Path) -> None:
    item = json.dumps(CONVERSATION)
    assert values(read(tmp_path, f"[\n{item}\n]\n")) == [CONVERSATION]
    assert values(read(tmp_path, f"[{item},\n{item},\n{item}]")) == [CONVERSATION] * 3


@pytest.mark.parametrize("bad", ['{"messages": [', "nonsense", '{"a": 1} {"b": 2}', "\x00", '"\x01"'])
@pytest.mark.parametrize("name", ["chat.jsonl", "chat.txt"])
def test_a_broken_line_is_named_and_the_others_are_read(tmp_path: Path, bad: str, name: str) -> None:
    good = json.dumps(CONVERSATION)
    first, second, third = read(tmp_path, f"{bad}\n{good}\n{good}", name)
    assert isinstance(first, Broken)
    assert first.place == Place(str(tmp_path / name), 1)
    assert values([second, third]) == [CONVERSATION, CONVERSATION]


def test_reasons_quote_nothing_of_the_text(tmp_path: Path) -> None:
    lines = ['{"name": "Gregory", oops', '"Gregory', "9" * 5000, "[" * 100_000 + "Gregory"]
    lines.append('{"a": "Gregory \\q"}')
    found = read(tmp_path, "\n".join(lines) + "\n", "chat.jsonl")
    assert len(found) == len(lines)
    for broken in found:
        assert isinstance(broken, Broken)
        assert "Gregory" not in broken.reason
        assert "999" not in broken.reason


def test_text_that_is_not_utf8_is_broken_line_by_line(tmp_path: Path) -> None:
    first, second = read(tmp_path, b'{"a": "\xff"}\n' + json.dumps(CONVERSATION).encode(), "chat.jsonl")
    assert isinstance(first, Broken)
    assert "UTF-8" in first.reason
    assert values([second]) == [CONVERSATION]
    (whole,) = read(tmp_path, b'[{"a": "\xff"}]')
    assert isinstance(whole, Broken)


def test_items_before_a_fault_in_an_array_are_read(tmp_path: Path) -> None:
    text = json.dumps([CONVERSATION, CONVERSATION])[:-1]
    for ending in ('{"cut', ", nonsense", "}", "", ',{"a":}]'):
        *good, broken = read(tmp_path, text + ending)
        assert values(good) == [CONVERSATION, CONVERSATION]
        assert isinstance(broken, Broken)
        assert broken.place.item == 3


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + json.dumps([CONVERSATION]).encode()
    assert values(read(tmp_path, data)) == [CONVERSATION]
    assert values(read(tmp_path, data, "chat.jsonl")) == [CONVERSATION]


def test_a_line_over_the_limit_is_left_out_without_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_files, "MAX_LINE_BYTES", 100)
    good, long = json.dumps(CONVERSATION), json.dumps("x" * 1000)
    first, second, third = read(tmp_path, f"{good}\n{long}\n{good}\n", "chat.jsonl")
    assert isinstance(second, Broken)
    assert second.place.line == 2
    assert values([first, third]) == [CONVERSATION, CONVERSATION]


def test_one_json_text_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_files, "MAX_FILE_BYTES", 100)
    with pytest.raises(TooLargeError, match="JSON Lines"):
        read(tmp_path, json.dumps([CONVERSATION] * 10))


def test_a_file_that_is_not_there_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="absent"):
        list(read_records(tmp_path / "absent.json"))


def test_what_was_consumed_grows_to_the_file_size(tmp_path: Path) -> None:
    for text, name in ((json.dumps([CONVERSATION] * 3), "a.json"), (f"{json.dumps(CONVERSATION)}\n" * 3, "a.jsonl")):
        consumed = [record.consumed for record in read(tmp_path, text, name) if isinstance(record, Record)]
        assert consumed == sorted(consumed)
        assert 0 < consumed[0] < consumed[-1] <= len(text)
        assert consumed[-1] >= len(text) - 1


def test_places_read_as_text() -> None:
    assert str(Place("a.json")) == "a.json"
    assert str(Place("a.jsonl", 3, 2)) == "a.jsonl, line 3, item 2"

"""What ``unbroken.append`` lets in and what it refuses, tried by the writer login with texts made by hand."""

import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import psycopg
import pytest
import rfc8785
from psycopg import sql

from tests.conftest import LOG, Database, Server, add_log, plant_grants
from tests.database import raw
from tests.database.raw import MARKER, SALT, TS, Connection, Sent, append, call, columns_of, fields, sent, text_of
from unbroken.core.entry import Head, hash_of
from unbroken.core.event import EVENT_TYPES
from unbroken.store import administration

TEXTS = (
    "actor_id",
    "agent_id",
    "agent_name",
    "agent_version",
    "call_id",
    "cost_source",
    "model",
    "purpose",
    "recipient",
    "resource_id",
    "resource_type",
    "rules",
    "session_id",
    "source_address",
    "status",
    "tool",
    "turn_id",
)
LISTS = ("domains", "redactions", "scope", "subjects")
COUNTS = ("input_tokens", "latency_ms", "output_tokens", "recorder_seq")
KEYED = "k1:" + "ab" * 32
UUID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"


@pytest.fixture(scope="module")
def stage(server: Server) -> Iterator[Database]:
    """One database for all refusals: each of them proves that it left nothing behind."""
    with raw.database_on(server) as database, database.connect("writer") as writer:
        append(writer, [sent({"inputs": '{"a":1}'}, session_id="s"), sent()])
        yield database


@pytest.fixture(scope="module")
def shut(stage: Database) -> Iterator[Connection]:
    with stage.connect("writer") as connection:
        yield connection


@pytest.fixture(scope="module")
def hall(server: Server) -> Iterator[Database]:
    """One database for what is accepted: it grows, and must verify after each test."""
    with raw.database_on(server) as database:
        yield database


@pytest.fixture
def guest(hall: Database) -> Iterator[Connection]:
    with hall.connect("writer") as connection:
        yield connection


def base() -> str:
    return text_of(fields())


def having(key: str, value: str) -> str:
    """A valid event's text, but with the JSON text ``value`` under ``key``, which stands in its place in the order."""
    others = {name: text_of({"x": item})[5:-1] for name, item in fields().items()} | {key: value}
    return "{" + ",".join(f'"{name}":{others[name]}' for name in sorted(others)) + "}"


# ---- Texts that are another spelling, or no event at all ----


def forged_entry() -> str:
    line = {"event": fields(), "log": LOG + "~1", "prev_hash": "0" * 64, "recorded_at": TS, "seq": 1, "v": 1}
    return text_of({**line, "writer": "unbroken_owner"})


SPELLINGS: dict[str, Callable[[], str]] = {
    "newline between tokens": lambda: base().replace(',"actor_type"', ',\n"actor_type"'),
    "forged line between newlines": lambda: base().replace(
        ',"actor_type"', f',"agent_id":\n{forged_entry()}\n,"actor_type"'
    ),
    "carriage return": lambda: base().replace(",", ",\r", 1),
    "space after colon": lambda: base().replace(":", ": ", 1),
    "tab before brace": lambda: base()[:-1] + "\t}",
    "space in front": lambda: " " + base(),
    "newline at the end": lambda: base() + "\n",
    "byte order mark": lambda: "\ufeff" + base(),
    "no-break space": lambda: base().replace(",", ",\u00a0", 1),
    "two objects": lambda: base() + base(),
    "object and rubbish": lambda: base() + MARKER,
    "keys out of order": lambda: (
        text_of(fields()).replace('"actor_type":"user",', "").replace("}", ',"actor_type":"user"}')
    ),
    "repeated key": lambda: base().replace("{", '{"actor_id":"alice",', 1),
    "repeated key, same value": lambda: base().replace("{", f'{{"actor_id":"{MARKER}",', 1),
    "repeated key at the end": lambda: base()[:-1] + f',"ts":"{TS}"}}',
    "key repeated by an escape": lambda: base().replace("{", '{"actor\\u005fid":"alice",', 1),
    "escaped key": lambda: base().replace('"actor_id"', '"actor\\u005fid"'),
    "escaped letter": lambda: having("actor_id", '"\\u0061bc"'),
    "escaped slash": lambda: having("actor_id", '"a\\/b"'),
    "escaped delete": lambda: having("actor_id", '"a\\u007f"'),
    "escaped accent": lambda: having("actor_id", '"\\u00e9"'),
    "escaped pair": lambda: having("actor_id", '"\\ud83d\\ude00"'),
    "upper-case escape": lambda: having("actor_id", '"\\u001F"'),
    "long escape of tab": lambda: having("actor_id", '"\\u0009"'),
    "bare control character": lambda: having("actor_id", '"a\x01"'),
    "bare tab": lambda: having("actor_id", '"a\tb"'),
    "NUL": lambda: having("actor_id", '"a\\u0000b"'),
    "NUL in a list": lambda: having("domains", '["a\\u0000b"]'),
    "NUL in a decision": lambda: having("decision", '{"by":"a\\u0000b"}'),
    "NUL in an unknown key": lambda: having("zz\\u0000", '"x"'),
    "high surrogate": lambda: having("actor_id", '"\\ud800"'),
    "low surrogate": lambda: having("actor_id", '"\\udc00"'),
    "surrogates the wrong way round": lambda: having("actor_id", '"\\udc00\\ud800"'),
    "high surrogate in a list": lambda: having("subjects", '["\\ud800x"]'),
    "unknown key": lambda: having("extra", f'"{MARKER}"'),
    "unknown key, null": lambda: having("extra", "null"),
    "empty key": lambda: having("", f'"{MARKER}"'),
    "key in another case": lambda: having("Actor_id", '"x"'),
    "key of the line": lambda: having("writer", '"unbroken_owner"'),
    "known key, null": lambda: having("agent_id", "null"),
    "infinite number under an unknown key": lambda: having("extra", "1e999"),
    "no JSON": lambda: MARKER,
    "nothing": lambda: "",
    "null": lambda: "null",
    "a list": lambda: f"[{base()}]",
    "a text": lambda: f'"{MARKER}"',
    "a number": lambda: "1",
    "empty object": lambda: "{}",
    "cut off": lambda: base()[:-1],
    "cut off in a text": lambda: base()[:20],
    "comma at the end": lambda: base()[:-1] + ",}",
    "comment": lambda: base()[:-1] + "/**/}",
    "single quotes": lambda: base().replace('"', "'"),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_another_spelling_is_refused(stage: Database, shut: Connection, spell: Callable[[], str]) -> None:
    raw.refused(stage, shut, [Sent(spell())])


@pytest.mark.parametrize("depth", [2, 65, 1200, 3000, 6000, 100_000])
@pytest.mark.parametrize("key", ["actor_id", "decision", "domains", "extra"])
def test_a_nested_event_is_refused(stage: Database, shut: Connection, key: str, depth: int) -> None:
    raw.refused(stage, shut, [Sent(having(key, "[" * depth + "]" * depth))])
    raw.refused(stage, shut, [Sent(having(key, '{"by":' * depth + "1" + "}" * depth))])


# ---- Values of a wrong type or form ----


def wrong_values() -> Iterator[tuple[str, str]]:
    for key in TEXTS:
        yield from ((key, value) for value in ('""', "null", "1", "true", "[]", "{}", '["x"]'))
    for key in COUNTS:
        yield from (
            (key, value)
            for value in (
                "1.0",
                "1.5",
                "1e2",
                "1e999",
                "1E2",
                "-1",
                "-0",
                "-0.0",
                "01",
                "+1",
                "00",
                "0x1",
                "1.",
                ".5",
                "NaN",
                "Infinity",
            )
        )
        yield from ((key, str(number)) for number in (2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**400))
        yield from ((key, value) for value in ('"1"', '""', "true", "null", "[1]", "{}"))
    for key in LISTS:
        yield from (
            (key, value) for value in ("[]", '[""]', '["a",""]', "[null]", '["a",null]', "null", '"a"', '"{a,b}"')
        )
        yield from ((key, value) for value in ('[["a"]]', '[["a"],["b"]]', '[["a","b"]]', "[[]]", '["a",["b"]]', "{}"))
        yield from ((key, value) for value in ('["b","a"]', '["a","a"]', '["a","B"]', '["é","z"]', '["a","A"]'))
        yield from ((key, value) for value in ("[1]", "[true]", '[{"a":"b"}]', '"[1:1]={a}"', '["a", "b"]'))
        # UTF-16 puts the second of these before the first.
        yield key, '["\U00010000","\ue000"]'
    yield from (
        ("side_effect", value) for value in ("1", "0", '"true"', '"t"', "null", "True", "[]", "{}", '""', '"yes"')
    )
    for key in ("actor_type", "capture", "classification"):
        yield from (
            (key, value) for value in ('"other"', '""', "null", "1", '"User"', '"user "', '"public\\n"', '["user"]')
        )
    for key in ("id", "parent_id", "recorder"):
        yield from (
            (key, f'"{value}"') for value in (UUID.upper(), UUID[:-1], UUID + "0", "{" + UUID + "}", "urn:uuid:" + UUID)
        )
        yield from (
            (key, f'"{value}"') for value in (UUID.replace("-", ""), " " + UUID, UUID + " ", "x", "", "g" + UUID[1:])
        )
        yield from ((key, value) for value in ("null", "1", "[]", "{}"))
    for value in ("ab" * 32, "k:" + "ab" * 32, "k1:" + "AB" * 32, "k1:" + "ab" * 31, KEYED + "0", "K1:" + "ab" * 32):
        yield "prompt_hash", f'"{value}"'
        yield "decision", f'{{"arguments_hash":"{value}"}}'
    for value in ("k" + "1" * 17 + ":" + "ab" * 32, " " + KEYED, KEYED + "\\n", "k_:" + "ab" * 32, ""):
        yield "prompt_hash", f'"{value}"'
    yield from (
        ("trace_id", f'"{value}"') for value in ("ab" * 15, "ab" * 17, "AB" * 16, "ab" * 16 + "\\n", "xy" * 16, "")
    )
    yield from (("span_id", f'"{value}"') for value in ("ab" * 7, "ab" * 9, "AB" * 8, "ab" * 8 + "\\n", "xy" * 8, ""))
    yield from (
        ("cost_usd", f'"{value}"')
        for value in ("01", "1.", ".5", "-1", "+1", "1e3", "1,5", "NaN", "Infinity", "0x1", "1.5.2", "\u0661")
    )
    yield from (("cost_usd", value) for value in ('"1\\n"', '" 1"', '""', "1", "1.5", "null"))
    yield from (
        ("event_type", f'"{kind}"')
        for kind in ("log.read", "log.disposed", "log.erased", "log.x", "log", "log.", "LOG.read")
    )
    yield from (
        ("event_type", f'"{kind}"')
        for kind in ("unknown", "Request", "tool_invoked", "user_message_received", "request.x")
    )
    yield from (("event_type", value) for value in ('""', "null", "1", '" request"', '"request\\n"', '["request"]'))
    yield from (
        ("decision", value) for value in ("{}", "null", '""', '"(,,,,,)"', '"x"', "1", "[]", '[{"by":"x"}]', "true")
    )
    yield from (
        ("decision", f'{{"{key}":""}}') for key in ("by", "outcome", "policy", "at", "request", "arguments_hash")
    )
    yield from (("decision", f'{{"{key}":null}}') for key in ("by", "outcome", "policy", "at", "request"))
    yield from (("decision", f'{{"{key}":1}}') for key in ("by", "outcome", "policy", "at", "request"))
    yield from (
        ("decision", value)
        for value in (
            f'{{"by":"x","reason":"{MARKER}"}}',
            '{"outcome":"approved","by":"x"}',
            '{"by":"x","by":"y"}',
            '{"by": "x"}',
            '{"by":"\\u0078"}',
            '{"by":{"x":"y"}}',
            '{"by":["x"]}',
            f'{{"request":"{UUID.upper()}"}}',
            '{"at":"2026-03-01T09:00:00Z"}',
            '{"at":"2026-02-30T09:00:00.000000Z"}',
        )
    )
    for value in BAD_TIMES:
        yield "ts", f'"{value}"'
        yield "decision", f'{{"at":"{value}"}}'
    yield from (("ts", value) for value in ("null", "1772355600", "[]", "{}"))
    for key in ("inputs", "outputs", "details"):
        yield from ((key, value) for value in (f'"{"ab" * 32}"', f'"{"AB" * 32}"', '""', "null", "1", "[]", "{}"))
    yield "original", f'"{"ab" * 32}"'
    yield "original", f'"{"AB" * 32}"'


BAD_TIMES = (
    "2026-03-01T09:00:00.00000Z",
    "2026-03-01T09:00:00.0000000Z",
    "2026-03-01T09:00:00Z",
    "2026-03-01T09:00:00.000000",
    "2026-03-01T09:00:00.000000z",
    "2026-03-01t09:00:00.000000Z",
    "2026-03-01 09:00:00.000000Z",
    "2026-03-01T09:00:00,000000Z",
    "2026-03-01T09:00:00.000000+00:00",
    "2026-03-01T09:00:00.0000+02",
    "2026-03-01T09:00:00.00+02:00",
    "2026-03-01T09:00:00.000 UTC",
    "2026-02-29T09:00:00.000000Z",
    "2026-02-30T09:00:00.000000Z",
    "2026-04-31T09:00:00.000000Z",
    "2026-13-01T09:00:00.000000Z",
    "2026-00-01T09:00:00.000000Z",
    "2026-03-00T09:00:00.000000Z",
    "2026-03-01T24:00:00.000000Z",
    "2026-03-01T25:00:00.000000Z",
    "2026-03-01T09:60:00.000000Z",
    "2026-03-01T23:59:60.000000Z",
    "2026-03-01T09:00:60.000000Z",
    "0000-03-01T09:00:00.000000Z",
    "-001-03-01T09:00:00.000000Z",
    "12026-03-01T09:00:00.00000Z",
    "+2026-03-01T09:00:00.00000Z",
    "2026-03-01T09:00:00.0000 BC",
    "2026-060T09:00:00.00000000Z",
    "2026-W09-7T09:00:00.000000Z",
    "\uff12026-03-01T09:00:00.000000Z",
    "2026-03-01T09:00:00.000000Z ",
    " 2026-03-01T09:00:00.00000Z",
    "infinity",
    "-infinity",
    "now",
    "today",
    "epoch",
    "allballs",
    "",
)


@pytest.mark.parametrize("key", sorted({key for key, _ in wrong_values()}))
def test_a_value_of_a_wrong_type_or_form_is_refused(stage: Database, shut: Connection, key: str) -> None:
    values = [value for name, value in wrong_values() if name == key]
    assert values
    for value in values:
        raw.refused(stage, shut, [Sent(having(key, value))])


@pytest.mark.parametrize("key", ["actor_id", "actor_type", "event_type", "id", "ts"])
def test_an_event_without_a_required_key_is_refused(stage: Database, shut: Connection, key: str) -> None:
    raw.refused(stage, shut, [Sent(text_of(fields(**{key: None})))])


# ---- Payloads ----


def with_parts(parts: dict[str, tuple[str | None, bytes | None]], **given: Any) -> Sent:
    return Sent(text_of(fields(**given)), parts)


VALUE = json.dumps(MARKER)
HASH = raw.commitment(VALUE)
PAYLOADS: dict[str, Callable[[], Sent]] = {
    "another value": lambda: with_parts({"inputs": ('"x"', SALT)}, inputs=HASH),
    "another salt": lambda: with_parts({"inputs": (VALUE, b"\x00" * 32)}, inputs=HASH),
    "no value": lambda: with_parts({}, inputs=HASH),
    "no value but a salt": lambda: with_parts({"inputs": (None, SALT)}, inputs=HASH),
    "no salt": lambda: with_parts({"inputs": (VALUE, None)}, inputs=HASH),
    "no commitment": lambda: with_parts({"inputs": (VALUE, SALT)}),
    "a salt alone": lambda: with_parts({"inputs": (None, SALT)}),
    "another part": lambda: with_parts({"outputs": (VALUE, SALT)}, inputs=HASH),
    "one part too many": lambda: with_parts({"inputs": (VALUE, SALT), "details": (VALUE, SALT)}, inputs=HASH),
    "upper-case commitment": lambda: with_parts({"inputs": (VALUE, SALT)}, inputs=HASH.upper()),
    "an original": lambda: with_parts({"inputs": (VALUE, SALT)}, inputs=HASH, original=HASH),
    **{
        f"a salt of {length} bytes": lambda length=length: with_parts(  # type: ignore[misc]
            {"inputs": (VALUE, b"\x01" * length)}, inputs=raw.commitment(VALUE, b"\x01" * length)
        )
        for length in (0, 1, 16, 31, 33, 64)
    },
    **{
        name: lambda value=value: sent({"inputs": value})  # type: ignore[misc]
        for name, value in {
            "no JSON": MARKER,
            "nothing at all": "",
            "cut off": f'{{"a":"{MARKER}"',
            "two values": '1 "' + MARKER + '"',
            "bare control character": '"\x01"',
            "NUL": '{"a":"\\u0000"}',
            "NUL as a key": '{"\\u0000":1}',
            "NUL, deep": '{"a":[1,{"b":"x\\u0000"}]}',
            "high surrogate": '"\\ud800"',
            "low surrogate": '"\\udc00"',
            "surrogates the wrong way round": '"\\udc00\\ud800"',
            "surrogate as a key": '{"\\ud800":1}',
            "pair and half": '"\\ud83d\\ude00\\ud83d"',
            "bad escape": '"\\x41"',
            "short escape": '"\\u00"',
        }.items()
    },
}


@pytest.mark.parametrize("make", PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("part", raw.PARTS)
def test_a_payload_that_does_not_fit_is_refused(
    stage: Database, shut: Connection, make: Callable[[], Sent], part: str
) -> None:
    names = dict(zip(raw.PARTS, raw.PARTS, strict=True)) | {"inputs": part, part: "inputs"}
    item = make()
    event = {names.get(key, key): value for key, value in json.loads(str(item.text)).items()}
    raw.refused(stage, shut, [Sent(text_of(event), {names[key]: held for key, held in item.parts.items()})])


VALUES = {
    "a number": "1",
    "huge number": "1e999",
    "many digits": "1" * 5000,
    "spaces": ' {"b" : 1,\n"a" : [ ] } ',
    "repeated keys": '{"a":1,"a":2}',
    "escaped backslash before u": '"\\\\u0000 \\\\ud800"',
    "pair": '"\\ud83d\\ude00"',
    "every escape": '"\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0001 \\u00e9"',
    "line separators": '"\u2028\u2029\u0085"',
    "a line of the log": json.dumps(forged_entry()),
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_any_json_is_accepted_as_payload(hall: Database, guest: Connection, value: str) -> None:
    append(guest, [sent(dict.fromkeys(raw.PARTS, value)), sent()])
    raw.both_accept(hall)
    assert [entry.outputs for entry in raw.read_all(hall)][-2:] == [value.encode(), None]


def test_a_part_may_have_four_megabytes(database: Database, writer: Connection) -> None:
    append(writer, [sent(dict.fromkeys(raw.PARTS, json.dumps("x" * (4 * 2**20 - 2))))])
    assert raw.both_accept(database) == 1


def test_a_part_over_four_megabytes_is_refused(stage: Database, shut: Connection) -> None:
    over = json.dumps(MARKER + "x" * (4 * 2**20 - 1 - len(MARKER)))
    assert len(over) == 4 * 2**20 + 1
    raw.refused(stage, shut, [sent({"outputs": over})])
    raw.refused(stage, shut, [sent({"outputs": json.dumps("é" * (2 * 2**20))})])


@pytest.mark.parametrize("depth", [64, 1200, 6000, 20_000, 200_000])
@pytest.mark.parametrize("shape", ["lists", "objects", "escaped"])
def test_a_deep_payload_stops_nobody(hall: Database, guest: Connection, depth: int, shape: str) -> None:
    marks = {"lists": ("[", "", "]"), "objects": ('{"a":', "1", "}"), "escaped": ("[", '"\\u00e9"', "]")}
    left, middle, right = marks[shape]
    (row,) = append(guest, [sent()])
    try:
        append(guest, [sent({"details": left * depth + middle + right * depth})])
    except psycopg.Error as error:
        assert error.sqlstate == "UB001", raw.said(error)  # noqa: PT017 - refusing is one of two right answers
        assert len(raw.read_all(hall)) == row.seq
    append(guest, [sent()])
    size = raw.both_accept(hall)
    with hall.connect("verifier") as verifier:
        for view in ("agent_audit", "audit_log"):
            assert len(raw.rows(verifier, view)) == size


# ---- Limits ----


def test_a_text_may_have_1024_bytes_and_no_more(database: Database, writer: Connection) -> None:
    append(writer, [Sent(text_of(fields(**{key: "x" * 1024}))) for key in TEXTS])
    append(writer, [sent(tool="é" * 512), sent(session_id='"' * 1024), sent(resource_id="\\" * 1024)])
    for key in TEXTS:
        raw.refused(database, writer, [Sent(text_of(fields(**{key: MARKER + "x" * 1016})))])
        raw.refused(database, writer, [Sent(text_of(fields(**{key: "x" + "é" * 512})))])
    raw.both_accept(database)


def test_an_event_may_have_64_kilobytes_and_no_more(database: Database, writer: Connection) -> None:
    small = text_of(fields(subjects=["x"]))
    fitting = small.replace('["x"]', f'["{"x" * (61440 - len(small) + 1)}"]')
    assert len(fitting) == 61440
    append(writer, [Sent(fitting)])
    raw.refused(database, writer, [Sent(text_of(fields(subjects=["x" * (61440 - len(small) + 2)])))])
    raw.refused(database, writer, [Sent(text_of(fields(subjects=[f"{MARKER}{n:06}" for n in range(20_000)])))])
    raw.both_accept(database)


def test_a_batch_has_1_to_5000_events(database: Database, writer: Connection) -> None:
    raw.refused(database, writer, [], state="UB002")
    raw.refused(database, writer, [sent() for _ in range(5001)], state="UB002")
    assert len(append(writer, [sent(session_id=f"s{n % 7}") for n in range(5000)])) == 5000
    assert raw.both_accept(database) == 5000


# ---- Arrays ----


@pytest.mark.parametrize("at", range(7))
@pytest.mark.parametrize(
    "change", [lambda items: items[:-1], lambda items: [*items, None], lambda _: [], lambda _: None]
)
def test_arrays_of_different_lengths_are_refused(
    stage: Database, shut: Connection, at: int, change: Callable[[list[Any]], Any]
) -> None:
    columns: list[Any] = columns_of([sent({"inputs": VALUE}), sent({"outputs": VALUE, "details": VALUE})])
    columns[at] = change(columns[at])
    raw.refused_call(stage, shut, LOG, *columns, state="UB002")


def test_several_bodies_for_one_event_are_refused(stage: Database, shut: Connection) -> None:
    columns: list[Any] = columns_of([sent({"inputs": VALUE})])
    columns[1], columns[2] = [VALUE] * 3, [SALT] * 3
    raw.refused_call(stage, shut, LOG, *columns, state="UB002")


def test_events_in_several_dimensions_are_refused(stage: Database, shut: Connection) -> None:
    two, four = ([None] * count for count in (2, 4))
    raw.refused_call(stage, shut, LOG, [[base()], [base()]], *[two] * 6, state="UB002")
    raw.refused_call(stage, shut, LOG, [[base(), base()], [base(), base()]], *[four] * 6, state="UB002")


def test_parts_in_several_dimensions_are_refused_or_recorded_right(hall: Database, guest: Connection) -> None:
    columns: list[Any] = columns_of([sent({"inputs": "1"}), sent({"inputs": "2"})])
    columns[1], columns[2] = [[value] for value in columns[1]], [columns[2]]
    try:
        call(guest, LOG, *columns)
    except psycopg.Error as error:
        assert error.sqlstate == "UB002"  # noqa: PT017 - refusing is one of two right answers
    append(guest, [sent()])
    raw.both_accept(hall)


@pytest.mark.parametrize("first", [-1, 0, 2, 100])
@pytest.mark.parametrize("count", [1, 2])
def test_an_array_that_does_not_begin_at_1_is_refused_or_recorded_right(
    hall: Database, guest: Connection, first: int, count: int
) -> None:
    """Subscripts are the sender's to choose; an event must never be hashed in another one's place."""
    before = raw.contents(hall)
    items = ",".join('"' + base().replace("\\", "\\\\").replace('"', '\\"') + '"' for _ in range(count))
    events = f"[{first}:{first + count - 1}]={{{items}}}"
    try:
        call(guest, LOG, events, *[[None] * count] * 6)
    except psycopg.Error as error:
        assert error.sqlstate == "UB002", raw.said(error)  # noqa: PT017 - refusing is one of two right answers
        assert MARKER not in raw.said(error)  # noqa: PT017
        assert raw.contents(hall) == before
    append(guest, [sent()])
    raw.both_accept(hall)


def test_a_null_event_is_refused(stage: Database, shut: Connection) -> None:
    raw.refused(stage, shut, [Sent(None)])
    raw.refused(stage, shut, [sent(), Sent(None), sent()])
    raw.refused(stage, shut, [Sent(None, {"inputs": (VALUE, SALT)})])


def test_the_first_bad_event_of_a_batch_is_named_and_nothing_of_it_recorded(stage: Database, shut: Connection) -> None:
    batch = [sent(), sent(), Sent(having("input_tokens", "-1")), sent(), Sent(having("ts", '"x"'.ljust(5)))]
    batch[4] = Sent(text_of(fields(ts=TS[:-1])))
    error = raw.refused(stage, shut, batch)
    assert error.diag.message_detail == "2"
    assert "event 3 of 5" in str(error.diag.message_primary)


# ---- Logs and logins ----


def test_a_log_that_is_not_granted_not_there_or_null_is_refused_alike(stage: Database, shut: Connection) -> None:
    with stage.admin.transaction():
        administration.create_log(stage.admin, "other.example/agents")
    names = ("other.example/agents", "nobody.example/agents", None, "", LOG + "~1", LOG.upper(), LOG + " ")
    errors = [raw.refused(stage, shut, [sent()], state="UB003", log=name) for name in names]
    assert len({error.diag.message_primary for error in errors}) == 1


@pytest.mark.parametrize("login", ["verifier", "ops"])
def test_a_reading_login_can_not_append(stage: Database, login: str) -> None:
    with stage.connect(login) as connection:
        raw.refused(stage, connection, [sent()], state="42501")


def test_a_writer_whose_grant_is_taken_is_refused(database: Database, writer: Connection) -> None:
    append(writer, [sent()])
    database.disarm()
    database.admin.execute("delete from unbroken.grants")
    raw.refused(database, writer, [sent()], state="UB003")


@pytest.fixture
def login(hall: Database) -> Iterator[Callable[[str], Connection]]:
    """Makes a writer of any name, as a superuser can without asking this package, and connects it."""
    made: list[tuple[str, Connection]] = []

    def make(name: str) -> Connection:
        hall.server.execute("create role {} login", name)
        hall.server.execute("grant unbroken_writer to {}", name)
        plant_grants(hall.admin, [(name, "writer")])
        made.append(
            (name, psycopg.connect(psycopg.conninfo.make_conninfo(hall.conninfo("x"), user=name), autocommit=True))
        )
        return made[-1][1]

    yield make
    for name, connection in made:
        connection.close()
        hall.server.execute("drop role {}", name)


@pytest.mark.parametrize(
    "name",
    [
        'q","writer":"unbroken_owner',
        'q"',
        "q\\",
        "q\n",
        "Q q",
        "é\U0001f600",
        "a'b",
        "{}",
        "q%s",
        "\x01q",
        "none",
        "x" * 63,
    ],
)
def test_a_login_of_any_name_stands_in_the_line_as_it_is(
    hall: Database, login: Callable[[str], Connection], name: str
) -> None:
    if name == "none":
        with pytest.raises(psycopg.errors.ReservedName):
            login(name)
        return
    recorder = raw.new_id()
    append(login(name), [sent(recorder=recorder), sent(recorder=recorder)])
    raw.both_accept(hall)
    entries = raw.read_all(hall)[-2:]
    assert {entry.writer for entry in entries} == {name}
    assert {json.loads(entry.line)["writer"] for entry in entries} == {name}


def test_a_login_that_reads_like_a_role_is_refused(hall: Database, login: Callable[[str], Connection]) -> None:
    raw.refused(hall, login("writer as unbroken_owner"), [sent()], state="UB003")


@pytest.mark.parametrize(
    "origin", ['q","writer":"unbroken_owner', "a\\b", "é\U0001f600", "a'b", "%s", "clinic.example/agents "]
)
def test_an_origin_of_any_text_stands_in_the_line_as_it_is(database: Database, origin: str) -> None:
    add_log(database.admin, origin)
    with database.connect("writer") as writer:
        append(writer, [sent(), sent(session_id="s")], log=origin)
    assert raw.both_accept(database, log=origin) == 2
    assert {json.loads(entry.line)["log"] for entry in raw.read_all(database, origin)} == {origin + "~1"}


def test_the_same_session_and_id_in_two_logs_are_two(database: Database, writer: Connection) -> None:
    add_log(database.admin, "second")
    item = sent(session_id="s")
    for log in (LOG, "second"):
        (row, _) = append(writer, [item, sent(session_id="s")], log=log)
        assert (row.seq, row.session_seq) == (1, 1)
        assert raw.both_accept(database, log=log) == 2


def test_a_role_that_was_set_stands_beside_the_login(database: Database, writer: Connection) -> None:
    append(writer, [sent()])
    writer.execute("set role unbroken_writer")
    append(writer, [sent()])
    writer.execute("reset role")
    append(writer, [sent()])
    assert [entry.writer for entry in raw.read_all(database)] == ["writer", "writer as unbroken_writer", "writer"]
    raw.both_accept(database)


# ---- The sender's session ----

SETTINGS = {
    "standard_conforming_strings": ("off",),
    "bytea_output": ("escape", "hex"),
    "DateStyle": ("SQL, DMY", "German", "Postgres, MDY"),
    "TimeZone": ("Asia/Kathmandu", "America/St_Johns", "<x>+5"),
    "IntervalStyle": ("sql_standard",),
    "extra_float_digits": ("-15",),
    "array_nulls": ("off",),
    "transform_null_equals": ("on",),
    "quote_all_identifiers": ("on",),
    "client_encoding": ("LATIN1", "SQL_ASCII", "EUC_JP"),
    "xmloption": ("document",),
    "search_path": ("pg_temp, public",),
    "row_security": ("off",),
    "check_function_bodies": ("off",),
    "default_transaction_isolation": ("serializable",),
    "synchronous_commit": ("off",),
    "enable_hashagg": ("off",),
    "enable_sort": ("off",),
    "work_mem": ("64kB",),
    "debug_parallel_query": ("on",),
    "force_parallel_mode": ("on",),
    "plan_cache_mode": ("force_generic_plan", "force_custom_plan"),
    "from_collapse_limit": ("1",),
    "jit_above_cost": ("0",),
    "lc_monetary": ("C",),
    "max_parallel_workers_per_gather": ("4",),
}


STOPPING = {"standard_conforming_strings", "array_nulls", "default_transaction_isolation", "row_security"}
"""With these the sender's own array or the door's text means something else, and nothing is recorded.

With row_security off PostgreSQL refuses what a policy could narrow, also where the policy lets everything through.
"""


@pytest.mark.parametrize(("setting", "value"), [(name, value) for name, values in SETTINGS.items() for value in values])
def test_no_setting_of_the_sender_changes_what_is_recorded(
    hall: Database, guest: Connection, setting: str, value: str
) -> None:
    try:
        guest.execute("select set_config(%s, %s, false)", (setting, value))
    except (psycopg.errors.UndefinedObject, psycopg.errors.InvalidParameterValue):
        pytest.skip("not a setting of this server")
    text = "a" if setting == "client_encoding" else "é\u2028\U0001f600"
    batch = [
        sent(
            {"inputs": json.dumps(text, ensure_ascii=False)}, session_id=text, subjects=["B", "a"], decision={"at": TS}
        ),
        sent(agent_id='\\x00"\b', tool="NULL", side_effect=False, input_tokens=0),
        Sent(text_of(fields(domains=["10", "9"], cost_usd="0.10", recorder=UUID, prompt_hash=KEYED))),
    ]
    for bad in (Sent(having("domains", '["a","B"]')), sent({"inputs": '"\\u0000"'})):
        with pytest.raises(psycopg.Error):
            append(guest, [bad])
    if setting in STOPPING:
        with pytest.raises(psycopg.Error):
            append(guest, batch)
        raw.both_accept(hall)
        return
    append(guest, batch)
    raw.both_accept(hall)
    assert [entry.event.decode() for entry in raw.read_all(hall)[-3:]] == [item.text for item in batch]


# ---- What is recorded ----


def everything() -> dict[str, Any]:
    event: dict[str, Any] = {key: f'{key} \x01\t"\\/\x7fé\u2028\ue000\U0001f600' for key in TEXTS}
    event |= dict.fromkeys(COUNTS, 2**53 - 1) | {key: ["", "A", "a", "é", "\ue000", "\U00010000"][1:] for key in LISTS}
    event |= {"prompt_hash": KEYED, "parent_id": UUID, "recorder": UUID, "trace_id": "0a" * 16, "span_id": "0a" * 8}
    event |= {"side_effect": True, "capture": "enforced", "classification": "restricted", "cost_usd": "0.000100"}
    event["decision"] = {
        "arguments_hash": KEYED,
        "at": TS,
        "by": '"',
        "outcome": "approved",
        "policy": "p",
        "request": UUID,
    }
    return event


def test_every_key_at_once_is_recorded_as_it_was_sent(database: Database, writer: Connection) -> None:
    items = [
        sent(dict.fromkeys(raw.PARTS, VALUE), **everything()),
        sent(),
        sent(**{**everything(), "side_effect": False}),
    ]
    received = append(writer, items)
    assert [entry.event.decode() for entry in raw.read_all(database)] == [item.text for item in items]
    assert [(row.seq, row.session_seq) for row in received] == [(1, 1), (2, None), (3, 2)]
    raw.both_accept(database)


@pytest.mark.parametrize("kind", sorted(EVENT_TYPES - {"approval_requested", "approval_decided"}))
def test_every_event_type_is_accepted(stage: Database, shut: Connection, kind: str) -> None:
    append(shut, [sent(event_type=kind)])


@pytest.mark.parametrize(
    "ts",
    [
        "0001-01-01T00:00:00.000000Z",
        "9999-12-31T23:59:59.999999Z",
        "2024-02-29T00:00:00.000001Z",
        "1582-10-10T00:00:00.000000Z",
    ],
)
def test_every_time_of_the_calendar_is_accepted(hall: Database, guest: Connection, ts: str) -> None:
    append(guest, [sent(ts=ts, decision={"at": ts})])
    raw.both_accept(hall)


def test_receipts_are_what_a_writer_needs_to_recompute_its_hashes(database: Database, writer: Connection) -> None:
    items = [sent(session_id="s"), sent({"inputs": "1"}), sent(session_id="s")]
    previous = "0" * 64
    for item, row in zip(items, append(writer, items), strict=True):
        line: dict[str, Any] = {
            "event": json.loads(str(item.text)),
            "log": LOG + "~1",
            "prev_hash": previous,
            "seq": row.seq,
        }
        line |= {"recorded_at": f"{row.recorded_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z", "v": 1, "writer": "writer"}
        if row.session_seq is not None:
            line["session_seq"] = row.session_seq
        assert row.prev_hash.hex() == previous
        assert hash_of(rfc8785.dumps(line)) == row.hash
        previous = row.hash.hex()


def test_sessions_count_their_own_entries_also_interleaved(database: Database, writer: Connection) -> None:
    rounds = ["a b - a - b a", "- - -", "b", "c a c - c b"]
    numbers: Counter[str] = Counter()
    for line in rounds:
        names = [None if name == "-" else name for name in line.split()]
        received = append(writer, [sent(session_id=name) for name in names])
        for name, row in zip(names, received, strict=True):
            numbers.update([name] if name else [])
            assert row.session_seq == (numbers[name] if name else None)
    stored = database.admin.execute("select session_id, entries, first_seq, last_seq from unbroken.sessions order by 1")
    assert stored.fetchall() == [("a", 4, 1, 13), ("b", 4, 2, 17), ("c", 3, 12, 16)]
    raw.both_accept(database)


# ---- Ids ----


def test_an_id_is_recorded_once(database: Database, writer: Connection) -> None:
    item = sent()
    event_id = json.loads(str(item.text))["id"]
    append(writer, [sent(), item])
    raw.refused(database, writer, [item], state="23505")
    raw.refused(database, writer, [sent(), sent(id=event_id, actor_id="other"), sent()], state="23505")
    twice = sent(id=raw.new_id())
    raw.refused(database, writer, [twice, sent(), twice], state="23505")
    append(writer, [twice])
    assert raw.both_accept(database) == 3


def ask(connection: Connection, ids: Any, hashes: Any, *, log: str = LOG) -> dict[str, tuple[Any, ...]]:
    rows = connection.execute("select * from unbroken.receipts(%s, %s::uuid[], %s::bytea[])", (log, ids, hashes))
    return {str(row[0]): row[1:] for row in rows.fetchall()}


def test_receipts_tell_recorded_from_conflict_and_present(database: Database, writer: Connection) -> None:
    items = [sent(session_id="s"), sent()]
    received = append(writer, items)
    ids = [json.loads(str(item.text))["id"] for item in items]
    said = [json.loads(str(item.text)) for item in items]
    unnumbered = [raw.text_of({k: v for k, v in event.items() if not k.startswith("recorder")}) for event in said]
    hashes = [sha256(str(item.text).encode()).digest() for item in items]
    plain = [sha256(text.encode()).digest() for text in unnumbered]
    nobody = raw.new_id()
    assert ask(writer, [nobody], [None]) == {}
    for event_id, digest, row in zip(ids, plain, received, strict=True):
        found = ask(writer, [event_id, nobody], [digest, digest])
        assert found == {
            event_id: (
                *("recorded", "writer", uuid.UUID(raw.RECORDER), 1),
                *(row.seq, row.session_seq, row.recorded_at, row.prev_hash, row.hash),
            )
        }
    assert ask(writer, ids, hashes) == {event_id: ("conflict", "writer", *[None] * 7) for event_id in ids}
    assert ask(writer, ids, [None, None]) == {event_id: ("present", "writer", *[None] * 7) for event_id in ids}


def test_receipts_are_for_writers_of_that_log(database: Database, writer: Connection) -> None:
    administration.create_log(database.admin, "second")
    for log in ("second", "nobody"):
        with pytest.raises(psycopg.Error) as caught:
            ask(writer, [UUID], [None], log=log)
        assert caught.value.sqlstate == "UB003"
    for login in ("verifier", "ops"):
        with database.connect(login) as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(reader, [UUID], [None])


@pytest.mark.parametrize(
    ("ids", "hashes"),
    [([], []), ([UUID], []), ([UUID], None), (None, [None]), (None, None), ([UUID] * 5001, [None] * 5001)],
)
def test_receipts_want_as_many_hashes_as_ids(stage: Database, shut: Connection, ids: Any, hashes: Any) -> None:
    with pytest.raises(psycopg.Error) as caught:
        ask(shut, ids, hashes)
    assert caught.value.sqlstate == "UB002"


# ---- Transactions ----


def test_a_transaction_that_is_rolled_back_leaves_nothing(database: Database, writer: Connection) -> None:
    append(writer, [sent(session_id="s")])
    before = raw.contents(database)
    with writer.transaction(force_rollback=True):
        append(writer, [sent({"inputs": "1"}, session_id="s"), sent(session_id="t")])
    assert raw.contents(database) == before
    with writer.transaction():
        append(writer, [sent(session_id="t")])
        with writer.transaction(force_rollback=True):
            append(writer, [sent(session_id="t")])
        append(writer, [sent(session_id="t")])
    assert raw.both_accept(database) == 3


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
@pytest.mark.parametrize("session", ["s", None])
def test_an_old_snapshot_does_not_fork_the_log(
    database: Database, writer: Connection, level: str, session: str | None
) -> None:
    """Under these levels append would see a head that is none any more."""
    with database.connect("writer") as other:
        append(other, [sent(session_id=session)])
        writer.execute(f"begin isolation level {level}")
        writer.execute("select * from unbroken.describe_log(%s)", (LOG,)).fetchall()
        append(other, [sent(session_id=session)])
        raw.refused(database, writer, [sent(session_id=session)], state="UB004")
        writer.execute("rollback")
        writer.execute(f"begin isolation level {level}")
        raw.refused(database, writer, [sent(session_id=session)], state="UB004")
        writer.execute("rollback")
        append(writer, [sent(session_id=session)])
    assert raw.both_accept(database) == 3


def test_a_read_only_transaction_is_refused(database: Database, writer: Connection) -> None:
    writer.execute("set default_transaction_read_only = on")
    raw.refused(database, writer, [sent()], state="25006")


@pytest.mark.parametrize("commit", [True, False])
def test_a_writer_waits_for_the_one_before_it(database: Database, writer: Connection, commit: bool) -> None:
    done: list[int] = []

    def second() -> None:
        with closing(database.connect("writer")) as other:
            done.extend(row.seq for row in append(other, [sent(session_id="s")]))

    thread = threading.Thread(target=second)
    with writer.transaction(force_rollback=not commit):
        append(writer, [sent(session_id="s")])
        thread.start()
        thread.join(0.3)
        assert not done
    thread.join(10)
    assert done == [2 if commit else 1]
    assert raw.both_accept(database) == done[0]


def test_writers_side_by_side_neither_fork_nor_leave_gaps(database: Database) -> None:
    rounds, failures = 25, list[BaseException]()
    barrier = threading.Barrier(4)

    def write(number: int) -> None:
        try:
            with closing(database.connect("writer")) as connection:
                barrier.wait(10)
                for turn in range(rounds):
                    size = 1 + (turn * 7 + number) % 5
                    append(connection, [sent({"inputs": "1"}, session_id=f"s{(number + n) % 3}") for n in range(size)])
        except Exception as error:  # noqa: BLE001 - told to the thread that waits
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert raw.both_accept(database) == sum(
        1 + (turn * 7 + number) % 5 for turn in range(rounds) for number in range(4)
    )


# ---- The clock ----


def test_recorded_at_never_goes_back(database: Database, writer: Connection) -> None:
    for _ in range(20):
        append(writer, [sent(), sent()])
    times = [entry.recorded_at for entry in raw.read_all(database)]
    assert times == sorted(times)


def test_a_small_step_back_of_the_clock_is_levelled(database: Database, writer: Connection) -> None:
    ahead = datetime.now(UTC) + timedelta(seconds=8)
    head = raw.plant_head(database, 1, recorded_at=ahead)
    (row,) = append(writer, [sent()])
    assert row.recorded_at == ahead
    assert row.prev_hash.hex() == head.hash
    assert raw.both_accept(database) == 2


def test_a_large_step_back_of_the_clock_stays_visible(database: Database, writer: Connection) -> None:
    ahead = datetime.now(UTC) + timedelta(days=365)
    raw.plant_head(database, 1, recorded_at=ahead)
    (row,) = append(writer, [sent()])
    assert row.recorded_at < ahead - timedelta(days=300)
    # Its recorder would have been bound by the same clock.
    database.disarm()
    database.admin.execute("update unbroken.recorders set bound_at = %s", (ahead,))
    assert raw.both_accept(database) == 2


def test_a_head_is_what_the_log_says_of_itself(database: Database, writer: Connection) -> None:
    received = append(writer, [sent(), sent()])
    report = raw.report(database)
    assert report.head == Head(2, received[-1].hash.hex())
    assert report.verdict == "consistent"


def test_an_event_alone_is_recorded_as_in_a_batch(database: Database, writer: Connection) -> None:
    """The database takes another way for one event; only numbers, times and what hangs on them may differ."""
    add_log(database.admin, "second")
    full = {
        "session_id": "s",
        "agent_id": "bot",
        "tool": "t",
        "side_effect": True,
        "resource_type": "r",
        "resource_id": "1",
    }
    items = [
        sent(),
        sent({"inputs": "1"}),
        sent({name: json.dumps(name) for name in raw.PARTS}, **full, decision={"outcome": "denied", "by": "d"}),
        sent(session_id="s"),
        sent({"details": "null"}, session_id="other"),
    ]
    alone = [row for item in items for row in append(writer, [item])]
    together = append(writer, items, log="second")
    assert [(row.seq, row.session_seq) for row in alone] == [(row.seq, row.session_seq) for row in together]
    columns = (
        "seq, session_seq, writer, principal, event, id, event_type, actor_id, agent_id, session_id, tool, side_effect,"
        " outcome, resource_type, resource_id"
    )
    for table, compared in (("entries", columns), ("payloads", "*"), ("event_ids", "*"), ("sessions", "*")):
        statement = sql.SQL("select {} from unbroken.{} where log = %s order by 2").format(
            sql.SQL(compared), sql.Identifier(table)
        )
        first, second = (database.admin.execute(statement, (log,)).fetchall() for log in (1, 2))
        strip = 1 if compared == "*" else 0
        assert [row[strip:] for row in first] == [row[strip:] for row in second]
    assert raw.both_accept(database) == raw.both_accept(database, log="second") == len(items)

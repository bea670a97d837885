"""Whatever the door accepts, every verifier accepts: ``unbroken.append`` under a storm of nearly right input."""

import json
import re
from collections import Counter
from itertools import count
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.conftest import Database
from tests.database import raw
from tests.database.raw import MARKER, PARTS, Connection, Sent, append, commitment, text_of
from unbroken.core.event import EVENT_TYPES

Value = st.SearchStrategy[Any]

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
NASTY = st.sampled_from(
    [
        '"',
        "\\",
        "\\u0000",
        "\x01",
        "\x1f",
        "\x7f",
        "\u2028",
        "\ue000",
        "\U00010000",
        "a\nb",
        "null",
        "{}",
        "[]",
        ':""',
        " ",
    ]
)
SOME_TEXT = st.one_of(TEXT, NASTY, st.builds("{}{}".format, NASTY, TEXT))
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
IDS = st.uuids().map(str)
_numbers = count(1)
# Hypothesis likes to draw the same again: almost every event needs an id of its own.
NEW_IDS = st.one_of(*[st.builds(lambda: str(uuid5(NAMESPACE_OID, str(next(_numbers)))))] * 30, IDS)
KEYED = st.builds("k{}:{}".format, st.from_regex(r"[0-9a-z]{1,16}", fullmatch=True), HEX)
COUNT = st.one_of(st.integers(0, 3), st.integers(0, 2**53 - 1), st.just(2**53 - 1))
SET = st.lists(SOME_TEXT, min_size=1, max_size=4, unique=True).map(sorted)
TIME = st.datetimes().map(lambda time: time.isoformat(timespec="microseconds").zfill(26) + "Z")
SESSION = st.sampled_from(["a", "b", "é\U0001f600", '"'])

DECISION = st.fixed_dictionaries(
    {"outcome": SOME_TEXT},
    optional={"arguments_hash": KEYED, "at": TIME, "by": SOME_TEXT, "policy": SOME_TEXT, "request": IDS},
)
OPTIONAL: dict[str, Value] = {
    **dict.fromkeys(
        ("agent_name", "agent_version", "call_id", "cost_source", "model", "purpose", "recipient"), SOME_TEXT
    ),
    **dict.fromkeys(
        ("resource_id", "resource_type", "rules", "source_address", "status", "tool", "turn_id"), SOME_TEXT
    ),
    **dict.fromkeys(("input_tokens", "output_tokens", "latency_ms", "recorder_seq"), COUNT),
    **dict.fromkeys(("domains", "redactions", "scope", "subjects"), SET),
    **dict.fromkeys(("parent_id", "recorder"), IDS),
    "session_id": SESSION,
    "capture": st.sampled_from(["enforced", "observed", "imported"]),
    "classification": st.sampled_from(["public", "internal", "confidential", "restricted"]),
    "cost_usd": st.from_regex(r"(0|[1-9][0-9]{0,9})([.][0-9]{1,9})?", fullmatch=True),
    "decision": DECISION,
    "prompt_hash": KEYED,
    "side_effect": st.booleans(),
    "trace_id": st.binary(min_size=16, max_size=16).map(bytes.hex),
    "span_id": st.binary(min_size=8, max_size=8).map(bytes.hex),
}
FEW = st.lists(st.sampled_from(sorted(OPTIONAL)), max_size=8, unique=True)


@st.composite
def valid_events(draw: st.DrawFn) -> dict[str, Any]:
    event = {
        "actor_id": draw(SOME_TEXT),
        "actor_type": draw(st.sampled_from(["user", "agent", "admin", "system"])),
        "agent_id": MARKER,
        "event_type": draw(st.sampled_from(sorted(EVENT_TYPES))),
        "id": draw(NEW_IDS),
        "recorder": draw(IDS),
        "recorder_seq": draw(COUNT),
        "ts": draw(TIME),
    }
    return event | {key: draw(OPTIONAL[key]) for key in draw(FEW)}


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), SOME_TEXT, TIME, IDS, st.just("")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(SOME_TEXT, inner, max_size=3)),
    max_leaves=6,
)


@st.composite
def spelt(draw: st.DrawFn) -> str:
    """Some JSON in one of its many spellings; some of it no JSON at all."""
    space = draw(st.sampled_from([(",", ":"), (", ", ": "), (",\n", ":\t")]))
    return json.dumps(draw(JSON), ensure_ascii=draw(st.booleans()), separators=space)


INSERTS = st.sampled_from(
    [
        " ",
        "\n",
        ",",
        ":",
        '"',
        "{",
        "}",
        "[",
        "]",
        "\\",
        "\\u0000",
        "\\ud800",
        "\\u0061",
        "0",
        "-",
        ".",
        "e9",
        "null",
        "true",
        '"actor_id":"mallory",',
        ',"zz":1',
        "\ufeff",
        "\xa0",
        "\\/",
        '"a","a"',
        "1e999",
        "[" * 1500,
        "'",
        "--",
        "$$",
        "%s",
    ]
)


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """``text`` with one or two small changes."""
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(text)))
        to = min(len(text), at + draw(st.integers(0, 12)))
        change = draw(st.sampled_from(["insert", "drop", "double", "escape", "case", "digit"]))
        match change:
            case "insert":
                text = text[:at] + draw(INSERTS) + text[at:]
            case "drop":
                text = text[:at] + text[to:]
            case "double":
                text = text[:to] + text[at:]
            case "escape":
                text = text[:at] + "".join(f"\\u{ord(letter):04x}" for letter in text[at:to]) + text[to:]
            case "case":
                text = text[:at] + text[at:to].swapcase() + text[to:]
            case "digit":
                text = re.sub(r"\d", draw(st.sampled_from("0123456789")), text[:at], count=1) + text[at:]
    return text


@st.composite
def twisted(draw: st.DrawFn, event: dict[str, Any]) -> str:
    """An event one of whose values is something else."""
    key = draw(st.sampled_from([*OPTIONAL, "actor_id", "actor_type", "event_type", "id", "ts", "zz"]))
    return text_of({**event, key: "@@"}).replace('"@@"', draw(spelt()))


@st.composite
def parts(draw: st.DrawFn) -> dict[str, tuple[str, bytes]]:
    """Payload parts, most of them well made."""
    names = draw(st.lists(st.sampled_from(PARTS), max_size=2, unique=True))
    kinds = st.one_of(spelt(), spelt(), spelt(), spelt().flatmap(mutated), SOME_TEXT, st.just("[" * 1500 + "]" * 1500))
    salts = st.one_of(*[st.binary(min_size=32, max_size=32)] * 9, st.binary(max_size=40))
    return {name: (draw(kinds), draw(salts)) for name in names}


@st.composite
def items(draw: st.DrawFn) -> Sent:
    """One event and its parts, about half of them without a fault."""
    held = draw(st.one_of(st.just(dict[str, tuple[str, bytes]]()), parts()))
    event = draw(valid_events())
    for name, (value, salt) in held.items():
        if draw(st.integers(0, 19)) != 0:
            event[name] = commitment(value, salt)
    text = text_of(event)
    way = draw(st.sampled_from(["valid"] * 5 + ["mutated", "mutated", "twisted", "json"]))
    if way == "mutated":
        text = draw(mutated(text))
    elif way == "twisted":
        text = draw(twisted(event))
    elif way == "json":
        text = draw(spelt())
    return Sent(text, {name: (value, salt) for name, (value, salt) in held.items()})


def sendable(item: Sent) -> bool:
    """Whether the protocol can carry it: it has no NUL character and no half of a surrogate pair."""
    texts = [item.text or "", *(value or "" for value, _ in item.parts.values())]
    return not any("\0" in text or re.search("[\ud800-\udfff]", text) for text in texts)


def storm(database: Database, *, examples: int) -> Counter[str]:
    """Sends so many batches and counts their fates; demands at the end that both verifiers accept what was accepted."""
    fates: Counter[str] = Counter()
    recorded: list[str | None] = []

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(items().filter(sendable), min_size=1, max_size=2))
    def send(batch: list[Sent]) -> None:
        fate = offer(writer, batch)
        fates[fate] += 1
        if fate == "accepted":
            recorded.extend(item.text for item in batch)

    with database.connect("writer") as writer:
        send()
    check(database, recorded)
    return fates


def offer(writer: Connection, batch: list[Sent]) -> str:
    try:
        append(writer, batch)
    except psycopg.Error as error:
        assert error.sqlstate in {"UB001", "UB002", "UB005", "23505"}, raw.said(error)  # noqa: PT017
        assert MARKER not in raw.said(error)  # noqa: PT017
        return str(error.sqlstate)
    return "accepted"


def check(database: Database, recorded: list[str | None]) -> None:
    """That the log holds exactly what was accepted, and every reader can read it."""
    assert raw.both_accept(database) == len(recorded)
    entries = raw.read_all(database)
    assert [entry.event.decode() for entry in entries] == recorded
    with database.connect("verifier") as verifier:
        for view in ("agent_audit", "audit_log"):
            assert len(raw.rows(verifier, view)) == len(recorded)
        lines = verifier.execute("select unbroken.line(e) from unbroken.entries e order by seq").fetchall()
    assert [line.encode() for (line,) in lines] == [entry.line for entry in entries]


def test_whatever_the_door_accepts_both_verifiers_accept(database: Database) -> None:
    fates = storm(database, examples=300)
    assert fates["accepted"] > 60, fates
    assert fates["UB001"] > 60, fates


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_whatever_the_door_accepts_both_verifiers_accept_for_long(database: Database) -> None:
    fates = storm(database, examples=30_000)
    assert fates["accepted"] > 6000, fates
    assert fates["UB001"] > 6000, fates

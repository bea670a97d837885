"""A session is told as a timeline, whatever its entries hold."""

import io
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from tests.plain import draft
from tests.unit.log_in_memory import ERASURE
from unbroken.cli.timeline_view import TimelineView
from unbroken.core.entry import StoredEntry
from unbroken.core.event import encode_event
from unbroken.core.ids import new_id
from unbroken.core.times import format_time
from unbroken.investigate.timeline import Timeline, TimelineItem, timeline_of
from unbroken.ledger.draft import Draft
from unbroken.verify.declaration import Declaration

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def event(event_type: str, *, second: float = 0, **fields: Any) -> Draft:
    who = {"actor_id": "anna", "actor_type": "user", "session_id": "s-1", "turn_id": "t-1"}
    return draft(event_type, **{**who, "ts": START + timedelta(seconds=second), **fields})


def stored(draft: Draft, seq: int) -> StoredEntry:
    made = StoredEntry(
        log="test.example/agents~1",
        seq=seq,
        session_seq=seq,
        recorded_at=format_time(START),
        writer="w",
        principal=None,
        prev_hash=b"",
        hash=b"",
        event=encode_event(draft.event),
    )
    for name, part in draft.parts.items():
        setattr(made, name, part.value)
        setattr(made, f"{name}_salt", part.salt)
    return made


def entries(*drafts: Draft) -> list[StoredEntry]:
    return [stored(draft, seq) for seq, draft in enumerate(drafts, 1)]


def items(*drafts: Draft, full: bool = False) -> Sequence[TimelineItem]:
    return timeline_of(entries(*drafts), full=full).items


def shown(timeline: Timeline, *, width: int = 100, terminal: bool = False) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, color_system="truecolor" if terminal else None)
    console.print(TimelineView(timeline))
    return file.getvalue()


def prompt(*held: tuple[str, str, str], new: int) -> dict[str, object]:
    """The inputs of a model call: commitment, role and text of each message, the last ``new`` of them being new."""
    fresh = held[len(held) - new :]
    return {
        "messages": [commitment for commitment, _, _ in held],
        "new": [{"commitment": c, "salt": "", "message": {"role": role, "content": text}} for c, role, text in fresh],
    }


def test_a_tool_call_is_one_line_and_its_result_follows() -> None:
    call = event("tool_call", tool="book", side_effect=True, inputs={"seat": "12A", "bags": [1, 2]})
    told = items(call, event("tool_result", tool="book", parent_id=call.event.id, outputs="done"))
    assert told[0].title == 'book(bags=[1, 2], seat="12A")'
    assert told[0].marks == ("side effect",)
    assert told[1].lines == ("done",)
    text = shown(timeline_of(entries(call, event("tool_result", tool="book", parent_id=call.event.id, outputs="done"))))
    assert 'SIDE EFFECT  book(bags=[1, 2], seat="12A")' in text
    assert "→ done" in text


def test_a_call_without_a_result_is_marked() -> None:
    asked, model = event("tool_call", tool="book", call_id="c1"), event("model_call", model="m")
    assert [item.marks for item in items(asked, model)] == [("no result",), ("no result",)]
    by_parent = event("model_result", parent_id=model.event.id)
    by_call = event("tool_result", call_id="c1")
    assert [item.marks for item in items(asked, model, by_parent, by_call)] == [()] * 4
    elsewhere = event("tool_result", call_id="c1", turn_id="t-2")
    assert items(asked, elsewhere)[0].marks == ("no result",)


def test_a_failed_tool_tells_its_failure() -> None:
    failed = event("tool_result", status="error", details={"error_type": "ValueError", "error_message": "no seat"})
    (item,) = items(failed)
    assert item.marks == ("error",)
    assert item.lines == ("ValueError: no seat",)
    assert timeline_of(entries(failed)).summary.errors == 1


def test_a_prompt_shows_only_what_no_event_shows() -> None:
    system, ask, context = ("1", "system", "be kind\n" * 100), ("2", "user", "book it"), ("3", "user", "weather: rain")
    told = items(
        event("request", inputs="book it"),
        event("model_call", model="m-1", inputs=prompt(system, ask, context, new=3)),
        event("model_call", model="m-1", inputs=prompt(system, ask, context, ("4", "user", "gone"), new=0)),
    )
    assert told[1].facts == ("m-1", "3 messages, 3 new", "system prompt, 800 characters")
    assert told[1].lines == ("user: weather: rain",)
    assert told[2].facts == ("m-1", "4 messages, 0 new", "1 not held")


HASH = "k1:" + "ab12" * 16


def described(*messages: dict[str, object]) -> dict[str, object]:
    """The inputs of a model call whose messages are kept so."""
    new = [{"commitment": str(number), "salt": "", "message": message} for number, message in enumerate(messages)]
    return {"messages": [each["commitment"] for each in new], "new": new}


@pytest.mark.parametrize(
    ("message", "template", "words"),
    [
        (
            {"role": "system", "content_hash": HASH, "length": 1234},
            {"id": "triage", "version": "3"},
            "system prompt, 1,234 characters, k1:ab12ab12…, template triage v3",
        ),
        ({"content_hash": HASH, "length": 1}, "triage-2025", "prompt, 1 character, k1:ab12ab12…, template triage-2025"),
        ({"role": "developer", "length": 9}, None, "system prompt, 9 characters"),
        (
            {"role": "system", "content": "Be brief."},
            {"content_hash": HASH, "length": 5000},
            "system prompt, 9 characters, template 5,000 characters, k1:ab12ab12…",
        ),
        ({"role": "user", "content": "Hi."}, {"name": "triage", "version": "next"}, "template triage next"),
    ],
)
def test_a_prompt_is_told_by_what_is_kept_of_it(message: dict[str, object], template: object, words: str) -> None:
    details = {"message_count": 1} | ({} if template is None else {"prompt_template": template})
    (call,) = items(event("model_call", model="m-1", inputs=described(message), details=details))
    assert call.facts == ("m-1", "1 message, 1 new", words)


def test_a_full_timeline_tells_the_whole_hash_of_a_prompt() -> None:
    message: dict[str, object] = {"role": "system", "content_hash": HASH, "length": 12}
    (call,) = items(event("model_call", inputs=described(message), details={"prompt_template": "triage v3"}), full=True)
    assert call.lines == (f"system prompt: 12 characters, {HASH}",)
    assert call.facts == ("1 message, 1 new", "template triage v3")


def test_a_prompt_that_was_told_is_not_told_again() -> None:
    first = {"role": "system", "content_hash": HASH, "length": 12}
    again, without_hash = {**first, "role": "developer"}, {"role": "system", "length": 12}
    (call,) = items(event("model_call", inputs=described(first, again, without_hash, without_hash)))
    hashed, *bare = call.facts[1:]
    assert hashed == "system prompt, 12 characters, k1:ab12ab12…"
    assert bare == ["system prompt, 12 characters"] * 2


def test_a_change_is_told_in_words() -> None:
    details = {"from": "3", "to": "4", "seq": 12, "template": "triage"}
    (change,) = items(event("prompt_changed", details=details))
    assert (change.facts, change.lines) == (("template triage, 3 → 4, with entry 12",), ())
    (own_words,) = items(event("prompt_changed", details={"why": "a new release"}))
    assert own_words.lines == ('details: {"why": "a new release"}',)


def test_a_full_timeline_shows_system_prompts_and_folds_nothing() -> None:
    text = "be kind\n" * 100
    told = items(
        event("model_call", inputs=prompt(("1", "system", text), new=1)), event("request", inputs=text), full=True
    )
    assert told[0].lines == ("system prompt:", *["be kind"] * 100)
    assert told[1].lines == ("be kind",) * 100


def test_an_answer_is_told_once() -> None:
    result = event("model_result", outputs={"content": "it is booked"})
    assert items(result)[0].lines == ("it is booked",)
    assert items(result, event("response", outputs="it is booked"))[0].lines == ()
    assert items(result, event("response", outputs="it is not"))[0].lines == ("it is booked",)


def test_long_text_is_folded_and_says_how_much_is_left_out() -> None:
    (many_lines,) = items(event("request", inputs="\n".join(["line"] * 100)))
    assert len(many_lines.lines) == 13
    assert many_lines.lines[-1] == f"… +{88 * 5} characters"
    (long_line,) = items(event("request", inputs="x" * 5000))
    assert long_line.lines == ("x" * 800 + " … +4,200 characters",)
    (barely,) = items(event("request", inputs="x" * 805))
    assert barely.lines == ("x" * 805,)


def test_content_that_is_not_held_is_said_to_be_so() -> None:
    gone = [
        event("request", inputs="a"),
        event("tool_call", tool="book", inputs={"a": 1}),
        event("tool_result", outputs="a"),
        event("model_call", inputs=prompt(new=0)),
        event("model_result", outputs="a"),
        event("error", details={"error": "a"}),
        event("annotated", details="a"),
    ]
    for made in gone:
        (item,) = timeline_of([stored(Draft(made.event, {}), 1)]).items
        assert "(content not held)" in " ".join((item.title, *item.facts, *item.lines)), made.event.event_type
    (nothing,) = items(event("annotated"))
    assert nothing.lines == ()


def test_content_that_was_erased_is_said_to_be_so_and_with_which_entry() -> None:
    gone = [
        event("request", inputs="a"),
        event("tool_call", tool="book", inputs={"a": 1}),
        event("tool_result", outputs="a"),
        event("model_call", inputs=prompt(new=0)),
        event("model_result", outputs="a"),
        event("error", details={"error": "a"}),
        event("conversation_ended", details={"turns": 2}),
        event("annotated", details="a"),
    ]
    for made in gone:
        entry = stored(Draft(made.event, {}), 1)
        for full in (False, True):
            (item,) = timeline_of([entry], gone={1: Declaration(1204, ERASURE)}, full=full).items
            said = " ".join((item.title, *item.facts, *item.lines))
            assert "[erased]" in said, made.event.event_type
            assert "erased, as entry 1,204 tells" in item.facts
            assert "not held" not in said
            assert (item.erased_with, item.findings) == (1204, ())
    (there,) = timeline_of([stored(gone[0], 1)], gone={2: Declaration(1204, ERASURE)}).items
    assert (there.lines, there.erased_with) == (("a",), None)


def test_content_that_was_disposed_of_is_said_to_be_so_when_and_under_which_disposal() -> None:
    entry = stored(Draft(event("request", inputs="a").event, {}), 1)
    gone = {1: Declaration(1204, ERASURE, work="disposal", at="2026-03-01T09:00:00.250000Z")}
    (item,) = timeline_of([entry], gone=gone).items
    assert item.lines == ("[disposed of]",)
    assert "disposed of on 2026-03-01, as entry 1,204 tells" in item.facts
    assert (item.disposed_with, item.erased_with) == (1204, None)
    (item,) = timeline_of([entry], gone=gone, full=True).items
    assert f"disposed of on 2026-03-01 under disposal {ERASURE}, as entry 1,204 tells" in item.facts


def test_an_erased_call_is_not_said_to_be_another_than_was_asked_for() -> None:
    asked = event("approval_requested", tool="book", call_id="c", inputs={"seat": "12A"})
    made = event("tool_call", tool="book", call_id="c", parent_id=asked.event.id, inputs={"seat": "12A"})
    _, call = timeline_of([stored(asked, 1), stored(Draft(made.event, {}), 2)], gone={2: Declaration(3, ERASURE)}).items
    assert not any("otherwise" in fact for fact in call.facts)


def test_a_response_that_was_erased_does_not_stand_for_what_the_model_said() -> None:
    said, answered = event("model_result", outputs="[erased]"), event("response", outputs="a")
    told = timeline_of([stored(said, 1), stored(Draft(answered.event, {}), 2)], gone={2: Declaration(3, ERASURE)}).items
    assert told[0].lines == ("[erased]",)
    assert told[0].erased_with is None


def test_depth_follows_tools_around_and_not_the_length_of_the_chain() -> None:
    request = event("request", inputs="go")
    call = event("model_call", parent_id=request.event.id)
    outer = event("tool_call", tool="delegate", parent_id=call.event.id)
    inner = event("request", inputs="part", parent_id=outer.event.id)
    tool = event("tool_call", tool="look", parent_id=inner.event.id)
    done = event("tool_result", parent_id=tool.event.id)
    read = event("data_accessed", resource_type="seat", parent_id=tool.event.id)
    back = event("tool_result", parent_id=outer.event.id)
    told = items(request, call, outer, inner, tool, done, read, back)
    assert [item.depth for item in told] == [0, 1, 1, 1, 2, 2, 3, 1]


def test_causes_that_run_in_a_circle_are_harmless() -> None:
    one, two = new_id(), new_id()
    told = items(
        event("tool_call", id=one, parent_id=two, tool="a"), event("tool_call", id=two, parent_id=one, tool="b")
    )
    assert [item.depth for item in told] == [1, 2]


def test_offsets_count_from_the_first_item() -> None:
    told = timeline_of(entries(event("request"), event("response", second=65), event("annotated", second=-2)))
    assert [item.offset for item in told.items] == [timedelta(0), timedelta(seconds=65), timedelta(seconds=-2)]
    assert "+1m 05s" in shown(told)
    assert "-2.0s" in shown(told)


def test_the_summary_adds_up() -> None:
    summary = timeline_of(
        entries(
            event("request", agent_id="desk", agent_version="2", capture="imported"),
            event("model_result", model="m-1", input_tokens=1000, output_tokens=20, cost_usd="0.10"),
            event("model_result", model="m-2", input_tokens=500, cost_usd="0.2"),
            event("response", second=61, input_tokens=99),
        )
    ).summary
    assert (summary.input_tokens, summary.output_tokens, str(summary.cost_usd)) == (1500, 20, "0.30")
    assert summary.models == ("m-1", "m-2")
    assert summary.agents == ("desk 2",)
    assert summary.first == START
    text = shown(timeline_of(entries(event("request"), event("response", second=61))))
    assert "2026-01-31 09:30:00 UTC to 09:31:01 (1m 01s)" in text
    assert "anna (user)" in text


def test_findings_stand_at_their_entry() -> None:
    told = timeline_of(entries(event("request", inputs="a"), event("response", outputs="b")), findings={2: ["altered"]})
    assert [item.findings for item in told.items] == [(), ("altered",)]
    (line,) = [line for line in shown(told).splitlines() if "FINDING" in line]
    assert "altered" in line
    assert "agent" in line


HOSTILE = "\x1b[31mred\x1b]0;title\x07 \x9b2J [bold]markup[/bold] [link=http://x]y[/link] :smile: \u202egnp\r over"


def test_hostile_content_reaches_no_terminal() -> None:
    call = event(
        "tool_call",
        tool=f"t{HOSTILE}",
        actor_id=HOSTILE,
        agent_id=HOSTILE,
        session_id=HOSTILE,
        inputs={HOSTILE: HOSTILE},
    )
    made = [
        event("request", inputs=HOSTILE),
        event("model_call", model=HOSTILE, inputs=prompt((HOSTILE, HOSTILE, HOSTILE + "2"), new=1)),
        event("model_result", outputs={"content": HOSTILE, "tool_calls": [{"function": {"name": HOSTILE}}]}),
        call,
        event("tool_result", status=HOSTILE, outputs=[{"type": HOSTILE, "text": HOSTILE}, {"type": HOSTILE}]),
        event("error", details={"error_type": HOSTILE, "error_message": HOSTILE}),
        event("conversation_started", details={"source": {"file": HOSTILE, "line": HOSTILE}}),
        event("data_accessed", resource_id=HOSTILE, purpose=HOSTILE, decision={"outcome": HOSTILE, "by": HOSTILE}),
        event("annotated", details={HOSTILE: HOSTILE}),
    ]
    for full in (False, True):
        told = timeline_of(entries(*made), findings={1: [HOSTILE]}, full=full)
        text = ESCAPES.sub("", shown(told, terminal=True, width=300))
        assert not set(text) & {"\x1b", "\x9b", "\x07", "\r", "\u202e"}
        assert "[bold]markup[/bold]" in text
        assert ":smile:" in text
        assert "␛[31mred" in text


def test_wide_characters_stay_within_the_width() -> None:
    told = timeline_of(
        entries(event("request", inputs="日本語のテキスト" * 40), event("response", outputs="👩‍💻" * 60))
    )
    lines = shown(told, width=60).splitlines()
    assert max(Console(width=200).measure(line).maximum for line in lines) <= 60


@pytest.mark.parametrize(
    "value", [b"[" * 100_000, b"{", b"\xff\xfe", b"", b'"\\ud800"', b"1e999999", b"[" * 900 + b"]" * 900, b"nul"]
)
@pytest.mark.parametrize(
    "event_type", ["request", "model_call", "model_result", "tool_call", "tool_result", "annotated"]
)
def test_payloads_that_are_no_json_are_shown_as_they_are(event_type: str, value: bytes) -> None:
    entry = stored(event(event_type, tool="t", inputs=1, outputs=1, details=1), 1)
    entry.inputs = entry.outputs = entry.details = value
    for full in (False, True):
        told = timeline_of([entry], full=full)
        assert len(told.items) == 1
        assert shown(told)


def test_an_event_that_cannot_be_read_is_shown_raw() -> None:
    good = stored(event("request", inputs="a"), 1)
    for text in (b"{", b'{"v":"\x1b[2J"}', b"\xff", b"[" * 100_000, good.event.replace(b"2026-01-31", b"2026-02-31")):
        bad = stored(event("request"), 2)
        bad.event = text
        told = timeline_of([good, bad], findings={2: ["unverifiable"]})
        assert told.items[1].kind == "unreadable"
        assert "unverifiable" in shown(told)
        assert "\x1b" not in shown(told)
        assert timeline_of([bad]).items[0].time is None


KEYS = (
    "messages",
    "new",
    "message",
    "content",
    "role",
    "tool_calls",
    "function",
    "name",
    "commitment",
    "source",
    "type",
    *("content_hash", "length", "prompt_template", "version", "from", "to", "seq"),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text() | st.sampled_from(KEYS), children),
    max_leaves=12,
)


@given(value=json_values, full=st.booleans())
@example(value={"tool_calls": True, "messages": 1, "new": {}}, full=False)
@example(value={"messages": [], "new": [{"message": {"length": True, "content_hash": 1}}]}, full=True)
@example(value={"prompt_template": {"id": [], "version": {}, "length": 1}, "messages": [], "new": []}, full=False)
@example(value={"from": "\n", "to": "k1:", "seq": True, "template": {"length": 2**60}}, full=False)
@pytest.mark.parametrize(
    "event_type",
    [
        *("request", "model_call", "model_result", "tool_call", "tool_result", "error", "conversation_started"),
        *("reviewed", "prompt_changed"),
    ],
)
def test_no_shape_of_payload_breaks_the_timeline(event_type: str, value: object, full: bool) -> None:
    entry = stored(event(event_type, inputs=1, outputs=1, details=1), 1)
    entry.inputs = entry.outputs = entry.details = json.dumps(value).encode()
    assert shown(timeline_of([entry], full=full))


def test_without_a_terminal_there_is_no_escape_sequence_and_nothing_is_lost() -> None:
    told = timeline_of(
        entries(event("tool_call", tool="book", side_effect=True), event("error", details={"error": "x"}))
    )
    plain = shown(told)
    assert "\x1b" not in plain
    coloured = shown(told, terminal=True)
    assert "\x1b" in coloured
    assert ESCAPES.sub("", coloured) == plain

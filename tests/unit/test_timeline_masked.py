"""A session in which much was masked, as people read it: who and what can still be followed."""

import re
from typing import Any

import msgspec

from tests.unit.redacting import redactor
from tests.unit.test_timeline import ESCAPES, entries, event, items, shown
from unbroken.investigate.timeline import timeline_of
from unbroken.ledger.draft import Draft
from unbroken.privacy.redaction.profiles import BALANCED, HIPAA, Profile

NORA = f"p-{'3f9a2c1b' * 4}"


def redacted(event_type: str, *, profile: Profile = BALANCED, **fields: Any) -> Draft:
    """An event as redaction leaves it."""
    parts: dict[str, Any] = {name: fields.pop(name) for name in ("inputs", "outputs", "details") if name in fields}
    done = redactor(profile).redact(parts)
    counts = [f"{kind}:{count}" for kind, count in done.counts.items()]
    return event(event_type, **{"rules": "unbroken-1", "redactions": counts or None, **fields, **done.values})


def test_the_same_address_is_the_same_wherever_it_stands() -> None:
    told = items(
        redacted("request", inputs="I am jane@example.com"),
        redacted("tool_call", tool="find", inputs={"mail": "jane@example.com", "cc": "june@example.com"}),
    )
    (mail,) = re.findall(r"\[e-mail [0-9a-f]{6}\]", told[0].lines[0])
    assert f'mail="{mail}"' in told[1].title
    assert told[1].title.count("[e-mail ") == 2


def test_what_was_masked_is_told_where_it_is_not_to_be_seen() -> None:
    message = {"commitment": "1", "salt": "", "message": {"role": "system", "content": "jane@example.com"}}
    made = [
        redacted("request", inputs="I am jane@example.com"),
        redacted("model_call", model="m", inputs={"messages": ["1"], "new": [message]}),
        redacted("request", inputs="hello", redactions=["PERSON:1"]),
        redacted("tool_result", outputs=["x" * 2000, "jane@example.com"]),
    ]
    told = items(*made)
    assert [item.notes for item in told] == [(), (), ("masked: 1 name",), ("masked: 1 e-mail address",)]
    assert told[1].facts[-1] == "masked: 1 e-mail address"
    assert [item.notes[0] for item in items(*made, full=True)] == [
        *["masked: 1 e-mail address"] * 2,
        *("masked: 1 name", "masked: 1 e-mail address"),
    ]


def test_people_stand_under_the_beginning_of_their_pseudonym() -> None:
    made = [redacted("data_accessed", actor_id=NORA, resource_type="patient", resource_id=NORA)]
    timeline = timeline_of(entries(*made))
    assert timeline.summary.actors == ("p-3f9a2c1b (user)",)
    assert timeline.items[0].facts == ("patient/p-3f9a2c1b",)
    assert timeline_of(entries(*made), full=True).items[0].actor == f"{NORA} (user)"


def test_in_full_it_tells_how_each_event_is_classified() -> None:
    made = redacted(
        "request", inputs="card 4012 8888 8888 1881", classification="restricted", domains=["pci"], actor_id=NORA
    )
    (item,) = timeline_of(entries(made), full=True).items
    assert item.notes == ("masked: 1 card", "restricted · pci · contains card, personal")
    assert re.fullmatch(r"card \[CREDIT_CARD:k7:[0-9a-f]{32}\]", item.lines[0])
    assert (item.redactions, item.contains, item.domains) == ({"CREDIT_CARD": 1}, ("card", "personal"), ("pci",))
    (brief,) = timeline_of(entries(made)).items
    assert brief.notes == ()
    assert (brief.contains, brief.classification) == (("card", "personal"), "restricted")


def test_the_heading_says_how_strictly_the_session_is_classified() -> None:
    made = [
        redacted("request", inputs="card 4012888888881881", classification="confidential", domains=["pci"]),
        redacted("response", outputs="fine", classification="restricted", domains=["gdpr", "pci"]),
        redacted("annotated", classification="public"),
    ]
    timeline = timeline_of(entries(*made))
    assert (timeline.summary.classification, timeline.summary.domains) == ("restricted", ("gdpr", "pci"))
    text = shown(timeline)
    assert "data      restricted · gdpr, pci · masked: card and personal data" in text


def test_what_nothing_was_masked_in_says_nothing_of_it() -> None:
    text = shown(timeline_of(entries(redacted("request", inputs="hello"), event("response", outputs="hi"))))
    assert "masked" not in text
    assert "data  " not in text


def test_placeholders_are_in_colour_and_typed_ones_in_another() -> None:
    made = redacted("request", inputs="jane@example.com and [e-mail 5d0c4f]")
    text = shown(timeline_of(entries(made)), terminal=True)
    assert re.search(r"\x1b\[[0-9;]*35m\[e-mail [0-9a-f]{6}\]", text)
    assert re.search(r"\x1b\[[0-9;]*33m\[typed e-mail 5d0c4f\]", text)
    assert "[typed e-mail 5d0c4f]" in ESCAPES.sub("", text)


def test_what_could_not_be_scanned_is_told_first() -> None:
    made = event("request", inputs="[UNSCANNED:k7:" + "a" * 32 + "]", rules="r", redactions=["UNSCANNED:1"])
    (item,) = items(made)
    assert item.lines == ("[not scanned aaaaaa]",)
    assert item.notes == ("masked: 1 part withheld unscanned",)


def test_a_call_whose_arguments_are_masked_anew_is_not_said_to_differ() -> None:
    def call(profile: Profile, mail: str, **fields: Any) -> Draft:
        return redacted("tool_call", profile=profile, tool="book", call_id="c1", inputs={"to": mail, "n": 1}, **fields)

    def fact(asked: Draft, made: Draft) -> str:
        return items(asked, made)[1].facts[0]

    asked = call(BALANCED, "jane@example.com")
    same, other = (call(BALANCED, mail, parent_id=asked.event.id) for mail in ("jane@example.com", "june@example.com"))
    assert fact(asked, same) == "asked for in entry 1"
    asked = call(HIPAA, "jane@example.com")
    again = call(HIPAA, "jane@example.com", parent_id=asked.event.id)
    assert fact(asked, again) == "asked for, as far as it is not masked, in entry 1"
    more = redacted("tool_call", tool="book", call_id="c1", inputs={"n": 2}, parent_id=asked.event.id)
    assert fact(asked, more) == "otherwise than asked for in entry 1"
    assert other.event.redactions == ("EMAIL_ADDRESS:1",)


def test_an_answer_that_is_masked_by_chance_is_still_told_once() -> None:
    def said(*, rules: str) -> list[tuple[str, ...]]:
        text = "Mail jane@example.com today."
        made = [
            redacted("request", profile=HIPAA, inputs=text, rules=rules),
            redacted("model_call", profile=HIPAA, inputs={"messages": ["1"], "new": [_message(text)]}, rules=rules),
            redacted("model_result", profile=HIPAA, outputs=text, rules=rules),
            redacted("response", profile=HIPAA, outputs=text, rules=rules),
        ]
        return [item.lines for item in items(*made)]

    assert [bool(lines) for lines in said(rules="unbroken-1/hipaa/r1")] == [True, False, False, True]
    assert all(said(rules="unbroken-1/pci/r1")), "where placeholders can be followed, another is another value"


def _message(text: str) -> dict[str, object]:
    return {"commitment": "1", "salt": "", "message": {"role": "user", "content": text}}


def test_it_can_be_written_as_json() -> None:
    made = redacted("request", inputs="jane@example.com", domains=["gdpr"])
    timeline = timeline_of(entries(made), full=True)
    (item,) = msgspec.to_builtins(timeline)["items"]
    assert (item["redactions"], item["contains"]) == ({"EMAIL_ADDRESS": 1}, ("personal",))

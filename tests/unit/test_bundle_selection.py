"""What a bundle is about, in words and back, and which entries that is."""

from typing import Any

import pytest

from tests.plain import draft
from unbroken.core.event import Event
from unbroken.verify.bundle.selection import Selection

AT = "2026-03-01T09:00:00.000000Z"
LATER = "2026-03-01T10:00:00.000000Z"
SELECTIONS = (
    Selection(kind="log", upto=9),
    Selection(kind="session", upto=9, session="s-1"),
    Selection(kind="actor", upto=9, ids=("u-1", "u-2")),
    Selection(kind="subject", upto=9, ids=("p-1",)),
    Selection(kind="time", upto=9, since=AT, until=LATER),
    Selection(kind="time", upto=9),
    Selection(kind="query", query="actions", upto=9, agent="desk", ids=("u-1",), since=AT),
    Selection(kind="query", query="access", upto=9, ids=("r-1",), resource_type="room"),
    Selection(kind="query", query="contains", upto=9, flags=("card", "health")),
    Selection(kind="query", query="errors", upto=9, until=LATER),
    Selection(kind="query", query="unapproved", upto=9),
)


def event(**fields: Any) -> Event:
    given = {"event_type": "request", "actor_id": "u-1", "actor_type": "user", **fields}
    return draft(given.pop("event_type"), **given).event


@pytest.mark.parametrize("selection", SELECTIONS, ids=lambda each: each.query or each.kind)
def test_what_is_said_is_read_back(selection: Selection) -> None:
    said = selection.said()
    assert Selection.read(said) == selection
    assert said["upto"] == "9"
    assert None not in said.values()


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"kind": "log"},
        {"kind": "log", "upto": 9},
        {"kind": "log", "upto": "09"},
        {"kind": "log", "upto": "0"},
        {"kind": "log", "upto": "9" * 17},
        {"kind": "log", "upto": "\u0669"},
        {"kind": "log", "upto": "9", "session": "s-1"},
        {"kind": "log", "upto": "9", "name": "errors"},
        {"kind": "query", "upto": "9"},
        {"kind": "query", "name": "everything", "upto": "9"},
        {"kind": "session", "upto": "9"},
        {"kind": "session", "session": "", "upto": "9"},
        {"kind": "session", "session": "a\0b", "upto": "9"},
        {"kind": "session", "session": ["s-1"], "upto": "9"},
        {"kind": "actor", "ids": "u-1", "upto": "9"},
        {"kind": "actor", "ids": [], "upto": "9"},
        {"kind": "actor", "ids": ["u-2", "u-1"], "upto": "9"},
        {"kind": "actor", "ids": ["u-1", "u-1"], "upto": "9"},
        {"kind": "time", "from": "2026-03-01", "upto": "9"},
        {"kind": "query", "name": "contains", "flags": ["cat"], "upto": "9"},
    ],
)
def test_nothing_else_is_a_selection(said: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Selection.read(said)


def test_an_entry_belongs_by_its_own_line_alone() -> None:
    whole, session, actor, subject, time, _, actions, access, contains, errors, unapproved = SELECTIONS
    fitting = event(
        agent_id="desk", session_id="s-1", subjects=["p-0", "p-1"], resource_id="r-1", resource_type="room",
        redactions=["CREDIT_CARD:1"],
    )  # fmt: skip
    for selection in (whole, session, actor, subject, time, actions, access, contains):
        assert selection.matches(9, AT, fitting)
        assert not selection.matches(10, AT, fitting)
    other = event(
        actor_id="u-9", agent_id="desk", session_id="s-10", subjects=["p-10"], resource_id="r-1", resource_type="hall",
        redactions=["EMAIL_ADDRESS:2"],
    )  # fmt: skip
    for selection in (session, actor, subject, actions, access, contains, errors):
        assert not selection.matches(9, AT, other)
    assert errors.matches(1, AT, event(event_type="error"))
    assert unapproved.matches(9, AT, other)
    assert not unapproved.matches(10, AT, other)
    assert [each.can_be_rerun for each in SELECTIONS].count(False) == 1


def test_a_time_holds_its_beginning_and_not_its_end() -> None:
    time = SELECTIONS[4]
    assert [time.matches(1, at, event()) for at in ("2026-03-01T08:59:59.999999Z", AT, LATER)] == [False, True, False]

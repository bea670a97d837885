"""Entries that contain something are told by their lines, and where the database says otherwise, that is a finding."""

from typing import Any

import pytest

from tests.unit.test_investigations import NOON, WHO, Log, kinds, log
from unbroken.investigate.containing import CONTAINS_COLUMNS, containing
from unbroken.investigate.investigations import Row, Span
from unbroken.store.investigations import ContainingEntry

__all__ = ["log"]
MASKED: dict[str, Any] = {
    "rules": "unbroken-1",
    "redactions": ["CREDIT_CARD:1", "EMAIL_ADDRESS:2"],
    "classification": "restricted",
    "domains": ["gdpr", "pci"],
}


def told(log: Log, *flags: str, span: Span = Span(), seq: int = 1, **said: Any) -> Row:  # noqa: B008
    names = ("session_id", "agent_id", "tool")
    fields = {
        "event_type": "tool_call",
        **{name: WHO[name] for name in names},
        "contains": ["card", "personal"],
        **said,
    }
    found = [ContainingEntry(seq=seq, recorded_at=NOON, **fields)]
    (row,) = containing(found, log, flags=flags or ("card",), span=span, shown=log.show)
    return row


def test_a_row_says_what_was_masked(log: Log) -> None:
    log.add("tool_call", **MASKED)
    row = told(log)
    assert (set(row.values), row.findings, row.scanned) == (set(CONTAINS_COLUMNS), (), True)
    assert row.values["contains"] == ("card", "personal")
    assert row.values["redactions"] == ("CREDIT_CARD:1", "EMAIL_ADDRESS:2")
    assert (row.values["classification"], row.values["domains"]) == ("restricted", ("gdpr", "pci"))
    assert (row.values["actor_id"], row.values["hash"]) == ("u-7", log.entries[1].hash.hex())
    assert log.shown == [1]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("card",), {"contains": ["card"]}),
        (("card",), {"contains": ["card", "health", "personal"]}),
        (("health",), {}),
        (("secret",), {"contains": ["secret"]}),
        (("card",), {"tool": "else"}),
        (("card",), {"event_type": "request"}),
    ],
)
def test_what_the_database_says_otherwise_is_a_finding(log: Log, flags: tuple[str, ...], said: dict[str, Any]) -> None:
    log.add("tool_call", **MASKED)
    row = told(log, *flags, **said)
    assert kinds(row) == [("column_disagrees", 1)]
    assert row.values["contains"] == ("card", "personal")


def test_an_entry_in_which_nothing_was_masked_contains_nothing(log: Log) -> None:
    log.add("tool_call")
    row = told(log, contains=[])
    assert kinds(row) == [("column_disagrees", 1)]
    assert (row.values["contains"], row.values["redactions"], row.scanned) == ((), None, False)


def test_an_entry_outside_of_the_time_asked_for_is_a_finding(log: Log) -> None:
    log.add("tool_call", **MASKED)
    assert kinds(told(log, span=Span(until=NOON))) == [("column_disagrees", 1)]


def test_of_an_entry_that_was_altered_nothing_is_said(log: Log) -> None:
    log.add("tool_call", **MASKED)
    log.alter(1, event=log.entries[1].event.replace(b"CREDIT_CARD:1", b"CREDIT_CARD:2"))
    row = told(log)
    assert kinds(row) == [("altered_entry", 1)]
    assert row.values.get("contains") is None
    assert log.shown == []
    assert kinds(told(log, seq=2)) == [("missing", 2)]

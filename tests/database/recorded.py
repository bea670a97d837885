"""Reading back what was recorded, for the tests of capture."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.conftest import Database
from unbroken.core.entry import StoredEntry
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.receipt import Kept, Receipt

Entries = Callable[[], list[StoredEntry]]


def events(entries: Entries) -> list[dict[str, Any]]:
    """The log's events in order, each part's commitment replaced by the part's value."""
    return [{**json.loads(entry.event), **_parts(entry)} for entry in entries()]


def types(entries: Entries) -> list[str]:
    """The types of the log's events, in order."""
    return [event["event_type"] for event in events(entries)]


def only(entries: Entries, event_type: str) -> dict[str, Any]:
    """The one event of this type."""
    (event,) = [event for event in events(entries) if event["event_type"] == event_type]
    return event


def every(entries: Entries, event_type: str) -> list[dict[str, Any]]:
    """The events of this type, in order."""
    return [event for event in events(entries) if event["event_type"] == event_type]


def links(entries: Entries) -> list[tuple[str, str | None]]:
    """Each event and its parent, as type and tool, in the log's order; fails where a parent is not in the log before.

    Fails as well where a recorder has used a number that no event in the log has: then one was dropped.
    """
    names: dict[str, str] = {}
    found = []
    for event in events(entries):
        parent = event.get("parent_id")
        assert parent is None or parent in names, "a parent that is not in the log, or only later"
        names[event["id"]] = " ".join([event["event_type"], *filter(None, [event.get("tool")])])
        found.append((names[event["id"]], None if parent is None else names[parent]))
    numbers: dict[str, list[int]] = defaultdict(list)
    for event in events(entries):
        if "recorder" in event:
            numbers[event["recorder"]].append(event["recorder_seq"])
    assert all(sorted(each) == list(range(1, len(each) + 1)) for each in numbers.values())
    return found


def _parts(entry: StoredEntry) -> dict[str, Any]:
    held = {"inputs": entry.inputs, "outputs": entry.outputs, "details": entry.details}
    return {name: json.loads(value) for name, value in held.items() if value is not None}


def receipts(kept: Sequence[Kept]) -> list[Receipt]:
    """What was kept, all of it in the log and nothing in a spool."""
    found = [each for each in kept if isinstance(each, Receipt)]
    assert len(found) == len(kept)
    return found


@contextmanager
def refused(database: Database, ledger: Ledger) -> Iterator[None]:
    """The database refuses this ledger's writes for a block: an administrator has taken its login out of the group."""
    login = ledger.writer.partition(" as ")[0]
    database.server.execute("revoke unbroken_writer from {}", login)
    try:
        yield
    finally:
        database.server.execute("grant unbroken_writer to {}", login)

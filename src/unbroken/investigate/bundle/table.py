"""A bundle's CSV: the entries for people with a spreadsheet. What is evidence is the JSON Lines beside it."""

from collections.abc import Callable, Collection
from io import StringIO
from typing import Final

from unbroken.core.commitment import PARTS
from unbroken.core.entry import StoredEntry
from unbroken.core.event import Event
from unbroken.investigate.csv_rows import Cell, CsvOutput
from unbroken.verify.declaration import Declaration

_OF_EVENT: Final = (
    "ts", "event_type", "actor_type", "actor_id", "agent_id", "agent_name", "session_id", "turn_id", "tool", "call_id",
    "side_effect", "status", "resource_type", "resource_id", "recipient", "purpose", "classification", "model",
)  # fmt: skip
_LISTS: Final = ("subjects", "domains", "redactions")
COLUMNS: Final = (
    "seq", "selected", "recorded_at", *_OF_EVENT, "outcome", "decided_by", *_LISTS, *PARTS, "withheld", "erased_by",
    "disposed_by", "session_seq", "writer", "hash",
)  # fmt: skip
"""``selected`` is false for entries that are there to explain others or to fill the range; ``erased_by`` and
``disposed_by`` are the entry that declares this one's content gone."""


class Table:
    """Rows given to ``write`` as bytes, the header first."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._buffer = StringIO()
        self._rows = CsvOutput(self._buffer, COLUMNS)
        self._flush()

    def write(
        self, entry: StoredEntry, event: Event, *, withheld: Collection[str], selected: bool, gone: Declaration | None
    ) -> None:
        """One entry."""
        decision = event.decision
        cells: list[Cell] = [entry.seq, selected, entry.recorded_at, *(getattr(event, name) for name in _OF_EVENT)]
        cells += [None, None] if decision is None else [decision.outcome, decision.by]
        cells += [" ".join(getattr(event, name)) if getattr(event, name) else None for name in _LISTS]
        parts = {name: part.value.decode() for name, part in entry.parts.items()}
        cells += [None if name in withheld else parts.get(name) for name in PARTS]
        cells += [" ".join(sorted(name for name in withheld if name in parts)) or None]
        works = ("erasure", "disposal")
        cells += [gone.seq if gone is not None and gone.work == work else None for work in works]
        cells += [entry.session_seq, entry.writer, entry.hash.hex()]
        self._rows.write(cells)
        self._flush()

    def _flush(self) -> None:
        self._write(self._buffer.getvalue().encode())
        self._buffer.seek(0)
        self._buffer.truncate()

"""What a notary has: a database that anchoring asks, in memory and failing when told to, and a memory of anchors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from unbroken.core.times import format_time, parse_time
from unbroken.errors import UnbrokenError


@dataclass(frozen=True)
class Stated:
    """A key statement."""

    statement: str


@dataclass
class FakeRecord:
    """Receipts by their bytes, alarms in order. ``fails`` is raised by whatever writes."""

    statements: list[Stated] = field(default_factory=list)
    receipts: dict[bytes, tuple[str, str, int, bytes, datetime | None]] = field(default_factory=dict)
    alarms: list[tuple[str, dict[str, str | int | bool]]] = field(default_factory=list)
    fails: UnbrokenError | None = None

    def key_statements(self) -> list[Stated]:
        return self.statements

    def store_receipt(
        self, receipt: bytes, *, anchor: str, kind: str, size: int, root: bytes, at: datetime | None
    ) -> None:
        self._fail()
        self.receipts[receipt] = (anchor, kind, size, root, at)

    def raise_alarm(self, alarm: str, details: Mapping[str, str | int | bool], /) -> int | None:
        self._fail()
        self.alarms.append((alarm, dict(details)))
        return len(self.alarms)

    def _fail(self) -> None:
        if self.fails is not None:
            raise self.fails


def made_older(state: Path, length: timedelta) -> None:
    """In the notary's memory, all that was anchored was anchored that much earlier."""
    file = state / "anchors-1.json"
    written = json.loads(file.read_text())
    for each in written["anchors"].values():
        for key in ("at", "published_at"):
            each[key] = each[key] and format_time(parse_time(each[key]) - length)
    file.write_text(json.dumps(written))

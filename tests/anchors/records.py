"""What a notary's database is asked for by anchoring, in memory, and failing when it is told to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

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

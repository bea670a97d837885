"""What ``unbroken status`` tells of the database's schema and roles: a line, within seconds."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from rich.text import Text

from unbroken import wiring
from unbroken.cli.printing import counted
from unbroken.cli.target import conninfo_of
from unbroken.errors import UnavailableError
from unbroken.store.check import check
from unbroken.store.check_finding import Severity
from unbroken.store.connection import connect

_WITHIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """How many faults and warnings a check of the database lists; both ``None`` where it took too long."""

    faults: int | None
    warnings: int | None

    def in_words(self) -> Text:
        """For people."""
        if self.faults is None or self.warnings is None:
            return Text(f"not checked within {_WITHIN_S:g} s: run `unbroken db check`", "yellow")
        told = [
            counted(number, noun) for number, noun in ((self.faults, "fault"), (self.warnings, "warning")) if number
        ]
        if not told:
            return Text("as released", "green")
        return Text(f"{', '.join(told)}: run `unbroken db check`", "bold red" if self.faults else "yellow")

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"checked": self.faults is not None, "faults": self.faults, "warnings": self.warnings}


def schema_status(store: str) -> SchemaStatus:
    """Checks the database behind ``store``, for as long as a monitor waits."""
    with conninfo_of(store, login=wiring.VERIFIER) as conninfo, connect(conninfo) as connection:
        try:
            with connection.within(_WITHIN_S):
                outcomes = check(connection, patience=timedelta(seconds=_WITHIN_S))
        except UnavailableError:
            return SchemaStatus(None, None)
    faults, warnings = (sum(each.count(of) for each in outcomes) for of in (Severity.FAULT, Severity.WARNING))
    return SchemaStatus(faults, warnings)

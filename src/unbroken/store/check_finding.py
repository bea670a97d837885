"""What a check of the database found."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """A fault breaks what the log relies on, a warning weakens it, a note is to be known."""

    FAULT = "fault"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """The worst first."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found: of which ``object``, what is the matter, and how to ``mend`` it."""

    severity: Severity
    object: str
    found: str
    mend: str


def fault(name: str, found: str, mend: str) -> Finding:
    """What breaks what the log relies on."""
    return Finding(Severity.FAULT, name, found, mend)


def warning(name: str, found: str, mend: str) -> Finding:
    """What weakens it."""
    return Finding(Severity.WARNING, name, found, mend)


def note(name: str, found: str, mend: str) -> Finding:
    """What is to be known."""
    return Finding(Severity.NOTE, name, found, mend)

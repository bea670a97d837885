"""Reading what the first entry of an incarnation says of the one before it."""

from typing import Any, Final, Protocol

from unbroken.core.entry import Head, StoredEntry
from unbroken.core.event import decode_event
from unbroken.core.incarnation import continues
from unbroken.verify.continuation import Continuation
from unbroken.verify.examine import Intact, examine
from unbroken.verify.strict_json import strict

CONTINUED: Final = "log.continued"


def continuation_of(entry: StoredEntry) -> Continuation | None:
    """What an entry declares, verified by itself; ``None`` for any that is not the log's own word on that."""
    step = examine(entry)
    if not isinstance(step, Intact) or step.faults or step.absences or entry.seq != 1 or entry.details is None:
        return None
    event = decode_event(entry.event)
    if event.event_type != CONTINUED or event.recorder is not None:
        return None
    try:
        return _read(entry.log, strict(entry.details.decode()))
    except (ValueError, TypeError, KeyError):
        return None


def _read(log: str, said: Any) -> Continuation | None:
    kept = Head.parse(f"{said['kept']}:{said['kept_hash']}")
    after, reason = said["after"], said["reason"]
    if not isinstance(after, str) or not isinstance(reason, str) or not continues(log, after):
        return None
    first, last = said.get("lost_from"), said.get("lost_to")
    is_known = isinstance(first, int) and isinstance(last, int) and first <= last
    also = said.get("also_lost", [])
    if not isinstance(also, list) or not all(isinstance(each, str) for each in also):
        return None
    return Continuation(log, after, kept, (first, last) if is_known else None, reason, tuple(also))


class Related(Protocol):
    """A log that gives the first entries of its incarnations."""

    log: str

    def beginnings(self) -> list[StoredEntry]:
        """The first entry of each incarnation of this log that has one, in order."""


def continuations_of(source: Related) -> tuple[Continuation | None, Continuation | None]:
    """What the log itself continues, and what continues it."""
    found = [each for each in map(continuation_of, source.beginnings()) if each is not None]
    before = next((each for each in found if each.log == source.log), None)
    return before, next((each for each in found if each.after == source.log), None)

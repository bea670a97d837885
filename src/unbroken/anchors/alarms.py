"""When anchoring is an alarm, and that each is told once: by an entry of the log, as soon as the database takes one.

A quiet log stays quiet: nothing is told while all goes well, nor again while the same goes on. What was told, and what
the database would not take yet, stands in a small file of the notary's, so that a restart neither repeats nor forgets.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from unbroken.anchors.anchor import Kind, Oddity
from unbroken.anchors.lateness import Lateness
from unbroken.anchors.publishing import Outcome
from unbroken.core.canonical import canonical
from unbroken.core.times import format_time
from unbroken.errors import AnchorError, ConfigurationError, UnavailableError, UnbrokenError
from unbroken.files import exchange

LATE: Final = "log.anchoring_late"
RESUMED: Final = "log.anchoring_resumed"
CONTRADICTED: Final = "log.anchor_contradicted"
_MOST: Final = 100
"""Alarms that wait for the database: what comes after says no more than they do."""
_LONGEST: Final = 500
_MAX_BYTES: Final = 1024 * 1024

Details = dict[str, str | int | bool]


class Alarm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry to come: its type, and what it says."""

    type: str
    details: Details


class Alarmed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of alarms after a round.

    ``late_since`` is when lateness was noticed, ``contradicting`` names the anchors that contradict the log, and
    ``untold`` is what no entry tells yet, the oldest first.
    """

    late_since: str | None = None
    contradicting: tuple[str, ...] = ()
    untold: tuple[Alarm, ...] = ()


@dataclass(frozen=True, slots=True)
class Met:
    """What a round met that alarms follow from; ``now`` is aware, by the notary's clock."""

    outcomes: tuple[Outcome, ...]
    lateness: Lateness
    kinds: Mapping[str, Kind]
    quorum: int
    now: datetime


def after(before: Alarmed, met: Met) -> Alarmed:
    """What is known after a round, with what it adds to be told."""
    late_since, about_time = _timeliness(before, met)
    contradicting, about_anchors = _contradictions(before, met)
    untold = (*before.untold, *about_time, *about_anchors)
    return Alarmed(late_since, contradicting, untold[:_MOST])


def told(known: Alarmed, tell: Callable[[str, Details], object]) -> tuple[Alarmed, UnbrokenError | None]:
    """Tells what is untold, in order; what is left where the database does not take one, and why."""
    for at, alarm in enumerate(known.untold):
        try:
            tell(alarm.type, alarm.details)
        except UnbrokenError as error:
            return msgspec.structs.replace(known, untold=known.untold[at:]), error
    return msgspec.structs.replace(known, untold=()), None


class AlarmsFile:
    """Where it stands. Raises :class:`ConfigurationError` for a damaged one, :class:`UnavailableError` for the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Alarmed:
        """What it says; nothing is known where there is none yet."""
        try:
            with self._path.open("rb") as file:
                return msgspec.json.decode(file.read(_MAX_BYTES), type=Alarmed)
        except FileNotFoundError:
            return Alarmed()
        except OSError as error:
            raise ConfigurationError(f"{self._path} can't be read ({error.strerror})") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"{self._path}, which has what alarms were told, is damaged. Put it aside: those that still hold are"
                " told once more"
            ) from error

    def write(self, known: Alarmed) -> None:
        """Replaces it, whole or not at all; durable when it returns."""
        try:
            exchange(self._path, canonical(msgspec.to_builtins(known)))
        except OSError as error:
            raise UnavailableError(f"{self._path} can't be written ({error.strerror}): alarms may be told twice") from (
                error
            )


def _timeliness(before: Alarmed, met: Met) -> tuple[str | None, tuple[Alarm, ...]]:
    late = met.lateness
    if late.is_late is (before.late_since is not None):
        return before.late_since, ()
    if not late.is_late:
        over: Details = {"quorum": met.quorum, "size": late.size, "late_since": before.late_since or ""}
        return None, (Alarm(RESUMED, over),)
    names = ", ".join(each.anchor for each in late.anchors if each.is_late)
    said: Details = {"quorum": met.quorum, "size": late.size, "allowed_s": int(late.allowed.total_seconds())}
    said |= {"anchors": names[:_LONGEST]}
    said |= {} if late.age is None else {"last": format_time(met.now - late.age)}
    return format_time(met.now), (Alarm(LATE, said),)


def _contradictions(before: Alarmed, met: Met) -> tuple[tuple[str, ...], tuple[Alarm, ...]]:
    """Once for each anchor that begins to contradict, and for each thing that it lost."""
    now = {each.anchor: each.error for each in met.outcomes if isinstance(each.error, AnchorError)}
    over = {each.anchor for each in met.outcomes if each.state in ("anchored", "current")}
    still = {name for name in before.contradicting if name in met.kinds and name not in over}
    new = [
        Alarm(CONTRADICTED, {"anchor": name, "kind": met.kinds[name], "what": "answer", "problem": _words(error)})
        for name, error in now.items()
        if name not in still
    ]
    odd = [_about(oddity, met.kinds) for each in met.outcomes for oddity in each.oddities]
    return tuple(sorted(still | set(now))), (*new, *odd)


def _about(oddity: Oddity, kinds: Mapping[str, Kind]) -> Alarm:
    size = {} if oddity.size is None else {"size": oddity.size}
    said = {
        "anchor": oddity.anchor,
        "kind": kinds[oddity.anchor],
        "what": oddity.what,
        "place": oddity.place[:_LONGEST],
    }
    return Alarm(CONTRADICTED, {**said, **size})


def _words(error: UnbrokenError) -> str:
    return str(error)[:_LONGEST]

"""What an entry ``log.erased`` or ``log.disposed`` says is gone.

Follows spec/FORMAT.md, "What was erased or disposed of".
"""

import re
from collections.abc import Iterator
from typing import Any, Final, Literal, TypeAlias

import msgspec

from unbroken.core.event import Event
from unbroken.core.normalise import MAX_INTEGER, is_holdable
from unbroken.verify.numbers import Run, both
from unbroken.verify.strict_json import strict

ERASED: Final = "log.erased"
DISPOSED: Final = "log.disposed"
Work: TypeAlias = Literal["erasure", "disposal"]
"""What destroys: for somebody who asked for it, or because its time was over."""
WORKS: Final[dict[str, Work]] = {ERASED: "erasure", DISPOSED: "disposal"}
"""The types of entries that declare, with the key under which each has the id of what it belongs to."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_RUN = re.compile(r"([1-9][0-9]{0,15})(?:-([1-9][0-9]{0,15}))?(?:,(?=[1-9])|\Z)")


class Declaration(msgspec.Struct, frozen=True, gc=False):
    """One entry of an erasure or a disposal: numbers of entries whose payload or original is gone, keys, pseudonyms.

    ``id`` is the erasure's or disposal's. Numbers are as they stand there, in :func:`runs_in`'s spelling. ``complete``
    says that it ends with this entry. ``about`` is the earlier incarnation that it speaks of, by its full name, and
    empty where it speaks of its own log. ``at`` is when it was recorded, as lines write it.
    """

    seq: int
    id: str
    payloads: str = ""
    originals: str = ""
    keys: tuple[str, ...] = ()
    pseudonyms: tuple[str, ...] = ()
    complete: bool = False
    about: str = ""
    work: Work = "erasure"
    at: str = ""

    @property
    def limit(self) -> int:
        """It tells of entries with lower numbers than this: in its own log, of those before it."""
        return MAX_INTEGER + 1 if self.about else self.seq


def declaration_of(seq: int, event: Event, details: bytes | None, *, at: str) -> Declaration | None:
    """What entry ``seq`` declares, if it is the log's own; ``details`` are those that match its commitment."""
    work = WORKS.get(event.event_type)
    if work is None or event.recorder is not None or details is None:
        return None
    try:
        said = strict(details.decode())
        is_flat = isinstance(said, dict) and all(map(_is_flat, (*said, *said.values())))
        return _read(seq, work, said, at=at) if is_flat else None
    except ValueError:
        return None


def _read(seq: int, work: Work, said: dict[str, Any], *, at: str) -> Declaration:
    """Raises ``ValueError`` where something has not its form: who can't be read in one thing is believed in none."""
    name = said.get(work)
    if not isinstance(name, str) or not is_uuid(name):
        raise ValueError(f"no {work}")
    declared = Declaration(
        seq,
        name,
        _numbers(said.get("payloads")),
        _numbers(said.get("originals")),
        _texts(said.get("keys")),
        _texts(said.get("pseudonyms")) if work == "erasure" else (),
        said.get("complete") is True,
        _about(said.get("log")),
        work,
        at,
    )
    kept = _numbers(said.get("kept")) if work == "disposal" else ""
    if kept and any(next(both(runs_in(kept), runs_in(gone)), None) for gone in (declared.payloads, declared.originals)):
        raise ValueError("the same was kept and destroyed")
    return declared


def is_uuid(text: str) -> bool:
    """Whether ``text`` is a UUID as lines write it."""
    return _UUID.fullmatch(text) is not None


def _is_flat(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) and is_holdable(item) for item in value)
    return value is None or isinstance(value, int) or (isinstance(value, str) and is_holdable(value))


# The entry that ends it all counts under the same keys what went: a number in place of which ones names none.


def _numbers(value: object) -> str:
    text = value if isinstance(value, str) else ""
    for _ in runs_in(text):
        pass
    return text


def _about(value: object) -> str:
    if value is not None and not (isinstance(value, str) and value):
        raise ValueError("no log")
    return value or ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else ()


def runs_in(text: str) -> Iterator[Run]:
    """The runs that ``3-7,9`` names, which ascend; raises ``ValueError`` where they do not."""
    at = end = 0
    while at < len(text):
        match = _RUN.match(text, at)
        if match is None:
            raise ValueError("no numbers and runs of numbers")
        first, last = int(match[1]), int(match[2] or match[1])
        if not end < first <= last <= MAX_INTEGER:
            raise ValueError("numbers out of order, or too large")
        yield first, last
        at, end = match.end(), last

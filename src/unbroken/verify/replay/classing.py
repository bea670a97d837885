"""The classes that policies go by: every entry's must be that of its event's type, domains and scope."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from unbroken.core.event import Event
from unbroken.verify.replay.table import Found, Remark, Row, Table

ROOM: Final = 1_000_000
"""Classes of a log before what comes is classed by type and domains alone, its scope not being known."""
MAX_SHARED: Final = 10_000
"""Kinds of entries that are remembered."""
MAX_KINDS: Final = 10
"""Kinds of entries that are told apart under the number of one class. Of a class as it should be there is one."""
_LONGEST: Final = 1800
_ASKING: Final = frozenset({"approval_requested", "approval_decided"})
_QUOTED: Final = frozenset(' \t\n\r\v\f,{}"\\')

Kind: TypeAlias = tuple[str, tuple[str, ...], tuple[str, ...]]
"""An event's type, domains and scope."""
Classed: TypeAlias = tuple[int, Kind]
"""The class that a database states of an entry, and what the entry is."""


_kinds: Final[dict[tuple[str, tuple[str, ...] | None, tuple[str, ...] | None], Kind]] = {}
"""Kinds that came before, so that all entries of one share it."""


def kind_of(event: Event) -> Kind:
    """What an event's class is made of: not until when something asked for is valid, which is another each time."""
    stated = event.event_type, event.domains, event.scope
    return _kinds.get(stated) or _new_kind(*stated)


def _new_kind(event_type: str, domains: tuple[str, ...] | None, scope: tuple[str, ...] | None) -> Kind:
    kept = scope or ()
    if event_type in _ASKING:
        kept = tuple(item for item in kept if not item.startswith("valid_until="))
    if len(_kinds) >= MAX_SHARED:
        _kinds.clear()
    kind = _kinds[event_type, domains, scope] = (event_type, domains or (), kept)
    return kind


class Classes(NamedTuple):
    """What some neighbouring entries show of classes.

    ``first`` is where each comes first; ``unclassed`` the first entry without class, and ``late`` the first such behind
    one that has a class; 0 where there is none.
    """

    first: Mapping[Classed, int] = {}
    unclassed: int = 0
    late: int = 0


NONE: Final = Classes()


class Stepping(Protocol):
    """An entry, with its class as stated, and its kind, which the log's own have not."""

    seq: int
    retention_class: int | None
    kind: Kind | None


def classes_in(steps: Iterable[Stepping]) -> Classes:
    """What some neighbouring entries show."""
    first: dict[Classed, int] = {}
    last: dict[int, Kind] = {}
    unclassed = late = 0
    for step in steps:
        stated, kind = step.retention_class, step.kind
        if kind is None:
            continue
        if stated is None:
            unclassed = unclassed or step.seq
            late = late or (step.seq if last else 0)
        elif last.get(stated) is not kind:
            last[stated] = kind
            first.setdefault((stated, kind), step.seq)
    return Classes(first, unclassed, late)


class Class(Row):
    """A class by its number; ``kinds`` are those of the entries that are stated to be of it, and where each came first.

    ``is_many`` tells that there were more of them.
    """

    number: int
    kinds: list[tuple[Kind, int]]
    is_many: bool = False


class RetentionClasses(Table[Class]):
    """A row for each class that an entry is stated to be of.

    Entries of a release before classes have none; behind the first that has one all have.
    """

    name = "retention_classes"
    row = Class
    made = "first_seq"
    is_summed = True

    def __init__(self) -> None:
        super().__init__()
        self._remarks: list[Remark] = []
        self._has_begun = False

    def see(self, classes: Classes) -> None:
        """Takes note of what some entries show."""
        for (number, kind), seq in classes.first.items():
            self._see(number, kind, seq)
        late = classes.unclassed if self._has_begun else classes.late
        if late:
            self._remarks.append(_disagreeing(late, "none"))
        self._has_begun = self._has_begun or bool(classes.first)

    def _see(self, number: int, kind: Kind, seq: int) -> None:
        row = self.rows.get(str(number))
        if row is None:
            self.rows.put(str(number), Class(number=number, kinds=[(kind, seq)]))
        elif all(known != kind for known, _ in row.kinds):
            if len(row.kinds) < MAX_KINDS:
                row.kinds.append((kind, seq))
            else:
                row.is_many = True
            self.rows.put(str(number), row)

    def key(self, found: Found) -> str:
        return str(found["number"])

    def place(self, column: str, row: Class) -> int:  # noqa: ARG002 - all of it follows from one entry
        return row.kinds[0][1]

    def differing(self, row: Class, found: Found) -> Iterator[str]:
        fitting = [kind for kind, _ in row.kinds if _is_of(kind, found)]
        if not fitting:
            yield from (column for column in ("event_type", "domains", "scope") if not _agrees(row, column, found))
            return
        for kind, seq in row.kinds:
            if kind not in fitting:
                self._remarks.append(_disagreeing(seq, f"class {row.number}, which is another"))
        if row.is_many and found["scope"] is not None:
            self._remarks.append(_disagreeing(row.kinds[0][1], f"class {row.number}, as entries of many others"))
        if found["key"] != key_of(fitting[0], is_scope_known=found["scope"] is not None):
            yield "key"

    def remarks(self) -> Iterable[Remark]:
        return self._remarks


def _disagreeing(seq: int, found: str) -> Remark:
    return Remark("class_disagrees", seq, "the class of its event's type, domains and scope", found)


def _is_of(kind: Kind, found: Found) -> bool:
    event_type, domains, scope = kind
    is_scope = found["number"] > ROOM if found["scope"] is None else found["scope"] == list(scope)
    return bool(is_scope and found["event_type"] == event_type and found["domains"] == list(domains))


def _agrees(row: Class, column: str, found: Found) -> bool:
    event_type, domains, scope = row.kinds[0][0]
    told: dict[str, Any] = {"event_type": event_type, "domains": list(domains), "scope": list(scope)}
    return bool(found[column] == told[column])


def key_of(kind: Kind, *, is_scope_known: bool) -> str:
    """The text that the database's function ``class_key`` gives for a class."""
    event_type, domains, scope = kind
    if not is_scope_known:
        event_type, scope = f"{event_type} *", ()
    if not domains and not scope:
        return event_type
    text = f"{event_type} {_array(domains)} {_array(scope)}".encode()
    return f"sha256:{sha256(text).hexdigest()}" if len(text) > _LONGEST else text.decode()


def _array(texts: tuple[str, ...]) -> str:
    """An array as PostgreSQL writes it."""
    return "{" + ",".join(map(_item, texts)) + "}"


def _item(text: str) -> str:
    if text and _QUOTED.isdisjoint(text) and text.upper() != "NULL":
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

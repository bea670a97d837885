"""One walk over the parts of an event: every text and number of them in one text, and the way back to each."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from unbroken.core.normalise import Json
from unbroken.errors import TooLargeError
from unbroken.privacy.redaction.keys import KeyReader, looks_meant
from unbroken.privacy.redaction.page import END, KEY

MAX_DEPTH: Final = 100
_FEWEST_DIGITS: Final = 100_000
"""Numbers below are too short to be anybody's."""
_LABELS: Final = ("name", "key", "field", "label", "type", "id", "question", "attribute", "property", "header")
_VALUES: Final = ("value", "val", "content", "answer", "text", "data")
_SHORT_PIECE: Final = re.compile(r"[\d -]{1,10}")
_MOST_PIECES: Final = 40


class Node:
    """A container on the way to the leaves, with what is to be changed in it."""

    __slots__ = ("changes", "children", "is_json", "key", "names", "parent", "value")

    def __init__(self, value: Any, parent: "Node | None", key: "str | int", *, is_json: bool = False) -> None:
        self.value = value
        self.parent = parent
        self.key = key
        self.is_json = is_json
        self.changes: dict[Any, Json] | None = None
        self.names: dict[str, str] | None = None
        self.children: list[Node] | None = None

    def change(self, key: "str | int", value: Json) -> None:
        """Puts ``value`` in place of what stands at ``key``."""
        self._touch()
        assert self.changes is not None  # noqa: S101 - what _touch has just done
        self.changes[key] = value

    def rename(self, key: str, name: str) -> None:
        """Gives an entry another key."""
        self._touch()
        self.names = self.names or {}
        self.names[key] = name

    def _touch(self) -> None:
        if self.changes is not None:
            return
        self.changes = {}
        if self.parent is not None:
            self.parent._touch()
            self.parent.children = self.parent.children or []
            self.parent.children.append(self)

    def rebuilt(self) -> Any:
        """The container with its changes, and those of the containers in it; the original is not touched."""
        if self.changes is None:
            return self.value
        changes = dict(self.changes)
        for child in self.children or ():
            changes.setdefault(child.key, child.rebuilt())
        if isinstance(self.value, dict):
            built: Any = self._renamed(changes)
        else:
            built = [changes.get(place, item) for place, item in enumerate(self.value)]
        return json.dumps(built, ensure_ascii=False) if self.is_json else built

    def _renamed(self, changes: dict[Any, Json]) -> dict[str, Json]:
        names = self.names or {}
        built: dict[str, Json] = {}
        for key, item in self.value.items():
            name = names.get(key, key)
            count = 1
            while name in built:
                count += 1
                name = f"{names.get(key, key)}#{count}"
            built[name] = changes.get(key, item)
        return built

    def pointer(self, key: "str | int | None") -> str:
        """The JSON pointer (RFC 6901) of the entry at ``key``; ``#`` leads into JSON that a text holds."""
        steps = [] if key is None else [_step(key)]
        node: Node | None = self
        while node is not None and node.parent is not None:
            steps.append(_step(node.key) + ("#" if node.is_json else ""))
            node = node.parent
        return "".join("/" + step for step in reversed(steps))


def _step(key: "str | int") -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text or number that is scanned; ``pieces`` are entries of one list or object that it was joined from."""

    node: Node
    key: "str | int"
    text: str
    is_text: bool = True
    is_key: bool = False
    allowed: bool = True
    pieces: tuple[tuple[int, int, "str | int"], ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """A value that is masked for its key's sake."""

    node: Node
    key: "str | int"
    kind: str
    text: str
    because: str


class Walk:
    """Collects leaves; ``text()`` is what is scanned."""

    def __init__(self, read_key: KeyReader, *, most_letters: int) -> None:
        self.leaves: list[Leaf] = []
        self.starts: list[int] = []
        self.named: list[Named] = []
        self._read_key = read_key
        self._pieces: list[str] = []
        self._length = 0
        self._most = most_letters

    def text(self) -> str:
        """All leaves; within them nothing can be taken for what separates them."""
        joined = "".join(self._pieces)
        if joined.count(END) == len(self.leaves) and joined.count(KEY) == len(self.leaves) and "\x02" not in joined:
            return joined
        return "".join(self._clean())

    def _clean(self) -> Iterator[str]:
        for piece in self._pieces:
            head, _, value = piece.partition(KEY)
            yield head + KEY + value[:-1].translate({0: " ", 1: " ", 2: " "}) + END

    def part(self, root: Node, name: str, value: Json) -> None:
        """Walks one part of the event."""
        self._value(root, name, value, context="", kind=None, allowed=False, depth=0)

    def _add(self, leaf: Leaf, context: str) -> None:
        self._pieces.append(f"{context}{KEY}{leaf.text}{END}")
        self.starts.append(self._length + len(context) + 1)
        self._length += len(context) + len(leaf.text) + 2
        if self._length > self._most:
            raise TooLargeError(f"an event with more than {self._most:,} characters isn't scanned")
        self.leaves.append(leaf)

    def _value(
        self, node: Node, key: "str | int", value: Json, *, context: str, kind: str | None, allowed: bool, depth: int
    ) -> None:
        if value is None or value is True or value is False:
            return
        if isinstance(value, str):
            self._text(node, key, value, context=context, kind=kind, allowed=allowed, depth=depth)
        elif isinstance(value, dict):
            self._object(Node(value, node, key), context=context, kind=kind, allowed=allowed, depth=depth + 1)
        elif isinstance(value, list):
            self._list(Node(value, node, key), context=context, kind=kind, allowed=allowed, depth=depth + 1)
        else:
            self._number(node, key, value, context=context, kind=kind, allowed=allowed)

    def _text(
        self, node: Node, key: "str | int", value: str, *, context: str, kind: str | None, allowed: bool, depth: int
    ) -> None:
        if value[:1] in ("{", "[") and self._json(
            node, key, value, context=context, kind=kind, allowed=allowed, depth=depth
        ):
            return
        if kind is not None:
            self._mask(node, key, value, kind=kind, context=context)
        elif value:
            self._add(Leaf(node, key, value, allowed=allowed), context)

    def _mask(self, node: Node, key: "str | int", text: str, *, kind: str, context: str) -> None:
        if text.strip():
            self.named.append(Named(node, key, kind, text, context))

    def _number(
        self, node: Node, key: "str | int", value: float, *, context: str, kind: str | None, allowed: bool
    ) -> None:
        if isinstance(value, float):
            whole = value.is_integer() and abs(value) < 1e20
            text = str(int(value)) if whole else repr(value)
        else:
            whole, text = True, str(value)
        if kind is not None:
            self._mask(node, key, text, kind=kind, context=context)
        elif whole and (value >= _FEWEST_DIGITS or value <= -_FEWEST_DIGITS):
            self._add(Leaf(node, key, text, is_text=False, allowed=allowed), context)

    def _json(
        self, node: Node, key: "str | int", value: str, *, context: str, kind: str | None, allowed: bool, depth: int
    ) -> bool:
        """Walks JSON that a text holds, as the arguments of a tool are; answers whether it is some."""
        if value.rstrip()[-1:] not in ("}", "]") or len(value) < 4:
            return False
        try:
            parsed = json.loads(value, object_pairs_hook=_unambiguous)
        except (ValueError, RecursionError):
            return False
        inner = Node(parsed, node, key, is_json=True)
        if isinstance(parsed, dict):
            self._object(inner, context=context, kind=kind, allowed=allowed, depth=depth + 1)
        else:
            self._list(inner, context=context, kind=kind, allowed=allowed, depth=depth + 1)
        return True

    def _object(self, node: Node, *, context: str, kind: str | None, allowed: bool, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise TooLargeError(f"a value nested deeper than {MAX_DEPTH} levels isn't scanned")
        entries: dict[str, Json] = node.value
        label = self._label(entries) if kind is None else None
        read_key = self._read_key
        for key, value in entries.items():
            said = read_key(key)
            if not said.harmless:
                self._key(node, key)
            own = said.words
            if said.generic:
                own = f"{context} {own}" if context else own
            its_kind = said.kind or kind
            if said.kind is not None and said.doubtful and kind is None and not _looks_meant(said.kind, value):
                its_kind = None
            if label is not None and key in _VALUES:
                its_kind, own = its_kind or label[0], f"{label[1]} {own}"
            self._value(
                node, key, value, context=own, kind=its_kind, allowed=said.allowed or (said.generic and allowed), depth=depth
            )
        self._split(node, list(entries.items()), context)

    def _key(self, node: Node, key: str) -> None:
        self._add(Leaf(node, key, key, is_key=True), "")

    def _label(self, entries: dict[str, Json]) -> tuple[str | None, str] | None:
        """What ``{"name": "ssn", "value": …}`` says of its value: its kind, and words of context."""
        if entries.keys().isdisjoint(_VALUES):
            return None
        for name in _LABELS:
            label = entries.get(name)
            if isinstance(label, str) and len(label) <= 64:
                said = self._read_key(label)
                if said.kind is not None and not said.doubtful:
                    return said.kind, said.words
                if said.words and name != "type":
                    return None, said.words
        return None

    def _list(self, node: Node, *, context: str, kind: str | None, allowed: bool, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise TooLargeError(f"a value nested deeper than {MAX_DEPTH} levels isn't scanned")
        items: list[Json] = node.value
        for place, item in enumerate(items):
            self._value(node, place, item, context=context, kind=kind, allowed=allowed, depth=depth)
        if kind is None:
            self._split(node, list(enumerate(items[: _MOST_PIECES + 1])), context)

    def _split(self, node: Node, entries: list[tuple[Any, Json]], context: str) -> None:
        """Adds short runs of digits that follow one another, as one number that may have been cut up."""
        if not 2 <= len(entries) <= _MOST_PIECES or not _is_piece(entries[0][1]) or not _is_piece(entries[-1][1]):
            return
        pieces: list[tuple[int, int, Any]] = []
        texts: list[str] = []
        at = 0
        for key, item in entries:
            if not _is_piece(item):
                return
            text = str(item).strip()
            pieces.append((at, at + len(text), key))
            texts.append(text)
            at += len(text) + 1
        if at - len(texts) >= 9:
            self._add(Leaf(node, "", " ".join(texts), pieces=tuple(pieces)), context)


def _is_piece(item: Json) -> bool:
    if isinstance(item, str):
        return _SHORT_PIECE.fullmatch(item) is not None and item.strip(" -") != ""
    return type(item) is int and 0 <= item < 10_000


def _looks_meant(kind: str, value: Json) -> bool:
    return not isinstance(value, str | int | float) or looks_meant(kind, str(value))


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; raises ValueError where a key stands twice, since only one of the values would be seen."""
    built = dict(pairs)
    if len(built) != len(pairs):
        raise ValueError("a key stands twice")
    return built

"""One walk over the parts of an event: every text and number of them in one text, and the way back to each."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, NamedTuple

from unbroken.core.normalise import Json
from unbroken.errors import TooLargeError
from unbroken.privacy.redaction.keys import KeyMeaning, KeyReader, Place, looks_meant
from unbroken.privacy.redaction.page import END, KEY
from unbroken.privacy.redaction.plain import FORMS, OWN_FORMS, PSEUDONYM_LETTERS, is_plain_number, is_uuid

MAX_DEPTH: Final = 100
_FEWEST_DIGITS: Final = 100_000
"""Numbers below are too short to be anybody's."""
_LABELS: Final = ("name", "key", "field", "label", "type", "id", "question", "attribute", "property", "header")
_VALUES: Final = ("value", "val", "content", "answer", "text", "data")
_SHORT_PIECE: Final = re.compile(r"[\d -]{1,10}")
_MOST_PIECES: Final = 40
_LONGEST_PIECE: Final = 10
_OPENS: Final = frozenset("{[")
_CLOSES: Final = frozenset("}]")
_SHORTEST_JSON: Final = 4
_LARGEST: Final = 1e20


class Node:
    """A container on the way to the leaves, with what is to be changed in it."""

    # Few of them are ever changed: what most don't have stands here and costs nothing.
    is_json = False
    changes: dict[Any, Json] | None = None
    names: dict[str, str] | None = None
    children: "list[Node] | None" = None

    def __init__(self, value: Any, parent: "Node | None", key: "str | int") -> None:
        self.value = value
        self.parent = parent
        self.key = key

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
        """Makes ready for changes, here and in all that this stands in."""
        node = self
        while node.changes is None:
            node.changes = {}
            if node.parent is None:
                return
            node.parent.children = node.parent.children or []
            node.parent.children.append(node)
            node = node.parent

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


class Leaf(NamedTuple):
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


_new: Final = tuple.__new__
_NONE_SETTLED: Final[dict[str, Place]] = {}
_NO_PLACE: Final = Place("", None, False, True)


class Walk:
    """Collects leaves; ``text()`` is what is scanned."""

    def __init__(self, read_key: KeyReader, *, most_letters: int, sparing: bool = False) -> None:
        """``sparing``: values are left out of which their form alone shows that no rule finds anything in them.

        Otherwise only those of the record's own forms below its own keys are.
        """
        self.leaves: list[Leaf] = []
        self.named: list[Named] = []
        self._read_key = read_key
        self._pieces: list[str] = []
        self._most = most_letters
        self._sparing = sparing
        self._forms = FORMS if sparing else OWN_FORMS
        self._stays = attrgetter("quiet" if sparing else "own")

    @cached_property
    def starts(self) -> list[int]:
        """Where in the text each leaf's own begins; the walk must be over."""
        starts, at = [], 0
        for piece, leaf in zip(self._pieces, self.leaves, strict=True):
            at += len(piece)
            starts.append(at - len(leaf.text) - 1)
        return starts

    def text(self) -> str:
        """All leaves; within them nothing can be taken for what separates them."""
        if sum(map(len, self._pieces)) > self._most:
            raise TooLargeError(f"an event with more than {self._most:,} characters isn't scanned")
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
        self._value(root, name, value, _NO_PLACE, 0)

    def _text(self, node: Node, key: "str | int", value: str, place: Place) -> None:
        form = self._forms.get(len(value))
        if form is None or not (self._stays(place) or len(value) == PSEUDONYM_LETTERS) or form(value) is None:
            self._pieces.append(f"{place.context}{KEY}{value}{END}")
            # What the class itself would do, without its detour.
            self.leaves.append(_new(Leaf, (node, key, value, True, False, place.allowed, ())))

    def _add(self, leaf: Leaf, context: str) -> None:
        self._pieces.append(f"{context}{KEY}{leaf.text}{END}")
        self.leaves.append(leaf)

    def _value(self, node: Node, key: "str | int", value: Json, place: Place, depth: int) -> None:
        if isinstance(value, str):
            if value[:1] in _OPENS and self._json(node, key, value, place, depth):
                return
            if place.kind is not None:
                self._mask(node, key, value, place)
            elif value:
                self._text(node, key, value, place)
        elif isinstance(value, dict):
            self._object(Node(value, node, key), place, depth + 1)
        elif isinstance(value, list):
            self._list(Node(value, node, key), place, depth + 1)
        elif value is not None and value is not True and value is not False:
            self._number(node, key, value, place)

    def _mask(self, node: Node, key: "str | int", text: str, place: Place) -> None:
        if text.strip() and place.kind is not None:
            self.named.append(Named(node, key, place.kind, text, place.context))

    def _number(self, node: Node, key: "str | int", value: float, place: Place) -> None:
        if isinstance(value, float):
            whole = value.is_integer() and abs(value) < _LARGEST
            if not whole and place.kind is None:
                return
            text = str(int(value)) if whole else repr(value)
        else:
            whole, text = True, str(value)
        if place.kind is not None:
            self._mask(node, key, text, place)
        elif whole and (value >= _FEWEST_DIGITS or value <= -_FEWEST_DIGITS):
            if self._sparing and place.quiet and is_plain_number(text):
                return
            self._add(Leaf(node, key, text, False, False, place.allowed), place.context)

    def _json(self, node: Node, key: "str | int", value: str, place: Place, depth: int) -> bool:
        """Walks JSON that a text holds, as the arguments of a tool are; answers whether it is some."""
        if value.rstrip()[-1:] not in _CLOSES or len(value) < _SHORTEST_JSON:
            return False
        try:
            parsed = json.loads(value, object_pairs_hook=_unambiguous)
        except (ValueError, RecursionError):
            return False
        inner = Node(parsed, node, key)
        inner.is_json = True
        if isinstance(parsed, dict):
            self._object(inner, place, depth + 1)
        else:
            self._list(inner, place, depth + 1)
        return True

    def _object(self, node: Node, place: Place, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise TooLargeError(f"a value nested deeper than {MAX_DEPTH} levels isn't scanned")
        entries: dict[str, Json] = node.value
        label = self._label(entries) if place.kind is None else None
        # Keys that speak for themselves, where nothing else has a say.
        settled = self._read_key.settled if label is None and place.kind is None else _NONE_SETTLED
        forms, stays, pieces, leaves = self._forms, self._stays, self._pieces, self.leaves
        for key, value in entries.items():
            its = settled.get(key) or self._said(node, key, value, place, label)
            if type(value) is str and its.kind is None and value[:1] not in _OPENS:
                length = len(value)
                form = forms.get(length)
                # As _text does, without the call.
                if value and (form is None or not (stays(its) or length == PSEUDONYM_LETTERS) or form(value) is None):
                    pieces.append(f"{its.context}{KEY}{value}{END}")
                    leaves.append(_new(Leaf, (node, key, value, True, False, its.allowed, ())))
            elif value is not None and value is not True and value is not False:
                self._value(node, key, value, its, depth)
        if len(entries) > 1 and _is_piece(next(iter(entries.values()))):
            self._split(node, list(entries.items())[: _MOST_PIECES + 1], place.context)

    def _said(self, node: Node, key: str, value: Json, above: Place, label: tuple[str | None, str] | None) -> Place:
        """What is known of a value below a key; the key itself is collected where it may hold data."""
        said = self._read_key(key)
        if not said.harmless:
            self._add(Leaf(node, key, key, is_key=True), "")
        if label is None and said.plain is not None and (above is _NO_PLACE or not (said.generic or above.kind)):
            return said.plain
        return self._place(said, key, value, above, label)

    def _place(
        self, said: KeyMeaning, key: str, value: Json, above: Place, label: tuple[str | None, str] | None
    ) -> Place:
        """What the key, those above it and a label beside it say of a value."""
        own = said.words
        if said.generic and above.context:
            own = f"{above.context} {own}"
        kind = said.kind or above.kind
        if said.kind is not None and said.doubtful and above.kind is None and not _looks_meant(said, value):
            kind = None
        if label is not None and key in _VALUES:
            kind, own = kind or label[0], f"{label[1]} {own}"
        allowed = said.allowed or (said.generic and above.allowed)
        return Place(own, kind, allowed, self._read_key.is_quiet(own), said.own)

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

    def _list(self, node: Node, place: Place, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise TooLargeError(f"a value nested deeper than {MAX_DEPTH} levels isn't scanned")
        items: list[Json] = node.value
        for index, item in enumerate(items):
            self._value(node, index, item, place, depth)
        if place.kind is None and len(items) > 1 and _is_piece(items[0]):
            self._split(node, list(enumerate(items[: _MOST_PIECES + 1])), place.context)

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
        return len(item) <= _LONGEST_PIECE and _SHORT_PIECE.fullmatch(item) is not None and item.strip(" -") != ""
    return type(item) is int and 0 <= item < 10_000


def _looks_meant(said: KeyMeaning, value: Json) -> bool:
    if not isinstance(value, str | int | float) or said.kind is None:
        return True
    return looks_meant(said.kind, str(value)) and not (said.but_uuid and is_uuid(str(value)))


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; raises ValueError where a key stands twice, since only one of the values would be seen."""
    built = dict(pairs)
    if len(built) != len(pairs):
        raise ValueError("a key stands twice")
    return built

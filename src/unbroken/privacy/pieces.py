"""A stream's items, in which an address or a number may be cut up: ``"jane@ex"``, ``"ample.com"``."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

from unbroken.core.normalise import Json
from unbroken.errors import TooLargeError
from unbroken.privacy.redaction.redactor import Redactor

Path: TypeAlias = tuple[str | int, ...]


class _Place(NamedTuple):
    """Where a text stands, to put another there."""

    container: Any
    key: Any
    text: str


def joined_where_cut(items: list[Json], redactor: Redactor) -> list[Json]:
    """The items, but that texts stand in the first of them as a whole where something is cut up over several.

    Texts of several items belong together when they stand at the same place of each, such as
    ``choices[0].delta.content``; the others of a text that was put together are empty. What can't be looked through is
    put together too.
    """
    copied: list[Json] = _copy(items)
    by_path: dict[Path, list[_Place]] = {}
    for at in range(len(copied)):
        for path, place in _texts(copied, at, ()):
            by_path.setdefault(path, []).append(place)
    for places in by_path.values():
        if len(places) > 1 and _is_cut([place.text for place in places], redactor):
            _put_together(places)
    return copied


def _is_cut(texts: list[str], redactor: Redactor) -> bool:
    """Whether something that is to be masked lies in more than one of the texts when they are read as one."""
    ends = list(accumulate(map(len, texts)))
    try:
        hits = redactor.explain("".join(texts))
    except TooLargeError:
        return True
    # What stands in a text within the text has its place there, and not in these.
    return any(hit.where or bisect_right(ends, hit.span[0]) != bisect_right(ends, hit.span[1] - 1) for hit in hits)


def _put_together(places: list[_Place]) -> None:
    whole = "".join(place.text for place in places)
    for place in places:
        place.container[place.key], whole = whole, ""


def _texts(container: Any, key: Any, path: Path) -> Iterator[tuple[Path, _Place]]:
    value = container[key]
    if isinstance(value, str):
        yield path, _Place(container, key, value)
    elif isinstance(value, dict | list):
        for inner in value if isinstance(value, dict) else range(len(value)):
            yield from _texts(value, inner, (*path, inner))


def _copy(value: Any) -> Any:
    """The same with containers of its own; as deep as the log's values are, at most."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value

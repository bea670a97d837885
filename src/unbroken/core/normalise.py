"""Python values as the JSON that the log can hold.

One documented function, used wherever a payload is captured:

=========================================  ==============================================
Python                                     becomes
=========================================  ==============================================
None, bool, str, int up to ±(2^53-1)       itself
larger int, NaN, infinities                their decimal text, ``"NaN"``, ``"Infinity"``
float                                      itself
Decimal, UUID, pathlib paths               text
datetime (aware)                           RFC 3339 UTC, microseconds
datetime (naive), date, time, timedelta    ISO 8601 text, timedelta in seconds as text
bytes                                      base64 text
enum members                               their value
mappings                                   objects; keys that are not strings become text
lists, tuples, deques, iterables of sets   arrays; sets are sorted by their canonical text
dataclasses, msgspec and pydantic models   objects
text with NUL or lone surrogates           ``{"text": <readable>, "base64": <the exact text>}``
anything else                              ``{"type": "<qualified name>"}``
=========================================  ==============================================

No JSON text can hold a lone surrogate, and parsers disagree on NUL, so such a text is given twice: readable, with
U+FFFD and U+2400 in their place, and exact, as UTF-8 (surrogates encoded as they stand). In keys only the readable
form is kept. An unknown object never becomes its ``repr``, which may hold secrets and changes with every run. Cycles,
depth over :data:`MAX_DEPTH` and more than :data:`MAX_NODES` values are errors.
"""

import base64
import dataclasses
import datetime as dt
import decimal
import enum
import math
import re
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import PurePath
from typing import Any, Final, TypeAlias

import msgspec
import rfc8785

from unbroken.core.times import format_time
from unbroken.errors import InvalidEventError, TooLargeError

MAX_DEPTH: Final = 64
MAX_NODES: Final = 1_000_000
MAX_INTEGER: Final = 2**53 - 1

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_UNHOLDABLE = re.compile("[\x00\ud800-\udfff]")


def normalise(value: object) -> Json:
    """``value`` as JSON that the log can hold; raises :class:`InvalidEventError` or :class:`TooLargeError`."""
    return _Walk().value(value, 0)


def is_holdable(text: str) -> bool:
    """Whether every JSON parser reads ``text`` alike: it has no NUL and no lone surrogate."""
    return "\x00" not in text if text.isascii() else _UNHOLDABLE.search(text) is None


def readable(text: str) -> str:
    """``text`` with U+2400 in place of NUL and U+FFFD in place of lone surrogates."""
    return _UNHOLDABLE.sub(lambda match: "\u2400" if match[0] == "\x00" else "\ufffd", text)


class _Walk:
    """One walk over one value; remembers the containers it stands in, to see cycles."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._nodes = 0

    def value(self, value: object, depth: int) -> Json:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise TooLargeError(f"a value with more than {MAX_NODES} parts can't be recorded")
        convert = _SCALARS.get(type(value))
        if convert is not None:
            return convert(value)
        return self._container(value, depth)

    def _container(self, value: object, depth: int) -> Json:
        if depth >= MAX_DEPTH:
            raise TooLargeError(f"a value nested deeper than {MAX_DEPTH} levels can't be recorded")
        if id(value) in self._open:
            raise InvalidEventError("a value that contains itself can't be recorded")
        self._open.add(id(value))
        try:
            return self._unfold(value, depth + 1)
        finally:
            self._open.discard(id(value))

    def _unfold(self, value: object, depth: int) -> Json:
        if isinstance(value, Mapping):
            return self._object(value, depth)
        if isinstance(value, list | tuple | deque):
            return [self.value(item, depth) for item in value]
        if isinstance(value, AbstractSet):
            return sorted((self.value(item, depth) for item in value), key=rfc8785.dumps)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._object({f.name: getattr(value, f.name) for f in dataclasses.fields(value)}, depth)
        if isinstance(value, msgspec.Struct):
            return self._object(msgspec.structs.asdict(value), depth)
        if hasattr(type(value), "model_fields") and isinstance(fields := _dumped(value), Mapping):
            return self._object(fields, depth)
        return _by_base(value)

    def _object(self, mapping: Mapping[Any, Any], depth: int) -> Json:
        result: dict[str, Json] = {}
        for key, item in mapping.items():
            name = readable(key) if isinstance(key, str) else _key(key)
            if name in result:
                raise InvalidEventError("two keys of one object become the same text")
            result[name] = self.value(item, depth)
        return result


def _dumped(model: Any) -> object:
    """A pydantic model's fields; ``None`` where its own code can't print them: recording must not fail for that."""
    try:
        return model.model_dump()
    except Exception:  # noqa: BLE001 - a model's serialisers may raise anything
        return None


def _key(key: object) -> str:
    text = _Walk().value(key, MAX_DEPTH)
    return text if isinstance(text, str) else rfc8785.dumps(text).decode()


def _text(value: str) -> Json:
    if is_holdable(value):
        return value
    exact = base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()
    return {"base64": exact, "text": readable(value)}


def _integer(value: int) -> Json:
    return value if -MAX_INTEGER <= value <= MAX_INTEGER else str(value)


def _float(value: float) -> Json:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _datetime(value: dt.datetime) -> Json:
    return value.isoformat() if value.tzinfo is None else format_time(value)


_SCALARS: Final[dict[type, Callable[[Any], Json]]] = {
    type(None): lambda value: value,
    bool: lambda value: value,
    str: _text,
    int: _integer,
    float: _float,
    decimal.Decimal: str,
    uuid.UUID: str,
    dt.datetime: _datetime,
    dt.date: dt.date.isoformat,
    dt.time: dt.time.isoformat,
    dt.timedelta: lambda value: str(value.total_seconds()),
    bytes: lambda value: base64.b64encode(value).decode(),
    bytearray: lambda value: base64.b64encode(value).decode(),
}


def _by_base(value: object) -> Json:
    """Subclasses of the scalar types, enumerations and paths; what is left is named by its type."""
    if isinstance(value, enum.Enum):
        return normalise(value.value)
    if isinstance(value, PurePath):
        return _text(str(value))
    # A subclass may print itself otherwise: what is recorded is the plain value.
    if isinstance(value, str):
        return _text(str.__str__(value))
    if isinstance(value, int):
        return _integer(int.__int__(value))
    if isinstance(value, float):
        return _float(float.__float__(value))
    for base, convert in _SCALARS.items():
        if isinstance(value, base):
            return convert(value)
    return {"type": f"{type(value).__module__}.{type(value).__qualname__}"}

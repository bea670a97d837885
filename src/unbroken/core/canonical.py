"""Canonical JSON (RFC 8785) of normalised values.

``rfc8785`` is the definition. msgspec prints the same bytes, an order of magnitude faster, whenever a value has no
floats, only ASCII keys (RFC 8785 sorts by UTF-16 code units, msgspec by code points) and integers within ±(2^53-1);
a property test holds the two equal there.
"""

import msgspec
import rfc8785

from unbroken.core.normalise import MAX_INTEGER, Json
from unbroken.errors import InvalidEventError

_fast = msgspec.json.Encoder(order="sorted")


def canonical(value: Json) -> bytes:
    """The RFC 8785 text of ``value`` in UTF-8; raises :class:`InvalidEventError` for what JSON can't hold."""
    try:
        return _fast.encode(value) if _is_plain(value) else rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError):
        # They quote or hold what was given.
        raise InvalidEventError("a value has no canonical JSON form: normalise it first") from None


def _is_plain(value: Json) -> bool:
    """Whether the fast encoder is known to print ``value`` exactly as RFC 8785 does."""
    stack: list[Json] = [value]
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind is str or item is None or kind is bool:
            continue
        if kind is int:
            if not -MAX_INTEGER <= item <= MAX_INTEGER:  # type: ignore[operator]
                return False
        elif kind is list:
            stack.extend(item)  # type: ignore[arg-type]
        elif kind is dict:
            if not all(type(key) is str and key.isascii() for key in item):  # type: ignore[union-attr]
                return False
            stack.extend(item.values())  # type: ignore[union-attr]
        else:
            return False
    return True

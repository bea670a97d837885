"""JSON as the format has it: what two readers could take for different values is refused."""

import json
from typing import Any, NoReturn

from unbroken.core.normalise import MAX_INTEGER


def strict(text: str) -> Any:
    """The JSON value of ``text``; raises ``ValueError`` for repeated keys, numbers that no line holds, deep nesting."""
    try:
        return _decoder.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply to be read") from error


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a repeated key")
    return result


def _integer(digits: str) -> int:
    if digits.startswith("-") or len(digits) > 16 or int(digits) > MAX_INTEGER:
        raise ValueError("a number that the format does not hold")
    return int(digits)


def _refused(_: str) -> NoReturn:
    raise ValueError("a number that the format does not hold")


_decoder = json.JSONDecoder(
    object_pairs_hook=_no_repeats, parse_int=_integer, parse_float=_refused, parse_constant=_refused
)

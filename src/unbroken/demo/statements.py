"""The statements of ``tamper.sql`` by their names."""

import re
from functools import cache
from importlib import resources
from typing import LiteralString

_NAME = re.compile(r"^-- name: ([a-z_]+)\n", re.MULTILINE)


def statement(name: str) -> LiteralString:
    """One statement of ``tamper.sql``."""
    return _statements()[name]


@cache
def _statements() -> dict[str, LiteralString]:
    text = resources.files("unbroken.demo").joinpath("tamper.sql").read_text(encoding="utf-8")
    _, *blocks = _NAME.split(text)
    return {name: block.strip() for name, block in zip(blocks[::2], blocks[1::2], strict=True)}

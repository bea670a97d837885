"""The SQL that this package runs, read once from the ``.sql`` files beside this module."""

import re
from functools import cache
from importlib import resources
from typing import LiteralString

_NAME = re.compile(r"^-- name: ([a-z_]+)\n", re.MULTILINE)


@cache
def script(name: str) -> LiteralString:
    """The text of one file, by its path below this folder without the ending."""
    return resources.files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def scripts(folder: str) -> list[str]:
    """The names of a folder's files, for :func:`script`, in alphabetical order."""
    names = (item.name for item in resources.files(__name__).joinpath(folder).iterdir())
    return sorted(f"{folder}/{name.removesuffix('.sql')}" for name in names if name.endswith(".sql"))


def query(name: str) -> LiteralString:
    """One statement of ``queries.sql`` by its name."""
    return _queries()[name]


@cache
def _queries() -> dict[str, LiteralString]:
    _, *blocks = _NAME.split(script("queries"))
    pairs = zip(blocks[::2], blocks[1::2], strict=True)
    return {name: text.strip() for name, text in pairs}

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


def query(name: str, *, of: str = "queries") -> LiteralString:
    """One statement by its name, of ``queries.sql`` or of another file that holds several."""
    return _queries(of)[name]


@cache
def text(name: str) -> str:
    """One file that is no SQL, by its name."""
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


@cache
def _queries(file: str) -> dict[str, LiteralString]:
    _, *blocks = _NAME.split(script(file))
    pairs = zip(blocks[::2], blocks[1::2], strict=True)
    return {name: statement.strip() for name, statement in pairs}

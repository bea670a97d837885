"""What a test plants without its entry, left out of what verification reads. Python loads this file by its name.

Most tests work with logins whose duties were planted, so that the first entries of their log are the test's. Nobody may
have a duty of which no entry tells, so verification would rightly find them all.
"""

import importlib.abc
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

PLANTED = (None, "postgres")
"""Entry and granter of a planted grant."""
_MODULE = "unbroken.store.tables"


def leave_planted_out(module: ModuleType) -> None:
    """Has ``Tables.rows`` of ``unbroken.store.tables`` leave out planted grants."""
    read = module.Tables.rows

    def rows(tables: Any, table: str) -> Iterator[Mapping[str, Any]]:
        found = read(tables, table)
        return (row for row in found if table != "grants" or (row["granted_seq"], row["granted_by"]) != PLANTED)

    module.Tables.rows = rows


class _Once(importlib.abc.MetaPathFinder):
    """Waits for the module, so that a command which doesn't read it starts as fast as ever."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG002 - Python's
        if name != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        leave_planted_out(module)


if __name__ == "sitecustomize":
    sys.meta_path.insert(0, _Once())

"""The import table of ARCHITECTURE.md, held against the code."""

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import unbroken

SOURCE = Path(__file__).parents[2] / "src" / "unbroken"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")

FRONT_DOOR = ""
"""``import unbroken``, as users write it."""
EVERYTHING = {"errors", "core", "store", "ledger", "verify", "investigate", "capture", "wiring", "demo", "cli"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "core": {"errors"},
    "store": {"errors", "core"},
    "ledger": {"errors", "core", "store"},
    "verify": {"errors", "core"},
    "investigate": {"errors", "core", "store", "ledger", "verify"},
    "capture": {"errors", "core", "ledger"},
    "wiring": {"errors", "core", "store", "ledger", "verify", "investigate", "capture"},
    "demo": EVERYTHING - {"cli", "demo"} | {FRONT_DOOR},
    "cli": EVERYTHING - {"cli"} | {FRONT_DOOR},
    "__main__": {"cli"},
}
"""``capture`` needs nothing of ``wiring``: it is given what it works with."""


def layer(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def imported(path: Path, *, checking: bool = True) -> Iterator[str]:
    """Absolute dotted names of all that a file imports, wherever in it; ``checking``: also for type checkers only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not checking:
        tree.body = [node for node in tree.body if not (isinstance(node, ast.If) and _is_type_checking(node.test))]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_type_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_what_its_folder_may(path: Path) -> None:
    allowed = MAY_IMPORT[layer(path)] | {layer(path)}
    for name in imported(path):
        package, _, rest = name.partition(".")
        first = FRONT_DOOR if rest in unbroken.__all__ else rest.partition(".")[0]
        assert package != "unbroken" or first in allowed, f"{path} imports {name}"


def test_the_table_has_no_cycle() -> None:
    graphlib.TopologicalSorter(MAY_IMPORT).prepare()


def test_every_layer_is_in_the_table() -> None:
    assert {layer(path) for path in MODULES} <= MAY_IMPORT.keys()


def test_modules_do_not_import_each_other_in_circles() -> None:
    names = {".".join(("unbroken", *path.relative_to(SOURCE).with_suffix("").parts)): path for path in MODULES}
    graph = {
        name: {
            target for each in imported(path, checking=False) if (target := _module(each, names)) not in (None, name)
        }
        for name, path in names.items()
    }
    graphlib.TopologicalSorter(graph).prepare()


def _module(name: str, names: dict[str, Path]) -> str | None:
    """The module of this package that an imported name stands in."""
    return next((each for each in (name, name.rpartition(".")[0]) if each in names), None)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_database_driver_is_used_in_the_store_alone(path: Path) -> None:
    if layer(path) not in ("store", "demo"):
        assert not any(name.split(".")[0] == "psycopg" for name in imported(path))


def test_functions_that_run_as_their_owner_fix_their_search_path() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (SOURCE / "store" / "sql").rglob("*.sql"))
    heads = re.findall(
        r"create or replace function .*? as \$\$|create or replace function .*?\nreturn ", text, re.DOTALL
    )
    definers = [head for head in heads if "security definer" in head]
    assert len(definers) >= 4
    for head in definers:
        assert "set search_path = unbroken, pg_temp" in head, head

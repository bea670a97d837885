"""Who may import whom, held against the code; and where SQL may stand."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "unbroken"
SQL = SOURCE / "store" / "sql"

ALLOWED = {
    "errors": set(),
    "files": set(),
    "core": {"errors"},
    "store": {"core", "errors", "files"},
    "ledger": {"core", "store", "errors", "files"},
    "key_services": {"errors"},
    "destruction": {"core", "errors", "files"},
    "privacy": {"core", "store", "ledger", "key_services", "destruction", "errors", "files"},
    "verify": {"core", "errors"},
    "retention": {"core", "store", "ledger", "verify", "destruction", "errors", "files"},
    "anchors": {"core", "errors", "files"},
    "notary": {"core", "store", "key_services", "errors", "files"},
    "investigate": {"core", "store", "ledger", "verify", "errors", "files"},
    "tiles": {"core", "errors", "files"},
    "spec": set(),
    "capture": {"core", "ledger", "wiring", "errors"},
}
"""What each folder or module may import of the package, besides itself; others may import everything but ``cli``."""
OUTERMOST = "cli"
DRIVERS = {"psycopg", "psycopg_pool", "asyncpg", "sqlalchemy"}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def layer_of(path: Path) -> str:
    """The folder directly below the package, or the name of a module that stands there."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path, *, at_run_time: bool = False) -> Iterator[str]:
    """Full names of all that a module imports, also inside functions; only when it is loaded, where that is asked."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in _loaded(tree) if at_run_time else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import in {path}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _loaded(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if not for_types and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from _loaded(node)


def target_layer(name: str) -> str | None:
    """The layer that an imported name belongs to, ``None`` for other packages."""
    parts = name.split(".")
    if parts[0] != "unbroken":
        return None
    return (
        parts[1]
        if len(parts) > 1 and ((SOURCE / parts[1]).is_dir() or (SOURCE / f"{parts[1]}.py").exists())
        else "__init__"
    )


def test_the_table_speaks_of_layers_that_are_there() -> None:
    layers = {layer_of(path) for path in modules()}
    assert set(ALLOWED) <= layers
    assert len(modules()) > 30


@pytest.mark.parametrize("layer", ALLOWED)
def test_a_layer_imports_only_what_it_may(layer: str) -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in modules()
        if layer_of(path) == layer
        for name in imports_of(path)
        if (target := target_layer(name)) is not None and target not in ALLOWED[layer] | {layer}
    ]
    assert wrong == []


def test_nothing_imports_the_command_line() -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in modules()
        if layer_of(path) not in (OUTERMOST, "__main__")
        for name in imports_of(path)
        if target_layer(name) == OUTERMOST
    ]
    assert wrong == []


def test_every_layer_is_in_the_table_or_may_see_all() -> None:
    known = set(ALLOWED) | {OUTERMOST, "wiring", "__init__", "__main__", "demo"}
    assert {layer_of(path) for path in modules()} <= known


def test_imports_make_no_circle() -> None:
    names = {name_of(path) for path in modules()}
    graph = {
        name_of(path): {
            target
            for name in imports_of(path, at_run_time=True)
            for target in (name, name.rpartition(".")[0])
            if target in names and target != name_of(path)
        }
        for path in modules()
    }
    # A module that imports a name from a package's front imports the package; the front's own imports are its business.
    circle = _circle(graph)
    assert circle is None, " -> ".join(circle or [])


def _circle(graph: dict[str, set[str]]) -> list[str] | None:
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return None
        for target in sorted(graph[name]):
            found = visit(target, [*path, name])
            if found is not None:
                return found
        done.add(name)
        return None

    return next((found for name in sorted(graph) if (found := visit(name, [])) is not None), None)


def test_a_circle_would_be_seen() -> None:
    assert _circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert _circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


# ---- SQL ----


def test_only_the_store_knows_the_driver() -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in modules()
        # The demo forges its own database, as whoever owns it could.
        if layer_of(path) not in ("store", "demo")
        for name in imports_of(path)
        if name.split(".")[0] in DRIVERS
    ]
    assert wrong == []


_STATEMENT = re.compile(
    r"\s*(select\s.+\sfrom\s|select\s+\S+\(|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|truncate\s|with\s+\w+\s+as\s*\("
    r"|create\s+(or\s+replace\s+)?(table|view|function|trigger|role|schema|index|type|database)\s|alter\s+(table|role)\s"
    r"|drop\s+(table|view|function|role|schema|database)\s|call\s+unbroken|begin\s+isolation|lock\s+table)",
    re.IGNORECASE | re.DOTALL,
)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Texts that a module's code holds, without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


def test_no_sql_stands_outside_the_store() -> None:
    wrong = [
        f"{name_of(path)}:{line}: {text.strip()[:60]}"
        for path in modules()
        # A file of the standard library's database that verification fills in passing is no log's store.
        if layer_of(path) != "store" and name_of(path) not in ("unbroken.verify.spilled", "unbroken.ledger.spool.file")
        for line, text in texts(path)
        if _STATEMENT.match(text)
    ]
    assert wrong == []


def test_sql_would_be_seen() -> None:
    for text in ("select * from unbroken.entries", "  INSERT INTO t", "select unbroken.create_log(%s)", "drop role x"):
        assert _STATEMENT.match(text), text
    for text in ("select one of these logs", "created", "update the package", "with a session", "Drop tables? No."):
        assert not _STATEMENT.match(text), text


def test_the_store_sends_nothing_that_was_put_together() -> None:
    """f-strings, ``+`` and ``%`` make statements out of values: names go through psycopg's ``sql`` alone."""
    wrong = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            if node.func.attr in {"execute", "executemany", "stream", "SQL"}:
                built = isinstance(node.args[0], ast.JoinedStr | ast.BinOp)
                wrong += [f"{name_of(path)}:{node.lineno}"] if built else []
    assert wrong == []


_FUNCTION = re.compile(
    r"create\s+or\s+replace\s+function\s+(\S+?)\s*\((.*?)(?:\sas\s+\$|\sreturn\s)", re.DOTALL | re.IGNORECASE
)


def functions() -> list[tuple[str, str]]:
    """Each function's name and its head, up to its body, from all SQL files."""
    texts = (re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8")) for path in sorted(SQL.rglob("*.sql")))
    return [(match[1], match[2]) for text in texts for match in _FUNCTION.finditer(text)]


def is_fixed(name: str, head: str) -> bool:
    """Whether a function looks in its own schema, or in PostgreSQL's, and in the caller's temporary one last."""
    first = "pg_catalog" if name.startswith("unbroken_guard.") else "unbroken"
    return f"set search_path = {first}, pg_temp" in head


def test_every_function_that_runs_as_another_has_a_fixed_search_path() -> None:
    heads = functions()
    assert len(heads) >= 15
    definers = [(name, head) for name, head in heads if "security definer" in head]
    assert {"unbroken.append", "unbroken.receipts", "unbroken.describe_log"} <= {name for name, _ in definers}
    assert [name for name, head in definers if not is_fixed(name, head)] == []


def test_every_function_with_a_body_of_text_has_a_fixed_search_path() -> None:
    """Bodies after ``return`` are bound when they are made; a text is read anew, with the names of whoever calls."""
    text_bodies = [(name, head) for name, head in functions() if "language plpgsql" in head]
    assert text_bodies
    assert [name for name, head in text_bodies if not is_fixed(name, head)] == []


def test_every_function_stands_in_a_schema_of_ours() -> None:
    assert [name for name, _ in functions() if name.split(".")[0] not in ("unbroken", "unbroken_guard")] == []

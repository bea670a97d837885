"""The table of docs/roles.md, made from what came of trying everything.

``python -m tests.database.role_matrix`` writes it.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.database.catalogue import Relation
from tests.database.operations import (
    BEYOND,
    INNER,
    NO,
    NOTHING,
    OWN,
    TICKET,
    TWO,
    UNHELD,
    YES,
    Found,
    Operation,
    Outcome,
)
from tests.database.tenants import DUTIES, GRANTED, MEMBERS, NOBODY, OWNER

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "roles.md"
WRITE: Final = "UNBROKEN_WRITE_ROLES"
"""Set by this module: the test then writes the table in place of comparing it."""

_BEGIN: Final = "<!-- made by tests/database/role_matrix.py -->\n"
_END: Final = "<!-- end of what is made -->\n"
_COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    **{duty: (duty,) for duty in DUTIES},
    "owner": (OWNER,),
    "group, no grant": MEMBERS,
    "grants, no group": (GRANTED,),
    "nothing": (NOBODY,),
}
"""Heading to logins; of several the one that can do most counts."""
_OF_ONESELF: Final = ("granted_logs", "readable_logs", "readable_sessions", "ticketed_logs", "is_open")
"""They tell a login what it has, which may be nothing."""
_ALL_ROWS: Final = ("whole rows", "copy out")

Cells = tuple[str, ...]


def table(found: Found, relations: Sequence[Relation]) -> str:
    """All of it as Markdown."""
    rows = {(operation.section, operation.name, operation.target): _cells(row) for operation, row in found.items()}
    parts = [
        ("Functions", _function_rows(rows)),
        ("Reading", _reading_rows(rows, relations)),
        ("Changing", _change_rows(rows, relations)),
        ("The schema, the session and the server", _session_rows(rows)),
    ]
    made = [f"### {title}\n\n" + _markdown(lines) for title, lines in parts]
    inner = ", ".join(f"`{target}`" for _, name, target in rows if name == INNER)
    return "\n".join([*made, f"Inner functions are {inner}.\n"])


def _cells(row: Mapping[str, Outcome]) -> Cells:
    return tuple(_most([row[login].verdict for login in logins]) for logins in _COLUMNS.values())


def _most(verdicts: Sequence[str]) -> str:
    done = sorted({verdict for verdict in verdicts if verdict != NO})
    return "/".join(done) or NO


def _markdown(lines: Iterator[tuple[str, Cells]]) -> str:
    head = ["", *_COLUMNS]
    body = [head, ["---"] * len(head), *([label, *cells] for label, cells in lines)]
    return "".join("| " + " | ".join(line) + " |\n" for line in body)


def _function_rows(rows: Mapping[tuple[str, str, str], Cells]) -> Iterator[tuple[str, Cells]]:
    inner = set()
    for (section, name, target), cells in rows.items():
        if section != "functions":
            continue
        if name == INNER:
            inner.add(cells)
        else:
            yield f"`{name}`" + (f" {target}" if target else ""), cells
    (cells,) = inner
    yield "every inner function", cells


def _reading_rows(
    rows: Mapping[tuple[str, str, str], Cells], relations: Sequence[Relation]
) -> Iterator[tuple[str, Cells]]:
    whole: dict[Cells, list[str]] = {}
    narrower: list[tuple[str, Cells]] = []
    beyond: dict[Cells, list[str]] = {}
    for relation in relations:
        name, label = relation.name, _label(relation)
        (cells,) = {rows["reading", kind, name] for kind in _ALL_ROWS}
        _put(whole, cells, label)
        columns: dict[Cells, list[str]] = {}
        for column in relation.columns:
            columns.setdefault(rows["reading", f"column {column}", name], []).append(f"`{column}`")
        narrower += [(f"{label}: {', '.join(group)}", other) for other, group in columns.items() if other != cells]
        if ("reading", "rows of another log", name) in rows:
            _put(beyond, rows["reading", "rows of another log", name], label)
    for cells, labels in whole.items():
        yield f"whole rows of {', '.join(labels)}", cells
    yield from narrower
    for cells, labels in beyond.items():
        yield f"rows of another log: {', '.join(labels)}", cells


def _change_rows(
    rows: Mapping[tuple[str, str, str], Cells], relations: Sequence[Relation]
) -> Iterator[tuple[str, Cells]]:
    labels = {relation.name: _label(relation) for relation in relations}
    kinds: dict[str, dict[Cells, list[str]]] = {}
    for (section, name, target), cells in rows.items():
        if section == "changing":
            _put(kinds.setdefault(name, {}), cells, labels[target])
    for kind, groups in kinds.items():
        widest = max(groups.values(), key=len)
        for cells, names in groups.items():
            everything = len(groups) == 1 or (names is widest and len(names) > 3)
            which = ("every table and view" if len(groups) == 1 else "every other") if everything else ", ".join(names)
            yield f"{kind}: {which}", cells


def _session_rows(rows: Mapping[tuple[str, str, str], Cells]) -> Iterator[tuple[str, Cells]]:
    for (section, name, _), cells in rows.items():
        if section == "session":
            yield name, cells


def _put(groups: dict[Cells, list[str]], cells: Cells, label: str) -> None:
    names = groups.setdefault(cells, [])
    if label not in names:
        names.append(label)


def _label(relation: Relation) -> str:
    if relation.partition_of is not None:
        return f"a partition of `{relation.partition_of}`"
    return f"`{relation.name}`"


def written(document: str) -> str:
    """The part of the document that is made."""
    return document.split(_BEGIN)[1].split(_END, maxsplit=1)[0]


def with_table(document: str, made: str) -> str:
    before, rest = document.split(_BEGIN)
    return before + _BEGIN + made + _END + rest.split(_END)[1]


def wrong_refusals(found: Found) -> list[str]:
    """Outcomes that nothing may have: refused for the wrong reason, rows that are missing, or too many."""
    allowed = {YES, TICKET, OWN, TWO, NO}
    faults = []
    for operation, row in found.items():
        for login, outcome in row.items():
            if outcome.verdict in allowed or is_expected(operation, login, outcome.verdict):
                continue
            place = f"{operation.section}: {operation.name} {operation.target} as {login}"
            faults.append(f"{place}: {outcome.verdict} {outcome.state or ''} {outcome.said}".strip())
    return faults


def is_expected(operation: Operation, login: str, verdict: str) -> bool:
    """Rows of another log are nobody's but the owner's; a partition by itself has none, not for the owner either."""
    if login == OWNER and (verdict == BEYOND or operation.target.rsplit("_", 1)[-1].isdigit()):
        return True
    if verdict == UNHELD:
        return (login, operation.target) == ("ops", "entries")
    return verdict == NOTHING and operation.name in {"rows of another log", *_OF_ONESELF}


if __name__ == "__main__":
    os.environ[WRITE] = "1"
    sys.exit(
        pytest.main(["-q", "-p", "no:randomly", "tests/database/test_role_matrix.py", "-k", "documented and embedded"])
    )

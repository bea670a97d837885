"""What a run found, as tables for people and as JSON for programs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """Something that was promised, and what came out."""

    what: str
    value: float
    bound: float
    at_least: bool = True

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value < self.bound

    def __str__(self) -> str:
        bound = f"{'>=' if self.at_least else '<'} {figure(self.bound)}"
        return f"{'met   ' if self.met else 'MISSED'} {self.what}: {figure(self.value)} (target {bound})"


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement: a table, the figures in it unrounded, the targets, and what one must know to read it."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures: dict[str, Any]
    targets: Sequence[Target] = ()
    notes: Sequence[str] = field(default=())

    def text(self) -> str:
        lines = ["", f"### {self.title}", "", *_table(self.columns, self.rows)]
        lines += ["", *self.notes] if self.notes else []
        lines += ["", *map(str, self.targets)] if self.targets else []
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        targets = [asdict(target) | {"met": target.met} for target in self.targets]
        return {"measurement": self.name, "figures": self.figures, "targets": targets}


def figure(value: float) -> str:
    """A number in as many digits as are worth reading."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Markdown, aligned; the first column holds names and the others figures."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return [_line(columns, widths), _line(rule, widths), *(_line(row, widths) for row in rows)]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]) + " |"

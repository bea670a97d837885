"""Puts the targets of one or more runs (`run.py --json`) into README.md, with the conditions of the first."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from report import figure

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"(<!-- figures: .*? -->\n).*?(?=^## )", re.DOTALL | re.MULTILINE)


def main() -> None:
    """Rewrites the block of figures."""
    runs = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]]
    if not runs:
        sys.exit("usage: readme.py FIGURES.json [FIGURES.json ...]")
    text = README.read_text(encoding="utf-8")
    lines = [*_table(runs), "", *_conditions(runs[0]["machine"]), ""]
    README.write_text(BLOCK.sub(lambda match: match[1] + "\n" + "\n".join(lines) + "\n", text), encoding="utf-8")


def _table(runs: list[dict[str, Any]]) -> list[str]:
    rows = [
        f"| {target['what']} | {result['server']} | {figure(target['value'])} | {_bound(target)} | {_verdict(target)} |"
        for run in runs
        for result in run["results"]
        for target in result["targets"]
    ]
    return ["| measured | server | figure | target | |", "|---|---|--:|--:|---|", *rows]


def _bound(target: dict[str, Any]) -> str:
    return f"{'≥' if target['at_least'] else '<'} {figure(target['bound'])}"


def _verdict(target: dict[str, Any]) -> str:
    return "met" if target["met"] else "**missed**"


def _conditions(machine: dict[str, Any]) -> list[str]:
    facts = ", ".join(f"{name} {value}" for name, value in machine.items() if not isinstance(value, dict))
    return [f"Measured by `make bench` ({facts}); what is compared with what: [bench/README.md](bench/README.md)."]


if __name__ == "__main__":
    main()

"""The tables of docs/attacks.md, from a run and from the list of the review."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from tests.attacks.catalogue import CHECKS
from tests.attacks.check import Check
from tests.attacks.review import ATTACKS, Attack
from tests.attacks.third_party import NOT_APPLICABLE
from tests.attacks.verdict import Result

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "attacks.md"

_CHECKS: Final = ("check", "who", "tries to", "verdict", "met", "what stands in the way, or finds it", "weak schema")
_REVIEW: Final = ("part", "attack", "held by")
_SCRIPT: Final = ("check", "why it says nothing here")


def checks(installed: Mapping[str, Result], weak: Mapping[str, Result]) -> str:
    """One row for each check."""
    return _table(_CHECKS, (_row(check, installed[check.id], weak[check.id]) for check in CHECKS))


def review() -> str:
    """One row for each attack of the review."""
    return _table(_REVIEW, ((attack.section, attack.tried, _held_by(attack)) for attack in ATTACKS))


def script() -> str:
    """One row for each check of the published script that has no meaning here yet."""
    return _table(_SCRIPT, sorted(NOT_APPLICABLE.items()))


def part(name: str) -> str:
    """What stands in the document between the markers of this name."""
    _, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(_begin(name))
    text, _, _ = rest.partition(_end(name))
    return text.strip()


def replace(parts: Mapping[str, str]) -> None:
    """Writes the tables into the document, each between its markers."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, table in parts.items():
        before, begin, rest = text.partition(_begin(name))
        _, end, after = rest.partition(_end(name))
        if not begin or not end:
            raise SystemExit(f"{DOCUMENT} lacks the markers of {name}")
        text = f"{before}{begin}\n{table}\n{end}{after}"
    DOCUMENT.write_text(text, encoding="utf-8")


def _begin(name: str) -> str:
    return f"<!-- {name}: written by python -m tests.attacks -->\n"


def _end(name: str) -> str:
    return f"<!-- end of {name} -->"


def _row(check: Check, installed: Result, weak: Result) -> tuple[str, ...]:
    fell = "falls" if weak.worked else f"({check.sound})"
    return (check.id, check.who, check.tried, installed.verdict, installed.seen, check.stands, fell)


def _held_by(attack: Attack) -> str:
    if attack.open is not None:
        return f"open: {attack.open}"
    return "<br>".join(
        f"`{Path(file).name}`: {', '.join(name.removeprefix('test_') for name in names)}"
        for file, names in attack.tests
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)

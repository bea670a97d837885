"""The examples in the documents, as data."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Command:
    """One command of a console block and what the document shows after it."""

    line: str
    output: str


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands(block: str) -> list[Command]:
    """The commands of a console block: lines after ``$``, each with what follows up to the next."""
    _, *pieces = re.split(r"^\$ ", block, flags=re.MULTILINE)
    return [Command(*piece.split("\n", 1)) for piece in pieces]

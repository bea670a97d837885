"""Looking for texts in every byte of a folder, as somebody would who got hold of its disk."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path


def files_with(folder: Path, texts: Sequence[str]) -> dict[str, int]:
    """In how many files below ``folder`` each text stands, as UTF-8."""
    wanted = {text: text.encode() for text in texts}
    counts = dict.fromkeys(texts, 0)
    for held in _contents(folder):
        for text, sought in wanted.items():
            counts[text] += sought in held
    return counts


def _contents(folder: Path) -> Iterator[bytes]:
    for path in folder.rglob("*"):
        # The server removes files of its own at any time, and its socket can't be read.
        with suppress(OSError):
            if path.is_file():
                yield path.read_bytes()

"""What no file of the project may hold."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
MARKS = tuple(letter * 7 + " " for letter in "<>|")
SUFFIXES = {".md", ".py", ".sql", ".toml", ".json", ".jsonl", ".txt", ".psql", ".c"}
FOLDERS = ("bench", "docs", "examples", "spec", "src", "tests")


def test_no_merge_was_left_halfway() -> None:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    files += [path for path in ROOT.iterdir() if path.suffix in SUFFIXES]
    assert len(files) > 500
    for path in files:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        assert not [line for line in lines if line.startswith(MARKS)], path

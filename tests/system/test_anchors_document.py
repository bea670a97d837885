"""The sessions in docs/anchors.md are what appears, its file can be read, and every key of a kind is named there."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.system.documents import ROOT, blocks, commands
from tests.system.sessions import folder_with_examples, require_shown, run_with_warnings, settled
from unbroken.anchors import kinds, samples

DOCUMENT = ROOT / "docs" / "anchors.md"


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    with folder_with_examples("auditors", "backup-site") as folder:
        yield folder


def test_the_sessions_are_what_appears(folder: Path) -> None:
    (described,) = blocks(DOCUMENT, "toml")
    before, after = blocks(DOCUMENT, "console")
    for block in (before, after):
        for command in commands(block):
            printed = settled(run_with_warnings(command, folder))
            require_shown(command, printed)
            if command.line.startswith("unbroken keys show"):
                (folder / "notary.vkey").write_text(printed)
        if block is before:
            with (folder / "anchors.toml").open("a") as file:
                file.write(described)


def test_every_key_of_every_kind_is_named() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    table = text[text.index("## The file") : text.index("## Each kind")]
    for kind in (
        *(kinds.DirectoryAnchor, kinds.FileAnchor, kinds.StoreAnchor),
        *(kinds.TimestampAnchor, kinds.WitnessAnchor),
    ):
        assert f'`"{kind.__struct_config__.tag}"' in table
        for key in msgspec.structs.fields(kind):
            assert f"`{key.name}`" in table, (kind, key.name)


def test_every_figure_is_named() -> None:
    source = Path(samples.__file__).read_text(encoding="utf-8")
    names = set(re.findall(r"\bunbroken_anchor\w+", source))
    assert len(names) > 5
    assert names == set(re.findall(r"\bunbroken_anchor\w+", DOCUMENT.read_text(encoding="utf-8")))

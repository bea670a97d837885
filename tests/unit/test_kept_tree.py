"""The tree and its signed heads as a database keeps them: no key is needed to see that the entries are others."""

from collections.abc import Sequence

import pytest

from tests.property.kept_tiles import AllAlike, LevelZeroFromRows, grown
from tests.property.rfc6962 import Tree as Definition
from tests.property.rfc6962 import leaf
from tests.unit.log_in_memory import WholeLog, history
from tests.unit.test_against import note, outside, places
from unbroken.core.tree.tile import Tile
from unbroken.verify.chain import Chain
from unbroken.verify.finding import Report
from unbroken.verify.kept_tree import KeptTree
from unbroken.verify.run import verify_log
from unbroken.verify.tree import Tree

SIZE = 600


def kept(*, changed: int | None = None) -> WholeLog:
    """A log with checkpoints of 200, 300 and all entries; with ``changed``, entries are others than were signed."""
    was, log = history(SIZE), history(SIZE, changed=changed)
    for size in (200, 300, SIZE):
        log.signed.append((size, root(was, size), note(was, size)))
    log.tiles.grow([entry.hash for entry in was.stored])
    return log


def root(log: WholeLog, size: int) -> bytes:
    return Definition([entry.hash for entry in log.stored[:size]]).root(size)


def told(report: Report) -> list[tuple[str, int, str | None]]:
    return [(finding.kind, finding.seq, finding.part) for finding in report.findings]


def test_what_fits_is_no_finding_and_no_proof() -> None:
    report = verify_log(kept())
    assert (report.findings, report.verdict, report.against) == ((), "consistent", None)


def test_whoever_rewrites_entries_and_forgets_the_checkpoints_is_found_without_a_key() -> None:
    report = verify_log(kept(changed=250))
    assert told(report) == [("table_disagrees", 300, "checkpoints")]
    assert report.findings[0].found.endswith("nor do 1 of larger trees")


def test_a_checkpoint_of_more_entries_than_there_are_is_found() -> None:
    log = kept()
    del log.stored[590:]
    assert told(verify_log(log)) == [("truncated", 591, None)]


@pytest.mark.parametrize(
    ("root_instead", "was", "instead"),
    [
        (b"\x01" * 32, "", ""),
        (None, "\n300\n", "\n299\n"),
        (None, "~1\n", "~2\n"),
        (None, "\n\n", "\n"),
    ],
)
def test_a_row_that_says_other_than_its_note_is_found(root_instead: bytes | None, was: str, instead: str) -> None:
    log = kept()
    size, stated, text = log.signed[1]
    log.signed[1] = size, root_instead or stated, text.replace(was, instead, 1)
    assert set(told(verify_log(log))) == {("table_disagrees", 300, "checkpoints")}


def test_a_finding_of_signed_checkpoints_is_not_said_twice() -> None:
    was, log = history(SIZE), kept(changed=250)
    report = verify_log(log, outside=outside(note(was, 300)))
    assert places(report) == [("rewritten", 1)]


@pytest.mark.parametrize("at", [(1, 0)])
def test_a_tile_that_was_changed_or_is_gone_is_found(at: tuple[int, int]) -> None:
    log = kept()
    good = log.tiles.kept[at]
    for wrong in (good[:32] + good[:32], b"\x00" * len(good), good[:32], b""):
        log.tiles.kept[at] = wrong
        assert told(verify_log(log)) == [("table_disagrees", SIZE, "tiles")]
    log.tiles.kept[at] = good + good
    assert told(verify_log(log)) == [], "tiles may be ahead"


class Stored(WholeLog):
    """Nothing but a large tree's tiles, without entries to read."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        super().__init__()
        self.held = LevelZeroFromRows(leaves, grown(leaves))

    def read_tiles(self, tiles: Sequence[Tile], /) -> Sequence[bytes]:
        return self.held.read_tiles(tiles)


def test_every_tile_of_a_tree_of_several_levels_is_compared() -> None:
    size = 2 * 65_536 + 300
    leaves = [leaf(number) for number in range(size)]
    tree = Tree([size])
    for each in leaves:
        tree.add(each)
    stored = Stored(leaves)

    def findings() -> list[str]:
        chain = Chain(tree=tree)
        KeptTree({size: tree.root}).check(chain, stored, is_judged=True)
        return [finding.found for finding in chain.findings.kept]

    assert findings() == []
    assert set(stored.held.above) == {(1, 0), (1, 1), (1, 2), (2, 0)}
    for place, good in list(stored.held.above.items()):
        stored.held.above[place] = good[:-32] + leaf(1)
        assert len(findings()) == 1, place
        stored.held.above[place] = good
    stored.held.above[1, 1] = leaf(2) * 256
    assert findings() == ["others: the tile tile/1/001"]


class Changed(WholeLog):
    """A tree of which one tile is another than it should be."""

    def __init__(self, tiles: AllAlike, changed: Tile) -> None:
        super().__init__()
        self.alike = tiles
        self.changed = changed

    def read_tiles(self, tiles: Sequence[Tile], /) -> Sequence[bytes]:
        read = self.alike.read_tiles(tiles)
        return [leaf(1) * tile.width if tile == self.changed else each for tile, each in zip(tiles, read, strict=True)]


@pytest.mark.parametrize("changed", [Tile(1, 7), Tile(1, 255), Tile(2, 0), Tile(3, 0, 1), Tile(2, 1)])
def test_tiles_are_compared_from_the_top_of_a_high_tree_down(changed: Tile) -> None:
    alike, size = AllAlike(leaf(0)), (1 << 24) + 5
    tree = Tree()
    tree.roots[size] = alike.root(size)
    chain = Chain(tree=tree)
    KeptTree({size: alike.root(size)}).check(chain, Changed(alike, changed), is_judged=True)
    is_of_the_tree = changed != Tile(2, 1)
    assert [finding.part for finding in chain.findings.kept] == ["tiles"] * is_of_the_tree

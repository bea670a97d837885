"""Where tiles and entry bundles stand, and what a bundle holds (C2SP tlog-tiles)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.tree.bundles import MAX_ENTRY_BYTES, Bundle, bundled, unbundled
from unbroken.core.tree.hashing import leaf_hash
from unbroken.core.tree.tile import MAX_SIZE, Tile, tile_around
from unbroken.errors import ProofError

LAST = MAX_SIZE // 256 - 1
"""The last full tile of level 0 that any tree has."""

PATHS = {
    "tile/0/000": Tile(0, 0),
    "tile/0/067": Tile(0, 67),
    "tile/0/999": Tile(0, 999),
    "tile/0/x001/000": Tile(0, 1000),
    "tile/0/x001/x234/067": Tile(0, 1_234_067),
    "tile/1/x001/x234/067.p/1": Tile(1, 1_234_067, 1),
    "tile/2/000.p/255": Tile(2, 0, 255),
    "tile/7/000.p/127": Tile(7, 0, 127),
    "tile/0/x036/x028/x797/x018/x963/966": Tile(0, LAST),
}
STRANGE = (
    "", "/", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/1000", "tile/0/x000/067",
    "tile/0/x001/x000", "tile/0/001/000", "tile/0/X001/000", "tile/0/x1/000", "tile/0/000.p", "tile/0/000.p/",
    "tile/0/000.p/0", "tile/0/000.p/01", "tile/0/000.p/256", "tile/0/000.p/300", "tile/0/000.p/1000", "tile/0/000.p/-1",
    "tile/0/000.p/1/", "tile/0/000/", "/tile/0/000", "tile//000", "tile/00/000", "tile/8/000.p/1", "tile/63/000.p/1",
    "tile/-1/000", "tile/0/-01", "tile/0/+01", "tile/0/0 0", "tile/0/000\n", "tile/0/000.p/1\n", "tile/0/0x0",
    "tile/0/\u0660\u0660\u0661", "tile/\u0660/000", "tile/0/000.p/\u0661", "tile/0/000.p/1\x00", "tile/0/%30%30%30",
    "tile/0/../000", "tile/0/x001/../000", "a/tile/0/000", "tile/entries/000", "tiles/0/000", "TILE/0/000",
    "tile/7/000", "tile/7/000.p/128", "tile/7/001.p/1", "tile/0/x036/x028/x797/x018/x963/967",
    "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/" + "x999/" * 50 + "999",
)  # fmt: skip


@pytest.mark.parametrize(("path", "tile"), PATHS.items(), ids=PATHS)
def test_a_tile_has_one_path(path: str, tile: Tile) -> None:
    assert tile.path == path
    assert Tile.parse(path) == tile


@pytest.mark.parametrize("path", STRANGE, ids=ascii)
def test_what_is_no_tiles_path_is_rejected(path: str) -> None:
    with pytest.raises(ProofError):
        Tile.parse(path)


@given(st.integers(0, 7), st.integers(0, LAST), st.integers(1, 256))
def test_every_tile_is_found_again_by_its_path(level: int, index: int, width: int) -> None:
    try:
        tile = Tile(level, index >> 8 * level, width)
    except ProofError:
        assert ((index >> 8 * level) * 256 + width) << 8 * level > MAX_SIZE
        return
    assert Tile.parse(tile.path) == tile


@given(st.text("tile/0123x.p-", max_size=30) | st.text(max_size=12))
def test_a_path_that_is_taken_is_the_one_that_is_given(text: str) -> None:
    for path in (text, f"tile/{text}", f"tile/0/{text}", f"tile/1/000{text}"):
        try:
            tile = Tile.parse(path)
        except ProofError:
            continue
        assert tile.path == path


@pytest.mark.parametrize(
    "numbers", [(0, 0, 0), (0, 0, 257), (0, -1, 1), (-1, 0, 1), (8, 0, 1), (0, LAST + 1, 256), (7, 0, 128), (7, 1, 1)]
)
def test_a_tile_that_no_tree_has_is_none(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(ProofError):
        Tile(*numbers)


def test_a_tile_tells_what_it_spans() -> None:
    tile = tile_around(70_000 // 256 - 1, level=1, size=70_000)
    assert (tile, tile.start, tile.end, tile.length) == (Tile(1, 1, 17), 256, 273, 17 * 32)
    assert not tile.is_full
    assert Tile(1, 0).is_full


# ---- entry bundles ----

LINES = [b"{}", b"", b"x" * MAX_ENTRY_BYTES, b"\x00\x01"]
HASHES = b"".join(map(leaf_hash, LINES))


def test_a_bundle_stands_beside_its_tile() -> None:
    for path, tile in (("tile/entries/x001/x234/067", Tile(0, 1_234_067)), ("tile/entries/000.p/7", Tile(0, 0, 7))):
        assert Bundle(tile).path == path
        assert Bundle.parse(path) == Bundle(tile)


@pytest.mark.parametrize("path", [path.replace("tile/0/", "tile/entries/") for path in STRANGE], ids=ascii)
def test_what_is_no_bundles_path_is_rejected(path: str) -> None:
    if path != "tile/entries/000":
        with pytest.raises(ProofError):
            Bundle.parse(path)


def test_only_leaves_are_bundled() -> None:
    with pytest.raises(ProofError):
        Bundle(Tile(1, 0))
    with pytest.raises(ProofError):
        Bundle.parse("tile/1/000")


def test_a_bundle_is_taken_apart() -> None:
    content = bundled(LINES)
    assert content.startswith(b"\x00\x02{}\x00\x00\xff\xffx")
    assert unbundled(content, hashes=HASHES) == LINES


@given(st.lists(st.binary(max_size=20), max_size=8))
def test_every_bundle_is_taken_apart(lines: list[bytes]) -> None:
    hashes = b"".join(map(leaf_hash, lines))
    content = bundled(lines)
    assert unbundled(content, hashes=hashes) == lines
    for at in range(len(content)):
        changed = bytes([*content[:at], content[at] ^ 1, *content[at + 1 :]])
        for wrong in (changed, content[:at], content[at + 1 :], content + b"\x00"):
            with pytest.raises(ProofError):
                unbundled(wrong, hashes=hashes)


def test_entries_of_another_tile_are_rejected() -> None:
    for hashes in (HASHES[32:], HASHES[:-32], HASHES + bytes(32), HASHES[:-1], b""):
        with pytest.raises(ProofError):
            unbundled(bundled(LINES), hashes=hashes)


def test_a_line_that_no_bundle_can_hold_is_refused() -> None:
    with pytest.raises(ProofError, match="65535 bytes"):
        bundled([b"", b"x" * (MAX_ENTRY_BYTES + 1)])

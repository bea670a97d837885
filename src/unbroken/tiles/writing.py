"""Writing a log's tree as static files: hashes are computed anew, and published only if they lead to a signed root."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

from unbroken.core.checkpoint import Checkpoint
from unbroken.core.note import parse
from unbroken.core.tree.bundles import Bundle, bundled, unbundled
from unbroken.core.tree.edge import EMPTY, Edge
from unbroken.core.tree.extending import extended
from unbroken.core.tree.hashing import HASH_BYTES
from unbroken.core.tree.paths import WIDTH
from unbroken.core.tree.proving import root_of
from unbroken.core.tree.reading import TileReader, read
from unbroken.core.tree.tile import Tile, tile_around
from unbroken.errors import ConfigurationError, ContradictionError, NoteError, ProofError
from unbroken.tiles.folder import Progress, TileFolder

LOT: Final = WIDTH * WIDTH
"""Leaves at a time: a tile of tiles. So many are in memory, and written again after a crash."""
Told = Callable[[int, int], object]
"""Is told what is done and what there is to do."""


def write_tiles(folder: TileFolder, checkpoint: Checkpoint, source: TileReader, *, told: Told) -> int:
    """Writes the tiles of the checkpoint's tree that the folder lacks; returns how many leaves were added.

    Only level 0 is read of ``source``; everything above is computed. To be called under the folder's lock. Goes on
    where it was interrupted. Raises :class:`ContradictionError` where the leaves do not lead to the checkpoint's root,
    or the folder has a tree that this one does not continue; what is published stands then.
    """
    before, published = folder.progress(checkpoint.origin), published_in(folder, checkpoint.origin)
    edge = _known(folder, before, published)
    if edge.size > checkpoint.size:
        raise ContradictionError(
            f"{folder.path} has a tree of {edge.size} entries, more than the {checkpoint.size} of this checkpoint: the"
            " log came back behind it, or this is an older copy. Nothing was changed"
        )
    start = edge.size
    # Where what is there was damaged, all of it is written anew, also what the published checkpoint alone refers to.
    stops = sorted({published.size if published else 0, checkpoint.size})
    for leaves in _lots(source, start, stops):
        added = extended(edge, leaves)
        for tile, hashes in [*added.full.items(), *added.partial.items()]:
            folder.put(tile.path, hashes)
        edge = added.edge
        folder.keep(checkpoint.origin, Progress(edge.size, edge.root, before.bundled))
        told(edge.size, checkpoint.size)
    if edge.root != checkpoint.root or not _continues(folder, published):
        # The next attempt begins where the published tree ends.
        folder.keep(checkpoint.origin, Progress())
        raise ContradictionError(
            f"the entries' hashes do not lead from what stands in {folder.path} to the root that was signed for"
            f" {checkpoint.size} entries: the log, the checkpoint or the folder was changed. Nothing was published"
        )
    return edge.size - start


def write_bundles(
    folder: TileFolder, checkpoint: Checkpoint, lines: Callable[[int, int], Iterable[bytes]], *, told: Told
) -> int:
    """Writes the entry bundles that the folder lacks, each held against its tile; returns how many entries were read.

    ``lines(after, upto)`` gives the lines of the entries with ``after < seq <= upto``. The tiles are there already.
    Raises :class:`ContradictionError` where a line is not the entry that the tree has; what is published stands then.
    """
    before, start = folder.progress(checkpoint.origin), first_unbundled(folder, checkpoint.origin)
    given, done = iter(lines(start, checkpoint.size)), start
    while done < checkpoint.size:
        tile = tile_around(done, level=0, size=checkpoint.size)
        content = _bundle(tile, list(islice(given, tile.width)), folder)
        folder.put(Bundle(tile).path, content)
        done = tile.end
        if done % LOT == 0 or done == checkpoint.size:
            folder.keep(checkpoint.origin, Progress(before.size, before.root, done))
        told(done, checkpoint.size)
    return done - start


def first_unbundled(folder: TileFolder, origin: str) -> int:
    """After which entry :func:`write_bundles` goes on: a bundle that was partial is written whole."""
    bundled_upto = folder.progress(origin).bundled
    return bundled_upto - bundled_upto % WIDTH


def drop_partial(folder: TileFolder, *, old: int, new: int) -> None:
    """Removes partial files of a tree of ``old`` leaves that are full in the tree of ``new``, which is published.

    Nothing published refers to them any more; whoever still follows the older checkpoint takes the full ones.
    """
    for level in range(8):
        at, position = old >> (8 * level), (old >> (8 * level)) // WIDTH
        if at % WIDTH and new >> (8 * level) >= (position + 1) * WIDTH:
            tile = Tile(level, position)
            folder.drop_partial(tile.path)
            if level == 0:
                folder.drop_partial(Bundle(tile).path)


def published_in(folder: TileFolder, origin: str) -> Checkpoint | None:
    """The checkpoint that stands in the folder, its signatures not verified."""
    note = folder.checkpoint()
    if note is None:
        return None
    try:
        checkpoint = Checkpoint.parse(parse(note).text)
    except NoteError as error:
        raise ConfigurationError(f"what stands in {folder.path} as its checkpoint is none") from error
    if checkpoint.origin != origin:
        raise ConfigurationError(f"the folder {folder.path} holds the log {checkpoint.origin}, and not {origin}")
    return checkpoint


def _known(folder: TileFolder, progress: Progress, published: Checkpoint | None) -> Edge:
    """The edge of the largest tree that is there whole; that of nothing where none is, so that it is written anew."""
    trees = [(progress.size, progress.root)] + ([(published.size, published.root)] if published else [])
    for size, root in sorted(trees, reverse=True):
        with suppress(ProofError):
            edge = Edge.read(size, folder)
            if edge.root == root:
                return edge
    return EMPTY


def _continues(folder: TileFolder, published: Checkpoint | None) -> bool:
    """Whether the tree that was written now begins with the one that is published."""
    return published is None or root_of(published.size, folder) == published.root


def _lots(source: TileReader, start: int, stops: Sequence[int]) -> Iterator[list[bytes]]:
    """The leaves from ``start`` on, in lots that end where a tile of level 1 does and at each of ``stops``."""
    for stop in stops:
        while start < stop:
            end = min(stop, start - start % LOT + LOT)
            tiles = [tile_around(at, level=0, size=end) for at in range(start - start % WIDTH, end, WIDTH)]
            contents = read(tiles, source)
            hashes = b"".join(contents[tile] for tile in tiles)[start % WIDTH * HASH_BYTES :]
            yield [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
            start = end


def _bundle(tile: Tile, lines: list[bytes], folder: TileFolder) -> bytes:
    content = bundled(lines)
    try:
        unbundled(content, hashes=read([tile], folder)[tile])
    except ProofError as error:
        raise ContradictionError(
            f"the entries {tile.start + 1} to {tile.end} are not those that the tree has: they were changed or are"
            " missing. They were not written"
        ) from error
    return content

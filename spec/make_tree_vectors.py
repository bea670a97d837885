"""Writes spec/vectors-tree.json anew: roots, tiles, bundles, proofs and checkpoints, right ones and wrong ones.

Standard library only, and straight from the definitions of RFC 6962: recursive and slow. Nothing is taken from the
package, so that writer and reader can't share a mistake. Nothing is random, so the same file comes out every time.

    python make_tree_vectors.py [FILE]
"""

import base64
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

SIZES: Final = (1, 2, 3, 4, 5, 6, 7, 8, 255, 256, 257, 513, 65_535, 65_536, 65_537, 70_000)
ORIGIN: Final = "clinic.example/agents~1"
MAX_SIZE: Final = 2**63 - 1

Case = dict[str, Any]


# ---- RFC 6962, section 2.1 ----


def line(index: int) -> bytes:
    """The line of the leaf at ``index``: a text that is hashed as any other."""
    return b"entry %d" % index


@cache
def mth(start: int, end: int) -> bytes:
    """The Merkle tree hash over the leaves from ``start`` up to, and without, ``end``."""
    if start == end:
        return hashlib.sha256(b"").digest()
    if end - start == 1:
        return hashlib.sha256(b"\x00" + line(start)).digest()
    middle = start + split(end - start)
    return hashlib.sha256(b"\x01" + mth(start, middle) + mth(middle, end)).digest()


def split(count: int) -> int:
    """The largest power of two below ``count``."""
    power = 1
    while 2 * power < count:
        power *= 2
    return power


def path(index: int, start: int, end: int) -> list[bytes]:
    """The inclusion proof of a leaf in a subtree."""
    if end - start == 1:
        return []
    middle = start + split(end - start)
    if index < middle:
        return [*path(index, start, middle), mth(middle, end)]
    return [*path(index, middle, end), mth(start, middle)]


def proof(old: int, start: int, end: int, *, whole: bool = True) -> list[bytes]:
    """The consistency proof between the tree of ``old`` leaves and a subtree of the new one."""
    if old == end:
        return [] if whole else [mth(start, end)]
    middle = start + split(end - start)
    if old <= middle:
        return [*proof(old, start, middle, whole=whole), mth(middle, end)]
    return [*proof(old, middle, end, whole=False), mth(start, middle)]


def multipath(positions: Sequence[int], start: int, end: int) -> list[bytes]:
    """The proof of several leaves in a subtree."""
    inside = [each for each in positions if start <= each < end]
    if not inside:
        return [mth(start, end)]
    if end - start == 1:
        return []
    middle = start + split(end - start)
    return [*multipath(inside, start, middle), *multipath(inside, middle, end)]


# ---- tiles ----


def tile_path(folder: str, index: int, width: int) -> str:
    """Where a tile or a bundle stands."""
    digits = str(index)
    while len(digits) % 3:
        digits = "0" + digits
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    name = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return f"tile/{folder}/{name}" + (f".p/{width}" if width < 256 else "")


def tile(level: int, index: int, width: int) -> bytes:
    """The tile's bytes: MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l]) for each i below its width."""
    span = 256**level
    positions = range(index * 256, index * 256 + width)
    return b"".join(mth(at * span, (at + 1) * span) for at in positions)


def edge_of(size: int) -> Iterator[tuple[int, int, int]]:
    """Level, index and width of the last tile at each level that has one, full where it has just become so."""
    for level in range(8):
        count = size // 256**level
        if count:
            yield level, (count - 1) // 256, (count - 1) % 256 + 1


def tile_cases() -> Iterator[Case]:
    """The last tiles of each tree: content in full where it is short, else its hash."""
    for size in SIZES:
        for level, index, width in edge_of(size):
            content = tile(level, index, width)
            shown = {"content": content.hex()} if width <= 8 else {"sha256": hashlib.sha256(content).hexdigest()}
            yield {"size": size, "path": tile_path(str(level), index, width), **shown}


def bundle_cases() -> Iterator[Case]:
    """The last bundle of each tree."""
    for size in SIZES:
        index, width = (size - 1) // 256, (size - 1) % 256 + 1
        lines = [line(at) for at in range(index * 256, index * 256 + width)]
        content = b"".join(len(each).to_bytes(2, "big") + each for each in lines)
        shown = {"content": content.hex()} if width <= 8 else {"sha256": hashlib.sha256(content).hexdigest()}
        yield {"size": size, "path": tile_path("entries", index, width), **shown}


def path_cases() -> Iterator[Case]:
    """Spellings of paths: one for each tile, and others that must be refused."""
    for level, index, width in (
        (0, 0, 256), (0, 67, 256), (0, 999, 255), (0, 1000, 256), (0, 1_234_067, 256), (1, 1_234_067, 1), (2, 0, 128),
        (7, 0, 127), (0, MAX_SIZE // 256 - 1, 256),
    ):  # fmt: skip
        yield {"path": tile_path(str(level), index, width), "tile": [level, index, width]}
    for wrong in (
        "tile/0/67", "tile/0/0067", "tile/0/1000", "tile/0/001/000", "tile/0/x000/067", "tile/0/x001/x000",
        "tile/00/000", "tile/8/000.p/1", "tile/0/000.p/0", "tile/0/000.p/01", "tile/0/000.p/256", "tile/0/000/",
        "/tile/0/000", "tile/0/000\n", "tile/0/-01", "tile/0/../000", "tile/7/000",
        tile_path("0", MAX_SIZE // 256, 256),
    ):  # fmt: skip
        yield {"path": wrong, "tile": None}


# ---- proofs ----


def hexes(hashes: Iterable[bytes]) -> list[str]:
    """Hashes as JSON holds them."""
    return [each.hex() for each in hashes]


def flipped(hash_: bytes) -> bytes:
    """The hash with its last bit changed."""
    return hash_[:-1] + bytes([hash_[-1] ^ 1])


def inclusion(index: int, size: int, /, *, wrong: str | None = None, **changed: Any) -> Case:
    """The proof of a leaf, with what was changed; ``wrong`` says why it must be rejected."""
    right = {"leaf": mth(index, index + 1), "root": mth(0, size), "proof": path(index, 0, size)}
    values = {"index": index, "size": size, **right, **changed}
    values |= {"leaf": values["leaf"].hex(), "root": values["root"].hex(), "proof": hexes(values["proof"])}
    return {**values, "wrong": wrong}


def consistency(old: int, new: int, /, *, wrong: str | None = None, **changed: Any) -> Case:
    """The proof between two trees, with what was changed; ``wrong`` says why it must be rejected."""
    right = {"old_root": mth(0, old), "new_root": mth(0, new), "proof": proof(old, 0, new) if 0 < old <= new else []}
    values = {"old_size": old, "new_size": new, **right, **changed}
    values |= {"old_root": values["old_root"].hex(), "new_root": values["new_root"].hex()}
    return {**values, "proof": hexes(values["proof"]), "wrong": wrong}


def inclusion_cases() -> Iterator[Case]:
    """Right proofs at all sizes, and one in the tree of seven with everything that can be wrong with it."""
    for size in SIZES:
        for index in sorted({0, size // 3, size // 2, size - 1}):
            yield inclusion(index, size)
    right = path(4, 0, 7)
    yield inclusion(4, 7, leaf=mth(5, 6), wrong="another leaf")
    yield inclusion(4, 7, leaf=flipped(mth(4, 5)), wrong="a changed leaf")
    yield inclusion(4, 7, index=5, wrong="another index")
    yield inclusion(4, 7, index=0, wrong="an index in the other half")
    yield inclusion(4, 7, root=mth(0, 6), wrong="the root of a smaller tree")
    yield inclusion(4, 7, size=8, root=mth(0, 8), wrong="size and root of a larger tree")
    yield inclusion(4, 7, root=flipped(mth(0, 7)), wrong="a changed root")
    for at in range(len(right)):
        yield inclusion(4, 7, proof=[*right[:at], flipped(right[at]), *right[at + 1 :]], wrong=f"hash {at} changed")
        yield inclusion(4, 7, proof=[*right[:at], *right[at + 1 :]], wrong=f"hash {at} left out")
        yield inclusion(4, 7, proof=[*right[:at], b"", *right[at + 1 :]], wrong=f"hash {at} empty")
    yield inclusion(4, 7, proof=[*right, mth(0, 7)], wrong="a hash too many at the end")
    yield inclusion(4, 7, proof=[mth(4, 5), *right], wrong="a hash too many at the start")
    yield inclusion(4, 7, proof=right[::-1], wrong="the other way round")
    yield inclusion(4, 7, proof=[], wrong="no proof")
    yield inclusion(6, 7, index=7, wrong="an index that the tree does not have")
    yield inclusion(6, 7, index=-1, wrong="a negative index")
    yield inclusion(7, 8, index=-1, wrong="a negative index, which in binary looks like the last one")
    yield inclusion(7, 8, index=15, wrong="an index that looks like the last one in all bits that the tree has")
    yield inclusion(6, 7, index=2**64 - 1, wrong="an index beyond 63 bits")
    yield inclusion(0, 1, size=0, wrong="a tree without leaves")
    yield inclusion(0, 1, size=2**63, wrong="a size beyond 63 bits")
    yield inclusion(0, 1, proof=[mth(0, 1)], wrong="a proof where none is needed")


def consistency_cases() -> Iterator[Case]:
    """Right proofs between neighbouring sizes and far ones, and one with everything that can be wrong with it."""
    for old, new in [
        *pairwise(SIZES),
        *((size, size) for size in (1, 6, 256)),
        (3, 7),
        (256, 70_000),
    ]:
        yield consistency(old, new)
    right = proof(6, 0, 8)
    for at in range(len(right)):
        yield consistency(6, 8, proof=[*right[:at], flipped(right[at]), *right[at + 1 :]], wrong=f"hash {at} changed")
        yield consistency(6, 8, proof=[*right[:at], *right[at + 1 :]], wrong=f"hash {at} left out")
    yield consistency(6, 8, proof=[*right, mth(0, 8)], wrong="a hash too many at the end")
    yield consistency(6, 8, proof=[mth(0, 6), *right], wrong="a hash too many at the start")
    yield consistency(6, 8, proof=right[::-1], wrong="the other way round")
    yield consistency(6, 8, proof=[], wrong="no proof")
    yield consistency(6, 8, old_root=mth(0, 5), wrong="the root of another old tree")
    yield consistency(6, 8, new_root=mth(0, 7), wrong="the root of another new tree")
    yield consistency(6, 8, old_root=mth(0, 8), new_root=mth(0, 6), wrong="roots the wrong way round")
    yield consistency(6, 8, old_size=5, old_root=mth(0, 5), wrong="another old tree")
    yield consistency(6, 8, old_size=8, new_size=6, wrong="sizes the wrong way round")
    yield consistency(4, 8, proof=[mth(0, 4), *proof(4, 0, 8)], wrong="a perfect old tree's root, which is known")
    yield consistency(6, 6, proof=[mth(0, 6)], wrong="a proof between equal sizes")
    yield consistency(6, 6, old_root=mth(0, 5), wrong="other roots at equal sizes")
    yield consistency(0, 0, wrong="the empty tree, of which there is nothing to prove")
    yield consistency(0, 8, wrong="the empty tree, of which there is nothing to prove")
    yield consistency(8, 7, wrong="a tree that has become smaller")
    yield consistency(1, 1, new_size=2**63, wrong="a size beyond 63 bits")


def multiproof(positions: Sequence[int], size: int, /, *, wrong: str | None = None, **changed: Any) -> Case:
    """The proof of several leaves, with what was changed; ``wrong`` says why it must be rejected."""
    right = {
        "leaves": [mth(each, each + 1) for each in positions],
        "root": mth(0, size),
        "proof": multipath(positions, 0, size),
    }
    values = {"positions": list(positions), "size": size, **right, **changed}
    shown = {"leaves": hexes(values["leaves"]), "root": values["root"].hex(), "proof": hexes(values["proof"])}
    return {**values, **shown, "wrong": wrong}


def multiproof_cases() -> Iterator[Case]:
    """Right proofs at all sizes, and one in the tree of seven with everything that can be wrong with it."""
    for size in SIZES:
        for picked in sorted({(0,), (size - 1,), tuple(sorted({0, size // 3, size // 2, size - 1}))}):
            yield multiproof(picked, size)
    yield multiproof(range(7), 7)
    yield multiproof((2, 3, 4), 7)
    yield multiproof(range(250, 260), 513)
    some = (1, 4, 5)
    right, leaves = multipath(some, 0, 7), [mth(each, each + 1) for each in some]
    yield multiproof(some, 7)
    for at in range(len(right)):
        yield multiproof(some, 7, proof=[*right[:at], flipped(right[at]), *right[at + 1 :]], wrong=f"hash {at} changed")
        yield multiproof(some, 7, proof=[*right[:at], *right[at + 1 :]], wrong=f"hash {at} left out")
        yield multiproof(some, 7, proof=[*right[:at], b"", *right[at + 1 :]], wrong=f"hash {at} empty")
        changed = [*leaves[:at], flipped(leaves[at]), *leaves[at + 1 :]]
        yield multiproof(some, 7, leaves=changed, wrong=f"leaf {at} changed")
    yield multiproof(some, 7, proof=[*right, mth(0, 7)], wrong="a hash too many at the end")
    yield multiproof(some, 7, proof=[mth(0, 7), *right], wrong="a hash too many at the start")
    yield multiproof(some, 7, proof=right[::-1], wrong="the other way round")
    yield multiproof(some, 7, proof=[], wrong="no proof")
    yield multiproof(some, 7, leaves=[leaves[0], leaves[2], leaves[1]], wrong="two leaves that changed places")
    yield multiproof(some, 7, positions=[4, 1, 5], leaves=[leaves[1], leaves[0], leaves[2]], wrong="out of order")
    yield multiproof(some, 7, positions=[1, 4, 4], leaves=[leaves[0], leaves[1], leaves[1]], wrong="a leaf twice")
    yield multiproof(some, 7, positions=[1, 4, 6], wrong="another place")
    yield multiproof(some, 7, positions=[1, 4], leaves=leaves[:2], wrong="a leaf left out")
    yield multiproof(some, 7, positions=[], leaves=[], wrong="no leaves")
    yield multiproof(some, 7, positions=[1, 4, 7], wrong="a leaf that the tree does not have")
    yield multiproof(some, 7, positions=[-1, 4, 5], wrong="a negative position")
    yield multiproof(some, 7, root=mth(0, 6), wrong="the root of a smaller tree")
    yield multiproof(some, 7, size=8, root=mth(0, 8), wrong="size and root of a larger tree")
    yield multiproof((0,), 1, size=0, wrong="a tree without leaves")
    yield multiproof((0,), 1, size=2**63, wrong="a size beyond 63 bits")
    yield multiproof((0,), 1, proof=[mth(0, 1)], wrong="a proof where none is needed")


# ---- checkpoints ----


def checkpoint(*lines: str) -> str:
    """A checkpoint's text: its lines, each ended by a newline."""
    return "".join(each + "\n" for each in lines)


def checkpoint_cases() -> Iterator[Case]:
    """Texts of checkpoints, before anybody signs them."""
    root, empty = (base64.b64encode(mth(0, size)).decode() for size in (7, 0))
    for text, size, extensions in (
        (checkpoint(ORIGIN, "7", root), 7, []),
        (checkpoint(ORIGIN, "7", root, "a line more", "— and another"), 7, ["a line more", "— and another"]),
        (checkpoint(ORIGIN, "0", empty), 0, []),
    ):
        yield {"text": text, "origin": ORIGIN, "size": size, "root": mth(0, size).hex(), "extensions": extensions}
    # 32 bytes leave two bits of the last character unused: as decoders mostly ignore them, texts could differ in them.
    spare = root[:-2] + chr(ord(root[-2]) + 1) + "="
    for why, text in {
        "nothing": "",
        "two lines": checkpoint(ORIGIN, "7"),
        "no newline at the end": checkpoint(ORIGIN, "7", root)[:-1],
        "an empty line at the end": checkpoint(ORIGIN, "7", root, ""),
        "an empty line within": checkpoint(ORIGIN, "7", root, "", "more"),
        "no origin": checkpoint("", "7", root),
        "a carriage return": checkpoint(ORIGIN + "\r", "7", root),
        "a leading zero": checkpoint(ORIGIN, "07", root),
        "a sign": checkpoint(ORIGIN, "+7", root),
        "a blank before the size": checkpoint(ORIGIN, " 7", root),
        "a size in other digits": checkpoint(ORIGIN, "\u0667", root),
        "a size beyond 63 bits": checkpoint(ORIGIN, str(2**63), root),
        "a root without its padding": checkpoint(ORIGIN, "7", root.rstrip("=")),
        "a root in base64 with other spare bits": checkpoint(ORIGIN, "7", spare),
        "a root in hex": checkpoint(ORIGIN, "7", mth(0, 7).hex()),
        "a root that is too short": checkpoint(ORIGIN, "7", base64.b64encode(mth(0, 7)[:31]).decode()),
        "a root that no empty tree has": checkpoint(ORIGIN, "0", root),
    }.items():
        yield {"text": text, "wrong": why}


# ---- the file ----


def content() -> dict[str, list[Case]]:
    """All vectors by kind."""
    return {
        "roots": [{"size": size, "root": mth(0, size).hex()} for size in (0, *SIZES)],
        "tiles": list(tile_cases()),
        "bundles": list(bundle_cases()),
        "paths": list(path_cases()),
        "inclusion": list(inclusion_cases()),
        "consistency": list(consistency_cases()),
        "multiproof": list(multiproof_cases()),
        "checkpoints": list(checkpoint_cases()),
    }


def text() -> str:
    """The file's text, a line for each vector."""
    kinds = [
        f"{json.dumps(kind)}: [\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]"
        for kind, cases in content().items()
    ]
    return "{\n" + ",\n".join(kinds) + "\n}\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "vectors-tree.json"
    target.write_text(text(), encoding="utf-8", newline="\n")
    print(f"{sum(map(len, content().values()))} vectors in {target}")

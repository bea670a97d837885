"""spec/TREE.md and its vectors: the package agrees with each, and the example of the page is recomputed."""

import hashlib
import json
import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.test_spec_vectors import SPEC, load
from tests.property.kept_tiles import KeptTiles, grown
from unbroken.core.checkpoint import Checkpoint, opened, signed
from unbroken.core.note import SigningKey, VerifierKey
from unbroken.core.tree.bundles import Bundle, bundled, unbundled
from unbroken.core.tree.hashing import leaf_hash, node_hash
from unbroken.core.tree.multiproof import multiproof
from unbroken.core.tree.proving import consistency_proof, inclusion_proof, root_of
from unbroken.core.tree.tile import MAX_SIZE, Tile, tiles_of
from unbroken.core.tree.verifying import verify_consistency, verify_inclusion, verify_multiproof
from unbroken.errors import NoteError, ProofError

Case = dict[str, Any]

FILE = SPEC / "vectors-tree.json"
VECTORS: dict[str, list[Case]] = json.loads(FILE.read_text(encoding="utf-8"))
SIZES = [case["size"] for case in VECTORS["roots"]]
LINES = [b"entry %d" % index for index in range(max(SIZES))]

make_tree_vectors = load("make_tree_vectors")


@cache
def tiles() -> KeptTiles:
    return grown([leaf_hash(line) for line in LINES])


def unhexed(hashes: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(each) for each in hashes]


def named(case: Case) -> str:
    return str(case.get("wrong") or "-".join(str(value) for value in list(case.values())[:2]))


# ---- vectors ----


def test_there_are_vectors_of_every_kind_and_sort() -> None:
    counts = {kind: len(cases) for kind, cases in VECTORS.items()}
    assert counts == {
        "roots": 17, "tiles": 26, "bundles": 16, "paths": 27, "inclusion": 86, "consistency": 42, "multiproof": 79,
        "checkpoints": 20,
    }  # fmt: skip
    for kind in ("inclusion", "consistency", "multiproof", "checkpoints"):
        wrong = [case for case in VECTORS[kind] if case.get("wrong")]
        assert 15 < len(wrong) < counts[kind]
    assert {255, 256, 257, 65_535, 65_536, 65_537} < set(SIZES)


def test_the_file_is_what_make_tree_vectors_writes() -> None:
    assert FILE.read_bytes() == make_tree_vectors.text().encode()


def test_who_makes_the_vectors_imports_the_standard_library_alone() -> None:
    text = (SPEC / "make_tree_vectors.py").read_text(encoding="utf-8")
    imported = re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)
    assert imported
    assert set(imported) <= sys.stdlib_module_names


@pytest.mark.parametrize("case", VECTORS["roots"], ids=named)
def test_root(case: Case) -> None:
    assert root_of(case["size"], tiles()).hex() == case["root"]


@pytest.mark.parametrize("case", VECTORS["tiles"], ids=named)
def test_tile(case: Case) -> None:
    tile = Tile.parse(case["path"])
    assert tile in set(tiles_of(case["size"]))
    assert_content(case, tiles().read_tiles([tile])[0])


@pytest.mark.parametrize("case", VECTORS["bundles"], ids=named)
def test_bundle(case: Case) -> None:
    bundle = Bundle.parse(case["path"])
    assert bundle.tile in set(tiles_of(case["size"]))
    lines = LINES[bundle.tile.start : bundle.tile.end]
    content = bundled(lines)
    assert_content(case, content)
    assert unbundled(content, hashes=tiles().read_tiles([bundle.tile])[0]) == lines


def assert_content(case: Case, content: bytes) -> None:
    stated = case.get("content") or case["sha256"]
    assert stated == (content.hex() if "content" in case else hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("case", VECTORS["paths"], ids=lambda case: ascii(case["path"]))
def test_path(case: Case) -> None:
    if case["tile"] is None:
        with pytest.raises(ProofError):
            Tile.parse(case["path"])
    else:
        assert Tile.parse(case["path"]) == Tile(*case["tile"])
        assert Tile(*case["tile"]).path == case["path"]


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=named)
def test_inclusion(case: Case) -> None:
    index, size, proof = case["index"], case["size"], unhexed(case["proof"])
    leaf, root = unhexed([case["leaf"], case["root"]])
    if case["wrong"]:
        with pytest.raises(ProofError):
            verify_inclusion(leaf, index, size=size, root=root, proof=proof)
    else:
        verify_inclusion(leaf, index, size=size, root=root, proof=proof)
        assert list(inclusion_proof(index, size, reader=tiles())) == proof


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=named)
def test_consistency(case: Case) -> None:
    old, new, proof = case["old_size"], case["new_size"], unhexed(case["proof"])
    old_root, new_root = unhexed([case["old_root"], case["new_root"]])
    if case["wrong"]:
        with pytest.raises(ProofError):
            verify_consistency(old_root, new_root, old_size=old, new_size=new, proof=proof)
    else:
        verify_consistency(old_root, new_root, old_size=old, new_size=new, proof=proof)
        assert list(consistency_proof(old, new, reader=tiles())) == proof


@pytest.mark.parametrize("case", VECTORS["multiproof"], ids=named)
def test_multiproof(case: Case) -> None:
    positions, size, proof = case["positions"], case["size"], unhexed(case["proof"])
    leaves, (root,) = list(zip(positions, unhexed(case["leaves"]), strict=True)), unhexed([case["root"]])
    if case["wrong"]:
        with pytest.raises(ProofError):
            verify_multiproof(leaves, size=size, root=root, proof=proof)
    else:
        verify_multiproof(leaves, size=size, root=root, proof=proof)
        assert list(multiproof(positions, size, reader=tiles())) == proof


@pytest.mark.parametrize("case", VECTORS["checkpoints"], ids=named)
def test_checkpoint(case: Case) -> None:
    if case.get("wrong"):
        with pytest.raises(NoteError):
            Checkpoint.parse(case["text"])
    else:
        extensions = tuple(case["extensions"])
        expected = Checkpoint(case["origin"], case["size"], bytes.fromhex(case["root"]), extensions)
        assert Checkpoint.parse(case["text"]) == expected
        assert str(expected) == case["text"]


# ---- TREE.md ----


@cache
def example() -> dict[str, str]:
    text = Path(SPEC / "TREE.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^```text example-([a-z]+)\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL))


def hashes(name: str) -> list[bytes]:
    return unhexed(example()[name].split())


def test_the_examples_hashes_are_those_of_its_leaves() -> None:
    leaves = hashes("leaves")
    assert leaves == list(map(leaf_hash, LINES[:7]))
    pairs = [node_hash(*leaves[at : at + 2]) for at in (0, 2, 4)]
    left, right = node_hash(pairs[0], pairs[1]), node_hash(pairs[2], leaves[6])
    assert hashes("nodes") == [*pairs, left, right, node_hash(left, right)]


def test_the_examples_proofs_are_what_the_page_says() -> None:
    leaves, (first, _, _, left, right, root) = hashes("leaves"), hashes("nodes")
    assert hashes("inclusion") == [leaves[5], leaves[6], left]
    assert hashes("consistency") == [leaves[2], leaves[3], first, right]
    assert hashes("multiproof") == [leaves[0], hashes("nodes")[1], leaves[6]]
    verify_inclusion(leaves[4], 4, size=7, root=root, proof=hashes("inclusion"))
    several = [(at, leaves[at]) for at in (1, 4, 5)]
    verify_multiproof(several, size=7, root=root, proof=hashes("multiproof"))
    old_root = node_hash(first, leaves[2])
    verify_consistency(old_root, root, old_size=3, new_size=7, proof=hashes("consistency"))


def test_the_examples_bundle_holds_its_leaves() -> None:
    assert bytes.fromhex(example()["bundle"]) == bundled(LINES[:7])


def test_the_examples_checkpoint_opens() -> None:
    key = VerifierKey.from_text(example()["key"])
    checkpoint = Checkpoint("clinic.example/agents~1", 7, hashes("nodes")[-1])
    text = example()["note"] + "\n"
    assert opened(text, [key], origin=checkpoint.origin) == (checkpoint, [key])
    assert signed(checkpoint, SigningKey(key.name, bytes(range(32)))) == text


def test_the_page_names_the_largest_size_and_the_kinds_of_vectors() -> None:
    text = (SPEC / "TREE.md").read_text(encoding="utf-8")
    assert MAX_SIZE == 2**63 - 1
    assert "2^63-1" in text
    table = text.partition("\n## Vectors\n")[2]
    assert set(re.findall(r"`([a-z]+)`(?=[,` a-z]* \|)", table)) >= set(VECTORS)


def test_a_proof_for_three_leaves_fits_four_as_the_page_warns() -> None:
    leaves = hashes("leaves")
    root = node_hash(node_hash(leaves[0], leaves[1]), leaves[2])
    for size in (3, 4):
        verify_inclusion(leaves[0], 0, size=size, root=root, proof=[leaves[1], leaves[2]])

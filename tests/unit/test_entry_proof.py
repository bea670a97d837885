"""The proof of one entry as a file (C2SP tlog-proof): its one spelling, and what it does not take."""

import base64
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.kept_tiles import grown
from tests.property.rfc6962 import Tree, leaf
from unbroken.core import checkpoint as signing
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.note import SigningKey
from unbroken.core.proof import EntryProof
from unbroken.core.tree.proving import inclusion_proof
from unbroken.errors import ProofError

KEY = SigningKey.generate("a.example/log")
ORIGIN = "a.example/log~1"
LEAVES = [leaf(number) for number in range(300)]
TREE = Tree(LEAVES)
TILES = grown(LEAVES)


def head(size: int) -> tuple[Checkpoint, str]:
    checkpoint = Checkpoint(ORIGIN, size, TREE.root(size))
    return checkpoint, signing.signed(checkpoint, KEY)


def proof_of(index: int, size: int) -> EntryProof:
    return EntryProof(index, inclusion_proof(index, size, reader=TILES), head(size)[1])


def by_the_book(text: str, data: bytes) -> bool:
    """What another program does with it, written from the specification alone."""
    lines = text.split("\n")
    assert lines.pop(0) == "c2sp.org/tlog-proof@v1"
    if lines[0].startswith("extra "):
        lines.pop(0)
    index = int(lines.pop(0).removeprefix("index "))
    end = lines.index("")
    path = [base64.b64decode(line) for line in lines[:end]]
    _, size, root = lines[end + 1 : end + 4]
    return (
        TREE.inclusion(index, int(size)) == path
        and TREE.root(int(size)) == base64.b64decode(root)
        and (TREE.leaves[index] == data)
    )


@given(st.integers(1, 300), st.data())
def test_other_programs_read_it(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = proof_of(index, size)
    assert by_the_book(str(proof), leaf(index))
    assert EntryProof.parse(str(proof)) == proof
    EntryProof.parse(str(proof)).verify(leaf(index), head(size)[0])


def test_it_is_laid_out_as_specified() -> None:
    proof, (_, note) = proof_of(5, 7), head(7)
    hashes = "".join(f"{base64.b64encode(each).decode()}\n" for each in TREE.inclusion(5, 7))
    assert str(proof) == f"c2sp.org/tlog-proof@v1\nindex 5\n{hashes}\n{note}"
    alone = EntryProof(0, (), head(1)[1], b"who knows")
    assert str(alone) == f"c2sp.org/tlog-proof@v1\nextra d2hvIGtub3dz\nindex 0\n\n{head(1)[1]}"
    assert EntryProof.parse(str(alone)) == alone


def test_what_somebody_added_proves_nothing_and_spoils_nothing() -> None:
    proof = EntryProof.parse(
        str(proof_of(5, 7)).replace("index", f"extra {base64.b64encode(b'x' * 99).decode()}\nindex")
    )
    assert proof.extra == b"x" * 99
    proof.verify(leaf(5), head(7)[0])


TEXT = str(proof_of(5, 7))


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.replace("@v1", "@v2"),
        TEXT.replace("\n\n", "\n", 1),
        "c2sp.org/tlog-proof@v1\nindex 5",
        TEXT.replace("index 5", "index 05"),
        TEXT.replace("index 5", "index -5"),
        TEXT.replace("index 5", "index 5 "),
        TEXT.replace("index 5", "index \u0665"),
        TEXT.replace("index 5\n", ""),
        TEXT.replace("index 5", "extra !\nindex 5"),
        TEXT.replace("index 5", "extra AB==\nindex 5"),
        TEXT.replace("index 5", "extra AA==\nextra AA==\nindex 5"),
        TEXT.replace("index 5\n", "index 5\n \n"),
        TEXT.replace("index 5\n", "index 5\nAA==\n"),
        TEXT.replace("index 5\n", "index 5\n" + 64 * f"{base64.b64encode(bytes(32)).decode()}\n"),
        TEXT.replace("\n", "\r\n"),
        " " + TEXT,
    ],
)
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(ProofError):
        EntryProof.parse(text)


@pytest.mark.parametrize("place", range(len(TEXT)))
def test_whatever_is_changed_is_noticed(place: int) -> None:
    """In every character: it is no proof, proves nothing, or brings another checkpoint than the one that is trusted."""
    for other in ("A", "7", "\n"):
        text = TEXT[:place] + other + TEXT[place + 1 :]
        if text == TEXT or place >= TEXT.index("\u2014"):
            continue  # signatures are for whoever opens the note
        with pytest.raises(ProofError):
            EntryProof.parse(text).verify(leaf(5), head(7)[0])


def test_it_fits_one_leaf_one_place_and_one_tree() -> None:
    proof = proof_of(5, 7)
    proof.verify(leaf(5), head(7)[0])
    for wrong in (leaf(4), bytes(32), b""):
        with pytest.raises(ProofError):
            proof.verify(wrong, head(7)[0])
    for one, other in pairwise(range(1, 9)):
        size = other if one == 7 else one
        with pytest.raises(ProofError, match="another checkpoint"):
            proof.verify(leaf(5), head(size)[0])
    with pytest.raises(ProofError, match="signed checkpoint"):
        EntryProof(5, proof.hashes, "no note").verify(leaf(5), head(7)[0])

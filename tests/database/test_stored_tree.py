"""The tree in a real database against RFC 6962's own definition: roots, tiles, proofs, and what damages them."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import LOG, Database, Server
from tests.database.planted_tree import lay_tiles, plant
from tests.database.raw import append, database_on, sent
from tests.property.rfc6962 import Tree, leaf
from unbroken.core import checkpoint as signing
from unbroken.core.checkpoint import Checkpoint, key_name
from unbroken.core.note import SigningKey
from unbroken.core.tree.edge import EMPTY, Edge
from unbroken.core.tree.proving import consistency_proof, inclusion_proof, root_of
from unbroken.core.tree.tile import Tile, tiles_of
from unbroken.core.tree.verifying import verify_consistency, verify_inclusion
from unbroken.errors import AccessDeniedError, ContradictionError, ProofError
from unbroken.store.checkpoints import Checkpoints
from unbroken.store.tree import StoredTree

MOST = 66_000
EDGES = (1, 2, 3, 255, 256, 257, 511, 512, 513, 65_279, 65_280, 65_535, 65_536, 65_537, 65_792, MOST - 1, MOST)
"""Sizes at which a tile begins, is full, or lacks one hash."""
SIZES = st.sampled_from(EDGES) | st.integers(1, MOST) | st.integers(1, 600)
QUICK = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@cache
def definition() -> Tree:
    return Tree([leaf(number) for number in range(MOST)])


KEY = SigningKey.generate(key_name(LOG))


def signed(size: int, root: bytes) -> tuple[Checkpoint, str]:
    checkpoint = Checkpoint(f"{LOG}~1", size, root)
    return checkpoint, signing.signed(checkpoint, KEY)


@dataclass(frozen=True)
class Kept:
    database: Database
    notary: Checkpoints
    tree: StoredTree
    """As a verifier's login reads it."""


@pytest.fixture(scope="module")
def kept(server: Server) -> Iterator[Kept]:
    """A log of :data:`MOST` entries whose tree was laid down in uneven steps."""
    with (
        database_on(server) as database,
        closing(database.connect("notary")) as notary,
        closing(database.connect("verifier")) as verifier,
    ):
        plant(database, definition().leaves)
        checkpoints = Checkpoints(notary, LOG)
        lay_tiles(checkpoints, MOST, lot=10_007)
        yield Kept(database, checkpoints, StoredTree(verifier, LOG))


@given(SIZES)
@QUICK
def test_the_root_is_that_of_the_definition(kept: Kept, size: int) -> None:
    assert root_of(size, kept.tree) == definition().root(size)
    assert Edge.read(size, kept.tree).root == definition().root(size)


@given(SIZES, st.data())
@QUICK
def test_inclusion_proofs_are_those_of_the_definition(kept: Kept, size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1) | st.sampled_from([each for each in EDGES if each < size] or [0]))
    proof = inclusion_proof(index, size, reader=kept.tree)
    assert list(proof) == definition().inclusion(index, size)
    verify_inclusion(leaf(index), index, size=size, root=definition().root(size), proof=proof)


@given(SIZES, SIZES)
@QUICK
def test_consistency_proofs_are_those_of_the_definition(kept: Kept, one: int, other: int) -> None:
    old, new = sorted((one, other))
    proof = consistency_proof(old, new, reader=kept.tree)
    assert list(proof) == definition().consistency(old, new)
    verify_consistency(definition().root(old), definition().root(new), old_size=old, new_size=new, proof=proof)


def test_every_tile_is_there_in_order(kept: Kept) -> None:
    """All at once, which is more than one statement gives."""
    wanted = [tile for tile in tiles_of(MOST) for _ in range(5)]
    assert len(wanted) > 1024
    contents = kept.tree.read_tiles(wanted)
    for tile, content in zip(wanted[::5], contents[::5], strict=True):
        span = 256**tile.level
        assert content == b"".join(definition().mth(at * span, (at + 1) * span) for at in range(tile.start, tile.end))
    assert contents[::5] == contents[4::5]


def test_leaves_come_in_lots_and_stop_where_the_log_does(kept: Kept) -> None:
    lots = list(kept.tree.leaves(100, MOST + 10_000))
    assert [len(lot) // 32 for lot in lots] == [65_536, MOST - 100 - 65_536]
    assert b"".join(lots) == b"".join(definition().leaves[100:])
    assert list(kept.tree.leaves(MOST, MOST + 1)) == []
    assert list(kept.tree.leaves(7, 9)) == [b"".join(definition().leaves[7:9])]


def test_what_is_not_there_is_empty_and_makes_no_proof(kept: Kept) -> None:
    assert kept.tree.read_tiles([Tile(2, 1, 1), Tile(0, 999)]) == [b"", b""]
    with pytest.raises(ProofError, match="hashes are missing"):
        root_of(MOST + 1, kept.tree)


# ---- proving one entry ----


def test_a_proof_is_verified_before_it_is_given(kept: Kept) -> None:
    checkpoint, note = signed(65_537, definition().root(65_537))
    digest, proof = kept.tree.prove(256, checkpoint, note)
    assert (digest, proof.index, proof.note) == (leaf(255), 255, note)
    assert list(proof.hashes) == definition().inclusion(255, 65_537)


@pytest.mark.parametrize("seq", [0, -1, 65_538])
def test_an_entry_outside_of_the_tree_has_no_proof(kept: Kept, seq: int) -> None:
    with pytest.raises(ProofError, match="no such leaf"):
        kept.tree.prove(seq, *signed(65_537, definition().root(65_537)))


def test_another_root_has_no_proof(kept: Kept) -> None:
    with pytest.raises(ProofError, match="does not lead to the root"):
        kept.tree.prove(1, *signed(65_537, definition().root(65_536)))


# ---- whoever reads, and what was changed ----


@pytest.fixture
def notary(database: Database) -> Iterator[Checkpoints]:
    with closing(database.connect("notary")) as connection:
        yield Checkpoints(connection, LOG)


def recorded(database: Database, count: int) -> None:
    with closing(database.connect("writer")) as writer:
        append(writer, [sent() for _ in range(count)])


@pytest.mark.parametrize("login", ["ops", "compliance", "legal", "dpo", "retention", "access", "verifier"])
def test_whoever_may_know_of_a_log_can_prove(database: Database, notary: Checkpoints, login: str) -> None:
    recorded(database, 3)
    edge = lay_tiles(notary, 3)
    with closing(database.connect(login)) as connection:
        StoredTree(connection, LOG).prove(2, *signed(3, edge.root))


@pytest.mark.parametrize("login", ["writer", "server", "subjects"])
def test_whoever_may_not_gets_no_hash(database: Database, notary: Checkpoints, login: str) -> None:
    recorded(database, 3)
    lay_tiles(notary, 3)
    with closing(database.connect(login)) as connection, pytest.raises(AccessDeniedError):
        StoredTree(connection, LOG).read_tiles([Tile(0, 0, 3)])


def test_laying_down_again_changes_nothing(database: Database, notary: Checkpoints) -> None:
    recorded(database, 600)
    for lot in (600, 7, 256):
        lay_tiles(notary, 600, lot=lot)
        assert notary.tree.read_tiles([Tile(1, 0, 2)]) == [b"".join(_perfect(database, at) for at in (0, 256))]


def test_another_tree_is_not_laid_over_one(database: Database, notary: Checkpoints) -> None:
    recorded(database, 600)
    lay_tiles(notary, 600)
    before = notary.tree.read_tiles([Tile(1, 0, 2)])
    for other in (bytes(32), bytes(64), before[0][:32] + bytes(64)):
        with pytest.raises(ContradictionError):
            notary.tree.store({Tile(1, 0, len(other) // 32): other})
    assert notary.tree.read_tiles([Tile(1, 0, 3)]) == before


def _change_entry(database: Database) -> None:
    database.admin.execute("update unbroken.entries set hash = sha256('') where seq = 2")


def _remove_entry(database: Database) -> None:
    database.admin.execute("delete from unbroken.entries where seq = 2")


def _change_tile(database: Database) -> None:
    database.admin.execute("update unbroken.tiles set hashes = sha256('') || substring(hashes from 33) where level = 1")


def _remove_tile(database: Database) -> None:
    database.admin.execute("delete from unbroken.tiles")


def _swap_entries(database: Database) -> None:
    database.admin.execute(
        "update unbroken.entries e set hash = o.hash from unbroken.entries o where (e.seq, o.seq) in ((2, 3), (3, 2))"
    )


@pytest.mark.parametrize(
    ("change", "proved"),
    [(_change_entry, 5), (_remove_entry, 5), (_swap_entries, 2), (_change_tile, 300), (_remove_tile, 300)],
)
def test_no_proof_comes_from_what_was_changed(
    database: Database, notary: Checkpoints, change: Callable[[Database], None], proved: int
) -> None:
    recorded(database, 600)
    head = signed(600, lay_tiles(notary, 600).root)
    notary.tree.prove(proved, *head)
    database.disarm()
    change(database)
    with pytest.raises(ProofError):
        notary.tree.prove(proved, *head)


def test_a_hole_stops_whoever_extends(database: Database, notary: Checkpoints) -> None:
    recorded(database, 5)
    database.disarm()
    _remove_entry(database)
    with pytest.raises(ContradictionError, match="missing"):
        list(notary.tree.leaves(0, 5))


def _perfect(database: Database, after: int) -> bytes:
    rows: list[Any] = database.admin.execute(
        "select hash from unbroken.entries where seq > %s and seq <= %s order by seq", (after, after + 256)
    ).fetchall()
    return Tree([row[0] for row in rows]).root(256)


# ---- what belongs to it ----


def test_checkpoints_are_found_by_size_and_by_entry(database: Database, notary: Checkpoints) -> None:
    recorded(database, 9)
    assert (notary.newest(), notary.covering(1), notary.listed(limit=5)) == (None, None, [])
    for size in (2, 5, 9):
        notary.store(size, bytes([size]) * 32, f"note {size}", signed_at=datetime.now(UTC), each_start=True)
    assert [each.size for each in notary.listed(limit=2)] == [9, 5]
    assert [each.size for each in notary.listed(limit=9, before=9)] == [5, 2]
    found = [each.size if each else None for each in map(notary.covering, (1, 2, 3, 5, 6, 9, 10))]
    assert found == [2, 2, 5, 5, 9, 9, None]
    newest = notary.newest()
    assert newest == notary.of_size(9)
    assert newest is not None
    assert (newest.root, newest.note, newest.stored_by) == (bytes([9]) * 32, "note 9", "notary")
    assert notary.of_size(3) is None


def test_receipts_are_found_by_anchor_and_size(database: Database, notary: Checkpoints) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    for anchor, size, receipt in (("a", 2, b"1"), ("b", 2, b"2"), ("a", 7, b"3")):
        for _ in "twice":
            notary.store_receipt(receipt, anchor=anchor, kind="file", size=size, root=bytes(32), at=at)
    assert [each.receipt for each in notary.receipts(limit=9, anchor="a")] == [b"3", b"1"]
    assert sorted(each.receipt for each in notary.receipts(limit=9, most=6)) == [b"1", b"2"]
    assert [(each.receipt, each.at) for each in notary.receipts(limit=9, least=3)] == [(b"3", at)]
    assert len(notary.receipts(limit=2)) == 2


def test_an_id_is_looked_up_by_the_verifier_alone(database: Database) -> None:
    event = sent()
    with closing(database.connect("writer")) as writer:
        append(writer, [sent(), event])
    with closing(database.connect("verifier")) as verifier:
        row = verifier.execute("select id::text from unbroken.entries where seq = 2").fetchone()
        assert row is not None
        assert Checkpoints(verifier, LOG).number_of(row[0]) == 2
        assert Checkpoints(verifier, LOG).number_of("00000000-0000-0000-0000-000000000000") is None
    with closing(database.connect("compliance")) as other, pytest.raises(AccessDeniedError):
        Checkpoints(other, LOG).number_of(row[0])


def test_an_empty_log_has_the_empty_tree(notary: Checkpoints) -> None:
    assert Edge.read(0, notary.tree) == EMPTY
    state = notary.state()
    assert (state.log, state.head, state.head_hash, state.size, state.root) == (f"{LOG}~1", 0, None, 0, None)
    assert notary.continuity() is None

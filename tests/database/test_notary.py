"""The notary: what it signs continues what it signed, through whatever happens in between, and else it refuses."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.conftest import LOG, Database, add_log
from tests.database.notaries import Clock, forget_start, record, signer, types
from unbroken.core.cosignature import stated_time
from unbroken.core.key_history import KeyHistory
from unbroken.core.note import parse
from unbroken.core.tree.proving import consistency_proof, inclusion_proof
from unbroken.core.tree.verifying import verify_consistency, verify_inclusion
from unbroken.errors import ConfigurationError, ContinuityError, ContradictionError, NoteError, UnavailableError
from unbroken.notary.handing_over import lost, rotated
from unbroken.notary.memory import NotaryFolder
from unbroken.notary.notary import Notary
from unbroken.notary.signer import Signer
from unbroken.store.checkpoints import Checkpoints
from unbroken.store.tree import StoredTree


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[NotaryFolder]:
    made = NotaryFolder(tmp_path / "notary", log=LOG)
    with made.locked():
        yield made


@pytest.fixture
def found(database: Database) -> Iterator[Checkpoints]:
    with Checkpoints.open(database.conninfo("notary"), LOG) as opened:
        yield opened


@pytest.fixture
def notary(folder: NotaryFolder, clock: Clock) -> Notary:
    return Notary(folder, signer(), each_start=True, clock=clock)


def take_back(database: Database, upto: int) -> None:
    """What a restore does to a log: all that came after an entry is gone."""
    database.disarm()
    for table in ("payloads", "event_ids", "entries"):
        statement = sql.SQL("delete from unbroken.{} where seq > %s").format(sql.Identifier(table))
        database.admin.execute(statement, (upto,))
    database.admin.execute("delete from unbroken.checkpoints where size > %s", (upto,))


def rewrite(database: Database, seq: int) -> None:
    database.disarm()
    database.admin.execute("update unbroken.entries set hash = sha256(hash) where seq = %s", (seq,))


def closed_because(found: Checkpoints) -> str | None:
    return found.state().closed_because


# ---- signing ----


def test_what_is_signed_is_the_tree_over_the_entries(database: Database, notary: Notary, found: Checkpoints) -> None:
    record(database, 5)
    first = notary.round(found)
    record(database, 400)
    second = notary.round(found)
    old, new = first.signed.checkpoint, second.signed.checkpoint
    # The first key's statement is an entry too.
    assert (old.size, new.size, second.added) == (6, 406, 400)
    assert old.origin == new.origin == f"{LOG}~1"
    proof = consistency_proof(old.size, new.size, reader=found.tree)
    verify_consistency(old.root, new.root, old_size=old.size, new_size=new.size, proof=proof)
    rows = database.admin.execute("select hash from unbroken.entries order by seq").fetchall()
    for index in (0, 5, 255, 256, 405):
        found_at = inclusion_proof(index, new.size, reader=found.tree)
        verify_inclusion(rows[index][0], index, size=new.size, root=new.root, proof=found_at)


def test_notes_are_signed_by_the_key_and_state_the_time(
    database: Database, notary: Notary, found: Checkpoints, clock: Clock
) -> None:
    record(database, 1)
    signed = notary.round(found).signed
    kept = found.newest()
    assert kept is not None
    statements = [each.statement for each in found.key_statements()]
    checkpoint, signers = KeyHistory.of(statements, [signer().verifier], LOG).opened(kept.note, origin=found.log)
    assert (checkpoint, signers) == (signed.checkpoint, [signer().verifier])
    assert stated_time(kept.note, signers) == kept.signed_at == clock.now.replace(microsecond=0)


def test_a_quiet_log_stays_quiet_and_its_checkpoint_gets_newer(
    database: Database, notary: Notary, found: Checkpoints, clock: Clock
) -> None:
    record(database, 2)
    first = notary.round(found)
    before = types(database)
    clock.pass_by(minutes=1)
    second = notary.round(found)
    assert types(database) == before == ["request", "request", "log.key_stated"]
    assert second.signed.checkpoint == first.signed.checkpoint
    assert second.added == 0
    assert second.signed.at - first.signed.at == timedelta(minutes=1)
    kept = found.listed(limit=9)
    assert [each.note for each in kept] == [second.signed.note]
    assert parse(second.signed.note).signatures[0] == parse(first.signed.note).signatures[0]


def test_a_clock_that_was_set_back_takes_nothing_back(
    database: Database, notary: Notary, found: Checkpoints, clock: Clock
) -> None:
    record(database, 1)
    first = notary.round(found)
    clock.pass_by(hours=-1)
    assert notary.round(found).signed == first.signed
    record(database, 1)
    assert notary.round(found).signed.at == first.signed.at


def test_a_notary_goes_on_from_what_its_folder_remembers(
    database: Database, notary: Notary, folder: NotaryFolder, found: Checkpoints, clock: Clock
) -> None:
    record(database, 3)
    notary.round(found)
    record(database, 3)
    again = Notary(folder, signer(), each_start=True, clock=clock).round(found)
    assert (again.signed.checkpoint.size, again.added) == (7, 3)
    assert types(database).count("log.key_stated") == 1


# ---- what it refuses ----


def test_a_shorter_log_is_closed(database: Database, notary: Notary, found: Checkpoints) -> None:
    record(database, 5)
    notary.round(found)
    take_back(database, 4)
    with pytest.raises(ContradictionError, match="6 entries were signed, and this database holds 4"):
        notary.watch(found)
    assert "holds 4" in str(closed_because(found))
    with pytest.raises(psycopg.Error, match="no entries any more"):
        record(database, 1)
    with pytest.raises(ContinuityError, match="unbroken recover"):
        notary.round(found)
    assert len(types(database)) == 4


def test_a_log_that_lost_its_end_and_grew_again_is_closed(
    database: Database, notary: Notary, found: Checkpoints
) -> None:
    record(database, 5)
    notary.round(found)
    take_back(database, 4)
    record(database, 9)
    with pytest.raises(ContradictionError, match="not the ones that were signed"):
        notary.watch(found)
    assert closed_because(found) is not None


@pytest.mark.parametrize("seq", [2, 300])
def test_a_rewritten_log_is_closed_and_nothing_of_it_is_signed(
    database: Database, notary: Notary, folder: NotaryFolder, found: Checkpoints, seq: int
) -> None:
    """Of entries under a full tile the tile alone is compared; those are for a verifier."""
    record(database, 299 if seq == 300 else 5)
    before = notary.round(found).signed
    rewrite(database, seq)
    record(database, 1)
    with pytest.raises(ContradictionError, match="not the ones that were signed"):
        notary.round(found)
    assert closed_because(found) is not None
    assert "log.checkpoint_refused" in types(database)
    assert folder.read().signed(found.log) == before


def test_tiles_that_are_gone_are_laid_down_again(database: Database, notary: Notary, found: Checkpoints) -> None:
    record(database, 600)
    notary.round(found)
    before = database.admin.execute("select level, index, hashes from unbroken.tiles order by 1, 2").fetchall()
    database.disarm()
    database.admin.execute("delete from unbroken.tiles")
    notary.round(found)
    assert before
    assert database.admin.execute("select level, index, hashes from unbroken.tiles order by 1, 2").fetchall() == before


def test_tiles_that_were_changed_are_refused_and_the_log_goes_on(
    database: Database, notary: Notary, found: Checkpoints
) -> None:
    record(database, 600)
    notary.round(found)
    database.disarm()
    database.admin.execute("update unbroken.tiles set hashes = sha256('x') || substring(hashes from 33)")
    with pytest.raises(ContradictionError, match="tiles of the tree"):
        notary.round(found)
    assert closed_because(found) is None
    assert types(database)[-1] == "log.checkpoint_refused"


def test_another_checkpoint_of_the_same_size_is_noticed_at_the_next_look(
    database: Database, notary: Notary, found: Checkpoints
) -> None:
    record(database, 3)
    notary.round(found)
    database.disarm()
    database.admin.execute("update unbroken.checkpoints set root = sha256(root)")
    with pytest.raises(ContradictionError, match="another tree"):
        notary.watch(found)


def test_an_older_copy_of_the_folder_signs_nothing(
    database: Database, notary: Notary, folder: NotaryFolder, found: Checkpoints, clock: Clock
) -> None:
    record(database, 3)
    notary.round(found)
    older = folder.read()
    record(database, 3)
    notary.round(found)
    folder.write(older)
    for _ in range(2):
        with pytest.raises(ContradictionError, match="another one signs for this log"):
            Notary(folder, signer(), each_start=True, clock=clock).round(found)
    assert closed_because(found) is None
    assert types(database).count("log.checkpoint_refused") == 1


def test_an_empty_folder_begins_no_second_history(
    database: Database, notary: Notary, found: Checkpoints, tmp_path: Path
) -> None:
    record(database, 3)
    notary.round(found)
    other = NotaryFolder(tmp_path / "other", log=LOG)
    with other.locked():
        for method in ("watch", "round", "introduce"):
            with pytest.raises(ConfigurationError, match="was signed before"):
                getattr(Notary(other, signer(), each_start=True), method)(found)
        assert other.read().statements == ()


def test_another_key_signs_nothing(
    database: Database, notary: Notary, folder: NotaryFolder, found: Checkpoints
) -> None:
    record(database, 1)
    notary.round(found)
    with pytest.raises(ConfigurationError, match="keys rotate"):
        Notary(folder, signer(2), each_start=True)


def test_a_key_that_signs_as_another_is_noticed(database: Database, folder: NotaryFolder, found: Checkpoints) -> None:
    record(database, 1)
    lying = Signer(signer(1).verifier, signer(2).kept)
    with pytest.raises(ConfigurationError, match="did not do it with the key"):
        Notary(folder, lying, each_start=True).round(found)
    assert found.key_statements() == []


# ---- after a start ----


def test_a_started_server_takes_entries_when_the_notary_has_looked(
    database: Database, notary: Notary, found: Checkpoints
) -> None:
    record(database, 3)
    notary.round(found)
    record(database, 1)
    forget_start(database)
    with pytest.raises(psycopg.Error, match="until its notary has found"):
        record(database, 1)
    assert notary.watch(found).is_confirmed
    record(database, 1)


def test_a_round_confirms_by_itself(database: Database, notary: Notary, found: Checkpoints) -> None:
    record(database, 3)
    notary.round(found)
    record(database, 2)
    forget_start(database)
    assert notary.round(found).added == 2
    record(database, 1)


def test_a_restored_server_is_closed_and_not_confirmed(database: Database, notary: Notary, found: Checkpoints) -> None:
    record(database, 5)
    notary.round(found)
    take_back(database, 3)
    forget_start(database)
    with pytest.raises(ContradictionError, match="takes no entries any more"):
        notary.watch(found)
    assert not found.state().is_confirmed
    assert len(types(database)) == 3


def test_a_log_from_before_its_first_checkpoint_is_noticed_too(
    database: Database, notary: Notary, found: Checkpoints
) -> None:
    record(database, 5)
    notary.round(found)
    take_back(database, 2)
    database.admin.execute("delete from unbroken.continuity")
    database.admin.execute("delete from unbroken.key_statements")
    with pytest.raises(ContradictionError, match="holds 2"):
        notary.watch(found)
    assert closed_because(found) is not None


# ---- what was remembered and never brought ----


def test_what_was_signed_and_not_stored_is_brought_first(
    database: Database, notary: Notary, found: Checkpoints, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(database, 3)
    notary.round(found)
    record(database, 3)
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "store", failing)
        with pytest.raises(UnavailableError):
            notary.round(found)
    signed = notary.memory.signed(found.log)
    kept = found.newest()
    assert signed is not None
    assert kept is not None
    assert (signed.checkpoint.size, kept.size) == (7, 4)
    notary.watch(found)
    assert (kept := found.newest()) is not None
    assert kept.note == signed.note


def failing(*_: object, **__: object) -> None:
    raise UnavailableError("the connection was lost")


def test_memory_is_written_before_the_database_has_a_checkpoint(
    database: Database, notary: Notary, found: Checkpoints, folder: NotaryFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(database, 1)
    monkeypatch.setattr(NotaryFolder, "write", failing)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            notary.round(found)
    assert found.newest() is None
    assert found.key_statements() == []
    assert folder.read().last == {}


@pytest.mark.parametrize("step", ["barrier", "state", "key_statements"])
def test_nothing_is_signed_before_what_was_read_is_on_disk(
    database: Database, notary: Notary, found: Checkpoints, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    record(database, 3)
    monkeypatch.setattr(Checkpoints, step, failing)
    with pytest.raises(UnavailableError):
        notary.round(found)
    assert notary.memory.last == {}


def test_entries_that_go_away_while_they_are_read_are_not_signed(
    database: Database, notary: Notary, found: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(database, 3)
    notary.round(found)
    before = notary.memory
    record(database, 3)
    ends_earlier = StoredTree.leaves
    monkeypatch.setattr(StoredTree, "leaves", lambda tree, after, upto: ends_earlier(tree, after, upto - 1))
    with pytest.raises(ContradictionError, match="went away"):
        notary.round(found)
    assert notary.memory == before


# ---- keys ----


def test_a_rotation_is_on_record_and_old_checkpoints_still_verify(
    database: Database, notary: Notary, found: Checkpoints, folder: NotaryFolder, clock: Clock
) -> None:
    record(database, 3)
    notary.round(found)
    folder.write(notary.memory.stating(rotated(notary.memory, signer(1), signer(2), at=clock())))
    after = Notary(folder, signer(2), each_start=True, clock=clock)
    assert after.introduce(found) == 1
    assert after.introduce(found) == 0
    after.round(found)
    assert types(database)[-2:] == ["log.key_stated", "log.key_stated"]
    statements = [each.statement for each in found.key_statements()]
    for trusted in (1, 2):
        history = KeyHistory.of(statements, [signer(trusted).verifier], LOG)
        signers = [history.opened(each.note, origin=found.log)[1] for each in found.listed(limit=9)]
        assert signers == [[signer(2).verifier], [signer(1).verifier]]


def test_a_lost_key_is_followed_by_one_that_has_to_be_trusted_anew(
    database: Database, notary: Notary, found: Checkpoints, folder: NotaryFolder, clock: Clock
) -> None:
    record(database, 3)
    notary.round(found)
    folder.write(notary.memory.stating(lost(notary.memory, signer(3), at=clock())))
    Notary(folder, signer(3), each_start=True, clock=clock).round(found)
    newest = found.newest()
    assert newest is not None
    statements = [each.statement for each in found.key_statements()]
    with pytest.raises(NoteError):
        KeyHistory.of(statements, [signer(1).verifier], LOG).opened(newest.note, origin=found.log)
    KeyHistory.of(statements, [signer(3).verifier], LOG).opened(newest.note, origin=found.log)


def test_statements_of_somebody_else_stop_the_notary(
    database: Database, notary: Notary, found: Checkpoints, clock: Clock
) -> None:
    record(database, 1)
    notary.round(found)
    foreign = rotated(notary.memory, signer(1), signer(4), at=clock())
    found.store_key_statement(foreign, change="rotated", key=str(signer(4).verifier))
    with pytest.raises(ContradictionError, match="key statements that this notary did not make"):
        notary.round(found)


# ---- incarnations ----


def test_the_next_incarnation_is_another_tree(database: Database, notary: Notary, found: Checkpoints) -> None:
    record(database, 3)
    notary.round(found)
    continued(database)
    record(database, 2)
    after = Checkpoints(found.connection, LOG)
    signed = notary.round(after).signed
    assert (signed.checkpoint.origin, signed.checkpoint.size) == (f"{LOG}~2", 3)
    assert set(notary.memory.last) == {1, 2}
    assert [each.change for each in after.key_statements()] == ["first"]
    # A database from before that is another one.
    with pytest.raises(ContradictionError, match="incarnation 2 was signed"):
        notary.watch(Checkpoints(found.connection, f"{LOG}~1"))


def continued(database: Database) -> None:
    """The next incarnation, put there without what recovering would put into it."""
    add_log(database.admin, "another", "writer", "notary")
    database.disarm()
    database.admin.execute("update unbroken.logs set origin = %s, incarnation = 2 where origin = 'another'", (LOG,))

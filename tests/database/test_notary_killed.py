"""A notary that is killed at any step: it goes on, and nobody ever sees two trees of one size signed.

A round is run in a forked process that kills itself before or after its nth step: each statement that it sends, each
signature that it makes, each thing that it does to its folder. Then another process does the round.
"""

import os
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import LOG, Database
from tests.database.killing import Steps
from tests.database.notaries import record, signer
from unbroken import files
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.note import parse
from unbroken.core.tree.proving import consistency_proof
from unbroken.core.tree.verifying import verify_consistency
from unbroken.notary.handing_over import rotated
from unbroken.notary.local_key import LocalKey
from unbroken.notary.memory import NotaryFolder
from unbroken.notary.notary import Notary, utc_now
from unbroken.notary.signer import Signer
from unbroken.store import checkpoints, tree
from unbroken.store.checkpoints import Checkpoints

MOST_STEPS = 200


@dataclass(frozen=True)
class JournalledKey:
    """A key whose signatures are all written down before anybody else has them."""

    kept: LocalKey
    journal: Path

    @property
    def public(self) -> bytes:
        return self.kept.public

    def sign(self, message: bytes) -> bytes:
        with self.journal.open("ab") as file:
            file.write(message.hex().encode() + b"\n")
        return self.kept.sign(message)


def journalled(journal: Path, number: int = 1) -> Signer:
    kept = signer(number).kept
    assert isinstance(kept, LocalKey)
    return Signer.of(JournalledKey(kept, journal), log=LOG)


def one_round(database: Database, folder: Path, by: Signer, steps: Steps) -> None:
    """As a notary's process does it, from the start."""
    for module, name in (
        (checkpoints, "rows_of"), (tree, "rows_of"), (files, "write_new"), (files, "sync_folder"), (os, "fsync"),
    ):  # fmt: skip
        setattr(module, name, steps.around(getattr(module, name)))
    Path.replace = steps.around(Path.replace)  # type: ignore[method-assign]
    JournalledKey.sign = steps.around(JournalledKey.sign)  # type: ignore[method-assign]
    kept = NotaryFolder(folder, log=LOG)
    with kept.locked(), Checkpoints.open(database.conninfo("notary"), LOG) as found:
        Notary(kept, by, each_start=True).round(found)


def in_a_fork(work: Callable[[], None]) -> int:
    """Its exit code, -9 where it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - nothing of the test's may run on in here
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def checkpoints_in(journal: Path) -> list[Checkpoint]:
    """Every checkpoint that was ever signed."""
    texts = [bytes.fromhex(line).decode() for line in journal.read_text().split()]
    return [Checkpoint.parse(text) for text in texts if text.startswith(f"{LOG}~")]


def require_one_history(found: Checkpoints, journal: Path) -> None:
    newest = found.newest()
    assert newest is not None
    for each in checkpoints_in(journal):
        proof = consistency_proof(each.size, newest.size, reader=found.tree)
        verify_consistency(each.root, newest.root, old_size=each.size, new_size=newest.size, proof=proof)


def remembered_size(folder: Path) -> int:
    last = NotaryFolder(folder, log=LOG).read().signed(f"{LOG}~1")
    return 0 if last is None else last.checkpoint.size


def killed_at_each_step(database: Database, folder: Path, by: Signer, journal: Path) -> int:
    """Rounds that die one step later each time, until one comes to its end; how many died."""
    for fatal in range(1, MOST_STEPS):
        record(database, 3)
        ended = in_a_fork(lambda at=fatal: one_round(database, folder, by, Steps(at)))  # type: ignore[misc]
        with Checkpoints.open(database.conninfo("notary"), LOG) as found:
            newest = found.newest()
            # The database never has what the memory does not.
            assert (0 if newest is None else newest.size) <= remembered_size(folder)
            if ended == 0:
                require_one_history(found, journal)
                return fatal - 1
        assert ended == -signal.SIGKILL
    pytest.fail("no round came to its end")


def test_a_first_round_may_die_at_any_step(database: Database, tmp_path: Path) -> None:
    journal, folder = tmp_path / "journal", tmp_path / "notary"
    died = killed_at_each_step(database, folder, journalled(journal), journal)
    assert died > 25
    with Checkpoints.open(database.conninfo("notary"), LOG) as found:
        assert [each.change for each in found.key_statements()] == ["first"]
    # Later rounds begin elsewhere: with a memory, tiles and a checkpoint.
    record(database, 300)
    assert killed_at_each_step(database, folder, journalled(journal), journal) > 15


def test_a_rotation_may_die_at_any_step(database: Database, tmp_path: Path) -> None:
    journal, folder = tmp_path / "journal", tmp_path / "notary"
    record(database, 2)
    assert in_a_fork(lambda: one_round(database, folder, journalled(journal), Steps(0))) == 0
    kept = NotaryFolder(folder, log=LOG)
    with kept.locked():
        memory = kept.read()
        kept.write(memory.stating(rotated(memory, journalled(journal), journalled(journal, 2), at=utc_now())))
    assert killed_at_each_step(database, folder, journalled(journal, 2), journal) > 15
    with Checkpoints.open(database.conninfo("notary"), LOG) as found:
        assert [each.change for each in found.key_statements()] == ["first", "rotated"]
        (newest,) = found.listed(limit=1)
        names = {each.key_id for each in parse(newest.note).signatures}
        assert signer(2).verifier.id in names
        assert signer(1).verifier.id not in names

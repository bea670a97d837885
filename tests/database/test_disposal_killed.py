"""A round of disposal that is killed at any step: the next one goes on, nothing goes twice, and all of it is accounted.

A round is run in a forked process that kills itself before or after its nth step: each statement that it sends, each
line that it puts into the ledger. Then another process does the round.
"""

import os
import signal
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import LOG, Database
from tests.database.disposing import Disposing, due
from tests.database.killing import Steps
from tests.database.raw import append, report
from unbroken.core.note import SigningKey
from unbroken.destruction.ledger import DestructionLedger
from unbroken.destruction.signing import SignedLedger
from unbroken.retention.certified import certificates_in
from unbroken.retention.finishing import Finishing
from unbroken.retention.running import Done, Round
from unbroken.store.disposals import Disposals
from unbroken.store.log_reader import LogReader

MOST_STEPS: Final = 200
EACH: Final = 1100
"""Candidates of a round: more than a lot."""
_KILLED: Final = -signal.SIGKILL


@dataclass
class Service:
    """The retention service, in processes of its own."""

    database: Database
    folder: Path
    key: SigningKey = field(default_factory=lambda: SigningKey("clinic.example/disposal", bytes(32)))

    @property
    def signing(self) -> SignedLedger:
        return SignedLedger(DestructionLedger(self.folder / "ledger.jsonl"), self.key, 30)

    def go(self) -> Done:
        with LogReader(self.database.conninfo("retention"), LOG, writes=True) as reader:
            door = Disposals(reader)
            return Round(door, Finishing(door, self.signing), pause=lambda: None).go(standing=False)

    def killed_at(self, step: int) -> bool:
        """Whether a round in another process came to that step, and ended there."""
        child = os.fork()
        if child == 0:
            self._die(step)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == _KILLED

    def _die(self, step: int) -> None:
        steps = Steps(step)
        try:
            Disposals._rows = steps.around(Disposals._rows)  # type: ignore[method-assign]
            DestructionLedger.append = steps.around(DestructionLedger.append)  # type: ignore[method-assign]
            self.go()
        except BaseException:  # noqa: BLE001 - whatever it is, the child must not go on as the test
            traceback.print_exc()
            os._exit(1)
        os._exit(0)


def agree(on: Disposing) -> None:
    """Has two people agree to what is proposed, if anything is."""
    for each in on.login("retention").execute("select disposal::text, state from unbroken.disposals(%s)", (LOG,)):
        if each[1] == "proposed":
            on.agree(each[0])


@pytest.mark.parametrize(
    "every", [pytest.param(7, id="some steps"), pytest.param(1, id="each step", marks=pytest.mark.long)]
)
def test_a_round_that_is_killed_is_gone_on_with(on: Disposing, tmp_path: Path, every: int) -> None:
    service = Service(on.database, tmp_path)
    done, step, killed = 0, 1, 0
    writer = on.login("writer")
    while step < MOST_STEPS:
        for _ in range(2):
            append(writer, [due() for _ in range(EACH // 2)])
        done += 1
        # Proposing, destroying and what comes after a vacuum are three rounds, of which each may be the one that dies.
        reached = False
        for _ in range(3):
            reached = service.killed_at(step) or reached
            agree(on)
            service.go()
            agree(on)
            on.vacuum()
        while service.go().disposal is not None:
            agree(on)
            on.vacuum()
        assert on.holding() == []
        killed += reached
        if not reached:
            break
        step += every
    assert 3 <= killed < MOST_STEPS
    rows = on.database.admin.execute(
        "select payloads, kept, done_seq is not null, certificate_sha256 from unbroken.disposals"
        " where sha256 is not null"
    ).fetchall()
    assert sum(row[0] for row in rows) == done * EACH
    assert {row[1:3] for row in rows} == {(0, True)}
    signed = certificates_in(service.signing.ledger.notes(), service.signing.verifiers)
    assert sorted(each.digest for each in signed) == sorted(row[3] for row in rows)
    assert report(on.database).findings_total == 0

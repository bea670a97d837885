"""A standby that had not received everything takes over: the log is continued there, and recorders bring the rest."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import LOG
from tests.database.standby import Pair, primary_and_standby
from tests.erasing.servers import DUTIES
from tests.faults.installation import Installation
from tests.faults.waiting import eventually
from tests.restoring.conftest import notarised
from tests.restoring.scene import NEW, OLD, Scene, recorded
from unbroken.errors import OutcomeUnknownError, UnavailableError
from unbroken.ledger import keeping
from unbroken.ledger.ledger import Ledger
from unbroken.store import administration
from unbroken.store.log_writer import LogWriter


@pytest.fixture
def pair(installation: Installation) -> Iterator[Pair]:
    with primary_and_standby(installation) as made:
        yield made


@pytest.fixture
def scene(pair: Pair, tmp_path: Path) -> Iterator[Scene]:
    with pair.primary.admin() as admin:
        for duty in DUTIES:
            administration.add_login(admin, duty, duty=duty, password=None)
    yield from notarised(pair.primary, tmp_path)


def test_what_a_standby_did_not_receive_comes_from_the_recorders(
    pair: Pair, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a checkpoint covers is still kept by a recorder that has not asked since.
    monkeypatch.setattr(keeping, "LOOK_S", 3600.0)
    with closing(Ledger(lambda wait_s: LogWriter(pair.conninfo("writer"), LOG, wait_s=wait_s), deadline_s=3)) as ledger:
        recorded(ledger, "received")
        kept = scene.end_of(OLD)
        with pair.standby.admin() as standby:
            count = "select count(*) from unbroken.entries"
            eventually(lambda: standby.execute(count).fetchone() == (kept,), "the standby followed")
        pair.detach()
        signed = recorded(ledger, "signed, and not received")[0].seq
        scene.sign()
        recorded(ledger, "not signed, and not received")
        pair.fail_over()
        scene.cluster = pair.standby
        with pytest.raises((UnavailableError, OutcomeUnknownError)):
            recorded(ledger, "refused")
        scene.sign(ends=[1])
        scene.recover("--yes", "--reason", "'the primary died'")
        told = scene.details(NEW, 1)
        assert (told["kept"], told["lost_from"], told["lost_to"]) == (kept, kept + 1, signed)
        recorded(ledger, "after")
        recorded(ledger, "and on")
        found = scene.texts(NEW)
        assert {"signed, and not received", "not signed, and not received", "after"} <= set(found)
        assert len(found) == len(set(found))
        assert scene.end_of(OLD) == kept

"""A database that comes back older than what was signed of it takes nothing, and its log goes on after the loss."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.conftest import LOG
from tests.erasing.servers import await_archive, backed_up, copied, put_back, restored
from tests.restoring.scene import NEW, OLD, Scene, recorded
from tests.unit import disposing
from unbroken.destruction.ledger import DestructionLedger
from unbroken.destruction.signing import SignedLedger
from unbroken.errors import ContinuityError, OutcomeUnknownError, UnavailableError
from unbroken.ledger import keeping
from unbroken.retention.certifying import certify

Restore: TypeAlias = Callable[[], None]
"""Brings back what was there when the backup was made."""


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorders ask what a checkpoint covers after every batch."""
    monkeypatch.setattr(keeping, "LOOK_S", 0.0)


def base_backup(scene: Scene, backups: Path) -> Restore:
    backed_up(scene.cluster, backups / "base")
    return lambda: restored(scene.cluster, backups / "base")


def point_in_time(scene: Scene, backups: Path) -> Restore:
    backed_up(scene.cluster, backups / "base")
    scene.record("just before")
    with scene.cluster.admin() as admin:
        row = admin.execute("select clock_timestamp()").fetchone()
    assert row is not None
    until = {"recovery_target_time": str(row[0]), "recovery_target_action": "promote"}

    def restore() -> None:
        with scene.cluster.admin() as admin:
            admin.execute("select pg_switch_wal()")
        await_archive(scene.cluster)
        restored(scene.cluster, backups / "base", restore_command=f"cp {backups}/archive/%f %p", **until)

    return restore


def cold_copy(scene: Scene, backups: Path) -> Restore:
    """Put back as if nothing had happened: the same server, on the same time line."""
    copied(scene.cluster, backups / "copy")
    scene.sign()  # the server was stopped for it, and its log takes entries only once the notary has looked
    return lambda: put_back(scene.cluster, backups / "copy")


@pytest.mark.parametrize("way", [base_backup, pytest.param(point_in_time, marks=pytest.mark.long), cold_copy])
def test_a_restored_log_takes_nothing_until_it_is_continued(
    scene: Scene, backups: Path, way: Callable[[Scene, Path], Restore]
) -> None:
    restore = way(scene, backups)
    recorder = scene.recorder(deadline_s=2.0)
    kept = scene.end_of(OLD)
    covered = recorded(recorder, "signed, and lost for good")
    scene.sign()
    recorded(recorder, "not signed, and lost", "likewise")
    end = scene.end_of(OLD)
    restore()
    assert scene.end_of(OLD) == kept

    # Nothing is recorded, also before the notary has looked; it refuses, and closes the log.
    with pytest.raises((UnavailableError, OutcomeUnknownError)):
        recorded(recorder, "refused")
    assert "takes no entries any more" in scene.sign(ends=[1])
    with pytest.raises(ContinuityError, match="unbroken recover"):
        recorded(recorder, "refused")

    said = scene.recover("--dry-run", ends=[1])
    assert f"LOST: entries {kept + 1} to {covered[0].seq}, " in said
    assert scene.end_of(OLD) == kept
    scene.recover("--yes", '--reason "the disk failed"')
    scene.run("notary", f"anchor init {scene.anchors} --incarnation 2 --yes")
    told = scene.details(NEW, 1)
    assert (told["after"], told["kept"], told["lost_from"], told["lost_to"]) == (OLD, kept, kept + 1, covered[0].seq)
    assert told["anchored"]["size"] == covered[0].seq < end

    # The recorder goes on by itself, and brings what nobody had signed.
    assert recorded(recorder, "after")[0].log == NEW
    recorded(recorder, "and on")
    assert [text for text in scene.texts(NEW) if "lost" in text or text == "likewise"] == [
        "not signed, and lost",
        "likewise",
    ]
    assert scene.end_of(OLD) == kept
    assert NEW in scene.sign()
    scene.sign()
    assert "Nothing is left to do" in scene.recover("--dry-run")

    # Both incarnations tell of the loss, and what was declared is no truncation.
    loss = f"{NEW} continues {OLD} after the loss of entries {kept + 1} to {covered[0].seq}: the disk failed"
    for log, ends in ((OLD, 3), (NEW, 0)):
        for outside in ("", f"--anchors {scene.anchors}"):
            said = scene.run("verifier", f"verify --log {log} {outside}", ends=[ends if outside else 3])
            assert loss in said
    assert "truncated" not in scene.run("verifier", f"verify --log {OLD} --anchors {scene.anchors} --json", ends=[3])

    # What was disposed of and is back now is not asked for; what the log must still know of is.
    for seq, ends in ((covered[0].seq, 3), (kept, 1)):
        ledger = certified_at(scene, seq)
        verify = f"verify --log {OLD} --certificates {ledger} --trust {disposing.KEY.verifier}"
        assert ("certificate_disagrees" in scene.run("verifier", verify, ends=[ends])) == (ends == 1)


def certified_at(scene: Scene, seq: int) -> Path:
    """A ledger with the certificate of a disposal that had ended when the log ended with this entry."""
    path = scene.folder / f"ledger-{seq}.jsonl"
    looked = disposing.looked(log=OLD, head=f"{seq}:{'a' * 64}")
    certify(disposing.row(), looked, SignedLedger(DestructionLedger(path), disposing.KEY, 0))
    return path


@pytest.mark.parametrize("outside", ["anchors", "notary"])
def test_what_comes_back_from_before_it_was_continued_goes_on_under_a_name_that_is_new(
    scene: Scene, backups: Path, outside: str
) -> None:
    """Else there were two histories of one incarnation, and both would be signed."""
    options = f"--anchors {scene.anchors}" if outside == "anchors" else f"--notary-state {scene.state}"
    backed_up(scene.cluster, backups / "base")
    scene.run("postgres", "recover --no-erasures --continue --yes --reason first")
    scene.run("notary", f"anchor init {scene.anchors} --incarnation 2 --yes")
    scene.record("in the second")
    scene.sign()
    restored(scene.cluster, backups / "base")
    scene.sign(ends=[1])
    said = scene.recover("--dry-run", ends=[1], outside=options)
    assert f"LOST: all of {NEW}" in said
    scene.recover("--yes", "--reason second", outside=options)
    told = scene.details(f"{LOG}~3", 1)
    assert (told["after"], told["also_lost"], "lost_to" in told) == (OLD, [NEW], False)
    scene.run("notary", f"anchor init {scene.anchors} --incarnation 3 --yes")
    scene.sign()
    said = scene.run("verifier", f"verify --anchors {scene.anchors}")
    assert f"{LOG}~3 continues {OLD} after the loss of {NEW}: second" in said

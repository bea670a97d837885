"""Yesterday's backup brings back who was erased since; what the ledger outside holds takes it away again."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.erasing.carrying_out import (
    asked,
    carried_out,
    cleaned,
    erased,
    evidence,
    killed,
    ledger,
    recovered,
    verified,
)
from tests.erasing.scene import ANN, BOB, KINDS, NOBODY, Scene
from tests.erasing.servers import await_archive, backed_up, copied, put_back, restored, vault_cluster
from tests.erasing.traces import kinds_of
from tests.faults.cluster import Cluster
from tests.faults.installation import SUPERUSER, Installation, open_folder

IN_FILES = KINDS - {"name", "masked"}
Restore: TypeAlias = Callable[[], None]
"""Brings back what was there when the backup was made."""


@pytest.fixture
def outside(installation: Installation) -> Iterator[Path]:
    """Where backups lie, which the server's user may write to."""
    with open_folder("ub-backups-") as folder:
        installation.own(folder)
        yield folder


@pytest.fixture
def archiving(installation: Installation, outside: Path) -> Iterator[Cluster]:
    """A server with an empty vault that keeps its write-ahead log in an archive."""
    (outside / "archive").mkdir()
    installation.own(outside / "archive")
    with vault_cluster(installation, archive=outside / "archive") as running:
        yield running


@pytest.fixture
def scene(archiving: Cluster, tmp_path: Path) -> Scene:
    made = Scene(archiving, tmp_path)
    made.play()
    return made


def base_backup(scene: Scene, outside: Path, _: ExitStack) -> Restore:
    backed_up(scene.cluster, outside / "base")
    return lambda: restored(scene.cluster, outside / "base")


def point_in_time(scene: Scene, outside: Path, _: ExitStack) -> Restore:
    """A backup that Ann is hardly in, and the archive up to a time before she was erased."""
    backed_up(scene.cluster, outside / "base")
    with scene.cluster.admin() as admin:
        row = admin.execute("select clock_timestamp()").fetchone()
    assert row is not None
    until = {"recovery_target_time": str(row[0]), "recovery_target_action": "promote"}

    def restore() -> None:
        with scene.cluster.admin() as admin:
            admin.execute("select pg_switch_wal()")
        await_archive(scene.cluster)
        restored(scene.cluster, outside / "base", restore_command=f"cp {outside}/archive/%f %p", **until)

    return restore


def dump(scene: Scene, outside: Path, others: ExitStack) -> Restore:
    """Loaded into a server that has the logins and no log."""
    file = outside / "dump"
    scene.cluster.installation.run("pg_dump", *address(scene.cluster), "--format=custom", f"--file={file}", SUPERUSER)

    def restore() -> None:
        scene.cluster = other = others.enter_context(vault_cluster(scene.cluster.installation))
        with other.admin() as admin:
            for trigger in ("unbroken_refuse_ddl", "unbroken_refuse_drop"):
                admin.execute(f"drop event trigger {trigger}".encode())
            for schema in ("unbroken", "unbroken_guard"):
                admin.execute(f"drop schema {schema} cascade".encode())
        other.installation.run("pg_restore", *address(other), "--exit-on-error", "--dbname=postgres", str(file))

    return restore


def address(cluster: Cluster) -> tuple[str, ...]:
    return ("--host", str(cluster.folder), "--port", str(cluster.port), "--username", SUPERUSER)


def is_closed(scene: Scene) -> None:
    """Nobody reads, opens or asks, and whoever tries is told what to do."""
    for login, command in (
        ("compliance", "sessions --purpose test"),
        ("dpo", f"original open --session shared-call --kek file:{scene.kek_file} --case C-1 --purpose test"),
        ("dpo", f"subject erase {shlex.quote(scene.people[BOB])} --case C-1"),
    ):
        assert "unbroken recover" in scene.run(login, command, ends=[2])


def is_as_it_was_after_the_erasure(scene: Scene) -> None:
    """Nothing of who was erased is left, what is missing is accounted for, and people read."""
    cleaned(scene)
    left = scene.found()
    assert kinds_of(left, ANN) == set(), sorted(left)
    assert kinds_of(left, BOB) == IN_FILES
    assert kinds_of(left, NOBODY) == set()
    accounted = verified(scene)["accounted"]
    assert (accounted["payloads"], accounted["names"]) == (len(scene.seqs[ANN]), len(scene.pseudonyms[ANN]))
    opened = scene.run(
        "dpo",
        f"original open --session call-{BOB} --kek file:{scene.kek_file} --case C-1 --purpose test",
        ends=(0, 1),
        shows=True,
    )
    assert kinds_of(scene.traces.within([("shown", opened.encode())]), BOB) >= {"said", "masked"}
    scene.run("dpo", f"subject erase {shlex.quote(scene.people[ANN])} --case C-1", ends=[1])


@pytest.mark.parametrize("way", [base_backup, point_in_time, dump])
def test_a_restore_is_closed_until_it_has_been_erased_again(
    scene: Scene, outside: Path, way: Callable[[Scene, Path, ExitStack], Restore]
) -> None:
    with ExitStack() as others:
        restore = way(scene, outside, others)
        erased(scene, ANN)
        cleaned(scene)
        assert kinds_of(scene.found(), ANN) == set()
        restore()
        assert kinds_of(scene.found(), ANN) == IN_FILES
        is_closed(scene)
        recovered(scene)
        is_as_it_was_after_the_erasure(scene)


def test_a_copy_put_back_looks_like_the_same_server_and_is_erased_by_hand(scene: Scene, outside: Path) -> None:
    copied(scene.cluster, outside / "copy")
    erased(scene, ANN)
    put_back(scene.cluster, outside / "copy")
    assert kinds_of(scene.found(), ANN) == IN_FILES
    # Nothing within the server tells it from one that was stopped and started; the ledger does.
    scene.run("dpo", f"subject erase {shlex.quote(scene.people[ANN])} --case C-1", shows=True)
    scene.run("postgres", f"recover --dry-run {evidence(scene)}", ends=[1])
    recovered(scene)
    is_as_it_was_after_the_erasure(scene)


def test_whatever_is_killed_in_the_middle_it_ends_well(scene: Scene, outside: Path) -> None:
    """The command or the server, while it is carried out and while it is done again after a restore."""
    backed_up(scene.cluster, outside / "base")
    erasure = asked(scene, ANN)
    command = f"subject carry-out {erasure} --backups-kept 30 --yes --batch 1 {evidence(scene)}"
    killed(scene, "dpo", command, victim="command")
    killed(scene, "dpo", command, victim="server")
    carried_out(scene, erasure)
    restored(scene.cluster, outside / "base")
    command = f"recover --yes --batch 1 {evidence(scene)}"
    killed(scene, SUPERUSER, command, victim="server")
    is_closed(scene)
    killed(scene, SUPERUSER, command, victim="command")
    is_closed(scene)
    recovered(scene)
    is_as_it_was_after_the_erasure(scene)
    # One order and two certificates: it was carried out, and once more after the restore.
    assert len(ledger(scene).read_text().splitlines()) == 3


def test_what_was_carried_out_is_not_withdrawn_after_a_restore(scene: Scene, outside: Path) -> None:
    """In a backup from between asking and carrying out it waits again, as if it could still be taken back."""
    erasure = asked(scene, ANN)
    backed_up(scene.cluster, outside / "base")
    carried_out(scene, erasure)
    restored(scene.cluster, outside / "base")
    assert "unbroken recover" in scene.run("legal", f"subject withdraw {erasure}", ends=[2])
    recovered(scene)
    is_as_it_was_after_the_erasure(scene)


def test_a_key_that_was_destroyed_takes_nobody_elses_originals_for_good(
    archiving: Cluster, outside: Path, tmp_path: Path
) -> None:
    """Somebody who comes between restore and recovering may get a key from the pool that an order names."""
    scene = Scene(archiving, tmp_path)
    scene.set_up(keys=1)
    backed_up(scene.cluster, outside / "base")
    with scene.trail() as trail:
        scene.event(trail, ANN, actor_id=scene.people[ANN])
    erased(scene, ANN)
    restored(scene.cluster, outside / "base")
    with scene.trail() as trail:
        scene.event(trail, BOB, actor_id=scene.people[BOB], session="before")
    recovered(scene)
    scene.set_up(keys=1)
    with scene.trail() as trail:
        scene.event(trail, BOB, actor_id=scene.people[BOB], session="after")
    opened = scene.run(
        "dpo", f"original open --session after --kek file:{scene.kek_file} --case C-1 --purpose test", shows=True
    )
    assert kinds_of(scene.traces.within([("shown", opened.encode())]), BOB) >= {"masked"}

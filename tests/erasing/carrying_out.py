"""Erasing a person, cleaning up after it and recovering from a restore, by the commands that people have for it."""

import json
import os
import shlex
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import psycopg

from tests.erasing.scene import ANN, Scene
from tests.erasing.servers import forget_wal
from tests.faults.cluster import Cluster
from tests.faults.waiting import eventually
from tests.system.cli import UNBROKEN

Victim = Literal["command", "server"]


def asked(scene: Scene, owner: str, *options: str) -> str:
    """One login asks and another confirms; the erasure's id."""
    name = shlex.quote(scene.people[owner])
    done = scene.run("dpo", " ".join([f"subject erase {name} --case C-1 --ask --reason asked --yes --json", *options]))
    erasure = str(json.loads(done)["asked"]["erasure"])
    scene.run("legal", f"subject confirm {erasure} --yes")
    return erasure


def carried_out(scene: Scene, erasure: str) -> None:
    """What was agreed on is destroyed."""
    scene.run("dpo", f"subject carry-out {erasure} --backups-kept 30 --yes {evidence(scene)}")


def erased(scene: Scene, owner: str) -> str:
    """All of it; the erasure's id."""
    erasure = asked(scene, owner)
    carried_out(scene, erasure)
    return erasure


def evidence(scene: Scene) -> str:
    """The options that name ledger and signing key; the key is made at first use."""
    key = scene.folder / "certificates.key"
    if not key.exists():
        scene.run("dpo", f"subject key {key} --name clinic.example/erasure")
    return f"--sign {key} --ledger {ledger(scene)}"


def ledger(scene: Scene) -> Path:
    """The destruction ledger, which no restore touches."""
    return scene.folder / "erasures.jsonl"


def recovered(scene: Scene) -> None:
    """What the ledger holds is destroyed again."""
    scene.run("postgres", f"recover --yes {evidence(scene)}")


def cleaned(scene: Scene) -> None:
    """Deleted rows out of the files, and then everything that lets go of the write-ahead log.

    A checkpoint removes what lies before the one that it makes, so the log is at a new segment before, twice; with
    ``wal_recycle`` off these are removed. Otherwise they are renamed and hold what they held until written over.
    """
    scene.run("postgres", "db vacuum --full --yes")
    forget_wal(scene.cluster)


def verified(scene: Scene) -> dict[str, Any]:
    """What verification says, which finds nothing wrong."""
    report: dict[str, Any] = json.loads(scene.run("verifier", "verify --json", ends=(0, 3)))
    assert report["findings"] == []
    return report


def certificate_holds(scene: Scene, erasure: str) -> None:
    """The certificate is good by its signature, by the ledger, and by the log."""
    file = scene.folder / f"certificate-{erasure}.txt"
    scene.run("verifier", f"subject check-certificate {file} --in-log {evidence(scene)}")


def killed(scene: Scene, login: str, command: str, *, victim: Victim) -> None:
    """Runs a command that destroys an entry at a time, and kills it or the server while it is at the third."""
    with suppress(psycopg.OperationalError), scene.cluster.admin() as holder:
        holder.execute("begin")
        third = "select seq from unbroken.payloads where seq = any (%s) order by seq offset 2 limit 1 for update"
        assert holder.execute(third, (scene.seqs[ANN],)).fetchone() is not None
        with subprocess.Popen(
            [UNBROKEN, *shlex.split(command)],
            env={**os.environ, **scene.settings(login)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            eventually(lambda: waits(scene.cluster), "the command came to the third")
            if victim == "command":
                process.kill()
            else:
                scene.cluster.kill()
            said, _ = process.communicate(timeout=60)
            assert process.returncode != 0
            scene.outputs.append(("what was killed", said))
    if victim == "server":
        scene.cluster.start()


def waits(cluster: Cluster) -> bool:
    """Whether somebody waits for a row that another holds."""
    with cluster.admin() as admin:
        return admin.execute("select from pg_locks where not granted").fetchone() is not None

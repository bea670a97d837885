"""People in a log that was continued: who was erased stays so; what is done in the old one is told in the new one."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.erasing.carrying_out import Victim, erased, evidence, killed
from tests.erasing.scene import ANN, BOB, KINDS
from tests.erasing.scene import Scene as People
from tests.erasing.servers import backed_up, restored
from tests.erasing.traces import kinds_of
from tests.faults.cluster import Cluster
from tests.restoring.conftest import notarised
from tests.restoring.scene import NEW, OLD, Scene

HELD = (
    "select count(*) from unbroken.payloads p join unbroken.logs l on l.log = p.log"
    " where l.incarnation = %s and p.seq = any (%s)"
)
KNOWN = (
    "select l.incarnation from unbroken.identities i join unbroken.logs l on l.log = i.log"
    " where i.pseudonym = any (%s) order by 1"
)


@pytest.fixture
def people(cluster: Cluster, tmp_path: Path) -> People:
    """They are there before the log has a notary, as the server is stopped for what is in a spool."""
    (tmp_path / "people").mkdir()
    made = People(cluster, tmp_path / "people")
    made.play()
    return made


@pytest.fixture
def scene(people: People, tmp_path: Path) -> Iterator[Scene]:
    yield from notarised(people.cluster, tmp_path)


def held(cluster: Cluster, incarnation: int, seqs: list[int]) -> int:
    with cluster.admin() as admin:
        row = admin.execute(HELD.encode(), (incarnation, seqs)).fetchone()
    assert row is not None
    return int(row[0])


def known_in(cluster: Cluster, pseudonyms: list[str]) -> list[int]:
    """The incarnations in which these lead to a name."""
    with cluster.admin() as admin:
        return [row[0] for row in admin.execute(KNOWN.encode(), (pseudonyms,))]


def accounted(people: People, log: str) -> dict[str, int]:
    """What verification says is gone and accounted for; it finds nothing wrong."""
    report = json.loads(people.run("verifier", f"verify --log {log} --json", ends=(0, 3)))
    assert report["findings"] == []
    counts: dict[str, int] = report["accounted"]
    return counts


def test_who_was_erased_since_the_backup_stays_erased(people: People, scene: Scene, backups: Path) -> None:
    scene.sign()
    backed_up(scene.cluster, backups / "base")
    erased(people, ANN)
    scene.sign()
    end = scene.end_of(OLD)
    restored(scene.cluster, backups / "base")
    scene.sign(ends=[1])
    kept = scene.end_of(OLD)
    assert kept < end
    assert held(scene.cluster, 1, people.seqs[ANN]) == len(people.seqs[ANN])

    people.run("postgres", f"recover --yes --reason restored --anchors {scene.anchors} {evidence(people)}")
    assert scene.details(NEW, 1)["lost_from"] == kept + 1
    assert held(scene.cluster, 1, people.seqs[ANN]) == 0
    assert held(scene.cluster, 1, people.seqs[BOB]) == len(people.seqs[BOB])
    assert known_in(scene.cluster, people.pseudonyms[ANN]) == []
    assert set(known_in(scene.cluster, people.pseudonyms[BOB])) == {1, 2}
    assert scene.end_of(OLD) == kept
    counts = accounted(people, OLD)
    assert (counts["payloads"], counts["names"]) == (len(people.seqs[ANN]), len(people.pseudonyms[ANN]))
    assert accounted(people, NEW)["payloads"] == 0
    people.run("postgres", f"recover --dry-run --anchors {scene.anchors} {evidence(people)}")


@pytest.mark.parametrize("victim", ["command", pytest.param("server", marks=pytest.mark.long)])
def test_recovering_that_was_killed_goes_on_where_it_was(
    people: People, scene: Scene, backups: Path, victim: Victim
) -> None:
    scene.sign()
    backed_up(scene.cluster, backups / "base")
    erased(people, ANN)
    scene.sign()
    restored(scene.cluster, backups / "base")
    command = f"recover --yes --reason restored --batch 1 --anchors {scene.anchors} {evidence(people)}"
    killed(people, "postgres", command, victim=victim)
    # The log is continued, and nobody reads the old one before all of it is erased.
    told = scene.details(NEW, 1)
    assert held(scene.cluster, 1, people.seqs[ANN]) > 0
    assert known_in(scene.cluster, people.pseudonyms[ANN]) == []
    assert "unbroken recover" in people.run("compliance", f"sessions --log {OLD} --purpose test", ends=[2])
    people.run("postgres", command)
    assert held(scene.cluster, 1, people.seqs[ANN]) == 0
    assert scene.details(NEW, 1) == told
    assert accounted(people, OLD)["payloads"] == len(people.seqs[ANN])
    with scene.cluster.admin() as admin:
        assert admin.execute("select count(*) from unbroken.logs").fetchone() == (2,)


def test_the_old_incarnation_is_read_opened_and_erased_from(scene: Scene, people: People) -> None:
    kept = scene.end_of(OLD)
    people.run("postgres", "recover --yes --no-erasures --continue --reason 'a test'")
    opened = people.run(
        "dpo",
        f"original open --log {OLD} --session call-{BOB} --kek file:{people.kek_file} --case C-1 --purpose test",
        ends=(0, 1),
        shows=True,
    )
    assert kinds_of(people.traces.within([("shown", opened.encode())]), BOB) >= {"said", "masked"} <= KINDS
    assert "entries" in people.run("compliance", f"sessions --log {OLD} --purpose test", shows=True)
    ask = f"subject erase {shlex.quote(people.people[BOB])} --log {OLD} --case C-1 --ask --reason asked --yes --json"
    erasure = json.loads(people.run("dpo", ask))["asked"]["erasure"]
    people.run("legal", f"subject confirm {erasure} --log {OLD} --yes")
    people.run("dpo", f"subject carry-out {erasure} --log {OLD} --backups-kept 30 --yes {evidence(people)}")
    assert held(scene.cluster, 1, people.seqs[BOB]) == 0
    assert scene.end_of(OLD) == kept
    assert accounted(people, OLD)["payloads"] >= len(people.seqs[BOB])
    assert accounted(people, NEW)["payloads"] == 0
    # In the new one Bob is still known: that is another erasure.
    assert known_in(scene.cluster, people.pseudonyms[BOB]) == [2] * len(people.pseudonyms[BOB])

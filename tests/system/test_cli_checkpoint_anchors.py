"""``unbroken checkpoint run`` takes what it signs outside, through an anchor's outage, and tells figures of it."""

import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import LOG, Database
from tests.database.notarised import DIRECTORY, FILE, KEY, Notarised
from tests.system.cli import Cli
from unbroken.core.note import SigningKey
from unbroken.notary.local_key import create_file


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Notarised:
    made = Notarised(database, tmp_path)
    made.write([DIRECTORY, FILE])
    made.record(3)
    create_file(tmp_path / "notary.key", KEY)
    return made


@pytest.fixture
def notary(log: Notarised, tmp_path: Path) -> Cli:
    settings = {
        "UNBROKEN_LOG": LOG,
        "UNBROKEN_ANCHORS": str(log.file),
        "UNBROKEN_NOTARY_KEY": f"file:{tmp_path / 'notary.key'}",
        "UNBROKEN_NOTARY_STATE": str(tmp_path / "state"),
    }
    return Cli(log.database.conninfo("notary"), tmp_path / "cli", settings)


def figure(metrics: Path, name: str, anchor: str) -> float | None:
    text = metrics.read_text() if metrics.exists() else ""
    found = re.search(rf'^{name}{{[^}}]*anchor="{anchor}"[^}}]*}} (\S+)$', text, re.MULTILINE)
    return None if found is None else float(found[1])


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that in a minute"
        time.sleep(0.05)


def test_an_outage_is_told_and_made_up_for(notary: Cli, log: Notarised, tmp_path: Path) -> None:
    metrics = tmp_path / "unbroken.prom"
    running = notary.start("checkpoint", "run", "--every", "1s", "--metrics", metrics)
    try:
        until(lambda: (figure(metrics, "unbroken_anchor_size", "nas") or 0) > 0)
        size = figure(metrics, "unbroken_anchor_size", "nas") or 0
        (tmp_path / "nas").rename(tmp_path / "away")
        log.record(5)
        until(lambda: (figure(metrics, "unbroken_anchor_failures", "nas") or 0) > 0)
        until(lambda: figure(metrics, "unbroken_anchor_size", "site") == size + 5)
        assert figure(metrics, "unbroken_anchor_size", "nas") == size
        (tmp_path / "away").rename(tmp_path / "nas")
        until(lambda: figure(metrics, "unbroken_anchor_size", "nas") == size + 5)
        assert figure(metrics, "unbroken_anchor_failures", "nas") == 0
    finally:
        running.send_signal(signal.SIGTERM)
        _, errors = running.communicate(timeout=30)
    assert "it is not mounted, or was never prepared" in errors
    assert "The anchors are in order again." in errors
    assert "unbroken_anchoring_late" in metrics.read_text()


def test_once_says_by_its_exit_code_whether_a_quorum_has_it(notary: Cli, log: Notarised, tmp_path: Path) -> None:
    done = notary("checkpoint", "run", "--once")
    assert (done.returncode, done.stderr) == (0, "")
    assert notary("anchor", "status").returncode == 0
    for name in ("nas", "site"):
        (tmp_path / name).rename(tmp_path / f"{name} away")
    (tmp_path / "state" / "anchors-1.json").unlink()
    done = notary("checkpoint", "run", "--once")
    assert done.returncode == 1
    assert "late: no quorum of 2 anchors has had a new checkpoint for too long" in done.stderr


def test_a_file_that_trusts_another_key_stops_nothing_but_going_outside(
    notary: Cli, log: Notarised, tmp_path: Path
) -> None:
    other = SigningKey.generate(KEY.name).verifier
    log.file.write_text(log.file.read_text().replace(str(KEY.verifier), str(other)))
    done = notary("checkpoint", "run", "--once")
    assert done.returncode == 1
    assert "Put the key that the notary signs with into its trust. Nothing was published" in done.stderr
    assert len(notary.json("checkpoint", "list")["checkpoints"]) == 1
    metrics = tmp_path / "unbroken.prom"
    running = notary.start("checkpoint", "run", "--every", "1s", "--metrics", metrics)
    try:
        until(lambda: metrics.exists() and "unbroken_anchoring_round_failed{" in metrics.read_text())
        said = metrics.read_text()
    finally:
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=30)
    assert re.search(r"^unbroken_anchoring_round_failed{.*} 1$", said, re.MULTILINE)
    assert "unbroken_anchoring_late" not in said

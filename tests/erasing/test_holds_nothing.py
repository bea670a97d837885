"""Whoever records holds nothing that opens an original, in memory or in files; whoever opens them does."""

import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from tests.erasing.memory import memory_of
from tests.erasing.scene import NOBODY, Scene
from tests.erasing.servers import files_below, written
from tests.erasing.traces import Traces, kinds_of
from tests.faults.cluster import Cluster
from tests.faults.processes import working_in

OPENS: Final = {"key-encryption key", "private seed", "expanded seed", "wrapped key"}


class Worker:
    """A process at work: see :mod:`tests.erasing.at_work`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid = process.pid

    def work(self) -> None:
        """Has it work once, and returns when it has."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("work\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline().strip() in ("recorded", "opened")


@contextmanager
def at_work(what: str, **given: object) -> Iterator[Worker]:
    """The process, for a block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.erasing.at_work", what], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps({name: str(value) for name, value in given.items()}) + "\n")
            yield Worker(process)
        finally:
            process.kill()


@pytest.fixture
def scene(cluster: Cluster, tmp_path: Path) -> Scene:
    made = Scene(cluster, tmp_path)
    made.set_up()
    return made


def keys_in(scene: Scene) -> Traces:
    """All that opens something, in each form in which a process might hold it."""
    traces = Traces()
    traces.add_bytes(NOBODY, "key-encryption key", scene.kek.secret)
    traces.add_bytes(NOBODY, "derived from it", hmac.digest(scene.kek.secret, b"unbroken vault wrapping", "sha256"))
    for key in scene.pooled.values():
        seed = scene.vault.private(key).seed
        traces.add_bytes(NOBODY, "private seed", seed)
        traces.add_bytes(NOBODY, "expanded seed", hashlib.shake_256(seed).digest(96))
        traces.add_bytes(NOBODY, "wrapped key", key.wrapped, start=3)
    return traces


def held(pid: int, traces: Traces) -> set[str]:
    return kinds_of(traces.within(memory_of(pid)), NOBODY)


@pytest.mark.parametrize("login", ["writer", "server"])
def test_a_recorder_holds_nothing_that_opens(scene: Scene, login: str) -> None:
    recorders = scene.folder / "recorder"
    recorders.mkdir()
    traces = keys_in(scene)
    given = {"key_file": scene.key_file, "spool": recorders / "spool"}
    with at_work("record", conninfo=scene.cluster.conninfo(login), **given) as recorder:
        recorder.work()
        scene.cluster.end("fast")
        recorder.work()
        assert list(recorders.rglob("*.spool"))
        assert held(recorder.pid, traces) == set()
        assert traces.within(files_below(recorders)) == set()


def test_whoever_opens_holds_it_all_and_is_found_out(scene: Scene) -> None:
    traces = keys_in(scene)
    given = {"key_file": scene.key_file, "spool": scene.spool}
    with at_work("record", conninfo=scene.cluster.conninfo("writer"), **given) as recorder:
        recorder.work()
    with at_work("open", conninfo=scene.cluster.conninfo("dpo"), kek_file=scene.kek_file) as opener:
        opener.work()
        assert held(opener.pid, traces) >= OPENS
        # The database's server gave wrapped keys out, and that is all there is to be got from it.
        of_server: set[str] = set()
        for pid in working_in(scene.cluster.data):
            with suppress(ProcessLookupError):  # one that has ended since
                of_server |= held(pid, traces)
        assert of_server == {"wrapped key"}
    assert kinds_of(traces.within(written(scene.cluster)), NOBODY) == {"wrapped key"}

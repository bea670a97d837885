"""The spool when its process dies or the power goes, at any moment: what was acknowledged is there, nothing is half."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.unit.power_cut import Disk, calls_in
from tests.unit.spool_steps import SCENARIOS, after_each, spool_below, survivor
from tests.unit.spooled import LOG, drained, numbers_of
from unbroken.ledger.spool.spool import orphans

SHIM: Final = Path(__file__).with_name("disk_calls.c")


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs Linux and a C compiler")
    library = tmp_path_factory.mktemp("shim") / "disk_calls.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", library, SHIM], check=True, timeout=60)
    return library


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where the machine has one: what is flushed is watched, and need not reach a disk."""
    shared = Path("/dev/shm")  # noqa: S108 - the folder in it has a name that nobody knows before
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="ub-", dir=shared))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def carry_out(*arguments: object, shim: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.spool_steps", *map(str, arguments)],
        env=os.environ | {"LD_PRELOAD": str(shim)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def frozen(value: Any) -> Any:
    return tuple(map(frozen, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_death_before_any_change_on_the_disk_leaves_whole_steps(name: str, shim: Path, memory: Path) -> None:
    steps = SCENARIOS[name]
    states = after_each(memory / "model", steps)
    points = [frozen(json.loads(line)) for line in carry_out("die", name, memory, shim=shim).splitlines()]
    assert len(points) > 8 * len(steps)
    for at, (acknowledged, _, found) in enumerate(points, 1):
        possible = states[acknowledged : acknowledged + 2]
        assert found in possible, f"killed before call {at}, after step {acknowledged}"
    assert [lives for _, lives, _ in points[-2:]] == [False, True]
    assert {acknowledged for acknowledged, _, _ in points} == set(range(len(steps) + 1))


def cut(name: str, *, shim: Path, folder: Path, fortunes: Sequence[random.Random | bool]) -> int:
    """Cuts the power before every call and after the last one; returns how many disks were looked at."""
    steps = SCENARIOS[name]
    states = after_each(folder / "model", steps)
    root, left, record = folder / "root", folder / "left", folder / "record"
    root.mkdir()
    carry_out("record", name, root, record, shim=shim)
    disk, acknowledged, looked_at = Disk(root), 0, 0
    for call in (*calls_in(record), None):
        for luck in fortunes:
            left.mkdir()
            disk.after_a_cut(left, luck=luck)
            found = survivor(spool_below(left))
            where = f"with {luck}, after step {acknowledged}" + (f", before {call.what} {call.path}" if call else "")
            assert found in states[acknowledged : acknowledged + 2], where
            shutil.rmtree(left)
            looked_at += 1
        if call is not None:
            disk.follow(call)
            acknowledged = int(str(call.path)) if call.what == "note" else acknowledged
    assert acknowledged == len(steps)
    return looked_at


def luck(*seeds: object) -> list[random.Random]:
    return [random.Random(str(seed)) for seed in seeds]  # noqa: S311 - no secret


def test_what_was_acknowledged_outlives_a_power_cut(shim: Path, memory: Path) -> None:
    assert cut("steps", shim=shim, folder=memory, fortunes=(False, *luck(1))) > 200


def test_a_power_cut_while_files_are_made_and_removed_leaves_nothing_half(shim: Path, memory: Path) -> None:
    assert cut("last", shim=shim, folder=memory, fortunes=(True, False, *luck(1, 2, 3))) > 200


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_what_was_acknowledged_outlives_many_power_cuts(seed: int, shim: Path, memory: Path) -> None:
    cut("steps", shim=shim, folder=memory, fortunes=(True, *luck(*((seed, number) for number in range(10)))))


# ---- kill -9 at random moments ----


def kill_while_putting(root: Path, *, after_s: float) -> int:
    """The number of the last batch that was acknowledged before the process was killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.spool_steps", "forever", "steps", str(root)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(after_s)
        process.kill()
        rest = process.stdout.read()
    whole = re.findall(r"([0-9]+)\n", first + rest)
    return int(whole[-1])


def check_batches(found: list[list[int]], *, acknowledged: int) -> None:
    expected, number = [], 1
    for batch in range(1, len(found) + 1):
        expected.append(list(range(number, number + 1 + batch % 4)))
        number += len(expected[-1])
    assert found == expected
    assert len(found) in (acknowledged, acknowledged + 1)


def kill_and_look(root: Path, times: int) -> None:
    for _ in range(times):
        acknowledged = kill_while_putting(root, after_s=time.monotonic() % 0.1)
        left = orphans(spool_below(root), log=LOG)
        (found,) = [[numbers_of(batch) for batch in drained(spool)] for spool in left]
        check_batches(found, acknowledged=acknowledged)
        shutil.rmtree(spool_below(root))


def test_a_killed_recorder_has_lost_and_doubled_nothing(tmp_path: Path) -> None:
    kill_and_look(tmp_path, 10)


@pytest.mark.long
def test_a_recorder_killed_often_has_lost_and_doubled_nothing(tmp_path: Path) -> None:
    kill_and_look(tmp_path, 300)

"""The measurement of the first questions, run small: that it builds a log that verifies, and asks by index."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from unbroken.store import embedded
from unbroken.store.log_reader import LogReader
from unbroken.verify.run import verify_log

ROOT = Path(__file__).parents[2]
ENTRIES = 20_000
QUESTIONS = ("agent_actions", "unapproved_calls", "error_bursts", "resource_access")


@pytest.fixture(scope="module")
def kept() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ub-")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def figures(kept: Path) -> dict[str, Any]:
    """What a run prints as JSON; its log stays in ``kept``."""
    command = [
        "--entries",
        str(ENTRIES),
        "--runs",
        "5",
        "--server",
        "embedded",
        "--processes",
        "2",
        "--keep",
        str(kept),
    ]
    told = kept / "figures.json"
    subprocess.run(
        [sys.executable, str(ROOT / "bench" / "queries.py"), *command, "--json", str(told)],
        check=True,
        timeout=200,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.DEVNULL,
    )
    (result,) = json.loads(told.read_text())["results"]
    return dict(result)


def test_each_question_is_answered_by_an_index_of_its_own(figures: dict[str, Any]) -> None:
    found = figures["figures"]
    for name in QUESTIONS:
        for page in ("first", "later"):
            asked = found[f"{name}, {page} page"]
            assert asked["runs"] == 5
            assert asked["rows"] > 0 or page == "later"
            assert 0 < asked["p50_ms"] <= asked["p95_ms"] <= asked["max_ms"]
            assert set(asked["nodes"]) <= {"Index Scan", "Index Only Scan"}
    expected = {
        "agent_actions": "entries_log_actor_id_agent_id_recorded_at_seq_idx",
        "unapproved_calls": "entries_log_recorded_at_seq_idx",
        "error_bursts": "entries_log_recorded_at_seq_agent_id_session_id_idx",
        "resource_access": "entries_log_resource_id_seq_idx",
    }
    for name, index in expected.items():
        assert index in found[f"{name}, first page"]["indexes"]
    assert [target["what"] for target in figures["targets"]] == [f"ms at p95, {name}, first page" for name in QUESTIONS]


def test_the_log_that_is_asked_is_whole(figures: dict[str, Any], kept: Path) -> None:
    assert figures["figures"]["log"]["entries"] >= ENTRIES
    with embedded.enter(kept / "embedded" / "store", allow_root=True) as server:
        conninfo = f"host={server.socket_dir} port={server.port} dbname=queries_{ENTRIES}"
        with LogReader(f"{conninfo} user=verifier") as reader:
            report = verify_log(reader, expect=reader.head())
        with psycopg.connect(f"{conninfo} user=postgres") as admin:
            reasons = admin.execute(
                "select distinct reason from unbroken.unapproved_calls('bench.example/agents', null, null, null, 1000)"
            ).fetchall()
    # It goes in round the door, which alone keeps these two tables; nothing that is asked looks at them.
    assert {(each.kind, each.part) for each in report.findings} == {
        ("table_disagrees", "recorders"),
        ("table_disagrees", "agents"),
    }
    assert report.findings_total == len(report.findings)
    assert len(reasons) == 7

"""The package from the outside: what importing it costs, what it offers, and two programs that share one folder."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import unbroken
from tests.system.processes import PATIENCE_S, UNBROKEN, environment, open_folder, run, servers_below

AGENT = """
import sys
import unbroken

with unbroken.open(sys.argv[1]) as trail:

    @trail.tool(side_effect=True)
    def book(day: str) -> str:
        return f"booked {day}"

    with trail.session(actor="u-17", agent="clinic-agent") as session:
        for question in sys.stdin:
            with session.turn(question.strip()) as turn:
                turn.respond(book("Tuesday"))
            print("answered", flush=True)
"""

MODULES_AFTER_IMPORT = "import sys, unbroken, unbroken.errors; print(*sys.modules)"

SECONDS_OF_IMPORT = """
import sys, time
begun = time.perf_counter()
__import__(sys.argv[1])
print(time.perf_counter() - begun)
"""


def python(code: str, *arguments: str) -> str:
    result = run(sys.executable, "-c", code, *arguments, env=environment())
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.parametrize("heavy", ["psycopg", "rich", "typer", "msgspec", "asyncio", "unbroken.wiring"])
def test_importing_the_package_imports_nothing_heavy(heavy: str) -> None:
    modules = python(MODULES_AFTER_IMPORT).split()
    assert "unbroken" in modules
    assert heavy not in modules


def test_importing_the_package_is_quick_beside_importing_its_database_driver() -> None:
    def quickest(module: str) -> float:
        return min(float(python(SECONDS_OF_IMPORT, module)) for _ in range(5))

    assert quickest("unbroken") < quickest("psycopg") / 4


@pytest.mark.parametrize("name", unbroken.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(unbroken, name) is not None


def test_what_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'opne'"):
        _ = unbroken.opne


@contextmanager
def started(*command: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A program to talk with; its end is waited for."""
    process = subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_S)


def ask(agent: subprocess.Popen[str], question: str) -> None:
    """Puts a question to the agent and waits for its answer."""
    assert agent.stdin is not None
    assert agent.stdout is not None
    agent.stdin.write(question + "\n")
    agent.stdin.flush()
    assert agent.stdout.readline() == "answered\n"


def read_until(reader: subprocess.Popen[str], event_type: str) -> list[str]:
    """The types of the events that a reader prints, up to the first of this type."""
    assert reader.stdout is not None
    seen = []
    for line in reader.stdout:
        seen.append(json.loads(json.loads(line)["line"])["event"]["event_type"])
        if seen[-1] == event_type:
            return seen
    pytest.fail(f"the reader ended after {seen}")


GRANTS = ["access_granted"] * 5
"""What a folder's log begins with: its recorder, verifier and reader."""
TURN = ["request", "tool_call", "tool_result", "response"]


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as place:
        yield place / "audit"


def test_one_program_shows_what_another_one_records_while_it_does(folder: Path) -> None:
    with started(sys.executable, "-c", AGENT, folder) as agent:
        ask(agent, "Is Tuesday free?")
        with started(*UNBROKEN, "tail", "--json", "--store", folder) as reader:
            assert read_until(reader, "response") == [*GRANTS, "conversation_started", *TURN]
            ask(agent, "And Thursday?")
            assert read_until(reader, "response") == TURN
            agent.communicate(timeout=PATIENCE_S)
            assert agent.returncode == 0
            assert read_until(reader, "conversation_ended") == ["conversation_ended"]
            assert servers_below(folder) != []
            os.kill(reader.pid, 2)
            assert reader.wait(timeout=PATIENCE_S) == 0
    assert servers_below(folder) == []


def test_a_folder_is_verified_after_its_agent_has_gone(folder: Path) -> None:
    with started(sys.executable, "-c", AGENT, folder) as agent:
        ask(agent, "Is Tuesday free?")
        agent.communicate(timeout=PATIENCE_S)
    verify = (*UNBROKEN, "verify", "--json", "--store", folder)
    state = environment(XDG_STATE_HOME=folder.parent)
    first = json.loads(run(*verify, env=state).stdout)
    assert (first["verdict"], first["entries"]) == ("consistent", len([*GRANTS, "conversation_started", *TURN]) + 2)
    assert json.loads(run(*verify, "--expect", first["head"], env=state).stdout)["verdict"] == "proven"

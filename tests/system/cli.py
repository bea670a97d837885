"""The command as its users run it: a process of its own, with a state directory of its own."""

import json
import os
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.plain import draft
from tests.system import warm
from unbroken.ledger.draft import Draft

UNBROKEN = str(Path(sys.executable).with_name("unbroken"))
UNSEEN = Path(__file__).parents[1] / "unseen"
"""Where Python finds what leaves planted grants out of verification."""


@dataclass(frozen=True)
class Cli:
    """Runs ``unbroken`` against one store."""

    store: str
    state: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("UNBROKEN_", "PG", "COLUMNS"))
        }
        return kept | {
            "PYTHONPATH": os.pathsep.join(filter(None, (str(UNSEEN), os.environ.get("PYTHONPATH")))),
            "UNBROKEN_ALLOW_ROOT": "1",
            "UNBROKEN_STORE": self.store,
            "XDG_STATE_HOME": str(self.state),
            **self.settings,
        }

    def __call__(self, *arguments: object, given: str = "") -> "subprocess.CompletedProcess[str]":
        return warm.run([UNBROKEN, *map(str, arguments)], env=self.environment, given=given)

    def all(self, commands: Iterable[str]) -> "dict[str, subprocess.CompletedProcess[str]]":
        """The same for several commands at a time; each is split as a shell would."""
        listed = list(commands)
        with ThreadPoolExecutor(4) as pool:
            return dict(zip(listed, pool.map(lambda command: self(*shlex.split(command)), listed), strict=True))

    def json(self, *arguments: object) -> Any:
        """What a command prints with --json, whatever its exit code."""
        done = self(*arguments, "--json")
        assert done.stderr == ""
        return json.loads(done.stdout)

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        """The same, and don't wait."""
        return subprocess.Popen(
            [UNBROKEN, *map(str, arguments)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def heads(self) -> Any:
        """What the command keeps in the state directory."""
        return json.loads(self.heads_file.read_text())

    @property
    def heads_file(self) -> Path:
        return self.state / "unbroken" / "heads.json"


def conversation(session: str, *, actor: str = "u-17", answer: str = "booked") -> list[Draft]:
    """Four events of one session: request, tool call with a side effect, result, response."""
    who: dict[str, Any] = {"actor_id": actor, "actor_type": "user", "agent_id": "desk", "session_id": session}
    return [
        draft("request", inputs="book it", **who),
        draft("tool_call", tool="book", call_id="c1", side_effect=True, inputs={"day": "monday"}, **who),
        draft("tool_result", tool="book", call_id="c1", status="ok", outputs={"done": True}, **who),
        draft("response", outputs=answer, **who),
    ]


def read_until(process: "subprocess.Popen[str]", text: str, *, seconds: float = 60) -> str:
    """What the process prints from now until ``text``."""
    assert process.stdout is not None
    deadline, read = time.monotonic() + seconds, ""
    while text not in read:
        ready, _, _ = select.select([process.stdout], [], [], max(deadline - time.monotonic(), 0))
        piece = os.read(process.stdout.fileno(), 65536).decode() if ready else ""
        assert piece, f"{text!r} never came, only {read!r}"
        read += piece
    return read

"""``unbroken demo``: from an agent's conversations to a forgery that is found out, in one command."""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

import unbroken
from unbroken import wiring
from unbroken.cli.timeline_view import TimelineView
from unbroken.core.entry import Head
from unbroken.demo import agent
from unbroken.demo.clinic import Clinic
from unbroken.demo.conversations import CONVERSATIONS, NORMAL
from unbroken.demo.folder import running_server
from unbroken.demo.tampering import SUPERUSER, TAMPERINGS, Tampering, copied, forge, refusal
from unbroken.investigate.timeline import timeline_of
from unbroken.store.embedded import DATABASE, EmbeddedServer
from unbroken.store.log_reader import LogReader
from unbroken.verify.finding import Finding, Report
from unbroken.verify.run import verify_log

LOG: Final = "clinic.example/agents"
_WIDTH: Final = 100
_PAUSE_SECONDS: Final = 1.5
_LONG_HASH: Final = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")


def demo(
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="FOLDER", help="Keep the database in this new folder.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", "--no-pause", help="Don't pause between the steps.")] = False,
) -> None:
    """Watch an agent being recorded, and forgeries of its record being found.

    Starts a PostgreSQL in a temporary folder, lets the agent of a small
    clinic answer three calls, shows one, verifies the log, forges copies of
    it and verifies those. Needs no key and no network, and takes seconds.
    The exit code is 0 only if every forgery was found.

      unbroken demo

      unbroken demo --keep my-first-log
    """
    terminal = Console(highlight=False)
    console = Console(highlight=False, width=min(terminal.width, _WIDTH))
    if not _Demo(console, keep, pauses=console.is_terminal and not fast).run():
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Demo:
    """The steps in order, each with what it says."""

    console: Console
    keep: Path | None
    pauses: bool

    def run(self) -> bool:
        """Whether everything that was forged was found."""
        self._introduce()
        with self.console.status("Starting PostgreSQL ...") as status, running_server(self.keep) as server:
            status.update("Recording ...")
            self._record(server, status.stop)
            self._show(server)
            head = self._verify(server)
            found = self._tamper(server, head)
            self._conclude(found)
        self._say_goodbye(server.folder)
        return all(found)

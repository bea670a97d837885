"""A process that records, or opens originals, and then waits with all that it holds in its memory.

``python -m tests.erasing.at_work record|open`` reads one JSON object of what it needs. After that each line on its
standard input has it work once more, and each line that it prints says that it has.
"""

import json
import sys
from pathlib import Path
from typing import Any

import unbroken
from tests.conftest import LOG
from unbroken.core.event import decode_event
from unbroken.privacy.vault.kek import encryptions_at, place_of
from unbroken.privacy.vault.opening import open_originals
from unbroken.store.log_reader import LogReader
from unbroken.store.vault import VaultDoor


def record(given: dict[str, Any]) -> None:
    """Records events of two people and of a session, which have originals, at each line."""
    trail = unbroken.connect(
        given["conninfo"],
        log=LOG,
        key=given["key_file"],
        on_failure="spool",
        spool=Path(given["spool"]),
        deadline_s=0.5,
    )
    for line in sys.stdin:
        for actor, kind in (("Ann Ellison", "user"), ("Bob Miller", "user"), ("desk", "agent")):
            what = {"text": f"{line.strip()}: write to {actor[:3].lower()}@example.org"}
            trail.record("request", actor_id=actor, actor_type=kind, session_id="a-call", inputs=what)
        print("recorded", flush=True)


def open_all(given: dict[str, Any]) -> None:
    """Opens all originals and keeps what it opened them with; the control of what is looked for elsewhere."""
    keys = encryptions_at([place_of(f"file:{given['kek_file']}")])
    with LogReader(given["conninfo"], LOG, writes=True) as reader:
        ticket = reader.open_ticket(purpose="a test", case="C-1", scope={"what": "originals"})
        entries = [entry for lot in reader.entries() for entry in lot if b'"original":' in entry.event]
        door = VaultDoor(reader)
        with open_originals(door, ticket, [entry.seq for entry in entries], keys=keys) as opening:
            for entry in entries:
                event = decode_event(entry.event)
                look = opening.look(
                    entry.seq, event_id=event.id, commitment=str(event.original), digest=bytes(entry.hash)
                )
                assert look.outcome == "opened", look
            print("opened", flush=True)
            sys.stdin.readline()


if __name__ == "__main__":
    {"record": record, "open": open_all}[sys.argv[1]](json.loads(sys.stdin.readline()))

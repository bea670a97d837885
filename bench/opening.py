"""Opening originals in a stream: how long each takes as `unbroken original open` does it, and in how much memory.

A session of so many originals is opened by a process of its own, whose output is thrown away. What it costs to open one
that is at hand is measured by vault.py.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from event_texts import events
from plan import FULL, Plan
from report import Result, Target, figure
from servers import LOG, SERVERS, Database, Server, fresh_database, is_installed
from timing import tell

from unbroken.core.canonical import canonical
from unbroken.core.commitment import commit, new_salt
from unbroken.core.entry import Part
from unbroken.core.event import encode_event, make_event
from unbroken.core.ids import new_id
from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json, normalise
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.keys import PublicKey
from unbroken.privacy.vault.local_key import LocalKey, create_file
from unbroken.privacy.vault.originals import seal
from unbroken.privacy.vault.place import Place
from unbroken.privacy.vault.refilling import refill
from unbroken.store import administration
from unbroken.store.connection import connect
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter
from unbroken.store.vault import VaultDoor

COUNTS: Final = (100, 1_000, 4_000)
SIZES: Final = (1_500, 100_000)
_MANY: Final = 100_000_000
"""Bytes of originals beyond which a log isn't built: the memory would show long before."""
_PEOPLE: Final = 50
_BATCH: Final = 100
_MEGABYTE: Final = 1e6
_ALLOWED_GROWTH_MB: Final = 8.0


@dataclass(frozen=True, slots=True)
class Opened:
    """One run: its time and the most memory that the process had."""

    seconds: float
    megabytes: float


def measure(server: Server, plan: Plan) -> Result:
    """Sessions of different lengths, opened whole."""
    rows: list[list[str]] = []
    figures: dict[str, Any] = {}
    targets: list[Target] = []
    for size in SIZES:
        runs = dict(_runs(server, plan, size))
        least = min(runs)
        for count, opened in runs.items():
            each = (opened.seconds - runs[least].seconds) / (count - least) * 1e3 if count > least else float("nan")
            rows.append([_kilobytes(size), f"{count:,}", figure(opened.seconds), _each(each), figure(opened.megabytes)])
            figures[f"{size} bytes, {count}"] = {"seconds": opened.seconds, "megabytes": opened.megabytes}
        grown = runs[1_000].megabytes - runs[100].megabytes
        what = f"MB more for 1,000 originals of {_kilobytes(size)} than for 100"
        targets.append(Target(what, grown, _ALLOWED_GROWTH_MB, at_least=False))
    return Result(
        "opening",
        f"Opening originals in a stream, {server.kind}",
        ("size", "originals", "s in all", "ms each", "MB at most"),
        rows,
        figures,
        targets,
        notes=[
            f"`unbroken original open --session … --json > /dev/null`, {_PEOPLE} people; s in all includes the start.",
            "ms each: what more originals take longer than the fewest.",
        ],
    )


def _runs(server: Server, plan: Plan, size: int) -> Iterator[tuple[int, Opened]]:
    for count in COUNTS:
        if count * size > _MANY:
            continue
        tell(f"{server.kind}: opening {count:,} originals of {_kilobytes(size)}")
        with _session(server, count, size) as (database, kek):
            yield count, min((_opened(database, kek) for _ in range(plan.runs)), key=lambda each: each.seconds)


@contextmanager
def _session(server: Server, count: int, size: int) -> Iterator[tuple[Database, Path]]:
    """A log with one session of originals, and the file of the key that they are wrapped by."""
    with tempfile.TemporaryDirectory() as folder, fresh_database(server, "opening") as database:
        with connect(database.conninfo("postgres")) as connection:
            administration.add_login(connection, "dpo", duty="dpo", password=None)
            administration.install_grant(connection, LOG, "dpo", duty="dpo")
        key = LocalKey.generate("bench")
        kek = Path(folder) / "vault.keys"
        create_file(kek, key)
        with LogReader(database.conninfo("dpo"), LOG, writes=True) as reader:
            refill(VaultDoor(reader), _PEOPLE, wrapping=KeyEncryptions(key), log_key=LogKey.generate())
        _record(database, count, size)
        yield database, kek


def _record(database: Database, count: int, size: int) -> None:
    writer = LogWriter(database.conninfo("writer"), LOG)
    with database.connect("writer") as connection:
        people = [f"p-{number:032x}" for number in range(_PEOPLE)]
        found = connection.execute(
            "select key_id, public from unbroken.vault_keys(%s, %s, %s)", (LOG, ["subject"] * _PEOPLE, people)
        ).fetchall()
    keys = {person: PublicKey(key_id, public) for person, (key_id, public) in zip(people, found, strict=True)}
    originals = list(_originals(count, size))
    for start in range(0, count, _BATCH):
        numbers = range(start, min(start + _BATCH, count))
        made = [_event(originals[number], people[number % _PEOPLE], keys, number) for number in numbers]
        writer.append([event for event, _, _ in made], [parts for _, parts, _ in made], originals=[c for *_, c in made])
    writer.close()


def _event(
    original: dict[str, Json], person: str, keys: dict[str, PublicKey], number: int
) -> tuple[bytes, dict[str, Part], bytes]:
    event_id, salt, value = new_id(), new_salt(), canonical("[masked]")
    sealed = seal(original, keys=[keys[person]], place=Place(LOG, event_id))
    event = make_event(
        id=event_id,
        ts="2026-01-31T09:30:00.000000Z",
        event_type="tool_result",
        actor_id="desk",
        actor_type="agent",
        session_id="s-1",
        subjects=[person],
        recorder="01970000-0000-7000-8000-00000000aaaa",
        recorder_seq=number + 1,
        redactions=["PERSON:1"],
        outputs=commit(salt, value),
        original=sealed.commitment,
    )
    return encode_event(event), {"outputs": Part(salt, value)}, sealed.ciphertext


def _originals(count: int, size: int) -> Iterator[dict[str, Json]]:
    for event in events("sparse", count, seed=3):
        value = normalise(event)
        more = "x" * max(size - len(canonical(value)), 0)
        yield {"outputs": {"event": value, "more": more}}


def _opened(database: Database, kek: Path) -> Opened:
    """The command in a process of its own."""
    told = kek.with_name("peak")
    opener = Path(__file__).with_name("opener.py")
    command: list[str | Path] = [sys.executable, opener, told, "original", "open", "--session", "s-1"]
    environment = {
        **os.environ,
        "UNBROKEN_STORE": database.conninfo("dpo"),
        "UNBROKEN_LOG": LOG,
        "UNBROKEN_VAULT_KEK": f"file:{kek}",
    }
    begin = time.perf_counter()
    subprocess.run(  # noqa: S603
        [*command, "--json", "--purpose", "bench", "--case", "bench"],
        env=environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return Opened(time.perf_counter() - begin, int(told.read_text()) / _MEGABYTE)


def _kilobytes(size: int) -> str:
    return f"{size / 1000:g} KB"


def _each(milliseconds: float) -> str:
    return "" if milliseconds != milliseconds else figure(milliseconds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", choices=list(SERVERS), default="embedded")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    wanted = parser.parse_args(arguments)
    if not is_installed(wanted.server):
        parser.error(f"{wanted.server} is not installed here")
    with SERVERS[wanted.server]() as server:
        result = measure(server, FULL)
    print(result.text())
    if wanted.json:
        wanted.json.write_text(json.dumps(result.as_json(), indent=2) + "\n")


if __name__ == "__main__":
    main()

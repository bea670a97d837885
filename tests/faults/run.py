"""One run: recorders at work, one fault, recovery, an orderly end, and the check from a fresh connection."""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

from tests.conftest import LOG
from tests.faults.careless import Careless
from tests.faults.catalogue import Fault
from tests.faults.check import Tally, check
from tests.faults.clock import Clock
from tests.faults.cluster import LOOPBACK, cluster_of
from tests.faults.disk import small_disk
from tests.faults.installation import Installation, open_folder
from tests.faults.network import network_before
from tests.faults.recorders import recorders_in
from tests.faults.scene import Scene
from tests.faults.stops import longest_call, longest_stop
from tests.faults.waiting import eventually
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.store.log_reader import LogReader
from unbroken.verify.run import verify_log

DISK_MB: Final = 96


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run came to. ``broken`` names every promise that was not kept."""

    fault: str
    kind: str
    seed: int
    variant: str
    tally: Tally
    longest_stop: float
    longest_call: float
    broken: Sequence[str]


def run(fault: Fault, installation: Installation, *, seed: int, careless: Careless = "") -> Outcome:
    """Runs a fault once. What is random comes from ``seed``, except for what the machine does."""
    dice = random.Random(seed)  # noqa: S311
    with _scene(fault, installation, dice, careless=careless) as scene:
        for _ in range(scene.load.processes):
            scene.start_recorder()
        recorders = scene.recorders
        recorders.await_acknowledgement(since=0)
        scene.pause(0.05, 0.4)
        since = recorders.now()
        variant = fault.inject(scene)
        recorders.await_acknowledgement(since=recorders.now())
        broken = recorders.end()
        # Requests of connections that were given up may still be under way in the server.
        eventually(lambda: not scene.backends(), "the last recorder's backend ended", seconds=60)
        entries, findings, tally = _audit(scene)
        journals = recorders.journals()
        took = max(longest_call(notes) for notes in journals.values())
        broken += [*tally.broken, *findings, *_late(fault, took), *_uncertain(fault, tally), *_times(fault, entries)]
        stop = longest_stop(journals.values(), since=since)
        return Outcome(fault.name, installation.kind, seed, variant, tally, stop, took, broken)


@contextmanager
def _scene(fault: Fault, installation: Installation, dice: random.Random, *, careless: Careless) -> Iterator[Scene]:
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder("ub-run-"))
        disk = stack.enter_context(small_disk(DISK_MB)) if fault.disk is not None else None
        if disk is not None:
            installation.own(disk.folder)
        clock = Clock(folder) if fault.clock is not None else None
        wal_apart = stack.enter_context(_owned_folder(installation)) if fault.disk == "data" else None
        cluster = stack.enter_context(
            cluster_of(
                installation,
                settings=fault.settings,
                environment=clock.environment if clock is not None and fault.clock == "server" else {},
                data=disk.folder if disk is not None and fault.disk == "data" else None,
                wal=disk.folder if disk is not None and fault.disk == "wal" else wal_apart,
            )
        )
        network = stack.enter_context(network_before(LOOPBACK, cluster.port)) if fault.network else None
        recorders = stack.enter_context(
            recorders_in(folder, clock=str(clock.file) if clock is not None and fault.clock == "recorder" else None)
        )
        yield Scene(cluster, recorders, fault.load, fault.deadline_s, dice, network, disk, clock, careless)


@contextmanager
def _owned_folder(installation: Installation) -> Iterator[Path]:
    with open_folder("ub-wal-") as folder:
        installation.own(folder)
        yield folder


def _audit(scene: Scene) -> tuple[list[StoredEntry], list[str], Tally]:
    """The log as a verifier reads it, what verification finds in it, and how it fits what recorders were told."""
    with LogReader(scene.cluster.conninfo("verifier"), LOG) as reader:
        entries = [entry for lot in reader.entries() for entry in lot]
        tally = check(entries, scene.recorders.journals())
        report = verify_log(reader, expect=tally.newest)
    return entries, [f"verification: {finding}" for finding in report.findings], tally


def _late(fault: Fault, took: float) -> list[str]:
    return (
        [f"a call took {took:.1f} s, its deadline was {fault.deadline_s:g} s"]
        if took > fault.deadline_s + fault.slack_s
        else []
    )


def _uncertain(fault: Fault, tally: Tally) -> list[str]:
    return (
        [f"{tally.unknown} outcomes are unknown, though the server answered"] if fault.certain and tally.unknown else []
    )


def _times(fault: Fault, entries: Sequence[StoredEntry]) -> list[str]:
    """Whether the log's times go back exactly where they should, and what recorders state where theirs were set."""
    back = [later.seq for earlier, later in pairwise(entries) if later.recorded_at < earlier.recorded_at]
    if fault.steps_back and not back:
        return ["a large step of the server's clock does not show in the log"]
    stated = [datetime.fromisoformat(decode_event(entry.event).ts) for entry in entries]
    if fault.clock == "recorder" and max(stated) - min(stated) < timedelta(days=1):
        return ["the steps of the recorders' clocks do not show in what they state"]
    return [] if fault.steps_back else [f"the log's time goes back at entry {seq}" for seq in back]

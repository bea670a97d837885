"""`make bench`: every figure that the project quotes, from one run on one machine."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import agents
import append
import concurrency
import conditions
import disk
import latency
import naive
import slow_storage
import verification
import write_path
import writers
from plan import FULL, QUICK, Plan
from report import Result, Target
from servers import SERVERS, Server, is_installed
from timing import tell

_MEASUREMENTS: Final[dict[str, Callable[[Server, Plan], Result]]] = {
    "append": append.measure,
    "writers": writers.measure,
    "naive": naive.measure,
    "disk": disk.measure,
    "verification": verification.measure,
    "latency": latency.measure,
    "concurrency": concurrency.measure,
    "slow_storage": slow_storage.measure,
    "agents": agents.measure,
    "write_path": write_path.measure,
}


def main() -> None:
    """Measures, prints, and leaves it to the reader to judge: a missed target is no error."""
    wanted = _arguments()
    plan = QUICK if wanted.quick else FULL
    # A terminated run cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    machine = conditions.of_machine()
    _introduce(machine, plan)
    found: list[dict[str, Any]] = []
    targets: list[Target] = []
    for kind in wanted.server or SERVERS:
        if not is_installed(kind):
            print(f"\n{kind} is not installed here and is left out.")
            continue
        for server, result in _measured(kind, wanted.only or _MEASUREMENTS, plan):
            print(result.text(), flush=True)
            found.append({"server": server.kind} | result.as_json())
            targets += result.targets
    _conclude(targets)
    if wanted.json:
        wanted.json.write_text(
            json.dumps({"machine": machine, "quick": wanted.quick, "results": found}, indent=2) + "\n"
        )


def _measured(kind: str, names: Any, plan: Plan) -> Iterator[tuple[Server, Result]]:
    tell(f"{kind}: starting")
    with SERVERS[kind]() as server:
        settings = conditions.of_server(server)
        print(f"\n## {kind}: PostgreSQL " + ", ".join(f"{name} {value}" for name, value in settings.items()))
        for name in names:
            yield server, _MEASUREMENTS[name](server, plan)


def _introduce(machine: dict[str, Any], plan: Plan) -> None:
    print("# unbroken, measured\n")
    for name, value in machine.items():
        print(f"- {name}: {', '.join(f'{k} {v}' for k, v in value.items()) if isinstance(value, dict) else value}")
    print(f"- repetitions: {plan.rounds} after {plan.warm_up} to warm up; medians; contenders in turn, commits durable")
    if plan is QUICK:
        print("- a quick run: its figures show the order of magnitude and are not to be quoted")
    if conditions.is_busy(machine):
        print("- WARNING: this machine is busy with something else; ratios may hold, absolute figures do not")
    sys.stdout.flush()


def _conclude(targets: list[Target]) -> None:
    met = sum(target.met for target in targets)
    print(f"\n## {met} of {len(targets)} targets met")
    for target in targets:
        if not target.met:
            print(target)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, a smaller log")
    parser.add_argument("--server", action="append", choices=list(SERVERS), help="only this one; may be repeated")
    parser.add_argument("--only", action="append", choices=list(_MEASUREMENTS), help="only this one; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; servers and folders of this run are removed")

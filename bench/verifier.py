"""One verification in a process of its own, so that its memory and its cores are its own: see verification.py.

Usage: verifier.py CONNINFO LOG WORKERS [CORE...]
"""

import json
import os
import sys
import time
from functools import partial

from unbroken.store.log_reader import LogReader
from unbroken.verify.run import verify_log


def main(conninfo: str, log: str, workers: int, cores: set[int]) -> None:
    """Prints what came out as JSON. Worker processes are forked from here and stay on the same cores."""
    if cores:
        os.sched_setaffinity(0, cores)
    connect = partial(LogReader, conninfo, log)
    with connect() as source:
        began = time.monotonic()
        report = verify_log(source, workers=workers, connect=connect)
        seconds = time.monotonic() - began
    used = os.times()
    print(
        json.dumps(
            {
                "seconds": seconds,
                "entries": report.entries,
                "verdict": report.verdict,
                "cpu_seconds": used.user + used.system + used.children_user + used.children_system,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), set(map(int, sys.argv[4:])))

"""Counting what a hold covers, page by page, and putting the sum on record."""

from dataclasses import replace

from unbroken.cli.late_progress import LateProgress
from unbroken.store.holds import Holds, Reach


def count(door: Holds, hold: str) -> dict[str, Reach]:
    """What a hold covers of each incarnation up to its end as it was at the beginning, noted in an entry each."""
    logs = door.logs()
    of, done = sum(end for _, end in logs), 0
    found: dict[str, Reach] = {}
    with LateProgress("counting what it covers") as progress:
        for log, end in logs:
            reach = Reach(0, 0, 0, 0)
            while reach.upto < end and (page := door.reach(log, hold, after=reach.upto)) is not None:
                reach = _sum(reach, page)
                progress(min(done + reach.upto, of), of)
            done += end
            # The pages go by what may be covered: behind the last there was nothing of it.
            found[log] = replace(reach, upto=max(reach.upto, end))
    for log, reach in found.items():
        door.note_reach(log, hold, reach)
    return found


def _sum(reach: Reach, page: Reach) -> Reach:
    return Reach(page.upto, reach.preserved + page.preserved, reach.originals + page.originals, reach.gone + page.gone)

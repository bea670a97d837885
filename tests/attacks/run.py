"""Every check against one target: a shared database for those that leave nothing behind, a new one for each other."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.attacks.catalogue import CHECKS
from tests.attacks.check import Check, judged
from tests.attacks.scene import Scene
from tests.attacks.target import Target
from tests.attacks.verdict import Result
from tests.conftest import Server


def run_all(server: Server, target: Target, *, template: str, checks: Sequence[Check] = CHECKS) -> dict[str, Result]:
    """What came of each check, by its id; ``template`` is a database with the target in it; the outsiders are there."""
    results: dict[str, Result] = {}
    with scene_of(server, target, template) as shared:
        for check in checks:
            if check.alone:
                with scene_of(server, target, template) as own:
                    results[check.id] = judged(check, own)
            else:
                results[check.id] = judged(check, shared)
    return results


@contextmanager
def scene_of(server: Server, target: Target, template: str) -> Iterator[Scene]:
    """A database of its own, which ends with the block."""
    name = f"attacked_{uuid.uuid4().hex}"
    server.execute("create database {} template {} strategy file_copy", name, template)
    try:
        target.prepare(server, name)
        yield Scene(server, name, target)
    finally:
        server.execute("drop database {} with (force)", name)

"""Every check against one target: a shared database for those that leave nothing behind, a new one for each other."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.attacks.catalogue import CHECKS
from tests.attacks.check import Check, judged
from tests.attacks.scene import Scene, outsiders
from tests.attacks.target import Target
from tests.attacks.verdict import Result
from tests.conftest import Server


def run_all(
    server: Server, target: Target, *, template: str, checks: Sequence[Check] = CHECKS
) -> dict[str, Result]:
    """What came of each check, by its id; ``template`` is a database with the target in it."""
    results: dict[str, Result] = {}
    with outsiders(server), _scene(server, target, template) as shared:
        for check in checks:
            if check.alone:
                with _scene(server, target, template) as own:
                    results[check.id] = judged(check, own)
            else:
                results[check.id] = judged(check, shared)
    return results


@contextmanager
def _scene(server: Server, target: Target, template: str) -> Iterator[Scene]:
    name = f"attacked_{uuid.uuid4().hex}"
    server.execute("create database {} template {} strategy file_copy", name, template)
    try:
        target.prepare(server, name)
        yield Scene(server, name, target)
    finally:
        server.execute("drop database {} with (force)", name)

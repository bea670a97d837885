"""Processes that are killed in the middle of their work."""

import os
import signal
import time
from typing import Final

from tests.faults.scene import Scene
from tests.faults.waiting import eventually

_CANCEL: Final = """
select pg_cancel_backend(pid) from pg_stat_activity
 where usename = 'writer' and state = 'active' and query like '%unbroken.append%'
"""


def kill_a_recorder(scene: Scene) -> str:
    """``kill -9`` of a recorder, and a new one in its place."""
    scene.dice.choice(scene.recorders.living()).kill()
    scene.start_recorder()
    return "kill -9"


def freeze_a_recorder(scene: Scene) -> str:
    """A recorder stops in the middle of a call and wakes up after its deadline, as after a machine's sleep."""
    victim = scene.dice.choice(scene.recorders.living())
    with scene.recorders.halted(victim):
        time.sleep(scene.deadline_s + 0.2)
    return "SIGSTOP past the deadline"


def terminate_a_backend(scene: Scene) -> str:
    """What an administrator does to a connection."""
    pid = scene.a_backend()
    with scene.cluster.admin() as admin:
        admin.execute("select pg_terminate_backend(%s)", (pid,))
        eventually(lambda: pid not in scene.backends(), "the backend ended")
    return "pg_terminate_backend"


def cancel_statements(scene: Scene) -> str:
    """What an administrator does to a statement, to all of them for a while."""
    cancelled = 0
    with scene.cluster.admin() as admin:
        for _ in range(200):
            cancelled += len(admin.execute(_CANCEL).fetchall())
            scene.pause(0, 0.005)
    if not cancelled:
        raise AssertionError("there was no statement to cancel")
    return "pg_cancel_backend, again and again"


def kill_a_backend(scene: Scene) -> str:
    """``kill -9`` of one backend: PostgreSQL throws out all others and recovers as from a crash."""
    os.kill(scene.a_backend(), signal.SIGKILL)
    eventually(lambda: "terminated by signal 9" in scene.cluster.log.read_text(), "the server noticed the kill")
    eventually(scene.cluster.answers, "the server came back")
    return "kill -9"

"""The whole server: killed, stopped, restarted, frozen."""

from tests.faults.scene import Scene


def kill_the_server(scene: Scene) -> str:
    """``kill -9`` of all its processes; it is started again after a while."""
    scene.cluster.kill()
    scene.pause(0, 0.5)
    scene.cluster.start()
    return "kill -9"


def stop_at_once(scene: Scene) -> str:
    """``pg_ctl stop -m immediate`` and a start."""
    scene.cluster.end("immediate")
    scene.pause(0, 0.5)
    scene.cluster.start()
    return "pg_ctl stop -m immediate"


def restart(scene: Scene) -> str:
    """``pg_ctl restart -m fast``."""
    scene.cluster.restart("fast")
    return "pg_ctl restart -m fast"


def freeze(scene: Scene) -> str:
    """SIGSTOP to all processes, for less time than a deadline."""
    with scene.cluster.frozen():
        scene.pause(0.2, scene.deadline_s / 4)
    return "within the deadline"


def freeze_past_the_deadline(scene: Scene) -> str:
    """SIGSTOP to all processes, until every recorder has given up a call."""
    since = scene.recorders.now()
    with scene.cluster.frozen():
        scene.await_errors(since=since)
        scene.pause(0, 0.5)
    return "past the deadline"

"""The command in a process of its own that has loaded the package already, as starting costs more than most commands.

One process for each that runs tests imports all commands and waits. Of each call it forks a child with the environment,
folder, input and output that are asked for, which runs the command as its script does and ends. What is tried is the
command; how it starts is tried where processes are started in the ordinary way.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NoReturn

PATIENCE_S = 60.0
_LONGEST = 2**17
_DECIDES_AT_IMPORT = (
    "LD_PRELOAD",
    "FAKETIME",
    "FORCE_COLOR",
    "NO_COLOR",
    "TTY_COMPATIBLE",
    "PYTHONIOENCODING",
    "LC_ALL",
)
"""What has to be set when Python starts, or the package is loaded."""
_HERE = Path(__file__).parents[2]


def run(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None, given: str = ""
) -> "subprocess.CompletedProcess[str]":
    """What ``subprocess.run`` gives of ``unbroken`` and its arguments: its output captured, as text."""
    if sys.platform != "linux" or any(name in env for name in _DECIDES_AT_IMPORT):
        return subprocess.run(
            command, env=env, cwd=cwd, input=given, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        stdin.write(given.encode())
        stdin.seek(0)
        streams = tuple(stream.fileno() for stream in (stdin, stdout, stderr))
        told = _waiting(env.get("PYTHONPATH", "")).call(list(command), dict(env), cwd or Path.cwd(), streams)
        read = [os.pread(stream, os.fstat(stream).st_size, 0).decode() for stream in streams[1:]]
    if told is None:
        raise subprocess.TimeoutExpired(list(command), PATIENCE_S, *read)
    return subprocess.CompletedProcess(list(command), told, *read)


@cache
def _waiting(path: str) -> "_Waiting":
    return _Waiting(path)


class _Waiting:
    """The process that waits for calls; it ends when this one does. ``_asking`` is held while a call is sent."""

    def __init__(self, path: str) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._asking = threading.Lock()
        for each in (self._socket, theirs):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * _LONGEST)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", f"from tests.system.warm import wait; wait({theirs.fileno()})"],
                pass_fds=(theirs.fileno(),),
                env={**os.environ, "PYTHONPATH": os.pathsep.join((str(_HERE), path))},
                stdin=subprocess.DEVNULL,
            )
        atexit.register(self._end)

    def call(self, command: list[str], env: dict[str, str], cwd: Path, streams: tuple[int, ...]) -> int | None:
        """How it ended, as ``subprocess`` has it; ``None`` when it took too long."""
        answers, theirs = socket.socketpair()
        with answers:
            with theirs:
                asked = json.dumps([command, env, str(cwd)]).encode()
                with self._asking:
                    socket.send_fds(self._socket, [asked], [*streams, theirs.fileno()])
            answers.settimeout(PATIENCE_S)
            try:
                return int(answers.recv(64))
            except TimeoutError:
                return None

    def _end(self) -> None:
        self._socket.close()
        self._process.wait(PATIENCE_S)


def wait(descriptor: int) -> None:
    """Loads all commands, and runs each that is asked for in a child, until nobody can ask any more."""
    from unbroken.cli.app import COMMANDS

    for module, _, _ in COMMANDS.values():
        import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as calls:
        while True:
            asked, descriptors, _, _ = socket.recv_fds(calls, _LONGEST, 4)
            if not asked:
                return
            if os.fork() == 0:
                calls.close()
                _carry_out(json.loads(asked), descriptors)
            for each in descriptors:
                os.close(each)


def _carry_out(asked: tuple[list[str], dict[str, str], str], descriptors: list[int]) -> NoReturn:
    """Waits for the command and tells how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, answer = descriptors
    command = os.fork()
    if command == 0:
        os.close(answer)
        _run(*asked, streams)
    _, status = os.waitpid(command, 0)
    os.write(answer, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _run(command: list[str], env: dict[str, str], cwd: str, streams: list[int]) -> NoReturn:
    """The command, as its script runs it, and then the end of the process."""
    from unbroken.cli import main

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = command
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115 - they last as long as the process
        for number, mode, errors in ((0, "r", "strict"), (1, "w", "strict"), (2, "w", "backslashreplace"))
    )
    code = 1
    try:
        main()
        code = 0
    except SystemExit as end:
        code = _code_of(end)
    except BaseException:  # noqa: BLE001 - an interpreter prints whatever comes
        traceback.print_exc()
    finally:
        # What an interpreter does when it ends.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for output in (sys.stdout, sys.stderr):
            output.flush()
        os._exit(code)


def _code_of(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return (end.code or 0) & 0xFF
    print(end.code, file=sys.stderr)
    return 1

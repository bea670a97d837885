"""The synchronous code, run for coroutines in a thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Final, ParamSpec, TypeVar

from unbroken.capture.forks import PerProcess

P = ParamSpec("P")
R = TypeVar("R")

THREADS: Final = 32
"""How many calls of coroutines are at their write at once; more of them wait for a thread."""

# The loop's own threads may all be taken by tools that wait for what is recorded here. Writes never wait for other
# calls in here, so their number may be bounded. A forked child makes its own, since its parent's threads are not there.
# Python ends idle ones when it exits.
_executors: Final = PerProcess(partial(ThreadPoolExecutor, THREADS, thread_name_prefix="unbroken"))


async def in_thread(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Calls ``function`` in a thread, in a copy of this context, always to its end.

    A cancellation takes effect only after that: nobody should have to wonder whether a write was made. Where no loop
    runs that could wait, or threads are not to be had any more, ``function`` is called here.
    """
    call = partial(copy_context().run, function, *args, **kwargs)
    future = _submitted(call)
    if future is None:
        return call()
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            await _undisturbed(future)
        if not future.cancelled():
            future.exception()  # retrieved, so that asyncio does not report it: a failed write has stopped its turn
        raise


def in_loop() -> bool:
    """Whether coroutines can wait here: an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def wait_for(future: "Future[None]", seconds: float) -> None:
    """Waits until ``future`` is done, ``seconds`` at most; not at all where no loop runs."""
    if in_loop():
        await asyncio.wait([asyncio.wrap_future(future)], timeout=seconds)


def _submitted(call: Callable[[], R]) -> "asyncio.Future[R] | None":
    try:
        return asyncio.get_running_loop().run_in_executor(_executors.here(), call)
    except RuntimeError:  # a coroutine is closed outside its loop, or the interpreter is on its way out
        return None


async def _undisturbed(future: "asyncio.Future[R]") -> None:
    try:
        await asyncio.wait([future])
    except asyncio.CancelledError:
        return  # the first cancellation is already on its way

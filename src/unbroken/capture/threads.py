"""The synchronous code, run for coroutines in a thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


async def in_thread(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Calls ``function`` in a thread, in a copy of this context, always to its end.

    A cancellation takes effect only after that: nobody should have to wonder whether a write was made.
    """
    task = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            await _undisturbed(task)
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not report it: a failed write has stopped its turn
        raise


async def _undisturbed(task: "asyncio.Future[R]") -> None:
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        return  # the first cancellation is already on its way


async def wait_for(future: "Future[None]", seconds: float) -> None:
    """Waits until ``future`` is done, ``seconds`` at most."""
    await asyncio.wait([asyncio.wrap_future(future)], timeout=seconds)

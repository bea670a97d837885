"""A function that takes the scope along in which it was bound, wherever it is called."""

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar, cast

from unbroken.capture.generators import PlainWalk, async_stepwise, stepwise
from unbroken.capture.scope import Scope, inside

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def bound(function: Callable[P, R], scope: Scope) -> Callable[P, R]:
    """``function``, of the same kind, with each call in ``scope``, in which a generator takes its steps only."""
    if inspect.isgeneratorfunction(function):
        return cast("Callable[P, R]", stepwise(function, lambda *_: PlainWalk(scope)))
    if inspect.isasyncgenfunction(function):
        return cast("Callable[P, R]", async_stepwise(function, lambda *_: PlainWalk(scope)))
    if inspect.iscoroutinefunction(function):
        return cast("Callable[P, R]", _bound_coroutine(function, scope))

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with inside(scope):
            value = function(*args, **kwargs)
        # Behind a lambda, say, or a decorator that hides the kind: none of it has run.
        return cast("R", _awaited(value, scope)) if inspect.iscoroutine(value) else value

    return run


def _bound_coroutine(function: Callable[P, Awaitable[R]], scope: Scope) -> Callable[P, Awaitable[R]]:
    @functools.wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return await _awaited(function(*args, **kwargs), scope)

    return run


async def _awaited(value: Awaitable[T], scope: Scope) -> T:
    with inside(scope):
        return await value

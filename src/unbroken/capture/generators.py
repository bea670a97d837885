"""Generator functions, driven step by step: what is set for their code is never set for whoever reads them."""

import functools
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from functools import partial
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from unbroken.capture.finalisers import when_not_writing
from unbroken.capture.scope import OwnScope, Scope

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S")
R = TypeVar("R")


class Walk:
    """One pass through a generator whose code runs in a scope of its own. Entered round the whole pass."""

    own: OwnScope

    def passed(self, item: object) -> None:
        """Called with each item before it is handed on."""

    def returned(self, value: object) -> None:
        """Called with what the generator returns."""

    def stand_still(self) -> None:
        """Called before an item is handed on, when the generator waits to be gone on with."""

    def go_on(self) -> None:
        """Called when it is; an error ends the pass."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None, /) -> None:
        """The pass is over, for whatever reason."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None, /
    ) -> None:
        """As :meth:`__exit__`."""


class PlainWalk(Walk):
    """Nothing but the scope."""

    def __init__(self, scope: Scope) -> None:
        self.own = OwnScope(scope)


def stepwise(function: Callable[P, Generator[T, S, R]], walk: Callable[..., Walk]) -> Callable[P, Generator[T, S, R]]:
    """``function`` with each pass in a ``walk``, made of its arguments when the first item is asked for."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> Generator[T, S, R]:
        with walk(args, kwargs) as entered:
            return (yield from _steps(function(*args, **kwargs), entered))

    return run


def _steps(source: Generator[T, S, R], walk: Walk) -> Generator[T, S, R]:
    step: Callable[[], T] = partial(next, source)
    try:
        while True:
            with walk.own.step():
                try:
                    item = step()
                except StopIteration as end:
                    walk.returned(end.value)
                    return end.value  # type: ignore[no-any-return]
            walk.passed(item)
            walk.stand_still()
            try:
                sent = yield item
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - it is the generator's to handle
                step = partial(source.throw, error)
            else:
                step = partial(source.send, sent)
            walk.go_on()
    finally:
        del step  # it may hold an exception, which holds this frame
        when_not_writing(partial(_close, source, walk.own))


def _close(source: Generator[Any, Any, Any], own: OwnScope) -> None:
    with own.step():
        source.close()


def async_stepwise(
    function: Callable[P, AsyncGenerator[T, S]], walk: Callable[..., Walk]
) -> Callable[P, AsyncGenerator[T, S]]:
    """As :func:`stepwise`."""

    @functools.wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T, S]:
        async with walk(args, kwargs) as entered:
            source = function(*args, **kwargs)
            step: Callable[[], Any] = partial(_first_step, source)
            try:
                while True:
                    with entered.own.step():
                        try:
                            item = await step()
                        except StopAsyncIteration:
                            return
                    entered.passed(item)
                    entered.stand_still()
                    try:
                        sent = yield item
                    except GeneratorExit:
                        raise
                    except BaseException as error:  # noqa: BLE001 - it is the generator's to handle
                        step = partial(source.athrow, error)
                    else:
                        step = partial(source.asend, sent)
                    entered.go_on()
            finally:
                del step  # it may hold an exception, which holds this frame
                with entered.own.step():
                    await source.aclose()

    return run


def _first_step(source: AsyncGenerator[T, S]) -> Awaitable[T]:
    """The loop is not told of ``source``: on its way out it would close it at the same time as what drives it does."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=None, finalizer=None)
    try:
        return anext(source)
    finally:
        sys.set_asyncgen_hooks(*hooks)

"""Functions as tools: their calls are recorded, in the way that fits the kind of function."""

import functools
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import ParamSpec, TypeVar, cast

from unbroken.capture.arguments import named_arguments
from unbroken.capture.finalisers import when_not_writing
from unbroken.capture.generator_tool import is_generator, recorded_generator
from unbroken.capture.recorder import Recorder
from unbroken.capture.scope import inside
from unbroken.capture.threads import in_thread
from unbroken.capture.tool_call import ToolCall
from unbroken.capture.toolbox import Tool
from unbroken.errors import ConfigurationError

P = ParamSpec("P")
R = TypeVar("R")


def recorded(recorder: Recorder, function: Callable[P, R], *, tool: Tool) -> Callable[P, R]:
    """``function`` with its calls recorded; name, signature and kind, such as coroutine function, stay the same."""
    if is_generator(function):
        return recorded_generator(recorder, function, tool=tool)
    if inspect.iscoroutinefunction(function):
        return cast("Callable[P, R]", _recorded_coroutine(recorder, function, tool=tool))
    signature = inspect.signature(function)

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        call = ToolCall(recorder, tool, arguments=named_arguments(signature, args, kwargs=kwargs))
        with call.under_way():
            try:
                call.begin()
                with inside(call.caused):
                    value = _finished(function(*args, **kwargs))
            except BaseException as error:
                call.fail(error)
                raise
            call.succeed(value)
        return value

    return run


def _recorded_coroutine(
    recorder: Recorder, function: Callable[P, Awaitable[R]], *, tool: Tool
) -> Callable[P, Awaitable[R]]:
    signature = inspect.signature(function)

    @functools.wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> R:
        call = ToolCall(recorder, tool, arguments=named_arguments(signature, args, kwargs=kwargs))
        with call.under_way():
            try:
                await in_thread(call.begin)
                with inside(call.caused):
                    value = _in_hand(await function(*args, **kwargs))
            except GeneratorExit as error:
                # This coroutine is closed where it waited, and can't wait any more.
                when_not_writing(partial(call.fail, error))
                raise
            except BaseException as error:
                await in_thread(call.fail, error)
                raise
            await in_thread(call.succeed, value)
        return value

    return run


def check(function: object, resource: object) -> None:
    """Raises :class:`ConfigurationError` for what can't be recorded as a tool, and for a resource it doesn't name."""
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        raise ConfigurationError("only functions and methods are tools: put @trail.tool next to the def")
    match resource:
        case None:
            return
        case (str(), str(path)) if path.split(".")[0] in inspect.signature(function).parameters:
            return
    raise ConfigurationError(
        f"resource is a type and the name of an argument of {function.__name__}, which has none such"
    )


def _finished(value: R) -> R:
    """``value``, unless the work is still to be done by whoever awaits it, unrecorded."""
    if inspect.iscoroutine(value):
        value.close()
    if inspect.isawaitable(value):
        raise ConfigurationError("a tool that returns an awaitable must be declared with async def")
    return _in_hand(value)


def _in_hand(value: R) -> R:
    """``value``, unless the work is still to be done by whoever reads it, unrecorded."""
    if inspect.isgenerator(value):
        value.close()
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        raise ConfigurationError("a tool that returns a generator must be one itself: let it yield the items")
    return value

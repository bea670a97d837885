"""A stream on its way to its reader: recorded when it begins, and exactly once when it ends, in whatever way."""

import os
import sys
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Protocol, Self

from unbroken.capture.activity import Activity
from unbroken.capture.finalisers import when_not_writing
from unbroken.capture.generators import Walk
from unbroken.capture.passage import Passage
from unbroken.capture.scope import OwnScope, Scope
from unbroken.capture.threads import in_loop, in_thread
from unbroken.errors import ConfigurationError, UnbrokenError


class Recorded(Protocol):
    """What is recorded of one stream. ``id`` names it among what goes on in its turn."""

    @property
    def id(self) -> str: ...

    @property
    def passage(self) -> Passage: ...

    def begin(self) -> Scope:
        """Records that it begins; returns the scope that its code runs in."""

    def end(self, error: BaseException | None) -> None:
        """Records what has passed and how it ended, unless it did not begin."""


class Reading(Walk):
    """The turn waits for its end, but not where only whoever leaves the turn could read on: then it ends there.

    A forked child does not have its parent's streams: there they end unrecorded and can't be read. What the interpreter
    clears away when it exits is not recorded either: then the beginning stands alone, as after a crash.
    """

    def __init__(self, stream: Recorded, activity: Activity | None) -> None:
        self._stream = stream
        self._activity = activity
        self._operation = stream.id
        self._pid = os.getpid()
        self._stands = False

    def passed(self, item: object) -> None:
        self._stream.passage.add(item)

    def returned(self, value: object) -> None:
        self._stream.passage.returned = value

    def stand_still(self) -> None:
        if self._activity is not None:
            self._activity.stand_still(self._operation, give_up=self._give_up)
        self._stands = True

    def go_on(self) -> None:
        if not self._is_mine():
            raise ConfigurationError(
                "this generator was ended and recorded as aborted when its turn was left, or it belongs to the process "
                "that this one was forked from: read it to its end in the turn, or in a thread or task of its own"
            )
        self._stands = False

    def __enter__(self) -> Self:
        self._begin_operation()
        try:
            self._begin()
        except BaseException as error:
            self._end(error)
            raise
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if self._is_mine():
            when_not_writing(partial(self._end, error))

    async def __aenter__(self) -> Self:
        self._begin_operation()
        try:
            await in_thread(self._begin)
        except BaseException as error:
            await in_thread(self._end, error)
            raise
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None, /
    ) -> None:
        # A coroutine that is closed while it waits for the next item can't wait for anything else.
        can_wait = in_loop() and (self._stands or not isinstance(error, GeneratorExit))
        if not self._is_mine():
            return
        if can_wait:
            await in_thread(self._end, error)
        else:
            when_not_writing(partial(self._end, error))

    def _begin_operation(self) -> None:
        if self._activity is not None:
            self._activity.begin(self._operation)

    def _begin(self) -> None:
        self.own = OwnScope(self._stream.begin())

    def _end(self, error: BaseException | None) -> None:
        try:
            self._stream.end(error)
        finally:
            if self._activity is not None:
                self._activity.end(self._operation)

    def _give_up(self) -> None:
        with suppress(UnbrokenError):  # a failure has stopped the turn, which is about to tell
            self._end(GeneratorExit("its turn was left before it was read to its end"))

    def _is_mine(self) -> bool:
        """Whether its end is still to be recorded, here; whoever gets this answer takes it over."""
        if self._pid != os.getpid() or sys.is_finalizing():
            return False
        return not self._stands or self._activity is None or self._activity.go_on(self._operation)

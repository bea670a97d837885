"""Where something happens: the session, turn and cause that events carry, kept in a context variable.

The variable follows tasks and ``asyncio.to_thread``; ``contextvars.copy_context().run`` takes it into other threads. No
token is kept: whoever leaves a scope sets back what was before by value, and only where the scope is still the current
one, so that a generator or task that is closed in another context neither fails nor disturbs that context.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from unbroken.capture.activity import Activity


@dataclass(frozen=True, slots=True)
class Scope:
    """One place in one recorder's conversations; ``outer`` is the scope, of any recorder, that it was entered from.

    ``fields`` stand on every event recorded in it. ``activity`` is that of the turn around it, if there is one.
    ``call_id`` is the name that a model gave to the next tool call, ``within`` the ``tool_call`` of the tool whose code
    runs here.
    """

    recorder: object
    fields: Mapping[str, Any]
    activity: Activity | None = None
    call_id: str | None = None
    within: str | None = None
    outer: "Scope | None" = None

    def caused_by(self, event_id: str) -> "Scope":
        """The place of what the event gives rise to."""
        return replace(self, fields={**self.fields, "parent_id": event_id}, call_id=None)

    def marks(self) -> dict[str, bool]:
        """What the details of an operation say of its place.

        It is outside any turn, after its turn was left, or in a process that was forked inside of its turn: such a one
        keeps the place that it was forked at, whatever it does later.
        """
        if "turn_id" not in self.fields:
            return {"orphan": True}
        if self.activity is None:
            return {}
        marks = {"late": self.activity.closed, "forked": self.activity.is_inherited}
        return {mark: True for mark, holds in marks.items() if holds}

    def operation(self, event_id: str) -> AbstractContextManager[None]:
        """Round an operation, named by an event: the turn is not left before it is over."""
        return nullcontext() if self.activity is None else self.activity.operation(event_id)

    def guard(self) -> AbstractContextManager[None]:
        """Round preparing and writing an event: refused when the turn has stopped; a failure stops it."""
        return nullcontext() if self.activity is None else self.activity.stop.guard()

    def stop_told_by(self, error: BaseException) -> bool:
        """Whether the turn has stopped and ``error`` already says so."""
        return self.activity is not None and self.activity.stop.told_by(error)


_current: ContextVar[Scope | None] = ContextVar("unbroken_scope", default=None)


def current(recorder: object) -> Scope | None:
    """The innermost scope of this recorder here; scopes of other recorders in between are passed over."""
    scope = _current.get()
    while scope is not None and scope.recorder is not recorder:
        scope = scope.outer
    return scope


@contextmanager
def inside(scope: Scope) -> Iterator[None]:
    """``scope`` is the current one for a block, whatever context the block ends in."""
    before = _current.get()
    entered = replace(scope, outer=before)
    _current.set(entered)
    try:
        yield
    finally:
        if _current.get() is entered:
            _current.set(before)


class OwnScope:
    """The current scope of a generator, which keeps it from step to step; whoever takes the steps keeps theirs."""

    def __init__(self, scope: Scope) -> None:
        self._first = replace(scope, outer=_current.get())
        self._kept = self._first

    @contextmanager
    def step(self) -> Iterator[None]:
        """Round one step, whatever blocks the generator has entered or left in it."""
        before = _current.get()
        _current.set(self._kept)
        try:
            yield
        finally:
            kept = _current.get()
            # Not where a step of a coroutine is broken off from another context.
            if kept is not None and self._is_around(kept):
                self._kept = kept
                _current.set(before)

    def _is_around(self, scope: Scope) -> bool:
        at: Scope | None = scope
        while at is not None and at is not self._first:
            at = at.outer
        return at is not None

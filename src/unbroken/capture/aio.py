"""Sessions, turns and model calls for coroutines: each method runs the synchronous one in a thread."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from unbroken.capture.stream import async_streamed
from unbroken.capture.threads import in_thread
from unbroken.errors import ConfigurationError
from unbroken.ledger.approval import Approval
from unbroken.ledger.draft import ABSENT
from unbroken.ledger.receipt import Kept

if TYPE_CHECKING:  # they import this module, to be entered with async with
    from unbroken.capture.approvals import Verdict
    from unbroken.capture.model_call import ModelCall
    from unbroken.capture.session import Session
    from unbroken.capture.turn import Turn

T = TypeVar("T")


class AsyncSession:
    """What ``async with trail.session(...)`` gives: a :class:`Session` for coroutines."""

    def __init__(self, session: "Session") -> None:
        self.id = session.id
        self._session = session

    def turn(self, request: object = ABSENT, **fields: Any) -> "Turn":
        """As :meth:`Session.turn`; enter it with ``async with``."""
        return self._session.turn(request, **fields)

    async def record(self, event_type: str, **event: Any) -> Kept:
        """As :meth:`Session.record`."""
        return await in_thread(self._session.record, event_type, **event)


class AsyncTurn:
    """What ``async with session.turn(...)`` gives: a :class:`Turn` for coroutines."""

    def __init__(self, turn: "Turn") -> None:
        self.id = turn.id
        self.request_id = turn.request_id
        self._turn = turn

    async def respond(self, value: object = ABSENT, **fields: Any) -> Kept:
        """As :meth:`Turn.respond`."""
        return await in_thread(self._turn.respond, value, **fields)

    async def record(self, event_type: str, **event: Any) -> Kept:
        """As :meth:`Turn.record`."""
        return await in_thread(self._turn.record, event_type, **event)

    async def request_approval(self, **request: Any) -> Approval:
        """As :meth:`Turn.request_approval`."""
        return await in_thread(self._turn.request_approval, **request)

    async def decide(self, request: Approval | str, verdict: "Verdict", *, by: str, **options: Any) -> Approval:
        """As :meth:`Turn.decide`."""
        return await in_thread(self._turn.decide, request, verdict, by=by, **options)

    def model_call(self, model: str, messages: Sequence[object] = (), **options: Any) -> "AsyncModelCall":
        """As :meth:`Turn.model_call`; ``await`` it, or enter it with ``async with``, before the model is asked."""
        return AsyncModelCall(partial(self._turn.model_call, model, messages, **options))


class AsyncModelCall:
    """A :class:`ModelCall` for coroutines, recorded when it is awaited or entered."""

    def __init__(self, ask: "Callable[[], ModelCall]") -> None:
        self._ask = ask
        self._call: ModelCall | None = None

    @property
    def id(self) -> str:
        """The ``model_call`` event's id."""
        return self._asked().id

    async def result(self, output: object = ABSENT, **facts: Any) -> Kept:
        """As :meth:`ModelCall.result`."""
        return await in_thread(self._asked().result, output, **facts)

    def stream(
        self, chunks: AsyncIterable[T], *, collect: Callable[[list[T]], Mapping[str, Any]] | None = None
    ) -> AsyncGenerator[T, None]:
        """As :meth:`ModelCall.stream`."""
        return async_streamed(chunks, self._asked().answer(collect))

    def __await__(self) -> Generator[Any, None, Self]:
        return self._begin().__await__()

    async def __aenter__(self) -> Self:
        await self._begin()
        self._asked().enter()
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        call = self._asked()
        try:
            if error is not None:
                await in_thread(call.fail, error)
        finally:
            call.leave()

    async def _begin(self) -> Self:
        if self._call is None:
            self._call = await in_thread(self._ask)
        return self

    def _asked(self) -> "ModelCall":
        if self._call is None:
            raise ConfigurationError("this model call is not recorded yet: await it, or enter it with async with")
        return self._call

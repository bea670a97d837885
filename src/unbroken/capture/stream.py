"""A model's answer that comes in chunks: handed on as they come, recorded once when they end."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterable, Mapping
from typing import Any, Final, TypeVar

from unbroken.capture.failures import because_of, described, status_of
from unbroken.capture.generators import async_stepwise, stepwise
from unbroken.capture.passage import Passage
from unbroken.capture.reading import Reading
from unbroken.capture.scope import Scope
from unbroken.core.canonical import canonical
from unbroken.core.ids import new_id
from unbroken.core.normalise import Json, normalise
from unbroken.ledger.draft import MAX_PART_BYTES
from unbroken.ledger.protection import Pieces, Value

T = TypeVar("T")

MAX_COLLECTED_BYTES: Final = 64 * 2**20
"""How much of a stream, as JSON, is held in memory to be collected at its end."""
_IN_DETAILS: Final = ("finish_reason", "tool_calls")


class Chunks(Passage):
    """What has passed of an answer; ``whole`` are the chunks themselves, unless they became too many to be held."""

    def __init__(self, *, hold: bool) -> None:
        super().__init__()
        self.whole: list[Any] | None = [] if hold else None
        self._are_texts = True
        self._text_hash = hashlib.sha256()

    def add(self, item: object) -> Json:
        normalised = super().add(item)
        if self.size_bytes > MAX_COLLECTED_BYTES:
            self.whole = None
        if self.whole is not None:
            self.whole.append(item)
        if isinstance(item, str) and isinstance(normalised, str):
            self._text_hash.update(normalised.encode())
        else:
            self._are_texts = False
        return normalised

    def output(self) -> Value:
        """One text where all chunks are texts, else the list of them; of both what is kept."""
        return "".join(map(str, self.values())) if self._are_texts else Pieces(self.values())

    def told(self) -> dict[str, object]:
        """As :meth:`Passage.told`, but for the hash of texts: that is of one text, in UTF-8."""
        told = super().told()
        return {**told, "sha256": self._text_hash.hexdigest()} if self._are_texts and "sha256" in told else told


class Answer:
    """The answer to one call of a model. ``tell`` records it: it takes what ended the stream, if anything went wrong,
    and keyword arguments of :meth:`ModelCall.result`.
    """

    def __init__(
        self,
        asked_in: Scope,
        caused: Scope,
        *,
        tell: Callable[..., object],
        collect: Callable[[list[Any]], Mapping[str, Any]] | None,
    ) -> None:
        self.id = new_id()
        self.activity = asked_in.activity
        self.passage = Chunks(hold=collect is not None)
        self._asked_in = asked_in
        self._caused = caused
        self._tell = tell
        self._collect = collect

    def begin(self) -> Scope:
        return self._caused

    def end(self, error: BaseException | None) -> None:
        """Records what has passed; raises what went wrong in collecting it, once that is recorded."""
        if error is not None and self._asked_in.stop_told_by(error):
            return
        collected: Mapping[str, Any] = {}
        failure: Exception | None = None
        try:
            collected = self._collected()
        except Exception as raised:  # noqa: BLE001 - the caller's code may raise anything
            failure = raised if error is None else None
        with because_of(error or failure):
            self._tell(error or failure, **self._answer(collected, error or failure))
        if failure is not None:
            raise failure

    def _collected(self) -> Mapping[str, Any]:
        """What ``collect`` makes of the chunks, without an output that the log would not take."""
        if self._collect is None or self.passage.whole is None:
            return {}
        collected = dict(self._collect(self.passage.whole))
        if len(canonical(normalise(collected.get("output")))) > MAX_PART_BYTES:
            del collected["output"]
        return collected

    def _answer(self, collected: Mapping[str, Any], error: BaseException | None) -> dict[str, Any]:
        told = {} if "output" in collected else self.passage.told()
        answer = {"output": self.passage.output(), **collected, "id": self.id}
        if error is not None:
            # What a broken answer asks for is told and not counted as asked: the rest of it may never have come.
            said = {key: answer.pop(key) for key in _IN_DETAILS if answer.get(key) is not None}
            return {**answer, "status": status_of(error), "details": {**said, **told, **described(error)}}
        if told:
            said = {key: answer[key] for key in _IN_DETAILS if answer.get(key) is not None}
            answer["details"] = {**said, **told}
        return answer


def streamed(chunks: Iterable[T], answer: Answer) -> Generator[T, None, None]:
    """``chunks`` as they come."""

    def source() -> Generator[T, None, None]:
        yield from chunks

    return stepwise(source, lambda *_: Reading(answer, answer.activity))()


def async_streamed(chunks: AsyncIterable[T], answer: Answer) -> AsyncGenerator[T, None]:
    """As :func:`streamed`."""

    async def source() -> AsyncGenerator[T, None]:
        async for chunk in chunks:
            yield chunk

    return async_stepwise(source, lambda *_: Reading(answer, answer.activity))()

"""A model's answer that comes in chunks: handed on as they come, recorded once when it ends, in whatever way."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.conftest import Database
from tests.database.recorded import Entries, every, links, only, refused, types
from unbroken.capture import Trail, Turn
from unbroken.capture import stream as stream_module
from unbroken.capture import turn as turn_module
from unbroken.errors import AccessDeniedError, ConfigurationError, InvalidEventError
from unbroken.ledger.draft import MAX_PART_BYTES
from unbroken.ledger.ledger import Ledger

ROUND = [
    ("conversation_started", None),
    ("request", None),
    ("model_call", "request"),
    ("model_result", "model_call"),
    ("response", "request"),
    ("conversation_ended", None),
]
"""A conversation with one question to a model."""
WORDS = ["Three ", "it ", "is."]


async def later(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        await asyncio.sleep(0)
        yield item


def breaking() -> Iterator[str]:
    yield "Three "
    raise ConnectionResetError("the line is dead")


def read(trail: Trail, chunks: Any, **options: Any) -> list[Any]:
    """The chunks of an answer in a turn of its own, which ends with a response."""
    with trail.session(actor="u") as session, session.turn() as turn:
        seen = list(turn.model_call("m-1").stream(chunks, **options))
        turn.respond()
    return seen


def test_texts_are_handed_on_and_recorded_as_one(trail: Trail, entries: Entries) -> None:
    seen: list[str] = []
    with trail.session(actor="u") as session, session.turn() as turn:
        for chunk in turn.model_call("m-1").stream(iter(WORDS)):
            seen.append(chunk)
            assert types(entries)[-1] == "model_call", "the answer is not recorded before it is over"
        assert types(entries)[-1] == "model_result"
        turn.respond("".join(seen))
    assert seen == WORDS
    assert links(entries) == ROUND
    result = only(entries, "model_result")
    assert (result["status"], result["outputs"], result["turn_id"]) == ("ok", "Three it is.", turn.id)
    assert result["model"] == only(entries, "response")["model"] == "m-1"
    assert result["latency_ms"] >= 0
    assert "details" not in result


def test_an_asynchronous_one_is_recorded_alike(trail: Trail, entries: Entries) -> None:
    async def main() -> None:
        async with trail.session(actor="u") as session, session.turn() as turn:
            call = await turn.model_call("m-1")
            assert [chunk async for chunk in call.stream(later(WORDS))] == WORDS
            await turn.respond()

    asyncio.run(main())
    assert links(entries) == ROUND
    assert only(entries, "model_result")["outputs"] == "Three it is."


def test_other_chunks_are_recorded_as_a_list(trail: Trail, entries: Entries) -> None:
    assert read(trail, ["a", {"delta": "b"}]) == ["a", {"delta": "b"}]
    assert only(entries, "model_result")["outputs"] == ["a", {"delta": "b"}]


def test_a_text_that_json_can_not_hold_makes_it_a_list(trail: Trail, entries: Entries) -> None:
    read(trail, ["a", "\x00"])
    assert only(entries, "model_result")["outputs"] == ["a", {"base64": "AA==", "text": "\u2400"}]


def test_no_chunks_are_an_empty_text(trail: Trail, entries: Entries) -> None:
    assert read(trail, []) == []
    assert only(entries, "model_result")["outputs"] == ""


def test_collect_makes_a_result_of_the_chunks(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def look(at: str) -> None: ...

    def collect(chunks: list[dict[str, Any]]) -> dict[str, Any]:
        text = "".join(chunk.get("delta", "") for chunk in chunks)
        calls = [{"id": "c1", "name": "look", "arguments": {"at": "p-1"}}]
        return {"output": text, "output_tokens": chunks[-1]["tokens"], "finish_reason": "tool", "tool_calls": calls}

    chunks: list[dict[str, Any]] = [{"delta": "Three "}, {"delta": "it is."}, {"tokens": 7}]
    with trail.session(actor="u") as session, session.turn() as turn:
        list(turn.model_call("m-1").stream(chunks, collect=collect))
        assert types(entries)[-2:] == ["model_result", "tool_call"], "what it asks for is in the log with it"
        with trail.called_as("c1"):
            look("p-1")
        turn.respond()
    result = only(entries, "model_result")
    assert (result["outputs"], result["output_tokens"]) == ("Three it is.", 7)
    assert (result["details"]["finish_reason"], result["details"]["tool_calls"][0]["id"]) == ("tool", "c1")
    assert links(entries)[3:6] == [
        ("model_result", "model_call"),
        ("tool_call look", "model_result"),
        ("tool_result look", "tool_call look"),
    ]


def test_one_that_is_given_up_is_aborted_with_what_had_passed(trail: Trail, entries: Entries) -> None:
    closed: list[str] = []

    def chunks() -> Iterator[str]:
        try:
            yield from WORDS
        finally:
            closed.append("closed")

    with trail.session(actor="u") as session, session.turn() as turn:
        for chunk in turn.model_call("m-1").stream(chunks()):
            if chunk == "it ":
                break
        assert closed == ["closed"]
        turn.respond()
    assert links(entries) == ROUND
    result = only(entries, "model_result")
    assert (result["status"], result["outputs"]) == ("aborted", "Three it ")
    assert result["details"]["error_type"] == "GeneratorExit"


def test_one_that_breaks_off_is_an_error_told_once(trail: Trail, entries: Entries) -> None:
    with trail.session(actor="u") as session, session.turn() as turn:
        with pytest.raises(ConnectionResetError, match="the line is dead"), turn.model_call("m-1") as call:
            list(call.stream(breaking()))
        turn.respond()
    assert links(entries) == ROUND
    result = only(entries, "model_result")
    assert (result["status"], result["outputs"]) == ("error", "Three ")
    assert result["details"] == {"error_type": "ConnectionResetError", "error_message": "the line is dead"}


def test_an_error_of_the_reader_is_another_one(trail: Trail, entries: Entries) -> None:
    def look_up(turn: Turn) -> None:
        with turn.model_call("m-1") as call:
            for _ in call.stream(WORDS):
                raise LookupError

    with trail.session(actor="u") as session, session.turn() as turn:
        with pytest.raises(LookupError):
            look_up(turn)
        turn.respond()
    assert links(entries)[3:5] == [("model_result", "model_call"), ("error", "model_call")]
    assert only(entries, "model_result")["status"] == "aborted"
    assert only(entries, "error")["details"]["error_type"] == "LookupError"


@pytest.mark.parametrize(
    ("how", "status", "error"),
    [
        ("breaks off", "error", ConnectionResetError),
        ("is cancelled", "aborted", asyncio.CancelledError),
        ("is left", "aborted", type(None)),
    ],
)
def test_an_asynchronous_one_ends_in_each_way(
    trail: Trail, entries: Entries, how: str, status: str, error: type[BaseException | None]
) -> None:
    async def chunks() -> AsyncIterator[str]:
        yield "Three "
        waiting.set()
        if how == "breaks off":
            raise ConnectionResetError
        await asyncio.sleep(60)

    async def answer() -> None:
        async with trail.session(actor="u") as session, session.turn() as turn, turn.model_call("m-1") as call:
            async for _ in call.stream(chunks()):
                if how == "is left":
                    break
            await turn.respond()

    async def main() -> None:
        task = asyncio.create_task(answer())
        if how == "is cancelled":
            await waiting.wait()
            task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        assert type(ended) is error

    waiting = asyncio.Event()
    asyncio.run(main())
    result = only(entries, "model_result")
    assert (result["status"], result["outputs"]) == (status, "Three ")
    assert [event["status"] for event in every(entries, "error")] == ([status] if error is not type(None) else []), (
        "the turn's own"
    )
    assert ROUND[3] in links(entries)


def test_leaving_the_turn_ends_what_only_the_leaver_could_read_on(trail: Trail, entries: Entries) -> None:
    begun = time.monotonic()
    with trail.session(actor="u") as session, session.turn() as turn:
        stream = turn.model_call("m-1").stream(WORDS)
        assert next(stream) == "Three "
        turn.respond()
    assert time.monotonic() - begun < turn_module.DEADLINE_S / 2, "there was nobody to wait for"
    result = only(entries, "model_result")
    assert (result["status"], result["outputs"], result["parent_id"]) == (
        "aborted",
        "Three ",
        only(entries, "model_call")["id"],
    )
    with pytest.raises(ConfigurationError, match="turn was left"):
        next(stream)
    assert len(every(entries, "model_result")) == 1


def test_what_happens_between_the_chunks_is_where_it_was(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def look() -> None: ...

    def chunks() -> Iterator[str]:
        yield "a"
        look()
        yield "b"

    with trail.session(actor="u") as session, session.turn() as turn:
        for _ in turn.model_call("m-1").stream(chunks()):
            look()
        turn.respond()
    assert [parent for name, parent in links(entries) if name == "tool_call look"] == [
        "request",
        "model_call",
        "request",
    ]


def test_what_the_collection_of_a_broken_answer_asks_for_is_told_and_not_asked(trail: Trail, entries: Entries) -> None:
    @trail.tool
    def look() -> None: ...

    def collect(chunks: list[str]) -> dict[str, Any]:
        return {"output": "".join(chunks).upper(), "input_tokens": 4, "tool_calls": [{"name": "look", "arguments": {}}]}

    with trail.session(actor="u") as session, session.turn() as turn:
        with pytest.raises(ConnectionResetError):
            list(turn.model_call("m-1").stream(breaking(), collect=collect))
        turn.respond()
    assert links(entries) == ROUND
    result = only(entries, "model_result")
    assert (result["outputs"], result["input_tokens"]) == ("THREE ", 4)
    assert result["details"]["tool_calls"] == [{"name": "look", "arguments": {}}]


@pytest.mark.parametrize("broken", [False, True])
def test_a_collection_that_fails_loses_nothing(trail: Trail, entries: Entries, broken: bool) -> None:
    def collect(chunks: list[str]) -> dict[str, Any]:
        raise KeyError("usage")

    with trail.session(actor="u") as session, session.turn() as turn:
        with pytest.raises(ConnectionResetError if broken else KeyError):
            list(turn.model_call("m-1").stream(breaking() if broken else WORDS, collect=collect))
        turn.respond()
    result = only(entries, "model_result")
    assert result["status"] == "error"
    assert result["outputs"] == ("Three " if broken else "Three it is.")
    assert result["details"]["error_type"] == ("ConnectionResetError" if broken else "KeyError")


def test_of_a_long_text_the_beginning_is_kept_and_the_hash_of_all(trail: Trail, entries: Entries) -> None:
    chunk = "é" * 500
    count = MAX_PART_BYTES // 1000 + 100
    read(trail, (chunk for _ in range(count)))
    result = only(entries, "model_result")
    details = result["details"]
    assert result["outputs"] == chunk * details["kept"]
    assert MAX_PART_BYTES * 0.9 < len(result["outputs"].encode()) < MAX_PART_BYTES
    assert details["items"] == count > details["kept"]
    assert details["sha256"] == hashlib.sha256((chunk * count).encode()).hexdigest()


def test_a_long_stream_is_collected_whole(trail: Trail, entries: Entries) -> None:
    chunks = [{"delta": "x", "filling": "y" * 1000} for _ in range(MAX_PART_BYTES // 1000 + 10)]
    read(trail, chunks, collect=lambda whole: {"output": "".join(chunk["delta"] for chunk in whole)})
    result = only(entries, "model_result")
    assert result["outputs"] == "x" * len(chunks)
    assert "details" not in result


@pytest.mark.parametrize("limit", ["of memory", "of a part"])
def test_where_the_collection_is_too_large_the_chunks_are_told(
    trail: Trail, entries: Entries, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    def collect(chunks: list[str]) -> dict[str, Any]:
        assert limit == "of a part", "it would see a part of the chunks only"
        return {"output": "x" * MAX_PART_BYTES, "output_tokens": 9}

    if limit == "of memory":
        monkeypatch.setattr(stream_module, "MAX_COLLECTED_BYTES", 5)
    assert read(trail, WORDS, collect=collect) == WORDS
    result = only(entries, "model_result")
    assert (result["outputs"], result["status"]) == ("Three it is.", "ok")
    assert result.get("output_tokens") == (9 if limit == "of a part" else None)


def test_a_chunk_that_can_not_be_recorded_is_not_handed_on(trail: Trail, entries: Entries) -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    with trail.session(actor="u") as session, session.turn() as turn:
        stream = turn.model_call("m-1").stream(["a", cycle])
        assert next(stream) == "a"
        with pytest.raises(InvalidEventError):
            next(stream)
        turn.respond()
    result = only(entries, "model_result")
    assert (result["status"], result["outputs"]) == ("error", "a")


def test_when_the_answer_can_not_be_recorded_the_last_step_raises(
    trail: Trail, entries: Entries, database: Database, ledger: Ledger
) -> None:
    def run() -> None:
        with trail.session(actor="u") as session, session.turn() as turn, turn.model_call("m-1") as call:
            with refused(database, ledger):
                list(call.stream(WORDS))
            pytest.fail("it went on")

    with pytest.raises(AccessDeniedError):
        run()
    assert types(entries) == ["conversation_started", "request", "model_call", "conversation_ended"]


def test_two_answers_at_once_do_not_mix(trail: Trail, entries: Entries) -> None:
    async def ask(turn: Any, name: str) -> None:
        call = await turn.model_call(name)
        async for _ in call.stream(later([f"{name} "] * 5)):
            await asyncio.sleep(0)

    async def main() -> None:
        async with trail.session(actor="u") as session, session.turn() as turn:
            await asyncio.gather(ask(turn, "m-1"), ask(turn, "m-2"))
            await turn.respond()

    asyncio.run(main())
    calls = {call["id"]: call["model"] for call in every(entries, "model_call")}
    for result in every(entries, "model_result"):
        assert result["outputs"] == f"{calls[result['parent_id']]} " * 5
    assert len(links(entries)) == 8

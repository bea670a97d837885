"""What an agent's program does with a trail, with something planted wherever it hands in a value."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Final

import pytest

from tests.planted.planter import Planter
from unbroken.capture.trail import Trail
from unbroken.core.ids import new_id
from unbroken.errors import NotApprovedError, UnbrokenError

_TEXT_FIELDS: Final = (
    "purpose", "status", "model", "cost_source", "recipient", "resource_type", "resource_id", "source_address",
    "agent_id", "agent_name", "agent_version", "tool", "call_id", "turn_id", "session_id",
)  # fmt: skip
_WRONG: Final[dict[str, str]] = {
    "event_type": "event_type", "actor_type": "actor_type", "ts": "ts", "id": "id", "parent_id": "parent_id",
    "cost_usd": "cost_usd", "trace_id": "trace_id", "classification": "classification", "capture": "capture",
    "prompt_hash": "prompt_hash", "latency_ms": "latency_ms", "side_effect": "side_effect",
}  # fmt: skip


class MishapError(Exception):
    """What goes wrong in a tool of the program's own."""


class Told:
    """What the library said: the full texts of its exceptions."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, error: BaseException) -> None:
        self.texts.append("".join(traceback.format_exception(error)))

    @contextmanager
    def raised(self, *kinds: type[BaseException]) -> Iterator[None]:
        """A block in which the library refuses something."""
        with pytest.raises(kinds or UnbrokenError) as caught:
            yield
        self.add(caught.value)


def run(trail: Trail, plant: Planter, told: Told) -> None:
    """One round of everything."""
    events(trail, plant)
    fields(trail, plant)
    conversation(trail, plant)
    model_calls(trail, plant)
    tools(trail, plant)
    failing_tools(trail, plant, told)
    yielding_tools(trail, plant)
    approvals(trail, plant, told)
    agents(trail, plant)
    elsewhere(trail, plant)
    asyncio.run(coroutines(trail, plant))
    refusals(trail, plant, told)


def events(trail: Trail, plant: Planter) -> None:
    """Parts of events: as values and keys, deep down, in JSON that a text holds, as numbers."""
    who: dict[str, Any] = {"actor_id": plant.name("event, actor"), "actor_type": "user"}
    trail.record("annotated", inputs=plant.value("event, inputs"), **who)
    trail.record("annotated", outputs=plant.text("event, outputs"), **who)
    trail.record("annotated", details={"a": [{"b": [plant.value("event, details, deep")]}]}, **who)
    trail.record("annotated", inputs={plant.text("event, key of an object"): 1}, **who)
    trail.record("annotated", inputs=json.dumps({"a": plant.value("event, JSON in a text")}), **who)
    trail.record("annotated", details=plant.number("event, number"), **who)
    trail.record("annotated", inputs=(plant.text("event, tuple"), {1, 2}), **who)
    trail.record("annotated", inputs=MishapError(plant.text("event, object that is no JSON")), **who)
    trail.record("error", details={"message": f"no luck\nwith this: {plant.text('event, error text')}"}, **who)


def fields(trail: Trail, plant: Planter) -> None:
    """Every text of an event itself."""
    who: dict[str, Any] = {"actor_type": "user"}
    for name in _TEXT_FIELDS:
        trail.record("annotated", actor_id=plant.mail("field, actor_id"), **who, **{name: plant.text(f"field, {name}")})
    trail.record(
        "data_accessed",
        actor_id=plant.name("field, actor_id, a name"),
        subjects=[plant.name("field, subjects"), plant.mail("field, subjects, an address")],
        scope=[f"note={plant.text('field, scope')}"],
        domains=[plant.text("field, domains")],
        **who,
    )


def conversation(trail: Trail, plant: Planter) -> None:
    """A session and its turns, of which the last ones end badly."""
    session = trail.session(
        plant.text("session, id"),
        actor=plant.name("session, actor"),
        agent=plant.text("session, agent"),
        agent_name=plant.text("session, agent_name"),
        agent_version=plant.text("session, agent_version"),
        subjects=[plant.name("session, subjects")],
        purpose=plant.text("session, purpose"),
        scope=[f"note={plant.text('session, scope')}"],
        domains=[plant.text("session, domains")],
    )
    with suppress(MishapError), session:
        with session.turn(plant.text("turn, request"), source_address=plant.text("turn, fields")) as turn:
            turn.record("annotated", details=plant.value("turn, record"))
            turn.respond(plant.value("turn, response"), recipient=plant.text("turn, response's fields"))
        with suppress(MishapError), session.turn({"messages": [plant.value("turn, request of parts")]}):
            raise MishapError(plant.text("turn, exception"))
        session.record("reviewed", details=plant.value("session, record"), status=plant.text("session, record's field"))
        raise MishapError(plant.text("session, exception")) from KeyError(plant.text("session, cause of an exception"))


@contextmanager
def a_turn(trail: Trail, plant: Planter) -> Iterator[Any]:
    """Some turn of some session."""
    with trail.session(actor=plant.name("an actor"), agent="desk") as session, session.turn("Well?") as turn:
        yield turn


def model_calls(trail: Trail, plant: Planter) -> None:
    """What is sent to a model, and what comes back: at once, in chunks, not at all."""
    with a_turn(trail, plant) as turn:
        said = [
            {"role": "system", "content": plant.text("model call, system message")},
            {"role": "developer", "content": plant.text("model call, developer message")},
            {"role": "user", "content": [{"type": "text", "text": plant.text("model call, parts of a message")}]},
            {"role": "user", "content": plant.text("model call, message"), "name": plant.text("model call, name")},
            {"role": "assistant", "tool_calls": [_asked(plant, "model call, earlier call")]},
            {"role": "tool", "tool_call_id": "c0", "content": plant.text("model call, tool message")},
        ]
        call = turn.model_call(
            plant.text("model call, model"),
            said,
            parameters={"user": plant.text("model call, parameters"), "metadata": plant.value("model call, metadata")},
            tools=[{"function": {"name": "book", "description": plant.text("model call, tools offered")}}],
            prompt_template=plant.text("model call, template"),
        )
        call.result(
            {"content": plant.value("model result, output")},
            finish_reason=plant.text("model result, finish reason"),
            cost_source=plant.text("model result, cost source"),
            tool_calls=[_asked(plant, "model result, call")],
        )
        again = turn.model_call("m", [*said, {"role": "user", "content": plant.text("model call, another message")}])
        chunks = [plant.text("model result, chunk"), " and ", plant.text("model result, another chunk")]
        assert list(again.stream(iter(chunks))) == chunks
        parts = turn.model_call("m", [{"role": "system", "content": plant.text("model call, another system message")}])
        list(parts.stream(iter([{"delta": plant.value("model result, chunk that is an object")}])))
        with suppress(MishapError), turn.model_call("m", []) as failing:
            raise MishapError(plant.text("model call, exception"))
        with suppress(MishapError):
            list(turn.model_call("m", []).stream(_broken(plant.text("model result, broken chunk"), plant)))
        del failing
        turn.respond("Done.")


def _broken(chunk: str, plant: Planter) -> Iterator[str]:
    yield chunk
    raise MishapError(plant.text("model result, exception between chunks"))


def _asked(plant: Planter, entrance: str) -> dict[str, Any]:
    """A call that a model asks for: arguments in a text, and in vain what else there is."""
    arguments = json.dumps({"arguments": plant.value(f"{entrance}, arguments")})
    return {"id": plant.text(f"{entrance}, id"), "function": {"name": "no_such_tool", "arguments": arguments}}


def tools(trail: Trail, plant: Planter) -> None:
    """Arguments and results of tools, the ids of what they touch, their names and fields."""

    @trail.tool(resource=("patient", "order.patient"), side_effect=True, purpose=plant.text("tool, fields"))
    def order(order: dict[str, Any], *notes: Any, **options: Any) -> Any:
        return {"done": plant.value("tool, result")}

    @trail.tool(name=plant.text("tool, name"), resource=("chart", "chart"))
    def look_up(chart: list[str]) -> str:
        return plant.text("tool, text as result")

    with a_turn(trail, plant) as turn:
        with trail.called_as(plant.text("tool, call id")):
            order(
                {"patient": plant.text("tool, resource id"), "what": plant.value("tool, argument")},
                plant.value("tool, further argument"),
                option=plant.value("tool, argument by name"),
            )
        look_up([plant.text("tool, resource id of several"), plant.text("tool, another resource id of several")])
        turn.respond("Done.")
    look_up([plant.text("tool outside any session, argument")])


def failing_tools(trail: Trail, plant: Planter, told: Told) -> None:
    """Exceptions: of the program's own, of the language, in groups."""

    @trail.tool
    def fail(error: BaseException) -> None:
        raise error

    @trail.tool
    def look_up(key: str) -> Any:
        return dict[str, str]()[key]

    causes = [
        MishapError(plant.text("tool, exception")),
        KeyError(plant.text("tool, exception that quotes")),
        OSError(2, "No such file", plant.text("tool, exception that names a file")),
        ExceptionGroup(
            plant.text("tool, group of exceptions"), [MishapError(plant.text("tool, exception in a group"))]
        ),
    ]
    with a_turn(trail, plant) as turn:
        for cause in causes:
            with suppress(type(cause)):
                fail(cause)
        with suppress(KeyError):
            look_up(plant.text("tool, argument of a failing one"))
        with told.raised(TypeError):
            look_up("a", "b")  # type: ignore[call-arg]
        turn.respond("Done.")


def yielding_tools(trail: Trail, plant: Planter) -> None:
    """Generators, read to the end, left early, and failing."""

    @trail.tool
    def chart(patient: Any) -> Iterator[Any]:
        yield plant.text("generator tool, item")
        yield plant.value("generator tool, item that is no text")
        raise MishapError(plant.text("generator tool, exception"))

    with a_turn(trail, plant) as turn:
        with suppress(MishapError):
            list(chart(plant.value("generator tool, argument")))
        for _ in chart("x"):
            break
        turn.respond("Done.")


def approvals(trail: Trail, plant: Planter, told: Told) -> None:
    """Requests and decisions, with the reasons for them."""

    @trail.tool(side_effect=True, requires_approval=True)
    def pay(to: Any, amount: int) -> str:
        return plant.text("approved tool, result")

    number = new_id()
    arguments: dict[str, Any] = {"to": plant.value("approved tool, argument"), "amount": 5}
    with (
        suppress(NotApprovedError),
        trail.session(f"pay-{number}", actor="asker", agent="desk") as session,
    ):
        with suppress(NotApprovedError), session.turn("Pay."), trail.called_as(f"call-{number}"):
            try:
                pay(**arguments)
            except NotApprovedError as error:
                told.add(error)
                request = error.request_id
        assert request is not None
        trail.decide(
            request, "approve", by=plant.name("decision, by"), reason=plant.text("decision, reason"),
            status=plant.text("decision, field"),
        )  # fmt: skip
        with session.turn("Again.") as turn, trail.called_as(f"call-{number}"):
            turn.respond(pay(**arguments))
    with a_turn(trail, plant) as turn:
        asked = turn.request_approval(
            tool=plant.text("request, tool"),
            call_id=f"other-{number}",
            arguments={"what": plant.value("request, arguments")},
            reason=plant.text("request, reason"),
            policy=plant.text("request, policy"),
            valid_for=timedelta(hours=1),
        )
        turn.decide(asked, "deny", by=plant.mail("decision, by, an address"), reason=plant.text("denial, reason"))
        turn.respond("Denied.")


def agents(trail: Trail, plant: Planter) -> None:
    """One agent hands over to another, and calls a third."""
    with a_turn(trail, plant) as turn:
        handoff = trail.agent(
            plant.text("handoff, agent"), name=plant.text("handoff, name"), version=plant.text("handoff, version")
        )
        with handoff:
            trail.record("annotated", details=plant.value("handoff, event inside"))
        inner = trail.session(actor="triage-agent", actor_type="agent", agent="t")
        with inner, inner.turn(plant.text("agent as a tool, request")) as asked:
            asked.respond(plant.text("agent as a tool, response"))
        turn.respond("Done.")


def elsewhere(trail: Trail, plant: Planter) -> None:
    """In a place that was carried to another process, and in another thread's."""

    @trail.tool
    def work(on: Any) -> None: ...

    with (
        trail.session(
            actor=plant.name("carried place, actor"),
            subjects=[plant.name("carried place, subjects")],
            purpose=plant.text("carried place, purpose"),
        ) as session,
        session.turn("Go.") as turn,
    ):
        place = json.loads(json.dumps(trail.carry()))
        turn.respond("Gone.")
    with trail.carried(place):
        trail.record("annotated", details=plant.value("carried place, event"))
        work(plant.value("carried place, tool's argument"))


async def coroutines(trail: Trail, plant: Planter) -> None:
    """The same for coroutines."""

    @trail.tool
    async def book(day: Any) -> Any:
        return plant.value("async tool, result")

    @trail.tool
    async def read(day: Any) -> AsyncIterator[Any]:
        yield plant.value("async generator tool, item")

    async def chunks() -> AsyncIterator[str]:
        yield plant.text("async model result, chunk")

    session = trail.session(actor=plant.name("async session, actor"), purpose=plant.text("async session, purpose"))
    async with session as entered, entered.turn(plant.text("async turn, request")) as turn:
        await book(plant.value("async tool, argument"))
        async for _ in read(plant.value("async generator tool, argument")):
            pass
        call = await turn.model_call("m", [{"role": "user", "content": plant.text("async model call, message")}])
        async for _ in call.stream(chunks()):
            pass
        await turn.respond(plant.text("async turn, response"))


def refusals(trail: Trail, plant: Planter, told: Told) -> None:
    """What no event may hold: refused, and the refusal does not repeat it."""
    who: dict[str, Any] = {
        "event_type": "annotated",
        "actor_id": plant.name("refused event, actor"),
        "actor_type": "user",
    }
    for name in _WRONG:
        with told.raised():
            trail.record(**{**who, name: plant.text(f"refused event, {name}") + "?"})
    with told.raised():
        trail.record(**{**who, plant.text("refused event, unknown field"): 1})
    with told.raised():
        trail.record(**who, purpose="x" * 2000 + plant.text("refused event, text too long"))
    with told.raised():
        trail.record(**who, purpose=plant.text("refused event, text with NUL") + "\0")
    with told.raised():
        trail.record(**who, subjects=[plant.name("refused event, subjects"), 5])
    with told.raised():
        trail.record(**who, inputs=["x" * (5 << 20), plant.text("refused event, part too large")])
    with told.raised():
        trail.approval(plant.text("refused request, id"))
    with told.raised():
        trail.decide(plant.text("refused decision, id"), "approve", by=plant.name("refused decision, by"))
    place = {"log": plant.text("refused place, log"), "purpose": plant.text("refused place, purpose")}
    with told.raised(), trail.carried(place):
        raise AssertionError
    with told.raised():
        trail.tool(resource=("patient", plant.text("refused tool, resource")))(_anything)


def _anything(chart: str) -> Callable[[], None]:
    return lambda: None

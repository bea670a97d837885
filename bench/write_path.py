"""The whole way of an event into the log, with names, registry and redaction, against the same without them."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from itertools import cycle
from typing import Any, Final

from event_texts import events
from plan import Plan
from report import Result, figure
from servers import LOG, Database, Server, fresh_database
from timing import Contender, Sample, side_by_side, tell

from unbroken.capture.trail import Trail
from unbroken.core.ids import new_id
from unbroken.core.keyed import LogKey
from unbroken.core.normalise import normalise
from unbroken.ledger.draft import Draft, draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.protection import AS_GIVEN, Protection
from unbroken.privacy.redaction.placeholders import PlaceholderKey
from unbroken.privacy.redaction.profiles import BALANCED
from unbroken.privacy.redaction.redactor import Redactor
from unbroken.wiring import open_ledger, protection_of

_CONTENTS: Final = {"clean": "clean", "identifiers": "sparse"}
"""What is measured, and what :func:`event_texts.events` calls it."""
_BATCH: Final = 200
_KINDS: Final = 400
_USERS: Final = 500
_WARM_UP: Final = 20
_AGENTS: Final = 10


class Results:
    """An endless stream of results of tools, each of about 1.5 KB, for users who come again."""

    def __init__(self, kind: str) -> None:
        self._values = cycle(list(events(kind, _KINDS)))
        self._users = cycle(range(_USERS))

    def next(self) -> dict[str, Any]:
        """What a program says of one event."""
        user = next(self._users)
        return {
            "event_type": "tool_result",
            "actor_id": f"user.{user}@example.org",
            "actor_type": "user",
            "agent_id": f"agent-{user % _AGENTS}",
            "session_id": f"session-{user}",
            "tool": "look_up",
            "call_id": new_id(),
            "outputs": next(self._values),
        }

    def some(self, count: int) -> list[dict[str, Any]]:
        return [self.next() for _ in range(count)]


def measure(server: Server, plan: Plan) -> Result:
    """Events a second with and without protection, one at a time and in batches, and where the time goes."""
    rows: list[list[str]] = []
    figures: dict[str, Any] = {}
    for content, kind in _CONTENTS.items():
        tell(f"{server.kind}: the whole write path, events with {content}")
        with (
            fresh_database(server, "write_path") as database,
            closing(_ledger(database)) as plain,
            closing(_ledger(database)) as guarded,
        ):
            protection = protection_of(guarded)
            _get_to_know(protection)
            ways = {"one at a time": _singly(plain, guarded, protection, kind, plan),
                    f"batches of {_BATCH}": _batched(plain, guarded, protection, kind, plan)}  # fmt: skip
            figures[content] = {way: _figures(*found) for way, found in ways.items()}
            rows += [_row(content, way, *found) for way, found in ways.items()]
            spent = _spent(guarded, protection, kind, plan)
            figures[content]["us_per_event"] = spent
            rows += [[f"... of it {what}", "", "", figure(taken), ""] for what, taken in spent.items()]
    return Result(
        "write_path",
        f"The whole write path with redaction as a fraction of the path without, events of 1.5 KB, {server.kind}",
        ("events, way", "without, events/s", "with, events/s", "with, us/event", "fraction"),
        rows,
        figures,
        (),
        [
            "with: registry, known pseudonyms of 500 users, redaction (balanced). without: events as they are given.",
            "One at a time: Trail.record, a commit each. Batches: drafts of 200 events and one Ledger.record.",
            "Where the time goes: processor time of this process, in batches; the server's own is not in it.",
        ],
    )


def _get_to_know(protection: Protection) -> None:
    """Has every user's pseudonym made: somebody new costs one more round trip, once."""
    source = Results("clean")
    for _ in range(_USERS):
        _protected(protection, source.next())


def _ledger(database: Database) -> Ledger:
    return open_ledger(database.conninfo("writer"), log=LOG, key=LogKey.generate())


def _singly(
    plain: Ledger, guarded: Ledger, protection: Protection, kind: str, plan: Plan
) -> tuple[Sample, Sample, int]:
    trails = {"without": Trail(plain, protection=AS_GIVEN), "with": Trail(guarded, protection=protection)}
    sources = {name: Results(kind) for name in trails}

    def contender(name: str) -> Contender:
        return lambda: partial(trails[name].record, **sources[name].next())

    contenders = {name: contender(name) for name in trails}
    samples = side_by_side(contenders, rounds=plan.single_calls // 2, warm_up=_WARM_UP)
    return samples["without"], samples["with"], 1


def _batched(
    plain: Ledger, guarded: Ledger, protection: Protection, kind: str, plan: Plan
) -> tuple[Sample, Sample, int]:
    ways = {"without": (plain, AS_GIVEN), "with": (guarded, protection)}
    sources = {name: Results(kind) for name in ways}

    def contender(name: str) -> Contender:
        return lambda: partial(_record, *ways[name], sources[name].some(_BATCH))

    contenders = {name: contender(name) for name in ways}
    samples = side_by_side(contenders, rounds=plan.rounds, warm_up=plan.warm_up)
    return samples["without"], samples["with"], _BATCH


def _record(ledger: Ledger, protection: Protection, given: list[dict[str, Any]]) -> None:
    ledger.record([draft(protection=protection, **event) for event in given])


def _row(content: str, way: str, without: Sample, guarded: Sample, size: int) -> list[str]:
    fraction = without.median / guarded.median
    each = guarded.median / size * 1e6
    return [
        f"{content}, {way}",
        figure(without.rate(size)),
        figure(guarded.rate(size)),
        figure(each),
        f"{fraction:.2f}",
    ]


def _figures(without: Sample, guarded: Sample, size: int) -> dict[str, float]:
    return {
        "without_per_s": without.rate(size),
        "with_per_s": guarded.rate(size),
        "fraction": without.median / guarded.median,
    }


# ---- where the time goes ----


def _spent(ledger: Ledger, protection: Protection, kind: str, plan: Plan) -> dict[str, float]:
    """Microseconds of this process's time for one event, by what they are spent on."""
    key = LogKey.generate()
    front = Redactor(BALANCED, key=PlaceholderKey.derived(key.id, key.secret))
    source = Results(kind)
    made: dict[str, Callable[[list[dict[str, Any]]], Callable[[], object]]] = {
        "redaction": lambda given: partial(_each, given, lambda event: _redacted(front, event)),
        "protection": lambda given: partial(_each, given, lambda event: _protected(protection, event)),
        "draft": lambda given: partial(_each, given, lambda event: draft(protection=AS_GIVEN, **event)),
        "record": lambda given: partial(ledger.record, list(_drafts(given))),
    }
    taken = {name: min(_processor_times(make, source, plan)) / _BATCH * 1e6 for name, make in made.items()}
    return {
        "redaction": taken["redaction"],
        "names, registry": max(taken["protection"] - taken["redaction"], 0.0),
        "draft: canonical text, salts, commitments": taken["draft"],
        "record: sealing, sending, checking receipts": taken["record"],
    }


def _processor_times(
    make: Callable[[list[dict[str, Any]]], Callable[[], object]], source: Results, plan: Plan
) -> Iterator[float]:
    for _ in range(plan.rounds):
        work = make(source.some(_BATCH))
        begin = time.process_time()
        work()
        yield time.process_time() - begin


def _each(given: list[dict[str, Any]], work: Callable[[dict[str, Any]], object]) -> None:
    for event in given:
        work(event)


def _redacted(front: Redactor, event: Mapping[str, Any]) -> object:
    texts = {name: value for name, value in event.items() if isinstance(value, str) and name != "event_type"}
    return front.redact({"outputs": event["outputs"]}, texts=texts)


def _protected(protection: Protection, event: Mapping[str, Any]) -> object:
    fields = {name: value for name, value in event.items() if name != "outputs"}
    return protection.protect(fields, {"outputs": normalise(event["outputs"])})


def _drafts(given: list[dict[str, Any]]) -> Iterator[Draft]:
    return (draft(protection=AS_GIVEN, **event) for event in given)

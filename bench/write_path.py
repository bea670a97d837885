"""The whole way of an event into the log: as it is given; with names, registry and redaction; and with a vault too."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
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
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.local_key import LocalKey
from unbroken.privacy.vault.refilling import refill
from unbroken.store import administration
from unbroken.store.connection import connect
from unbroken.store.log_reader import LogReader
from unbroken.store.vault import VaultDoor
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


@dataclass(frozen=True, slots=True)
class Way:
    """One way into a log, and what every event passes on it."""

    ledger: Ledger
    protection: Protection


def measure(server: Server, plan: Plan) -> Result:
    """Events a second on each way, one at a time and in batches, and where the time goes."""
    rows: list[list[str]] = []
    figures: dict[str, Any] = {}
    for content, kind in _CONTENTS.items():
        tell(f"{server.kind}: the whole write path, events with {content}")
        with ExitStack() as stack:
            plain = stack.enter_context(fresh_database(server, "write_path"))
            vault = stack.enter_context(fresh_database(server, "write_path_vault"))
            ways = _ways(plain, vault, stack)
            found = {
                "one at a time": (_singly(ways, kind, plan), 1),
                f"batches of {_BATCH}": (_batched(ways, kind, plan), _BATCH),
            }
            figures[content] = {how: _figures(*samples) for how, samples in found.items()}
            rows += [_row(content, how, *samples) for how, samples in found.items()]
            spent = _spent(ways, kind, plan)
            figures[content]["us_per_event"] = spent
            rows += [[f"... of it {what}", "", "", figure(taken), "", "", ""] for what, taken in spent.items()]
    return Result(
        "write_path",
        f"The whole write path with redaction, and with a vault, events of 1.5 KB, {server.kind}",
        (
            "events, way",
            "without, events/s",
            "with, events/s",
            "us/event",
            "fraction",
            "sealing, events/s",
            "share",
        ),
        rows,
        figures,
        (),
        [
            "with: registry, known pseudonyms of 500 users, redaction (balanced). without: events as they are given.",
            "sealing: with that, in a log with a vault, each original to one person's key. Clean events have none.",
            "fraction: of the events without, how many there are with. share: of an event's time, what sealing takes.",
            "One at a time: Trail.record, a commit each. Batches: drafts of 200 events and one Ledger.record.",
            "Where the time goes: processor time of this process, in batches; the server's own is not in it.",
        ],
    )


def _ways(plain: Database, vault: Database, stack: ExitStack) -> dict[str, Way]:
    """The ways by their names, ready to be taken."""
    key = LogKey.generate()
    _fill(vault, key)
    without, guarded, sealing = (
        stack.enter_context(closing(open_ledger(each.conninfo("writer"), log=LOG, key=key)))
        for each in (plain, plain, vault)
    )
    ways = {
        "without": Way(without, AS_GIVEN),
        "with": Way(guarded, protection_of(guarded)),
        "sealing": Way(sealing, protection_of(sealing)),
    }
    _get_to_know(ways)
    return ways


def _fill(database: Database, key: LogKey) -> None:
    """Sets up a vault with a key for every user."""
    with connect(database.conninfo("postgres")) as connection:
        administration.add_login(connection, "dpo", duty="dpo", password=None)
        administration.install_grant(connection, LOG, "dpo", duty="dpo")
    with LogReader(database.conninfo("dpo"), LOG, writes=True) as reader:
        refill(VaultDoor(reader), _USERS, wrapping=KeyEncryptions(LocalKey.generate("1")), log_key=key)


def _get_to_know(ways: Mapping[str, Way]) -> None:
    """Has every user's pseudonym and key found out: somebody new costs a round trip for each, once."""
    for way in ways.values():
        source = Results("sparse")
        for _ in range(_USERS):
            _protected(way.protection, source.next())


def _singly(ways: Mapping[str, Way], kind: str, plan: Plan) -> dict[str, Sample]:
    trails = {name: Trail(way.ledger, protection=way.protection) for name, way in ways.items()}
    sources = {name: Results(kind) for name in ways}

    def contender(name: str) -> Contender:
        return lambda: partial(trails[name].record, **sources[name].next())

    contenders = {name: contender(name) for name in ways}
    return side_by_side(contenders, rounds=plan.single_calls // 2, warm_up=_WARM_UP)


def _batched(ways: Mapping[str, Way], kind: str, plan: Plan) -> dict[str, Sample]:
    sources = {name: Results(kind) for name in ways}

    def contender(name: str) -> Contender:
        return lambda: partial(_record, ways[name], sources[name].some(_BATCH))

    contenders = {name: contender(name) for name in ways}
    return side_by_side(contenders, rounds=plan.rounds, warm_up=plan.warm_up)


def _record(way: Way, given: list[dict[str, Any]]) -> None:
    way.ledger.record([draft(protection=way.protection, **event) for event in given])


def _row(content: str, how: str, samples: Mapping[str, Sample], size: int) -> list[str]:
    found = _figures(samples, size)
    return [
        f"{content}, {how}",
        figure(found["without_per_s"]),
        figure(found["with_per_s"]),
        figure(1e6 / found["with_per_s"]),
        f"{found['fraction']:.2f}",
        figure(found["sealing_per_s"]),
        f"{found['sealing_share']:.0%}",
    ]


def _figures(samples: Mapping[str, Sample], size: int) -> dict[str, float]:
    without, guarded, sealing = (samples[name] for name in ("without", "with", "sealing"))
    return {
        "without_per_s": without.rate(size),
        "with_per_s": guarded.rate(size),
        "fraction": without.median / guarded.median,
        "sealing_per_s": sealing.rate(size),
        "sealing_share": 1 - guarded.median / sealing.median,
    }


# ---- where the time goes ----


def _spent(ways: Mapping[str, Way], kind: str, plan: Plan) -> dict[str, float]:
    """Microseconds of this process's time for one event, by what they are spent on."""
    key = LogKey.generate()
    front = Redactor(BALANCED, key=PlaceholderKey.derived(key.id, key.secret))
    source = Results(kind)
    guarded, sealing = ways["with"], ways["sealing"]
    made: dict[str, Callable[[list[dict[str, Any]]], Callable[[], object]]] = {
        "redaction": lambda given: partial(_each, given, lambda event: _redacted(front, event)),
        "protection": lambda given: partial(_each, given, lambda event: _protected(guarded.protection, event)),
        "sealing": lambda given: partial(_each, given, lambda event: _protected(sealing.protection, event)),
        "draft": lambda given: partial(_each, given, lambda event: draft(protection=AS_GIVEN, **event)),
        "record": lambda given: partial(guarded.ledger.record, _drafts(guarded, given)),
        "record with originals": lambda given: partial(sealing.ledger.record, _drafts(sealing, given)),
    }
    taken = {name: min(_processor_times(make, source, plan)) / _BATCH * 1e6 for name, make in made.items()}
    return {
        "redaction": taken["redaction"],
        "names, registry": max(taken["protection"] - taken["redaction"], 0.0),
        "draft: canonical text, salts, commitments": taken["draft"],
        "record: numbers, sending, checking receipts": taken["record"],
        "sealing": max(taken["sealing"] - taken["protection"], 0.0),
        "recording the originals with it": max(taken["record with originals"] - taken["record"], 0.0),
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
    fields = {"id": new_id(), **{name: value for name, value in event.items() if name != "outputs"}}
    return protection.protect(fields, {"outputs": normalise(event["outputs"])})


def _drafts(way: Way, given: list[dict[str, Any]]) -> list[Draft]:
    return [draft(protection=way.protection, **event) for event in given]

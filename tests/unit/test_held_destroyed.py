"""What was destroyed while a legal hold covered it: in a log, in an export, across incarnations."""

import json
import pickle
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.unit.log_in_memory import LOG, Log, WholeLog
from tests.unit.test_accounting import places
from unbroken.core.entry import StoredEntry, hash_of
from unbroken.core.event import decode_event
from unbroken.verify.against_holds import AT_ONCE
from unbroken.verify.chain import Chain, summarise
from unbroken.verify.declaration import Declaration
from unbroken.verify.examine import examine
from unbroken.verify.export import verify_export
from unbroken.verify.finding import Accounted
from unbroken.verify.holding import HoldWord, Scope, scope_of
from unbroken.verify.nightly import BEGINNING
from unbroken.verify.onward import verify_onward
from unbroken.verify.outside import Outside
from unbroken.verify.run import verify_log, verify_range
from unbroken.verify.settle import settle

HOLD = "01970000-0000-7000-8000-0000000000a1"
REQUEST = "01970000-0000-7000-8000-0000000000a2"
DISPOSAL = "01970000-0000-7000-8000-0000000000dd"
EARLY, LATE = "2020-01-01T00:00:00.000000Z", "2030-01-01T00:00:00.000000Z"


def exported(log: Log) -> list[str]:
    lines = []
    for entry in log.stored:
        parts = {
            name: {"salt": part.salt.hex(), "value": part.value.decode()} for name, part in sorted(entry.parts.items())
        }
        export = {"hash": entry.hash.hex(), "line": entry.line.decode()} | ({"payload": parts} if parts else {})
        lines.append(json.dumps(export))
    return lines


def made(scope: dict[str, Any], *, parts: tuple[str, ...] = ("inputs",), original: bool = False) -> WholeLog:
    """Four entries in sessions, of which the hold that follows may cover some."""
    log = WholeLog()
    for _ in range(4):
        log.say(*parts, session="s", original=original)
    log.state("log.hold_issued", hold=HOLD, scope=scope)
    return log


def dispose(log: Log, *seqs: int, originals: bool = False) -> None:
    numbers = ",".join(map(str, seqs))
    log.state("log.disposed", disposal=DISPOSAL, payloads=numbers, **({"originals": numbers} if originals else {}))
    log.erase(*seqs, originals=originals)


def held(report: Any) -> list[tuple[int, str | None]]:
    return [(seq, part) for kind, seq, part in places(report) if kind == "held_destroyed"]


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ({"everything": True}, True),
        ({"sessions": ["x", "s"]}, True),
        ({"sessions": ["x"]}, False),
        ({"actors": ["u"], "event_types": ["request"]}, True),
        ({"actors": ["u"], "event_types": ["response"]}, False),
        ({"subjects": ["u"]}, False),
        ({"from": EARLY, "to": LATE}, True),
        ({"to": EARLY}, False),
        ({"from": "2026-03-01T09:00:00.250000Z"}, True),
        ({"to": "2026-03-01T09:00:00.250000Z"}, False),
    ],
)
def test_an_export_and_a_log_that_can_be_read_again_say_the_same(scope: dict[str, Any], *, covered: bool) -> None:
    log = made(scope)
    dispose(log, 2, 4)
    wanted = [(2, None), (4, None)] if covered else []
    chain = Chain(log=LOG)
    chain.follow(_steps(log))
    settle(chain, _again(log))
    assert held(chain) == held(verify_export(exported(log))) == wanted
    assert held(verify_range(log, first=1, last=len(log.stored))) == wanted
    assert held(verify_onward(log, BEGINNING, outside=Outside(LOG))) == wanted


@pytest.mark.parametrize("size", [1, 2, 9])
def test_what_scopes_cover_is_seen_page_by_page(size: int) -> None:
    """And what is gone only since it was read is looked at again."""
    scopes = {"sessions": ["s"]}, {"sessions": ["other"]}
    log = made(scopes[0])
    log.state("log.hold_issued", hold=REQUEST, scope=scopes[1])
    dispose(log, 1, 2, 4)
    log.state("log.disposed", disposal=DISPOSAL, payloads="3")
    chain = Chain(log=LOG, scopes=tuple(map(scope_of, scopes)))
    steps = _steps(log)
    for start in range(0, len(steps), size):
        run = summarise(steps[start : start + size], None, chain.scopes)
        assert run is not None
        assert chain.follow_run(pickle.loads(pickle.dumps(run)))  # noqa: S301 - its own
    assert list(chain.covered[scope_of(scopes[0])]) == [(1, 2), (4, 4)]
    assert scope_of(scopes[1]) not in chain.covered
    log.erase(3)
    settle(chain, _again(log))
    assert held(chain) == [(1, None), (2, None), (3, None), (4, None)]
    assert {finding.session for finding in chain.findings.kept} == {"s"}


def test_a_hold_that_the_database_keeps_to_itself_is_looked_for_again() -> None:
    log = made({"everything": True})
    dispose(log, 2)
    log.told_of_holds = lambda: iter(())  # type: ignore[method-assign]
    assert held(verify_onward(log, BEGINNING, outside=Outside(LOG))) == [(2, None)]


def _steps(log: Log) -> list[Any]:
    return [examine(entry) for entry in log.stored]


def _again(log: Log) -> Any:
    return lambda first, last: [step for step in _steps(log) if first <= step.seq <= last]


def test_an_original_that_was_held_is_told_apart() -> None:
    log = made({"everything": True}, original=True)
    dispose(log, 1, 2, originals=True)
    chain = Chain(log=LOG)
    chain.follow(_steps(log))
    assert settle(chain, _again(log)).disposed_originals == 2
    assert held(chain) == [(1, None), (1, "original"), (2, None), (2, "original")]


def test_each_is_told_once_however_often_it_was_declared() -> None:
    log = made({"everything": True})
    dispose(log, 1, 2)
    log.state("log.hold_issued", hold=REQUEST, scope={"sessions": ["s"]})
    dispose(log, 2, 3)
    assert held(verify_export(exported(log))) == [(1, None), (2, None), (3, None)]


@pytest.mark.parametrize(
    ("narrowed", "ends_at", "wanted"),
    [
        ({"sessions": ["other"]}, EARLY, []),
        ({"sessions": ["other"]}, LATE, [(1, None)]),
        ({"sessions": ["s"], "actors": ["u"]}, EARLY, [(1, None)]),
        (None, EARLY, []),
        (None, LATE, [(1, None)]),
    ],
)
def test_what_was_narrowed_or_released_covers_until_its_end(
    narrowed: dict[str, Any] | None, ends_at: str, wanted: list[tuple[int, str | None]]
) -> None:
    log = made({"sessions": ["s", "other"]})
    kind = "release" if narrowed is None else "narrow"
    scope = {} if narrowed is None else {"scope": narrowed}
    log.state("log.hold_change_asked", request=REQUEST, hold=HOLD, kind=kind, **scope)
    log.state("log.hold_changed", request=REQUEST, hold=HOLD, kind=kind, ends_at=ends_at)
    dispose(log, 1)
    assert held(verify_export(exported(log))) == wanted


def test_a_hold_that_came_later_says_nothing() -> None:
    log = WholeLog()
    log.say("inputs", session="s")
    dispose(log, 1)
    log.state("log.hold_issued", hold=HOLD, scope={"everything": True})
    assert held(verify_export(exported(log))) == []


@pytest.mark.parametrize(
    "said",
    [
        None,
        {},
        {"everything": False},
        {"everything": 1},
        {"everything": True, "tools": ["a"]},
        {"sessions": []},
        {"sessions": ["s", ""]},
        {"sessions": "s"},
        {"sessions": ["s\x00"]},
        {"sessions": ["s"], "people": ["p"]},
        {"from": "2026-03-01"},
    ],
)
def test_what_is_no_scope_covers_nothing(said: object) -> None:
    with pytest.raises(ValueError, match="scope"):
        scope_of(said)


def test_lists_of_an_event_fit_where_one_of_them_does() -> None:
    log = WholeLog()
    log.say("inputs")
    event = decode_event(log.stored[0].event)
    wide = type(event)(**{**{name: getattr(event, name) for name in event.__struct_fields__}, "subjects": ("a", "b")})
    assert Scope((("subjects", frozenset({"b", "z"})),)).covers(wide, EARLY)
    assert not Scope((("subjects", frozenset({"z"})),)).covers(wide, EARLY)
    assert not Scope((("domains", frozenset({"z"})),)).covers(wide, EARLY)


# ---- Other incarnations ----


@dataclass
class Continued(WholeLog):
    """A log whose earlier incarnation told of a hold."""

    before: list[StoredEntry] = field(default_factory=list)

    def told_of_holds(self) -> Iterator[list[StoredEntry]]:
        yield self.before
        yield from super().told_of_holds()


def test_a_hold_of_an_earlier_incarnation_covers_what_comes_later() -> None:
    earlier = WholeLog(log="test.example/agents~1")
    earlier.state("log.hold_issued", hold=HOLD, scope={"everything": True})
    log = Continued(before=_as_of(earlier, "test.example/agents~0"))
    log.say("inputs")
    dispose(log, 1)
    assert ("held_destroyed", 1, None) in places(verify_log(log))


def _as_of(log: Log, name: str) -> list[StoredEntry]:
    for entry in log.stored:
        entry.log = name
        entry.hash = hash_of(entry.line)
    return log.stored


def test_a_part_that_is_read_again_is_held_against_holds_that_were_told_behind_it() -> None:
    log = made({"everything": True})
    dispose(log, 2)
    assert held(verify_onward(log, BEGINNING, outside=Outside(LOG), upto=3)) == [(2, None)]


# ---- Many ----


def test_whoever_declares_all_numbers_gone_keeps_nobody_busy() -> None:
    """A later incarnation may name any of this one's."""
    chain = Chain(log=LOG)
    chain.accounting.lack(1, 2, 2)
    chain.accounting.hear(HoldWord(5, "issued", HOLD, scope={"everything": True}))
    all_of_them = Declaration(1, DISPOSAL, "1-9007199254740991", about=LOG, work="disposal", at=EARLY)
    chain.accounting.hear(all_of_them, about=LOG, rank=1)
    ((versions, numbers),) = chain.accounting.under_hold("payload")
    assert ([version.hold for version in versions], list(numbers)) == ([HOLD], [(2, 2)])


def test_very_many_that_were_disposed_of_beside_a_hold_take_little_memory() -> None:
    count = 20_000
    tracemalloc.start()
    try:
        chain = Chain(log=LOG)
        chain.accounting.lack(1, 1, count)
        chain.accounting.hear(HoldWord(count + 1, "issued", HOLD, scope={"sessions": ["other"]}))
        numbers = ",".join(map(str, range(1, count, 2)))
        chain.accounting.hear(Declaration(count + 2, DISPOSAL, numbers, work="disposal", at=EARLY))
        del numbers
        steady, _ = tracemalloc.get_traced_memory()
        asked = [0]

        def lacking(runs: Any) -> Iterator[Any]:
            assert len(runs) <= AT_ONCE
            asked[0] += len(runs)
            return iter(())

        accounted: Accounted = settle(chain, lambda *_: (), lacking=lacking)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (accounted.disposed, asked[0]) == (count // 2, count // 2)
    assert steady < 25 * count
    assert peak < steady + 2_000_000

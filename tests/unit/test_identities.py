"""Pseudonyms for names: asked for once, remembered by lookup, and made here while the log can't be asked."""

import gc
import multiprocessing
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from unbroken.core.keyed import LogKey
from unbroken.errors import InvalidEventError, UnavailableError, UnbrokenError
from unbroken.ledger.protection import Identity
from unbroken.privacy.identities import Identities
from unbroken.privacy.names import Names
from unbroken.privacy.pseudonyms import is_pseudonym

KEY = LogKey("1", bytes(range(32)))
ORIGIN = "clinic.example/agents"
NAMES = Names.under(KEY, log=ORIGIN)


class Log:
    """What a log does with proposals: the oldest pseudonym of a lookup holds."""

    def __init__(self) -> None:
        self.rows: list[Identity] = []
        self.asked: list[int] = []
        self.reachable = True
        self.now = 0.0
        self._lock = threading.Lock()

    def identify(self, proposals: Sequence[Identity]) -> list[str] | None:
        with self._lock:
            self.asked.append(len(proposals))
            return [self._held(each) for each in proposals] if self.reachable else None

    def register(self, proposals: Sequence[Identity]) -> None:
        """As delivery does with what was made in an outage."""
        known = {row.pseudonym for row in self.rows}
        self.rows += [each for each in proposals if each.pseudonym not in known]

    def pseudonyms_of(self, name: str) -> set[str]:
        return {row.pseudonym for row in self.rows if row.lookup == NAMES.lookup(name)}

    def _held(self, proposal: Identity) -> str:
        for row in self.rows:
            if row.lookup == proposal.lookup:
                return row.pseudonym
        self.rows.append(proposal)
        return proposal.pseudonym


def identities(log: Log, *, ttl_s: float = 600.0, most: int = 10_000) -> Identities:
    return Identities(log.identify, KEY, f"{ORIGIN}~1", ttl_s=ttl_s, most=most, clock=lambda: log.now)


@pytest.fixture
def log() -> Log:
    return Log()


def one(found: tuple[dict[str, str], tuple[Identity, ...]], name: str) -> str:
    """The pseudonym of a name that the log knows."""
    pseudonyms, offline = found
    assert offline == ()
    return pseudonyms[name]


def test_a_name_gets_the_pseudonym_that_the_log_holds_and_is_asked_for_once(log: Log) -> None:
    here, there = identities(log), identities(log)
    dana = one(here.pseudonyms(["dana"]), "dana")
    assert is_pseudonym(dana)
    assert one(there.pseudonyms(["dana"]), "dana") == dana
    assert one(here.pseudonyms([" dana"]), " dana") == dana
    assert log.asked == [1, 1]
    (row,) = log.rows
    assert NAMES.open(row.sealed, dana) == "dana"


def test_several_names_are_asked_for_together(log: Log) -> None:
    found, offline = identities(log).pseudonyms(["a", "b", "c", "a", " c "])
    assert log.asked == [3]
    assert offline == ()
    assert found["c"] == found[" c "]
    assert len(set(found.values())) == 3
    assert set(found) == {"a", "b", "c", " c "}


def test_a_pseudonym_stays_and_nobody_is_asked(log: Log) -> None:
    already = "p-" + "0" * 32
    assert identities(log).pseudonyms([already]) == ({already: already}, ())
    assert identities(log).pseudonyms([]) == ({}, ())
    assert log.asked == []


def test_after_its_time_a_pseudonym_is_asked_for_again(log: Log) -> None:
    here = identities(log, ttl_s=10)
    before = one(here.pseudonyms(["dana"]), "dana")
    log.now = 9.9
    here.pseudonyms(["dana"])
    assert log.asked == [1]
    log.rows.clear()  # erased
    log.now = 10
    after = one(here.pseudonyms(["dana"]), "dana")
    assert log.asked == [1, 1]
    assert after != before


def test_the_cache_is_bounded_and_keeps_what_is_used(log: Log) -> None:
    here = identities(log, most=2)
    here.pseudonyms(["a"])
    here.pseudonyms(["b"])
    here.pseudonyms(["a"])
    here.pseudonyms(["c"])
    assert log.asked == [1, 1, 1]
    here.pseudonyms(["a"])
    assert log.asked == [1, 1, 1]
    here.pseudonyms(["b"])
    assert log.asked == [1, 1, 1, 1]


def test_more_people_at_once_than_the_cache_holds_all_get_theirs(log: Log) -> None:
    found, _ = identities(log, most=2).pseudonyms([f"u-{number}" for number in range(10)])
    assert len(set(found.values())) == 10


def test_in_an_outage_a_pseudonym_is_made_here_and_travels_until_the_log_has_it(log: Log) -> None:
    here = identities(log)
    log.reachable = False
    found, offline = here.pseudonyms(["dana", "lee"])
    assert {each.pseudonym for each in offline} == set(found.values())
    assert here.pseudonyms(["dana"]) == (
        {"dana": found["dana"]},
        tuple(each for each in offline if each.pseudonym == found["dana"]),
    )
    log.reachable = True
    assert one(here.pseudonyms(["dana"]), "dana") == found["dana"]
    assert log.pseudonyms_of("dana") == {found["dana"]}


def test_after_an_outage_the_log_may_say_another(log: Log) -> None:
    here = identities(log)
    log.reachable = False
    found, offline = here.pseudonyms(["dana"])
    log.reachable = True
    other = one(identities(log).pseudonyms(["dana"]), "dana")
    assert other != found["dana"]
    assert one(here.pseudonyms(["dana"]), "dana") == other
    log.register(offline)
    assert log.pseudonyms_of("dana") == {other, found["dana"]}


def test_what_was_known_is_used_on_in_an_outage(log: Log) -> None:
    here = identities(log, ttl_s=10)
    dana = one(here.pseudonyms(["dana"]), "dana")
    log.reachable = False
    log.now = 1000
    assert one(here.pseudonyms(["dana"]), "dana") == dana
    log.reachable = True
    here.pseudonyms(["dana"])
    assert log.asked == [1, 1, 1]


def test_a_long_outage_keeps_one_pseudonym(log: Log) -> None:
    here = identities(log, ttl_s=10)
    log.reachable = False
    found, offline = here.pseudonyms(["dana"])
    log.now = 1000
    assert here.pseudonyms(["dana"]) == (found, offline)


def test_what_an_outage_left_is_not_proposed_long_after_it(log: Log) -> None:
    """A row that was erased meanwhile would come back, and lead from old events to the person again."""
    here = identities(log, ttl_s=10)
    log.reachable = False
    found, _ = here.pseudonyms(["dana"])
    log.reachable = True
    log.now = 10
    assert one(here.pseudonyms(["dana"]), "dana") != found["dana"]


def test_without_a_spool_the_error_comes_through_and_nothing_is_remembered(log: Log) -> None:
    def identify(proposals: Sequence[Identity]) -> list[str] | None:
        raise UnavailableError("away")

    with pytest.raises(UnavailableError):
        Identities(identify, KEY, ORIGIN).pseudonyms(["dana"])


@pytest.mark.parametrize("answer", [[], ["dana"], ["p-" + "0" * 32] * 2])
def test_an_answer_that_is_none_is_refused(answer: list[str]) -> None:
    with pytest.raises(UnbrokenError) as refused:
        Identities(lambda _: answer, KEY, ORIGIN).pseudonyms(["dana"])
    assert "dana" not in str(refused.value)


def test_a_blank_name_is_refused_before_anybody_is_asked(log: Log) -> None:
    with pytest.raises(InvalidEventError):
        identities(log).pseudonyms(["dana", " "])
    assert log.asked == []


def test_no_name_stays_in_memory(log: Log) -> None:
    here = identities(log)
    name = "Wilhelmina Osterkamp"
    here.pseudonyms([name])
    log.reachable = False
    here.pseudonyms([name + "!"])
    held = [text for text in _texts(here) if "osterkamp" in text.casefold()]
    assert held == []


def _texts(start: object) -> list[str]:
    """All texts and bytes that can be reached from an object, without its code and its log."""
    seen: set[int] = set()
    waiting, texts = [start], []
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | Log):
            continue
        seen.add(id(one))
        if isinstance(one, str | bytes):
            texts.append(one if isinstance(one, str) else one.decode("latin-1"))
        elif type(one).__module__.startswith(("unbroken", "builtins", "collections")) and not callable(one):
            waiting += gc.get_referents(one)
            waiting += one if isinstance(one, dict) else ()  # whose texts as keys the collector passes over
    return texts


def test_threads_that_meet_agree(log: Log) -> None:
    here = identities(log)
    together = threading.Barrier(8)

    def ask(number: int) -> dict[str, str]:
        together.wait()
        return here.pseudonyms([f"u-{number % 2}", "dana"])[0]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert len({answer["dana"] for answer in answers}) == 1


def test_threads_that_meet_in_an_outage_agree() -> None:
    together = threading.Barrier(8)

    def identify(proposals: Sequence[Identity]) -> list[str] | None:
        together.wait()  # all have proposed before one has an answer
        return None

    here = Identities(identify, KEY, ORIGIN)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: here.pseudonyms(["dana"]), range(8)))
    assert len({answer["dana"] for answer, _ in answers}) == 1
    assert len({offline for _, offline in answers}) == 1


def test_nobody_waits_while_another_asks(log: Log) -> None:
    asking, go_on = threading.Event(), threading.Event()

    def identify(proposals: Sequence[Identity]) -> list[str] | None:
        if len(proposals) == 2:
            asking.set()
            assert go_on.wait(30)
        return log.identify(proposals)

    here = Identities(identify, KEY, ORIGIN)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(here.pseudonyms, ["a", "b"])
        assert asking.wait(30)
        assert here.pseudonyms(["dana"])[0]["dana"] in log.pseudonyms_of("dana")
        go_on.set()
        assert len(slow.result()[0]) == 2


def test_a_forked_child_waits_for_no_lock_of_its_parent(log: Log) -> None:
    here = identities(log)
    here.pseudonyms(["dana"])
    (cache,) = here._caches.values()
    with cache._lock:
        child = multiprocessing.get_context("fork").Process(target=here.pseudonyms, args=(["dana"],))
        child.start()
    child.join(30)
    try:
        assert child.exitcode == 0
    finally:
        child.kill()


class Outages(RuleBasedStateMachine):
    """Two processes, outages, events that wait with what they carry, and time: whoever is named can be found again."""

    people = st.sampled_from(["dana", "lee", "sam@clinic.example", " Sam@Clinic.example"])

    def __init__(self) -> None:
        super().__init__()
        self.log = Log()
        self.processes = [identities(self.log, ttl_s=10, most=2) for _ in range(2)]
        self.recorded: list[tuple[str, str]] = []
        self.spooled: list[tuple[str, str, tuple[Identity, ...]]] = []

    @rule(which=st.integers(0, 1), name=people)
    def record(self, which: int, name: str) -> None:
        found, offline = self.processes[which].pseudonyms([name])
        if self.log.reachable:
            assert offline == ()
            self.recorded.append((name, found[name]))
        else:
            self.spooled.append((name, found[name], offline))

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        self.log.now += seconds

    @rule()
    def fail(self) -> None:
        self.log.reachable = False

    @rule()
    def recover(self) -> None:
        self.log.reachable = True

    @rule()
    def drain(self) -> None:
        if self.log.reachable:
            for name, pseudonym, offline in self.spooled:
                self.log.register(offline)
                self.recorded.append((name, pseudonym))
            self.spooled.clear()

    @invariant()
    def every_recorded_pseudonym_leads_to_its_name(self) -> None:
        for name, pseudonym in self.recorded:
            rows = [row for row in self.log.rows if row.pseudonym == pseudonym]
            assert [row.lookup for row in rows] == [NAMES.lookup(name)]


TestOutages = Outages.TestCase
TestOutages.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)

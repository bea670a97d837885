"""Erased content in a run of verification: page by page, out of worker processes, and in little memory."""

import hashlib
import pickle
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest

from tests.unit.log_in_memory import ERASURE, LOG, SALT, Log
from unbroken.verify.chain import Chain, Run, summarise
from unbroken.verify.declaration import Declaration
from unbroken.verify.erased import erased_in, faults_of, payload_of
from unbroken.verify.examine import Intact, examine
from unbroken.verify.finding import MAX_ERASURES, Disposal, Report
from unbroken.verify.run import verify_range, verify_session
from unbroken.verify.settle import settle


@pytest.fixture
def log() -> Log:
    """Nine entries with parts of several kinds, of which six are erased, and what tells of it."""
    made = Log()
    for parts in (("inputs",), ("outputs",), ("inputs", "outputs")) * 3:
        made.say(*parts, session="s", original=len(parts) == 2)
    made.tell(keys=["v-1"])
    made.tell(payloads="2-4,6-7,9", originals="3,6,9")
    made.erase(2, 3, 4, 6, 7, 9)
    return made


def steps_of(log: Log) -> list[Intact]:
    steps = [examine(entry) for entry in log.stored]
    assert all(isinstance(step, Intact) for step in steps)
    return [step for step in steps if isinstance(step, Intact)]


def looking_at(log: Log) -> Any:
    return lambda first, last: [step for step in steps_of(log) if first <= step.seq <= last]


def run_of(steps: Sequence[Intact]) -> Run:
    """As it comes out of a worker process."""
    run = summarise(steps)
    assert run is not None
    sent: Run = pickle.loads(pickle.dumps(run))  # noqa: S301 - its own
    return sent


def places(report: Report | Chain) -> list[tuple[str, int, str | None]]:
    found = report.findings.in_order() if isinstance(report, Chain) else report.findings
    return [(finding.kind, finding.seq, finding.part) for finding in found]


@pytest.mark.parametrize("size", [1, 2, 5, 11])
def test_erased_entries_are_followed_page_by_page(log: Log, size: int) -> None:
    chain, steps = Chain(log=LOG), steps_of(log)
    for start in range(0, len(steps), size):
        assert chain.follow_run(run_of(steps[start : start + size]))
    accounted = settle(chain, looking_at(log))
    assert places(chain) == []
    assert (accounted.payloads, accounted.originals, accounted.erasures_total) == (6, 3, 1)
    assert accounted.erasures[0].first_seq == 10


def test_pages_and_single_entries_come_to_the_same(log: Log) -> None:
    log.erase(1, 5, 8)
    by_page, singly = Chain(log=LOG), Chain(log=LOG)
    assert by_page.follow_run(run_of(steps_of(log)))
    singly.follow(steps_of(log))
    assert settle(by_page, looking_at(log)) == settle(singly, looking_at(log))
    assert places(by_page) == places(singly)
    assert places(singly) == [("missing", 1, "inputs"), ("missing", 5, "outputs"), ("missing", 8, "outputs")]


def test_what_was_erased_and_disposed_of_is_counted_once_as_erased(log: Log) -> None:
    disposal = "01970000-0000-7000-8000-0000000000dd"
    log.state("log.disposed", disposal=disposal, payloads="1,4,6", originals="6", kept="2-3", keys=["v-2"])
    log.state("log.disposed", disposal=disposal, complete=True, payloads=3, originals=1, keys=1, kept=2)
    log.erase(1)
    chain = Chain(log=LOG)
    assert chain.follow_run(run_of(steps_of(log)))
    accounted = settle(chain, looking_at(log))
    assert places(chain) == []
    assert (accounted.payloads, accounted.disposed, accounted.erased) == (7, 1, 6)
    assert (accounted.originals, accounted.disposed_originals) == (3, 0)
    told = Disposal(disposal, 12, 13, payloads=3, originals=1, keys=0, complete=True)
    assert (accounted.disposals, accounted.disposals_total, accounted.erasures_total) == ((told,), 1, 1)


@pytest.mark.parametrize(
    "said",
    [
        {"disposal": None},
        {"disposal": "d-1"},
        {"erasure": ERASURE, "disposal": None},
        {"kept": "2,1"},
        {"kept": "1-3"},
        {"payloads": "1,1"},
        {"more": [1]},
    ],
)
def test_what_a_disposal_says_otherwise_counts_for_nothing(log: Log, said: dict[str, Any]) -> None:
    stated = {"disposal": "01970000-0000-7000-8000-0000000000dd", "payloads": "1"} | said
    log.state("log.disposed", **{key: value for key, value in stated.items() if value is not None})
    log.erase(1)
    chain = Chain(log=LOG)
    assert chain.follow_run(run_of(steps_of(log)))
    assert settle(chain, looking_at(log)).disposals_total == 0
    assert places(chain) == [("missing", 1, "inputs")]


def test_what_is_there_after_all_is_not_erased_and_what_never_was_neither(log: Log) -> None:
    log.say()
    log.say("inputs")
    log.tell(payloads="5,12-13")
    chain = Chain(log=LOG)
    assert chain.follow_run(run_of(steps_of(log)))
    settle(chain, looking_at(log))
    assert places(chain) == [("not_erased", 5, None), ("not_erased", 12, None), ("not_erased", 13, None)]


def test_what_was_erased_since_it_was_read_is_accounted_for(log: Log) -> None:
    chain = Chain(log=LOG)
    log.tell(payloads="5")
    assert chain.follow_run(run_of(steps_of(log)))
    log.erase(5)
    accounted = settle(chain, looking_at(log))
    assert (places(chain), accounted.payloads) == ([], 7)


def test_half_a_payload_and_the_logs_own_are_never_accounted_for(log: Log) -> None:
    log.stored[2].outputs, log.stored[2].outputs_salt = b"1", SALT
    log.tell(payloads="10-11")
    log.stored[9].details = log.stored[9].details_salt = None
    chain = Chain(log=LOG)
    chain.follow(steps_of(log))
    settle(chain, looking_at(log))
    expected = [("missing", 3, "inputs"), ("not_erased", 3, None), ("missing", 10, "details")]
    assert places(chain) == [*expected, ("not_erased", 10, None), ("not_erased", 11, None)]


def test_a_range_hears_what_is_told_behind_it(log: Log) -> None:
    report = verify_range(log, first=3, last=7)
    assert (report.verdict, report.accounted.payloads) == ("consistent", 4)
    assert verify_session(log, "s").accounted.payloads == 6
    del log.stored[9:]
    assert {kind for kind, *_ in places(verify_range(log, first=3, last=7))} == {"missing"}
    missing = verify_session(log, "s").findings
    assert {finding.session for finding in missing} == {"s"}
    assert len(missing) == 12


def test_only_so_many_erasures_are_listed_and_all_counted() -> None:
    log = Log()
    log.say("inputs")
    for number in range(MAX_ERASURES + 5):
        log.tell(erasure=f"01970000-0000-7000-8000-{number:012x}", payloads="1")
    log.erase(1)
    chain = Chain(log=LOG)
    assert chain.follow_run(run_of(steps_of(log)))
    accounted = settle(chain, looking_at(log))
    assert (len(accounted.erasures), accounted.erasures_total) == (MAX_ERASURES, MAX_ERASURES + 5)
    assert (accounted.payloads, accounted.erasures[-1].payloads) == (1, 1)


def test_a_reader_of_a_few_entries_learns_which_one_tells_of_each(log: Log) -> None:
    steps = steps_of(log)
    told = erased_in(steps, log)
    assert {part: gone.seq for part, gone in told[2].items()} == {"outputs": 11}
    assert {part: gone.seq for part, gone in told[3].items()} == {"inputs": 11, "outputs": 11, "original": 11}
    assert sorted(told) == [2, 3, 4, 6, 7, 9]
    assert faults_of(steps[2], told[3]) == ()
    assert {fault.part for fault in faults_of(steps[2])} == {"inputs", "outputs", "original"}


def test_what_both_declare_is_told_as_erased(log: Log) -> None:
    log.state("log.disposed", disposal=ERASURE, payloads="2-3,5", kept="4")
    log.tell(payloads="6")
    log.erase(5)
    told = erased_in(steps_of(log), log)
    works = [(told[seq]["outputs"].work, told[seq]["outputs"].seq) for seq in (2, 3, 6)]
    assert works == [("erasure", 11), ("erasure", 11), ("erasure", 13)]
    gone = payload_of(told[5])
    assert gone is not None
    assert (gone.work, gone.seq) == ("disposal", 12)


def test_nobody_is_asked_where_nothing_is_absent() -> None:
    log = Log()
    log.say("inputs")
    log.erasures = None  # type: ignore[assignment,method-assign]
    assert erased_in(steps_of(log), log) == {}


def test_a_log_with_very_many_erased_payloads_takes_little_memory() -> None:
    """Every second entry of many, whose neighbours are of somebody else."""
    count, unit = 80_000, 8000
    tracemalloc.start()
    try:
        chain = Chain(log=LOG)
        digest = hashlib.sha256(b"").digest()
        for first in range(1, count, unit):
            absences = tuple((1, seq, seq) for seq in range(first, first + unit, 2))
            before = bytes.fromhex(chain.top.hash)
            assert chain.follow_run(Run(LOG, first, first + unit - 1, before, digest, {}, absences))
        text = ",".join(map(str, range(1, count, 2)))
        log = Log()
        log.tell(payloads=text)
        for declaration in [step.declares for step in steps_of(log)]:
            assert isinstance(declaration, Declaration)
            chain.accounting.hear(Declaration(count + 1, ERASURE, declaration.payloads))
        del log, declaration
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        assert settle(chain, lambda *_: ()).payloads == count // 2
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 25 * count
    assert peak < held + 1_000_000

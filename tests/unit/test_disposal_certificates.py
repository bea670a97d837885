"""Certificates of disposal held against a log's own entries: whatever one of them says otherwise is a finding."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from tests.unit.log_in_memory import LOG, SALT, WholeLog
from unbroken.core.commitment import commit
from unbroken.core.entry import Head
from unbroken.verify.certificates import Certificates
from unbroken.verify.chain import Chain
from unbroken.verify.continuation import Continuation
from unbroken.verify.disposal_certificates import CertifiedDisposal, CertifiedStep, check_disposals, disposals_told

DISPOSAL = "0d15c6f2-0000-4000-8000-000000000001"
DIGEST = "c" * 64
SHA256 = sha256(sha256(b"1-4,7,9").hexdigest().encode()).hexdigest()
SAME = {"sha256": SHA256}


def disposed(digest: str = DIGEST) -> tuple[WholeLog, CertifiedDisposal]:
    """A log in which something was disposed of, and the certificate that says the same."""
    log = WholeLog()
    for _ in range(9):
        log.say("inputs", original=True)
    proposed = log.state_as("retention", "log.disposal_proposed", disposal=DISPOSAL, upto=9, entries=6, **SAME)
    decided = log.state_as("dpo", "log.disposal_decided", disposal=DISPOSAL, decision="extend")
    reviewed = log.state_as("dpo", "log.disposal_reviewed", disposal=DISPOSAL, reason="due", **SAME)
    approved = log.state_as("legal", "log.disposal_approved", disposal=DISPOSAL, **SAME)
    begun = log.state_as("retention", "log.disposing", disposal=DISPOSAL, **SAME)
    batch = log.state_as("retention", "log.disposed", disposal=DISPOSAL, payloads="1-3,7", originals="2", kept="4,9")
    last = log.state_as("retention", "log.disposed", disposal=DISPOSAL, keys=["v-1"])
    head = log.head()
    log.state_as("retention", "log.disposed", disposal=DISPOSAL, complete=True, certificate=digest, payloads=4, kept=2)
    steps = (
        CertifiedStep("log.disposal_proposed", proposed, "retention", {"upto": 9, "entries": 6, **SAME}),
        CertifiedStep("log.disposal_reviewed", reviewed, "dpo", SAME),
        CertifiedStep("log.disposal_approved", approved, "legal", SAME),
        CertifiedStep("log.disposing", begun, "retention", SAME),
        CertifiedStep("log.disposal_decided", decided, "dpo", {"decision": "extend"}),
    )
    certified = CertifiedDisposal(
        digest=DIGEST,
        disposal=DISPOSAL,
        log=LOG,
        steps=steps,
        entries=(batch, last),
        payloads=4,
        originals=1,
        keys=1,
        kept=2,
        candidates=6,
        sha256=SHA256,
        head=head,
    )
    return log, certified


def check(log: WholeLog, *certified: CertifiedDisposal) -> tuple[int, list[tuple[int, str]]]:
    """How many fit, and where and what was expected where not."""
    chain = Chain(log=LOG)
    fitting = check_disposals(chain, log, certified)
    found = list(chain.findings.in_order())
    assert {(each.kind, each.part) for each in found} <= {("certificate_disagrees", "certificate")}
    return fitting, [(each.seq, each.expected) for each in found]


def test_what_was_disposed_of_is_what_was_certified() -> None:
    log, certified = disposed()
    assert check(log, certified) == (1, [])


@pytest.mark.parametrize(
    ("batch", "differs"),
    [
        ({"part": "originals", "originals": "1-4,7,9"}, []),
        ({"part": "originals", "originals": "1-4,7", "kept": "9"}, []),
        ({"part": "originals", "originals": "1-4,7,9", "payloads": "9"}, ["part of them"]),
        ({"originals": "1-4,7,9"}, ["its candidates"]),
        ({"part": "payloads", "payloads": "1-4,7,9"}, ["its candidates"]),
    ],
)
def test_one_part_alone_goes_as_it_was_approved(batch: dict[str, str], differs: list[str]) -> None:
    _, of_both = disposed()
    log = WholeLog()
    for _ in range(9):
        log.say("inputs", original=True)
    seq = log.state_as("retention", "log.disposed", disposal=DISPOSAL, **batch)
    head = log.head()
    log.state_as("retention", "log.disposed", disposal=DISPOSAL, complete=True, certificate=DIGEST)
    told = disposals_told(log)[DISPOSAL]
    listed = sha256(sha256(b"originals 1-4,7,9").hexdigest().encode()).hexdigest()
    certified = replace(of_both, steps=(), entries=(seq,), keys=0, sha256=listed, head=head)
    certified = replace(certified, payloads=told.payloads, originals=told.originals, kept=told.kept)
    _, found = check(log, certified)
    assert len(found) == len(differs)
    assert all(words in expected for words, (_, expected) in zip(differs, found, strict=True))


def test_the_end_of_a_disposal_needs_the_certificate_that_it_names() -> None:
    log, certified = disposed()
    fitting, [(seq, expected)] = check(log)
    assert (fitting, seq, DIGEST in expected) == (0, 17, True)
    fitting, [(seq, _)] = check(log, replace(certified, digest="e" * 64))
    assert (fitting, seq) == (0, 17)
    # One from an attempt before stands in the ledger beside it.
    assert check(log, replace(certified, digest="e" * 64), certified) == (1, [])


def test_what_has_not_ended_needs_none_and_may_have_none() -> None:
    log, certified = disposed()
    log.stored.pop()
    assert check(log) == (0, [])
    fitting, [(seq, expected)] = check(log, certified)
    assert (fitting, seq, DISPOSAL in expected) == (0, certified.head.seq, True)


def _with_step(certified: CertifiedDisposal, number: int, **changed: Any) -> CertifiedDisposal:
    steps = list(certified.steps)
    steps[number] = replace(steps[number], **changed)
    return replace(certified, steps=tuple(steps))


CHANGES: dict[str, tuple[Callable[[CertifiedDisposal], CertifiedDisposal], str]] = {
    "entries": (lambda each: replace(each, entries=each.entries[:-1]), "its entries"),
    "payloads": (lambda each: replace(each, payloads=5), "what it destroyed"),
    "originals": (lambda each: replace(each, originals=0), "what it destroyed"),
    "keys": (lambda each: replace(each, keys=2), "what it destroyed"),
    "kept": (lambda each: replace(each, kept=1), "what it kept"),
    "candidates": (lambda each: replace(each, candidates=5), "its candidates"),
    "their hash": (lambda each: replace(each, sha256="6" * 64), "its candidates"),
    "head": (lambda each: replace(each, head=Head(each.head.seq, "0" * 64)), "the log's end"),
    "another list": (lambda each: _with_step(each, 0, says={"sha256": "6" * 64}), "entry 10"),
    "more candidates": (lambda each: _with_step(each, 0, says={**SAME, "entries": 7}), "entry 10"),
    "a reviewer": (lambda each: _with_step(each, 1, by="somebody"), "entry 12"),
    "an approver": (lambda each: _with_step(each, 2, by="dpo"), "entry 13"),
    "another entry": (lambda each: _with_step(each, 2, seq=12), "entry 12"),
    "no entry": (lambda each: _with_step(each, 3, seq=99), "entry 99"),
    "a decision": (lambda each: _with_step(each, 4, says={"decision": "relabel"}), "entry 11"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_certificate_that_says_something_else_is_a_finding(change: str) -> None:
    log, certified = disposed()
    alter, words = CHANGES[change]
    fitting, found = check(log, alter(certified))
    assert fitting == 0
    assert [words in expected for _, expected in found] == [True], found


@pytest.mark.parametrize("seq", [10, 12, 13, 14])
def test_a_step_that_anybody_else_recorded_is_none(seq: int) -> None:
    log, certified = disposed()
    entry = log.stored[seq - 1]
    entry.writer = "somebody"
    entry.hash = b"\0" * 32
    _, found = check(log, certified)
    assert [f"entry {seq}" in expected for _, expected in found] == [True], found


def test_a_step_of_another_disposal_is_none() -> None:
    log, certified = disposed()
    other = log.state_as("legal", "log.disposal_approved", disposal=DISPOSAL.replace("1", "2"), **SAME)
    _, found = check(log, _with_step(certified, 2, seq=other))
    assert [f"entry {other}" in expected for _, expected in found] == [True], found


def test_what_was_done_after_a_loss_is_told_in_the_next_incarnation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an incarnation that is closed, whose own entry of that number is another one."""
    log, certified = disposed()
    later = WholeLog(LOG.replace("~1", "~2"))
    seq = later.state_as("legal", "log.disposal_approved", disposal=DISPOSAL, log=LOG, **SAME)
    moved = _with_step(certified, 2, seq=seq)
    assert len(check(log, moved)[1]) == 1
    monkeypatch.setattr(log, "told_later", lambda: iter([later.stored]))
    assert check(log, moved) == (1, [])
    other = WholeLog(LOG.replace("~1", "~2"))
    other.state_as("legal", "log.disposal_approved", disposal=DISPOSAL, **SAME)
    monkeypatch.setattr(log, "told_later", lambda: iter([other.stored]))
    assert len(check(log, moved)[1]) == 1


def test_a_certificate_of_which_the_log_tells_nothing_is_a_finding_where_it_is_this_logs() -> None:
    log, certified = disposed()
    strange = replace(certified, disposal=DISPOSAL.replace("1", "2"), digest="e" * 64)
    fitting, found = check(log, certified, strange)
    assert (fitting, [seq for seq, _ in found]) == (1, [certified.head.seq])
    assert check(log, certified, replace(strange, log="lab.example/robots~1")) == (1, [])


def test_what_a_log_lost_with_its_end_is_not_demanded_of_it() -> None:
    """After a restore what was disposed of is there again: nobody has to answer for a certificate of it."""
    _, certified = disposed()
    later = replace(certified, log=LOG.replace("~1", "~2"))
    kept = Certificates((), frozenset(), (certified, later))
    lost = Continuation(LOG.replace("~1", "~2"), LOG, Head(12, "0" * 64), (13, 15), "a restore")
    assert kept.without_lost(lost).disposals == (later,)
    assert kept.without_lost(None) == kept
    assert kept.without_lost(replace(lost, lost=None)) == kept
    assert kept.without_lost(replace(lost, kept=certified.head)) == kept


def test_what_an_entry_was_altered_to_say_is_not_heard() -> None:
    log, certified = disposed()
    entry = log.stored[certified.entries[0] - 1]
    entry.details = b'{"disposal":"' + DISPOSAL.encode() + b'","payloads":"1-9"}'
    assert commit(SALT, entry.details).encode() not in entry.event
    fitting, found = check(log, certified)
    assert (fitting, "its entries" in found[0][1]) == (0, True)

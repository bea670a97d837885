"""Certifying a disposal: what the entries say and nothing else, once, in a text that has one spelling."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.disposing import DISPOSAL, KEY, batches, looked, row, taken, told
from tests.unit.erasing import LOG, THEN
from unbroken.core.note import signed, verified
from unbroken.core.times import format_time
from unbroken.destruction.document import Act, spelt
from unbroken.destruction.ledger import DestructionLedger
from unbroken.destruction.signing import SignedLedger
from unbroken.destruction.titles import ERASURE_ORDER
from unbroken.errors import ConfigurationError, NoteError, UnbrokenError
from unbroken.retention.certificate import certificate_from
from unbroken.retention.certified import certificate_of, certificates_in
from unbroken.retention.certifying import certify
from unbroken.retention.effects import HOLD_CHECK, KEPT, METHODS, NOT_COVERED
from unbroken.store.disposals import Disposal


@pytest.fixture
def signing(tmp_path: Path) -> SignedLedger:
    return SignedLedger(DestructionLedger(tmp_path / "ledger.jsonl"), KEY, 30)


@pytest.fixture
def text(signing: SignedLedger) -> str:
    return verified(certify(row(), looked(), signing).note, [KEY.verifier])[0]


def test_it_states_what_the_log_says(signing: SignedLedger) -> None:
    made = certify(row(), looked(), signing).certificate
    counts = made.counts
    assert (counts.payloads, counts.originals, counts.keys, counts.kept) == (4, 2, 1, 2)
    assert made.entries == [15, 16, 17]
    assert (made.candidates.entries, made.candidates.sha256, made.candidates.upto) == (6, "5" * 64, 9)
    assert [(each.entry, each.by) for each in (made.proposed, made.reviewed or made.begun, made.approved)] == [
        (10, "retention"),
        (12, "dpo"),
        (13, "legal"),
    ]
    assert made.begun == Act(at=format_time(THEN + timedelta(minutes=3)), by="retention", entry=14)
    assert (made.hold_check.since, made.hold_check.until) == (made.begun.at, made.emptied_at)
    assert (made.gone.dropped, made.gone.rewritten, made.gone.vacuumed) == (1, 0, 2)
    assert made.backups_expire == format_time(looked().at + timedelta(days=30))
    assert [(each.decision, each.entry) for each in made.decisions] == [("extend", 11)]
    assert (made.log, made.head, made.line.n) == (LOG, looked().head, 1)


def test_it_names_the_policies_as_they_stood(signing: SignedLedger) -> None:
    made = certify(row(), looked(), signing).certificate
    assert (made.policy_set.version, made.policy_set.sha256) == (2, "9" * 64)
    rows = [(each.id, each.version, each.floor, each.ceiling, each.entries) for each in made.policies]
    assert rows == [("gdpr.security_log", 1, "6m", "1y", 6), ("hipaa.ephi_access", 1, "6y", None, 4)]
    assert made.policies[1].citation.startswith("45 CFR 164.")
    assert (made.policies[1].basis, made.policies[1].start) == ("interpretation", "record")


def test_standing_approvals_stand_in_a_reviewers_place(signing: SignedLedger) -> None:
    found = row(standing=True, reviewed_by=None, reviewed_at=None, reviewed_seq=None)
    approvals = ["0d15c6f2-0000-4000-8000-00000000000b", "0d15c6f2-0000-4000-8000-00000000000a"]
    made = certify(found, looked(approvals=approvals, decisions=[]), signing).certificate
    assert made.reviewed is None
    assert made.standing == sorted(approvals)
    with pytest.raises(ConfigurationError, match="reviewed"):
        certify(replace(found, standing=False, begun_seq=30), looked(), signing)


def test_without_backups_there_is_no_day_on_which_they_expire(tmp_path: Path) -> None:
    signing = SignedLedger(DestructionLedger(tmp_path / "ledger.jsonl"), KEY, 0)
    assert certify(row(), looked(), signing).certificate.backups_expire is None


# ---- once ----


def test_whoever_was_interrupted_finds_the_certificate_again(signing: SignedLedger) -> None:
    first = certify(row(), looked(), signing)
    again = certify(row(), looked(at=THEN + timedelta(days=2), head=f"99:{'b' * 64}"), signing)
    assert again == first
    assert len(signing.documents()) == 1


OTHERS: dict[str, Callable[[SignedLedger], object]] = {
    "another disposal": lambda signing: certify(
        row(disposal=DISPOSAL.replace("1", "2")),
        looked(told=[told(each.seq, _renamed(each.details)) for each in batches()]),
        signing,
    ),
    "begun at another time": lambda signing: certify(row(begun_at=THEN), looked(), signing),
    "another incarnation": lambda signing: certify(row(), looked(log=LOG.replace("~1", "~2")), signing),
    "other entries": lambda signing: certify(
        row(), looked(told=[told(each.seq + 1, json.loads(each.details or b"")) for each in batches()]), signing
    ),
}


def _renamed(details: bytes | None) -> dict[str, Any]:
    return {**json.loads(details or b""), "disposal": DISPOSAL.replace("1", "2")}


@pytest.mark.parametrize("other", OTHERS)
def test_a_certificate_of_something_else_is_not_taken_for_it(signing: SignedLedger, other: str) -> None:
    OTHERS[other](signing)
    certify(row(), looked(), signing)
    assert len(certificates_in(signing.ledger.notes(), signing.verifiers)) == 2


# ---- nothing is signed that the entries don't say ----


WRONG: dict[str, Callable[[], tuple[Disposal, list[Any]]]] = {
    "fewer payloads": lambda: (row(), batches()[1:]),
    "more in the table": lambda: (row(payloads=5), batches()),
    "an original more": lambda: (row(originals=3), batches()),
    "a key more": lambda: (row(keys=2), batches()),
    "one kept more": lambda: (row(kept=1), batches()),
    "what a recorder wrote": lambda: (
        row(payloads=14),
        [*batches(), told(18, {"disposal": DISPOSAL, "payloads": "11-20"}, recorder="r")],
    ),
    "an entry of another kind": lambda: (
        row(payloads=14),
        [*batches(), told(18, {"disposal": DISPOSAL, "payloads": "11-20"}, event_type="log.erased")],
    ),
    "another disposal's": lambda: (
        row(payloads=14),
        [*batches(), told(18, {"disposal": DISPOSAL.replace("1", "2"), "payloads": "11-20"})],
    ),
    "the one at an end": lambda: (
        row(payloads=14),
        [*batches(), told(18, {"disposal": DISPOSAL, "payloads": 10, "complete": True})],
    ),
    "an altered one": lambda: (row(), [replace(batches()[0], details=b'{"disposal":"x"}'), *batches()[1:]]),
    "one that lacks its details": lambda: (row(), [replace(batches()[0], details=None), *batches()[1:]]),
}


@pytest.mark.parametrize("what", WRONG)
def test_where_the_entries_say_something_else_nothing_is_signed(signing: SignedLedger, what: str) -> None:
    row, entries = WRONG[what]()
    with pytest.raises(UnbrokenError, match="unbroken verify"):
        certify(row, looked(told=entries), signing)
    assert not signing.ledger.exists()


@pytest.mark.parametrize("lacking", ["approved_seq", "begun_at", "proposed_by", "sha256", "emptied_at", "gone_at"])
def test_what_is_not_as_far_is_not_certified(signing: SignedLedger, lacking: str) -> None:
    with pytest.raises(ConfigurationError, match="can't be certified"):
        certify(row(**{lacking: None}), looked(), signing)
    assert signing.documents() == []


# ---- the text ----


def changed(text: str, **values: object) -> str:
    """The text with other values, and without those that are ``gone``."""
    title, _, content = text.partition("\n")
    fields = {name: value for name, value in (json.loads(content) | values).items() if value != "gone"}
    return f"{title}\n{json.dumps(fields, sort_keys=True, indent=1)}\n"


RESPELT: dict[str, Callable[[str], str]] = {
    "a blank": lambda text: text.replace('": ', '":  ', 1),
    "a key twice": lambda text: text.replace(' "kept": {', ' "kept": {},\n "kept": {', 1),
    "a number as text": lambda text: text.replace('"backups_kept_days": 30', '"backups_kept_days": "30"'),
    "no newline": lambda text: text.removesuffix("\n"),
    "another title": lambda text: text.replace("certificate v1", "certificate v2"),
    "one key less": lambda text: changed(text, hold_check="gone"),
    "one key more": lambda text: changed(text, name="Dana"),
    "what was destroyed": lambda text: changed(text, payloads=["..."]),
    "no approver": lambda text: changed(text, approved=None),
    "another decision": lambda text: text.replace('"extend"', '"forget"'),
    "a time of another form": lambda text: changed(text, emptied_at="2026-03-03 10:30"),
}


@pytest.mark.parametrize("change", RESPELT)
def test_what_is_spelt_in_another_way_is_refused_though_it_is_signed(text: str, change: str) -> None:
    other = RESPELT[change](text)
    assert other != text
    assert certificate_from(text).text == text
    with pytest.raises(NoteError):
        certificate_of(signed(other, KEY), [KEY.verifier])


def test_a_note_of_another_kind_is_no_certificate_of_disposal(signing: SignedLedger) -> None:
    note = signing.add(lambda place: spelt(ERASURE_ORDER, {"line": {"n": place.n, "prev": place.prev}}))
    with pytest.raises(NoteError, match="subject check-certificate"):
        certificate_of(note.note, signing.verifiers)
    assert certificates_in(signing.ledger.notes(), signing.verifiers) == []


def test_a_certificate_that_is_none_stops_reading_at_its_line(signing: SignedLedger, text: str) -> None:
    def forged(place: Any) -> str:
        return changed(text, line={"n": place.n, "prev": place.prev}, name="Dana")

    signing.add(forged)
    with pytest.raises(NoteError, match="line 2 of the destruction ledger"):
        certificates_in(signing.ledger.notes(), signing.verifiers)


def test_the_words_name_no_compliance_and_hold_nothing_that_was_destroyed() -> None:
    for each in (*METHODS.values(), *KEPT.values(), *NOT_COVERED.values(), HOLD_CHECK):
        assert "complian" not in each
        assert each.isascii()


def test_decisions_are_in_it_as_they_were_made(signing: SignedLedger) -> None:
    decisions = [taken("relabel", "dpo", 11), taken("extend", "legal", 12)]
    made = certify(row(), looked(decisions=decisions), signing).certificate
    assert [(each.decision, each.by, each.entry) for each in made.decisions] == [
        ("relabel", "dpo", 11),
        ("extend", "legal", 12),
    ]

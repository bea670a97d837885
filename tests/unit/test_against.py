"""A log held against signed checkpoints: what fits, what was rewritten, cut off or forked, and what can't be told."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tests.unit.log_in_memory import LOG, WholeLog, history
from unbroken.core import checkpoint
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.note import SigningKey, VerifierKey
from unbroken.errors import NoteError, ProofError
from unbroken.verify.finding import Report
from unbroken.verify.fork import ForkProof, proof_of
from unbroken.verify.outside import Held, Outside, Passed
from unbroken.verify.run import verify_log
from unbroken.verify.tree import Tree

SIZE = 40
KEY = SigningKey("test.example/agents", b"k" * 32)
THIEF = SigningKey("test.example/agents", b"t" * 32)
AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Keys:
    """Who is trusted to sign any tree of the log."""

    keys: tuple[VerifierKey, ...] = (KEY.verifier,)

    def opened(self, note: str | bytes, *, origin: str) -> tuple[Checkpoint, list[VerifierKey]]:
        read, signers = checkpoint.opened(note, self.keys, origin=origin)
        return read, list(signers)


def note(log: WholeLog, size: int, *, key: SigningKey = KEY, origin: str = LOG) -> str:
    tree = Tree()
    for entry in log.stored[:size]:
        tree.add(entry.hash)
    return checkpoint.signed(Checkpoint(origin, size, tree.root), key)


def outside(
    *notes: str,
    by: str = "nas",
    reached: Iterable[str] = ("nas",),
    unreached: Iterable[Passed] = (),
    is_outside: bool = True,
) -> Outside:
    held = [Held(each, by, AT, is_outside) for each in notes]
    return Outside.of(held, log=LOG, signers=Keys(), reached=reached, unreached=unreached)


def places(report: Report) -> list[tuple[str, int]]:
    return [(finding.kind, finding.seq) for finding in report.findings]


def newest(report: Report) -> int | None:
    assert report.against is not None
    return None if report.against.newest is None else report.against.newest.size


def test_an_end_that_is_kept_outside_is_proven() -> None:
    log = history(SIZE)
    report = verify_log(log, outside=outside(note(log, SIZE), note(log, 7)))
    assert (report.verdict, newest(report), report.window) == ("proven", SIZE, None)
    assert report.against is not None
    assert (report.against.compared, report.against.unfit, report.against.uncompared) == (2, 0, 0)


def test_what_no_checkpoint_covers_is_the_window() -> None:
    log = history(SIZE)
    report = verify_log(log, outside=outside(note(log, 33)))
    assert (report.verdict, newest(report), report.window) == ("consistent", 33, (34, SIZE))
    report = verify_log(log, outside=outside())
    assert (report.verdict, newest(report), report.window) == ("consistent", None, (1, SIZE))


def test_a_rewritten_log_fits_no_checkpoint_from_the_change_on() -> None:
    was, log = history(SIZE), history(SIZE, changed=17)
    kept = [note(was, size) for size in (5, 16, 20, 33, SIZE)]
    report = verify_log(log, outside=outside(*kept))
    assert (report.verdict, places(report), newest(report)) == ("findings", [("rewritten", 17)], 16)
    assert "a signed checkpoint of 20 entries, kept by nas as of 2026-03-01" in report.findings[0].expected
    assert "among entries 17 to 20; nor does the log fit 2 later ones" in report.findings[0].found


def test_what_was_changed_before_the_first_checkpoint_is_found_as_well() -> None:
    was, log = history(SIZE), history(SIZE, changed=1)
    report = verify_log(log, outside=outside(note(was, SIZE)))
    assert (places(report), newest(report)) == ([("rewritten", 1)], None)


def test_what_was_changed_after_the_last_checkpoint_is_in_the_window() -> None:
    was, log = history(SIZE), history(SIZE, changed=34)
    report = verify_log(log, outside=outside(note(was, 33)))
    assert (report.verdict, report.window) == ("consistent", (34, SIZE))


def test_a_log_that_ends_before_its_checkpoint_is_truncated() -> None:
    was, log = history(SIZE), history(20)
    report = verify_log(log, outside=outside(note(was, 16), note(was, 30), note(was, SIZE)))
    assert (report.verdict, places(report), newest(report)) == ("findings", [("truncated", 21)], 16)
    assert "of 40 entries" in report.findings[0].expected
    assert report.findings[0].found == "the end after 20"


def test_a_log_that_grew_again_after_it_was_cut_is_rewritten() -> None:
    was, log = history(SIZE), history(SIZE + 9, changed=21)
    report = verify_log(log, outside=outside(note(was, 16), note(was, SIZE)))
    assert places(report) == [("rewritten", 17)]


def test_one_altered_entry_is_all_that_is_reported_where_the_rest_is_what_was_signed() -> None:
    log = history(SIZE)
    kept = note(log, SIZE)
    log.stored[11].writer = "another"
    report = verify_log(log, outside=outside(kept))
    assert places(report) == [("altered_entry", 12)]
    assert newest(report) == SIZE


def test_behind_a_gap_no_checkpoint_is_compared() -> None:
    log = history(SIZE)
    kept = [note(log, size) for size in (10, 12, SIZE)]
    del log.stored[11]
    report = verify_log(log, outside=outside(*kept))
    assert places(report) == [("missing", 12)]
    assert report.against is not None
    assert (report.against.compared, report.against.uncompared, newest(report)) == (1, 2, 10)


def test_one_size_signed_twice_is_a_fork_and_its_own_proof() -> None:
    was, log = history(SIZE), history(SIZE, changed=9)
    report = verify_log(log, outside=outside(note(was, 30), note(log, 30), note(was, 8)))
    assert places(report) == [("forked", 9)]
    smaller, larger = fork_of(report).verified(Keys())
    assert (smaller.size, larger.size, smaller.root != larger.root) == (30, 30, True)


def test_a_log_that_goes_on_from_another_signed_history_is_forked_with_proof() -> None:
    was, log = history(SIZE), history(SIZE, changed=9)
    report = verify_log(log, outside=outside(note(was, 21), note(was, 30), note(log, SIZE)))
    assert places(report) == [("forked", 1)]
    smaller, larger = fork_of(report).verified(Keys())
    assert (smaller.size, larger.size) == (21, SIZE)


def test_a_checkpoint_that_the_database_hands_over_makes_a_fork_all_the_same() -> None:
    was, log = history(SIZE), history(SIZE, changed=9)
    held = [Held(note(was, 30), "nas"), Held(note(log, SIZE), "the database", is_outside=False)]
    report = verify_log(log, outside=Outside.of(held, log=LOG, signers=Keys(), reached=["nas"]))
    assert places(report) == [("forked", 1)]
    assert newest(report) is None


def test_two_histories_are_a_fork_although_the_log_is_shorter_than_both() -> None:
    one, other = history(SIZE), history(SIZE, changed=30)
    report = verify_log(history(20), outside=outside(note(one, 35), note(other, 35)))
    assert places(report) == [("forked", 1), ("truncated", 21)]
    fork_of(report).verified(Keys())


def fork_of(report: Report) -> ForkProof:
    """The proof, as it comes out of a file."""
    assert report.against is not None
    assert report.against.fork is not None
    proof = proof_of(report.against.fork, report.log)
    assert proof is not None
    return ForkProof.from_bytes(proof.to_bytes())


def test_no_proof_shows_a_fork_where_there_is_none() -> None:
    log, other = history(SIZE), history(SIZE, changed=9)
    report = verify_log(log, outside=outside(note(other, 21), note(log, 33)))
    proof = fork_of(report)
    honest = (note(log, 21), note(log, 33))
    with pytest.raises(ProofError, match="shows no fork"):
        ForkProof(LOG, honest, proof.root, proof.consistency).verified(Keys())
    for root in (b"\x00" * 32, Checkpoint.parse(honest[0].partition("\n\n")[0] + "\n").root[::-1]):
        with pytest.raises(ProofError):
            ForkProof(LOG, honest, root, proof.consistency).verified(Keys())
    with pytest.raises(ProofError):
        ForkProof(LOG, proof.notes, proof.root, proof.consistency[1:]).verified(Keys())
    with pytest.raises(ProofError, match="comes first"):
        ForkProof(LOG, (proof.notes[1], proof.notes[0]), proof.root, proof.consistency).verified(Keys())
    with pytest.raises(NoteError):
        ForkProof(LOG, (note(other, 21, key=THIEF), proof.notes[1]), proof.root, proof.consistency).verified(Keys())
    with pytest.raises(NoteError):
        ForkProof("test.example/agents~2", proof.notes, proof.root, proof.consistency).verified(Keys())


def test_a_proof_has_one_spelling() -> None:
    log, other = history(SIZE), history(SIZE, changed=9)
    raw = fork_of(verify_log(log, outside=outside(note(other, 21), note(log, 33)))).to_bytes()
    for wrong in (raw[:-1], raw + b"\n", raw.replace(b'"v":1', b'"v":2'), raw.replace(b'"v":1', b'"v":1,"w":1'), b""):
        with pytest.raises(ProofError):
            ForkProof.from_bytes(wrong)


def test_notes_of_others_count_for_nothing_and_are_told() -> None:
    log = history(SIZE)
    report = verify_log(log, outside=outside(note(log, SIZE), note(log, 30, key=THIEF), "no note"))
    assert (report.verdict, newest(report)) == ("proven", SIZE)
    assert report.against is not None
    assert [(each.who, each.notes, each.size) for each in report.against.refused] == [("nas", 2, 30)]
    assert "no trusted key signed this" in report.against.refused[0].why


def test_what_claims_to_be_newer_keeps_the_end_from_being_proven() -> None:
    """It may be a checkpoint by a key that the verifier was not told of."""
    log, longer = history(SIZE), history(SIZE + 1)
    report = verify_log(log, outside=outside(note(log, SIZE), note(longer, SIZE + 1, key=THIEF)))
    assert (report.verdict, report.findings_total, newest(report)) == ("consistent", 0, SIZE)
    assert report.against is not None
    assert [each.size for each in report.against.doubts] == [SIZE + 1]


def test_another_incarnations_checkpoint_is_not_this_logs() -> None:
    log = history(SIZE)
    report = verify_log(log, outside=outside(note(log, SIZE, origin="test.example/agents~2")))
    assert (report.verdict, newest(report)) == ("unverifiable", None)


def test_where_nobody_answers_and_nothing_was_kept_nothing_is_said_of_the_end() -> None:
    log = history(SIZE)
    away = [Passed("nas", "not mounted")]
    report = verify_log(log, outside=outside(reached=(), unreached=away))
    assert (report.verdict, report.exit_code, report.findings_total) == ("unverifiable", 4, 0)
    kept = outside(note(log, SIZE), by="this verifier", reached=(), unreached=away)
    report = verify_log(log, outside=kept)
    assert (report.verdict, newest(report)) == ("consistent", SIZE), "whatever came since, nobody tells"


def test_what_the_database_hands_over_proves_no_end_but_shows_a_rewrite() -> None:
    was = history(SIZE)
    brought = outside(note(was, SIZE), by="the database", is_outside=False)
    report = verify_log(was, outside=brought)
    assert (report.verdict, newest(report), report.window) == ("consistent", None, (1, SIZE))
    assert report.against is not None
    assert report.against.brought is not None
    assert report.against.brought.size == SIZE
    assert places(verify_log(history(SIZE, changed=3), outside=brought)) == [("rewritten", 1)]
    away = outside(note(was, SIZE), by="the database", is_outside=False, reached=())
    assert verify_log(was, outside=away).verdict == "unverifiable"


def test_one_tree_is_kept_by_several_and_stands_as_of_the_latest() -> None:
    log = history(SIZE)
    held = [
        Held(note(log, SIZE), "the database", is_outside=False),
        Held(note(log, SIZE), "tsa", AT),
        Held(note(log, SIZE), "nas"),
    ]
    (tree,) = Outside.of(held, log=LOG, signers=Keys()).trees
    assert (tree.by, tree.at, tree.is_outside) == (("the database", "tsa", "nas"), AT, True)
    assert str(tree).endswith("kept by the database, tsa and nas as of 2026-03-01 09:30:00 UTC")

"""A superuser rewrites history consistently, or cuts it off: what one anchor outside is enough to find."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tests.conftest import LOG, Database
from tests.database.rewriting import ORIGIN, TREE_TABLES, Rewritable
from unbroken.anchors.anchor import Receipt, Submission, TrustedLog
from unbroken.anchors.directory import Directory
from unbroken.cli.kept_heads import Nights
from unbroken.core.checkpoint import Checkpoint, key_name
from unbroken.core.cosignature import CosigningKey
from unbroken.core.key_history import KeyHistory
from unbroken.core.note import SigningKey
from unbroken.core.tree.edge import EMPTY
from unbroken.core.tree.extending import extended
from unbroken.store.log_reader import LogReader
from unbroken.verify.finding import Report
from unbroken.verify.fork import proof_of
from unbroken.verify.nightly import Memory, Night, verify_nightly
from unbroken.verify.run import verify_log

THIEF = SigningKey.generate(key_name(LOG))
"""A key that whoever owns the database can make, and nobody trusts."""


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Rewritable:
    """Ninety entries with checkpoints at 30 and 60, all of them kept by both anchors; no guards."""
    made = Rewritable(database, tmp_path)
    made.record(30)
    made.notarise()
    made.record(30)
    made.notarise()
    made.record(30)
    database.disarm()
    return made


def places(report: Report) -> list[tuple[str, int]]:
    return [(finding.kind, finding.seq) for finding in report.findings]


def proven_to(report: Report) -> int:
    assert report.against is not None
    return 0 if report.against.newest is None else report.against.newest.size


def unsigned(size: int, root: bytes, was: str) -> str:
    """The new root in the text, and the old signatures below it: all that can be done without a key."""
    return f"{Checkpoint(ORIGIN, size, root)}\n{was.partition(chr(10) * 2)[2]}"


def test_what_is_anchored_is_proven_and_what_is_not_is_the_window(log: Rewritable) -> None:
    report = log.report()
    assert (report.verdict, proven_to(report), report.window) == ("consistent", 60, (61, 90))
    log.notarise()
    report = log.report()
    assert (report.verdict, proven_to(report), report.window) == ("proven", 90, None)
    assert report.against is not None
    assert report.against.newest is not None
    assert {"nas", "site"} <= set(report.against.newest.by)
    assert report.against.newest.at is not None


def leave(_: Rewritable) -> None:
    """Nothing is done about them."""


def fit(log: Rewritable) -> None:
    """They fit the entries; what is signed is none of it."""
    log.fix_tree(unsigned)


def sign(log: Rewritable) -> None:
    """They fit the entries, and are signed by a key of his own."""
    log.fix_tree(lambda size, root, _: log.signed(size, root, key=THIEF, at=datetime.now(UTC)))


def delete(log: Rewritable) -> None:
    """There are none any more."""
    for table in TREE_TABLES:
        log.empty(table)


TREES = (leave, fit, sign, delete)
"""What he does about tiles and stored checkpoints."""


@pytest.mark.parametrize("trees", TREES)
def test_a_consistent_rewrite_is_caught_by_anchors(log: Rewritable, trees: Callable[[Rewritable], None]) -> None:
    log.rewrite(40)
    trees(log)
    with LogReader(log.database.conninfo("verifier"), LOG) as reader:
        told = places(verify_log(reader))
    assert told == ([("table_disagrees", 60)] if trees is leave else []), "nothing else in the database tells"
    report = log.report()
    assert (report.verdict, places(report), proven_to(report)) == ("findings", [("rewritten", 31)], 30)
    assert "a signed checkpoint of 60 entries" in report.findings[0].expected
    assert "among entries 31 to 60" in report.findings[0].found


@pytest.mark.parametrize("left", ["nas", "site"])
def test_one_anchor_is_enough(log: Rewritable, left: str) -> None:
    log.rewrite(2)
    sign(log)
    shutil.rmtree(log.folder / {"nas": "site", "site": "nas"}[left])
    report = log.report()
    assert places(report) == [("rewritten", 1)]
    assert left in report.findings[0].expected
    assert report.against is not None
    assert ([each.who for each in report.against.unreached], report.against.reached) == (
        [{"nas": "site", "site": "nas"}[left]],
        (left,),
    )


@pytest.mark.parametrize("last", [59, 31, 30, 0])
def test_a_truncated_log_is_caught_up_to_the_last_anchor(log: Rewritable, last: int) -> None:
    log.truncate(last)
    log.fix_tree(lambda _, __, note: note)
    report = log.report()
    assert (report.verdict, places(report)) == ("findings", [("truncated", last + 1)])
    assert "a signed checkpoint of 60 entries" in report.findings[0].expected
    assert proven_to(report) == (30 if last >= 30 else 0)


def test_what_is_cut_off_in_the_window_can_not_be_known_and_that_is_said(log: Rewritable) -> None:
    log.truncate(75)
    report = log.report()
    assert (report.verdict, proven_to(report), report.window) == ("consistent", 60, (61, 75))
    log.truncate(60)
    report = log.report()
    assert (report.verdict, report.window) == ("proven", None)


def test_a_thief_of_the_notarys_key_leaves_a_fork_with_proof(log: Rewritable) -> None:
    log.rewrite(40)
    log.do("delete from unbroken.checkpoints where size = 60")
    log.fix_tree(unsigned)
    log.do("delete from unbroken.continuity")
    log.notarise(publish=())
    report = log.report()
    assert (places(report), proven_to(report)) == ([("forked", 31)], 30)
    assert report.against is not None
    assert report.against.fork is not None
    assert (report.against.fork.smaller.size, report.against.fork.larger.size) == (60, 90)
    proof = proof_of(report.against.fork, report.log)
    assert proof is not None
    assert [each.size for each in proof.verified(KeyHistory.of((), [log.key.verifier], LOG))] == [60, 90]


def test_two_roots_of_one_size_are_a_fork(log: Rewritable) -> None:
    log.rewrite(40)
    leaves = [row[0] for row in log.database.admin.execute("select hash from unbroken.entries order by seq limit 60")]
    root = extended(EMPTY, leaves).edge.root
    note = log.signed(60, root, at=datetime.now(UTC))
    log.do("update unbroken.checkpoints set root = %s, note = %s where size = 60", root, note)
    assert places(log.report()) == [("forked", 31)]


def test_a_witnesss_receipt_counts_against_the_log_and_not_for_its_end(log: Rewritable) -> None:
    """The only copies of its cosignatures are in the database: they can't be forged there, and can be withheld."""
    witness = CosigningKey("witness.example/w1", b"w" * 32)
    log.file.write_text(
        f'log = "{LOG}"\ntrust = ["{log.key.verifier}"]\n[[anchor]]\nname = "w1"\nkind = "witness"\n'
        f'url = "https://witness.example/w"\nkeys = ["{witness.verifier}"]\n'
    )
    note = log.database.admin.execute("select note, root from unbroken.checkpoints where size = 60").fetchone()
    assert note is not None
    lines = witness.cosign(note[0].partition("\n\n")[0] + "\n", at=datetime.now(UTC))
    receipt = Receipt("w1", "witness", note[0], lines.encode()).to_bytes()
    log.do(
        "insert into unbroken.anchorings (log, anchor, kind, size, root, receipt, digest)"
        " values (1, 'w1', 'witness', 60, %s, %s, sha256(%s))",
        *(note[1], receipt, receipt),
    )
    report = log.report()
    assert (report.verdict, proven_to(report)) == ("unverifiable", 0)
    assert report.against is not None
    assert report.against.brought is not None
    assert "w1, by its receipt" in report.against.brought.by
    log.rewrite(10)
    fit(log)
    report = log.report()
    assert places(report) == [("rewritten", 1)]
    assert "kept by w1, by its receipt" in report.findings[0].expected


def test_where_no_anchor_answers_the_end_is_not_known(log: Rewritable) -> None:
    for name in ("nas", "site"):
        shutil.rmtree(log.folder / name)
    report = log.report()
    assert (report.verdict, report.exit_code) == ("unverifiable", 4)
    assert report.against is not None
    assert [each.who for each in report.against.unreached] == ["nas", "site"]
    assert "not mounted" in report.against.unreached[0].why


def test_what_nobody_trusted_signed_keeps_the_end_from_being_proven(log: Rewritable) -> None:
    """It may be a newer checkpoint, by a key that the verifier was not told of."""
    log.notarise()
    assert log.report().verdict == "proven"
    stranger = TrustedLog(ORIGIN, (THIEF.verifier,))
    note = log.signed(95, b"\x05" * 32, key=THIEF, at=datetime.now(UTC))
    Directory("nas", log.folder / "nas", log=stranger).publish(Submission.of(note, stranger, consistency=lambda _: ()))
    (log.folder / "nas" / "clinic.example%2Fagents~1" / "README").write_text("nothing that claims to be one")
    report = log.report()
    assert (report.verdict, proven_to(report)) == ("consistent", 90)
    assert report.against is not None
    (passed,) = report.against.refused
    assert (passed.who, passed.notes) == ("nas", 1)
    assert "foreign, though it claims to be a checkpoint" in passed.why


def test_nights_go_on_from_what_is_kept_of_them(log: Rewritable) -> None:
    """As of a log too large to be read whole every night."""

    def night(memory: Memory | None) -> Night:
        outside = log.outside()
        with LogReader(log.database.conninfo("verifier"), LOG) as reader:
            return verify_nightly(
                reader,
                memory,
                outside=outside,
                whole=lambda: verify_log(reader, outside=outside),
                within=2,
                least=1,
                most_whole=1,
            )

    def kept(night: Night) -> Memory:
        assert night.memory is not None
        return msgspec.json.decode(msgspec.json.encode(Nights.of(night.memory)), type=Nights).memory

    first = night(None)
    log.record(10)
    second = night(kept(first))
    assert (first.new.entries, second.new.entries, second.verdict) == (90, 10, "consistent")
    assert second.again is not None
    assert second.again.scope == "entries 1 to 50"
    log.notarise()
    third = night(kept(second))
    assert (third.new.entries, third.verdict, third.new.verdict) == (0, "proven", "proven")
    assert third.again is not None
    assert third.again.scope == "entries 51 to 100"
    log.do("update unbroken.payloads set inputs = '{}' where seq = 20")
    fourth = night(kept(third))
    assert fourth.again is not None
    assert (fourth.verdict, places(fourth.again)) == ("findings", [("altered_payload", 20)])
    log.rewrite(20)
    assert places(night(kept(third)).new) == [("forked", 100)]


def test_a_stored_tile_that_was_changed_is_found_without_any_key(log: Rewritable) -> None:
    log.record(200)
    log.notarise()
    log.do("update unbroken.tiles set hashes = sha256('another tree')")
    with LogReader(log.database.conninfo("verifier"), LOG) as reader:
        (found,) = verify_log(reader).findings
    assert (found.kind, found.part, found.seq) == ("table_disagrees", "tiles", 290)


def test_statements_that_were_planted_lead_to_no_key(log: Rewritable) -> None:
    log.rewrite(40)
    log.do("insert into unbroken.key_statements values (1, 1, 'first', 'k', 'no note', 1)")
    sign(log)
    report = log.report()
    assert places(report) == [("table_disagrees", 1), ("rewritten", 31)]
    assert report.against is not None
    assert any("key statements" in each.why for each in report.against.refused)

"""What was disposed of is accounted for by the entries that tell of it; what was held, or not approved, is found."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.disposing import Disposing, due, due_at_once
from tests.database.held import ask_release, issue, narrow, release
from tests.database.policies import ask_standing, proposed
from tests.database.raw import Connection
from tests.database.test_replay import Quick
from unbroken.retention.policy_file import set_in
from unbroken.store.log_reader import LogReader
from unbroken.verify.finding import Accounted, Disposal, Report
from unbroken.verify.run import verify_log, verify_range, verify_session

Place = tuple[str, int, str | None]
OTHER = "01970000-0000-7000-8000-0000000000dd"


@dataclass
class Scene:
    """A log with six entries that are due, in two sessions, and three that are not."""

    database: Database
    disposing: Disposing
    seqs: list[int]
    compliance: Connection
    legal: Connection

    def do(self, statement: str, *values: Any) -> None:
        self.database.disarm()
        self.database.admin.execute(statement.encode(), values)

    def tell(self, event_type: str, **details: Any) -> int:
        """Lets the owner of the database make an entry of the log's own."""
        self.database.disarm()
        statement = "select unbroken.append_own(1, %s, %s)"
        row = self.database.admin.execute(statement, (event_type, Jsonb(details))).fetchone()
        assert row is not None
        return int(row[0])

    def destroy(self, *seqs: int) -> str:
        """Takes payloads away; gives their numbers as entries write them."""
        self.do("delete from unbroken.payloads where seq = any (%s)", list(seqs))
        return ",".join(map(str, seqs))

    def report(self) -> Report:
        with Quick(self.database.conninfo("verifier"), LOG) as reader:
            return verify_log(reader)

    def found(self) -> list[Place]:
        return [(finding.kind, finding.seq, finding.part) for finding in self.report().findings]


@pytest.fixture
def scene(database: Database) -> Iterator[Scene]:
    due_at_once(database)
    with ExitStack() as stack:
        writer, compliance, legal = (
            stack.enter_context(database.connect(name)) for name in ("writer", "compliance", "legal")
        )
        events = [due(session_id=session) for session in ("a", "b", "a", "b", "a", "b")]
        seqs = [received.seq for received in raw.append(writer, events)]
        undue = raw.sent({"inputs": "1"}), raw.sent({"inputs": "1"}, domains=["others"]), raw.sent({"inputs": "1"})
        raw.append(writer, undue)
        disposing = Disposing(database)
        stack.callback(disposing.close)
        yield Scene(database, disposing, seqs, compliance, legal)


def test_what_was_disposed_of_is_listed_and_no_finding(scene: Scene) -> None:
    name = scene.disposing.done()
    raw.both_accept(scene.database)
    report = scene.report()
    (disposal,) = report.accounted.disposals
    assert disposal == Disposal(name, disposal.first_seq, disposal.last_seq, 6, 0, 0, complete=True)
    assert report.accounted == Accounted(payloads=6, disposed=6, disposals=(disposal,), disposals_total=1)
    assert report.accounted.erased == 0
    with LogReader(scene.database.conninfo("verifier"), LOG) as reader:
        assert verify_range(reader, first=2, last=scene.seqs[-1]).accounted.disposed == 6
        assert verify_session(reader, "b").accounted.disposed == 3


def test_content_that_is_gone_without_an_entry_is_missing(scene: Scene) -> None:
    scene.disposing.done()
    undue = scene.seqs[-1] + 1
    scene.destroy(undue)
    assert scene.found() == [("missing", undue, "inputs")]


def test_what_was_put_back_is_not_gone(scene: Scene) -> None:
    scene.do("create table public.before as select * from unbroken.payloads")
    scene.disposing.done()
    scene.do("insert into unbroken.payloads select * from public.before where seq = %s", scene.seqs[2])
    assert scene.found() == [("not_erased", scene.seqs[2], None)]


# ---- Who approved it ----


def test_a_disposal_that_was_never_proposed_is_not_approved(scene: Scene) -> None:
    seq = scene.tell("log.disposed", disposal=OTHER, payloads=scene.destroy(scene.seqs[0]))
    tables = {("table_disagrees", seq, table) for table in ("disposals", "disposal_lots")}
    assert set(scene.found()) == {("not_approved", seq, None), *tables}


def test_one_person_alone_does_not_approve(scene: Scene) -> None:
    name = scene.disposing.proposed()
    said = {"disposal": name, "sha256": scene.disposing.sha256(name)}
    scene.tell("log.disposal_reviewed", **said, reason="seen")
    scene.tell("log.disposal_approved", **said)
    begun = scene.tell("log.disposing", **said)
    assert ("not_approved", begun, None) in scene.found()


@pytest.mark.parametrize(
    ("table", "function", "check", "ask"),
    [
        (
            *("hold_requests", "confirm_hold_change", "session_user = v_asked.asked_by"),
            lambda legal: ask_release(legal, issue(legal, {"everything": True})),
        ),
        (
            *("policy_sets", "confirm_policies", "session_user = v_set.proposed_by"),
            lambda legal: proposed(legal, set_in('default = "soc2.one_year"').text),
        ),
        (
            *("standing_approvals", "confirm_standing", "session_user = v_row.asked_by"),
            lambda legal: ask_standing(legal, ["own.account"]),
        ),
    ],
)
def test_one_person_alone_confirms_nothing(
    scene: Scene, table: str, function: str, check: str, ask: Callable[[Connection], Any]
) -> None:
    """The owner takes the checks away, so that all tables fit what one login did."""
    asked = ask(scene.legal)
    scene.database.disarm()
    admin = scene.database.admin
    ((constraint,),) = admin.execute(
        "select conname::text from pg_constraint where conrelid = %s::regclass and contype = 'c'"
        " and pg_get_constraintdef(oid) ~ '(decided|confirmed)_by <> '",
        (f"unbroken.{table}",),
    ).fetchall()
    drop = sql.SQL("alter table {} drop constraint {}")
    admin.execute(drop.format(sql.Identifier("unbroken", table), sql.Identifier(constraint)))
    ((source,),) = admin.execute("select pg_get_functiondef(%s::regproc)", (f"unbroken.{function}",)).fetchall()
    assert source.count(check) == 1
    admin.execute(source.replace(check, "false").encode())
    scene.legal.execute(f"select unbroken.{function}(%s, %s)".encode(), (LOG, asked))
    assert {part for kind, _, part in scene.found() if kind == "table_disagrees"} == {table}


def test_what_is_destroyed_is_what_was_approved(scene: Scene) -> None:
    """The owner takes another entry than those on the list, and fits all tables to it."""
    name = scene.disposing.begun()
    undue = scene.seqs[-1] + 2
    numbers = f"{scene.destroy(*scene.seqs[:5])},{scene.destroy(undue)}"
    batch = scene.tell("log.disposed", disposal=name, payloads=numbers)
    last = scene.tell("log.disposed", disposal=name, complete=True, certificate="c" * 64, payloads=6)
    found = scene.found()
    assert ("not_approved", last, None) in found
    assert ("not_approved", batch, None) not in found


def test_a_forged_batch_of_all_there_is_ends(scene: Scene) -> None:
    name = scene.disposing.begun()
    scene.tell("log.disposed", disposal=name, payloads="1-9007199254740991")
    assert {"not_approved", "not_erased"} <= {kind for kind, *_ in scene.found()}


# ---- What was held ----


@pytest.mark.parametrize("work", ["erasure", "disposal"])
def test_what_was_held_and_destroyed_is_found(scene: Scene, work: str) -> None:
    hold = issue(scene.compliance, {"sessions": ["b"]})
    numbers = scene.destroy(*scene.seqs[:3])
    scene.tell({"erasure": "log.erased", "disposal": "log.disposed"}[work], **{work: OTHER}, payloads=numbers)
    found = [finding for finding in scene.report().findings if finding.kind == "held_destroyed"]
    assert [(finding.seq, finding.session) for finding in found] == [(scene.seqs[1], "b")]
    assert hold in found[0].expected


def test_what_a_hold_let_go_of_is_no_finding(scene: Scene) -> None:
    hold = issue(scene.compliance, {"sessions": ["a", "b"]})
    narrow(scene.compliance, scene.legal, hold, {"sessions": ["b"]})
    other = issue(scene.compliance, {"everything": True})
    release(scene.compliance, scene.legal, other)
    scene.disposing.done()
    assert scene.report().accounted.disposed == 3
    assert scene.found() == []
    release(scene.legal, scene.compliance, hold)
    scene.disposing.done()
    assert scene.report().accounted.disposed == 6
    assert scene.found() == []


def test_a_hold_covers_until_its_grace_period_is_over(scene: Scene) -> None:
    release(scene.compliance, scene.legal, issue(scene.compliance, {"everything": True}, grace_days=1))
    scene.tell("log.disposed", disposal=OTHER, payloads=scene.destroy(scene.seqs[0]))
    assert ("held_destroyed", scene.seqs[0], None) in scene.found()


# ---- Classes ----


@pytest.mark.parametrize("stated", [1, 3, None])
def test_an_entry_of_another_class_is_found(scene: Scene, stated: int | None) -> None:
    seq = scene.seqs[-1] + 3
    scene.do("update unbroken.entries set class = %s where seq = %s", stated, seq)
    assert scene.found() == [("class_disagrees", seq, None)]


def test_an_entry_of_a_class_that_there_is_not_is_found(scene: Scene) -> None:
    seq = scene.seqs[-1] + 3
    scene.do("update unbroken.entries set class = 99 where seq = %s", seq)
    assert scene.found() == [("table_disagrees", seq, "retention_classes")]


def test_the_first_of_a_class_that_is_stated_of_another_is_found(scene: Scene) -> None:
    """Also where the wrong one comes before all that are of it."""
    scene.do("update unbroken.entries set class = 2 where seq = %s", scene.seqs[0])
    assert ("class_disagrees", scene.seqs[0], None) in scene.found()


def test_the_log_s_own_entries_are_of_no_class(scene: Scene) -> None:
    scene.do("update unbroken.entries set class = 1 where seq = 2")
    assert scene.found() == [("class_disagrees", 2, None)]


def test_entries_of_a_release_before_have_no_class(scene: Scene) -> None:
    """But nothing behind the first that has one."""
    scene.do("update unbroken.entries set class = null where seq < %s", scene.seqs[3])
    assert scene.found() == []
    scene.do("update unbroken.entries set class = null where seq = %s", scene.seqs[4])
    assert scene.found() == [("class_disagrees", scene.seqs[4], None)]

"""Disposing at the database's door: what comes on a list and what goes, on whose word, in which order."""

import hashlib
import json
from contextlib import closing
from typing import Any

import psycopg
import pytest

from tests.conftest import LOG, Database, add_login
from tests.database import raw
from tests.database.disposing import (
    APPROVE,
    BATCH,
    BEGIN,
    CERTIFICATE,
    DECIDE,
    FINISH,
    FREEZE,
    NOTE_GONE,
    PROPOSE,
    REVIEW,
    START,
    WITHDRAW,
    Disposing,
    due,
)
from tests.database.held import issue
from tests.database.losing import OLD, continued
from tests.database.policies import AT_ONCE, ask_standing, put_in_force
from tests.database.raw import Connection, append, sent

TELLS = (
    "select p.details::json from unbroken.entries e join unbroken.payloads p using (log, seq)"
    " where e.event_type = 'log.disposed' order by e.seq"
)


def refused(on: Disposing, login: str, statement: str, *given: Any) -> str | None:
    """The SQLSTATE with which a statement is refused."""
    with pytest.raises(psycopg.Error) as caught:
        on.value(login, statement, *given)
    return caught.value.sqlstate


def told(database: Database) -> list[dict[str, Any]]:
    """What the log tells of batches, in order."""
    return [row[0] for row in database.admin.execute(TELLS).fetchall()]


# ---- What comes on a list ----


def test_what_is_due_comes_on_the_list_and_nothing_else(writer: Connection, on: Disposing) -> None:
    rows = append(writer, [due(), sent({"inputs": "1"}), due(), due(scope=["account=2"]), sent(**DUE_WITHOUT)])
    with on.database.connect("legal") as legal:
        issue(legal, {"sessions": ["held"]})
    append(writer, [due(session_id="held")])
    disposal = on.proposed()
    lots = on.database.admin.execute("select seqs::text from unbroken.disposal_lots").fetchall()
    assert lots == [(f"{{[{rows[0].seq},{rows[0].seq + 1}),[{rows[2].seq},{rows[2].seq + 1})}}",)]
    groups = on.login("dpo").execute("select * from unbroken.disposal_groups(%s, %s)", (LOG, disposal)).fetchall()
    assert [(row[1], row[2], row[3], row[4], row[5]) for row in groups] == [
        ("request", ["accounts"], ["account=1"], ["own.account"], 2)
    ]


DUE_WITHOUT: dict[str, Any] = {"domains": ["accounts"], "scope": ["account=1"]}
"""An entry that is due and holds nothing."""


def test_without_policies_there_is_nothing_to_look_for(database: Database, writer: Connection) -> None:
    append(writer, [due()])
    with database.connect("retention") as retention:
        assert retention.execute(START, (LOG, False)).fetchall() == []


@pytest.mark.parametrize("page", [700, 1000, 5000])
def test_lots_are_of_a_thousand_however_it_was_looked_through(on: Disposing, writer: Connection, page: int) -> None:
    for _ in range(2):
        append(writer, [due() if at % 10 else sent({"inputs": "1"}) for at in range(1250)])
    on.page = page
    on.proposed()
    rows = on.database.admin.execute(
        "select nth, entries, sha256, array(select n from unnest(seqs) r, generate_series(lower(r), upper(r) - 1) n)"
        " from unbroken.disposal_lots order by part, nth"
    ).fetchall()
    assert [(nth, entries) for nth, entries, *_ in rows] == [(1, 1000), (2, 1000), (3, 250)]
    numbers = [number for row in rows for number in row[3]]
    assert numbers == sorted(set(numbers))
    for _, _, sha256, seqs in rows:
        assert sha256 == hashlib.sha256(ranges_of(seqs).encode()).hexdigest()
    (stated,) = on.database.admin.execute("select sha256 from unbroken.disposals").fetchone() or ("",)
    assert stated == hashlib.sha256("\n".join(row[2] for row in rows).encode()).hexdigest()


def ranges_of(numbers: list[int]) -> str:
    """``3-7,9`` as the package makes it, by itself."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def test_where_nothing_is_due_nothing_is_proposed_and_the_next_look_begins_anew(
    on: Disposing, writer: Connection
) -> None:
    before = raw.contents(on.database)["entries"]
    disposal = on.frozen()
    assert on.value("retention", PROPOSE, disposal) is None
    assert raw.contents(on.database)["entries"] == before
    append(writer, [due()])
    assert on.proposed() == disposal


def test_a_list_is_made_anew_where_policies_were_changed_meanwhile(on: Disposing, writer: Connection) -> None:
    append(writer, [due()])
    disposal = on.frozen()
    put_in_force(on.database, AT_ONCE.replace('"1y"', '"90y"').replace('ceiling = "2y"\n', ""))
    assert refused(on, "retention", PROPOSE, disposal) == "UB009"
    assert refused(on, "retention", FREEZE, disposal, 10) == "UB009"
    assert on.value("retention", PROPOSE, on.frozen()) is None
    assert raw.rows(on.database.admin, "disposal_lots") == []


def test_a_list_is_not_proposed_before_all_was_looked_at(on: Disposing, writer: Connection) -> None:
    append(writer, [due() for _ in range(5)])
    disposal = str(on.value("retention", START, False))
    on.value("retention", FREEZE, disposal, 2)
    assert refused(on, "retention", PROPOSE, disposal) == "UB009"


# ---- On whose word ----


def test_it_takes_two_people_besides_whoever_proposes(on: Disposing, writer: Connection) -> None:
    append(writer, [due()])
    disposal = on.proposed()
    sha256 = on.sha256(disposal)
    for login in ("retention", "ops", "writer", "verifier", "subjects"):
        assert refused(on, login, REVIEW, disposal, sha256, "x") in {"42501", "UB003"}
        assert refused(on, login, APPROVE, disposal, sha256) in {"42501", "UB003"}
    assert refused(on, "legal", APPROVE, disposal, sha256) == "UB009"
    on.review(disposal)
    assert refused(on, "compliance", APPROVE, disposal, sha256) == "UB008"
    on.login("compliance").execute("set role unbroken_compliance")
    assert refused(on, "compliance", APPROVE, disposal, sha256) == "UB008"
    add_login(on.database.admin, "compliance2", duty="compliance")
    on.value("compliance2", APPROVE, disposal, sha256)


def test_a_word_is_for_the_list_that_was_shown(on: Disposing, writer: Connection) -> None:
    append(writer, [due()])
    disposal = on.proposed()
    assert refused(on, "compliance", REVIEW, disposal, "0" * 64, "looked") == "UB009"
    assert refused(on, "compliance", REVIEW, disposal, on.sha256(disposal), " ") == "UB009"
    on.review(disposal)
    assert refused(on, "legal", APPROVE, disposal, "0" * 64) == "UB009"


def test_what_is_decided_after_a_review_is_reviewed_again(on: Disposing, writer: Connection) -> None:
    rows = append(writer, [due(), due()])
    disposal = on.reviewed()
    on.extend(disposal, str(rows[0].seq))
    assert refused(on, "legal", APPROVE, disposal, on.sha256(disposal)) == "UB009"
    on.agree(disposal)
    assert refused(on, "compliance", DECIDE, disposal, "extend", None, "1", None, None, "x") == "UB009"


WRONG_DECISIONS: tuple[tuple[Any, ...], ...] = (
    ("extend", None, "1-9", "2001-01-01", None),
    ("extend", None, "1-9", None, None),
    ("extend", None, "9-1", "2100-01-01", None),
    ("extend", None, "1,x", "2100-01-01", None),
    ("extend", [99], None, "2100-01-01", None),
    ("extend", [], None, "2100-01-01", None),
    ("extend", None, "900000-900001", "2100-01-01", None),
    ("extend", None, None, "2100-01-01", None),
    ("extend", None, "1-9", "2100-01-01", ["health"]),
    ("relabel", None, "1-9", None, None),
    ("relabel", None, "1-9", None, [" "]),
    ("relabel", None, "1-9", "2100-01-01", ["health"]),
    ("dispose", None, "1-9", None, None),
)


def test_a_decision_says_what_of_the_list_and_until_when(on: Disposing, writer: Connection) -> None:
    append(writer, [due()])
    disposal = on.proposed()
    for given in WRONG_DECISIONS:
        assert refused(on, "dpo", DECIDE, disposal, *given, "because") == "UB009", given
    assert raw.rows(on.database.admin, "disposal_decisions") == []


def test_steps_come_in_their_order(on: Disposing, writer: Connection) -> None:
    append(writer, [due()])
    disposal = on.proposed()
    steps = {BEGIN: (), BATCH: (1000,), NOTE_GONE: (), FINISH: (CERTIFICATE,)}

    def refuse(*statements: str) -> None:
        for statement in statements:
            assert refused(on, "retention", statement, disposal, *steps[statement]) == "UB009", statement

    refuse(*steps)
    assert refused(on, "retention", START, False) == "UB009"
    on.agree(disposal)
    refuse(BATCH, NOTE_GONE, FINISH)
    on.value("retention", BEGIN, disposal)
    refuse(NOTE_GONE, FINISH)
    assert refused(on, "dpo", WITHDRAW, disposal, "too late") == "UB009"
    on.empty(disposal)
    refuse(FINISH)
    on.vacuum()
    assert on.is_gone(disposal)
    assert refused(on, "retention", FINISH, disposal, "none") == "UB009"
    last = on.finish(disposal)
    assert on.finish(disposal) == last
    assert on.batch(disposal) == (None, 0, 0, 0, 0)


@pytest.mark.parametrize("state", ["proposed", "reviewed", "approved"])
def test_one_person_withdraws_what_has_not_begun(on: Disposing, writer: Connection, state: str) -> None:
    append(writer, [due()])
    disposal = {"proposed": on.proposed, "reviewed": on.reviewed, "approved": on.approved}[state]()
    on.value("dpo", WITHDRAW, disposal, "not yet")
    assert refused(on, "retention", BEGIN, disposal) == "UB009"
    assert on.holding() == [4]
    assert on.proposed() != disposal


def test_what_nobody_approved_in_time_is_withdrawn_by_the_next_round(on: Disposing, writer: Connection) -> None:
    append(writer, [due()])
    disposal = on.reviewed()
    on.database.disarm()
    on.database.admin.execute("update unbroken.disposals set expires_at = now() - interval '1 s'")
    assert on.state(disposal) == "expired"
    assert refused(on, "legal", APPROVE, disposal, on.sha256(disposal)) == "UB009"
    assert on.proposed() != disposal
    assert on.state(disposal) == "withdrawn"


# ---- What goes, and what is left ----


def test_what_is_on_the_list_goes_and_its_entries_say_so(on: Disposing, writer: Connection) -> None:
    rows = append(writer, [due() if at % 3 else sent({"inputs": "1"}) for at in range(10)])
    lines = on.database.admin.execute(
        "select event, hash from unbroken.entries where seq <= 13 order by seq"
    ).fetchall()
    disposal = on.done()
    first = rows[0].seq
    numbers = f"{first + 1}-{first + 2},{first + 4}-{first + 5},{first + 7}-{first + 8}"
    batch, last = told(on.database)
    assert batch == {"disposal": disposal, "payloads": numbers}
    assert last == {
        "disposal": disposal,
        "complete": True,
        "certificate": CERTIFICATE,
        "payloads": 6,
        "originals": 0,
        "keys": 0,
        "kept": 0,
    }
    assert on.holding() == [row.seq for at, row in enumerate(rows) if at % 3 == 0]
    after = on.database.admin.execute(
        "select event, hash from unbroken.entries where seq <= 13 order by seq"
    ).fetchall()
    assert after == lines
    assert raw.report(on.database).findings_total == 0


def test_what_is_held_meanwhile_is_left_and_comes_again_when_it_is_free(on: Disposing, writer: Connection) -> None:
    rows = append(writer, [due(session_id="a"), due(session_id="b"), due(session_id="a")])
    disposal = on.begun()
    with on.database.connect("legal") as legal:
        issue(legal, {"sessions": ["b"]})
    on.carry_out(disposal)
    assert on.holding() == [rows[1].seq]
    assert told(on.database)[0]["kept"] == str(rows[1].seq)
    assert on.row(disposal)["kept"] == 1
    assert on.value("retention", PROPOSE, on.frozen()) is None
    assert raw.report(on.database).findings_total == 0


def test_what_is_not_due_any_more_is_left(on: Disposing, writer: Connection) -> None:
    append(writer, [due()])
    disposal = on.begun()
    put_in_force(on.database, AT_ONCE.replace('"1y"', '"90y"').replace('ceiling = "2y"\n', ""))
    on.carry_out(disposal)
    assert len(on.holding()) == 1
    assert raw.report(on.database).findings_total == 0


def test_what_reviewers_took_out_is_left(on: Disposing, writer: Connection) -> None:
    rows = append(writer, [due() for _ in range(4)])
    disposal = on.proposed()
    on.extend(disposal, str(rows[0].seq))
    on.relabel(disposal, f"{rows[2].seq}-{rows[3].seq}", "elsewhere")
    on.agree(disposal)
    on.carry_out(disposal)
    assert on.holding() == [rows[0].seq, rows[2].seq, rows[3].seq]
    assert on.value("retention", PROPOSE, on.frozen()) is None
    decided = on.login("dpo").execute(
        "select decision, numbers, domains from unbroken.disposal_decisions(%s, %s)", (LOG, disposal)
    )
    assert decided.fetchall() == [
        ("extend", str(rows[0].seq), None),
        ("relabel", f"{rows[2].seq}-{rows[3].seq}", ["elsewhere"]),
    ]
    assert raw.report(on.database).findings_total == 0


def test_what_was_taken_out_stays_out_of_this_list_also_where_it_still_is_due(
    on: Disposing, writer: Connection
) -> None:
    rows = append(writer, [due(), due()])
    disposal = on.proposed()
    on.relabel(disposal, str(rows[0].seq), "accounts", "others")
    on.agree(disposal)
    on.carry_out(disposal)
    assert on.holding() == [rows[0].seq]
    on.done()
    assert on.holding() == []


def test_a_class_is_taken_out_as_a_whole(on: Disposing, writer: Connection) -> None:
    rows = append(writer, [due(), due(event_type="response"), due()])
    disposal = on.proposed()
    groups = on.login("dpo").execute("select class, event_type from unbroken.disposal_groups(%s, %s)", (LOG, disposal))
    of = {kind: number for number, kind in groups.fetchall()}
    on.value("dpo", DECIDE, disposal, "relabel", [of["response"]], None, None, [], "it is no account's")
    on.agree(disposal)
    on.carry_out(disposal)
    assert on.holding() == [rows[1].seq]


def test_an_approval_in_advance_takes_what_it_names_and_leaves_the_rest_to_people(
    on: Disposing, writer: Connection
) -> None:
    put_in_force(on.database, AT_ONCE + AT_ONCE.replace("own.account", "own.other").replace('"accounts"', '"others"'))
    ask = on.login("legal")
    on.value("compliance", "select unbroken.confirm_standing(%s, %s)", approval := ask_standing(ask, ["own.account"]))
    rows = append(writer, [due(), due(domains=["others"]), due(domains=["accounts", "others"])])
    under = on.proposed(standing=True)
    row = on.row(under)
    assert (row["state"], row["approvals"], row["approved_seq"]) == ("approved", [approval], row["proposed_seq"])
    by_people = on.begun()
    on.carry_out(under)
    assert on.holding() == [rows[1].seq, rows[2].seq]
    on.carry_out(by_people)
    assert on.holding() == []
    assert raw.report(on.database).findings_total == 0


def test_an_approval_in_advance_that_ends_meanwhile_lets_nothing_more_go(on: Disposing, writer: Connection) -> None:
    approval = ask_standing(on.login("legal"), ["own.account"])
    on.value("compliance", "select unbroken.confirm_standing(%s, %s)", approval)
    append(writer, [due() for _ in range(3)])
    frozen = on.frozen(standing=True)
    on.value("dpo", "select unbroken.end_standing(%s, %s, 'a test')", approval)
    assert refused(on, "retention", PROPOSE, frozen) == "UB009"
    approval = ask_standing(on.login("legal"), ["own.account"])
    on.value("compliance", "select unbroken.confirm_standing(%s, %s)", approval)
    disposal = on.proposed(standing=True)
    on.value("dpo", "select unbroken.end_standing(%s, %s, 'a test')", approval)
    on.carry_out(disposal)
    assert len(on.holding()) == 3
    assert on.row(disposal)["kept"] == 3


def test_what_an_earlier_incarnation_holds_is_disposed_of_and_told_in_the_newest(
    on: Disposing, writer: Connection
) -> None:
    rows = append(writer, [due(session_id="a"), due(session_id="b")])
    continued(on.database, anchored=None)
    append(writer, [sent({"inputs": "1"})])
    with on.database.connect("legal") as legal:
        issue(legal, {"sessions": ["b"]})
    old = Disposing(on.database, OLD)
    with closing(old):
        disposal = old.done()
        entries = old.login("retention").execute(
            "select seq from unbroken.disposed_entries(%s, %s, 0, 10)", (OLD, disposal)
        )
        assert len(entries.fetchall()) == 3
        assert old.row(disposal)["kept"] == 0
    newest = "select count(*) from unbroken.entries where log = 2 and event_type like 'log.dispos%'"
    assert on.database.admin.execute(newest).fetchone() == (6,)
    held = on.database.admin.execute("select seq from unbroken.payloads where log = 1 and seq >= %s", (rows[0].seq,))
    assert held.fetchall() == [(rows[1].seq,)]
    assert raw.report(on.database).findings_total == 0


# ---- What nobody can do past the functions ----


def attempt(database: Database, statement: str, *given: Any) -> str | None:
    """The SQLSTATE that the owner gets; whatever it does is undone."""
    with database.admin.transaction(force_rollback=True):
        database.admin.execute("set local role unbroken_owner")
        try:
            database.admin.execute(statement.encode(), given)
        except psycopg.Error as error:
            return error.sqlstate
    return None


def test_the_owner_deletes_nothing_that_is_not_on_a_list_that_has_begun(on: Disposing, writer: Connection) -> None:
    rows = append(writer, [due(), sent({"inputs": "1"}), due(), due()])
    delete = "delete from unbroken.payloads where seq = any (%s)"
    disposal = on.proposed()
    on.extend(disposal, str(rows[3].seq))
    assert attempt(on.database, delete, [rows[0].seq]) == "UB010"
    on.agree(disposal)
    assert attempt(on.database, delete, [rows[0].seq]) == "UB010"
    on.value("retention", BEGIN, disposal)
    assert attempt(on.database, delete, [rows[0].seq]) is None
    assert attempt(on.database, delete, [rows[1].seq]) == "UB010"
    assert attempt(on.database, delete, [rows[3].seq]) == "UB010"
    with on.database.connect("legal") as legal:
        issue(legal, {"everything": True})
    assert attempt(on.database, delete, [rows[0].seq]) == "UB014"
    on.empty(disposal)
    assert attempt(on.database, delete, [rows[0].seq]) in {"UB010", "UB014"}


CHANGES = (
    "update unbroken.disposals set sha256 = repeat('0', 64)",
    "update unbroken.disposals set upto = upto + 1",
    "update unbroken.disposals set expires_at = expires_at + interval '1 day'",
    "update unbroken.disposals set reviewed_by = 'x', reviewed_at = now(), reviewed_seq = proposed_seq",
    "update unbroken.disposals set approved_by = 'x', approved_at = now(), approved_seq = proposed_seq",
    "update unbroken.disposals set standing = true",
    "update unbroken.disposals set payloads = 1",
    "update unbroken.disposals set withdrawn_by = 'x', withdrawn_at = now(), withdrawn_seq = proposed_seq",
    "delete from unbroken.disposals",
    "delete from unbroken.disposal_lots",
    "update unbroken.disposal_lots set sha256 = repeat('0', 64)",
    "update unbroken.disposal_lots set done_seq = 1, payloads = 0, originals = 0, keys = 0, kept = 0",
    (
        "insert into unbroken.disposal_lots select log, disposal, 'both', 9, '{[90,91)}', 90, 90, 1, sha256"
        " from unbroken.disposals"
    ),
    "delete from unbroken.disposal_groups",
    "update unbroken.disposal_groups set entries = 1",
    "update unbroken.disposal_decisions set until = now()",
    "delete from unbroken.disposal_decisions",
    (
        "insert into unbroken.disposal_decisions select log, disposal, 9, 'extend', null, '{[1,9)}', now(), null, 'x',"
        " 'compliance', now(), proposed_seq from unbroken.disposals"
    ),
    (
        "insert into unbroken.disposals (log, disposal, standing, policies_version, upto, entries)"
        " values (1, gen_random_uuid(), true, 1, 1, 5)"
    ),
    (
        "insert into unbroken.disposal_places select log, disposal, 0, 'payloads', 1, 0, 1, 0, 0, 'dropped', now()"
        " from unbroken.disposals"
    ),
)
"""What the owner might try on a list that is proposed."""


def test_the_owner_changes_nothing_of_a_list_that_is_proposed(on: Disposing, writer: Connection) -> None:
    rows = append(writer, [due(), due()])
    on.extend(on.proposed(), str(rows[0].seq))
    for change in CHANGES:
        assert attempt(on.database, change) in {"UB010", "23514"}, change


def test_a_disposal_that_has_begun_is_emptied_lot_by_lot_and_not_by_saying_so(
    on: Disposing, writer: Connection
) -> None:
    append(writer, [due() for _ in range(3)])
    on.begun()
    said = "update unbroken.disposals set emptied_at = now()"
    assert attempt(on.database, said) == "UB010"
    assert attempt(on.database, "update unbroken.disposals set gone_at = now()") in {"UB010", "23514"}


def test_batches_that_come_at_once_do_nothing_twice(on: Disposing, writer: Connection) -> None:
    append(writer, [due() for _ in range(2500)])
    disposal = on.begun()
    on.batch(disposal)
    with on.database.connect("retention") as first, on.database.connect("retention") as second:
        first.execute("begin")
        first.execute(BATCH, (LOG, disposal, 1000))
        second.execute("set lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            second.execute(BATCH, (LOG, disposal, 1000))
        first.execute("commit")
        second.execute(BATCH, (LOG, disposal, 1000))
    on.empty(disposal)
    batches = told(on.database)
    assert len(batches) == 3
    assert len({json.dumps(each) for each in batches}) == 3
    assert on.row(disposal)["payloads"] == 2500

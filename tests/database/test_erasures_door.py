"""Erasing at the database's door: what goes and what stays, by whom, in which order, and what comes between."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.conftest import LOG, Database, add_login
from tests.database import raw
from tests.database.lock_waits import until_somebody_waits
from tests.database.raw import Connection, append, open_ticket, sent
from tests.database.test_vault_door import ANN, BOB, erase, refused, value
from tests.database.vaulting import append as append_sealed
from tests.database.vaulting import laid_out, plain_keys

EVE = "p-" + "e" * 32
_ORDER = "0" * 64
_ASK = "select erasure::text from unbroken.ask_erasure(%s, %s, %s, %s, %s, %s)"
_CONFIRM = "select unbroken.confirm_erasure(%s, %s)"
_WITHDRAW = "select unbroken.withdraw_erasure(%s, %s)"
_PREPARE = "select keys from unbroken.prepare_erasure(%s, %s)"
_BEGIN = "select unbroken.begin_erasure(%s, %s, %s, %s)"
_BATCH = "select seq from unbroken.erase_batch(%s, %s, %s)"
_FINISH = "select unbroken.finish_erasure(%s, %s, %s)"
_STATE = "select state from unbroken.erasures(%s) where erasure = %s"
_IDENTIFY = "select unbroken.identify(%s, %s, %s, %s, %s)"
_TELLS = (
    "select e.seq, p.details::json from unbroken.entries e join unbroken.payloads p using (log, seq)"
    " where e.event_type = 'log.erased' order by e.seq"
)


def ask(dpo: Connection, *ids: str, with_acted: bool = False) -> str:
    return str(value(dpo, _ASK, LOG, open_ticket(dpo), list(ids), with_acted, "C-1", "asked for"))


def confirmed(dpo: Connection, legal: Connection, *ids: str, with_acted: bool = False) -> str:
    erasure = ask(dpo, *ids, with_acted=with_acted)
    value(legal, _CONFIRM, LOG, erasure)
    return erasure


def begun(dpo: Connection, legal: Connection, *ids: str, with_acted: bool = False) -> str:
    erasure = confirmed(dpo, legal, *ids, with_acted=with_acted)
    value(dpo, _BEGIN, LOG, erasure, value(dpo, _PREPARE, LOG, erasure), _ORDER)
    return erasure


def held(database: Database) -> list[int]:
    """The numbers of recorders' entries that still hold something."""
    rows = database.admin.execute(
        "select p.seq from unbroken.payloads p join unbroken.entries e using (log, seq)"
        " where e.event like '%\"recorder\"%' order by 1"
    )
    return [row[0] for row in rows]


def said(who: str | None, **more: Any) -> raw.Sent:
    """Something with a payload."""
    return sent({"inputs": '"something"'}, **({} if who is None else {"subjects": [who]}), **more)


BY_AGENT: dict[str, Any] = {"actor_id": "bot", "actor_type": "agent"}


# ---- What goes ----


@pytest.mark.parametrize("with_acted", [False, True])
def test_what_is_about_a_person_goes_and_what_they_did_to_others_only_if_asked_for(
    database: Database, writer: Connection, dpo: Connection, with_acted: bool
) -> None:
    append(
        writer,
        [
            said(ANN),
            said(BOB),
            said(BOB, actor_id=ANN),
            said(None, actor_id=ANN),
            said(None, resource_type="patient", resource_id=ANN),
            said(None, session_id="hers", **BY_AGENT),
            said(ANN, session_id="hers"),
            said(None, session_id="hers", actor_id=BOB),
            said(BOB, session_id="hers", **BY_AGENT),
            said(None, session_id="another", **BY_AGENT),
            sent({"inputs": "1"}, subjects=[ANN, BOB]),
        ],
    )
    erase(database, dpo, ANN, with_acted=with_acted)
    assert held(database) == [2, *([] if with_acted else [3]), 8, 9, 10]
    assert raw.report(database).findings_total == 0


def test_the_log_s_own_entries_keep_what_they_hold(database: Database, writer: Connection, dpo: Connection) -> None:
    """Though the person may be who they tell of, or a login's name."""
    append(writer, [said("dpo"), said(None, actor_id="writer")])
    ticket = open_ticket(dpo)
    before = raw.rows(database.admin, "payloads")
    assert len(before) == 3
    erase(database, dpo, "dpo", "writer")
    value(dpo, "select unbroken.close_ticket(%s, %s, 'complete', 0, %s)", LOG, ticket, _ORDER)
    after = raw.rows(database.admin, "payloads")
    assert set(before) - set(after) == {row for row in before if "something" in row}
    assert raw.report(database).findings_total == 0


def test_what_comes_after_the_order_is_left(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    append(writer, [said(ANN, session_id="s-1")])
    erasure = confirmed(dpo, legal, ANN)
    keys = value(dpo, _PREPARE, LOG, erasure)
    late = append(writer, [said(ANN), said(None, session_id="s-1", **BY_AGENT)])
    value(dpo, _PREPARE, LOG, erasure)
    value(dpo, _BEGIN, LOG, erasure, keys, _ORDER)
    while value(dpo, _BATCH, LOG, erasure, 10) is not None:
        pass
    assert held(database) == [row.seq for row in late]
    value(dpo, _FINISH, LOG, erasure, _ORDER)


def test_a_name_goes_with_the_last_payload_of_all_its_pseudonyms(
    database: Database, writer: Connection, dpo: Connection
) -> None:
    value(writer, _IDENTIFY, LOG, [b"\x01" * 32] * 2, [BOB, EVE], [b"\x01", b"\x02"], True)
    append(writer, [sent({"inputs": "1"}, subjects=[ANN, BOB]), said(EVE)])
    erase(database, dpo, ANN)
    assert len(raw.rows(database.admin, "identities")) == 2
    append(writer, [sent({"inputs": "1"}, subjects=[EVE, "patient-2"])])
    database.disarm()
    database.admin.execute("delete from unbroken.payloads where seq = 2")
    erase(database, dpo, "patient-2")
    assert raw.rows(database.admin, "identities") == []
    assert len(raw.rows(database.admin, "forgotten")) == 3


def test_batches_say_what_went_and_one_after_the_other(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    append(writer, [said(ANN) if at % 3 else said(BOB) for at in range(10)])
    erasure = begun(dpo, legal, ANN)
    while value(dpo, _BATCH, LOG, erasure, 4) is not None:
        pass
    assert value(dpo, _BATCH, LOG, erasure, None) is None
    value(dpo, _FINISH, LOG, erasure, _ORDER)
    told = [row[1] for row in database.admin.execute(_TELLS)][1:-1]
    assert [each["payloads"] for each in told] == ["2-3,5-6", "8-9"]


# ---- By whom, and in which order ----


def test_nobody_erases_alone(database: Database, writer: Connection, dpo: Connection) -> None:
    append(writer, [said(ANN)])
    erasure = ask(dpo, ANN)
    for statement, *given in (
        (_CONFIRM, LOG, erasure),
        (_PREPARE, LOG, erasure),
        (_BEGIN, LOG, erasure, [], _ORDER),
        (_BATCH, LOG, erasure, 10),
        (_FINISH, LOG, erasure, _ORDER),
    ):
        assert refused(dpo, statement, *given) in {"UB008", "UB009"}
    with database.connect("compliance") as compliance:
        for statement in (_PREPARE, _BEGIN, _BATCH, _FINISH):
            given = [LOG, erasure, *([[], _ORDER] if statement is _BEGIN else [1] if statement is _BATCH else [])]
            given += [_ORDER] if statement is _FINISH else []
            assert refused(compliance, statement, *given) == "42501"
    assert held(database) == [1]


def test_who_asked_does_not_confirm_under_another_role(database: Database, writer: Connection, dpo: Connection) -> None:
    append(writer, [said(ANN)])
    erasure = ask(dpo, ANN)
    dpo.execute("set role unbroken_dpo")
    assert refused(dpo, _CONFIRM, LOG, erasure) == "UB008"
    add_login(database.admin, "dpo2", duty="dpo")
    with database.connect("dpo2") as other:
        assert value(other, _CONFIRM, LOG, erasure) is not None
        assert refused(other, _CONFIRM, LOG, erasure) == "UB009"


def test_an_erasure_is_its_log_s(database: Database, writer: Connection, dpo: Connection, legal: Connection) -> None:
    append(writer, [said(ANN)])
    erasure = confirmed(dpo, legal, ANN)
    for statement, *given in ((_PREPARE, "lab.example/robots", erasure), (_CONFIRM, LOG + "~2", erasure)):
        assert refused(dpo, statement, *given) == "UB003"


@pytest.mark.parametrize(
    ("case", "reason"), [(None, "x"), (" ", "x"), ("C\n1", "x"), ("C" * 201, "x"), ("C-1", None), ("C-1", "")]
)
def test_an_erasure_has_a_case_and_a_reason(
    writer: Connection, dpo: Connection, case: str | None, reason: str | None
) -> None:
    append(writer, [said(ANN)])
    assert refused(dpo, _ASK, LOG, open_ticket(dpo), [ANN], False, case, reason) == "UB009"


@pytest.mark.parametrize("ids", [[], [None], [""], ["x" * 1025], [[ANN], [BOB]], ["nobody"], [ANN] * 1001])
def test_whom_to_erase_is_somebody(database: Database, writer: Connection, dpo: Connection, ids: list[object]) -> None:
    append(writer, [said(ANN)])
    statement = _ASK.replace("%s, %s, %s, %s, %s, %s", "%s, %s, %s::text[], %s, %s, %s")
    with pytest.raises(psycopg.Error) as caught:
        dpo.execute(statement.encode(), (LOG, open_ticket(dpo), ids, False, "C-1", "asked for"))
    assert caught.value.sqlstate == "UB009"
    assert ANN not in raw.said(caught.value)
    assert raw.rows(database.admin, "erasures") == []


def test_a_ticket_for_one_session_erases_nobody(writer: Connection, dpo: Connection) -> None:
    append(writer, [said(ANN, session_id="s-1")])
    ticket = open_ticket(dpo, session="s-1")
    assert refused(dpo, _ASK, LOG, ticket, [ANN], False, "C-1", "asked for") == "UB007"


@pytest.mark.parametrize("order", [None, "", "0" * 63, "G" * 64])
def test_nothing_begins_without_an_order_outside(
    writer: Connection, dpo: Connection, legal: Connection, order: str | None
) -> None:
    append(writer, [said(ANN)])
    erasure = confirmed(dpo, legal, ANN)
    keys = value(dpo, _PREPARE, LOG, erasure)
    assert refused(dpo, _BEGIN, LOG, erasure, keys, order) == "UB009"


def test_an_erasure_begins_with_the_keys_that_were_ordered(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    value(dpo, "select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", LOG, *plain_keys("pool", 3))
    asking = "select key_id from unbroken.vault_keys(%s, '{subject,subject}', %s)"
    ann, bob = (row[0] for row in writer.execute(asking, (LOG, [ANN, BOB])))
    append(writer, [said(ANN)])
    erasure = confirmed(dpo, legal, ANN)
    assert refused(dpo, _BEGIN, LOG, erasure, [ann], _ORDER) == "UB009"
    assert value(dpo, _PREPARE, LOG, erasure) == [ann]
    for keys in ([], [bob], [ann, bob], [ann, ann], [ann, None], None):
        assert refused(dpo, _BEGIN, LOG, erasure, keys, _ORDER) == "UB009"
    value(dpo, _BEGIN, LOG, erasure, [ann], _ORDER)
    assert value(database.admin, "select count(*) from unbroken.wrapped_keys") == 2


def test_an_erasure_that_expired_or_was_withdrawn_goes_no_further(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    append(writer, [said(ANN)])
    withdrawn, old = confirmed(dpo, legal, ANN), confirmed(dpo, legal, ANN)
    value(dpo, _WITHDRAW, LOG, withdrawn)
    database.disarm()
    database.admin.execute(
        "update unbroken.erasures set expires_at = now() - interval '1 s' where erasure = %s", (old,)
    )
    for erasure, state in ((withdrawn, "withdrawn"), (old, "expired")):
        assert value(dpo, _STATE, LOG, erasure) == state
        assert refused(dpo, _PREPARE, LOG, erasure) == "UB009"
        assert refused(dpo, _BEGIN, LOG, erasure, [], _ORDER) == "UB009"
    assert refused(legal, _WITHDRAW, LOG, withdrawn) == "UB009"


def test_what_is_done_again_is_done_once(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    append(writer, [said(ANN)])
    erasure = begun(dpo, legal, ANN)
    first = value(dpo, _BEGIN, LOG, erasure, ["v-" + "0" * 32], "f" * 64)
    assert refused(dpo, _FINISH, LOG, erasure, _ORDER) == "UB009"
    value(dpo, _BATCH, LOG, erasure, 10)
    last = value(dpo, _FINISH, LOG, erasure, _ORDER)
    assert value(dpo, _FINISH, LOG, erasure, "f" * 64) == last
    assert value(dpo, _BEGIN, LOG, erasure, [], "f" * 64) == first
    assert refused(dpo, _BATCH, LOG, erasure, 10) == "UB009"
    assert refused(dpo, _WITHDRAW, LOG, erasure) == "UB009"
    told = [row[1] for row in database.admin.execute(_TELLS)]
    assert [sorted(each) for each in told] == [
        ["erasure", "keys", "order", "pseudonyms"],
        ["erasure", "payloads"],
        ["certificate", "complete", "erasure", "keys", "originals", "payloads"],
    ]


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_no_step_is_taken_under_an_older_snapshot(
    writer: Connection, dpo: Connection, legal: Connection, isolation: str
) -> None:
    append(writer, [said(ANN)])
    asked, ready, going = ask(dpo, ANN), confirmed(dpo, legal, ANN), begun(dpo, legal, ANN)
    for login, statement, *given in (
        (legal, _CONFIRM, LOG, asked),
        (legal, _WITHDRAW, LOG, asked),
        (dpo, _PREPARE, LOG, ready),
        (dpo, _BATCH, LOG, going, 10),
    ):
        with login.transaction(force_rollback=True):
            login.execute(f"set transaction isolation level {isolation}".encode())
            with login.transaction(force_rollback=True):
                assert refused(login, statement, *given) == "UB004"


# ---- At once ----


def test_of_a_confirmation_and_a_withdrawal_at_once_one_comes_first(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    append(writer, [said(ANN)])
    erasure = ask(dpo, ANN)
    with ThreadPoolExecutor(1) as pool:
        with dpo.transaction():
            value(dpo, _WITHDRAW, LOG, erasure)
            late = pool.submit(refused, legal, _CONFIRM, LOG, erasure)
            until_somebody_waits(database)
        assert late.result(30) == "UB009"
    assert value(dpo, _STATE, LOG, erasure) == "withdrawn"


def test_two_that_begin_at_once_begin_once(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    append(writer, [said(ANN)])
    erasure = confirmed(dpo, legal, ANN)
    keys = value(dpo, _PREPARE, LOG, erasure)
    with ThreadPoolExecutor(1) as pool, database.connect("dpo") as other:
        with dpo.transaction():
            first = value(dpo, _BEGIN, LOG, erasure, keys, _ORDER)
            second = pool.submit(value, other, _BEGIN, LOG, erasure, keys, _ORDER)
            until_somebody_waits(database)
        assert second.result(30) == first


def test_two_erasures_that_meet_in_one_entry_tell_of_it_once(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    append(writer, [sent({"inputs": "1"}, subjects=[ANN, BOB]) for _ in range(3)])
    append(writer, [said(BOB)])
    ann, bob = begun(dpo, legal, ANN), begun(dpo, legal, BOB)
    with ThreadPoolExecutor(1) as pool, database.connect("dpo") as other:
        with dpo.transaction():
            value(dpo, _BATCH, LOG, ann, 3)
            meanwhile = pool.submit(value, other, _BATCH, LOG, bob, 3)
            until_somebody_waits(database)
        assert meanwhile.result(30) is not None
    assert value(dpo, _BATCH, LOG, bob, 3) is None
    told = [row[1] for row in database.admin.execute(_TELLS)]
    assert [each["payloads"] for each in told if "payloads" in each] == ["1-3", "4"]


def test_recording_goes_on_while_somebody_is_erased(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    """Keys, names, events and erasures in each other's way: nobody is stopped, and the log verifies."""
    value(dpo, "select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", LOG, *plain_keys("pool", 400))
    people = [f"p-{at:032x}" for at in range(6)]

    def record(number: int) -> None:
        with database.connect("writer") as own:
            for at in range(25):
                which = (number + at) % len(people)
                proposed = people[which] if at % 2 else f"p-{uuid.uuid4().hex}"
                given = [[bytes([which + 1]) * 32], [proposed], [b"\x01"], bool(at % 2)]
                who = value(own, _IDENTIFY, LOG, *given)[0]
                asking = "select key_id from unbroken.vault_keys(%s, '{subject,session}', %s)"
                keys = [row[0] for row in own.execute(asking, (LOG, [who, f"s-{number}-{at}"]))]
                event = sent(
                    {"inputs": "1"},
                    subjects=[who],
                    session_id=f"s-{number}-{at}",
                    original="0" * 64,
                    recorder=raw.new_id(),
                )
                append_sealed(own, [(event, laid_out(*keys))])

    def clear(number: int) -> None:
        with database.connect("dpo") as own_dpo, database.connect("legal") as own_legal:
            for who in people[number::2]:
                erasure = confirmed(own_dpo, own_legal, who)
                while True:
                    keys = value(own_dpo, _PREPARE, LOG, erasure)
                    try:
                        value(own_dpo, _BEGIN, LOG, erasure, keys, _ORDER)
                        break
                    except psycopg.Error as error:
                        assert error.sqlstate == "UB009"  # noqa: PT017 - other keys by now
                while value(own_dpo, _BATCH, LOG, erasure, 2) is not None:
                    pass
                value(own_dpo, _FINISH, LOG, erasure, _ORDER)

    append(writer, [said(who) for who in people])
    with ThreadPoolExecutor(6) as pool:
        for done in [*(pool.submit(record, number) for number in range(4)), *(pool.submit(clear, n) for n in range(2))]:
            done.result(60)
    gone = value(dpo, "select count(*) from unbroken.erasures(%s) where state = 'done'", LOG)
    assert gone == len(people)
    assert raw.report(database).findings_total == 0


# ---- By hand ----


def test_the_owner_makes_no_erasure_of_somebody_else(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    """Neither another person in what was asked for, nor one more in what was confirmed."""
    append(writer, [said(ANN), said(BOB)])
    erasure = confirmed(dpo, legal, ANN)
    other = raw.new_id()
    told = json.dumps({"erasure": other, "subjects": [ANN], "with_acted": False})
    inserting = (
        "insert into unbroken.erasures (log, erasure, basis, subjects, with_acted, case_name, reason, requested_by,"
        " requested_at, requested_seq, expires_at) values (1, %s, 'two people', %s, false, 'C-1', 'x', 'postgres',"
        " now(), unbroken.append_own(1, 'log.erasure_requested', %s), now())"
    )
    with database.admin.transaction(force_rollback=True):
        database.admin.execute(inserting.encode(), (other, [ANN], told))
    for statement, given in (
        (inserting, [other, [BOB], told]),
        ("update unbroken.erasures set subjects = %s", [[ANN, BOB]]),
        ("update unbroken.erasures set subjects = %s", [[BOB]]),
        ("update unbroken.erasures set confirmed_by = 'compliance'", []),
        ("update unbroken.erasures set confirmed_seq = null, confirmed_by = null, confirmed_at = null", []),
        ("insert into unbroken.erasure_sessions values (1, %s, 'somebody else''s')", [erasure]),
        ("delete from unbroken.payloads where seq = 1", []),
        ("delete from unbroken.erasures", []),
    ):
        with database.admin.transaction(force_rollback=True):
            database.admin.execute("set local role unbroken_owner")
            with database.admin.transaction(force_rollback=True):
                assert refused(database.admin, statement, *given) == "UB010", statement


def test_under_an_erasure_nothing_of_anybody_else_goes(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    append(
        writer,
        [said(ANN, session_id="hers"), said(BOB), said(None, session_id="his", **BY_AGENT), said(None, **BY_AGENT)],
    )
    begun(dpo, legal, ANN)
    late = append(writer, [said(ANN)])[0].seq
    own = value(database.admin, "select max(seq) from unbroken.entries where event_type = 'log.erased'")
    for seq in (2, 3, 4, late, own):
        with pytest.raises(psycopg.Error) as caught:
            database.admin.execute("delete from unbroken.payloads where seq = %s", (seq,))
        assert caught.value.sqlstate == "UB010", seq
    assert database.admin.execute("delete from unbroken.payloads where seq = 1").rowcount == 1


# ---- After a restore ----

_REAPPLY = "select unbroken.reapply_erasure(%s, %s, %s, %s, false, now(), %s)"


def finished(database: Database, erasure: str) -> None:
    while value(database.admin, _BATCH, LOG, erasure, 10) is not None:
        pass
    value(database.admin, _FINISH, LOG, erasure, _ORDER)


def test_an_erasure_that_a_backup_does_not_know_is_done_again(
    database: Database, writer: Connection, dpo: Connection
) -> None:
    value(dpo, "select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", LOG, *plain_keys("pool", 3))
    asking = "select key_id from unbroken.vault_keys(%s, '{subject,subject}', %s)"
    ann, bob = (row[0] for row in writer.execute(asking, (LOG, [ANN, BOB])))
    append(writer, [said(ANN), said(BOB)])
    erasure = raw.new_id()
    free = value(database.admin, "select key_id from unbroken.subject_keys where holder is null")
    assert value(database.admin, _REAPPLY, LOG, erasure, [ANN], [ann, free], _ORDER) is not None
    finished(database, erasure)
    assert value(database.admin, _REAPPLY, LOG, erasure, [ANN], [ann, free], _ORDER) is None
    assert held(database) == [3]
    assert database.admin.execute("select key_id from unbroken.wrapped_keys").fetchall() == [(bob,)]
    assert raw.report(database).findings_total == 0


def test_whom_the_order_names_goes_where_the_backup_knew_fewer(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    """Between asking and carrying out another pseudonym of the person was found."""
    append(writer, [said(ANN), said(BOB), said(EVE)])
    erasure = confirmed(dpo, legal, ANN)
    value(database.admin, _REAPPLY, LOG, erasure, [BOB], [], _ORDER)
    finished(database, erasure)
    assert held(database) == [3]


def test_what_was_withdrawn_is_not_done_again(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    append(writer, [said(ANN)])
    erasure = confirmed(dpo, legal, ANN)
    value(legal, _WITHDRAW, LOG, erasure)
    assert value(database.admin, _REAPPLY, LOG, erasure, [ANN], [], _ORDER) is None
    assert held(database) == [1]


@pytest.mark.parametrize("login", ["dpo", "legal", "compliance", "access", "verifier", "writer"])
def test_nobody_but_the_owner_does_it_again(database: Database, writer: Connection, login: str) -> None:
    append(writer, [said(ANN)])
    with database.connect(login) as connection:
        assert refused(connection, _REAPPLY, LOG, raw.new_id(), [ANN], [], _ORDER) == "42501"


def test_an_erasure_tells_nothing_of_what_was_said(database: Database, writer: Connection, dpo: Connection) -> None:
    append(writer, [sent({"inputs": f'"{raw.MARKER}"'}, subjects=[ANN])])
    erase(database, dpo, ANN)
    told = json.dumps([row[1] for row in database.admin.execute(_TELLS)])
    assert raw.MARKER not in told + "".join(raw.rows(database.admin, "erasures"))

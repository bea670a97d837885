"""Erasing somebody whom a legal hold or a law keeps: nothing begins, what has begun leaves it, and nothing is lost."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.held import issue, narrow, release
from tests.database.losing import NEW, OLD, continued
from tests.database.policies import put_in_force, tell
from tests.database.raw import Connection, append, open_ticket, sent
from tests.database.test_vault_door import ANN, BOB, erase, refused, value
from tests.database.vaulting import append as append_sealed
from tests.database.vaulting import laid_out, plain_keys

EVE = "p-" + "e" * 32
ORDER = "0" * 64
ASK = "select erasure::text from unbroken.ask_erasure(%s, %s, %s, %s, 'C-1', 'asked for', %s)"
CONFIRM = "select unbroken.confirm_erasure(%s, %s)"
PREPARE = "select keys from unbroken.prepare_erasure(%s, %s)"
BEGIN = "select unbroken.begin_erasure(%s, %s, %s, %s)"
BATCH = "select seq, payloads, originals, held from unbroken.erase_batch(%s, %s, %s)"
FINISH = "select unbroken.finish_erasure(%s, %s, %s)"
FIND = "select held from unbroken.find_person(%s, %s, %s, %s)"
IDENTIFY = "select unbroken.identify(%s, %s, %s, %s, %s)"
BY_AGENT: dict[str, Any] = {"actor_id": "bot", "actor_type": "agent"}
PLANNED = (
    "select e.planned, e.despite_floors, p.details::jsonb from unbroken.erasures e"
    " join unbroken.payloads p on p.log = e.log and p.seq = e.requested_seq where e.erasure = %s"
)


@pytest.fixture
def compliance(database: Database) -> Iterator[Connection]:
    with database.connect("compliance") as connection:
        yield connection


def said(who: str | None, **more: Any) -> raw.Sent:
    """Something with a payload."""
    return sent({"inputs": '"something"'}, **({} if who is None else {"subjects": [who]}), **more)


def named(writer: Connection, *pseudonyms: str) -> None:
    """Each leads to a name of its own."""
    lookups = [bytes([at + 1]) * 32 for at in range(len(pseudonyms))]
    value(writer, IDENTIFY, LOG, lookups, list(pseudonyms), [b"\x01"] * len(pseudonyms), True)


def confirmed(dpo: Connection, legal: Connection, *ids: str, despite: bool = False, log: str = LOG) -> str:
    erasure = str(value(dpo, ASK, log, open_ticket(dpo, log=log), list(ids), False, despite))
    value(legal, CONFIRM, log, erasure)
    return erasure


def ready(dpo: Connection, legal: Connection, *ids: str, despite: bool = False) -> tuple[str, list[str]]:
    """An erasure that only has to begin, and the keys that it would destroy."""
    erasure = confirmed(dpo, legal, *ids, despite=despite)
    return erasure, list(value(dpo, PREPARE, LOG, erasure))


def held(dpo: Connection, *ids: str) -> int:
    """How many entries of theirs the plan of a person's erasure says that a hold keeps."""
    return int(value(dpo, FIND, LOG, open_ticket(dpo), list(ids), False))


def tables(database: Database) -> list[list[Any]]:
    """All that an erasure destroys, or marks."""
    names = ("payloads", "originals", "identities", "subject_keys", "wrapped_keys", "forgotten", "erasures")
    return [raw.rows(database.admin, name) for name in names]


def payloads_left(database: Database) -> list[int]:
    rows = database.admin.execute(
        "select p.seq from unbroken.payloads p join unbroken.entries e using (log, seq)"
        " where e.event like '%\"recorder\"%' order by 1"
    )
    return [row[0] for row in rows]


def key_of(writer: Connection, kind: str, holder: str) -> str:
    asking = "select key_id from unbroken.vault_keys(%s, %s, %s)"
    return str(value(writer, asking, LOG, [kind], [holder]))


# ---- What keeps somebody ----


@pytest.mark.parametrize(
    "scope",
    [
        {"everything": True},
        {"subjects": [ANN]},
        {"subjects": ["p-" + "c" * 32]},
        {"sessions": ["s-1"]},
        {"agents": ["helper"], "event_types": ["request"]},
    ],
)
def test_an_erasure_does_not_begin_while_anything_of_it_is_held(
    database: Database, writer: Connection, dpo: Connection, legal: Connection, compliance: Connection, scope: Any
) -> None:
    # One name behind two pseudonyms: whoever holds the one holds the other.
    value(writer, IDENTIFY, LOG, [b"\x01" * 32] * 2, [ANN, "p-" + "c" * 32], [b"\x01"] * 2, True)
    append(writer, [said(ANN), said(ANN, session_id="s-1", event_type="request", agent_id="helper"), said(BOB)])
    hold = issue(legal, scope)
    assert held(dpo, ANN) in (1, 2)
    erasure, keys = ready(dpo, legal, ANN)
    before = tables(database)
    assert refused(dpo, BEGIN, LOG, erasure, keys, ORDER) == "UB014"
    assert tables(database) == before
    assert raw.report(database).findings_total == 0
    release(legal, compliance, hold)
    assert held(dpo, ANN) == 0
    value(dpo, BEGIN, LOG, erasure, keys, ORDER)
    assert value(dpo, BATCH, LOG, erasure, 10) is not None
    value(dpo, FINISH, LOG, erasure, ORDER)
    assert payloads_left(database) == [3]


def test_nobody_whose_payloads_alone_are_held_is_erased_either(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    """An opaque id leads to no name, and without a vault there is no key: nothing but the entries is asked."""
    append(writer, [said("customer-17"), said("customer-17", session_id="s-1")])
    erasure, keys = ready(dpo, legal, "customer-17")
    issue(legal, {"sessions": ["s-1"]})
    assert held(dpo, "customer-17") == 1
    assert refused(dpo, BEGIN, LOG, erasure, keys, ORDER) == "UB014"
    again = "select unbroken.reapply_erasure(%s, %s, '{customer-17}', '{}', false, clock_timestamp(), %s)"
    assert refused(database.admin, again, LOG, erasure, ORDER) == "UB014"
    assert payloads_left(database) == [1, 2]


def test_who_is_not_held_is_erased_beside_whom_one_holds(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    named(writer, ANN, BOB)
    append(writer, [said(ANN), said(BOB), said(None, session_id="his", **BY_AGENT), said(BOB, session_id="his")])
    issue(legal, {"subjects": [BOB]})
    assert held(dpo, ANN) == 0
    erase(database, dpo, ANN)
    assert payloads_left(database) == [2, 3, 4]
    assert len(raw.rows(database.admin, "identities")) == 1


def test_who_acted_in_what_is_held_keeps_the_name(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    """What Ann did to Bob is Bob's, and stays; that it was Ann is part of what is held."""
    named(writer, ANN, BOB)
    append(writer, [said(BOB, actor_id=ANN), said(ANN)])
    issue(legal, {"subjects": [BOB], "event_types": ["request"]})
    assert held(dpo, ANN) == 1
    erasure, keys = ready(dpo, legal, ANN)
    assert refused(dpo, BEGIN, LOG, erasure, keys, ORDER) == "UB014"


def test_without_a_name_to_lose_an_entry_of_another_keeps_nobody(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    append(writer, [said(BOB, actor_id=ANN), said(ANN)])
    issue(legal, {"subjects": [BOB]})
    assert held(dpo, ANN) == 0
    erase(database, dpo, ANN)
    assert payloads_left(database) == [1]


def test_what_a_hold_is_going_to_cover_keeps_name_and_key(
    database: Database, writer: Connection, dpo: Connection, legal: Connection, compliance: Connection
) -> None:
    """None of what there is of Ann is held; under the name that she has, what comes will be."""
    value(dpo, "select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", LOG, *plain_keys("pool", 2))
    named(writer, ANN)
    key_of(writer, "subject", ANN)
    append(writer, [said(ANN)])
    hold = issue(legal, {"subjects": [ANN], "tools": ["none_yet"]})
    assert held(dpo, ANN) == 1
    erasure, keys = ready(dpo, legal, ANN)
    assert len(keys) == 1
    assert refused(dpo, BEGIN, LOG, erasure, keys, ORDER) == "UB014"
    release(legal, compliance, hold)
    value(dpo, BEGIN, LOG, erasure, keys, ORDER)


def test_a_key_stays_for_an_original_that_came_after_the_order(
    database: Database, writer: Connection, dpo: Connection, legal: Connection, compliance: Connection
) -> None:
    value(dpo, "select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", LOG, *plain_keys("pool", 2))
    key = key_of(writer, "subject", ANN)
    append(writer, [said(ANN)])
    erasure, keys = ready(dpo, legal, ANN)
    assert keys == [key]
    late = append_sealed(writer, [(said(ANN, original="a" * 64, session_id="late"), laid_out(key))])
    hold = issue(legal, {"sessions": ["late"]})
    value(dpo, PREPARE, LOG, erasure)
    before = tables(database)
    assert refused(dpo, BEGIN, LOG, erasure, keys, ORDER) == "UB014"
    assert tables(database) == before
    narrow(legal, compliance, hold, {"sessions": ["late"], "tools": ["none"]})
    value(dpo, BEGIN, LOG, erasure, keys, ORDER)
    assert value(dpo, BATCH, LOG, erasure, 10) is not None
    assert value(dpo, FINISH, LOG, erasure, ORDER) > late[0].seq


# ---- One that has begun ----


def test_what_is_held_later_stays_until_it_is_free(
    database: Database, writer: Connection, dpo: Connection, legal: Connection, compliance: Connection
) -> None:
    sessions = ["s-1", "s-1", "s-2", "s-1", "s-2", "s-1"]
    append(writer, [said(ANN, session_id=each) for each in sessions])
    erasure, keys = ready(dpo, legal, ANN)
    value(dpo, BEGIN, LOG, erasure, keys, ORDER)
    rows = [dpo.execute(BATCH.encode(), (LOG, erasure, 1)).fetchone()]
    hold = issue(legal, {"sessions": ["s-2"]})
    while (row := dpo.execute(BATCH.encode(), (LOG, erasure, 1)).fetchone()) is not None and row[0] is not None:
        rows.append(row)
    assert row == (None, 0, 0, 2)
    assert [each[1:] for each in rows if each is not None] == [(1, 0, 0)] * 4
    assert payloads_left(database) == [3, 5]
    assert dpo.execute(BATCH.encode(), (LOG, erasure, 5000)).fetchone() == (None, 0, 0, 2)
    assert refused(dpo, FINISH, LOG, erasure, ORDER) == "UB014"
    assert value(dpo, "select state from unbroken.erasures(%s) where erasure = %s", LOG, erasure) == "begun"
    assert raw.report(database).findings_total == 0

    release(legal, compliance, hold)
    assert dpo.execute(BATCH.encode(), (LOG, erasure, 1)).fetchone() is not None
    assert payloads_left(database) == [5]
    assert refused(dpo, FINISH, LOG, erasure, ORDER) == "UB009"
    assert value(dpo, BATCH, LOG, erasure, 1) is not None
    assert dpo.execute(BATCH.encode(), (LOG, erasure, 1)).fetchone() == (None, 0, 0, 0)
    value(dpo, FINISH, LOG, erasure, ORDER)
    assert payloads_left(database) == []
    assert raw.report(database).findings_total == 0


def test_a_name_whose_last_payload_goes_with_anothers_stays_if_it_is_held(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    named(writer, ANN, BOB, EVE)
    append(writer, [sent({"inputs": "1"}, subjects=[ANN, BOB, EVE]), sent(subjects=[BOB], session_id="kept")])
    issue(legal, {"sessions": ["kept"]})
    erase(database, dpo, ANN)
    assert payloads_left(database) == []
    known = database.admin.execute("select pseudonym from unbroken.identities").fetchall()
    assert known == [(BOB,)]


# ---- The guards, for whoever does not go through the functions ----


@pytest.mark.parametrize("what", ["name", "key", "payload"])
def test_nothing_that_is_held_goes_whoever_tries(
    database: Database, writer: Connection, dpo: Connection, legal: Connection, what: str
) -> None:
    """As the schema's owner, past the function that asks first."""
    value(dpo, "select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", LOG, *plain_keys("pool", 2))
    session = key_of(writer, "session", "s-1")
    event = said(None, session_id="s-1", original="a" * 64, **BY_AGENT)
    append_sealed(writer, [(event, laid_out(session)), (said(ANN, session_id="s-1"), None)])
    if what == "name":
        named(writer, ANN)
    erasure, keys = ready(dpo, legal, ANN)
    assert session in keys
    issue(legal, {"subjects": [ANN]} if what == "name" else {"event_types": ["request"]})
    before = tables(database)
    destroying = "select unbroken.destroy_keys(1, %s, %s, %s)"
    if what == "payload":
        assert refused(database.admin, "delete from unbroken.payloads where seq = %s", 2) == "UB014"
    else:
        given = (erasure, ORDER, [] if what == "name" else keys)
        assert refused(database.admin, destroying, *given) == "UB014"
    assert tables(database) == before


# ---- What a law asks to keep ----

LAW = """
[[policy]]
id = "own.records"
title = "records of care"
citation = "a test"
basis = "{basis}"
jurisdiction = "any"
floor = "6y"
domains = ["care"]
"""
FROM_CLOSED = 'start = "case_closed"\nstart_key = "case"\n'


def in_force(database: Database, *, basis: str = "law", more: str = "") -> None:
    put_in_force(database, LAW.format(basis=basis) + more)


def asked(database: Database, erasure: str) -> tuple[Any, ...]:
    row = database.admin.execute(PLANNED.encode(), (erasure,)).fetchone()
    assert row is not None
    return row


def test_what_a_law_asks_to_keep_goes_only_if_it_was_asked_for_despite_that(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    in_force(database)
    append(writer, [said(ANN, domains=["care"]), said(ANN, domains=["care", "desk"]), said(ANN), said(BOB)])
    erasure, keys = ready(dpo, legal, ANN)
    planned, despite, entry = asked(database, erasure)
    assert (planned["floored"], planned["held"], despite, entry["despite_floors"]) == (2, 0, False, False)
    before = tables(database)
    assert refused(dpo, BEGIN, LOG, erasure, keys, ORDER) == "UB009"
    assert refused(database.admin, "update unbroken.erasures set despite_floors = %s", True) == "UB010"
    assert tables(database) == before

    erasure, keys = ready(dpo, legal, ANN, despite=True)
    _, despite, entry = asked(database, erasure)
    assert (despite, entry["despite_floors"]) == (True, True)
    value(dpo, BEGIN, LOG, erasure, keys, ORDER)
    assert value(dpo, BATCH, LOG, erasure, 10) is not None
    value(dpo, FINISH, LOG, erasure, ORDER)
    assert value(dpo, "select despite_floors from unbroken.erasures(%s) where state = 'done'", LOG) is True
    assert raw.report(database).findings_total == 0


@pytest.mark.parametrize("basis", ["organisation", "interpretation", "standard"])
def test_what_an_organisation_asks_to_keep_does_not_stand_against_an_erasure(
    database: Database, writer: Connection, dpo: Connection, basis: str
) -> None:
    in_force(database, basis=basis)
    append(writer, [said(ANN, domains=["care"])])
    erase(database, dpo, ANN)


def test_a_law_s_period_that_is_over_keeps_nothing_and_one_that_has_not_begun_does(
    database: Database, writer: Connection, dpo: Connection, legal: Connection
) -> None:
    in_force(database, more=FROM_CLOSED)
    append(writer, [said(ANN, domains=["care"], scope=["case=1"]), said(BOB, domains=["care"], scope=["case=2"])])
    tell(database, "case_closed", "case=1")
    erase(database, dpo, ANN)
    erasure, keys = ready(dpo, legal, BOB)
    assert refused(dpo, BEGIN, LOG, erasure, keys, ORDER) == "UB009"


# ---- A log that was continued, and one that came back ----


def test_hold_and_law_stay_in_force_in_what_continues_a_log(
    database: Database, writer: Connection, dpo: Connection, legal: Connection, compliance: Connection
) -> None:
    in_force(database)
    append(writer, [said(ANN), said(BOB)])
    hold = issue(legal, {"subjects": [ANN]})
    continued(database)
    append(writer, [said(ANN), said(BOB, domains=["care"]), said(EVE)])
    for log in (OLD, NEW):
        erasure = confirmed(dpo, legal, ANN, log=log)
        keys = value(dpo, PREPARE, log, erasure)
        assert refused(dpo, BEGIN, log, erasure, keys, ORDER) == "UB014"
    bob = confirmed(dpo, legal, BOB, log=NEW)
    assert refused(dpo, BEGIN, NEW, bob, value(dpo, PREPARE, NEW, bob), ORDER) == "UB009"
    release(legal, compliance, hold, log=NEW)
    erasure = confirmed(dpo, legal, ANN, log=OLD)
    value(dpo, BEGIN, OLD, erasure, value(dpo, PREPARE, OLD, erasure), ORDER)
    # A hold that is issued in the new one covers what is left of the old one.
    hold = issue(legal, {"event_types": ["request"]}, log=NEW)
    assert dpo.execute(BATCH.encode(), (OLD, erasure, 10)).fetchone() == (None, 0, 0, 1)
    assert refused(dpo, FINISH, OLD, erasure, ORDER) == "UB014"
    release(legal, compliance, hold, log=NEW)
    assert value(dpo, BATCH, OLD, erasure, 10) is not None
    value(dpo, FINISH, OLD, erasure, ORDER)
    for log in (OLD, NEW):
        assert raw.report(database, log=log).findings == ()


def test_what_the_ledger_says_is_not_done_again_while_a_hold_keeps_it(
    database: Database, writer: Connection, legal: Connection, compliance: Connection
) -> None:
    named(writer, ANN)
    append(writer, [said(ANN), said(BOB)])
    again = "select unbroken.reapply_erasure(%s, gen_random_uuid(), %s, '{}', false, clock_timestamp(), %s)"
    hold = issue(legal, {"subjects": [ANN], "event_types": ["request"]})
    before = tables(database)
    assert refused(database.admin, again, LOG, [ANN], ORDER) == "UB014"
    assert tables(database) == before
    assert raw.report(database).findings_total == 0
    release(legal, compliance, hold)
    assert value(database.admin, again, LOG, [ANN], ORDER) is not None
    assert raw.rows(database.admin, "identities") == []

"""Vault keys at the door: found however many there are, and never given to somebody whose are being taken."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.lock_waits import until_somebody_waits
from tests.database.raw import Connection, append, open_ticket, sent
from tests.database.test_vault_door import ANN, BOB, erase, refused, value
from tests.database.vaulting import plain_keys

_IDENTIFY = "select unbroken.identify(%s, %s, %s, %s, %s)"
_LOOKUP = b"\x01" * 32


def refill(dpo: Connection, count: int, *, seed: str = "pool") -> None:
    for first in range(0, count, 1000):
        keys = plain_keys(f"{seed} {first}", min(1000, count - first))
        value(dpo, "select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", LOG, *keys)


def ids_for(writer: Connection, *holders: tuple[str, str]) -> list[str | None]:
    """The ids of the keys of these holders; nothing is sealed with them."""
    kinds, names = map(list, zip(*holders, strict=True))
    rows = writer.execute("select key_id from unbroken.vault_keys(%s, %s, %s)", (LOG, kinds, names)).fetchall()
    return [row[0] for row in rows]


def people(count: int, *, seed: str = "") -> list[tuple[str, str]]:
    """So many holders that nobody has seen yet."""
    return [("subject", f"p-{hashlib.sha256(f'{seed}{at}'.encode()).hexdigest()[:32]}") for at in range(count)]


def pages_touched(connection: Connection, statement: str, *given: object) -> int:
    """How many pages of tables and indexes a statement looks at, with all that it calls."""
    (plan,) = (
        connection.execute(f"explain (analyze, buffers, format json) {statement}".encode(), given).fetchone() or ()
    )
    node = plan[0]["Plan"]
    return int(node["Shared Hit Blocks"]) + int(node["Shared Read Blocks"])


def begun(dpo: Connection, database: Database, who: str) -> str:
    """An erasure that is prepared, and about to begin."""
    asking = "select erasure::text from unbroken.ask_erasure(%s, %s, %s, false, 'C-1', 'asked for')"
    erasure = str(value(dpo, asking, LOG, open_ticket(dpo), [who]))
    with database.connect("legal") as legal:
        value(legal, "select unbroken.confirm_erasure(%s, %s)", LOG, erasure)
    return erasure


def begin(dpo: Connection, erasure: str) -> None:
    keys = value(dpo, "select keys from unbroken.prepare_erasure(%s, %s)", LOG, erasure)
    value(dpo, "select unbroken.begin_erasure(%s, %s, %s, %s)", LOG, erasure, keys, "0" * 64)


# ---- The pool ----


def test_a_key_is_found_by_its_holder_however_many_there_are(
    database: Database, writer: Connection, dpo: Connection
) -> None:
    statement = "select * from unbroken.vault_keys(%s, %s, %s)"
    asked = people(10)
    kinds, names = map(list, zip(*asked, strict=True))
    refill(dpo, 100)
    ids_for(writer, *asked)
    few = pages_touched(writer, statement, LOG, kinds, names)
    refill(dpo, 3000, seed="more")
    for lot in range(3):
        ids_for(writer, *people(900, seed=f"others {lot} "))
    database.admin.execute("analyze unbroken.subject_keys")
    with database.connect("writer") as another:
        ids_for(another, *asked)
        assert pages_touched(another, statement, LOG, kinds, names) < 3 * few


def test_whoever_takes_keys_is_named_in_them(database: Database, writer: Connection, dpo: Connection) -> None:
    refill(dpo, 2)
    ids_for(writer, ("subject", ANN))
    with database.connect("server") as server:
        ids_for(server, ("session", "s-1"))
    taken = database.admin.execute("select assigned_to from unbroken.subject_keys order by assigned_at").fetchall()
    assert taken == [("writer",), ("server",)]


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_key_is_not_given_under_an_older_snapshot(writer: Connection, dpo: Connection, isolation: str) -> None:
    refill(dpo, 1)
    with writer.transaction(force_rollback=True):
        writer.execute(f"set transaction isolation level {isolation}".encode())
        statement = "select unbroken.vault_keys(%s, '{subject}', %s)"
        assert refused(writer, statement, LOG, [ANN]) == "UB004"


@pytest.mark.parametrize(
    ("kinds", "holders"),
    [
        (["subject"], [None]),
        (["subject"], [""]),
        (["subject"], ["x" * 1025]),
        (["user"], [ANN]),
        (["subject", "subject"], [ANN]),
        ([], []),
        (["subject"] * 1001, [ANN] * 1001),
    ],
)
def test_what_no_key_can_be_given_to_is_refused(
    writer: Connection, dpo: Connection, kinds: list[str], holders: list[str | None]
) -> None:
    refill(dpo, 1)
    with pytest.raises(psycopg.Error) as caught:
        writer.execute("select * from unbroken.vault_keys(%s, %s::text[], %s::text[])", (LOG, kinds, holders))
    assert caught.value.sqlstate == "UB009"
    assert ANN not in raw.said(caught.value)


@pytest.mark.parametrize("part", range(4))
def test_a_refill_is_all_of_it_or_nothing(database: Database, dpo: Connection, part: int) -> None:
    keys: list[list[object]] = [list(column) for column in plain_keys("pool", 3)]
    keys[part][1] = keys[part][1].__class__() if part else keys[part][0]
    assert refused(dpo, "select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", LOG, *keys) == "UB009"
    for table in ("subject_keys", "wrapped_keys", "entries"):
        assert raw.rows(database.admin, table) == []


# ---- People who are being erased ----


def test_somebody_without_a_key_gets_one_that_nothing_opens(
    database: Database, writer: Connection, dpo: Connection
) -> None:
    """Recorders may know the pseudonym for a while: what they still seal for it opens to nobody."""
    refill(dpo, 4)
    append(writer, [sent(subjects=[ANN])])
    erase(database, dpo, ANN)
    (late,) = ids_for(writer, ("subject", ANN))
    assert late is not None
    held = database.admin.execute("select key_id from unbroken.wrapped_keys").fetchall()
    assert len(held) == 3
    assert (late,) not in held


def test_each_pseudonym_of_the_erased_keeps_a_key_that_nothing_opens(
    database: Database, writer: Connection, dpo: Connection
) -> None:
    refill(dpo, 4)
    value(writer, _IDENTIFY, LOG, [_LOOKUP, _LOOKUP], [ANN, BOB], [b"\x01", b"\x02"], True)
    append(writer, [sent(subjects=[ANN])])
    ids_for(writer, ("subject", ANN))
    erase(database, dpo, ANN)
    held = {row[0] for row in database.admin.execute("select key_id from unbroken.wrapped_keys")}
    late = ids_for(writer, ("subject", ANN), ("subject", BOB))
    assert all(key is not None and key not in held for key in late)


def test_nobody_gets_a_key_while_somebody_s_are_being_destroyed(
    database: Database, writer: Connection, dpo: Connection
) -> None:
    refill(dpo, 4)
    record_about_nobody = sent(subjects=[ANN], session_id="s-1")
    append(writer, [record_about_nobody])
    erasure = begun(dpo, database, ANN)
    with ThreadPoolExecutor(1) as pool:
        with dpo.transaction():
            begin(dpo, erasure)
            late = pool.submit(ids_for, writer, ("subject", ANN), ("subject", BOB))
            until_somebody_waits(database)
        ann, bob = late.result(30)
    held = {row[0] for row in database.admin.execute("select key_id from unbroken.wrapped_keys")}
    assert ann is not None
    assert bob is not None
    assert ann not in held
    assert bob in held


def test_a_key_that_is_given_meanwhile_has_the_erasure_prepared_anew(
    database: Database, writer: Connection, dpo: Connection
) -> None:
    refill(dpo, 4)
    append(writer, [sent(subjects=["patient-1"], session_id="s-1")])
    erasure = begun(dpo, database, "patient-1")
    keys = value(dpo, "select keys from unbroken.prepare_erasure(%s, %s)", LOG, erasure)
    ids_for(writer, ("session", "s-1"))
    beginning = "select unbroken.begin_erasure(%s, %s, %s, %s)"
    assert refused(dpo, beginning, LOG, erasure, keys, "0" * 64) == "UB009"
    begin(dpo, erasure)
    assert len(raw.rows(database.admin, "wrapped_keys")) == 3


def test_a_name_does_not_come_back_while_it_is_being_forgotten(
    database: Database, writer: Connection, dpo: Connection
) -> None:
    """A spool that is delivered at this moment proposes the pseudonym that it was recorded under."""
    refill(dpo, 2)
    value(writer, _IDENTIFY, LOG, [_LOOKUP], [ANN], [b"\x01"], False)
    append(writer, [sent(subjects=[ANN])])
    erasure = begun(dpo, database, ANN)
    with ThreadPoolExecutor(1) as pool:
        with dpo.transaction():
            begin(dpo, erasure)
            late = pool.submit(value, writer, _IDENTIFY, LOG, [_LOOKUP], [ANN], [b"\x01"], True)
            until_somebody_waits(database)
        assert late.result(30) == [ANN]
    assert raw.rows(database.admin, "identities") == []


def test_pseudonyms_without_number_do_not_keep_anybody_from_being_erased(
    database: Database, writer: Connection, dpo: Connection
) -> None:
    """Who can record can propose them by the thousand: those after the first 500 lead nowhere."""
    refill(dpo, 600)
    append(writer, [sent(subjects=[ANN])])
    value(writer, _IDENTIFY, LOG, [_LOOKUP], [ANN], [b"\x01"], False)
    for lot in range(2):
        proposed = [name for _, name in people(900, seed=str(lot))]
        given = value(writer, _IDENTIFY, LOG, [_LOOKUP] * 900, proposed, [b"\x01"] * 900, True)
        assert given == proposed
    assert len(raw.rows(database.admin, "identities")) == 500
    erase(database, dpo, ANN)
    assert raw.rows(database.admin, "identities") == []
    assert len(raw.rows(database.admin, "forgotten")) == 500


def test_a_session_s_key_goes_only_where_the_session_was_before_the_order(
    database: Database,
    writer: Connection,
    dpo: Connection,
) -> None:
    """Or erasing somebody who keeps working would never begin."""
    refill(dpo, 6)
    ids_for(writer, ("session", "s-1"), ("subject", ANN))
    append(writer, [sent(subjects=[ANN], session_id="s-1")])
    erasure = begun(dpo, database, ANN)
    keys = value(dpo, "select keys from unbroken.prepare_erasure(%s, %s)", LOG, erasure)
    (later,) = ids_for(writer, ("session", "s-2"))
    append(writer, [sent(subjects=[ANN], session_id="s-2")])
    value(dpo, "select unbroken.begin_erasure(%s, %s, %s, %s)", LOG, erasure, keys, "0" * 64)
    assert later is not None
    assert value(database.admin, "select count(*) from unbroken.wrapped_keys where key_id = %s", later) == 1


def test_many_keys_of_one_person_are_told_in_several_entries(
    database: Database, writer: Connection, dpo: Connection
) -> None:
    refill(dpo, 460)
    sessions = [f"s-{at}" for at in range(450)]
    for lot in range(0, 450, 150):
        ids_for(writer, *(("session", name) for name in sessions[lot : lot + 150]))
    append(writer, [sent(subjects=[ANN], session_id=name) for name in sessions])
    erase(database, dpo, ANN)
    told = database.admin.execute(
        "select json_array_length(p.details::json -> 'keys'), p.details::json -> 'order' is not null"
        " from unbroken.entries e join unbroken.payloads p using (log, seq)"
        " where e.event_type = 'log.erased' and p.details like '%\"keys\":[%' order by e.seq"
    ).fetchall()
    assert told == [(200, True), (200, False), (51, False)]
    assert len(raw.rows(database.admin, "wrapped_keys")) == 9
    assert raw.report(database).findings_total == 0


def test_destroying_keys_takes_no_longer_for_each_of_many(
    database: Database, writer: Connection, dpo: Connection
) -> None:
    """Measured in pages, for 100 keys and for 800, while the planner thinks that none is destroyed."""
    refill(dpo, 1000)
    orders = []
    for who, count in ((ANN, 100), (BOB, 800)):
        sessions = [f"{who}-{at}" for at in range(count)]
        ids_for(writer, *(("session", name) for name in sessions))
        append(writer, [sent(subjects=[who], session_id=name) for name in sessions])
        erasure = begun(dpo, database, who)
        orders.append((erasure, value(dpo, "select keys from unbroken.prepare_erasure(%s, %s)", LOG, erasure)))
    database.admin.execute("analyze")
    pages = []
    for erasure, keys in orders:
        with database.connect("dpo") as another, another.transaction(force_rollback=True):
            beginning = "select unbroken.begin_erasure(%s, %s, %s, %s)"
            pages.append(pages_touched(another, beginning, LOG, erasure, keys, "0" * 64))
    assert pages[1] < 12 * pages[0]

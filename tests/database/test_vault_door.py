"""Originals at the database's door: whose keys they are sealed to, who gets them out again, and what is destroyed."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.raw import Connection, open_ticket
from tests.database.vaulting import Vault, append, keys_for, record_about, sealed_to
from unbroken.privacy.vault.keys import PrivateKey

ANN, BOB = "p-" + "a" * 32, "p-" + "b" * 32
_ORDER = "0" * 64


@pytest.fixture
def vault() -> Vault:
    return Vault()


def value(connection: Connection, statement: str, *given: Any) -> Any:
    row = connection.execute(statement.encode(), given).fetchone()
    assert row is not None
    return row[0]


def refused(connection: Connection, statement: str, *given: Any) -> str | None:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statement.encode(), given)
    return caught.value.sqlstate


def erase(database: Database, dpo: Connection, *ids: str, with_acted: bool = False) -> str:
    """Asks, confirms, begins and carries out; gives back the erasure's id."""
    ticket = open_ticket(dpo)
    erasure = str(
        value(
            dpo,
            "select erasure::text from unbroken.ask_erasure(%s, %s, %s, %s, 'C-1', 'asked for')",
            LOG,
            ticket,
            list(ids),
            with_acted,
        )
    )
    with database.connect("legal") as legal:
        value(legal, "select unbroken.confirm_erasure(%s, %s)", LOG, erasure)
    keys = value(dpo, "select keys from unbroken.prepare_erasure(%s, %s)", LOG, erasure)
    value(dpo, "select unbroken.begin_erasure(%s, %s, %s, %s)", LOG, erasure, keys, _ORDER)
    while value(dpo, "select seq from unbroken.erase_batch(%s, %s, 3)", LOG, erasure) is not None:
        pass
    value(dpo, "select unbroken.finish_erasure(%s, %s, %s)", LOG, erasure, "1" * 64)
    return erasure


# ---- Keys ----


def test_there_is_no_vault_before_it_is_filled(writer: Connection) -> None:
    assert keys_for(writer, ("subject", ANN)) == []


def test_a_holder_keeps_its_key_and_others_get_others(writer: Connection, dpo: Connection, vault: Vault) -> None:
    pooled = {key.public.id for key in vault.refill(dpo, 3)}
    ann, bob = keys_for(writer, ("subject", ANN), ("subject", BOB))
    session, again = keys_for(writer, ("session", ANN), ("subject", ANN))
    assert again == ann
    assert {key.id for key in (ann, bob, session) if key} == pooled


def test_an_empty_pool_gives_none(writer: Connection, dpo: Connection, vault: Vault) -> None:
    vault.refill(dpo, 1)
    assert [key is None for key in keys_for(writer, ("subject", ANN), ("subject", BOB))] == [False, True]


def test_two_that_ask_for_one_holder_at_once_get_one_key(database: Database, dpo: Connection, vault: Vault) -> None:
    vault.refill(dpo, 20)

    def ask(_: int) -> str:
        with database.connect("writer") as connection:
            (key,) = keys_for(connection, ("subject", ANN))
            assert key is not None
            return key.id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(16)))) == 1
    assert len(raw.rows(database.admin, "subject_keys")) == 20


# ---- Recording ----


def test_an_original_comes_with_the_event_that_commits_to_it(
    database: Database, writer: Connection, dpo: Connection, vault: Vault
) -> None:
    vault.refill(dpo, 1)
    (key,) = keys_for(writer, ("subject", ANN))
    assert key is not None
    sent, original = sealed_to([key], {"inputs": "Ann"}, subjects=[ANN])
    for batch in ([(sent, None)], [(sent, original + b"\x00")], [(raw.sent(), original)]):
        with pytest.raises(psycopg.Error) as caught:
            append(writer, batch)
        assert caught.value.sqlstate == "UB001"
        with pytest.raises(psycopg.Error) as caught:
            append(writer, [(raw.sent(), None), *batch])
        assert caught.value.diag.message_detail == "1"
    append(writer, [(sent, original)])
    append(writer, [(raw.sent(), None), sealed_to([key], {"inputs": "Ann"}, subjects=[ANN])])
    assert raw.report(database).findings_total == 0


def test_an_original_for_keys_of_somebody_else_is_refused(writer: Connection, dpo: Connection, vault: Vault) -> None:
    vault.refill(dpo, 1)
    with pytest.raises(psycopg.Error) as caught:
        append(writer, [sealed_to([PrivateKey.generate().public], {"inputs": "Ann"})])
    assert caught.value.sqlstate == "UB001"


# ---- Opening ----


def test_originals_open_on_record_alone(database: Database, writer: Connection, dpo: Connection, vault: Vault) -> None:
    (pooled,) = vault.refill(dpo, 1)
    entry = record_about(writer, ANN, {"inputs": "Ann"})
    ticket = open_ticket(dpo)
    with dpo.transaction():
        opening = value(dpo, "select unbroken.ask_originals(%s, %s, 'open', %s)", LOG, ticket, [entry.seq])
        with dpo.transaction(force_rollback=True):
            assert refused(dpo, "select * from unbroken.originals(%s, %s)", LOG, opening) == "UB007"
    rows = dpo.execute("select * from unbroken.originals(%s, %s)", (LOG, opening)).fetchall()
    assert [row[0] for row in rows] == [entry.seq]
    keys = dpo.execute("select * from unbroken.opened_keys(%s, %s, %s)", (LOG, opening, [pooled.public.id])).fetchall()
    assert keys == [(pooled.public.id, pooled.wrapped)]
    value(dpo, "select unbroken.close_opening(%s, %s, 1, 0, %s)", LOG, opening, _ORDER)
    assert refused(dpo, "select * from unbroken.originals(%s, %s)", LOG, opening) == "UB007"
    assert refused(writer, "select * from unbroken.originals(%s, %s)", LOG, opening) == "42501"
    assert raw.report(database).findings_total == 0


# ---- Erasing ----


def test_a_person_is_erased_by_two_and_the_log_tells(
    database: Database, writer: Connection, dpo: Connection, vault: Vault
) -> None:
    vault.refill(dpo, 3)
    value(
        writer,
        "select unbroken.identify(%s, %s, %s, %s)",
        LOG,
        [b"\x01" * 32, b"\x02" * 32],
        [ANN, BOB],
        [b"\x01", b"\x02"],
    )
    for who in (ANN, BOB, ANN, ANN, ANN, ANN):
        record_about(writer, who, {"inputs": who}, session_id="s-1")
    erasure = erase(database, dpo, ANN)
    assert [row[0] for row in database.admin.execute("select seq from unbroken.originals order by 1")] == [3]
    assert [row[0] for row in database.admin.execute("select pseudonym from unbroken.identities")] == [BOB]
    assert value(database.admin, "select count(*) from unbroken.wrapped_keys") == 2
    told = database.admin.execute(
        "select p.details from unbroken.entries e join unbroken.payloads p using (log, seq)"
        " where e.event_type = 'log.erased' order by e.seq"
    ).fetchall()
    first, *batches, last = (json.loads(row[0]) for row in told)
    assert first["pseudonyms"] == [ANN]
    assert [each["payloads"] for each in batches] == ["2,4-5", "6-7"]
    assert last["complete"]
    assert last["payloads"] == last["originals"] == 5
    assert first["erasure"] == erasure


def test_who_asks_does_not_confirm_and_nothing_goes_unconfirmed(
    database: Database, writer: Connection, dpo: Connection, vault: Vault
) -> None:
    vault.refill(dpo, 1)
    record_about(writer, ANN, {"inputs": "Ann"})
    ticket = open_ticket(dpo)
    erasure = value(
        dpo,
        "select erasure from unbroken.ask_erasure(%s, %s, %s, false, 'C-1', 'asked for')",
        LOG,
        ticket,
        [ANN],
    )
    assert refused(dpo, "select unbroken.confirm_erasure(%s, %s)", LOG, erasure) == "UB008"
    assert refused(dpo, "select unbroken.begin_erasure(%s, %s, %s, %s)", LOG, erasure, [], _ORDER) == "UB009"
    for statement in (
        "delete from unbroken.payloads",
        "delete from unbroken.originals",
        "delete from unbroken.wrapped_keys",
    ):
        assert refused(database.admin, statement) == "UB010"


def test_reading_stays_closed_on_a_server_that_nobody_brought_up_to_date(database: Database, dpo: Connection) -> None:
    database.disarm()
    database.admin.execute("update unbroken.recoveries set timeline = timeline + 1")
    statement = "select refused from unbroken.open_ticket(%s, 'a test', 'T-1', '{\"what\": \"test\"}', '1 h')"
    assert value(dpo, statement, LOG) == "not recovered"

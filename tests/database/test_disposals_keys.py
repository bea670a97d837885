"""Originals go with what they are the original of, and their keys once those open nothing any more."""

from typing import Any

import pytest

from tests.conftest import LOG
from tests.database import raw
from tests.database.disposing import DUE, Disposing, due
from tests.database.held import issue, release
from tests.database.raw import sent
from tests.database.vaulting import append, laid_out, plain_keys

ANN, BOB = "p-" + "a" * 32, "p-" + "b" * 32
_KEYS = "select key_id from unbroken.vault_keys(%s, %s, %s)"
_TOLD = (
    "select p.details::json -> 'keys' from unbroken.entries e join unbroken.payloads p using (log, seq)"
    " where e.event_type = 'log.disposed' and p.details::json ->> 'keys' is not null"
    " and p.details::json ->> 'complete' is null"
)


@pytest.fixture
def on(on: Disposing) -> Disposing:
    on.login("dpo").execute("select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", (LOG, *plain_keys("x", 20)))
    return on


def key_of(on: Disposing, holder: str, kind: str = "subject") -> str:
    """The key that somebody who records is given for a holder."""
    return str(on.value("writer", _KEYS.replace("%s, %s)", "array[%s]::text[], array[%s]::text[])"), kind, holder))


def record(on: Disposing, *keys: str, is_due: bool = True, **fields: Any) -> int:
    """Records something with an original that is sealed to these keys."""
    more = DUE if is_due else {}
    event = sent({"inputs": '"masked"'}, original="0" * 64, **{**more, **fields})
    return append(on.login("writer"), [(event, laid_out(*keys))])[0].seq


def long_ago(on: Disposing) -> None:
    """As if nobody had asked for a key for two months."""
    with on.database.admin.transaction():
        on.database.admin.execute("alter table unbroken.subject_keys disable trigger refuse_reassigning")
        on.database.admin.execute("update unbroken.subject_keys set asked_at = asked_at - interval '60 days'")
        on.database.admin.execute("alter table unbroken.subject_keys enable always trigger refuse_reassigning")


@pytest.fixture
def unguarded(on: Disposing) -> Disposing:
    for name in ("unbroken_refuse_ddl", "unbroken_refuse_drop"):
        on.database.admin.execute(f"drop event trigger {name}")
    return on


def destroyed(on: Disposing) -> set[str]:
    """The keys whose private half is gone, as the table says and the log tells."""
    rows = on.database.admin.execute(
        "select k.key_id from unbroken.subject_keys k where k.destroyed_seq is not null"
        " and not exists (select from unbroken.wrapped_keys w where w.key_id = k.key_id)"
    ).fetchall()
    told = {key for (keys,) in on.database.admin.execute(_TOLD).fetchall() for key in keys}
    assert {key for (key,) in rows} == told
    return told


def test_originals_go_and_keys_that_open_nothing_any_more(unguarded: Disposing) -> None:
    on = unguarded
    ann, bob = key_of(on, ANN), key_of(on, BOB)
    session, other = key_of(on, "s-1", "session"), key_of(on, "s-2", "session")
    record(on, ann, subjects=[ANN])
    record(on, ann, bob, subjects=[ANN, BOB])
    left = record(on, bob, subjects=[BOB], is_due=False)
    record(on, session, session_id="s-1")
    record(on, other, session_id="s-2")
    stays = record(on, other, session_id="s-2", is_due=False)
    long_ago(on)
    disposal = on.done()
    originals = on.database.admin.execute("select seq from unbroken.originals order by 1").fetchall()
    assert originals == [(left,), (stays,)]
    assert destroyed(on) == {ann, session}
    row = on.row(disposal)
    assert (row["payloads"], row["originals"], row["keys"]) == (4, 4, 2)
    assert key_of(on, ANN) != ann
    assert key_of(on, BOB) == bob
    assert raw.report(on.database).findings_total == 0


def test_a_key_that_somebody_asked_for_lately_stays_until_it_is_looked_at_again(unguarded: Disposing) -> None:
    on = unguarded
    ann, bob = key_of(on, ANN), key_of(on, BOB)
    record(on, ann, subjects=[ANN])
    record(on, bob, subjects=[BOB])
    on.done()
    assert destroyed(on) == set()
    record(on, bob, subjects=[BOB], is_due=False)
    append(on.login("writer"), [(due(), None)])
    on.done()
    assert destroyed(on) == set()
    long_ago(on)
    append(on.login("writer"), [(due(), None)])
    disposal = on.done()
    assert destroyed(on) == {ann}
    assert (on.row(disposal)["originals"], on.row(disposal)["keys"]) == (0, 1)
    assert spent(on) == set()
    assert raw.report(on.database).findings_total == 0


def spent(on: Disposing) -> set[str]:
    """The keys that are to be looked at again."""
    rows = on.database.admin.execute(
        "select key_id from unbroken.subject_keys where spent_at is not null and destroyed_seq is null"
    )
    return {row[0] for row in rows}


def test_a_key_that_a_hold_kept_is_looked_at_again_once_it_is_free(unguarded: Disposing) -> None:
    on = unguarded
    ann = key_of(on, ANN)
    record(on, ann, subjects=[ANN])
    long_ago(on)
    with on.database.connect("legal") as legal, on.database.connect("compliance") as compliance:
        hold = issue(legal, {"subjects": [ANN], "sessions": ["another"]})
        on.done()
        assert (destroyed(on), spent(on)) == (set(), {ann})
        release(legal, compliance, hold)
    append(on.login("writer"), [(due(), None)])
    on.done()
    assert destroyed(on) == {ann}


def test_whoever_asks_again_is_noted_once_a_day(unguarded: Disposing) -> None:
    on = unguarded
    ann = key_of(on, ANN)
    record(on, ann, subjects=[ANN])
    long_ago(on)
    assert key_of(on, ANN) == ann
    asked = "select asked_at from unbroken.subject_keys where key_id = %s"
    noted = on.database.admin.execute(asked, (ann,)).fetchone()
    assert key_of(on, ANN) == ann
    assert on.database.admin.execute(asked, (ann,)).fetchone() == noted
    on.done()
    assert destroyed(on) == set()


def test_a_key_of_somebody_whom_a_hold_names_stays(unguarded: Disposing) -> None:
    on = unguarded
    ann, bob = key_of(on, ANN), key_of(on, BOB)
    record(on, ann, subjects=[ANN])
    record(on, bob, subjects=[BOB])
    long_ago(on)
    issue(on.login("legal"), {"subjects": [ANN]})
    on.done()
    assert destroyed(on) == {bob}


def test_many_keys_are_told_of_in_several_entries(unguarded: Disposing) -> None:
    on = unguarded
    on.login("dpo").execute("select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", (LOG, *plain_keys("y", 300)))
    holders = [f"s-{at}" for at in range(250)]
    kinds = ["session"] * len(holders)
    keys = [row[0] for row in on.login("writer").execute(_KEYS, (LOG, kinds, holders)).fetchall()]
    batch = [
        (sent({"inputs": "1"}, original="0" * 64, session_id=name, **DUE), laid_out(key))
        for name, key in zip(holders, keys, strict=True)
    ]
    append(on.login("writer"), batch)
    long_ago(on)
    disposal = on.done()
    assert destroyed(on) == set(keys)
    assert on.row(disposal)["keys"] == 250
    assert len(on.database.admin.execute(_TOLD).fetchall()) == 2
    assert raw.report(on.database).findings_total == 0

"""The class that append gives every event, and what becomes due and is held by it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Database
from tests.database import raw
from tests.database.raw import sent
from tests.database.test_approval_door import request, until

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
PAST = datetime(2015, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def owner(database: Database) -> Connection:
    """A superuser's connection to a database without guards: what is told elsewhere is planted here."""
    database.disarm()
    return database.admin


def classes(database: Database) -> dict[int, tuple[str, list[str], list[str] | None]]:
    with database.connect("verifier") as connection:
        rows = connection.execute(
            "select e.seq, c.event_type, c.domains, c.scope from unbroken.entries e"
            " join unbroken.retention_classes c on c.log = e.log and c.class = e.class order by e.seq"
        ).fetchall()
    return {seq: (kind, domains, scope) for seq, kind, domains, scope in rows}


def test_an_event_gets_the_class_of_its_type_domains_and_scope(database: Database, writer: Connection) -> None:
    batch = [
        sent({"inputs": '"a"'}, event_type="request"),
        sent({"inputs": '"b"'}, event_type="request", domains=["gdpr", "hipaa"], scope=["account=1", "system=x"]),
        sent({"inputs": '"c"'}, event_type="request"),
    ]
    first = raw.append(writer, batch)[0].seq
    alone = raw.append(writer, [sent({"inputs": '"d"'}, event_type="request", scope=["account=1"])])[0].seq
    assert classes(database) == {
        first: ("request", [], []),
        first + 1: ("request", ["gdpr", "hipaa"], ["account=1", "system=x"]),
        first + 2: ("request", [], []),
        alone: ("request", [], ["account=1"]),
    }


def test_a_scope_too_long_for_an_index_is_a_class_like_any_other(database: Database, writer: Connection) -> None:
    long = sorted(f"account={n:04}" for n in range(400))
    seqs = [raw.append(writer, [sent({"inputs": '"a"'}, scope=long)])[0].seq for _ in range(2)]
    found = classes(database)
    assert found[seqs[0]] == found[seqs[1]]
    assert found[seqs[0]][2] == long


def test_the_log_s_own_entries_have_no_class(database: Database, writer: Connection) -> None:
    recorded(writer)
    with database.connect("compliance") as connection:
        raw.open_ticket(connection)
    own = 'select class is null, event like \'%"recorder":"%\' from unbroken.entries'
    with database.connect("verifier") as connection:
        assert set(connection.execute(own).fetchall()) == {(True, False), (False, True)}


def test_where_a_log_has_too_many_classes_the_scope_is_not_known(
    database: Database, writer: Connection, owner: Connection
) -> None:
    owner.execute(
        "insert into unbroken.retention_classes values"
        " ((select max(log) from unbroken.logs), 1000000, 'last', 'request', '{}', '{}')"
    )
    seqs = [
        raw.append(writer, [sent({"inputs": '"a"'}, domains=["pci"], scope=[f"call={n}"])])[0].seq for n in range(3)
    ]
    found = classes(database)
    assert {found[seq][1:] == (["pci"], None) for seq in seqs} == {True}


CLOSED = {"start": "account_closed", "start_key": "account"}
POLICIES = {
    "v": 1,
    "default": "default",
    "policies": [
        {"id": "default", "basis": "organisation", "floor": "1y", "everything": True},
        {"id": "health", "basis": "law", "floor": "6y", "ceiling": "6y 60d", "domains": ["hipaa"]},
        {
            "id": "account",
            "basis": "law",
            "floor": "5y",
            "start": "account_closed",
            "start_key": "account",
            "domains": ["aml"],
        },
        {
            "id": "privacy",
            "basis": "law",
            "ceiling": "12m",
            "start": "account_closed",
            "start_key": "account",
            "domains": ["eu"],
        },
    ],
}


def in_force(owner: Connection, policies: dict[str, Any] = POLICIES) -> None:
    owner.execute(
        "insert into unbroken.policy_sets select log, 1, %s, repeat('0', 64), '{}', 'why', 'a', now(), 1, now(),"
        " 'confirmed', 'b', now(), 2 from unbroken.logs",
        (json.dumps(policies),),
    )


def told(owner: Connection, item: str, at: datetime) -> None:
    owner.execute(
        "insert into unbroken.start_events select log, 'account_closed', %s, %s, 'a letter', 'a', now(), 1"
        " from unbroken.logs",
        (item, at),
    )


def due(owner: Connection, seq: int) -> tuple[Any, ...] | None:
    row: tuple[Any, ...] | None = owner.execute(
        "select d.policies, d.waits, d.keep_until, d.law_until::text, d.erase_by,"
        " unbroken.is_due(d.waits, d.keep_until, d.erase_by, clock_timestamp())"
        " from unbroken.logs l, unbroken.due_among(l.log, array[%s]::bigint[]) d",
        (seq,),
    ).fetchone()
    return row


def recorded(writer: Connection, **given: Any) -> Any:
    return raw.append(writer, [sent({"inputs": '"a"'}, **given)])[0]


def test_without_policies_nothing_is_due(writer: Connection, owner: Connection) -> None:
    assert due(owner, recorded(writer).seq) is None


def test_an_entry_that_no_policy_is_for_falls_under_the_default_one(writer: Connection, owner: Connection) -> None:
    in_force(owner)
    assert (due(owner, recorded(writer).seq) or [None])[0] == ["default"]
    assert (due(owner, recorded(writer, domains=["hipaa"]).seq) or [None])[0] == ["health"]


def test_a_floor_waits_for_its_start_and_then_counts_from_it(writer: Connection, owner: Connection) -> None:
    in_force(owner)
    seq = recorded(writer, domains=["aml"], scope=["account=1", "account=2"]).seq
    waiting = due(owner, seq)
    assert waiting is not None
    assert (waiting[1], waiting[2], waiting[5]) == (["account"], None, False)
    told(owner, "account=1", PAST)
    assert (due(owner, seq) or [None, None])[1] == ["account"]
    told(owner, "account=2", PAST + timedelta(days=10))
    known = due(owner, seq)
    assert known is not None
    assert (known[1], known[2], known[5]) == ([], datetime(2020, 3, 12, tzinfo=UTC), True)


def test_a_ceiling_alone_is_due_a_month_before_its_end(writer: Connection, owner: Connection) -> None:
    in_force(owner)
    seq = recorded(writer, domains=["eu"], scope=["account=1"]).seq
    assert not (due(owner, seq) or [])[-1]
    told(owner, "account=1", PAST)
    assert (due(owner, seq) or [])[-1] is True


def held(owner: Connection, seqs: list[int]) -> list[int]:
    return [
        seq
        for (seq,) in owner.execute(
            "select unnest(unbroken.held_among(max(log), %s)) from unbroken.logs", (seqs,)
        ).fetchall()
    ]


def hold(owner: Connection, ends_at: datetime | None = None, **scope: Any) -> None:
    owner.execute(
        "with h as (insert into unbroken.holds select log, gen_random_uuid(), 'm', 'litigation', 'why', 30, 90, 'a',"
        " now(), 1 from unbroken.logs returning log, hold)"
        " insert into unbroken.hold_scopes select log, hold, 1, %s, repeat('0', 64), now(), 1, %s, %s from h",
        (Jsonb(scope), ends_at, None if ends_at is None else 2),
    )


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        ({"everything": True}, True),
        ({"sessions": ["s"]}, True),
        ({"sessions": ["s", "t"], "tools": ["pay"]}, True),
        ({"sessions": ["s"], "tools": ["look"]}, False),
        ({"actors": ["nobody"]}, False),
        ({"subjects": ["b", "c"]}, True),
        ({"domains": ["aml"]}, True),
        ({"scope": ["account=2"]}, False),
        ({"scope": ["account=1"]}, True),
        ({"from": "2000-01-01T00:00:00.000000Z", "to": "2001-01-01T00:00:00.000000Z"}, False),
        ({"from": "2000-01-01T00:00:00.000000Z"}, True),
        ({"event_types": ["tool_call"], "resource_types": ["account"]}, True),
    ],
)
def test_a_hold_covers_what_fits_all_of_its_keys(
    writer: Connection, owner: Connection, scope: dict[str, Any], *, covers: bool
) -> None:
    seq = recorded(
        writer,
        event_type="tool_call",
        session_id="s",
        tool="pay",
        subjects=["a", "b"],
        domains=["aml"],
        scope=["account=1"],
        resource_type="account",
    ).seq
    hold(owner, **scope)
    assert held(owner, [seq]) == ([seq] if covers else [])


def test_a_hold_covers_until_its_grace_period_is_over(writer: Connection, owner: Connection) -> None:
    seq = recorded(writer, session_id="s").seq
    hold(owner, ends_at=datetime.now(UTC) - timedelta(seconds=1), sessions=["s"])
    assert held(owner, [seq]) == []
    hold(owner, ends_at=datetime.now(UTC) + timedelta(days=1), sessions=["s"])
    assert held(owner, [seq]) == [seq]


def test_what_is_held_can_not_be_deleted(database: Database, writer: Connection, owner: Connection) -> None:
    seq = recorded(writer, session_id="s").seq
    hold(owner, sessions=["s"])
    owner.execute("alter table unbroken.payloads enable always trigger refuse_unasked_erasing")
    with pytest.raises(psycopg.Error) as refused:
        owner.execute("delete from unbroken.payloads where seq = %s", (seq,))
    assert refused.value.sqlstate == "UB014"


def test_until_when_a_request_is_valid_makes_no_class_of_its_own(database: Database, writer: Connection) -> None:
    asked = [request(scope=["account=1", *until(hours=number)]) for number in (1, 2)]
    seqs = [raw.append(writer, [each])[0].seq for each in asked]
    assert [classes(database)[seq] for seq in seqs] == [("approval_requested", [], ["account=1"])] * 2


@pytest.mark.parametrize("items", range(60, 140, 5))
def test_a_class_has_one_key_however_long(
    database: Database, writer: Connection, owner: Connection, items: int
) -> None:
    scope = [f"account={number:07}" for number in range(items)]
    seqs = [recorded(writer, domains=["pci"], scope=scope).seq for _ in range(2)]
    keys = owner.execute(
        "select c.key, unbroken.long_class_key('request', array['pci'], %s) from unbroken.entries e"
        " join unbroken.retention_classes c on c.log = e.log and c.class = e.class where e.seq = any (%s)",
        (scope, seqs),
    ).fetchall()
    assert len({key for row in keys for key in row}) == 1
    assert classes(database)[seqs[0]][2] == scope

"""The owner's own policy, which lets the functions work under forced row-level security.

Without it a function must fail. One whose look-ups silently see nothing would record on: number 1 a second time, an
id twice, a call as approved that nobody was asked about. Each is tried in a superuser's transaction that is rolled
back, because a policy can be taken away in no other way.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from tests.attacks.scene import Connection, Scene
from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.disposing import Disposing, due
from tests.database.held import issue
from tests.database.policies import ask_standing, tell
from tests.database.vaulting import append, laid_out
from unbroken.retention.policy_file import set_in

NEEDED_BY: Final = {
    "entries": "writer",
    "payloads": "writer",
    "event_ids": "writer",
    "sessions": "writer",
    "logs": "writer",
    "grants": "writer",
    "recorders": "writer",
    "approvals": "writer",
    "agents": "writer",
    "tickets": "compliance",
    "pseudonym_keys": "compliance",
    "denials": "ops",
    "access_requests": "access",
    "migrations": "server",
    "identities": "writer that names somebody",
    "unclassified": "writer that meets an unknown tool",
    "registries": "compliance that loads",
    "name_lookups": "dpo that asks for names",
    "subject_keys": "dpo that fills the vault",
    "wrapped_keys": "dpo that fills the vault",
    "openings": "dpo that asks for originals",
    "originals": "writer that keeps an original",
    "recoveries": "dpo that wraps keys anew",
    "erasures": "dpo that asks for an erasure",
    "erasure_sessions": "dpo that erases",
    "forgotten": "dpo that erases",
    "tiles": "notary",
    "checkpoints": "notary that signs",
    "continuity": "notary that signs",
    "anchorings": "notary that anchors",
    "key_statements": "notary that states a key",
    "alarms": "notary that raises an alarm",
    "retention_classes": "writer",
    "retention_locks": "legal that issues a hold",
    "policy_sets": "compliance that proposes policies",
    "start_events": "server that tells what happened",
    "standing_approvals": "legal that asks for an approval in advance",
    "holds": "legal that issues a hold",
    "hold_scopes": "legal that issues a hold",
    "hold_requests": "legal that asks for a release",
    "disposals": "retention that disposes",
    "disposal_lots": "retention that disposes",
    "disposal_groups": "retention that disposes",
    "disposal_places": "retention that disposes",
    "disposal_decisions": "compliance that decides on a disposal",
}
"""For each table, a login whose daily act needs it, and which act where there are several."""

DISPOSED: Final = raw.new_id()
"""The recorder of what is due."""
ACTS: Final = {
    "compliance": """select unbroken.open_ticket(%s, 'review', null, '{"actor": "u-1"}', '1 hour')""",
    "compliance that loads": "select unbroken.load_registry(%s, '# another', 'a test')",
    "ops": "select unbroken.open_ticket(%s, '', null, '{}', '1 hour')",
    "access": "select unbroken.grant_access(%s, 'attack_stranger', 'dpo', 'an audit')",
    "server": "select migration from unbroken.describe_log(%s)",
    "writer that names somebody": (
        "select unbroken.identify(%s, array[sha256('a new name')], array['p-' || repeat('c', 32)], array['x'::bytea])"
    ),
    "writer that meets an unknown tool": "select unbroken.note_unclassified(%s, '{tool}', '{wire}') is not null",
    "dpo that asks for names": (
        "select unbroken.ask_names(%s, ticket, array['p-' || repeat('a', 32)])"
        " from (select (current_setting('attack.ticket'))::uuid as ticket) as t"
    ),
    "notary": "select unbroken.store_tiles(%s, array[1], array[0]::bigint[], array[sha256('')])",
    "notary that signs": "select unbroken.store_checkpoint(%s, 1, sha256(''), 'a note', now(), true)",
    "notary that anchors": "select unbroken.store_receipt(%s, 'nas', 'directory', 1, sha256(''), 'a receipt', null)",
    "notary that states a key": "select unbroken.store_key_statement(%s, 'first', 'a key', 'a statement')",
    "notary that raises an alarm": "select unbroken.raise_alarm(%s, 'log.anchoring_late', '{}')",
    "dpo that fills the vault": (
        "select unbroken.refill_vault(%s, array['v-' || repeat('a', 32)], array[repeat('x', 1216)::bytea],"
        " array['k1:' || repeat('a', 64)], array['x'::bytea], 'kek-1')"
    ),
    "dpo that asks for originals": (
        "select unbroken.ask_originals(%s, current_setting('attack.ticket')::uuid, 'open', '{1}')"
    ),
    "dpo that wraps keys anew": "select unbroken.ask_rewrapping(%s, 'kek-2')",
    "dpo that asks for an erasure": (
        "select seq from unbroken.ask_erasure(%s, current_setting('attack.ticket')::uuid,"
        " array['p-' || repeat('a', 32)], false, 'C-1', 'asked for')"
    ),
    "compliance that proposes policies": (
        "select seq from unbroken.propose_policies(%s, current_setting('attack.text'), 'a test', '{\"entries\": 0}')"
    ),
    "server that tells what happened": (
        "select unbroken.tell_start(%s, 'account_closed', 'account=1', '2015-03-01T12:00:00Z', 'the bank')"
    ),
    "legal that asks for an approval in advance": (
        "select seq from unbroken.ask_standing(%s, '{own.account}', now() + interval '1 day', 'a test')"
    ),
    "legal that issues a hold": (
        "select seq from unbroken.issue_hold(%s, 'M-1', 'litigation', '{\"everything\": true}', 'a complaint', 30, 90)"
    ),
    "legal that asks for a release": (
        "select seq from unbroken.ask_hold_change(%s, current_setting('attack.hold')::uuid, 'release', null, 'settled')"
    ),
    "retention that disposes": (
        "select e.seq from (values (%s)) v (log), lateral unbroken.start_disposal(v.log, true) s,"
        " lateral unbroken.freeze_disposal(v.log, s.disposal, 1000) f,"
        " lateral (select unbroken.propose_disposal(v.log, s.disposal) as seq where f.upto > 0 offset 0) p,"
        " lateral (select unbroken.begin_disposal(v.log, s.disposal) as seq where p.seq > 0 offset 0) b,"
        " lateral (select * from unbroken.dispose_batch(v.log, s.disposal, 1000) where b.seq > 0 offset 0) e,"
        " lateral (select * from unbroken.dispose_batch(v.log, s.disposal, 1000) where e.payloads > 0 offset 0) l"
    ),
    "compliance that decides on a disposal": (
        "select unbroken.decide_disposal(%s, current_setting('attack.disposal')::uuid, 'relabel', null,"
        " current_setting('attack.candidate'), null, '{}', 'a test')"
    ),
    "dpo that erases": (
        "select unbroken.begin_erasure(%s, current_setting('attack.erasure')::uuid,"
        " current_setting('attack.keys')::text[], repeat('0', 64))"
    ),
}
SILENT: Final = {
    *("server", "writer that names somebody", "writer that meets an unknown tool"),
    *("notary", "notary that signs", "notary that anchors"),
}
"""Acts that leave no entry."""

CHAIN: Final = (
    "select count(*) = max(seq) and count(distinct id) = count(*)"
    " and bool_and(hash = sha256(decode('00', 'hex') || convert_to(line, 'UTF8')) and prev_hash = before) from"
    " (select e.seq, e.id, e.hash, e.prev_hash, unbroken.line(e) as line,"
    "  lag(e.hash, 1, decode(repeat('00', 32), 'hex')) over (order by e.seq) as before"
    "  from unbroken.entries e where e.log = 1) as chained"
)


def act(connection: Connection, who: str) -> object:
    """What a login of this duty does all day."""
    if who == "writer that keeps an original":
        (key,) = connection.execute(
            "select key_id from unbroken.vault_keys(%s, '{subject}', array['p-' || repeat('a', 32)])", (LOG,)
        ).fetchone() or (None,)
        assert key is not None
        return append(connection, [(raw.sent(original="0" * 64), laid_out(key))])
    if who != "writer":
        row = connection.execute(ACTS[who].encode(), (LOG,)).fetchone()
        assert row is not None
        return row[0]
    asked: dict[str, Any] = {"event_type": "approval_requested", "tool": "t", "call_id": raw.new_id()}
    until = ["valid_until=2999-01-01T00:00:00.000000Z"]
    decision = {"arguments_hash": "k1:" + "a" * 64}
    call = raw.sent({"inputs": "1"}, session_id="shown", event_type="model_call", agent_id="a", model="m")
    return raw.append(connection, [call, raw.sent(**asked, decision=decision, scope=until)])


def prepared(stage: Scene, dpo: Connection, ticket: Any) -> tuple[str, list[str]]:
    """An erasure that is about to begin, and the keys that go with it."""

    def row(connection: Connection, statement: str, *given: Any) -> Any:
        found = connection.execute(statement.encode(), (LOG, *given)).fetchone()
        connection.commit()
        assert found is not None
        return found[0]

    asking = ACTS["dpo that asks for an erasure"].replace("seq", "erasure::text")
    erasure = row(dpo, asking.replace("current_setting('attack.ticket')", "%s"), *ticket)
    with closing(stage.connect("legal")) as legal:
        row(legal, "select unbroken.confirm_erasure(%s, %s)", erasure)
    return erasure, row(dpo, "select keys from unbroken.prepare_erasure(%s, %s)", erasure)


@pytest.fixture(scope="module")
def disposing(stage: Scene) -> tuple[str, str]:
    """A disposal that waits for people, and its one candidate; another is due under an approval in advance."""
    on = Disposing(Database(stage.server, stage.name, None))  # type: ignore[arg-type]
    with closing(on):
        raw.append(on.login("writer"), [due(recorder=DISPOSED)])
        tell(on.database)
        disposal = on.proposed()
        raw.append(on.login("writer"), [due(recorder=DISPOSED)])
        approval = ask_standing(on.login("legal"), ["own.account"])
        on.value("compliance", "select unbroken.confirm_standing(%s, %s)", approval)
        listed = "select first from unbroken.disposal_groups(%s, %s)"
        candidate = str(on.value("compliance", listed, disposal))
    return disposal, candidate


@pytest.fixture
def superuser(stage: Scene, disposing: tuple[str, str]) -> Iterator[Connection]:
    """A transaction without the guard on definitions, of which nothing remains."""
    with closing(stage.connect("dpo")) as dpo:
        opened = dpo.execute("select ticket::text from unbroken.open_ticket(%s, 'x', 'x', '{}', '1 h')", (LOG,))
        ticket = opened.fetchone()
        dpo.commit()
        erasure, keys = prepared(stage, dpo, ticket)
    with closing(stage.connect("legal")) as legal:
        hold = issue(legal, {"sessions": ["held"]})
        legal.commit()
    with closing(stage.connect("superuser")) as connection:
        connection.execute("select set_config('attack.ticket', %s, false)", ticket)
        connection.execute("select set_config('attack.erasure', %s, false)", (erasure,))
        connection.execute("select set_config('attack.hold', %s, false)", (hold,))
        for name, value in zip(("disposal", "candidate"), disposing, strict=True):
            connection.execute("select set_config('attack.' || %s, %s, false)", (name, value))
        connection.execute("select set_config('attack.text', %s, false)", (set_in("").text,))
        connection.execute("select set_config('attack.keys', %s::text[]::text, false)", (keys,))
        for name in ("unbroken_refuse_ddl", "unbroken_refuse_drop"):
            connection.execute(sql.SQL("drop event trigger {}").format(sql.Identifier(name)))
        yield connection
        connection.rollback()


def take_away(connection: Connection, table: str, *, leave_inserts: bool = False) -> None:
    name = sql.Identifier("unbroken", table)
    connection.execute(sql.SQL("drop policy owner on {}").format(name))
    if leave_inserts:
        template = "create policy owner on {} for insert to unbroken_owner with check (true)"
        connection.execute(sql.SQL(template).format(name))


def act_as(connection: Connection, who: str) -> object:
    """The duty's act within the superuser's transaction; a refusal undoes the act and nothing else."""
    with connection.transaction():
        connection.execute(
            sql.SQL("set local session authorization {}").format(sql.Identifier(who.split(maxsplit=1)[0]))
        )
        try:
            return act(connection, who)
        finally:
            if connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS:
                connection.execute("reset session authorization")


def is_whole(connection: Connection) -> bool:
    """Whether the first log's numbers, ids, hashes and links are as they should be."""
    row = connection.execute(CHAIN.encode()).fetchone()
    return row == (True,)


def entries(connection: Connection) -> int:
    row = connection.execute("select count(*) from unbroken.entries").fetchone()
    assert row is not None
    return int(row[0])


def test_every_table_has_one(stage: Scene) -> None:
    tables = stage.value(
        "select array_agg(c.relname::text) from pg_class c where c.relnamespace = 'unbroken'::regnamespace"
        " and c.relkind in ('r', 'p') and not c.relispartition"
    )
    owned = stage.value(
        "select array_agg(p.polrelid::regclass::text) from pg_policy p where p.polname = 'owner' and p.polcmd = '*'"
        " and p.polroles = array['unbroken_owner'::regrole::oid]"
        " and pg_get_expr(p.polqual, p.polrelid) = 'true' and pg_get_expr(p.polwithcheck, p.polrelid) = 'true'"
    )
    assert set(owned) == {f"unbroken.{table}" for table in tables}
    assert set(tables) == set(NEEDED_BY)


@pytest.mark.parametrize("who", sorted(set(NEEDED_BY.values())))
def test_with_them_each_duty_does_its_work(superuser: Connection, who: str) -> None:
    """The control."""
    before = entries(superuser)
    assert act_as(superuser, who) is not None
    assert entries(superuser) > before or who in SILENT
    assert is_whole(superuser)


@pytest.mark.parametrize("table", sorted(NEEDED_BY.keys() - {"migrations"}))
def test_without_it_the_functions_fail_and_do_not_misbehave(superuser: Connection, table: str) -> None:
    before = entries(superuser)
    take_away(superuser, table)
    with pytest.raises(psycopg.Error) as caught:
        act_as(superuser, NEEDED_BY[table])
    assert caught.value.sqlstate in {"42501", "UB003", "UB007", "UB010", "P0002"}, caught.value
    assert entries(superuser) == before


def test_without_it_the_schema_calls_itself_too_old(superuser: Connection) -> None:
    take_away(superuser, "migrations")
    assert act_as(superuser, "server") is None


@pytest.mark.parametrize("table", sorted(table for table, who in NEEDED_BY.items() if who == "writer"))
def test_with_one_for_inserts_alone_nothing_is_recorded_wrong(superuser: Connection, table: str) -> None:
    """Look-ups that see nothing are the dangerous half: what is recorded then must be right, or nothing is."""
    take_away(superuser, table, leave_inserts=True)
    before = entries(superuser)
    for _ in range(2):
        try:
            act_as(superuser, "writer")
        except psycopg.Error as error:
            assert error.sqlstate in {"42501", "UB001", "UB003", "UB010", "23505"}, error  # noqa: PT017
    assert is_whole(superuser)
    # These are only written to by this act, and rightly so.
    assert entries(superuser) == before + (4 if table in {"payloads", "event_ids", "approvals"} else 0)


def test_with_one_for_inserts_alone_nothing_is_approved(stage: Scene, superuser: Connection) -> None:
    take_away(superuser, "approvals", leave_inserts=True)
    superuser.execute("set local session authorization writer")
    superuser.execute(stage.statement("{ask_to_act}").encode())
    with pytest.raises(psycopg.Error) as caught:
        superuser.execute(stage.statement("{approve_own}").encode())
    assert (caught.value.sqlstate, caught.value.diag.message_hint) == ("UB005", "unknown")


def test_with_one_for_inserts_alone_nobody_uses_anothers_recorder(superuser: Connection) -> None:
    take_away(superuser, "recorders", leave_inserts=True)
    superuser.execute("set local session authorization server")
    with pytest.raises(psycopg.Error) as caught:
        raw.append(superuser, [raw.sent()])
    assert caught.value.sqlstate == "UB001"


@pytest.mark.parametrize("table", ["entries", "payloads", "originals"])
def test_a_partition_that_append_attaches_has_forced_policies_and_none_of_its_own(
    database: Database, table: str
) -> None:
    raw.plant_head(database, (1 << 20) - 1)
    with database.connect("writer") as writer:
        raw.append(writer, [raw.sent({"inputs": "1"}) for _ in range(3)])
    rows = database.admin.execute(
        "select c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relacl is null,"
        " not exists (select from pg_policy p where p.polrelid = c.oid) from pg_class c"
        " where c.relispartition and c.relkind = 'r' and c.relname like %s order by 1",
        (f"{table}%",),
    ).fetchall()
    assert rows == [(f"{table}_1_{number}", True, True, True, True) for number in (0, 1)]

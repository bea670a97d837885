"""The weak schema as a target, and the cluster as it was before."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from tests.attacks.target import DUTIES, Target
from tests.conftest import Server

_SCRIPT: Final = (Path(__file__).parent / "weak.sql").read_text(encoding="utf-8")
_TEMPLATE: Final = "attacks_weak"

_LOGINS: Final = {duty: f"weak_{duty}" for duty in (*DUTIES, "access2")}


def _findings(server: Server, name: str) -> tuple[str, ...]:
    """Its verifier, if one may call it that: it finds that all is well."""
    return ()


def _prepare(server: Server, name: str) -> None:
    server.execute("grant create on database {} to weak_owner", name)


WEAK: Final = Target(
    label="weak",
    schema="weak",
    owner="weak_owner",
    logins=_LOGINS,
    groups=(),
    counters=(),
    findings=_findings,
    prepare=_prepare,
    names={
        "schema": "weak",
        "owner": "weak_owner",
        "entries": "weak.records",
        "partition": "weak.records_1",
        "payloads": "weak.bodies",
        "small": "weak.permits",
        "requests": "weak.permits",
        "reads": "weak.looks",
        "view": "weak.everything",
        "guard": "weak.refuse()",
        "hidden": "select no from weak.records where person = 'p-1'",
        "hidden_row": "select r from weak.records r",
        "hidden_order": "select no from weak.records order by person",
        "hidden_values": "select most_common_vals from pg_stats where tablename = 'records' and attname = 'person'",
        "variable": "set local weak.person = 'p-2'",
        "change_entry": "update weak.records set who = 'somebody else'",
        "change_partition": "update weak.records_1 set who = 'somebody else'",
        "change_payload": "update weak.bodies set body = 'nothing happened'",
        "insert_now": "insert into weak.records (what) values ('forged')",
        "insert_past": "insert into weak.records (what, at) values ('forged', '2001-01-01')",
        "insert_same": "insert into weak.records (no, what) values (1, 'probe')",
        "record": "select weak.record('request')",
        "record_past": "select weak.record('request', '2001-01-01') > now() - interval '1 hour'",
        "record_as": "select weak.record('request', who => 'somebody_else')",
        "record_own_word": "select weak.record('log.disposed')",
        "record_elsewhere": "select weak.record('request', log => 'another ward')",
        "look_up_nobody": "select 1 from weak.records where what = 'nobody'",
        "total": "select count(*) from weak.records",
        "gaps": "select max(no) - min(no) + 1 - count(*) from weak.records",
        "record_elsewhere_with_permit": "select weak.record_with_permit('request')",
        "false_permit": (
            "create temporary table permits as select 'weak_writer' as login, 'writer of another log' as duty,"
            " 'x' as confirmed_by"
        ),
        "false_permit_for_all": "grant select on pg_temp.permits to public",
        "false_ticket": "create temporary table looks as select 1::bigint as no, 'weak_compliance' as login",
        "false_ticket_for_all": "grant select on pg_temp.looks to public",
        "read_again": "select weak.look_again(1)",
        "read": "select what from weak.records",
        "read_payloads": "select body from weak.bodies",
        "read_elsewhere": "select what from weak.records where log = 'another ward'",
        "open": "select weak.look(1, 'review')",
        "open_bare": "select weak.look(1, '')",
        "bare_refusal": "select weak.look(1, '') is null",
        "reads_recorded": "select count(*) from weak.looks",
        "ask_dangerous": "select weak.ask('weak_legal', 'reader')",
        "confirm_dangerous": "select weak.confirm('weak_legal', 'reader')",
        "ask_for_second": "select weak.ask('weak_access2', 'reader')",
        "ask_for_itself": "select weak.ask('weak_access', 'reader')",
        "take_back": "select weak.take_back('weak_compliance', 'reader')",
        "forge_permit": "insert into weak.permits values ('attack_stranger', 'reader', 'a', 'b')",
        "change_permit": "update weak.permits set login = 'attack_stranger'",
        "ask_to_act": "select weak.ask_to_act('c-1')",
        "approve_own": "select weak.decide('c-1')",
        "append_now": "insert into weak.records (what) values ('forged')",
        "ask_to_act_as_one": "select weak.ask_to_act('c-1')",
        "approve_as_another": "select weak.decide('c-1')",
        "open_for_case": "select weak.look(1, 'case 1')",
        "read_identities": "select name from weak.people",
        "names_unasked": "select weak.name_of('alias-1')",
        "ask_names": "select weak.ask_name('alias-1')",
        "names_asked": "select weak.name_of('alias-1')",
        "take_pseudonym": "select weak.call_it('alias-1', 'somebody else')",
        "change_identity": "update weak.people set name = 'somebody else'",
        "delete_identities": "delete from weak.people",
        "forge_look_up": "insert into weak.asked values ('alias-1', 'weak_compliance')",
        "forge_registry": "insert into weak.registry values ('keep everything')",
        "change_registry": "update weak.registry set text = 'keep everything'",
        "read_wrapped": "select wrapped from weak.wraps",
        "read_sealed": "select body from weak.sealed",
        "originals_unasked": "select weak.sealed_of(1)",
        "ask_originals": "select 1",
        "originals_asked": "select weak.sealed_of(1)",
        "other_keys": "select wrapped from weak.wraps where key = 'k-1'",
        "ask_rewrapping": "select 1",
        "take_wrapped": "select wrapped from weak.wraps",
        "forge_opening": "insert into weak.asked values ('alias-1', 'weak_dpo')",
        "seal_to_own": "select weak.seal(2, 'k-99', 'mine')",
        "reassign_key": "update weak.wraps set holder = 'somebody else'",
        "swap_public": "update weak.wraps set half = 'mine'",
        "empty_pool": "select weak.key_for('made up')",
        "delete_wrapped": "delete from weak.wraps",
        "delete_originals": "delete from weak.sealed",
        "spoil_keys": "select weak.wrap_anew('nothing')",
        "ask_erasure": "select weak.ask_removal('p-1')",
        "confirm_erasure": "select weak.confirm_removal('p-1')",
        "withdraw_erasure": "select 1",
        "prepare_erasure": "select 1",
        "begin_erasure": "select weak.remove('p-1')",
        "begin_with_no_keys": "select weak.remove('p-1')",
        "confirm_by_hand": "update weak.removals set confirmed_by = 'weak_legal'",
        "erase_of_others": "delete from weak.bodies where person = 'p-2'",
        "erase_again": "select weak.remove('p-1')",
        "open_reads": "select weak.open_reads()",
        "open_by_hand": "insert into weak.servers values ('another')",
        "issue_hold": "select weak.hold('M-1', 'p-1')",
        "ask_release": "select weak.ask_release('M-1')",
        "confirm_release": "select weak.release('M-1')",
        "read_holds": "select matter from weak.holds",
        "list_holds": "select weak.list_holds()",
        "see_holds": "select count(*) from weak.records where what = 'hold issued'",
        "end_hold_by_hand": "update weak.holds set released_by = 'weak_legal'",
        "narrow_by_hand": "update weak.holds set person = 'nobody'",
        "release_by_hand": "update weak.holds set asked_by = 'weak_legal', released_by = 'weak_compliance'",
        "delete_holds": "delete from weak.holds",
        "propose_policies": "select weak.ask_rule('a week')",
        "confirm_policies": "select weak.confirm_rule('a week')",
        "shorten_policies": "update weak.rules set days = 1",
        "tell_start": "select weak.tell_start('p-1', '2001-01-01')",
        "forge_start": "update weak.bodies set since = '2001-01-01'",
        "change_class": "update weak.records set what = 'worthless'",
        "ask_standing": "select weak.ask_rule('always')",
        "confirm_standing": "select weak.confirm_rule('always')",
        "start_disposal": "select weak.list_old()",
        "freeze_disposal": "select 1",
        "propose_disposal": "select 1",
        "review_disposal": "select 1",
        "approve_disposal": "select weak.approve_old()",
        "approve_another": "select weak.approve_old()",
        "begin_disposal": "select 1",
        "dispose_batch": "select weak.purge()",
        "approve_by_hand": "update weak.old set approved_by = 'weak_dpo'",
        "list_more": "insert into weak.old select no from weak.bodies on conflict do nothing",
        "delete_listed": "delete from weak.bodies b using weak.old o where o.no = b.no",
        "delete_unlisted": "delete from weak.bodies b where exists (select from weak.old o where o.no <> b.no)",
        "drop_used": "select weak.drop_all()",
        "load_registry": "select weak.load_registry('keep everything')",
    },
)


@contextmanager
def weak_template(server: Server) -> Iterator[str]:
    """A database with the weak schema to copy others from; afterwards the cluster has none of its roles and grants."""
    server.execute("create database {}", _TEMPLATE)
    try:
        with psycopg.connect(server.conninfo("postgres", _TEMPLATE), autocommit=True) as connection:
            connection.execute(_SCRIPT.encode())
        yield _TEMPLATE
    finally:
        server.execute("drop database {} with (force)", _TEMPLATE)
        server.execute("revoke all on parameter session_replication_role from weak_ops")
        for role in (*_LOGINS.values(), "weak_keeper", "weak_owner"):
            server.execute("drop role if exists {}", role)

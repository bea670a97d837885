"""The schema that this package installs as a target, installed and granted as an operator does it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import sql

from tests.attacks.target import DUTIES, Target
from tests.conftest import LOG, LOGINS, Server
from tests.database import raw
from tests.database.policies import TEXT as POLICIES
from tests.database.policies import proposed
from tests.database.vaulting import append, laid_out, plain_keys
from unbroken.retention.policy_file import set_in
from unbroken.store import administration
from unbroken.store.connection import connect
from unbroken.store.log_reader import LogReader
from unbroken.store.migrations import install
from unbroken.verify.run import verify_log

OTHER: Final = "clinic.example/another-ward"
_TEMPLATE: Final = "attacks_installed"
_PLACEHOLDER: Final = "00000000-0000-4000-8000-000000000000"
_REQUEST: Final = "00000000-0000-4000-8000-0000000000aa"
_HASH: Final = "k1:" + "a" * 64


def _literal(value: str) -> str:
    return sql.Literal(value).as_string(None)


def _event(**given: Any) -> str:
    """SQL for a valid event's text with an id of its own, or the one that is given."""
    text = raw.text_of(raw.fields(id=given.pop("id", _PLACEHOLDER), **given))
    return f"replace({_literal(text)}, '{_PLACEHOLDER}', gen_random_uuid()::text)"


def _append(shown: str, *, log: str = LOG, **given: Any) -> str:
    return _said(_APPEND, shown=shown, log=_literal(log), event=_event(**given))


def _said(template: str, **parts: str) -> str:
    """The template with the parts in the place of their names in angle brackets."""
    for name, part in parts.items():
        template = template.replace(f"<{name}>", part)
    return template


_APPEND: Final = (
    "select <shown> from unbroken.append(<log>, array[<event>],"
    " '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}')"
)
_INNER: Final = (
    "select unbroken.append_one(1, 'somebody_else', <event>, null, null, null, null, null, null, null, null)"
)
_ENTRY: Final = (
    "insert into unbroken.entries (log, seq, recorded_at, writer, prev_hash, hash, event, id, event_type, actor_id)"
    r" values (1, <seq>, <at>, 'writer', '\x00', '\x00', <event>, gen_random_uuid(), 'request', 'x')"
)
_TICKET: Final = "select <shown> from unbroken.open_ticket(<log>, '<purpose>', null, '{}', interval '1 hour')"
_ASK: Final = "select request from unbroken.grant_access(<log>, '<login>', '<duty>', 'an audit')"
_CONFIRM: Final = (
    "select unbroken.confirm_access(<log>, (select request from unbroken.access_requests where outcome is null))"
)
_FALSE_TICKET: Final = (
    "create temporary table tickets as select 1 as log, gen_random_uuid() as ticket, 'compliance' as login,"
    " 'compliance' as duty, 1::bigint as opened_seq, now() as opened_at, now() + interval '1 hour' as expires_at,"
    " null::xid8 as opened_xid, null::text as session_id, null::bigint as closed_seq,"
    " null::timestamptz as closed_at"
)


def _ticket(shown: str, purpose: str) -> str:
    return _said(_TICKET, shown=shown, log=_literal(LOG), purpose=purpose)


def _entry(seq: int, *, at: str = "now()") -> str:
    return _said(_ENTRY, seq=str(seq), at=at, event=_event())


def _ask(login: str, duty: str) -> str:
    return _said(_ASK, log=_literal(LOG), login=login, duty=duty)


_DECISION: Final[dict[str, str]] = {
    "arguments_hash": _HASH,
    "at": raw.TS,
    "by": "u-1",
    "outcome": "approved",
    "request": _REQUEST,
}
_CALL: Final[dict[str, Any]] = {
    "actor_id": "u-1",
    "tool": "wire",
    "call_id": "c-1",
    "scope": ["valid_until=2999-01-01T00:00:00.000000Z"],
}

_PSEUDONYMS: Final = (f"p-{'a' * 32}", f"p-{'b' * 32}")
"""Both of one person, whose name is kept under :data:`_LOOKUP`."""
_LOOKUP: Final = "sha256('one person')"
_IDENTIFY: Final = (
    "select unbroken.identify(<log>, array[<lookup>], array['<pseudonym>'], array['sealed'::bytea], <kept>)"
)
_ASK_NAMES: Final = (
    "select unbroken.ask_names(<log>, (select ticket from unbroken.tickets"
    " where login = session_user and closed_seq is null), array['<pseudonym>'])"
)
_LAST_ASKED: Final = "select id from unbroken.entries where event_type = 'log.names_asked' order by seq desc limit 1"
_FORGED_LOOK_UP: Final = (
    "insert into unbroken.name_lookups select 1, gen_random_uuid(), t.ticket, array['<pseudonym>'], t.login, 1, now(),"
    " '3'::xid8 from unbroken.tickets t"
)
_FORGED_REGISTRY: Final = (
    "insert into unbroken.registries values (1, 2, 'x', encode(sha256('x'), 'hex'), now(), 'compliance',"
    " (select loaded_seq from unbroken.registries))"
)


_FOREIGN_KEY: Final = "v-" + "f" * 32
_SEALED: Final = _APPEND.replace("'{NULL}')", "'{NULL}', null, array[<original>])")
_OF_TICKET: Final = (
    "(select (p.details::json ->> 'ticket')::uuid from unbroken.entries e join unbroken.payloads p using (log, seq)"
    " where e.event_type = 'log.read' order by e.seq desc limit 1)"
)
_LAST_OF: Final = "(select id from unbroken.entries where event_type = '<type>' order by seq desc limit 1)"
_OPENING: Final = _LAST_OF.replace("<type>", "log.original_asked")
_REWRAPPING: Final = _LAST_OF.replace("<type>", "log.vault_rewrapping")
_ERASURE: Final = "(select erasure from unbroken.erasures(<log>) limit 1)"
_ORDER: Final = "repeat('0', 64)"
_ASK_ORIGINALS: Final = (
    "select unbroken.ask_originals(<log>, <ticket>, 'open', (select array_agg(o.seq) from unbroken.originals o))"
)
_OPENED_KEYS: Final = "select wrapped from unbroken.opened_keys(<log>, <opening>, array['<key>'])"
_TO_REWRAP: Final = "select wrapped from unbroken.keys_to_rewrap(<log>, <opening>, 1000)"
_ASK_ERASURE: Final = (
    "select erasure from unbroken.ask_erasure(<log>, <ticket>, array['<person>'], false, 'C-1', 'asked for')"
)
_ORIGINALS: Final = "select ciphertext from unbroken.originals(<log>, <opening>)"
_FORGED_OPENING: Final = (
    "insert into unbroken.openings (log, opening, kind, ticket, seqs, login, asked_seq, asked_at, asked_xid)"
    " select 1, gen_random_uuid(), 'open', t.ticket, '{1}', t.login, 1, now(), '3'::xid8 from unbroken.tickets t"
)
_EMPTIED: Final = (
    "select key_id from unbroken.vault_keys(<log>, array_fill('session'::text, array[10]),"
    " array(select 'made up ' || n from generate_series(1, 10) n))"
)
_SPOILED: Final = (
    "select unbroken.rewrap_keys(<log>, <opening>, array_agg(k.key_id), array_agg(k.wrapped),"
    " array_agg('nothing'::bytea)) from unbroken.keys_to_rewrap(<log>, <opening>, 1000) k"
)
_REAPPLIED: Final = (
    "select unbroken.reapply_erasure(<log>, gen_random_uuid(), array['<person>'], '{}', false, now(), repeat('0', 64))"
)


def _of_log(template: str, **parts: str) -> str:
    return _said(template, log=_literal(LOG), **parts)


def _of_erasure(function: str, *more: str, what: str = "select <call>") -> str:
    """The call of a function for the last erasure that was asked for, with further arguments."""
    call = _of_log(f"unbroken.{function}(<log>, <more>)", more=", ".join([_of_log(_ERASURE), *more]))
    return _said(what, call=call)


GO_AT_ONCE: Final = set_in(
    """
default = "own.gone"
[[policy]]
id = "own.gone"
title = "Nearly everything goes at once"
citation = "a test"
basis = "organisation"
jurisdiction = "any"
ceiling = "1d"
everything = true
"""
).text
_CALLED: Final = "select <shown> from unbroken.<function>(<given>)"
_OF_DISPOSALS: Final = "(select <column> from unbroken.disposals(<log>) limit 1)"
_HOLD: Final = "(select hold from unbroken.holds(<log>) limit 1)"
_ISSUE_HOLD: Final = (
    "select hold from unbroken.issue_hold(<log>, 'M-1', 'litigation', '{\"everything\":true}', 'sued', 0, 90)"
)
_ASK_RELEASE: Final = "select request from unbroken.ask_hold_change(<log>, <hold>, 'release', null, 'settled')"
_CONFIRM_RELEASE: Final = (
    "select unbroken.confirm_hold_change(<log>, (select request from unbroken.hold_requests(<log>) limit 1))"
)
_RELEASED: Final = (
    "update unbroken.hold_requests"
    " set outcome = 'confirmed', decided_by = 'compliance', decided_at = now(), decided_seq = asked_seq"
)
_PROPOSE: Final = "select version from unbroken.propose_policies(<log>, <text>, 'a test', '{\"entries\":0}')"
_CONFIRM_POLICIES: Final = (
    "select unbroken.confirm_policies(<log>, (select max(s.version) from unbroken.policy_sets(<log>) s))"
)
_FORGED_START: Final = (
    "insert into unbroken.start_events values (1, 'account_closed', 'account=1', '2001-01-01', 'x', 'legal', now(), 1)"
)
_TELL_START: Final = "select unbroken.tell_start(<log>, 'account_closed', 'account=1', '2001-01-01', 'a rumour')"
_ASK_STANDING: Final = (
    "select approval from unbroken.ask_standing(<log>, array['own.account'], now() + interval '90 days', 'always')"
)
_CONFIRM_STANDING: Final = (
    "select unbroken.confirm_standing(<log>, (select approval from unbroken.standing_approvals(<log>) limit 1))"
)


def _of_disposal(function: str, *more: str, shown: str = "*") -> str:
    """The call of a function for the disposal that there is, with further arguments."""
    given = ", ".join(["<log>", _OF_DISPOSALS.replace("<column>", "disposal"), *more])
    return _of_log(_said(_CALLED, shown=shown, function=function, given=given))


_LISTED: Final = _OF_DISPOSALS.replace("<column>", "sha256")


def _sealed(key: str) -> str:
    """SQL that records an original which is laid out as if it were sealed to this key."""
    original = f"decode('{laid_out(key).hex()}', 'hex')"
    return _of_log(_SEALED, shown="seq", event=_event(original="0" * 64), original=original)


def _identify(pseudonym: str, *, lookup: str = _LOOKUP, kept: str = "false") -> str:
    return _said(_IDENTIFY, log=_literal(LOG), lookup=lookup, pseudonym=pseudonym, kept=kept)


def _names(lookup: str) -> str:
    return _said("select sealed from unbroken.names(<log>, (<lookup>))", log=_literal(LOG), lookup=lookup)


_NAMES: Final = {
    "schema": "unbroken",
    "owner": "unbroken_owner",
    "entries": "unbroken.entries",
    "partition": "unbroken.entries_1_0",
    "payloads": "unbroken.payloads",
    "small": "unbroken.grants",
    "requests": "unbroken.access_requests",
    "reads": "unbroken.tickets",
    "view": "unbroken.agent_audit",
    "guard": "unbroken.refuse_change()",
    "hidden": "select seq from unbroken.entries where actor_id = 'u-1'",
    "hidden_row": "select e from unbroken.entries e",
    "hidden_order": "select seq from unbroken.entries order by actor_id",
    "hidden_values": "select most_common_vals from pg_stats where tablename like 'entries%' and attname = 'actor_id'",
    "variable": "set local unbroken.subject = 'p-2'",
    "change_entry": "update unbroken.entries set writer = 'somebody else'",
    "change_partition": "update unbroken.entries_1_0 set writer = 'somebody else'",
    "change_payload": "update unbroken.payloads set inputs = '1'",
    "insert_now": _entry(900_001),
    "insert_past": _entry(900_002, at="'2001-01-01'"),
    "insert_same": _entry(1),
    "append_now": _entry(900_003),
    "record": _append("recorded_at"),
    "record_past": _append("recorded_at > now() - interval '1 hour'", ts="2001-01-01T00:00:00.000000Z"),
    "record_as": _said(_INNER, event=_event()),
    "record_own_word": _append("seq", event_type="log.disposed"),
    "record_elsewhere": _append("seq", log=OTHER),
    "record_elsewhere_with_permit": _append("seq", log=OTHER),
    "look_up_nobody": "select 1 from unbroken.sessions where log = 1 and session_id = 'nobody'",
    "total": "select count(*) from unbroken.entries where log = 1",
    "gaps": "select max(seq) - min(seq) + 1 - count(*) from unbroken.entries where log = 1",
    "false_permit": (
        "create temporary table grants as"
        " select 2 as log, 'writer' as login, 'writer' as duty, null::timestamptz as revoked_at"
    ),
    "false_permit_for_all": "grant select on pg_temp.grants to public",
    "false_ticket": _FALSE_TICKET,
    "false_ticket_for_all": "grant select on pg_temp.tickets to public",
    "read_again": "select event from unbroken.entries",
    "read": "select event from unbroken.entries",
    "read_payloads": "select inputs from unbroken.payloads",
    "read_elsewhere": "select event from unbroken.entries where log = 2",
    "open": _ticket("ticket", "quarterly review"),
    "open_bare": _ticket("ticket", "  "),
    "bare_refusal": _ticket("refused is not null and ticket is null", "  "),
    "reads_recorded": "select count(*) from unbroken.entries where event_type = 'log.read'",
    "ask_dangerous": _ask("attack_stranger", "compliance"),
    "confirm_dangerous": _said(_CONFIRM, log=_literal(LOG)),
    "ask_for_itself": _ask("access", "legal"),
    "ask_for_second": _ask("access2", "legal"),
    "take_back": f"select unbroken.revoke_access('{LOG}', 'compliance', 'compliance', 'left')",
    "forge_permit": (
        "insert into unbroken.grants (log, login, duty, granted_at, granted_seq, granted_by)"
        " values (1, 'attack_stranger', 'compliance', now(), 1, 'access')"
    ),
    "change_permit": "update unbroken.grants set login = 'attack_stranger'",
    "ask_to_act": _append(
        "seq", id=_REQUEST, event_type="approval_requested", decision={"arguments_hash": _HASH}, **_CALL
    ),
    "approve_own": _append("seq", event_type="approval_decided", decision=_DECISION, **_CALL),
    "ask_to_act_as_one": _append(
        "seq",
        id=_REQUEST,
        event_type="approval_requested",
        decision={"arguments_hash": _HASH},
        **{**_CALL, "actor_id": _PSEUDONYMS[0]},
    ),
    "approve_as_another": _append(
        "seq",
        event_type="approval_decided",
        decision={**_DECISION, "by": _PSEUDONYMS[1]},
        **{**_CALL, "actor_id": _PSEUDONYMS[1]},
    ),
    "open_for_case": _ticket("ticket", "quarterly review").replace("null", "'case 1'", 1),
    "read_identities": "select sealed from unbroken.identities",
    "names_unasked": _names("select gen_random_uuid()"),
    "names_asked": _names(_LAST_ASKED),
    "ask_names": _said(_ASK_NAMES, log=_literal(LOG), pseudonym=_PSEUDONYMS[0]),
    "take_pseudonym": _identify(_PSEUDONYMS[0], lookup="sha256('somebody else')"),
    "change_identity": "update unbroken.identities set sealed = 'somebody else'",
    "delete_identities": "delete from unbroken.identities",
    "forge_look_up": _said(_FORGED_LOOK_UP, pseudonym=_PSEUDONYMS[0]),
    "forge_registry": _FORGED_REGISTRY,
    "change_registry": "update unbroken.registries set text = 'x'",
    "issue_hold": _of_log(_ISSUE_HOLD),
    "ask_release": _of_log(_ASK_RELEASE.replace("<hold>", _HOLD)),
    "confirm_release": _of_log(_CONFIRM_RELEASE),
    "read_holds": "select matter from unbroken.holds",
    "list_holds": _of_log("select matter from unbroken.holds(<log>)"),
    "see_holds": "select count(*) from unbroken.entries where event_type like 'log.hold%'",
    "end_hold_by_hand": "update unbroken.hold_scopes set ends_at = now(), ended_seq = seq",
    "narrow_by_hand": 'update unbroken.hold_scopes set scope = \'{"tools":["none"]}\'',
    "release_by_hand": _RELEASED,
    "delete_holds": "delete from unbroken.hold_scopes",
    "propose_policies": _of_log(_PROPOSE, text=_literal(GO_AT_ONCE)),
    "confirm_policies": _of_log(_CONFIRM_POLICIES),
    "shorten_policies": "update unbroken.policy_sets set text = replace(text, '1y', '1d')",
    "tell_start": _of_log(_TELL_START),
    "forge_start": _FORGED_START,
    "change_class": "update unbroken.entries set class = 1",
    "ask_standing": _of_log(_ASK_STANDING),
    "confirm_standing": _of_log(_CONFIRM_STANDING),
    "start_disposal": _of_log("select disposal from unbroken.start_disposal(<log>, false)"),
    "freeze_disposal": _of_disposal("freeze_disposal", "50000"),
    "propose_disposal": _of_disposal("propose_disposal"),
    "review_disposal": _of_disposal("review_disposal", _LISTED, "'seen'"),
    "approve_disposal": _of_disposal("approve_disposal", _LISTED),
    "approve_another": _of_disposal("approve_disposal", "repeat('0', 64)"),
    "begin_disposal": _of_disposal("begin_disposal"),
    "dispose_batch": _of_disposal("dispose_batch", "1000", shown="payloads"),
    "approve_by_hand": (
        "update unbroken.disposals set approved_by = 'dpo', approved_at = now(), approved_seq = reviewed_seq"
    ),
    "list_more": "update unbroken.disposal_lots set seqs = seqs + '{[1,2)}', first = 1, entries = entries + 1",
    "delete_listed": "delete from unbroken.payloads p using unbroken.disposal_lots l where l.seqs @> p.seq",
    "delete_unlisted": (
        "delete from unbroken.payloads p using unbroken.disposal_lots l where p.log = l.log and not l.seqs @> p.seq"
    ),
    "drop_used": _of_log("select unbroken.drop_empty(<log>, 0) = 'dropped'"),
    "read_wrapped": "select wrapped from unbroken.wrapped_keys",
    "read_sealed": "select ciphertext from unbroken.originals",
    "originals_unasked": _of_log(_ORIGINALS, opening="gen_random_uuid()"),
    "ask_originals": _of_log(_ASK_ORIGINALS, ticket=_OF_TICKET),
    "originals_asked": _of_log(_ORIGINALS, opening=_OPENING),
    "other_keys": _of_log(_OPENED_KEYS, opening=_OPENING, key=_FOREIGN_KEY),
    "ask_rewrapping": _of_log("select unbroken.ask_rewrapping(<log>, 'kek-2')"),
    "take_wrapped": _of_log(_TO_REWRAP, opening=_REWRAPPING),
    "forge_opening": _FORGED_OPENING,
    "seal_to_own": _sealed(_FOREIGN_KEY),
    "reassign_key": "update unbroken.subject_keys set holder = 'somebody else' where holder is not null",
    "swap_public": "update unbroken.subject_keys set public = repeat('x', 1216)::bytea",
    "empty_pool": _of_log(_EMPTIED),
    "delete_wrapped": "delete from unbroken.wrapped_keys",
    "delete_originals": "delete from unbroken.originals",
    "spoil_keys": _of_log(_SPOILED, opening=_REWRAPPING),
    "ask_erasure": _of_log(_ASK_ERASURE, ticket=_OF_TICKET, person=_PSEUDONYMS[0]),
    "confirm_erasure": _of_erasure("confirm_erasure"),
    "withdraw_erasure": _of_erasure("withdraw_erasure"),
    "prepare_erasure": _of_erasure("prepare_erasure"),
    "begin_erasure": _of_erasure(
        "begin_erasure", _of_erasure("prepare_erasure", what="(select keys from <call>)"), _ORDER
    ),
    "begin_with_no_keys": _of_erasure("begin_erasure", "'{}'::text[]", _ORDER),
    "confirm_by_hand": (
        "update unbroken.erasures set confirmed_by = 'legal', confirmed_at = now(), confirmed_seq = requested_seq"
    ),
    "erase_of_others": "delete from unbroken.payloads where seq = 1",
    "erase_again": _of_log(_REAPPLIED, person=_PSEUDONYMS[0]),
    "open_reads": _of_log("select unbroken.open_reads(<log>)"),
    "open_by_hand": (
        "insert into unbroken.recoveries (log, system_identifier, timeline, relation, seq) values (1, 1, 1, 1, 1)"
    ),
    "load_registry": _said("select * from unbroken.load_registry(<log>, 'x', 'a test')", log=_literal(LOG)),
}


def _findings(server: Server, name: str) -> tuple[str, ...]:
    with LogReader(server.conninfo("verifier", name), LOG) as reader:
        return tuple(sorted({finding.kind for finding in verify_log(reader).findings}))


def _prepare(server: Server, name: str) -> None:
    server.execute("revoke temporary on database {} from public", name)


INSTALLED: Final = Target(
    label="installed",
    schema="unbroken",
    owner="unbroken_owner",
    logins={login: login for login in LOGINS},
    groups=tuple(f"unbroken_{duty}" for duty in DUTIES),
    counters=("denials",),
    names=_NAMES,
    findings=_findings,
    prepare=_prepare,
)


@contextmanager
def installed_template(server: Server) -> Iterator[str]:
    """A database to copy others from, with two logs and a login for each duty of the first.

    Both hold entries; the first those of the sessions ``shown`` and ``hidden``, with payloads and asked-for approvals.
    """
    server.execute("create database {}", _TEMPLATE)
    try:
        with connect(server.conninfo("postgres", _TEMPLATE)) as connection:
            install(connection)
            for origin in (LOG, OTHER):
                administration.create_log(connection, origin)
            _grant_all(server, connection)
            administration.install_grant(connection, OTHER, "compliance", duty="compliance")
            connection.execute("select unbroken.append_own(2, 'log.unlocked', '{}')")
        with psycopg.connect(server.conninfo("writer", _TEMPLATE), autocommit=True) as writer:
            for session, value in (("shown", '{"n":1}'), ("hidden", f'"{raw.MARKER}"')):
                said: dict[str, Any] = {"session_id": session, "actor_id": "u-1", "agent_id": "bot"}
                raw.append(writer, [raw.sent({"inputs": value}, **said) for _ in range(3)])
                asked = {**_CALL, **said, "call_id": session, "decision": {"arguments_hash": _HASH}}
                raw.append(writer, [raw.sent(event_type="approval_requested", **asked)])
            for pseudonym in _PSEUDONYMS:
                writer.execute(_identify(pseudonym, kept="true").encode())
            _seal(server, writer)
        with psycopg.connect(server.conninfo("compliance", _TEMPLATE), autocommit=True) as compliance:
            compliance.execute("select unbroken.load_registry(%s, '# all as built in', 'a test')", (LOG,))
            compliance.execute(_ticket("ticket", "a look at the past").encode())
            compliance.execute(
                "select unbroken.close_ticket(%s, ticket, 'complete', 0, %s) from unbroken.tickets", (LOG, "0" * 64)
            )
            version = proposed(compliance, POLICIES)
        with psycopg.connect(server.conninfo("legal", _TEMPLATE), autocommit=True) as legal:
            legal.execute("select unbroken.confirm_policies(%s, %s::integer)", (LOG, version))
        yield _TEMPLATE
    finally:
        server.execute("drop database {} with (force)", _TEMPLATE)


def _seal(server: Server, writer: psycopg.Connection[Any]) -> None:
    """A vault, and an entry about the person of the pseudonyms with what it was before redaction."""
    with psycopg.connect(server.conninfo("dpo", _TEMPLATE), autocommit=True) as dpo:
        keys = plain_keys("vault", 20)
        dpo.execute("select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", (LOG, *keys))
    key = writer.execute(
        "select key_id from unbroken.vault_keys(%s, '{subject}', %s)", (LOG, [_PSEUDONYMS[0]])
    ).fetchone()
    assert key is not None
    said = raw.sent({"inputs": '"[masked]"'}, subjects=[_PSEUDONYMS[0]], session_id="sealed", original="0" * 64)
    append(writer, [(said, laid_out(key[0]))])


def _grant_all(server: Server, connection: psycopg.Connection[Any]) -> None:
    """Duties for the first log: by the installation up to the first administrator, who confirms the second."""
    for login in LOGINS[:-1]:
        administration.install_grant(connection, LOG, login, duty=login)
    asked = administration.install_grant(connection, LOG, "access2", duty="access")
    with connect(server.conninfo("access", _TEMPLATE)) as access:
        administration.confirm(access, LOG, str(asked.request))

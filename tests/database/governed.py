"""A log in which everything has happened that leaves a row in a table beside the entries."""

from datetime import UTC, datetime
from typing import Final

from tests.conftest import LOG, Database
from tests.database import held
from tests.database.disposing import APPROVE, BEGIN, DECIDE, REVIEW, WITHDRAW, Disposing, due, due_at_once
from tests.database.held import ask_narrowing, ask_release, issue, narrow, release
from tests.database.policies import AT_ONCE, ask_standing, proposed
from tests.database.raw import Connection, append, open_ticket, sent
from tests.database.test_agents_followed import asks
from tests.database.test_approval_door import call, decision, request
from tests.database.test_erased_verified import record
from tests.database.test_vault_door import ANN, BOB, erase, value
from tests.database.vaulting import Vault
from unbroken.retention.policy_file import set_in

DIGEST = "0" * 64
FAR: Final = datetime(2099, 12, 31, tzinfo=UTC)


def fill(database: Database) -> None:
    """Makes the log's entries by its own functions."""
    record(database, Vault())
    _grant(database)
    _read(database)
    _erase(database)
    _approve(database)
    _call_models(database)
    _set_up(database)
    _retain(database)
    _dispose(database)
    _restore(database)


def _grant(database: Database) -> None:
    grant = "select request::text from unbroken.grant_access(%s, %s, %s, 'needed')"
    with database.connect("access") as one, database.connect("access2") as other:
        value(one, grant, LOG, "on-call", "ops")
        value(one, "select unbroken.revoke_access(%s, 'on-call', 'ops', 'left')", LOG)
        value(one, grant, LOG, "on-call", "ops")
        value(other, "select unbroken.confirm_access(%s, %s)", LOG, value(one, grant, LOG, "auditor", "verifier"))
        value(other, "select unbroken.withdraw_access(%s, %s)", LOG, value(one, grant, LOG, "lawyer", "legal"))
        value(one, grant, LOG, "counsel", "legal")


def _read(database: Database) -> None:
    close = "select unbroken.close_ticket(%s, %s, 'complete', 1, %s)"
    with database.connect("dpo") as dpo:
        ticket = open_ticket(dpo)
        value(dpo, "select unbroken.ask_names(%s, %s, %s)", LOG, ticket, [ANN, BOB])
        for seqs in ([3, 5, 6], [4]):
            opening = value(dpo, "select unbroken.ask_originals(%s, %s, 'open', %s)", LOG, ticket, seqs)
        value(dpo, "select unbroken.close_opening(%s, %s, 1, 0, %s)", LOG, opening, DIGEST)
        wrapping = value(dpo, "select unbroken.ask_rewrapping(%s, 'kek-2')", LOG)
        value(dpo, "select unbroken.close_rewrapping(%s, %s)", LOG, wrapping)
        value(dpo, close, LOG, ticket, DIGEST)
        open_ticket(dpo, session="a")


def _erase(database: Database) -> None:
    ask = "select erasure::text from unbroken.ask_erasure(%s, %s, %s, true, 'C-2', 'asked for')"
    with database.connect("dpo") as dpo, database.connect("legal") as legal:
        erase(database, dpo, ANN)
        withdrawn, confirmed = (value(dpo, ask, LOG, open_ticket(dpo), [BOB]) for _ in range(2))
        value(legal, "select unbroken.withdraw_erasure(%s, %s)", LOG, withdrawn)
        value(legal, "select unbroken.confirm_erasure(%s, %s)", LOG, confirmed)


def _approve(database: Database) -> None:
    with database.connect("writer") as writer:
        used, denied, withdrawn, waiting = (request(call_id=f"c-{number}") for number in range(4))
        append(writer, [used, denied, withdrawn, waiting])
        append(writer, [decision(used, call_id="c-0"), decision(denied, "denied", call_id="c-1")])
        append(writer, [decision(withdrawn, call_id="c-2")])
        append(writer, [call(used, call_id="c-0")])
        append(writer, [decision(withdrawn, "denied", call_id="c-2")])


def _call_models(database: Database) -> None:
    with database.connect("writer") as writer:
        append(writer, [asks(prompt=1), asks(prompt=1, template="triage v1"), asks(prompt=2, template="triage v2")])
        append(writer, [asks(agent="other", model="m-2", agent_version="1.0")])
        append(writer, [sent(recorder="01970000-0000-7000-8000-00000000bbbb")])
        value(writer, "select unbroken.stop_recorder(%s, '01970000-0000-7000-8000-00000000cccc', 0)", LOG)


def _set_up(database: Database) -> None:
    state = "select unbroken.store_key_statement(%s, %s, %s, %s)"
    with database.connect("compliance") as compliance, database.connect("notary") as notary:
        for text in ("# first", "# second"):
            value(compliance, "select version from unbroken.load_registry(%s, %s, 'new tools')", LOG, text)
        for change, key in (("first", "k+1"), ("rotated", "k+2")):
            value(notary, state, LOG, change, key, f"statement about {key}")
        value(notary, "select unbroken.raise_alarm(%s, 'log.anchoring_late', %s)", LOG, '{"age_s": 4000, "off": -1}')


def _retain(database: Database) -> None:
    due_at_once(database)
    with database.connect("compliance") as one, database.connect("legal") as other:
        others = set_in(AT_ONCE.replace("2y", "3y")).text
        value(one, "select unbroken.withdraw_policies(%s, %s)", LOG, proposed(one, others))
        proposed(one, others)
        ended, _, standing = (ask_standing(one, ["own.account"]) for _ in range(3))
        for approval in (ended, standing):
            value(other, "select unbroken.confirm_standing(%s, %s)", LOG, approval)
        for approval in (ended, standing):
            value(one, "select unbroken.end_standing(%s, %s, 'no longer')", LOG, approval)
        hold = issue(one, {"sessions": ["held", "kept"]}, grace_days=3)
        value(one, held.REVIEW, LOG, hold, "still needed")
        narrow(one, other, hold, {"sessions": ["held"]})
        value(one, held.WITHDRAW, LOG, ask_narrowing(one, hold, {"sessions": ["held"], "tools": ["sql"]}))
        ask_release(other, hold)
        release(one, other, issue(one, {"everything": True}))


def _dispose(database: Database) -> None:
    """One from end to end, in which some was held and some taken out; one that was withdrawn; one that is under way."""
    disposing = Disposing(database)
    with database.connect("writer") as writer:
        append(writer, [due(session_id=session) for session in ("held", "a", "a", "b", "c")])
        append(writer, [due(scope=["account=1", "more=1"])])
        disposal = disposing.proposed()
        last = disposing.holding()[-2]
        disposing.value("legal", DECIDE, disposal, "extend", None, str(last), FAR, None, "asked for")
        disposing.value("legal", DECIDE, disposal, "relabel", _classes(database), None, None, ["others"], "by mistake")
        disposing.value("compliance", REVIEW, disposal, disposing.sha256(disposal), "looked through")
        disposing.value("legal", APPROVE, disposal, disposing.sha256(disposal))
        disposing.value("retention", BEGIN, disposal)
        with database.connect("compliance") as compliance:
            issue(compliance, {"sessions": ["b"]})
        disposing.empty(disposal)
        disposing.vacuum()
        assert disposing.is_gone(disposal)
        disposing.finish(disposal)
        append(writer, [due(), due()])
        disposing.value("legal", WITHDRAW, disposing.proposed(), "not now")
        disposing.begun()
    disposing.close()


def _classes(database: Database) -> list[int]:
    """The class of which a disposal takes nothing else."""
    row = database.admin.execute("select max(class) from unbroken.disposal_groups").fetchone()
    assert row is not None
    return [row[0]]


def _restore(database: Database) -> None:
    """Lets the server be another one than the log knows, and opens reading on it."""
    admin: Connection = database.admin
    database.disarm()
    admin.execute("update unbroken.recoveries set timeline = timeline + 7")
    value(admin, "select unbroken.open_reads(%s)", LOG)

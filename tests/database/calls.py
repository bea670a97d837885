"""Calls of every function that some duty may execute, with arguments that make sense.

What a function does with hostile arguments, under other search paths or for another log is tried with these, too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.database import raw
from tests.database.policies import TEXT
from tests.database.raw import PARTS, Sent, sent
from tests.database.tenants import NUMBERS, Tenants, lookup_in, person_in, pseudonym_in
from tests.database.vaulting import plain_keys

Arguments = Callable[[Tenants, str, str], Mapping[str, Any]]
"""Of the stage, the log's name and the login."""


@dataclass(frozen=True)
class Call:
    """A function with arguments; ``label`` says what for, in the table."""

    function: str
    label: str
    arguments: Arguments
    foreign: Arguments | None = None
    """The same on what is somebody else's, in the same log."""
    refusals: frozenset[str] = frozenset()
    """States besides the general ones that mean "refused" here."""
    statement: str | None = None
    """What to send where a call by name is not how it is used."""
    shows: bool = False
    """Whether it has something to show, so that an empty answer is a row that is missing."""
    under_ticket: bool = False
    """Whether there is something to call it with only once the login has a ticket."""


def of_log(_: Tenants, log: str, __: str) -> Mapping[str, Any]:
    return {"p_log": log}


def nothing(_: Tenants, __: str, ___: str) -> Mapping[str, Any]:
    return {}


def batch(log: str, *items: Sent, **more: Any) -> Mapping[str, Any]:
    """The arguments of ``unbroken.append``."""
    events, *parts = raw.columns_of(items)
    names = [f"p_{part}{suffix}" for part in PARTS for suffix in ("", "_salts")]
    return {"p_log": log, "p_events": events, **dict(zip(names, parts, strict=True)), **more}


def _gap(log: str, recorder: str) -> Mapping[str, Any]:
    numbers = {"p_first": 1, "p_last": 2, "p_count": 2, "p_from": raw.TS, "p_to": raw.TS, "p_refused": []}
    return {"p_log": log, "p_recorder": recorder, "p_reason": "outage", **numbers}


def _reading(log: str, **given: Any) -> Mapping[str, Any]:
    return {
        "p_log": log,
        "p_purpose": "a test",
        "p_case": "case-1",
        "p_scope": '{"what":"entries"}',
        "p_valid": timedelta(minutes=5),
        **given,
    }


def _between(log: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"p_log": log, "p_from": now - timedelta(days=1), "p_to": now + timedelta(days=1), "p_limit": 10}


def _granting(duty: str) -> Arguments:
    return lambda _, log, __: {"p_log": log, "p_login": "newcomer", "p_duty": duty, "p_reason": "a test"}


def _closing(which: Callable[[Tenants, str, str], str]) -> Arguments:
    return lambda on, log, login: {
        "p_log": log,
        "p_ticket": which(on, log, login),
        "p_outcome": "complete",
        "p_count": 0,
        "p_digest": "0" * 64,
    }


def strange_recorder(on: Tenants, log: str, login: str) -> str:
    """A recorder that belongs to another login."""
    return next(str(recorder) for holder, recorder in on.known[log]["recorders"].items() if holder != login)


def strange_ticket(on: Tenants, log: str, login: str) -> str:
    """An open ticket of another login."""
    return next(str(ticket) for holder, ticket in on.known[log]["tickets"].items() if holder != login)


def _asking(which: Callable[[Tenants, str, str], str]) -> Arguments:
    return lambda on, log, login: {
        "p_log": log,
        "p_ticket": which(on, log, login),
        "p_pseudonyms": [pseudonym_in(log)],
    }


def _naming(which: Callable[[Tenants, str, str], str]) -> Arguments:
    return lambda on, log, login: {"p_log": log, "p_lookup": which(on, log, login)}


def strange_lookup(on: Tenants, log: str, login: str) -> str:
    """A look-up that another login asked for."""
    return next(str(lookup) for holder, lookup in on.known[log]["lookups"].items() if holder != login)


def own_ticket(on: Tenants, log: str, login: str) -> str:
    """The login's own open ticket, or an id that stands for none."""
    return str(on.known[log]["tickets"].get(login, raw.new_id()))


def _tree(log: str, size: int) -> dict[str, Any]:
    return {"p_log": log, "p_size": size, "p_root": b"\1" * 32}


def _exporting(which: Callable[[Tenants, str, str], str]) -> Arguments:
    return lambda on, log, login: {"p_log": log, "p_ticket": which(on, log, login), "p_details": "{}"}


def _about(log: str) -> Mapping[str, Any]:
    return {"p_log": log, "p_subjects": [pseudonym_in(log)], "p_with_acted": False}


def _finding(which: Callable[[Tenants, str, str], str]) -> Arguments:
    return lambda on, log, login: {**_about(log), "p_ticket": which(on, log, login)}


def _erasing(which: Callable[[Tenants, str, str], str]) -> Arguments:
    return lambda on, log, login: {
        **_finding(which)(on, log, login),
        "p_case": "case-1",
        "p_reason": "a test",
    }


def _erasure(state: str, **more: Any) -> Arguments:
    """An erasure of the log that is as far as that."""
    return lambda on, log, _: {"p_log": log, "p_erasure": on.known[log]["erasures"][state]["erasure"], **more}


def _beginning(on: Tenants, log: str, login: str) -> Mapping[str, Any]:
    keys = on.known[log]["erasures"]["confirmed"]["keys"]
    return _erasure("confirmed", p_keys=keys, p_order="0" * 64)(on, log, login)


def _seeing(which: Callable[[Tenants, str, str], str]) -> Arguments:
    return lambda on, log, login: {
        "p_log": log,
        "p_ticket": which(on, log, login),
        "p_kind": "open",
        "p_seqs": [on.known[log]["original"]],
    }


def _opening(**more: Any) -> Arguments:
    """The login's own opening, or an id that stands for none."""
    return lambda on, log, login: {
        "p_log": log,
        "p_opening": on.known[log]["openings"].get(login, raw.new_id()),
        **more,
    }


def _keys(on: Tenants, log: str, login: str) -> Mapping[str, Any]:
    return _opening(p_key_ids=[on.known[log]["sealed_to"]])(on, log, login)


def _rewrapping(**more: Any) -> Arguments:
    return lambda on, log, _: {"p_log": log, "p_opening": on.known[log]["rewrapping"], **more}


def _wrapping(on: Tenants, log: str, login: str) -> Mapping[str, Any]:
    key = on.known[log]["sealed_to"]
    halves = {"p_old": [f"wrapped {key}".encode()], "p_new": [b"wrapped anew"]}
    return _rewrapping(p_key_ids=[key], **halves)(on, log, login)


def _refilling(_: Tenants, log: str, __: str) -> Mapping[str, Any]:
    names = ("p_ids", "p_publics", "p_endorsements", "p_wrapped")
    return {"p_log": log, **dict(zip(names, plain_keys("more", 1), strict=True)), "p_wrapped_by": "kek-1"}


def second_of(login: str) -> str:
    """The other access administrator of the same log."""
    return login.removesuffix("2") if login.endswith("2") else login + "2"


def _deciding(whose: Callable[[str], str]) -> Arguments:
    def arguments(on: Tenants, log: str, login: str) -> Mapping[str, Any]:
        requests = on.known[log]["requested"]
        return {"p_log": log, "p_request": requests.get(whose(login.removeprefix("lab_")), requests["access2"])}

    return arguments


def _issuing(_: Tenants, log: str, __: str) -> Mapping[str, Any]:
    periods = {"p_grace_days": 30, "p_review_days": 90}
    scope = '{"sessions":["s-1"]}'
    return {"p_log": log, "p_matter": "m", "p_kind": "internal", "p_scope": scope, "p_reason": "a test", **periods}


def _disposal(which: str, **more: Any) -> Arguments:
    """A disposal of the log that is as far as that."""
    return lambda on, log, _: {"p_log": log, "p_disposal": on.known[log]["disposals"][which], **more}


def _listed(**more: Any) -> Arguments:
    """The disposal that waits for people, with the hash of its list."""

    def arguments(on: Tenants, log: str, login: str) -> Mapping[str, Any]:
        disposal = on.known[log]["disposals"]["reviewed"]
        sha256 = on.scalar("select sha256 from unbroken.disposals where disposal = %s", disposal)
        return _disposal("reviewed", p_sha256=sha256, **more)(on, log, login)

    return arguments


def _taking_out(on: Tenants, log: str, login: str) -> Mapping[str, Any]:
    """Takes the one candidate out of the disposal that waits for people."""
    disposal = on.known[log]["disposals"]["reviewed"]
    numbers = on.scalar("select first::text from unbroken.disposal_lots where disposal = %s", disposal)
    decision = {"p_decision": "extend", "p_until": datetime.now(UTC) + timedelta(days=30), "p_domains": None}
    given = {"p_classes": None, "p_numbers": numbers, "p_reason": "a test"}
    return _disposal("reviewed", **decision, **given)(on, log, login)


def _holding(**more: Any) -> Arguments:
    """The hold of the log."""
    return lambda on, log, _: {"p_log": log, "p_hold": on.known[log]["hold"], **more}


def _changing(whose: Callable[[str], str]) -> Arguments:
    """The request to release it that one of these duties made."""
    return lambda on, log, login: {
        "p_log": log,
        "p_request": on.known[log]["releases"].get(
            whose(login.removeprefix("lab_")), on.known[log]["releases"]["legal"]
        ),
    }


def _proposing(_: Tenants, log: str, __: str) -> Mapping[str, Any]:
    return {"p_log": log, "p_text": TEXT.replace("1y", "9y"), "p_reason": "a test", "p_simulated": '{"entries":0}'}


def _of_duty(known: str, name: str, whose: Callable[[str], str]) -> Arguments:
    """What one of these duties proposed or asked for; legal, where it is none of them."""

    def arguments(on: Tenants, log: str, login: str) -> Mapping[str, Any]:
        found = on.known[log][known]
        return {"p_log": log, name: found.get(whose(login.removeprefix("lab_")), found["legal"])}

    return arguments


def _another(duty: str) -> str:
    return "compliance" if duty == "legal" else "legal"


def _ending(on: Tenants, log: str, _: str) -> Mapping[str, Any]:
    return {"p_log": log, "p_approval": on.known[log]["standing"]["legal"], "p_reason": "a test"}


INVALID: Final = frozenset({"UB001"})
NOT_YET: Final = frozenset({"UB009"})

CALLS: Final[Sequence[Call]] = (
    Call(
        "append",
        "events",
        lambda _, log, __: batch(log, sent({"inputs": "1"}, recorder=raw.new_id()), sent(recorder=raw.new_id())),
    ),
    Call(
        "append",
        "an event that names a principal",
        lambda _, log, __: batch(log, sent(recorder=raw.new_id()), p_principal="u-17"),
    ),
    Call(
        "append",
        "under another login's recorder",
        lambda on, log, login: batch(log, sent(recorder=strange_recorder(on, log, login))),
        refusals=INVALID,
    ),
    Call(
        "append",
        "an entry of the log's own types",
        lambda _, log, __: batch(log, sent(recorder=raw.new_id(), event_type="log.read")),
        refusals=INVALID,
    ),
    Call("append_early", "events", lambda _, log, __: batch(log, sent(recorder=raw.new_id()))),
    Call("barrier", "without a log", nothing),
    Call("barrier", "for an entry", lambda on, log, __: {"p_log": log, "p_seq": 1, "p_hash": on.known[log]["head"]}),
    Call(
        "receipts",
        "of ids one knows",
        lambda on, log, __: {"p_log": log, "p_ids": [on.known[log]["id"]], "p_hashes": [None]},
    ),
    Call(
        "earlier_receipts",
        "",
        lambda on, log, __: {"p_log": log, "p_ids": [on.known[log]["id"]], "p_hashes": [None]},
    ),
    Call(
        "earlier_receipts",
        "of ids one knows",
        lambda on, log, __: {"p_log": log, "p_ids": [on.known[log]["id"]], "p_hashes": [None]},
    ),
    Call(
        "concern_erased",
        "",
        lambda _, log, __: {"p_log": log, "p_events": [sent().text], "p_recorded_at": ["2026-03-01 09:00+00"]},
    ),
    Call("describe_log", "", of_log),
    Call(
        "stop_recorder",
        "",
        lambda _, log, __: {"p_log": log, "p_recorder": raw.new_id(), "p_count": 3},
        lambda on, log, login: {"p_log": log, "p_recorder": strange_recorder(on, log, login), "p_count": 3},
        refusals=INVALID,
    ),
    Call(
        "declare_gap",
        "",
        lambda _, log, __: _gap(log, raw.new_id()),
        lambda on, log, login: _gap(log, strange_recorder(on, log, login)),
        refusals=INVALID,
    ),
    Call(
        "approvals_of",
        "",
        lambda on, log, __: {
            "p_log": log,
            "p_request": on.known[log]["asked"],
            "p_call_id": None,
            "p_arguments_hash": None,
        },
    ),
    Call("end_lock_holder", "", lambda _, log, __: {"p_log": log, "p_patience": timedelta(0)}),
    Call("log_head", "", of_log),
    Call("log_size", "", of_log),
    Call("granted_logs", "", nothing),
    Call("open_ticket", "", lambda _, log, __: _reading(log)),
    Call(
        "close_ticket",
        "",
        _closing(lambda on, log, login: on.known[log]["tickets"].get(login, raw.new_id())),
        _closing(strange_ticket),
        under_ticket=True,
    ),
    Call("asks_with_grant", "", nothing),
    Call("asks_with_ticket", "", nothing),
    Call("has_ticket", "", nothing),
    Call("readable_logs", "", nothing),
    Call("readable_sessions", "", nothing),
    Call("ticketed_logs", "", nothing),
    Call("is_open", "", lambda _, log, __: {"p_log": NUMBERS.get(log, 99), "p_session": "s-1"}),
    Call("line", "of entries", nothing, statement="select unbroken.line(e) from unbroken.entries e where e.log = 1"),
    Call(
        "agent_actions",
        "",
        lambda _, log, __: {**_between(log), "p_agent": "bot", "p_actor": raw.MARKER, "p_after": 0},
        shows=True,
    ),
    Call("unapproved_calls", "", lambda _, log, __: {**_between(log), "p_after": 0}, shows=True),
    Call("error_bursts", "", lambda _, log, __: {**_between(log), "p_least": 1, "p_before": None}, shows=True),
    Call(
        "resource_access",
        "",
        lambda _, log, __: {"p_log": log, "p_type": None, "p_resource": "p-1", "p_after": 0, "p_limit": 10},
        shows=True,
    ),
    Call(
        "entries_containing",
        "",
        lambda _, log, __: {**_between(log), "p_flags": ["health"], "p_after": 0},
        shows=True,
    ),
    Call(
        "identify",
        "",
        lambda _, log, __: {
            "p_log": log,
            "p_lookups": [lookup_in(log)],
            "p_pseudonyms": [pseudonym_in(log)],
            "p_sealed": [b"sealed"],
        },
    ),
    Call("pseudonyms_of", "", lambda _, log, __: {"p_log": log, "p_lookups": [lookup_in(log)]}, shows=True),
    Call(
        "ask_names",
        "",
        _asking(lambda on, log, login: on.known[log]["tickets"].get(login, raw.new_id())),
        _asking(strange_ticket),
        under_ticket=True,
    ),
    Call(
        "names",
        "",
        _naming(lambda on, log, login: on.known[log]["lookups"].get(login, raw.new_id())),
        _naming(strange_lookup),
        under_ticket=True,
        shows=True,
    ),
    Call(
        "vault_keys",
        "",
        lambda _, log, __: {"p_log": log, "p_kinds": ["subject"], "p_holders": [pseudonym_in(log)]},
        shows=True,
    ),
    Call("refill_vault", "", _refilling),
    Call("vault_state", "", of_log, shows=True),
    Call("ask_originals", "", _seeing(own_ticket), _seeing(strange_ticket), under_ticket=True),
    Call("originals", "", _opening(), under_ticket=True, shows=True),
    Call("opened_keys", "", _keys, under_ticket=True, shows=True),
    Call("close_opening", "", _opening(p_opened=1, p_failed=0, p_digest="0" * 64), under_ticket=True),
    Call("ask_rewrapping", "", lambda _, log, __: {"p_log": log, "p_to": "kek-2"}),
    Call("keys_to_rewrap", "", _rewrapping(p_limit=10), shows=True),
    Call("rewrap_keys", "", _wrapping),
    Call("close_rewrapping", "", _rewrapping()),
    Call("find_person", "", _finding(own_ticket), _finding(strange_ticket), under_ticket=True),
    Call("ask_erasure", "", _erasing(own_ticket), _erasing(strange_ticket), under_ticket=True),
    Call("confirm_erasure", "that the dpo asked for", _erasure("asked")),
    Call("withdraw_erasure", "", _erasure("asked")),
    Call("prepare_erasure", "", _erasure("confirmed")),
    Call("begin_erasure", "that is confirmed", _beginning),
    Call("begin_erasure", "that is not confirmed", _erasure("asked", p_keys=[], p_order="0" * 64), refusals=NOT_YET),
    Call("erase_batch", "", _erasure("begun", p_limit=10), refusals=NOT_YET),
    Call("finish_erasure", "", _erasure("begun", p_certificate="1" * 64), refusals=NOT_YET),
    Call("erasures", "", of_log, shows=True),
    Call("propose_policies", "", _proposing),
    Call("confirm_policies", "that another proposed", _of_duty("proposed", "p_version", _another)),
    Call("confirm_policies", "that it proposed itself", _of_duty("proposed", "p_version", str)),
    Call("withdraw_policies", "", _of_duty("proposed", "p_version", str)),
    Call("policy_sets", "", of_log, shows=True),
    Call(
        "tell_start",
        "",
        lambda _, log, __: {
            "p_log": log,
            "p_kind": "account_closed",
            "p_item": "account=2",
            "p_at": datetime(2015, 3, 1, tzinfo=UTC),
            "p_evidence": "a test",
        },
    ),
    Call("start_events", "", of_log, shows=True),
    Call(
        "ask_standing",
        "",
        lambda _, log, __: {
            "p_log": log,
            "p_policies": ["own.account"],
            "p_valid_until": datetime.now(UTC) + timedelta(days=30),
            "p_reason": "a test",
        },
    ),
    Call("confirm_standing", "that another asked for", _of_duty("standing", "p_approval", _another)),
    Call("confirm_standing", "that it asked for itself", _of_duty("standing", "p_approval", str)),
    Call("end_standing", "", _ending),
    Call("standing_approvals", "", of_log, shows=True),
    Call("class_counts", "", lambda _, log, __: {"p_log": log, "p_after": 0, "p_limit": 10}, shows=True),
    Call("retention_classes", "", lambda _, log, __: {"p_log": log, "p_classes": [1]}, shows=True),
    Call("retention_of", "", lambda _, log, __: {"p_log": log, "p_entry": "1"}, shows=True),
    Call("issue_hold", "", _issuing),
    Call("hold_reach", "", _holding(p_after=0, p_limit=10), shows=True),
    Call("note_hold_reach", "", _holding(p_upto=1, p_preserved=1, p_originals=0, p_gone=0)),
    Call("review_hold", "", _holding(p_reason="a test")),
    Call("ask_hold_change", "", _holding(p_kind="release", p_scope=None, p_reason="a test")),
    Call(
        "confirm_hold_change",
        "that another asked for",
        _changing(lambda duty: "compliance" if duty == "legal" else "legal"),
    ),
    Call("confirm_hold_change", "that it asked for itself", _changing(str)),
    Call("withdraw_hold_change", "", _changing(str)),
    Call("holds", "", of_log, shows=True),
    Call("hold_scopes", "", _holding(), shows=True),
    Call("hold_requests", "", of_log, shows=True),
    Call("start_disposal", "", lambda _, log, __: {"p_log": log, "p_standing": True}),
    Call("freeze_disposal", "", _disposal("frozen", p_limit=10)),
    Call("propose_disposal", "", _disposal("frozen")),
    Call("decide_disposal", "", _taking_out),
    Call("review_disposal", "", _listed(p_reason="a test")),
    Call("approve_disposal", "that compliance reviewed", _listed()),
    Call("withdraw_disposal", "", _disposal("reviewed", p_reason="a test")),
    Call("begin_disposal", "that is approved", _disposal("done")),
    Call("begin_disposal", "that is not approved", _disposal("reviewed"), refusals=NOT_YET),
    Call("dispose_batch", "", _disposal("done", p_limit=1000)),
    Call("dispose_batch", "of one that has not begun", _disposal("reviewed", p_limit=1000), refusals=NOT_YET),
    Call("drop_empty", "", lambda _, log, __: {"p_log": log, "p_number": 0}),
    Call("note_gone", "", _disposal("done")),
    Call("finish_disposal", "", _disposal("done", p_certificate="1" * 64)),
    Call("disposals", "", of_log, shows=True),
    Call("disposal_groups", "", _disposal("done"), shows=True),
    Call("disposal_decisions", "", _disposal("reviewed")),
    Call("disposal_policies", "", _disposal("done"), shows=True),
    Call("gone_state", "", _disposal("done"), shows=True),
    Call("disposed_entries", "", _disposal("done", p_after=0, p_limit=10), shows=True),
    Call("key_absences", "", of_log, shows=True),
    Call(
        "known_pseudonyms",
        "",
        lambda _, log, __: {"p_log": log, "p_pseudonyms": [pseudonym_in(log), person_in(log, "done")]},
    ),
    Call("notary_state", "", of_log, shows=True),
    Call("leaves", "", lambda _, log, __: {"p_log": log, "p_after": 0, "p_limit": 10}, shows=True),
    Call(
        "read_tiles",
        "",
        lambda _, log, __: {"p_log": log, "p_levels": [0], "p_indexes": [0], "p_widths": [1]},
        shows=True,
    ),
    Call(
        "store_tiles",
        "",
        lambda _, log, __: {"p_log": log, "p_levels": [1], "p_indexes": [1], "p_hashes": [b"\1" * 32]},
    ),
    Call(
        "store_checkpoint",
        "",
        lambda _, log, __: {
            **_tree(log, 2),
            "p_note": "a note",
            "p_signed_at": datetime.now(UTC),
            "p_each_start": True,
        },
    ),
    Call("confirm_continuity", "", lambda _, log, __: {**_tree(log, 2), "p_each_start": True}),
    Call("close_log", "", lambda _, log, __: {"p_log": log, "p_why": "a test"}),
    Call(
        "store_receipt",
        "",
        lambda _, log, __: {
            **_tree(log, 1),
            "p_anchor": "nas",
            "p_kind": "directory",
            "p_receipt": b"another",
            "p_at": None,
        },
    ),
    Call(
        "store_key_statement",
        "",
        lambda _, log, __: {"p_log": log, "p_change": "rotated", "p_key": "another", "p_statement": "another"},
    ),
    Call(
        "raise_alarm",
        "",
        lambda _, log, __: {"p_log": log, "p_type": "log.anchoring_resumed", "p_details": "{}"},
    ),
    Call("covered", "", of_log, shows=True),
    Call(
        "concern_erased",
        "",
        lambda _, log, __: {
            "p_log": log,
            "p_events": [str(sent().text)],
            "p_recorded_at": [datetime.now(UTC)],
        },
    ),
    Call("record_verification", "", lambda _, log, __: {"p_log": log, "p_details": "{}"}),
    Call("record_export", "", _exporting(own_ticket), _exporting(strange_ticket), under_ticket=True),
    Call("reads_are_open", "", of_log),
    Call(
        "load_registry",
        "",
        lambda _, log, __: {"p_log": log, "p_text": "# another", "p_reason": "a test"},
    ),
    Call("registry", "", of_log, shows=True),
    Call("registry_version", "", of_log),
    Call("note_unclassified", "", lambda _, log, __: {"p_log": log, "p_kinds": ["tool"], "p_names": ["mail"]}),
    Call("unclassified", "", of_log, shows=True),
    Call("investigated_log", "", of_log),
    Call(
        "place_after",
        "",
        lambda _, log, __: {"p_log": NUMBERS.get(log, 99), "p_from": datetime.now(UTC), "p_after": 1},
        shows=True,
    ),
    Call("said_in", "", lambda _, __, ___: {"p_event": "{}"}),
    Call("pseudonym", "", lambda _, log, __: {"p_log": log, "p_value": "u-17"}),
    Call("grant_access", "of duty writer", _granting("writer")),
    Call("grant_access", "of duty compliance", _granting("compliance")),
    Call("grant_access", "of duty access", _granting("access")),
    Call(
        "grant_access",
        "to itself",
        lambda on, log, login: {**_granting("compliance")(on, log, login), "p_login": login},
    ),
    Call("confirm_access", "of another's request", _deciding(second_of)),
    Call("confirm_access", "of its own request", _deciding(lambda login: login)),
    Call("withdraw_access", "", _deciding(lambda login: login)),
    Call(
        "revoke_access",
        "",
        lambda _, log, __: {"p_log": log, "p_login": "leaver", "p_duty": "writer", "p_reason": "a test"},
    ),
)

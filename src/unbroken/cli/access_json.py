"""A report on access as JSON: all of it, times in RFC 3339."""

from typing import Any

from unbroken.cli.printing import as_json_time
from unbroken.investigate.access import AccessReport
from unbroken.investigate.access_erasures import Act, Erasure
from unbroken.investigate.access_grants import Grant, Request
from unbroken.investigate.access_openings import Opening, VaultWork
from unbroken.investigate.access_reads import Denial, Read


def report_as_json(report: AccessReport) -> dict[str, Any]:
    """The whole report."""
    return {
        "log": report.log,
        "exit_code": report.exit_code,
        "since": as_json_time(report.period.since),
        "until": as_json_time(report.period.until),
        "as_of": as_json_time(report.period.as_of),
        "findings": [{"kind": each.kind, "seq": each.seq, "what": each.what} for each in report.problems],
        "grants": [_grant(each) for each in report.grants],
        "ended": [_grant(each) for each in report.ended],
        "waiting": [_request(each) for each in report.requests],
        "reads": [_read(each, report) for each in report.reads],
        "vault": [_vault(each, report) for each in report.vault],
        "erasures": [_erasure(each, report) for each in report.erasures],
        "restored": [_act(each.act) | {"erasures": each.erasures} for each in report.restored],
        "retention": [
            {"seq": each.seq, "at": as_json_time(each.at), "by": each.by, "type": each.type, "words": each.words}
            for each in report.retention
        ],
        "denied": [_denial(each) for each in report.denials],
        "about": _about(report),
        "remarks": [{"topic": each.topic, "login": each.login, "what": each.what} for each in report.remarks],
    }


def _grant(each: Grant) -> dict[str, Any]:
    ended = each.ended
    return {
        "login": each.login,
        "duty": each.duty,
        "since": as_json_time(each.since),
        "seq": each.seq,
        "basis": each.basis,
        "requested_by": each.requested_by,
        "confirmed_by": each.confirmed_by,
        "reason": each.reason,
        "revoked": None
        if ended is None
        else {"seq": ended.seq, "at": as_json_time(ended.at), "by": ended.by, "reason": ended.reason},
    }


def _request(each: Request) -> dict[str, Any]:
    return {
        "request": each.request,
        "login": each.login,
        "duty": each.duty,
        "requested_by": each.requested_by,
        "seq": each.seq,
        "at": as_json_time(each.at),
        "valid_until": None if each.valid_until is None else as_json_time(each.valid_until),
        "reason": each.reason,
    }


def _read(each: Read, report: AccessReport) -> dict[str, Any]:
    done = each.completion
    return {
        "seq": each.seq,
        "at": as_json_time(each.at),
        "ticket": each.ticket,
        "login": each.login,
        "duty": each.duty,
        "purpose": each.purpose,
        "case": each.case,
        "scope": dict(each.scope),
        "valid_until": None if each.valid_until is None else as_json_time(each.valid_until),
        "state": each.state(report.now),
        "completed": None
        if done is None
        else {
            "seq": done.seq,
            "at": as_json_time(done.at),
            "seconds": (done.at - each.at).total_seconds(),
            "count": done.count,
            "digest": done.digest,
        },
        "lookups": [
            {"seq": one.seq, "at": as_json_time(one.at), "pseudonyms": list(one.pseudonyms)} for one in each.lookups
        ],
        "openings": [_opening(one, state=each.state_of(one, report.now)) for one in each.openings],
    }


def _opening(each: Opening, *, state: str) -> dict[str, Any]:
    end = each.end
    return {
        "seq": each.seq,
        "at": as_json_time(each.at),
        "login": each.login,
        "opening": each.opening,
        "kind": each.kind,
        "entries": each.entries,
        "count": each.count,
        "state": state,
        "ended": None
        if end is None
        else {
            "seq": end.seq,
            "at": as_json_time(end.at),
            "opened": end.opened,
            "failed": end.failed,
            "digest": end.digest,
        },
    }


def _vault(each: VaultWork, report: AccessReport) -> dict[str, Any]:
    return {
        "work": each.work,
        "seq": each.seq,
        "at": as_json_time(each.at),
        "login": each.login,
        "key_encryption": each.key_encryption,
        "keys": each.keys,
        "others": each.others,
        "state": each.state(report.now),
        "ended_seq": each.ended_seq,
        "ended": None if each.ended is None else as_json_time(each.ended),
    }


def _erasure(each: Erasure, report: AccessReport) -> dict[str, Any]:
    steps = ("requested", "confirmed", "withdrawn", "reapplied", "begun", "done")
    acts: dict[str, Act | None] = {name: getattr(each, name) for name in steps}
    return {
        "erasure": each.erasure,
        "state": each.state(report.now),
        "subjects": list(each.subjects),
        "with_acted": each.with_acted,
        "despite_floors": each.despite_floors,
        "case": each.case,
        "reason": each.reason,
        "valid_until": None if each.valid_until is None else as_json_time(each.valid_until),
        "planned": dict(each.planned) or None,
        **{name: None if act is None else _act(act) for name, act in acts.items()},
        "payloads": each.payloads,
        "originals": each.originals,
        "keys": each.keys,
        "order_sha256": each.order,
        "certificate_sha256": each.certificate,
    }


def _act(act: Act) -> dict[str, Any]:
    return {"seq": act.seq, "at": as_json_time(act.at), "by": act.by}


def _denial(each: Denial) -> dict[str, Any]:
    return {
        "seq": each.seq,
        "at": as_json_time(each.at),
        "login": each.login,
        "duty": each.duty,
        "refused": each.refused,
        "attempts": each.attempts,
    }


def _about(report: AccessReport) -> dict[str, Any] | None:
    found = report.about
    if found is None:
        return None
    return {
        "pseudonyms": list(found.person.pseudonyms),
        "recorded_as": list(found.person.recorded_as),
        "named": list(found.named),
        "session": list(found.session),
        "wide": list(found.wide),
        "looked_up": list(found.looked_up),
        "other_sessions": found.other_sessions,
        "other_people": found.other_people,
    }

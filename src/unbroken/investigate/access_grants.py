"""Who was given which duty, by whose decision: the log's entries replayed, and held against the tables."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from unbroken.core.times import is_time, parse_time
from unbroken.investigate.access_entries import DANGEROUS, Problem
from unbroken.store.access import GrantRow, RequestRow
from unbroken.verify.replay.act import Statement

MIGRATION: Final = "migration"
INSTALLATION: Final = "installation"
ONE_PERSON: Final = "one person"
TWO_PEOPLE: Final = "two people"


@dataclass(frozen=True, slots=True)
class Ending:
    """When, in which entry, by whom and why a grant was revoked."""

    seq: int
    at: datetime
    by: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Grant:
    """One login's duty from one entry on; ``ended`` is ``None`` while it stands.

    ``basis`` is ``two people``, ``one person``, ``installation`` (granted while the log had no access administrator) or
    ``migration`` (it was there before grants were entries).
    """

    login: str
    duty: str
    seq: int
    since: datetime
    basis: str
    requested_by: str
    confirmed_by: str | None
    reason: str | None
    ended: Ending | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A duty that was asked for; ``outcome`` is ``None`` until it is granted or withdrawn."""

    request: str
    login: str
    duty: str
    requested_by: str
    seq: int
    at: datetime
    reason: str | None
    valid_until: datetime | None = None
    outcome: Literal["granted", "withdrawn"] | None = None
    decided_seq: int | None = None
    decided_by: str | None = None

    def state(self, now: datetime) -> str:
        """``waiting``, ``expired``, ``granted`` or ``withdrawn``."""
        if self.outcome is not None:
            return self.outcome
        return "expired" if self.valid_until is not None and self.valid_until < now else "waiting"


@dataclass(slots=True)
class Replay:
    """Grants and requests as the entries tell them, and where an entry breaks the rules that it was made under."""

    grants: dict[int, Grant] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    overruled: dict[int, list[str]] = field(default_factory=dict)
    """Grants by installation, made while these logins were access administrators by the entries."""

    def standing(self) -> list[Grant]:
        """The grants that stand at the point reached, by login and duty."""
        found = (grant for grant in self.grants.values() if grant.ended is None)
        return sorted(found, key=lambda grant: (grant.login, grant.duty))

    def open_grant(self, login: str, duty: str) -> Grant | None:
        """The grant of this duty that has no end yet."""
        return next((each for each in self.standing() if (each.login, each.duty) == (login, duty)), None)

    def administrators(self) -> set[str]:
        """The logins that are access administrators at the point reached."""
        return {grant.login for grant in self.standing() if grant.duty == "access"}


def replayed(told: Iterable[Statement]) -> Replay:
    """What the entries add up to, in their order."""
    replay = Replay()
    for each in told:
        match each.type:
            case "access_granted":
                _granted(replay, each)
            case "access_revoked":
                _revoked(replay, each)
            case "log.access_requested":
                _requested(replay, each)
            case "log.access_withdrawn":
                _withdrawn(replay, each)
    return replay


def _granted(replay: Replay, told: Statement) -> None:
    login, duty, basis = told.text("login"), told.text("duty"), told.text("basis")
    if login is None or duty is None or basis is None:
        replay.problems.append(_broken(told.seq, "it does not say who was granted what, and how"))
        return
    grant = Grant(
        login,
        duty,
        told.seq,
        told.at,
        basis,
        told.text("requested_by") or told.login,
        told.text("confirmed_by"),
        told.text("reason"),
    )
    replay.problems += (_broken(told.seq, what) for what in _rules_broken(replay, grant, told))
    if basis == INSTALLATION:
        replay.overruled[told.seq] = sorted(replay.administrators())
    replay.grants[told.seq] = grant
    _settle(replay, told, "granted")


def _rules_broken(replay: Replay, grant: Grant, told: Statement) -> Iterator[str]:
    name = f"{grant.duty} for {grant.login}"
    if replay.open_grant(grant.login, grant.duty) is not None:
        yield f"{name} was granted while the same grant stood"
    if grant.basis == ONE_PERSON and grant.duty in DANGEROUS:
        yield f"{name} takes two people and was granted by one"
    if grant.basis == TWO_PEOPLE:
        yield from _rules_of_two(replay, grant, told)


def _rules_of_two(replay: Replay, grant: Grant, told: Statement) -> Iterator[str]:
    name = f"{grant.duty} for {grant.login}"
    if grant.confirmed_by is None or grant.confirmed_by == grant.requested_by:
        yield f"{name} was requested and confirmed by one login"
    elif grant.confirmed_by != told.login:
        yield f"{name} names another confirmer than the login that recorded it"
    if grant.login in (grant.requested_by, grant.confirmed_by):
        yield f"{name} was requested or confirmed by {grant.login}"
    asked = replay.requests.get(told.text("request") or "")
    if asked is None:
        yield f"{name} was granted without a request"
    elif _subject(asked) != _subject(grant):
        yield f"{name} was granted on a request for something else"
    elif asked.state(told.at) != "waiting":
        yield f"{name} was granted on a request that was {asked.state(told.at)}"


def _subject(of: Grant | Request) -> tuple[str | None, ...]:
    return (of.login, of.duty, of.requested_by, of.reason)


def _revoked(replay: Replay, told: Statement) -> None:
    login, duty = told.text("login"), told.text("duty")
    grant = None if login is None or duty is None else replay.open_grant(login, duty)
    if grant is None:
        replay.problems.append(_broken(told.seq, f"{duty} of {login} was revoked, but was not granted"))
        return
    ending = Ending(told.seq, told.at, told.login, told.text("reason"))
    replay.grants[grant.seq] = replace(grant, ended=ending)


def _requested(replay: Replay, told: Statement) -> None:
    request, login, duty = told.text("request"), told.text("login"), told.text("duty")
    if request is None or login is None or duty is None:
        replay.problems.append(_broken(told.seq, "it does not say what was requested"))
        return
    until = told.text("valid_until")
    replay.requests[request] = Request(
        request,
        login,
        duty,
        told.login,
        told.seq,
        told.at,
        told.text("reason"),
        parse_time(until) if until is not None and is_time(until) else None,
    )


def _withdrawn(replay: Replay, told: Statement) -> None:
    asked = replay.requests.get(told.text("request") or "")
    if asked is None or asked.outcome is not None:
        replay.problems.append(_broken(told.seq, "a request was withdrawn that did not wait"))
        return
    _settle(replay, told, "withdrawn")


def _settle(replay: Replay, told: Statement, outcome: Literal["granted", "withdrawn"]) -> None:
    request = told.text("request")
    asked = replay.requests.get(request or "")
    if asked is not None and asked.outcome is None:
        replay.requests[asked.request] = replace(asked, outcome=outcome, decided_seq=told.seq, decided_by=told.login)


def _broken(seq: int, what: str) -> Problem:
    return Problem("rule_broken", seq, what)


# ---- the tables, which the database acts on, against the entries, which are the truth ----
# The tables are read first: a row without its entry is wrong whenever it was made, and what an entry after ``settled``
# tells need not be in them yet.


def grant_differences(replay: Replay, rows: Iterable[GrantRow], *, settled: int) -> Iterator[Problem]:
    """Where the table of grants says something else than the entries."""
    seen = set()
    for row in rows:
        grant = None if row.granted_seq is None else replay.grants.get(row.granted_seq)
        if grant is None:
            yield _differs(row.granted_seq, f"the table grants {row.duty} for {row.login}, and no entry does")
            continue
        seen.add(grant.seq)
        name = f"{row.duty} for {row.login}"
        yield from (_differs(grant.seq, f"{name}: {what}") for what in _row_differs(row, grant, settled))
    for grant in replay.grants.values():
        if grant.seq not in seen and grant.seq <= settled:
            yield _differs(grant.seq, f"an entry grants {grant.duty} for {grant.login}, and the table has no row of it")


def _row_differs(row: GrantRow, grant: Grant, settled: int) -> Iterator[str]:
    if (row.login, row.duty) != (grant.login, grant.duty):
        yield f"the entry grants {grant.duty} for {grant.login}"
    if (row.granted_by, row.confirmed_by) != (grant.requested_by, grant.confirmed_by):
        yield "the table names other people than the entry"
    told = None if grant.ended is None else (grant.ended.seq, grant.ended.by)
    held = None if row.revoked_at is None else (row.revoked_seq, row.revoked_by)
    if held == told or (held is None and told is not None and told[0] > settled):
        return
    if told is None:
        yield "revoked in the table, and by no entry"
    elif held is None:
        yield f"revoked by entry {told[0]}, and not in the table"
    else:
        yield "the table and the entries tell of different revocations"


def request_differences(replay: Replay, rows: Iterable[RequestRow], *, settled: int) -> Iterator[Problem]:
    """Where the table of requests says something else than the entries."""
    seen = set()
    for row in rows:
        asked = replay.requests.get(row.request)
        if asked is None:
            what = f"the table has a request of {row.duty} for {row.login}, and no entry does"
            yield Problem("request_disagrees", row.requested_seq, what)
            continue
        seen.add(asked.request)
        for what in _request_differs(row, asked, settled):
            yield Problem("request_disagrees", asked.seq, f"the request of {row.duty} for {row.login} {what}")
    for asked in replay.requests.values():
        if asked.request not in seen and asked.seq <= settled:
            what = f"an entry requests {asked.duty} for {asked.login}, and the table has no row of it"
            yield Problem("request_disagrees", asked.seq, what)


def _request_differs(row: RequestRow, asked: Request, settled: int) -> Iterator[str]:
    held = (row.login, row.duty, row.reason, row.requested_by, row.requested_seq)
    if held != (asked.login, asked.duty, asked.reason, asked.requested_by, asked.seq):
        yield "is another one in the entry"
    if asked.valid_until is not None and asked.valid_until != row.expires_at:
        yield "is valid for another time in the entry"
    late = row.outcome is None and (asked.decided_seq or 0) > settled
    if not late and (row.outcome, row.decided_by) != (asked.outcome, asked.decided_by):
        yield f"is {row.outcome or 'undecided'} in the table and {asked.outcome or 'undecided'} by the entries"


def _differs(seq: int | None, what: str) -> Problem:
    return Problem("grant_disagrees", seq, what)

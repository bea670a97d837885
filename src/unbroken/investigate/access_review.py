"""What a reviewer should look at though no rule is broken: rights unused, in one hand, or beyond the log's reach."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Final

from unbroken.investigate.access_grants import INSTALLATION, MIGRATION, ONE_PERSON, Grant, Replay
from unbroken.investigate.access_reads import Read
from unbroken.store.access import Role

READERS: Final = frozenset({"ops", "compliance", "legal", "dpo", "verifier"})
TICKETED: Final = READERS - {"verifier"}
RECORDERS: Final = frozenset({"writer", "server"})
_DECIDERS: Final = frozenset({"compliance", "legal", "dpo"})


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to look at: what kind of thing, which login, and why, in words.

    ``topic`` is one of toxic_pair, several_duties, unused, no_membership, no_grant, no_login, one_decider, overruled
    and outside_policies.
    """

    topic: str
    login: str
    what: str


@dataclass(frozen=True, slots=True)
class Server:
    """What the server's catalog and tables say besides the grants, all of it of now."""

    roles: tuple[Role, ...]
    logins: frozenset[str]
    recording: frozenset[str]
    """Logins of which a recorder has started since ``unused_since``."""
    unused_since: datetime


def is_toxic(one: str, other: str) -> bool:
    """Whether two duties in one hand let it do alone what takes two, or watch itself."""
    pair = {one, other}
    return (
        "owner" in pair
        or ("access" in pair and bool(pair & READERS))
        or pair == {"writer", "verifier"}
        or pair == {"server", "verifier"}
        or ("notary" in pair and bool(pair & {*RECORDERS, "verifier", "access"}))
        or ("retention" in pair and bool(pair & (RECORDERS | _DECIDERS)))
    )


def remarks(replay: Replay, standing: list[Grant], *, reads: list[Read], server: Server) -> list[Remark]:
    """All there is to look at in the grants that are or were ``standing``, and in the server of now.

    ``replay`` is of all entries, so that what has ended since is not held against the server.
    """
    found = [
        *_pairs(standing, server.roles),
        *_unused(replay, standing, reads, server),
        *_halves(replay.standing(), server),
        *_deciders(replay, standing),
        *_outside(server.roles),
    ]
    return list(dict.fromkeys(found))


def _pairs(standing: Iterable[Grant], roles: Iterable[Role]) -> Iterator[Remark]:
    held = {role.name: set(role.groups) for role in roles if role.can_login}
    for grant in standing:
        held.setdefault(grant.login, set()).add(grant.duty)
    for login, duties in sorted(held.items()):
        toxic = [pair for pair in combinations(sorted(duties), 2) if is_toxic(*pair)]
        for one, other in toxic:
            yield Remark("toxic_pair", login, f"{one} and {other}")
        if len(duties) > 1 and not toxic:
            yield Remark("several_duties", login, f"{' and '.join(sorted(duties))}: a login is for one duty")


def _unused(replay: Replay, standing: Iterable[Grant], reads: Iterable[Read], server: Server) -> Iterator[Remark]:
    readers = {(read.login, read.duty) for read in reads if read.at >= server.unused_since}
    for grant in standing:
        if grant.since >= server.unused_since:
            continue
        if grant.duty in TICKETED and (grant.login, grant.duty) not in readers:
            yield Remark("unused", grant.login, f"{grant.duty}: no read")
        elif grant.duty in RECORDERS and grant.login not in server.recording:
            yield Remark("unused", grant.login, f"{grant.duty}: none of its recorders has started")
        elif grant.duty == "access" and not _decided(replay, grant.login, server.unused_since):
            yield Remark("unused", grant.login, "access: no grant and no revocation")


def _decided(replay: Replay, login: str, since: datetime) -> bool:
    return any(
        (each.since >= since and login in (each.requested_by, each.confirmed_by))
        or (each.ended is not None and each.ended.at >= since and each.ended.by == login)
        for each in replay.grants.values()
    )


def _halves(standing: list[Grant], server: Server) -> Iterator[Remark]:
    """Half a right opens nothing, and waits for the other half."""
    member = {(role.name, group) for role in server.roles for group in role.groups}
    granted = {(grant.login, grant.duty) for grant in standing}
    for grant in standing:
        if grant.login not in server.logins:
            yield Remark("no_login", grant.login, f"{grant.duty}: a new login of this name would have the grant")
        elif (grant.login, grant.duty) not in member:
            yield Remark("no_membership", grant.login, f"{grant.duty}: granted, but no member of unbroken_{grant.duty}")
    for role in server.roles:
        for group in role.groups:
            if role.can_login and group != "owner" and (role.name, group) not in granted:
                yield Remark("no_grant", role.name, f"{group}: member of unbroken_{group}, without a grant on this log")


def _deciders(replay: Replay, standing: Iterable[Grant]) -> Iterator[Remark]:
    words = {
        ONE_PERSON: "granted by one person",
        INSTALLATION: "granted by the installing role alone",
        MIGRATION: "was there before grants were recorded: nobody decided",
    }
    for grant in standing:
        if grant.basis in words:
            yield Remark("one_decider", grant.login, f"{grant.duty}: {words[grant.basis]} ({grant.requested_by})")
        if replay.overruled.get(grant.seq):
            names = " and ".join(replay.overruled[grant.seq])
            yield Remark("overruled", grant.login, f"{grant.duty}: granted by installation, though {names} had access")


def _outside(roles: Iterable[Role]) -> Iterator[Remark]:
    for role in roles:
        login = "" if role.can_login else " (it can't log in itself, its members can take it on)"
        if role.superuser:
            yield Remark("outside_policies", role.name, f"superuser: PostgreSQL does not ask it for a ticket{login}")
        elif role.bypasses_policies:
            yield Remark("outside_policies", role.name, f"BYPASSRLS: PostgreSQL does not ask it for a ticket{login}")
        if "owner" in role.groups:
            yield Remark("outside_policies", role.name, f"member of unbroken_owner: reads without a ticket{login}")
        elif role.reachable and not role.superuser:
            groups = ", ".join(f"unbroken_{group}" for group in role.reachable)
            yield Remark("outside_policies", role.name, f"may make itself a member of {groups}{login}")
        if role.reads_files and not role.superuser:
            yield Remark("outside_policies", role.name, f"reads files of the server, or runs programs there{login}")

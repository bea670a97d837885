"""Who is a member of what: the roles of a server as far as they concern the log."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Final

from psycopg import sql

from unbroken.store.administration import DUTIES
from unbroken.store.check_finding import Finding, Severity, fault, note, warning
from unbroken.store.connection import Connection
from unbroken.store.sql import query

OWNER: Final = "unbroken_owner"
_DUTY_OF: Final = {f"unbroken_{duty}": duty for duty in DUTIES}
_READERS: Final = ("ops", "compliance", "legal", "dpo", "subjects", "verifier")
_TOXIC: Final = {
    frozenset(pair): reason
    for pairs, reason in (
        ((("writer", "verifier"), ("server", "verifier")), "it would vouch for what it recorded itself"),
        ((("writer", "retention"), ("server", "retention")), "it could record, and have removed what tells of it"),
        (tuple(("access", duty) for duty in _READERS), "it could grant itself what it reads"),
        (tuple(("access", duty) for duty in ("writer", "server", "retention")), "it could grant itself more of it"),
        (tuple(("notary", duty) for duty in ("writer", "server")), "it would sign what it recorded itself"),
        (tuple(("notary", duty) for duty in ("verifier", "access")), "it would vouch for itself, or let itself in"),
        (tuple(("retention", duty) for duty in ("compliance", "legal", "dpo")), "it could approve its own disposals"),
    )
    for pair in pairs
}
_PREDEFINED: Final = {
    "pg_read_all_data": (Severity.FAULT, "reads every table that has no row security"),
    "pg_write_all_data": (Severity.FAULT, "writes into every table that has no row security"),
    "pg_read_server_files": (Severity.FAULT, "reads the server's files, and so every row"),
    "pg_write_server_files": (Severity.FAULT, "writes the server's files, and so becomes superuser"),
    "pg_execute_server_program": (Severity.FAULT, "runs programs as the server, and so becomes superuser"),
    "pg_maintain": (Severity.WARNING, "locks and rewrites every table"),
    "pg_create_subscription": (Severity.WARNING, "can have the server write rows that come from elsewhere"),
    "pg_signal_backend": (Severity.WARNING, "ends the sessions of other logins"),
}


@dataclass(frozen=True, slots=True)
class Role:
    """One role and its attributes."""

    name: str
    predefined: bool
    can_login: bool
    superuser: bool
    bypasses_rls: bool
    replicates: bool
    creates_roles: bool
    creates_databases: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """``member`` in ``group``; not ``active`` where it may only hand the membership on."""

    group: str
    member: str
    admin: bool
    active: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """An active row of the log's own grants, and whether the login is there."""

    log: str
    login: str
    duty: str
    exists: bool


@dataclass(frozen=True)
class Roles:
    """The roles of a server and the memberships between them."""

    roles: Mapping[str, Role]
    memberships: tuple[Membership, ...]
    granted: frozenset[str]

    def way(self, member: str, group: str) -> list[str] | None:
        """The roles from ``member`` to ``group``, both included, over memberships that can be used; the shortest."""
        ways, seen = [[member]], {member}
        for way in ways:
            if way[-1] == group:
                return way
            for upper in sorted(self._above.get(way[-1], set()) - seen):
                seen.add(upper)
                ways.append([*way, upper])
        return None

    def held_by(self, member: str) -> set[str]:
        """All roles whose rights ``member`` has or can take, without itself."""
        held: set[str] = set()
        ahead = [member]
        while ahead:
            more = self._above.get(ahead.pop(), set()) - held
            held |= more
            ahead += more
        return held - {member}

    @cached_property
    def groups(self) -> frozenset[str]:
        """The log's own groups that are there."""
        return frozenset({OWNER, *_DUTY_OF} & self.roles.keys())

    @cached_property
    def ours(self) -> frozenset[str]:
        """Everybody who holds one of the groups or was granted a log; not the groups."""
        members = {name for name in self.roles if self.held_by(name) & self.groups}
        return frozenset((members | (self.granted & self.roles.keys())) - self.groups)

    @cached_property
    def _above(self) -> dict[str, set[str]]:
        above: dict[str, set[str]] = {}
        for each in self.memberships:
            if each.active:
                above.setdefault(each.member, set()).add(each.group)
        return above


def read_roles(connection: Connection, granted: Iterable[str]) -> Roles:
    """The log's groups, the logins that were ``granted`` something, and all roles that stand in a membership."""
    logins = sorted(set(granted))
    names = {"groups": [OWNER, *_DUTY_OF], "logins": logins}
    rows = connection.execute(query("roles", of="check"), names).fetchall()
    roles = {str(row[0]): Role(str(row[0]), *(value is True for value in row[1:])) for row in rows}
    memberships = tuple(
        Membership(str(group), str(member), admin is True, active is True)
        for group, member, admin, active in connection.execute(query("memberships", of="check"))
    )
    return Roles(roles, memberships, frozenset(logins))


def read_grants(connection: Connection) -> list[Grant]:
    """The active grants that this login may see."""
    rows = connection.execute(query("grants", of="check"))
    return [Grant(str(log), str(login), str(duty), exists is True) for log, login, duty, exists in rows]


def owner_findings(roles: Roles, *, version: int) -> Iterator[Finding]:
    """Who can act as the owner, or make itself able to."""
    for name in sorted(roles.ours):
        way = roles.way(name, OWNER)
        if way is not None:
            yield fault(
                _role(name),
                f"can act as {OWNER}{_through(way)}: it can change and drop everything",
                _revoke(OWNER, way[-2]),
            )
    for each in roles.memberships:
        if each.group == OWNER and not each.active:
            yield warning(
                _role(each.member),
                f"holds ADMIN on {OWNER} (INHERIT and SET are off), as PostgreSQL gives it from 16 on to whoever makes "
                "a role: it can make itself a member",
                f"lock it between installations: alter role {_quoted(each.member)} nologin; or as a superuser: "
                f"{_revoke(OWNER, each.member)}",
            )
    for role in roles.roles.values():
        if version < 16 and role.creates_roles and not role.superuser and role.name not in roles.ours:
            yield warning(
                _role(role.name),
                f"may make roles, which before PostgreSQL 16 is to make itself a member of {OWNER} as well",
                f"lock it between installations: alter role {_quoted(role.name)} nologin",
            )


def group_findings(roles: Roles) -> Iterator[Finding]:
    """Groups that are more than groups, and who may hand them out."""
    for name in [OWNER, *_DUTY_OF]:
        if name not in roles.roles:
            yield fault(_role(name), "is not there", "run what `unbroken db roles --sql` prints")
    for name in sorted(roles.groups):
        for what, option in _attributes(roles.roles[name]):
            yield fault(_role(name), f"is a group and {what}", f"alter role {_quoted(name)} {option}")
        yield from _memberships_of_group(roles, name)
    for name, handed in sorted(_handed_out(roles).items()):
        yield note(
            _role(name),
            f"may make any login a member of {', '.join(handed)}",
            "nothing, if it adds logins; grants for a log are another matter",
        )


def pair_findings(roles: Roles) -> Iterator[Finding]:
    """Logins with two duties."""
    for name in sorted(roles.ours):
        if not roles.roles[name].can_login:
            continue
        held = roles.held_by(name)
        duties = [duty for group, duty in _DUTY_OF.items() if group in held]
        for one, other in combinations([*(["owner"] if OWNER in held else []), *duties], 2):
            reason = "it can do everything" if one == "owner" else _TOXIC.get(frozenset((one, other)))
            make = note if reason is None else warning
            found = f"holds the duties {one} and {other}" + (f": {reason}" if reason else "; a login is meant for one")
            yield make(_role(name), found, "make a login of its own for one of them")


def power_findings(roles: Roles, *, version: int) -> Iterator[Finding]:
    """Our logins, and roles they can take, with rights of the server."""
    for name in sorted(roles.ours):
        for holder in sorted({name, *roles.held_by(name)} - roles.groups):
            for what, option, severity in _powers(roles.roles[holder], version=version):
                of = "" if holder == name else f" as {holder}"
                yield Finding(severity, _role(name), f"{what}{of}", f"alter role {_quoted(holder)} {option}")


def predefined_findings(roles: Roles) -> Iterator[Finding]:
    """Roles that PostgreSQL defines, in the hands of our logins."""
    for name in sorted(roles.ours):
        for held in sorted(roles.held_by(name)):
            way = roles.way(name, held)
            if not roles.roles[held].predefined or way is None or any(step in roles.groups for step in way):
                continue  # through one of our groups it is told of the group
            severity, does = _PREDEFINED.get(held, (Severity.NOTE, "is one of PostgreSQL's own roles"))
            found = f"is a member of {held}{_through(way)}, which {does}"
            yield Finding(severity, _role(name), found, _revoke(held, way[-2]))


def grant_findings(roles: Roles, grants: list[Grant], *, all_seen: bool) -> Iterator[Finding]:
    """Halves of a right: a grant without membership, membership without a grant, grants of nobody."""
    for grant in grants:
        group = f"unbroken_{grant.duty}"
        told = f"is granted {grant.duty} in {grant.log}"
        if not grant.exists:
            yield warning(
                _role(grant.login),
                f"{told}, and there is no such login: whoever makes one of that name gets the right",
                "revoke the grant with `unbroken revoke`",
            )
        elif group not in roles.held_by(grant.login):
            yield warning(
                _role(grant.login),
                f"{told}, and is no member of {group}: it can't use it",
                "revoke the grant with `unbroken revoke`, or make the login a member with `unbroken login add`",
            )
    if not all_seen:
        return
    granted = {(grant.login, grant.duty) for grant in grants}
    for name in sorted(roles.ours):
        for group in sorted(roles.held_by(name) & _DUTY_OF.keys()):
            if roles.roles[name].can_login and (name, _DUTY_OF[group]) not in granted:
                yield note(
                    _role(name),
                    f"is a member of {group} and has no grant in this database",
                    f"nothing, if it serves another database of this server; else {_revoke(group, name)}",
                )


def _handed_out(roles: Roles) -> dict[str, list[str]]:
    """Who but a superuser holds ADMIN on which groups of duties."""
    found: dict[str, list[str]] = {}
    for each in sorted(roles.memberships, key=lambda each: each.group):
        if each.group in _DUTY_OF and each.admin and not roles.roles[each.member].superuser:
            found.setdefault(each.member, []).append(each.group)
    return found


def _memberships_of_group(roles: Roles, name: str) -> Iterator[Finding]:
    for each in roles.memberships:
        # It ends sessions that hold a log's lock.
        if each.member == name and (name, each.group) != (OWNER, "pg_signal_backend"):
            yield fault(
                _role(name),
                f"is a group and a member of {each.group}, and so are all its members",
                _revoke(each.group, name),
            )


def _attributes(role: Role) -> Iterator[tuple[str, str]]:
    if role.can_login:
        yield "can log in", "nologin"
    for what, option, _ in _powers(role, version=0):
        yield what, option


def _powers(role: Role, *, version: int) -> Iterator[tuple[str, str, Severity]]:
    if role.superuser:
        yield "is a superuser", "nosuperuser", Severity.FAULT
    if role.bypasses_rls:
        yield "bypasses row security", "nobypassrls", Severity.FAULT
    if role.replicates:
        yield "may copy the whole server by replication", "noreplication", Severity.FAULT
    if role.creates_roles:
        # Before 16 that is the right to become any role but a superuser.
        yield "may make roles", "nocreaterole", Severity.WARNING if version >= 16 else Severity.FAULT
    if role.creates_databases:
        yield "may make databases", "nocreatedb", Severity.NOTE


def _through(way: list[str]) -> str:
    return f" through {', '.join(way[1:-1])}" if len(way) > 2 else ""


def _role(name: str) -> str:
    return f"role {name}"


def _revoke(group: str, member: str) -> str:
    return f"revoke {_quoted(group)} from {_quoted(member)}"


def _quoted(name: str) -> str:
    """As psql takes it; without quotes where it needs none."""
    plain = name.isidentifier() and name.isascii() and name == name.lower()
    return name if plain else sql.Identifier(name).as_string()

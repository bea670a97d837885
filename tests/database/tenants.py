"""Two logs in one database, each with a login for every duty; and logins that have half of a right, or none."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg import sql

from tests.conftest import LOG, Database, Server, add_login
from tests.database import raw
from tests.database.disposing import Disposing, due
from tests.database.held import ask_release, issue
from tests.database.policies import TEXT, ask_standing, proposed
from tests.database.raw import Connection, append, sent
from tests.database.test_approval_door import decision, id_of, request
from tests.database.vaulting import append as append_sealed
from tests.database.vaulting import laid_out, plain_keys
from tests.unseen.sitecustomize import PLANTED
from unbroken.store import administration
from unbroken.store.sql import script

OTHER: Final = "lab.example/robots"
"""The other tenant's log."""
ABSENT: Final = "nowhere.example/nothing"
"""A log that does not exist."""
NUMBERS: Final = {LOG: 1, OTHER: 2}
DUTIES: Final = administration.DUTIES
READERS: Final = ("ops", "compliance", "legal", "dpo")
"""Duties that read under a ticket."""
NAMERS: Final = ("compliance", "legal", "dpo")
"""Duties that may see names."""

OWNER: Final = "owner"
NOBODY: Final = "nobody"
GRANTED: Final = "granted"
MEMBERS: Final = tuple(f"member_{duty}" for duty in DUTIES)
"""Logins that are members of a duty's group and have no grant."""
ERASED: Final = ("asked", "confirmed", "begun", "done")
"""How far the erasures of a log are: each of a person who is called so."""
LOGINS: Final = (*DUTIES, OWNER, *MEMBERS, GRANTED, NOBODY)

_PREFIX: Final = "lab_"
_SCRATCH: Final = """
create schema matrix;
create function matrix.nothing() returns trigger language plpgsql as $$ begin return new; end $$;
grant all on schema matrix to public
"""
"""Where everybody may make tables, so that what is refused is refused for the schema's sake."""
_ASK_NAMES: Final = "select unbroken.ask_names(%s, %s, %s)"
_ASK_ORIGINALS: Final = "select unbroken.ask_originals(%s, %s, 'open', %s)"
_TICKET: Final = "select ticket from unbroken.open_ticket(%s, 'a test', 'case-1', '{\"what\":\"entries\"}', '10 min')"


def of_other(duty: str) -> str:
    """The other tenant's login for a duty."""
    return _PREFIX + duty


@dataclass
class Tenants:
    """A database that holds two logs, connections of all logins, and what was put into the logs."""

    database: Database
    stack: ExitStack
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By log: ids, numbers and hashes that calls need."""
    _counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    _connections: dict[str, Connection] = field(default_factory=dict)

    def login(self, name: str) -> Connection:
        if name not in self._connections:
            self._connections[name] = self.stack.enter_context(self.connect(name))
        return self._connections[name]

    def connect(self, name: str) -> Connection:
        connection = self.database.connect(name)
        if name == OWNER:
            connection.execute("set role unbroken_owner")
        return connection

    @property
    def admin(self) -> Connection:
        return self.database.admin

    def open_tickets(self) -> None:
        """A ticket for everybody who can get one, each for the log of its login."""
        self._counts.clear()
        for log in NUMBERS:
            for duty in READERS:
                login = duty if log == LOG else of_other(duty)
                row = self.login(login).execute(_TICKET, (log,)).fetchone()
                assert row is not None, login
                assert row[0] is not None, login
                self.known[log]["tickets"][login] = row[0]
                if duty in NAMERS:
                    self.known[log]["lookups"][login] = self.ask_names(login, log, row[0])
                if duty == "dpo":
                    self.known[log]["openings"][login] = self.ask_originals(login, log, row[0])

    def ask_names(self, login: str, log: str, ticket: Any) -> Any:
        """A look-up of the name behind the log's pseudonym."""
        row = self.login(login).execute(_ASK_NAMES, (log, ticket, [pseudonym_in(log)])).fetchone()
        assert row is not None
        return row[0]

    def ask_originals(self, login: str, log: str, ticket: Any) -> Any:
        """An opening of the log's one original."""
        row = self.login(login).execute(_ASK_ORIGINALS, (log, ticket, [self.known[log]["original"]])).fetchone()
        assert row is not None
        return row[0]

    def counted(self, relation: str, *, by_log: bool) -> tuple[int, int]:
        """How many rows there are, and how many of the first log."""
        if relation not in self._counts:
            own = sql.SQL("count(*) filter (where log = 1)" if by_log else "count(*)")
            statement = sql.SQL("select count(*), {} from {}").format(own, sql.Identifier("unbroken", relation))
            row = self.admin.execute(statement).fetchone()
            assert row is not None
            self._counts[relation] = (int(row[0]), int(row[1]))
        return self._counts[relation]

    def holds_told(self) -> int:
        """How many entries of the first log tell of legal holds."""
        return int(self.scalar("select count(*) from unbroken.entries where log = 1 and event_type like 'log.hold%%'"))

    def scalar(self, statement: str, *values: object) -> Any:
        row = self.admin.execute(statement.encode(), values).fetchone()
        return None if row is None else row[0]


def lookup_in(log: str) -> bytes:
    """The keyed hash of the one name that a log knows."""
    return hashlib.sha256(log.encode()).digest()


def pseudonym_in(log: str) -> str:
    """The pseudonym of the one name that a log knows."""
    return f"p-{lookup_in(log).hex()[:32]}"


def person_in(log: str, name: str) -> str:
    """The pseudonym of somebody whose name is not known."""
    return f"p-{hashlib.sha256((name + log).encode()).hexdigest()[:32]}"


@contextmanager
def tenants_on(server: Server) -> Iterator[Tenants]:
    """The two logs, in a database of their own; nobody is a member of the owner afterwards."""
    with raw.database_on(server) as database, ExitStack() as stack:
        made = Tenants(database, stack)
        _make_logins(made)
        database.admin.execute(_SCRATCH)
        database.admin.execute("grant unbroken_owner to owner")
        try:
            for log in NUMBERS:
                made.known[log] = _fill(made, log)
            _grant_everything(made, GRANTED)
            yield made
        finally:
            stack.close()
            database.admin.execute("revoke unbroken_owner from owner")


def create_login(admin: Connection, name: str) -> None:
    """A login that has nothing; kept where there is one."""
    if admin.execute("select from pg_roles where rolname = %s", (name,)).fetchone() is None:
        admin.execute(sql.SQL("create role {} login inherit").format(sql.Identifier(name)))


def _make_logins(made: Tenants) -> None:
    admin = made.admin
    for name in (OWNER, NOBODY, GRANTED, "newcomer", *MEMBERS):
        create_login(admin, name)
    for duty, name in zip(DUTIES, MEMBERS, strict=True):
        admin.execute(sql.SQL("grant {} to {}").format(sql.Identifier(f"unbroken_{duty}"), sql.Identifier(name)))
    administration.create_log(admin, OTHER)
    # Access administrators last: until there is one the installing role grants alone.
    for duty in DUTIES:
        add_login(admin, of_other(duty), duty=duty, log=OTHER)
    administration.add_login(admin, of_other("access2"), duty="access", password=None)
    asked = administration.install_grant(admin, OTHER, of_other("access2"), duty="access")
    made.login(of_other("access")).execute("select unbroken.confirm_access(%s, %s::uuid)", (OTHER, asked.request))


def _fill(made: Tenants, log: str) -> dict[str, Any]:
    """A row in every table of the log, and what calls need to name them."""

    def name(duty: str) -> str:
        return duty if log == LOG else of_other(duty)

    def login(duty: str) -> Connection:
        return made.login(name(duty))

    recorder = raw.new_id()
    asked, decided = request(recorder=recorder), request(recorder=recorder, call_id="c-2")
    parts = {"inputs": '{"a":1}', "outputs": "2", "details": "null"}
    touched: dict[str, Any] = {"agent_id": "bot", "tool": "wire", "resource_type": "patient", "resource_id": "p-1"}
    touched["redactions"] = ["UK_NHS:1"]
    first = sent(parts, session_id="s-1", recorder=recorder, **touched)
    rows = append(login("writer"), [first, sent(parts, session_id="s-2", recorder=recorder), asked, decided], log=log)
    append(login("writer"), [decision(decided, call_id="c-2", recorder=recorder)], log=log)
    unapproved = {"event_type": "tool_call", "tool": "wire", "call_id": "c-9", "side_effect": True}
    append(
        login("writer"),
        [sent(None, recorder=recorder, **unapproved), sent(event_type="error", recorder=recorder)],
        log=log,
    )
    append(login("writer"), [sent(recorder=recorder, event_type="model_call", agent_id="bot", model="m-1")], log=log)
    others = raw.new_id()
    append(login("server"), [sent(recorder=others)], log=log)
    login("access").execute("select unbroken.grant_access(%s, 'leaver', 'writer', 'a test')", (log,))
    login("ops").execute("select unbroken.open_ticket(%s, ' ', null, '{}', '1 min')", (log,))
    names = ([lookup_in(log)], [pseudonym_in(log)], [b"sealed"])
    login("writer").execute("select unbroken.identify(%s, %s, %s, %s)", (log, *names))
    login("writer").execute("select unbroken.note_unclassified(%s, '{tool}', '{wire}')", (log,))
    login("compliance").execute("select unbroken.load_registry(%s, '# nothing', 'a test')", (log,))
    _signed(login, log)
    made.known[log] = _vault(login, log)
    closed = login("dpo").execute(_TICKET, (log,)).fetchone()
    assert closed is not None
    made.ask_names(name("dpo"), log, closed[0])
    opening = made.ask_originals(name("dpo"), log, closed[0])
    login("dpo").execute("select unbroken.close_opening(%s, %s, 0, 0, %s)", (log, opening, "0" * 64))
    erasures = {state: _erasure(login, log, closed[0], state) for state in ERASED}
    login("dpo").execute("select unbroken.close_ticket(%s, %s, 'complete', 0, %s)", (log, closed[0], "0" * 64))
    return {
        **made.known[log],
        "erasures": erasures,
        **_kept(login, log),
        **_held(login, log),
        "disposals": _disposed(made, login, log),
        "recorders": {name("writer"): recorder, name("server"): others},
        "id": id_of(first),
        "asked": id_of(asked),
        "head": rows[0].hash,
        "requested": {duty: _requested(login(duty), log, f"{duty}_{log[:3]}") for duty in ("access", "access2")},
        "tickets": {},
        "lookups": {},
        "closed": closed[0],
    }


def _signed(login: Callable[[str], Connection], log: str) -> None:
    """What a notary lays down: a key, a tile, a checkpoint, a receipt and an alarm."""
    for statement in (
        "select unbroken.store_key_statement(%s, 'first', 'a key', 'a statement')",
        "select unbroken.store_tiles(%s, array[1], array[0]::bigint[], array[sha256('')])",
        (
            "select unbroken.store_checkpoint(v.log, 1, hashes, v.log || e'~1\\n1\\n' || encode(hashes, 'base64')"
            " || e'\\n\\n\u2014 n AAAAAAAA\\n', now(), true) from (values (%s)) v (log), unbroken.leaves(v.log, 0, 1)"
        ),
        "select unbroken.store_receipt(%s, 'nas', 'directory', 1, sha256(''), 'a receipt', null)",
        "select unbroken.raise_alarm(%s, 'log.anchoring_late', '{}')",
    ):
        login("notary").execute(statement.encode(), (log,))


def _vault(login: Callable[[str], Connection], log: str) -> dict[str, Any]:
    """A vault with free keys, one original, and people with a key and a session, who are going to be erased."""
    login("dpo").execute("select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", (log, *plain_keys(log, 8)))
    people = [pseudonym_in(log), *(person_in(log, state) for state in ERASED)]
    asking = "select key_id from unbroken.vault_keys(%s, array_fill('subject'::text, array[5]), %s)"
    keys = [row[0] for row in login("writer").execute(asking, (log, people)).fetchall()]
    recorder = raw.new_id()
    of_one = sent(None, subjects=people[:1], original="0" * 64, recorder=recorder)
    of_others = [
        sent(None, subjects=[person], session_id=f"of-{state}", recorder=recorder)
        for state, person in zip(ERASED, people[1:], strict=True)
    ]
    rows = append_sealed(login("writer"), [(of_one, laid_out(keys[0])), *((each, None) for each in of_others)], log=log)
    rewrapping = login("dpo").execute("select unbroken.ask_rewrapping(%s, 'kek-2')", (log,)).fetchone()
    assert rewrapping is not None
    return {"original": rows[0].seq, "sealed_to": keys[0], "rewrapping": rewrapping[0], "openings": {}}


def _erasure(login: Callable[[str], Connection], log: str, ticket: Any, state: str) -> dict[str, Any]:
    """An erasure as far as this state."""

    def value(statement: str, *given: Any) -> Any:
        row = login("dpo").execute(statement.encode(), (log, *given)).fetchone()
        assert row is not None
        return row[0]

    asking = "select erasure from unbroken.ask_erasure(%s, %s, %s, false, 'case-1', 'a test')"
    erasure = value(asking, ticket, [person_in(log, state)])
    keys: list[str] = []
    if state != "asked":
        login("legal").execute("select unbroken.confirm_erasure(%s, %s)", (log, erasure))
        keys = value("select keys from unbroken.prepare_erasure(%s, %s)", erasure)
    if state in ("begun", "done"):
        value("select unbroken.begin_erasure(%s, %s, %s, %s)", erasure, keys, "0" * 64)
    if state == "done":
        value("select unbroken.finish_erasure(%s, %s, %s)", erasure, "1" * 64)
    return {"erasure": erasure, "keys": keys}


def _kept(login: Callable[[str], Connection], log: str) -> dict[str, Any]:
    """Policies in force, a start event, and what two duties proposed and asked for."""
    first = proposed(login("compliance"), TEXT, log=log)
    login("legal").execute("select unbroken.confirm_policies(%s, %s::integer)", (log, first))
    event = "select unbroken.tell_start(%s, 'account_closed', 'account=1', '2015-03-01T12:00:00Z', 'a test')"
    login("server").execute(event, (log,))
    pair = ("legal", "compliance")
    return {
        "proposed": {
            duty: proposed(login(duty), TEXT.replace("1y", str(nth) + "y"), log=log) for nth, duty in enumerate(pair, 3)
        },
        "standing": {duty: ask_standing(login(duty), ["own.account"], log=log) for duty in pair},
    }


def _held(login: Callable[[str], Connection], log: str) -> dict[str, Any]:
    """A hold, and who asked for its release."""
    hold = issue(login("legal"), {"sessions": ["held"]}, log=log)
    return {
        "hold": hold,
        "releases": {duty: ask_release(login(duty), hold, log=log) for duty in ("legal", "compliance")},
    }


def _disposed(made: Tenants, login: Callable[[str], Connection], log: str) -> dict[str, str]:
    """Disposals: one that is done, one that compliance reviewed, and one under approvals in advance that looks on."""
    recorder = raw.new_id()
    on = Disposing(made.database, log, logins=login)
    kept, *_ = append(login("writer"), [due(recorder=recorder), due(recorder=recorder)], log=log)
    done = on.proposed()
    on.extend(done, str(kept.seq))
    on.agree(done)
    on.carry_out(done)
    append(login("writer"), [due(recorder=recorder)], log=log)
    reviewed = on.reviewed()
    approval = ask_standing(login("dpo"), ["own.account"], log=log)
    login("legal").execute("select unbroken.confirm_standing(%s, %s)", (log, approval))
    return {"done": done, "reviewed": reviewed, "frozen": on.frozen(standing=True)}


def _requested(administrator: Connection, log: str, login: str) -> str:
    """A request for access that waits for a second person."""
    row = administrator.execute(
        "select request::text from unbroken.grant_access(%s, %s, 'legal', 'a test')", (log, login)
    ).fetchone()
    assert row is not None
    return str(row[0])


def _grant_everything(made: Tenants, login: str) -> None:
    """Every duty for the first log, which no login gets in the orderly way."""
    admin = made.admin
    with admin.transaction():
        admin.execute(script("ddl_guard_off"))
        admin.execute("alter table unbroken.grants disable trigger refuse_untold_grant")
        for duty in DUTIES:
            admin.execute(
                "insert into unbroken.grants (log, login, duty, granted_at, granted_by) values (1, %s, %s, now(), %s)",
                (login, duty, PLANTED[1]),
            )
        admin.execute("alter table unbroken.grants enable always trigger refuse_untold_grant")
        admin.execute(script("ddl_guard"))

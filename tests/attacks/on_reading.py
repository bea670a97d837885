"""Attacks by who may read: more than that, or without a trace."""

from contextlib import closing
from typing import Final

import psycopg

from tests.attacks.check import DENIED, Check, harmless, note, refused, told_apart
from tests.attacks.scene import Scene
from tests.attacks.verdict import Result

NO_TICKET: Final = ("UB007",)


def _kept_without_a_trace(scene: Scene) -> Result:
    """Opens what reading needs and reads, in one transaction, keeps what came, and rolls back."""
    counted = scene.statement("{reads_recorded}")
    before = scene.value(counted)
    kept = []
    with closing(scene.connect("compliance")) as connection:
        try:
            kept += connection.execute(scene.statement("{open}").encode()).fetchall()
            kept = connection.execute(scene.statement("{read_payloads}").encode()).fetchall()
        except psycopg.Error as error:
            if error.sqlstate in NO_TICKET:
                return Result("PASS", str(error.sqlstate))
            return Result("FAIL", f"refused for another reason: {error.sqlstate} {error.diag.message_primary}")
        finally:
            connection.rollback()
    if scene.value(counted) > before:
        return Result("PASS", "the record stays")
    return Result("FAIL", f"{len(kept)} rows kept, and no record of it", worked=True)


def _control_total(scene: Scene) -> Result:
    """The verifier must see as many entries of its log as there are."""
    total = scene.value(scene.statement("{total}"))
    with closing(scene.connect("verifier")) as connection:
        row = connection.execute(scene.statement("select count(*) from {entries}").encode()).fetchone()
    seen = 0 if row is None else row[0]
    if seen != total:
        return Result("FAIL", f"sees {seen} of {total}", worked=True)
    return Result("PASS", "all of them" if total else "nothing to see")


def _after_revocation(scene: Scene) -> Result:
    """Reads in a transaction with an old snapshot, before and after the grant is revoked."""
    with closing(scene.connect("compliance")) as connection:
        connection.execute(scene.statement("{open}").encode())
        connection.commit()
        connection.execute("set transaction isolation level repeatable read")
        connection.execute(scene.statement("{read}").encode())
        with closing(scene.connect("access")) as access:
            access.execute(scene.statement("{take_back}").encode())
            access.commit()
        try:
            connection.execute(scene.statement("{read}").encode())
        except psycopg.Error as error:
            return Result("FAIL", f"does not work any more: {error.sqlstate}")
    return Result("RESIDUAL", "works")


CHECKS: Final = (
    Check(
        id="P03a",
        who="subjects",
        tried="sets a variable that a policy might trust, and reads payloads",
        stands="no privilege on tables; no policy asks for a setting",
        judge=harmless(("subjects", "{variable}"), ("subjects", "{read_payloads}")),
    ),
    Check(
        id="P03b",
        who="compliance",
        tried="sets the same variable in place of opening a ticket",
        stands="policies ask the tickets' table for session_user",
        judge=harmless(("compliance", "{variable}"), ("compliance", "{read_payloads}"), by=NO_TICKET),
    ),
    Check(
        id="P03c",
        who="compliance",
        tried="switches policies off for itself (row_security = off) and reads",
        stands="the server raises where a policy would apply",
        judge=note(("compliance", "set local row_security = off"), ("compliance", "{read}"), by=DENIED),
        sound="the server's behaviour",
    ),
    Check(
        id="P14b",
        who="legal",
        tried="reads through a view without a ticket",
        stands="the view asks with the reader's own rights, and the policy raises",
        judge=refused(("legal", "select 1 from {view}"), by=NO_TICKET),
    ),
    Check(
        id="P22",
        who="verifier",
        tried="dumps (COPY TO with row_security = off, as pg_dump does)",
        stands="the server raises, so that no part is taken for the whole: dump as a role that bypasses policies",
        judge=note(("verifier", "set local row_security = off"), ("verifier", "copy {entries} to stdout"), by=DENIED),
        sound="the server's behaviour",
    ),
    Check(
        id="P24",
        who="compliance",
        tried="opens a ticket, reads, and rolls both back",
        stands="a ticket opens nothing in the transaction that made it",
        judge=_kept_without_a_trace,
    ),
    Check(
        id="P25a",
        who="verifier",
        tried="a missing policy: fewer rows than there are, and no error",
        stands="the verifier's count equals the control total",
        judge=_control_total,
    ),
    Check(
        id="P25b",
        who="compliance",
        tried="reads without a ticket, and takes an empty answer for a clean one",
        stands="an error, never an empty answer",
        judge=refused(("compliance", "{read}"), by=NO_TICKET),
    ),
    Check(
        id="W05",
        who="compliance, whose grant was revoked",
        tried="goes on reading under a ticket that is still open",
        stands="each statement looks at the grant again",
        judge=refused(
            ("compliance", "{open}"),
            ("access", "{take_back}"),
            ("compliance", "{read}"),
            by=("UB003", *NO_TICKET),
        ),
        alone=True,
    ),
    Check(
        id="W10",
        who="compliance",
        tried="asks for a ticket without a purpose",
        stands="refused, and the attempt is an entry",
        judge=told_apart(("compliance", "{bare_refusal}"), expected=True),
    ),
    Check(
        id="W10b",
        who="compliance",
        tried="reads after asking without a purpose",
        stands="there is no ticket",
        judge=refused(("compliance", "{open_bare}"), ("compliance", "commit"), ("compliance", "{read}"), by=NO_TICKET),
        alone=True,
    ),
    Check(
        id="U04",
        who="compliance",
        tried="EXPLAIN without a ticket: how many rows the planner expects",
        stands="policies are asked when a statement is planned",
        judge=refused(("compliance", "explain {read}"), by=NO_TICKET),
    ),
    Check(
        id="U05",
        who="compliance",
        tried="looks up by its key what is not there, to learn that it is not, without a ticket",
        stands="policies are asked when a statement is planned, whatever rows there are",
        judge=refused(("compliance", "{look_up_nobody}"), by=NO_TICKET),
    ),
    Check(
        id="U06",
        who="compliance, whose grant is revoked in the middle",
        tried="goes on reading in a transaction in REPEATABLE READ",
        stands="the ticket's end, which is the clock's; what is shown was there, and might be read, when it began",
        judge=_after_revocation,
        sound="there a revocation changes nothing at all: W05",
        alone=True,
    ),
    Check(
        id="U03",
        who="compliance of one log, with a ticket on it",
        tried="reads another log",
        stands="policies open the ticket's log and no other",
        judge=harmless(("compliance", "{open}"), ("compliance", "commit"), ("compliance", "{read_elsewhere}"), by=()),
        alone=True,
    ),
)

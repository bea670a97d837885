"""The machine is no ornament: with one line of the database's functions changed, it finds what comes of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import pytest

from tests.conftest import Server
from tests.retention_machine.machine import Machine
from tests.retention_machine.place import ANN, BOB, DECIDE, OTHER_ANN, PEOPLE, Said
from tests.retention_machine.policies import DEFAULTS, LONG_AGO, NAMED, PolicySet

KEEP, GO, _ = DEFAULTS
LAW: Final = NAMED[0]
SOMETHING: Final = Said(actor=ANN, subjects=frozenset([ANN]), session="s-1", sealed=True)
ABOUT_BOB: Final = replace(SOMETHING, subjects=frozenset([BOB]), session="s-2")
CALLS: Final = NAMED[3]
ORIGINALS: Final = NAMED[6]
IN_CARE: Final = replace(SOMETHING, domains=frozenset(["care"]))
FINANCE: Final = replace(
    SOMETHING, event_type="tool_call", domains=frozenset(["finance"]), scope=frozenset(["account=a-1", "account=none"])
)


@contextmanager
def machine(server: Server, *events: Said, policies: PolicySet | None = None) -> Iterator[Machine]:
    """One in which something was recorded, that is to go at once if nothing else is said."""
    made = Machine(server)
    with made.cleanup:
        made.begin(policies or PolicySet(GO, ()), (LONG_AGO, LONG_AGO), events or (SOMETHING, ABOUT_BOB))
        look(made)
        yield made


def look(made: Machine) -> None:
    """What hypothesis looks at after every step."""
    made.nothing_is_lost()
    made.every_step_was_taken_that_the_model_knows_of()


def dispose(made: Machine) -> None:
    made.carry_out(False, 1000, DECIDE, lambda *_: None)
    look(made)
    made.verify()


def dispose_amid_a_hold(made: Machine) -> None:
    """Issued when everything was approved."""

    def between(state: str, at: int) -> None:
        if state == "begun" and not made.world.holds:
            made.issue({"sessions": False}, None, 0, 0, "legal")

    made.carry_out(False, 1000, DECIDE, between)
    look(made)


def dispose_of_what_is_held(made: Machine) -> None:
    made.issue({"subjects": True}, None, 0, 0, "legal")
    dispose(made)


def erase_what_is_held(made: Machine) -> None:
    made.issue({"sessions": False}, None, 0, 0, "legal")
    made.erase(ANN, 1000)
    look(made)


def erase_what_a_law_keeps(made: Machine) -> None:
    made.ask_erasure(ANN, False)
    made.go_on_erasing(0, 9, 1000)


def erase_amid_a_hold(made: Machine) -> None:
    made.ask_erasure(ANN, True)
    made.go_on_erasing(0, 1, 1000)
    made.issue({"sessions": False}, None, 0, 0, "legal")
    made.go_on_erasing(0, 3, 1000)
    look(made)


def release_alone(made: Machine) -> None:
    made.issue({"sessions": False}, None, 0, 0, "legal")
    made.ask(0, {}, None, True, "legal")
    made.confirm(0, "legal")


def release_and_dispose(made: Machine) -> None:
    """In a grace period all stays."""
    made.issue({"sessions": True}, None, 0, 30, "legal")
    made.release(0)
    dispose(made)


def dispose_of_whom_a_hold_names_otherwise(made: Machine) -> None:
    made.issue({"subjects": False}, None, PEOPLE.index(OTHER_ANN), 0, "legal")
    dispose(made)


def widen(made: Machine) -> None:
    made.issue({"sessions": False}, None, 0, 0, "legal")
    made.ask(0, {"tools": True}, None, False, "compliance")


def confirm_own_policies(made: Machine) -> None:
    made.propose_policies(PolicySet(KEEP, ()), "dpo")
    made.confirm_policies(1, "dpo")


def decide_and_dispose(made: Machine) -> None:
    def between(state: str, at: int) -> None:
        if state == "proposed":
            made.decide(at, 0, True, "care", "dpo")

    made.carry_out(False, 1000, DECIDE, between)
    look(made)


def approve_what_one_reviewed(made: Machine) -> None:
    made.start(False, "retention")
    for step, login in (("freeze", "retention"), ("propose", "retention"), ("review", "legal"), ("approve", "legal")):
        made.try_a_step(0, step, login, 1000)


@dataclass(frozen=True)
class Broken:
    """A function in which one text is put in the place of another, and what then is lived through."""

    function: str
    right: str
    wrong: str
    story: Callable[[Machine], None]

    events: tuple[Said, ...] = ()
    policies: PolicySet | None = None


BROKEN: Final = {
    "nothing is held": Broken("held_among", "not unbroken.any_hold(p_log)", "true", dispose_of_what_is_held),
    "holds are not looked at again": Broken(
        "disposable_among", ":= unbroken.held_among(p_log, p_seqs)", ":= '{}'", dispose_amid_a_hold
    ),
    "a grace period is none": Broken("any_hold", "s.ends_at > clock_timestamp()", "false", release_and_dispose),
    "people go by one id": Broken(
        "people_among",
        "y.lookup = x.lookup",
        "y.pseudonym = x.pseudonym",
        dispose_of_whom_a_hold_names_otherwise,
    ),
    "a hold does not stand against an erasure": Broken("begin_erasure", "v_kept > 0", "false", erase_what_is_held),
    "a hold does not stand against an erasure under way": Broken(
        "not_held", "unbroken.held_among(p_log, p_seqs)", "'{}'::bigint[]", erase_amid_a_hold
    ),
    "a law does not stand against an erasure": Broken(
        "begin_erasure",
        "not v_asked.despite_floors",
        "false",
        erase_what_a_law_keeps,
        (FINANCE,),
        PolicySet(GO, (LAW,)),
    ),
    "one releases alone": Broken("confirm_hold_change", "session_user = v_asked.asked_by", "false", release_alone),
    "a hold gets wider": Broken("is_narrowing", "p_old <> p_new", "true or p_old <> p_new", widen),
    "one confirms alone": Broken("confirm_policies", "session_user = v_set.proposed_by", "false", confirm_own_policies),
    "one approves alone": Broken(
        "approve_disposal",
        "session_user in (v_open.reviewed_by, v_open.proposed_by)",
        "false",
        approve_what_one_reviewed,
    ),
    "what waits goes": Broken("is_due", "p_waits = '{}'", "true", dispose, (FINANCE,), PolicySet(GO, (LAW, CALLS))),
    "what has to be kept goes": Broken("is_due", "<= p_at", "is not null", dispose, policies=PolicySet(KEEP, ())),
    "a decision does not count": Broken(
        "decided_among", "(e.class = any", "false and (e.class = any", decide_and_dispose
    ),
    "something is left": Broken("dispose_batch", "any (v_goes) returning", "any (v_goes[2:]) returning", dispose),
    "what went is not told": Broken("put_disposed", "unbroken.ranges_of(p_payloads)", "null", dispose),
    "what is not on the list goes too": Broken(
        "dispose_batch", "p.seq = any (v_goes) returning p.seq)", "p.seq > 0 returning p.seq)", dispose_amid_a_hold
    ),
    "the other part goes, too": Broken(
        "dispose_batch",
        "c.part <> 'originals' and v_part <> 'originals'",
        "true",
        dispose,
        (IN_CARE,),
        PolicySet(KEEP, (ORIGINALS,)),
    ),
    "a part goes by policies of the other": Broken(
        "due_among", "when m.is_split", "when false", dispose, (IN_CARE,), PolicySet(KEEP, (ORIGINALS,))
    ),
}


QUICK: Final = ("holds are not looked at again", "a hold does not stand against an erasure", "something is left")


@pytest.mark.parametrize(
    "broken",
    [pytest.param(broken, id=name, marks=[] if name in QUICK else pytest.mark.long) for name, broken in BROKEN.items()],
)
def test_it_sees(server: Server, broken: Broken) -> None:
    with machine(server, *broken.events, policies=broken.policies) as made:
        made.database.disarm()
        found = made.doors.rows("select pg_get_functiondef(oid) from pg_proc where proname = %s", broken.function)
        right = [text for (text,) in found if broken.right in text]
        assert right, found
        for text in right:
            made.database.admin.execute(text.replace(broken.right, broken.wrong).encode())
        for table, constraint in made.doors.rows(
            "select conrelid::regclass::text, conname from pg_constraint where contype = 'c'"
            " and connamespace = 'unbroken'::regnamespace and pg_get_constraintdef(oid) like '%%<>%%by%%'"
        ):
            made.database.admin.execute(f"alter table {table} drop constraint {constraint}".encode())
        with pytest.raises(AssertionError):
            broken.story(made)


@pytest.mark.long
@pytest.mark.parametrize("broken", BROKEN.values(), ids=list(BROKEN))
def test_it_sees_nothing_where_nothing_is_broken(server: Server, broken: Broken) -> None:
    with machine(server, *broken.events, policies=broken.policies) as made:
        broken.story(made)

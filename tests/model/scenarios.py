"""What is explored: the design under several kinds of faults, and the design with one mistake at a time."""

from dataclasses import dataclass
from typing import Final

from tests.model.scenario import Call, Rules, Scenario
from tests.model.world import Budget

A: Final = Call(0, ("a",))
B: Final = Call(0, ("b",))
C: Final = Call(0, ("c",))
A_AGAIN: Final = A._replace(retries=1)
B_AGAIN: Final = B._replace(retries=1)
ELSEWHERE: Final = Call(1, ("b",))
EARLY: Final = Rules(early=True)
POOLED: Final = Rules(early=True, pooled=True)

SHORT: Final = (
    Scenario("three callers queue, lead and follow", (A, B, C)),
    Scenario("two callers, two connections break", (A, B), Budget(breaks=2)),
    Scenario("two callers, one tries again after a break", (A_AGAIN, B), Budget(breaks=1)),
    Scenario("two callers, one tries again after an interruption", (A_AGAIN, B), Budget(interrupts=1)),
    Scenario("two processes: a break, a kill, a crash, a timeout", (A, ELSEWHERE), Budget(1, 1, 0, 1, 1)),
    Scenario("two callers of one process record the same event", (A_AGAIN, A), Budget(breaks=1)),
    Scenario("two processes record the same event", (Call(0, ("a", "b")), Call(1, ("a",))), Budget(breaks=1, kills=1)),
    Scenario("a malformed event", (Call(0, ("a", "x")), B), Budget(breaks=1), malformed=frozenset("x")),
    Scenario(
        "an event whose approval may come or go", (Call(0, ("a", "x")), B), Budget(breaks=1), stateful=frozenset("x")
    ),
    Scenario("early release", (A, ELSEWHERE), Budget(breaks=1, crashes=1), rules=EARLY),
    Scenario("early release through a pooler", (A, ELSEWHERE), Budget(breaks=1, crashes=1), rules=POOLED),
    Scenario("early release, the same event", (Call(0, ("a", "b")), Call(1, ("a",))), Budget(crashes=2), rules=POOLED),
    Scenario("the door orders numbers", (A, B), Budget(breaks=2), rules=Rules(door_orders_numbers=True)),
    Scenario("no lock, only the key", (A, ELSEWHERE), Budget(breaks=1), rules=Rules(log_lock=False)),
)
"""Explored by `make test`, within seconds."""

LONG: Final = (
    Scenario("three callers, one connection breaks", (A, B, C), Budget(breaks=1)),
    Scenario("two callers try again, two connections break", (A_AGAIN, B_AGAIN), Budget(breaks=2)),
    Scenario("two callers try again: a break, an interruption", (A_AGAIN, B_AGAIN), Budget(breaks=1, interrupts=1)),
    Scenario("two callers try again: a break, a crash", (A_AGAIN, B_AGAIN), Budget(breaks=1, crashes=1)),
    Scenario("two callers here, one there: a break, a kill", (A, B, Call(1, ("c",))), Budget(breaks=1, kills=1)),
    Scenario("three processes: a break, a kill", (A, ELSEWHERE, Call(2, ("c",))), Budget(breaks=1, kills=1)),
    Scenario("two processes try again for the same event", (A_AGAIN, Call(1, ("a",), 1)), Budget(breaks=2, kills=1)),
    Scenario("malformed, tried again", (Call(0, ("a", "x"), 1), B_AGAIN), Budget(breaks=1), malformed=frozenset("x")),
    Scenario("approval, tried again", (Call(0, ("a", "x"), 1), B_AGAIN), Budget(breaks=1), stateful=frozenset("x")),
    Scenario(
        "early release through a pooler, one event thrice",
        (Call(0, ("a", "b")), Call(1, ("a",)), Call(2, ("b",))),
        Budget(crashes=1),
        rules=POOLED,
    ),
    Scenario(
        "early release through a pooler, tried again",
        (A_AGAIN, Call(1, ("b",), 1)),
        Budget(breaks=1, crashes=1),
        rules=POOLED,
    ),
    Scenario(
        "the door orders numbers, two callers try again",
        (A_AGAIN, B_AGAIN),
        Budget(breaks=2),
        rules=Rules(door_orders_numbers=True),
    ),
)
"""Explored by `make test-long`, within minutes."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One way to get it wrong, where it shows, and the invariant that breaks first there."""

    what: str
    violates: str
    scenario: Scenario


def _mistake(
    what: str,
    violates: str,
    rules: Rules,
    *,
    calls: tuple[Call, ...] = (A,),
    faults: Budget = Budget(),  # noqa: B008 - immutable
    stateful: str = "",
) -> Mistake:
    return Mistake(what, violates, Scenario(what, calls, faults, stateful=frozenset(stateful), rules=rules))


MISTAKES: Final = (
    _mistake(
        "resends after a loss without asking, and takes 'exists' for a refusal",
        "not_recorded_is_final",
        Rules(asks_after_loss=False, asks_after_exists=False),
        faults=Budget(breaks=1),
    ),
    _mistake("ids are not unique", "no_id_twice", Rules(unique_ids=False), faults=Budget(breaks=1)),
    _mistake("acknowledges before the commit", "acknowledged_is_there_once", Rules(commit_before_ack=False)),
    _mistake(
        "says 'not recorded' after a lost answer",
        "not_recorded_is_final",
        Rules(lost_is_unknown=False),
        faults=Budget(breaks=1),
    ),
    _mistake(
        "gives the numbers of an unknown batch to the next",
        "no_number_twice",
        Rules(burns_unknown_numbers=False),
        calls=(A, B),
        faults=Budget(breaks=1),
    ),
    _mistake(
        "gives the numbers of an interrupted batch to the next",
        "no_number_twice",
        Rules(burns_interrupted_numbers=False),
        calls=(A, B),
        faults=Budget(interrupts=1),
    ),
    _mistake(
        "does not declare the numbers of an unknown batch",
        "every_number_is_accounted_for",
        Rules(declares_gaps=False),
        faults=Budget(breaks=1),
    ),
    _mistake(
        "forgets what was unknown, and says 'not recorded' to a second try",
        "not_recorded_is_final",
        Rules(remembers_doubt=False),
        calls=(A_AGAIN,),
        faults=Budget(breaks=1),
    ),
    _mistake(
        "forgets what a follower that left was told",
        "not_recorded_is_final",
        Rules(remembers_doubt_of_leavers=False),
        calls=(A, B_AGAIN),
    ),
    _mistake(
        "takes an event under another number for another event",
        "refused_alone",
        Rules(equal_whatever_number=False),
        calls=(A, A),
    ),
    _mistake(
        "believes a refusal although an earlier attempt may pass",
        "not_recorded_is_final",
        Rules(refusal_after_loss_is_unknown=False),
        calls=(Call(0, ("x",)),),
        stateful="x",
        faults=Budget(breaks=1),
    ),
    _mistake(
        "leaves out a refused event and records the rest of its call",
        "calls_are_whole",
        Rules(whole_calls=False),
        calls=(Call(0, ("a", "x")),),
        stateful="x",
    ),
    _mistake("puts one id twice into a batch", "every_caller_is_answered", Rules(one_id_per_batch=False), calls=(A, A)),
    _mistake("a leader does not hand over", "every_caller_is_answered", Rules(hands_over=False), calls=(A, B)),
    _mistake(
        "a follower leaves its request in the queue",
        "not_recorded_is_final",
        Rules(leaver_takes_request_along=False),
        calls=(A, B),
    ),
    _mistake(
        "neither lock nor key orders appends",
        "one_chain",
        Rules(log_lock=False, primary_key=False),
        calls=(A, ELSEWHERE),
    ),
    _mistake("no barrier", "acknowledged_is_flushed", Rules(early=True, barrier=False)),
    _mistake(
        "no barrier after asking",
        "acknowledged_is_flushed",
        Rules(early=True, barrier_after_ask=False),
        faults=Budget(breaks=1),
    ),
    _mistake(
        "a barrier that does not look, through a pooler",
        "acknowledged_is_there_once",
        Rules(early=True, pooled=True, barrier_confirms="nothing"),
        faults=Budget(crashes=1),
    ),
    _mistake(
        "a barrier that looks for the newest event by its id, through a pooler",
        "acknowledged_is_there_once",
        Rules(early=True, pooled=True, barrier_confirms="id"),
        calls=(Call(0, ("a", "b")), Call(1, ("b",))),
        faults=Budget(crashes=1),
    ),
)

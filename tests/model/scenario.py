"""What an exploration starts from: who calls what, which faults may happen, and the rules that are followed."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tests.model.world import Budget, Caller, Process, World


class Call(NamedTuple):
    """One thread's call: its process, its events, recorded as a whole and in order, and how often it may try again."""

    process: int
    events: tuple[str, ...]
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """What client and database do; the defaults are the design.

    The first three are kinds of installation. Of the others each one that differs is a mistake.
    """

    early: bool = False
    pooled: bool = False
    door_orders_numbers: bool = False

    log_lock: bool = True
    primary_key: bool = True
    unique_ids: bool = True
    commit_before_ack: bool = True

    asks_after_loss: bool = True
    asks_after_exists: bool = True
    lost_is_unknown: bool = True
    refusal_after_loss_is_unknown: bool = True
    remembers_doubt: bool = True
    remembers_doubt_of_leavers: bool = True
    equal_whatever_number: bool = True
    burns_unknown_numbers: bool = True
    burns_interrupted_numbers: bool = True
    declares_gaps: bool = True
    whole_calls: bool = True
    one_id_per_batch: bool = True
    hands_over: bool = True
    leaver_takes_request_along: bool = True
    barrier: bool = True
    barrier_after_ask: bool = True
    barrier_confirms: Literal["chain", "id", "nothing"] = "chain"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A start of the exploration. ``malformed`` events are always refused, ``stateful`` ones now and then."""

    name: str
    calls: tuple[Call, ...]
    budget: Budget = field(default_factory=Budget)
    batch_calls: int = 2
    malformed: frozenset[str] = frozenset()
    stateful: frozenset[str] = frozenset()
    rules: Rules = field(default_factory=Rules)

    def start(self) -> World:
        """The world before anything happened."""
        processes = max(call.process for call in self.calls) + 1
        return World(
            log=(),
            flushed=0,
            appends=(None,) * processes,
            zombies=(),
            processes=(Process(),) * processes,
            callers=tuple(Caller(retries=call.retries) for call in self.calls),
            budget=self.budget,
        )

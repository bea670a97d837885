"""What an exploration starts from: who calls what, which faults may happen, and the rules that client and database follow."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tests.model.world import Budget, Caller, Process, World


class Call(NamedTuple):
    """One thread's call: its process and the events that it records as a whole, in order."""

    process: int
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """What client and database do. The defaults are the design; the first group are kinds of installation, of which

    every one has to work, each other flag that differs from its default is a mistake that the exploration has to find.
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
    whole_calls: bool = True
    one_id_per_batch: bool = True
    hands_over: bool = True
    leaver_takes_request_along: bool = True
    barrier: bool = True
    barrier_after_ask: bool = True
    barrier_confirms: Literal["all", "last", "nothing"] = "all"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A start of the exploration. ``malformed`` events are always refused; ``stateful`` ones may or may not be, each time."""

    name: str
    calls: tuple[Call, ...]
    budget: Budget = field(default_factory=Budget)
    retries: int = 0
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
            callers=tuple(Caller(retries=self.retries) for _ in self.calls),
            budget=self.budget,
        )

"""The values of the model: one world is everything that matters at one moment, immutable and hashable.

A name of one letter stands for an event's id; what an event says does not matter here. Asking for receipts and
the barrier are one step each: a lost question changes nothing, so only appends are taken apart.
"""

from typing import Literal, NamedTuple, TypeAlias

Phase: TypeAlias = Literal["idle", "queued", "taken", "done", "gone"]
"""Where a caller's thread is: before its call, in the queue, in a batch, answered, killed."""
Told: TypeAlias = Literal["recorded", "not recorded", "refused", "unknown"]
"""What a caller was told of its events."""


class Entry(NamedTuple):
    """One entry of the log.

    ``after`` is the event of the entry that its hash covers, empty for the first; ``opens``: it is a commit's first.
    """

    event: str
    recorder: int
    number: int
    after: str
    opens: bool


class Reply(NamedTuple):
    """What the database answers to an append: ok, exists, refused (``position``: which event), numbers, busy."""

    kind: str
    position: int = 0


class Backend(NamedTuple):
    """An append inside the database; ``head`` is the length of the log under its lock, -1 while it waits for that."""

    recorder: int
    batch: tuple[tuple[str, int], ...]
    head: int = -1
    reply: Reply | None = None


class Delivery(NamedTuple):
    """What a leader knows about the batch that it carries.

    ``callers`` are those who wait for it, -1 for one who left; ``calls`` are their events; ``dropped`` are positions of
    calls that the database refused; ``known`` are events that the log said it has; ``lost`` says that an attempt
    went over a connection that broke, so that a backend may still commit it. ``seen`` is the log up to the newest entry
    that was reported, as its hash covers it, until the barrier is passed.
    """

    callers: tuple[int, ...]
    calls: tuple[tuple[str, ...], ...]
    dropped: frozenset[int] = frozenset()
    known: frozenset[str] = frozenset()
    lost: bool = False
    must_ask: bool = False
    seen: tuple[Entry, ...] = ()

    @property
    def unflushed(self) -> bool:
        """Whether a crash may undo what was reported."""
        return bool(self.seen)


class Process(NamedTuple):
    """One process with its ledger.

    ``next`` is the number of the next event, ``doubt`` the events told to be unknown, ``gaps`` the numbers that the
    ledger declared: they may be missing in the log, or come late.
    """

    next: int = 1
    queue: tuple[int, ...] = ()
    leader: int = -1
    delivery: Delivery | None = None
    doubt: frozenset[str] = frozenset()
    gaps: frozenset[int] = frozenset()


class Caller(NamedTuple):
    """One thread with one call; ``late`` once its deadline has passed."""

    phase: Phase = "idle"
    told: Told | None = None
    late: bool = False
    retries: int = 0


class Budget(NamedTuple):
    """How many faults may still happen.

    They are: lost connections, killed processes, interrupted leaders, crashes of the database, waits that are too long.
    """

    breaks: int = 0
    kills: int = 0
    interrupts: int = 0
    crashes: int = 0
    timeouts: int = 0


class World(NamedTuple):
    """Everything at one moment. ``appends`` are under way for a client, one per process; ``zombies`` lost theirs."""

    log: tuple[Entry, ...]
    flushed: int
    appends: tuple[Backend | None, ...]
    zombies: tuple[Backend, ...]
    processes: tuple[Process, ...]
    callers: tuple[Caller, ...]
    budget: Budget

    def with_process(self, home: int, process: Process) -> "World":
        """The world with one process changed."""
        return self._replace(processes=(*self.processes[:home], process, *self.processes[home + 1 :]))

    def with_caller(self, index: int, caller: Caller) -> "World":
        """The world with one caller changed."""
        return self._replace(callers=(*self.callers[:index], caller, *self.callers[index + 1 :]))

    def with_append(self, home: int, append: Backend | None) -> "World":
        """The world with the append on one process's connection changed."""
        return self._replace(appends=(*self.appends[:home], append, *self.appends[home + 1 :]))

    def with_zombie(self, backend: Backend) -> "World":
        """The world with one append more that goes on without a client; their order has no meaning."""
        return self._replace(zombies=tuple(sorted((*self.zombies, backend))))


class Step(NamedTuple):
    """One possible step: what happens, what is then, and whether it happens without any fault or deadline."""

    name: str
    world: World
    progress: bool = True

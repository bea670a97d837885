"""The notary of one log: it finds what it signed in the database, and signs what has come after it.

In this order, so that a crash at any point leaves what can be gone on from: the memory's tree is found in the database,
what was read waits for the disk, the tiles are laid down, the checkpoint is signed and remembered, and only then does
the database have it. What was remembered and is not there yet is brought first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NoReturn

from unbroken.core.checkpoint import Checkpoint
from unbroken.core.key_statement import Position, opened
from unbroken.core.tree.edge import Edge
from unbroken.errors import ConfigurationError, ContinuityError, ContradictionError, ProofError
from unbroken.notary.finding import edge_of, growing
from unbroken.notary.handing_over import first, require_key
from unbroken.notary.memory import Memory, NotaryFolder, Signed
from unbroken.notary.signer import Signer
from unbroken.store.checkpoints import Checkpoints, NotaryState

REFUSED: Final = "log.checkpoint_refused"
"""The alarm of a notary that will not sign what it finds."""
_LONGEST_REASON: Final = 1000
_SOMEBODY_ELSE: Final = (
    "another one signs for this log, or the notary's folder is an older copy. See `unbroken checkpoint adopt`"
)
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to: the newest checkpoint, how many entries are new in it, and the log as it was found."""

    signed: Signed
    added: int
    state: NotaryState


def utc_now() -> datetime:
    """The notary's clock."""
    return datetime.now(UTC)


class Notary:
    """Signs for one log with one key and the memory in a folder, which somebody else keeps locked.

    ``each_start`` has the log wait for the notary after each start of its server. Every method takes the database as it
    is reached at the moment, for the newest incarnation, and may be called again whatever it raised before.

    Raises :class:`ConfigurationError` where ``signer`` is not the key that signs now by what is remembered.
    """

    def __init__(self, folder: NotaryFolder, signer: Signer, *, each_start: bool, clock: Clock = utc_now) -> None:
        self._folder = folder
        self._signer = signer
        self._each_start = each_start
        self._clock = clock
        self._memory = folder.read()
        require_key(self._memory, signer)

    @property
    def memory(self) -> Memory:
        """What is remembered now."""
        return self._memory

    def watch(self, found: Checkpoints) -> NotaryState:
        """How it stands with the log, which takes entries again where it has waited for its notary.

        Costs one small statement while nothing is wrong. Raises :class:`ContradictionError` where the database does not
        hold what was signed: then the log is closed, and only recovering goes on. Raises :class:`ContinuityError` where
        it is closed already.
        """
        if self._memory.key is None:
            self._require_unsigned(found)
        state = found.state()
        if state.closed_because is not None:
            raise ContinuityError(f"the log {state.log} is closed: {state.closed_because}. See `unbroken recover`")
        last = self._memory.signed(state.log)
        self._require_at_least(found, state, last)
        if last is None:
            return state
        if state.is_confirmed and (state.size, state.root) == (last.checkpoint.size, last.checkpoint.root):
            return state
        self._found(found, state, last)
        if not state.is_confirmed:
            found.confirm(last.checkpoint.size, last.checkpoint.root, each_start=self._each_start)
        self._bring(found, last)
        return found.state()

    def introduce(self, found: Checkpoints) -> int:
        """Puts on record every key statement that is not yet; how many. Raises what :meth:`watch` does."""
        self.watch(found)
        if self._memory.key is None:
            self._remember(self._memory.stating(first(self._memory, self._signer, at=self._clock())))
        lacking = self._lacking(found)
        for statement in lacking:
            read = opened(statement)
            found.store_key_statement(statement, change=read.change, key=str(read.key))
        return len(lacking)

    def round(self, found: Checkpoints) -> Round:
        """Signs what is new, or the same tree with a later time, and has the database keep it.

        Raises what :meth:`watch` and the key's keeper do; :class:`UnavailableError` where database or memory can't be
        reached.
        """
        self.introduce(found)
        state = found.state()
        last = self._memory.signed(state.log)
        edge = self._found(found, state, last)
        # What was read may be committed and not yet on the disk. What a crash takes back must not have been signed.
        found.barrier()
        edge = _laid_down(edge, found, upto=state.head)
        signed = self._signed(Checkpoint(state.log, edge.size, edge.root), last)
        self._remember(self._memory.signing(signed))
        self._bring(found, signed)
        return Round(signed, edge.size - (0 if last is None else last.checkpoint.size), state)

    # ---- what has to hold before anything is signed ----

    def _require_at_least(self, found: Checkpoints, state: NotaryState, last: Signed | None) -> None:
        """The database ends no earlier than what was signed, and its checkpoints no later."""
        here, remembered = Position.of(state.log, 0).incarnation, self._memory.incarnation
        size = 0 if last is None else last.checkpoint.size
        if here < remembered:
            why = f"incarnation {remembered} was signed, and this database knows incarnation {here} at most"
            self._close(found, state, why, size=size)
        if state.head < size:
            self._close(
                found, state, f"{size:,} entries were signed, and this database holds {state.head:,}", size=size
            )
        if state.size > size:
            self._refuse(
                found,
                state,
                f"the database holds a checkpoint of {state.size:,} entries, which this notary does not remember:"
                f" {_SOMEBODY_ELSE}",
                size=size,
            )

    def _found(self, found: Checkpoints, state: NotaryState, last: Signed | None) -> Edge:
        try:
            return edge_of(last, found.tree)
        except ProofError as error:
            self._refuse(found, state, str(error), size=0 if last is None else last.checkpoint.size)
        except ContradictionError as error:
            self._close(found, state, str(error), size=0 if last is None else last.checkpoint.size)

    def _lacking(self, found: Checkpoints) -> tuple[str, ...]:
        there = tuple(each.statement for each in found.key_statements())
        if there != self._memory.statements[: len(there)]:
            self._refuse(
                found,
                found.state(),
                f"the database holds key statements that this notary did not make: {_SOMEBODY_ELSE}",
                size=0,
            )
        return self._memory.statements[len(there) :]

    def _require_unsigned(self, found: Checkpoints) -> None:
        if found.newest() is not None or found.key_statements():
            raise ConfigurationError(
                f"the log {found.log} was signed before, and the folder {self._folder.path} remembers nothing of it."
                " Name the notary's folder; where it is lost, `unbroken checkpoint adopt` begins from the newest"
                " checkpoint that an anchor holds"
            )

    def _close(self, found: Checkpoints, state: NotaryState, why: str, *, size: int) -> NoReturn:
        # No alarm among entries that end too early: it would take the number of one that was lost.
        if state.head >= size:
            self._alarm(found, state, why, size=size)
        found.close_log(why[:_LONGEST_REASON])
        raise ContradictionError(
            f"{why}. Nothing was signed, and the log {state.log} takes no entries any more: unbroken recover"
        )

    def _refuse(self, found: Checkpoints, state: NotaryState, why: str, *, size: int) -> NoReturn:
        self._alarm(found, state, why, size=size)
        raise ContradictionError(f"{why}. Nothing was signed")

    def _alarm(self, found: Checkpoints, state: NotaryState, why: str, *, size: int) -> None:
        try:
            found.raise_alarm(REFUSED, {"why": why[:_LONGEST_REASON], "signed": size, "checkpoint": state.size})
        except ContinuityError:
            # The log waits for its notary, who won't have it go on: there is nowhere to put the alarm.
            return

    # ---- signing ----

    def _signed(self, checkpoint: Checkpoint, last: Signed | None) -> Signed:
        now = self._clock().replace(microsecond=0)
        if last is None or last.checkpoint != checkpoint:
            # A clock that was set back has nothing take place before what was signed already.
            at = now if last is None else max(now, last.at)
            return Signed(checkpoint, self._signer.note(checkpoint, at=at), at)
        if now <= last.at:
            return last
        return Signed(checkpoint, self._signer.heartbeat(last.note, at=now), now)

    def _remember(self, memory: Memory) -> None:
        self._folder.write(memory)
        self._memory = memory

    def _bring(self, found: Checkpoints, signed: Signed) -> None:
        size, root = signed.checkpoint.size, signed.checkpoint.root
        found.store(size, root, signed.note, signed_at=signed.at, each_start=self._each_start)


def _laid_down(edge: Edge, found: Checkpoints, *, upto: int) -> Edge:
    """The tree's edge at ``upto`` entries, its tiles in the database."""
    for grown in growing(edge, found.tree, upto=upto):
        found.tree.store({**grown.full, **grown.partial})
        edge = grown.edge
    if edge.size != upto:
        raise ContradictionError(f"entries of {found.log} went away while they were read: nothing was signed")
    return edge

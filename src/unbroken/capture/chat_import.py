"""Importing files of chat transcripts into a log: many conversations to a commit, each of them once."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from unbroken.capture.chat import DEFAULT_AGENT, Step, drafts_of, steps_of
from unbroken.capture.chat_files import Broken
from unbroken.capture.chat_record import Conversation, read_conversations
from unbroken.capture.finalisers import writing
from unbroken.errors import ConfigurationError, ConflictError, InvalidEventError
from unbroken.ledger.draft import Draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.protection import Protection

GROUP_EVENTS: Final = 500
GROUP_BYTES: Final = 8 * 2**20
"""A group of conversations is recorded when it reaches either; both stay below what the ledger takes in one batch."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is; ``done`` and ``total`` count the bytes of all its files."""

    done: int
    total: int
    conversations: int
    events: int


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did. Conversations under ``broken`` and ``conflicts`` were left out, all others are in the log.

    ``added`` and ``already`` count events. A conflict is a conversation of which another writer has recorded
    something under the ids that it would get here.
    """

    conversations: int
    added: int
    already: int
    broken: tuple[Broken, ...]
    conflicts: tuple[Broken, ...]


def import_chat(
    ledger: Ledger,
    files: Sequence[Path],
    *,
    protection: Protection,
    side_effects: Collection[str] = (),
    agent: str = DEFAULT_AGENT,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Report:
    """Records the conversations of ``files``, each as a session, and reports the records that it had to leave out.

    What is in the log already is not recorded again, so an import that was interrupted is completed by running it
    again. A conversation is recorded as a whole or not at all unless it is larger than a batch of the ledger.
    ``protection`` is what every event passes,
    ``side_effects`` names the tools that change something. Raises what :meth:`Ledger.record` raises, except for
    events that the log refuses, and :class:`ConfigurationError` for a file that can't be read, before anything is
    recorded where it can be seen by then.
    """
    sizes = [_size(file) for file in files]
    run = _Run(ledger, protection, frozenset(side_effects), agent, on_progress, total=sum(sizes))
    for file, size in zip(files, sizes, strict=True):
        run.take(file, size)
    return run.report()


def _size(file: Path) -> int:
    try:
        with file.open("rb"):
            return file.stat().st_size
    except OSError as error:
        raise ConfigurationError(f"{file} can't be read: {error.strerror}; nothing was imported") from error


@dataclass(frozen=True, slots=True)
class _Waiting:
    conversation: Conversation
    steps: list[Step]


@dataclass
class _Run:
    """One import: the group that is being filled and the counts so far."""

    ledger: Ledger
    protection: Protection
    side_effects: frozenset[str]
    agent: str
    on_progress: Callable[[Progress], None]
    total: int
    done: int = 0
    conversations: int = 0
    added: int = 0
    already: int = 0
    broken: list[Broken] = field(default_factory=list)
    conflicts: list[Broken] = field(default_factory=list)
    group: list[_Waiting] = field(default_factory=list)

    def take(self, file: Path, size: int) -> None:
        for found in read_conversations(file):
            if isinstance(found, Broken):
                self.broken.append(found)
                continue
            steps = steps_of(found, side_effects=self.side_effects, agent=self.agent, key=self.ledger.key)
            self.group.append(_Waiting(found, steps))
            if self._is_full():
                self._record_group()
                self._tell(self.done + found.consumed)
        self._record_group()
        self.done += size
        self._tell(self.done)

    def report(self) -> Report:
        return Report(self.conversations, self.added, self.already, tuple(self.broken), tuple(self.conflicts))

    def _tell(self, done: int) -> None:
        self.on_progress(Progress(done, self.total, self.conversations, self.added))

    def _is_full(self) -> bool:
        size = sum(message.size for waiting in self.group for message in waiting.conversation.messages)
        return size >= GROUP_BYTES or sum(len(waiting.steps) for waiting in self.group) >= GROUP_EVENTS

    @writing()
    def _record_group(self) -> None:
        """Records what is new of the group in one call; when something is refused, each conversation on its own."""
        group, self.group = self.group, []
        writers = self.ledger.writers_of([step.id for waiting in group for step in waiting.steps]) if group else {}
        held = set(writers)
        ready: list[tuple[_Waiting, list[Draft]]] = []
        for waiting in group:
            drafts = self._prepared(waiting, writers, held)
            if drafts is not None:
                held.update(draft.event.id for draft in drafts)
                ready.append((waiting, drafts))
        try:
            self._record([draft for _, drafts in ready for draft in drafts])
        except InvalidEventError:
            ready = [(waiting, drafts) for waiting, drafts in ready if self._record_alone(waiting, drafts)]
        self.conversations += len(ready)
        self.already += sum(len(waiting.steps) - len(drafts) for waiting, drafts in ready)

    def _prepared(self, waiting: _Waiting, writers: dict[str, str], held: set[str]) -> list[Draft] | None:
        place = waiting.conversation.place
        others = {writers[step.id] for step in waiting.steps if step.id in writers} - {self.ledger.writer}
        if others:
            self.conflicts.append(Broken(place, f"recorded already by another writer: {', '.join(sorted(others))}"))
            return None
        try:
            return drafts_of(
                waiting.conversation, waiting.steps, held=held, key=self.ledger.key, protection=self.protection
            )
        except InvalidEventError as error:
            self.broken.append(Broken(place, str(error)))
            return None

    def _record(self, drafts: list[Draft]) -> None:
        if drafts:
            self.added += len(self.ledger.record(drafts))

    def _record_alone(self, waiting: _Waiting, drafts: list[Draft]) -> bool:
        try:
            self._record(drafts)
        except ConflictError:
            reason = "another process recorded it at the same time; import the file again"
            self.conflicts.append(Broken(waiting.conversation.place, reason))
        except InvalidEventError as error:
            self.broken.append(Broken(waiting.conversation.place, str(error)))
        else:
            return True
        return False

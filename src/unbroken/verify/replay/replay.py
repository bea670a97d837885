"""All tables together, filled by what a chain of entries says."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any, TypeAlias

from unbroken.core.times import is_time, parse_time
from unbroken.verify.replay.access import AccessRequests, Grants
from unbroken.verify.replay.act import Act, Said, Statement, login_in
from unbroken.verify.replay.approving import Approvals
from unbroken.verify.replay.classing import NONE, Classes, RetentionClasses
from unbroken.verify.replay.disposing import Decisions, Disposals
from unbroken.verify.replay.erasing import Erasures, ForgottenNames, KeyEnds
from unbroken.verify.replay.held import HoldRequests, Holds, HoldScopes
from unbroken.verify.replay.lots import Lots
from unbroken.verify.replay.reading import NameLookups, Openings, Tickets
from unbroken.verify.replay.recording import Agents, Recorders
from unbroken.verify.replay.retaining import PolicySets, StandingApprovals, StartEvents
from unbroken.verify.replay.stated import Alarms, KeyStatements, Recoveries, Registries
from unbroken.verify.replay.table import Table

Uses: TypeAlias = Mapping[str, tuple[int, str, str]]
"""Recorders, each with an entry of theirs: its number, who wrote it, and when it was recorded."""


class Replay:
    """What the entries of one log have said so far. Entries are heard in order of their numbers, each once.

    ``unheard`` are intact entries of which something that counts here can't be read.
    """

    def __init__(self) -> None:
        self.recorders, self.agents, self.approvals = Recorders(), Agents(), Approvals()
        self.classes = RetentionClasses()
        self.tables: tuple[Table[Any], ...] = (
            *(
                Grants(),
                AccessRequests(),
                Tickets(),
                NameLookups(),
                Openings(),
                Erasures(),
                KeyEnds(),
                ForgottenNames(),
            ),
            *(Registries(), KeyStatements(), Recoveries(), Alarms(), self.approvals, self.recorders, self.agents),
            *(PolicySets(), StartEvents(), StandingApprovals(), Holds(), HoldScopes(), HoldRequests()),
            *(Disposals(), Lots(), Decisions(), self.classes),
        )
        self.unheard: set[int] = set()
        self._hearing: dict[str, list[Callable[[Statement], None]]] = defaultdict(list)
        for kind, hear in chain.from_iterable(table.hears.items() for table in self.tables):
            self._hearing[kind].append(hear)

    def hear(self, acts: Iterable[Act], uses: Uses, classes: Classes = NONE) -> None:
        """Takes note of what some entries say, of who recorded them, and of which classes they are."""
        self.classes.see(classes)
        for recorder, (seq, writer, at) in uses.items():
            if is_time(at):
                self.recorders.use(recorder, login_in(writer), seq=seq, at=parse_time(at))
        for act in acts:
            if isinstance(act, Statement):
                self._hear_statement(act)
            elif isinstance(act, Said):
                self.approvals.hear(act)
            else:
                self.agents.hear(act)

    def hear_later(self, told: Statement) -> None:
        """Takes note of what a later incarnation says of this log, which is closed by then."""
        for hear in self._hearing.get(told.type, ()):
            hear(told)

    def _hear_statement(self, told: Statement) -> None:
        if told.about is None:
            self.hear_later(told)

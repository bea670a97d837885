"""What an export is about, from its options: one of several kinds, with exactly what belongs to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import typer

from unbroken.cli.moments import moment_of
from unbroken.cli.people import as_recorded, keys_of, known_as, unknowable
from unbroken.cli.reading import Reading
from unbroken.core.times import format_time
from unbroken.store.log_reader import LogReader
from unbroken.verify.bundle.selection import Kind, Selection


class QueryName(StrEnum):
    """The questions of ``unbroken query``."""

    ACTIONS = "actions"
    ACCESS = "access"
    CONTAINS = "contains"
    ERRORS = "errors"
    UNAPPROVED = "unapproved"


_BELONGS: Final[dict[str, frozenset[str]]] = {
    "log": frozenset(),
    "session": frozenset({"--session"}),
    "actor": frozenset({"--actor"}),
    "subject": frozenset({"--subject"}),
    "time": frozenset({"--from", "--to"}),
    "actions": frozenset({"--agent", "--actor", "--from", "--to"}),
    "access": frozenset({"--resource", "--type"}),
    "contains": frozenset({"--flag", "--from", "--to"}),
    "errors": frozenset({"--from", "--to"}),
    "unapproved": frozenset({"--from", "--to"}),
}
_NEEDED: Final = frozenset({"--session", "--actor", "--subject", "--agent", "--resource", "--flag"})


@dataclass(frozen=True)
class Asked:
    """The options by which an export says what it is about, as they were given; ``everything`` is ``--all``."""

    session: str | None = None
    actor: str | None = None
    subject: str | None = None
    agent: str | None = None
    resource: str | None = None
    resource_type: str | None = None
    flags: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    query: QueryName | None = None
    everything: bool = False

    def __post_init__(self) -> None:
        given, may = self._given(), _BELONGS[self.query or self.kind]
        if not given <= may:
            raise typer.BadParameter(f"{' and '.join(sorted(given - may))} does not go with {self._named()}")
        if lacking := sorted((may & _NEEDED) - given):
            raise typer.BadParameter(f"{self._named()} needs {' and '.join(lacking)}")
        if any(value == "" for value in (self.session, *self._people(), self.agent, self.resource_type)):
            raise typer.BadParameter("an id has at least one character")
        self._span()

    @property
    def kind(self) -> Kind:
        """Which kind of selection it is; raises ``typer.BadParameter`` where that is not said, or is said twice."""
        if self.query is not None and not self.everything:
            return "query"
        whole: dict[Kind, bool] = {
            "log": self.everything,
            "session": self.session is not None,
            "actor": self.actor is not None,
            "subject": self.subject is not None,
        }
        named = [kind for kind, is_it in whole.items() if is_it]
        if len(named) > 1 or (self.everything and self.query is not None):
            raise typer.BadParameter("say one of --session, --actor, --subject, --from and --to, --query, --all")
        if not named and self.since is None and self.until is None:
            raise typer.BadParameter("say what it is about: --session, --actor, --subject, --from, --query or --all")
        return named[0] if named else "time"

    @property
    def names_somebody(self) -> bool:
        """Whether it is about somebody or something that may be known by several ids."""
        return any(each is not None for each in self._people())

    def scope(self) -> dict[str, str]:
        """What the record of the read says was looked for: persons under the words that the log keeps as pseudonyms."""
        what = f"export {self.query or self.kind}" + "".join(f" {flag}" for flag in self.flags)
        since, until = self._span()
        # A ticket for one session would not open the entry that tells of the export.
        if self.session is not None:
            what = f"export session {self.session}"
        said = {
            "what": what,
            "agent": self.agent,
            "actor": None if self.actor is None else as_recorded(self.actor),
            "subject": None if self.subject is None else as_recorded(self.subject),
            "resource": None if self.resource is None else as_recorded(self.resource),
            "resource_type": self.resource_type,
            "from": since,
            "to": until,
        }
        return {name: value for name, value in said.items() if value is not None}

    def selection(self, reading: Reading, store: str, key: Path | None) -> tuple[Selection, str | None]:
        """The selection, with all that a person is known as in this log, and why it may not be all."""
        keys = keys_of(store, key)
        name = next((each for each in self._people() if each is not None), None)
        ids: Sequence[str] = () if name is None else sorted(set(known_as(name, reading, keys)))
        since, until = self._span()
        selection = Selection(
            kind=self.kind,
            upto=_upto(reading),
            query=None if self.query is None else self.query.value,
            session=self.session,
            ids=tuple(ids),
            agent=self.agent,
            resource_type=self.resource_type,
            flags=tuple(sorted(set(self.flags))),
            since=since,
            until=until,
        )
        of_person = name is not None and self.resource is None
        return selection, unknowable(name, reading, keys) if name is not None and of_person else None

    def _people(self) -> tuple[str | None, ...]:
        return self.actor, self.subject, self.resource

    def _given(self) -> set[str]:
        named = {
            "--session": self.session,
            "--actor": self.actor,
            "--subject": self.subject,
            "--agent": self.agent,
            "--resource": self.resource,
            "--type": self.resource_type,
            "--flag": self.flags or None,
            "--from": self.since,
            "--to": self.until,
        }
        return {option for option, value in named.items() if value is not None}

    def _named(self) -> str:
        if self.query is not None:
            return f"--query {self.query.value}"
        return {"log": "--all", "time": "--from and --to"}.get(self.kind, f"--{self.kind}")

    def _span(self) -> tuple[str | None, str | None]:
        since = None if self.since is None else format_time(moment_of(self.since, option="--from"))
        until = None if self.until is None else format_time(moment_of(self.until, option="--to"))
        if since is not None and until is not None and since >= until:
            raise typer.BadParameter("--from has to be before --to, which itself is not included", param_hint="--to")
        return since, until


def _upto(reading: Reading) -> int:
    """The last entry before this read, which is told of in the newest incarnation; all of an earlier one."""
    return reading.ticket.seq - 1 if is_newest(reading.reader) else reading.reader.head().seq


def is_newest(reader: LogReader) -> bool:
    """Whether the log has no later incarnation than the one that is read."""
    return reader.incarnations()[-1][1] == reader.log

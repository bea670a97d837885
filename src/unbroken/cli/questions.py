"""The questions: how each is found, and what its rows are made of."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, TypeAlias

from unbroken.cli import query_views
from unbroken.cli.moments import moment_of
from unbroken.cli.printing import as_json_time
from unbroken.cli.query_output import View
from unbroken.cli.reading import Reading
from unbroken.investigate.bursts import bursts
from unbroken.investigate.containing import containing
from unbroken.investigate.investigations import Row, Span, accesses, actions, unapproved_calls
from unbroken.store.investigations import (
    MOST,
    AgentAction,
    ContainingEntry,
    ErrorBurst,
    Investigations,
    ResourceAccess,
    UnapprovedCall,
)

Key: TypeAlias = str | int
"""Where a page begins: after an entry's number, or a minute."""
Parameters: TypeAlias = dict[str, str | int | None]


class Question(ABC):
    """What is asked. Rows are found after a key and in ascending order of their places; the last row's key goes on."""

    name: ClassVar[str]
    view: ClassVar[View]
    of_person: ClassVar[bool] = False
    """Whether what it is about can only be a person."""

    @abstractmethod
    def parameters(self) -> Parameters:
        """What is asked, as it was understood, under the names of the options."""

    def scope(self) -> Parameters:
        """The same under the words that the record of a read has for it."""
        return self.parameters()

    def resolved(self) -> dict[str, str]:
        """Options whose default depends on the time, so that the command for the next page has to name them."""
        return {}

    def about(self) -> str | None:
        """The name or id that may be a person's, who may be known by others as well."""
        return None

    def known_as(self, _ids: Sequence[str], /) -> "Question":
        """The same question about all ids of what it is about."""
        return self

    @abstractmethod
    def find(self, reading: Reading, after: Key | None, limit: int) -> Sequence[Any]:
        """What the database finds after a key, or from the beginning."""

    @abstractmethod
    def rows(self, found: Sequence[Any], reading: Reading) -> list[Row]:
        """Rows made of verified entries, each of which is counted as shown."""

    def key(self, found: Any) -> Key:
        """Where the page after this row begins."""
        return int(found.seq)

    def place(self, found: Any) -> Any:
        """What rows are ordered by."""
        return found.recorded_at, found.seq

    def merged(self, pages: Sequence[Sequence[Any]], limit: int) -> list[Any]:
        """One page of what was found under several ids."""
        return sorted((found for page in pages for found in page), key=self.place)[:limit]

    def progress(self, found: Any, end: int) -> tuple[int, int]:
        """How far this row is on the way to a log's ``end``."""
        return int(found.seq), end


@dataclass(frozen=True)
class Actions(Question):
    """What did this agent do for this user?"""

    agent: str
    user: str
    span: Span
    ids: tuple[str, ...] = ()
    name = "actions"
    of_person = True
    view = query_views.ACTIONS

    def parameters(self) -> Parameters:
        return {"agent": self.agent, "user": self.user, **_times(self.span)}

    def scope(self) -> Parameters:
        return {"agent": self.agent, "actor": self.user, **_times(self.span)}

    def find(self, reading: Reading, after: Key | None, limit: int) -> Sequence[AgentAction]:
        span, known = self.span, _investigations(reading)
        ask = partial(known.agent_actions, since=span.since, upto=span.until, after=int(after or 0), limit=limit)
        return self.merged([ask(self.agent, each) for each in self.ids or (self.user,)], limit)

    def rows(self, found: Sequence[Any], reading: Reading) -> list[Row]:
        actors = self.ids or (self.user,)
        return actions(found, reading.reader, agent=self.agent, actors=actors, span=self.span, shown=reading.shown)

    def about(self) -> str:
        return self.user

    def known_as(self, ids: Sequence[str], /) -> Question:
        return replace(self, ids=tuple(ids))


@dataclass(frozen=True)
class Unapproved(Question):
    """Which calls with a side effect were not approved, and why?"""

    span: Span
    name = "unapproved"
    view = query_views.UNAPPROVED

    def parameters(self) -> Parameters:
        return _times(self.span)

    def find(self, reading: Reading, after: Key | None, limit: int) -> Sequence[UnapprovedCall]:
        return _investigations(reading).unapproved_calls(
            since=self.span.since, upto=self.span.until, after=int(after or 0), limit=limit
        )

    def rows(self, found: Sequence[Any], reading: Reading) -> list[Row]:
        return unapproved_calls(found, reading.reader, span=self.span, shown=reading.shown)


@dataclass(frozen=True)
class Access(Question):
    """Who touched this resource, and who decided about it?"""

    resource: str
    kind: str | None
    ids: tuple[str, ...] = ()
    name = "access"
    view = query_views.ACCESS

    def parameters(self) -> Parameters:
        return {"resource": self.resource, "type": self.kind}

    def scope(self) -> Parameters:
        return {"resource": self.resource, "resource_type": self.kind}

    def find(self, reading: Reading, after: Key | None, limit: int) -> Sequence[ResourceAccess]:
        ask = partial(_investigations(reading).resource_access, kind=self.kind, after=int(after or 0), limit=limit)
        return self.merged([ask(each) for each in self.ids or (self.resource,)], limit)

    def rows(self, found: Sequence[Any], reading: Reading) -> list[Row]:
        resources = self.ids or (self.resource,)
        return accesses(found, reading.reader, resources=resources, kind=self.kind, shown=reading.shown)

    def about(self) -> str:
        return self.resource

    def known_as(self, ids: Sequence[str], /) -> Question:
        return replace(self, ids=tuple(ids))

    def place(self, found: Any) -> Any:
        return found.seq


@dataclass(frozen=True)
class Contains(Question):
    """Where was something personal or secret found?"""

    flags: tuple[str, ...]
    span: Span
    name = "contains"
    view = query_views.CONTAINS

    def parameters(self) -> Parameters:
        return {"contains": ", ".join(self.flags), **_times(self.span)}

    def scope(self) -> Parameters:
        return {"what": f"query {self.name} {' '.join(self.flags)}", **_times(self.span)}

    def find(self, reading: Reading, after: Key | None, limit: int) -> Sequence[ContainingEntry]:
        return _investigations(reading).entries_containing(
            self.flags, since=self.span.since, upto=self.span.until, after=int(after or 0), limit=limit
        )

    def rows(self, found: Sequence[Any], reading: Reading) -> list[Row]:
        return containing(found, reading.reader, flags=self.flags, span=self.span, shown=reading.shown)


@dataclass(frozen=True)
class Errors(Question):
    """In which minutes were there many errors?"""

    span: Span
    least: int
    name = "errors"
    view = query_views.ERRORS

    def parameters(self) -> Parameters:
        return {**_times(self.span), "least": self.least}

    def scope(self) -> Parameters:
        return _times(self.span)

    def resolved(self) -> dict[str, str]:
        return {} if self.span.since is None else {"since": as_json_time(self.span.since)}

    def find(self, reading: Reading, after: Key | None, limit: int) -> Sequence[ErrorBurst]:
        return _investigations(reading).error_bursts(
            since=self.span.since,
            upto=self.span.until,
            least=self.least,
            before=None if after is None else moment_of(str(after), option="--after"),
            limit=limit,
        )

    def rows(self, found: Sequence[Any], reading: Reading) -> list[Row]:
        known = _investigations(reading)
        return bursts(found, reading.reader, span=self.span, seqs_of=partial(_errors, known), shown=reading.shown)

    def key(self, found: Any) -> Key:
        return as_json_time(found.minute)

    def place(self, found: Any) -> Any:
        return -found.minute.timestamp()

    def progress(self, found: Any, end: int) -> tuple[int, int]:
        """The newest come first."""
        return end - int(found.first_seq), end


def _investigations(reading: Reading) -> Investigations:
    return Investigations(reading.reader.connection, reading.reader.log)


def _errors(known: Investigations, within: Span) -> Iterator[int]:
    """The numbers of the errors in a span that is closed on both sides."""
    if within.since is None or within.until is None:
        return
    after = 0
    while seqs := known.errors_between(within.since, within.until, limit=MOST, after=after):
        yield from seqs
        after = seqs[-1]


def _times(span: Span) -> Parameters:
    return {"from": _text(span.since), "to": _text(span.until)}


def _text(time: datetime | None) -> str | None:
    return None if time is None else as_json_time(time)

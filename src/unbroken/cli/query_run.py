"""One question put to a log: page after page is found, verified and given out, and the read is on record."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TextIO

import typer

from unbroken.cli.csv_output import STANDARD_OUTPUT, csv_target
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.people import as_recorded, keys_for_names, keys_of, known_as, people_of, unknowable
from unbroken.cli.printing import PROSE, ROWS, console
from unbroken.cli.query_output import Answer, CsvRows, JsonOutput, Output, TextOutput, View, texts_in
from unbroken.cli.questions import Key, Parameters, Question
from unbroken.cli.reading import Reading, open_read
from unbroken.cli.target import is_conninfo
from unbroken.errors import UnbrokenError

PAGE: Final = 50
"""Rows where nothing else is said."""
LARGEST_PAGE: Final = 1000
"""Rows that the database gives at a time."""
_WALK: Final = timedelta(hours=4)
"""How long a walk through all pages may take."""
_LOOK: Final = timedelta(minutes=15)
_NOT_REPEATED: Final = frozenset({"after", "csv", "json"})
"""Options that the command for the next page is given anew, or that would overwrite what this one has written."""


@dataclass(frozen=True)
class Options:
    """What every question is asked with."""

    limit: int | None
    after: Key | None
    everything: bool
    csv: str | None
    json: bool
    purpose: str | None
    case: str | None
    store: str
    log: str | None
    names: bool = False
    key: Path | None = None

    def __post_init__(self) -> None:
        if self.csv is not None and self.json:
            raise typer.BadParameter("--csv and --json exclude each other")
        if self.everything and self.limit is not None:
            raise typer.BadParameter("--all and --limit exclude each other")

    @property
    def size(self) -> int:
        """Rows of a page."""
        return LARGEST_PAGE if self.everything else self.limit or PAGE


def ask(question: Question, options: Options, context: typer.Context) -> None:
    """Puts the question and prints the answer; ends with exit code 1 where there are findings."""
    lasting = _WALK if options.everything else _LOOK
    keys = keys_for_names(options.store, options.key, wanted=options.names)
    with (
        _target(options.csv) as file,
        open_read(
            options.store,
            options.log,
            scope=_scope(question, options),
            purpose=options.purpose,
            case=options.case,
            lasting=lasting,
            duties="compliance, legal, dpo or verifier",
        ) as reading,
    ):
        answer = Answer(question.name, _parameters(question, options), reading.reader.log, reading.ticket.seq)
        people = people_of(reading, keys) if options.names else None
        output = _output(
            question.view, options, file, log=reading.reader.log, names=None if people is None else people.names
        )
        question, answer.hint = _about_one(question, reading, options)
        for found in _pages(question, options, reading, answer):
            rows = question.rows(found, reading)
            answer.add(rows)
            if people is not None:
                people.look_up_in(text for row in rows for text in texts_in(row))
            output.rows(rows)
        answer.entries = reading.count
        if answer.next is not None:
            answer.continuation = _continuation(question, context, answer.next)
        output.end(answer)
    raise typer.Exit(1 if answer.findings.total else 0)


def _parameters(question: Question, options: Options) -> Parameters:
    paging: Parameters = {"limit": None if options.everything else options.size, "after": options.after}
    return {**question.parameters(), **paging, "all": options.everything}


def _scope(question: Question, options: Options) -> dict[str, str]:
    """What the record of this read says was looked for."""
    asked = {"what": f"query {question.name}", **question.scope(), "limit": options.size, "after": options.after}
    if options.everything:
        asked["limit"] = "all"
    told = {name: str(value) for name, value in asked.items() if value is not None}
    return told | {name: as_recorded(told[name]) for name in ("actor", "resource") if name in told}


def _target(csv: str | None) -> AbstractContextManager[TextIO | None]:
    return nullcontext() if csv is None else csv_target(csv)


def _about_one(question: Question, reading: Reading, options: Options) -> tuple[Question, str | None]:
    """The question about all that a person is known as in this log, and why it may not be all."""
    name = question.about()
    if name is None:
        return question, None
    keys = keys_of(options.store, options.key)
    hint = unknowable(name, reading, keys) if question.of_person else None
    return question.known_as(known_as(name, reading, keys)), hint


def _output(view: View, options: Options, file: TextIO | None, *, log: str, names: Mapping[str, str] | None) -> Output:
    if file is not None:
        notes = console(piped=PROSE, stderr=options.csv == STANDARD_OUTPUT)
        return CsvRows(view, file, log=log, notes=notes, names=names)
    return JsonOutput(view, names) if options.json else TextOutput(view, console(piped=ROWS), names)


def _pages(question: Question, options: Options, reading: Reading, answer: Answer) -> Iterator[Sequence[Any]]:
    """The first page, or all of them; says in ``answer`` where the next one would begin."""
    after, end = options.after, reading.reader.head().seq
    before: list[Any] = []
    with LateProgress("reading") as progress:
        while found := question.find(reading, after, options.size):
            places = [*before, *map(question.place, found)]
            _require_order(places)
            before = places[-1:]
            yield found
            after = question.key(found[-1])
            progress(*question.progress(found[-1], end))
            if len(found) < options.size:
                return
            if not options.everything:
                answer.next = after if question.find(reading, after, 1) else None
                return


def _require_order(places: Sequence[Any]) -> None:
    """Rows that come again would be counted twice, and a walk through them would never end."""
    if any(one >= other for one, other in pairwise(places)):
        raise UnbrokenError(
            "the database gave rows twice or out of order, so its answer is worth nothing: run `unbroken db check`"
        )


def _continuation(question: Question, context: typer.Context, after: Key) -> str:
    """The command that shows the next page, with the options that were given on the command line."""
    words, resolved = ["unbroken", "query", question.name], question.resolved()
    for option in context.command.params:
        name, value = option.name or "", context.params.get(option.name or "")
        if option.param_type_name == "argument":
            words += [shlex.quote(str(item)) for item in value or ()]
        elif name in resolved:
            words += [option.opts[0], shlex.quote(resolved[name])]
        elif _is_given(context, name) and name not in _NOT_REPEATED:
            words += [option.opts[0], *([] if value is True else [_repeated(name, value)])]
    return " ".join([*words, "--after", shlex.quote(str(after))])


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _repeated(name: str, value: object) -> str:
    """A value as a shell takes it; a connection string may hold a password, and is not repeated."""
    return "…" if name == "store" and is_conninfo(str(value)) else shlex.quote(str(value))

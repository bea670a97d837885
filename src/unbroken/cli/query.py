"""``unbroken query``: the questions that investigations begin with."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

import typer

from unbroken.cli.moments import moment_of
from unbroken.cli.people import KeyOption, NamesOption
from unbroken.cli.query_run import LARGEST_PAGE, PAGE, Options, ask
from unbroken.cli.questions import Access, Actions, Contains, Errors, Unapproved
from unbroken.cli.reading import CaseOption, PurposeOption
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.investigate.investigations import Span

RECENT: Final = timedelta(hours=24)
"""How far back errors are looked for where nothing else is said."""

FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE", help="Recorded at or after: 2026-01-31 (midnight UTC) or RFC 3339."),
]
ToOption = Annotated[
    str | None, typer.Option("--to", metavar="DATE", help="Recorded before: the time itself is not included.")
]
LimitOption = Annotated[
    int | None,
    typer.Option("--limit", "-n", min=1, max=LARGEST_PAGE, metavar="N", help=f"Rows of a page: {PAGE} by default."),
]
AfterOption = Annotated[
    int | None, typer.Option(min=0, metavar="SEQ", help="Go on after this entry, as the page before says.")
]
AllOption = Annotated[bool, typer.Option("--all", help="All pages, one after the other, as one read.")]
CsvOption = Annotated[
    str | None, typer.Option("--csv", metavar="FILE", help="Write the rows as CSV into FILE, or - for the output.")
]

app = typer.Typer(no_args_is_help=True)


class Flag(StrEnum):
    """What an entry can contain, by what was masked in it."""

    PERSONAL = "personal"
    HEALTH = "health"
    CARD = "card"
    SECRET = "secret"  # noqa: S105 - a kind of data, and no secret


@app.callback()
def _group() -> None:
    """Put the questions that investigations begin with.

    The database finds the entries, through functions that answer in psql
    as well. What is shown is read from the entries themselves, after each
    was recomputed; what does not fit is a finding beside its row, and the
    exit code is then 1. A question is a read, so what it is for, and how
    it ended, are recorded.

    A person is looked for by name under all pseudonyms that the name has,
    and under the name itself; by a pseudonym, under that one alone.

    Needs a login with the duty compliance, legal, dpo or verifier. Times
    are UTC, by the database's clock.
    """


@app.command("actions")
def ask_actions(
    context: typer.Context,
    agent: Annotated[str, typer.Option("--agent", metavar="AGENT", help="The agent's id.")],
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="The user it acted for, by name or pseudonym.")],
    since: FromOption = None,
    until: ToOption = None,
    limit: LimitOption = None,
    after: AfterOption = None,
    everything: AllOption = False,
    csv: CsvOption = None,
    names: NamesOption = False,
    key: KeyOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show everything that an agent did for a user.

    The oldest first; between two dates where they are given. --to is not
    included, so one day is --from 2026-01-31 --to 2026-02-01.

    \b
    Examples:
      unbroken query actions --agent clinic-agent --user u-17
      unbroken query actions --agent clinic-agent --user u-17 \\
        --from 2026-01-31 --to 2026-02-01T12:00:00+01:00
      unbroken query actions --agent desk --user u-17 --all --csv u-17.csv
    """
    options = Options(limit, after, everything, csv, json, purpose, case, store, log, names, key)
    span = _span(since, until)
    ask(Actions(_id(agent, "--agent"), _id(user, "--user"), span), options, context)


@app.command("unapproved")
def ask_unapproved(
    context: typer.Context,
    since: FromOption = None,
    until: ToOption = None,
    limit: LimitOption = None,
    after: AfterOption = None,
    everything: AllOption = False,
    csv: CsvOption = None,
    names: NamesOption = False,
    key: KeyOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show every call with a side effect that was not approved, and why.

    \b
    Why (as --json and --csv name it):
      no_decision      nobody decided, or what was decided did not hold
      denied           it was denied, and made all the same
      other_arguments  the decision was about other arguments
      after_the_fact   it was decided after the call
      by_caller        the caller, or its agent, decided
      self_attested    one login asked and decided
      not_claimed      there was an approval, which the call does not use

    \b
    Examples:
      unbroken query unapproved
      unbroken query unapproved --from 2026-01-01 --to 2026-02-01
      unbroken query unapproved --json | jq -r '.rows[] | [.seq, .reason]'
    """
    options = Options(limit, after, everything, csv, json, purpose, case, store, log, names, key)
    ask(Unapproved(_span(since, until)), options, context)


@app.command("errors")
def ask_errors(
    context: typer.Context,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="Recorded at or after; by default, the last 24 hours."),
    ] = None,
    until: ToOption = None,
    least: Annotated[int, typer.Option(min=1, metavar="N", help="Only minutes with at least so many errors.")] = 1,
    limit: LimitOption = None,
    after: Annotated[
        str | None, typer.Option(metavar="MINUTE", help="Go on after this minute, as the page before says.")
    ] = None,
    everything: AllOption = False,
    csv: CsvOption = None,
    names: NamesOption = False,
    key: KeyOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show bursts of errors, minute by minute, the newest first.

    Each minute is counted anew from its error entries. Without --from it
    is the last 24 hours, or the 24 hours before --to.

    \b
    Examples:
      unbroken query errors
      unbroken query errors --least 10 --from 2026-01-31 --to 2026-02-01
      unbroken query errors --all --csv -
    """
    options = Options(limit, _minute(after), everything, csv, json, purpose, case, store, log, names, key)
    ask(Errors(_recent(since, until), least), options, context)


@app.command("access")
def ask_access(
    context: typer.Context,
    resource: Annotated[
        str, typer.Option("--resource", metavar="ID", help="The resource's id; a name where it is a person.")
    ],
    kind: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Its type; by default any.")] = None,
    limit: LimitOption = None,
    after: AfterOption = None,
    everything: AllOption = False,
    csv: CsvOption = None,
    names: NamesOption = False,
    key: KeyOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show who touched a resource, and who approved that.

    The oldest first. The role of an entry is touched or, for a request
    that names the resource, what became of it: asked, approved, denied.

    \b
    Examples:
      unbroken query access --resource p-4
      unbroken query access --resource p-4 --type patient --json
      unbroken query access --resource p-4 --all --csv p-4.csv
    """
    options = Options(limit, after, everything, csv, json, purpose, case, store, log, names, key)
    ask(Access(_id(resource, "--resource"), None if kind is None else _id(kind, "--type")), options, context)


@app.command("contains")
def ask_contains(
    context: typer.Context,
    flags: Annotated[list[Flag], typer.Argument(metavar="personal|health|card|secret...", help="One or several.")],
    since: FromOption = None,
    until: ToOption = None,
    limit: LimitOption = None,
    after: AfterOption = None,
    everything: AllOption = False,
    csv: CsvOption = None,
    names: NamesOption = False,
    key: KeyOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show where personal, health or card data or secrets were found.

    Every entry in which something of at least one of these was masked,
    the oldest first: which kinds and how many of each, and how the entry
    is classified. What was masked is not shown, and is not in the log.

    \b
    Examples:
      unbroken query contains health
      unbroken query contains card secret --from 2026-01-31
      unbroken query contains personal --all --csv personal.csv
    """
    options = Options(limit, after, everything, csv, json, purpose, case, store, log, names, key)
    ask(Contains(tuple(sorted({flag.value for flag in flags})), _span(since, until)), options, context)


def _id(text: str, option: str) -> str:
    if not text:
        raise typer.BadParameter("an id has at least one character", param_hint=option)
    return text


def _span(since: str | None, until: str | None) -> Span:
    span = Span(
        None if since is None else moment_of(since, option="--from"),
        None if until is None else moment_of(until, option="--to"),
    )
    if span.since is not None and span.until is not None and span.since >= span.until:
        raise typer.BadParameter("--from has to be before --to, which itself is not included", param_hint="--to")
    return span


def _recent(since: str | None, until: str | None) -> Span:
    """A span that begins where it is said, or 24 hours before its end."""
    span = _span(since, until)
    return span if span.since is not None else Span((span.until or datetime.now(UTC)) - RECENT, span.until)


def _minute(text: str | None) -> str | None:
    if text is not None:
        moment_of(text, option="--after")
    return text

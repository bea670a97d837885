"""``unbroken access report``: who looked at what and why, who may, since when and by whose decision."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final

import typer

from unbroken.cli.access_csv import COLUMNS, rows_of
from unbroken.cli.access_json import report_as_json
from unbroken.cli.access_view import print_access
from unbroken.cli.csv_output import csv_target
from unbroken.cli.moments import moment_of
from unbroken.cli.people import KeyOption, NamesOption, as_recorded, keys_for_names, keys_of, known_as, names_in
from unbroken.cli.printing import as_json_time, console, print_json
from unbroken.cli.reading import CaseOption, PurposeOption, Reading, open_read
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.core.keyed import LogKey
from unbroken.investigate.access import AccessReport, Period, assembled, gathered
from unbroken.investigate.csv_rows import CsvOutput
from unbroken.privacy.pseudonyms import is_pseudonym
from unbroken.store.access import AccessTables

DEFAULT_LENGTH: Final = timedelta(days=90)
_TO_COME: Final = timedelta(seconds=1)
"""So that the report's own read, recorded just now, is in it."""


def report(
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Reads from this time on; 90 days before the end.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Reads before this time; now.")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="TIME", help="Grants as they stood at this time; now.")
    ] = None,
    about: Annotated[
        str | None, typer.Option("--about", metavar="NAME", help="Also who looked for this person or resource.")
    ] = None,
    names: NamesOption = False,
    key: KeyOption = None,
    csv: Annotated[
        str | None, typer.Option("--csv", metavar="FILE", help="Write it as CSV; - is standard output.")
    ] = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Report who looked at what and why, and who may.

    Needs a login with the duty compliance. It tells what verified entries
    say: every read with its end, whose names were looked up and which
    originals were opened or matched; refused reads; who filled the vault or
    wrapped its keys anew; who asked for erasures, confirmed, withdrew and
    carried them out; who decided on policies, legal holds and disposals
    (not with --about); every grant with who decided, what waits for a second
    person; and what the server's catalog says: memberships, superusers. Where a table contradicts the entries, an entry
    was altered or a grant breaks the rules, that is a finding. Times are UTC;
    a date is its midnight. `unbroken verify` shows that no entry is missing.

    \b
    Exit codes: 0 nothing found, 1 findings, 2 wrong usage or no access

    \b
    Examples:
      unbroken access report
      unbroken access report --since 2026-07-01 --until 2026-10-01 \\
        --as-of 2026-10-01 --purpose "review of the 3rd quarter"
      unbroken access report --about dana@clinic.example --json | jq .about
      unbroken access report --csv access.csv
    """
    if csv is not None and json:
        raise typer.BadParameter("--csv and --json exclude each other")
    times = [_given(since, "--since"), _given(until, "--until"), _given(as_of, "--as-of")]
    scope = _scope(times, about)
    keys = keys_for_names(store, key, wanted=names)
    with open_read(store, log, scope=scope, purpose=purpose, case=case, duties="compliance") as reading:
        made = _made(reading, times, about, keys or keys_of(store, key))
        known = names_in(_looked_up(made), reading, keys) if names else {}
        if json:
            print_json(report_as_json(made) | ({"names": known} if names else {}))
        elif csv is not None:
            with csv_target(csv) as file:
                output = CsvOutput(file, COLUMNS)
                for row in rows_of(made, known):
                    output.write(row)
        else:
            print_access(console(), made, own=reading.ticket.seq, names=known)
    raise typer.Exit(made.exit_code)


def _looked_up(made: AccessReport) -> Iterator[str]:
    """The pseudonyms whose names were looked up, and of the person in question."""
    for read in made.reads:
        for lookup in read.lookups:
            yield from lookup.pseudonyms
    if made.about is not None:
        yield from made.about.person.pseudonyms


def _made(reading: Reading, times: list[datetime | None], about: str | None, keys: Sequence[LogKey]) -> AccessReport:
    since, until, as_of = times
    now = AccessTables(reading.reader).now() + _TO_COME
    end = until or now
    period = Period(since or end - DEFAULT_LENGTH, end, as_of or now)
    pseudonyms = [each for each in known_as(about, reading, keys) if is_pseudonym(each)] if about else []
    spellings = () if about is None else tuple(dict.fromkeys((about, as_recorded(about))))
    evidence = gathered(reading.reader, period, settled=reading.ticket.seq, names=spellings, pseudonyms=pseudonyms)
    for entry in evidence.entries:
        reading.shown(entry)
    return assembled(evidence, period)


def _given(text: str | None, option: str) -> datetime | None:
    return None if text is None else moment_of(text, option=option)


def _scope(times: list[datetime | None], about: str | None) -> dict[str, str]:
    since, until, _ = times
    given = {
        "what": "access report",
        "from": None if since is None else as_json_time(since),
        "to": None if until is None else as_json_time(until),
        "about": None if about is None else as_recorded(about),
    }
    return {key: value for key, value in given.items() if value}

"""``unbroken names``: who stands behind pseudonyms."""

from typing import Annotated, Any, Final

import typer

from unbroken.cli.masked import masked
from unbroken.cli.people import KeyOption, as_recorded, keys_for_names, people_of, texts_of
from unbroken.cli.printing import cells, console, counted, plain_table, print_json, print_table
from unbroken.cli.reading import CaseOption, PurposeOption, Reading, open_read
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.core.entry import StoredEntry
from unbroken.errors import ConfigurationError
from unbroken.privacy.people import AT_ONCE, People
from unbroken.privacy.pseudonyms import is_pseudonym, pseudonyms_in

_FEWEST: Final = len("p-") + 8
"""The shortest beginning of a pseudonym that is looked for."""


def names(
    pseudonyms: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PSEUDONYM]...", help="Whole, or its beginning in --session or --entry."),
    ] = None,
    session: Annotated[
        str | None, typer.Option("--session", metavar="ID", help="Who is named in this session.")
    ] = None,
    entry: Annotated[
        int | None, typer.Option("--entry", min=1, metavar="SEQ", help="Who is named in this entry.")
    ] = None,
    of: Annotated[
        str | None, typer.Option("--of", metavar="NAME", help="The other way: the pseudonyms that this name has.")
    ] = None,
    key: KeyOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show who stands behind pseudonyms.

    The look-up is recorded before it is answered, with the pseudonyms, who
    asked and what for; `unbroken access report` lists it. Names are sealed
    under the log's key, which the database does not have. One person may
    have several pseudonyms, and a name that was erased is not there.

    \b
    On a server this takes a login with the duty compliance, legal or dpo.
    Exit codes: 0 all were found, 1 some have no name, 2 wrong usage or no
    access.

    \b
    Examples:
      unbroken names p-3f9a2c1b04d7e8f6a1b2c3d4e5f60718
      unbroken names --session call-2042
      unbroken names p-3f9a2c1b --session call-2042
      unbroken names --of dana@clinic.example
    """
    given = pseudonyms or []
    _check(given, session=session, entry=entry, of=of)
    keys = keys_for_names(store, key, wanted=True)
    session = None if session is None else masked(store, session)  # as it was on its way into the log
    with open_read(store, log, scope=_scope(session, entry, of), purpose=purpose, case=case) as reading:
        people = people_of(reading, keys)
        wanted = [each for each in people.known_as(of) if is_pseudonym(each)] if of else []
        if session is not None or entry is not None:
            wanted = _chosen(given, _named_in(_entries(reading, session, entry)))
        elif not of:
            wanted = list(dict.fromkeys(given))
        people.look_up(wanted)
        _tell(people, wanted, reading, as_json=json)
    raise typer.Exit(0 if all(each in people.names for each in wanted) and wanted else 1)


def _check(given: list[str], *, session: str | None, entry: int | None, of: str | None) -> None:
    within = session is not None or entry is not None
    if (session is not None and entry is not None) or (of is not None and (within or given)):
        raise typer.BadParameter(
            "give pseudonyms, --session, --entry or --of; a session or an entry with pseudonyms in it"
        )
    if not (given or within or of):
        raise typer.BadParameter("say whose names: pseudonyms, --session, --entry or --of")
    for each in given:
        if not is_pseudonym(each) and not (within and each.startswith("p-") and len(each) >= _FEWEST):
            raise typer.BadParameter(
                f"{each} is no pseudonym: p- and 32 hex digits, or at least 8 of them with --session or --entry"
            )
    if len(set(given)) > AT_ONCE:
        raise typer.BadParameter(f"at most {AT_ONCE:,} at once")


def _scope(session: str | None, entry: int | None, of: str | None) -> dict[str, str]:
    scope = {"what": "names" if entry is None else f"names in entry {entry}"}
    return (
        scope
        | ({"session": session} if session is not None else {})
        | ({"about": as_recorded(of)} if of is not None else {})
    )


def _entries(reading: Reading, session: str | None, entry: int | None) -> list[StoredEntry]:
    """The entries in which people are named; raises :class:`ConfigurationError` where there is none."""
    if entry is not None:
        found = reading.reader.entries_at([entry])
    else:
        found = [each for lot in reading.reader.entries(session=session) for each in lot]
    if not found:
        raise ConfigurationError("there is no such entry" if entry is not None else "there is no such session")
    return found


def _named_in(entries: list[StoredEntry]) -> list[str]:
    return list(dict.fromkeys(each for text in texts_of(entries) for each in pseudonyms_in(text)))


def _chosen(given: list[str], named: list[str]) -> list[str]:
    """Those of ``named`` that were given, by their beginnings; all where none was."""
    if not given:
        return named
    chosen = []
    for beginning in given:
        fitting = [each for each in named if each.startswith(beginning)]
        if len(fitting) != 1:
            what = "stands for several there" if fitting else "does not stand there"
            raise ConfigurationError(f"{beginning} {what}")
        chosen += fitting
    return list(dict.fromkeys(chosen))


def _tell(people: People, wanted: list[str], reading: Reading, *, as_json: bool) -> None:
    if as_json:
        rows: list[dict[str, Any]] = [
            {"pseudonym": each, "name": people.names.get(each), "state": _state(people, each)} for each in wanted
        ]
        print_json({"log": reading.reader.log, "ticket": reading.ticket.seq, "lookups": people.lookups, "names": rows})
        return
    if not wanted:
        typer.echo("There is no pseudonym to look up.")
        return
    table = plain_table("pseudonym", "name")
    table.columns[0].no_wrap = True
    for each in wanted:
        table.add_row(*cells(each, people.names.get(each) or f"({_WORDS[_state(people, each)]})"))
    print_table(table)
    console(stderr=True).print(
        f"{counted(len(wanted), 'pseudonym')} looked up: recorded under the read in entry {reading.ticket.seq:,}.",
        style="dim",
    )


def _state(people: People, pseudonym: str) -> str:
    if pseudonym in people.names:
        return "known"
    return "sealed" if pseudonym in people.sealed else "unknown"


_WORDS: Final = {
    "sealed": "can't be opened: under another key, or changed",
    "unknown": "no name: erased, or never one of this log",
}

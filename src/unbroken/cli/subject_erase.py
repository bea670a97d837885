"""``unbroken subject erase``: what there is of a person, and asking for their erasure."""

from typing import Annotated, Any, Final

import typer

from unbroken import wiring
from unbroken.cli.asking import agreed
from unbroken.cli.masked import masked, rules_of
from unbroken.cli.people import KeyOption, as_recorded, keys_of, known_as, unknowable
from unbroken.cli.printing import counted, moment, print_json, warn
from unbroken.cli.reading import CaseOption, PurposeOption, Reading, open_read
from unbroken.cli.subject_options import command
from unbroken.cli.subject_view import person_as_json, print_amounts, print_limits, print_next, print_person
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, is_conninfo
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.privacy.erasure.plan import NOT_COVERED, kept
from unbroken.privacy.pseudonyms import is_pseudonym
from unbroken.store.erasures import Asked, Erasures, PersonFound

TO_FIND: Final = "to find what there is of a person, for an erasure"
"""What the log is read for where nothing else is said, as it records it."""


def erase(
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help="A name, a pseudonym, or the opaque id that the log has.")
    ],
    ask: Annotated[bool, typer.Option("--ask", help="Ask for the erasure, once it was shown what there is.")] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why, such as the date of the person's request.")
    ] = None,
    with_acted: Annotated[
        bool, typer.Option("--with-acted", help="Also what this person did to others' data, which else is kept.")
    ] = False,
    despite_floors: Annotated[
        bool, typer.Option("--despite-floors", help="Ask for it although a law asks to keep some of it.")
    ] = False,
    key: KeyOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask for it without being asked once more.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show what a log holds of a person, and with --ask, ask for its erasure.

    Without --ask it is a dry run: nothing is destroyed, and nothing is asked
    for. With it, a request is recorded that another login has to confirm
    within seven days; nothing is destroyed by asking either. A name is looked
    for under all pseudonyms that it has, with the log's key.

    What a legal hold keeps is counted, and nothing begins before the hold is
    over. What a law in force asks to keep is counted too: then it is asked
    for with --despite-floors, which whoever confirms sees, or not at all.

    \b
    Needs the duty dpo, and a case. It is recorded as a read.
    Exit codes: 0 shown, or asked for; 1 the log has nothing of this person;
    2 wrong usage or no access.

    \b
    Examples:
      unbroken subject erase dana@clinic.example --case C-31
      unbroken subject erase dana@clinic.example --case C-31 --ask \\
        --reason "request of 3 March"
      unbroken subject erase p-3f9a2c1b04d7e8f6a1b2c3d4e5f60718 --case C-31 \\
        --json
    """
    if ask and (reason is None or case is None):
        raise typer.BadParameter("an erasure is asked for with --case and --reason: both are recorded")
    keys = keys_of(store, key)
    scope = {"what": "subject erase", "about": as_recorded(person)}
    with open_read(
        store, log, scope=scope, purpose=purpose or TO_FIND, case=_case(store, case), duties="dpo", login=wiring.DPO
    ) as reading:
        _warn(person, unknown=unknowable(person, reading, keys))
        door, ids = Erasures(reading.reader), known_as(person, reading, keys)
        found = door.find_person(reading.ticket, ids, with_acted=with_acted)
        if not json and found.ids:
            print_person(found, log=door.log)
            print_amounts(found)
            print_limits(with_acted=with_acted, acts=found.kept)
        asked = None
        if ask:
            _check_against(found, despite_floors=despite_floors)
        if ask and found.ids and agreed("Ask for this erasure? Nothing is destroyed by asking.", yes=yes):
            asked = _asked(
                door,
                reading,
                found,
                store,
                with_acted=with_acted,
                case=case,
                reason=reason,
                despite_floors=despite_floors,
            )
    if json:
        print_json(_as_json(door, found, asked, store, with_acted=with_acted))
    else:
        _print_end(door, found, asked, store, ask=ask, person=person)
    raise typer.Exit(0 if found.ids else 1)


def _case(store: str, case: str | None) -> str | None:
    if case is None and is_conninfo(store):
        raise ConfigurationError("say with --case (or UNBROKEN_CASE) to which case this belongs: it is recorded")
    return case or "local use"


def _warn(person: str, *, unknown: str | None) -> None:
    if unknown is not None:
        warn(
            f"{unknown} Without it a person who is recorded under pseudonyms is not found by name, and what is shown "
            "here is not all"
        )
    if is_pseudonym(person):
        warn(
            "looked for by pseudonym: others of the same name are found too, except those that the name got under "
            "another key of the log. By name, with all keys in --key, none is missed"
        )


def _check_against(found: PersonFound, *, despite_floors: bool) -> None:
    if found.floored and not despite_floors:
        raise ConfigurationError(
            f"a law asks to keep what {counted(found.floored, 'entry')} of this person "
            f"{'holds' if found.floored == 1 else 'hold'}: nothing was asked for. If it has to go all the same, ask "
            "with --despite-floors: whoever confirms sees it"
        )
    if found.held:
        warn(
            f"a legal hold keeps {counted(found.held, 'entry')} of this person: an erasure can be asked for and "
            "confirmed, and not carried out before the hold is over. A request expires after seven days"
        )


def _asked(
    door: Erasures,
    reading: Reading,
    found: PersonFound,
    store: str,
    *,
    with_acted: bool,
    case: str | None,
    reason: str | None,
    despite_floors: bool,
) -> Asked:
    rules = rules_of(reading.reader)
    return door.ask(
        reading.ticket,
        found.ids,
        with_acted=with_acted,
        case=masked(store, case or "", rules=rules),
        reason=masked(store, reason or "", rules=rules),
        despite_floors=despite_floors,
    )


def _print_end(door: Erasures, found: PersonFound, asked: Asked | None, store: str, *, ask: bool, person: str) -> None:
    if not found.ids:
        typer.echo(printable(f"{door.log} has nothing of this person under any id that was looked for."))
        return
    if asked is None:
        typer.echo("Nothing was asked for, and nothing destroyed." if ask else "A dry run: nothing was asked for.")
        if not ask:
            words = ["subject", "erase", person, "--case", "CASE", "--reason", "TEXT", "--ask"]
            print_next([("You, to ask for it:", command(store, door.log, *words))])
        return
    typer.echo(f"Asked for, in entry {asked.seq:,}. Nothing is destroyed yet.")
    print_next(_steps(door, asked, store))


def _steps(door: Erasures, asked: Asked, store: str) -> list[tuple[str, str]]:
    confirm = command(store, door.log, "subject", "confirm", asked.erasure)
    withdraw = command(store, door.log, "subject", "withdraw", asked.erasure)
    until = f"{moment(asked.expires_at)} UTC"
    return [
        (f"Somebody else confirms it by {until}, with the duty dpo, legal or compliance:", confirm),
        ("Until it has begun, one of them can withdraw it:", withdraw),
    ]


def _as_json(
    door: Erasures, found: PersonFound, asked: Asked | None, store: str, *, with_acted: bool
) -> dict[str, Any]:
    request = None
    if asked is not None:
        request = {
            "erasure": asked.erasure,
            "seq": asked.seq,
            "valid_until": asked.expires_at.isoformat().replace("+00:00", "Z"),
            "confirm": command(store, door.log, "subject", "confirm", asked.erasure),
        }
    return {
        "log": door.log,
        "with_acted": with_acted,
        "found": person_as_json(found),
        "kept_because": kept(with_acted=with_acted),
        "not_reached": dict(NOT_COVERED),
        "asked": request,
    }

"""``unbroken original open``: entries as they were before redaction."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Annotated, Final

import typer

from unbroken.cli.late_progress import LateProgress
from unbroken.cli.masked import masked
from unbroken.cli.original_entries import SAID, Whole, wholes
from unbroken.cli.original_reading import of_numbers, of_session, open_dpo_read
from unbroken.cli.original_view import SUMMED_UP, print_whole, whole_as_json
from unbroken.cli.printing import ROWS, console, counted, print_json
from unbroken.cli.reading import CaseOption, PurposeOption
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.cli.vault_store import KekOption, encryptions_of
from unbroken.privacy.vault.opening import AT_ONCE

_NAMED: Final = 20
"""Entries that the record of a read names."""


def open_originals(
    entries: Annotated[
        list[int] | None, typer.Argument(metavar="[ENTRY]...", min=1, help="Numbers of entries.", show_default=False)
    ] = None,
    session: Annotated[str | None, typer.Option("--session", metavar="ID", help="All entries of this session.")] = None,
    kek: KekOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Show entries as they were before redaction.

    That they are asked for is an entry, log.original_asked, before anything
    is decrypted; log.original_opened tells how many opened. Each line is
    verified first, and what opens is held against the line's commitment. It
    is shown entry by entry, --json on a line each. People stay pseudonyms:
    `unbroken names` has their names.

    An entry in which nothing was masked has no original: it is shown as it
    is recorded, which is as it was said.

    On a server this takes a login with the duty dpo, and a --case. The read
    lasts up to an hour.

    \b
    Exit codes: 0 all that was asked for was shown as it was said, 1 some
    could not be: erased, never kept, damaged, or its key is wrapped by
    something that is not at hand, 2 wrong usage or no access.

    \b
    Examples:
      unbroken original open 12 --purpose "complaint 31" --case C-31
      unbroken original open --session call-2042 --case C-31
      unbroken original open --session call-2042 --case C-31 --json
    """
    numbers = sorted(set(entries or ()))
    _check(numbers, session)
    keys = encryptions_of(store, kek)
    session = None if session is None else masked(store, session)  # as it was on its way into the log
    outcomes: Counter[str] = Counter()
    with open_dpo_read(store, log, _scope(numbers, session), purpose=purpose, case=case) as reading:
        wanted = of_numbers(reading, numbers) if session is None else of_session(reading, session)
        show = _shower(reading.reader.log, json=json)
        # Closed here, so that what came of it is recorded while the read is open, however it ends.
        with closing(wholes(reading, wanted, keys=keys)) as found:
            for whole in _watched(found, of=len(wanted)):
                outcomes[whole.outcome] += 1
                if whole.verified.entry is not None:
                    # Counted first: one who ends it in between has perhaps seen it.
                    reading.shown(whole.verified.entry)
                show(whole)
        ticket = reading.ticket.seq
    if not json:
        _sum_up(outcomes, ticket)
    raise typer.Exit(0 if set(outcomes) <= set(SAID) else 1)


def _check(numbers: Sequence[int], session: str | None) -> None:
    if bool(numbers) == (session is not None):
        raise typer.BadParameter("say which: numbers of entries, or --session")
    if len(numbers) > AT_ONCE:
        raise typer.BadParameter(f"at most {AT_ONCE:,} entries by their numbers")


def _scope(numbers: Sequence[int], session: str | None) -> dict[str, str]:
    if session is not None:
        return {"what": "originals", "session": session}
    named = ", ".join(map(str, numbers[:_NAMED])) + (f" and {len(numbers) - _NAMED} more" if numbers[_NAMED:] else "")
    return {"what": f"originals of {'entry' if len(numbers) == 1 else 'entries'} {named}"}


def _watched(found: Iterator[Whole], *, of: int) -> Iterator[Whole]:
    """The same, with progress where what is shown goes somewhere else than the terminal."""
    if sys.stdout.isatty():
        yield from found
        return
    with LateProgress("opening") as progress:
        for done, whole in enumerate(found, 1):
            yield whole
            progress(done, of)


def _shower(log: str, *, json: bool) -> Callable[[Whole], None]:
    if json:
        return lambda whole: print_json(whole_as_json(whole, log))
    out = console(piped=ROWS)
    return lambda whole: print_whole(out, whole)


def _sum_up(outcomes: Counter[str], ticket: int) -> None:
    told = ", ".join(f"{outcomes[outcome]:,} {words}" for outcome, words in SUMMED_UP.items() if outcomes[outcome])
    words = f"{counted(outcomes.total(), 'entry')}: {told}. Recorded under the read in entry {ticket:,}."
    console(stderr=True).print(words, style="dim")

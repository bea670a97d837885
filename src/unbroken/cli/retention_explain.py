"""``unbroken retention explain``: why one entry's content is kept, until when, or since when it may go."""

import uuid
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import typer
from rich.padding import Padding

from unbroken import wiring
from unbroken.cli.printing import ROWS, as_json_time, cells, console, plain_table, print_json, warn
from unbroken.cli.retention_store import SEERS, open_kept
from unbroken.cli.retention_view import json_time, kind_as_json
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.retention.due import Due, Rule
from unbroken.retention.explaining import explained, in_words, last_day
from unbroken.retention.facts import DueByPart, Facts
from unbroken.retention.reading import facts_of, part_of
from unbroken.store.retention import EntryRetention

_DISAGREES: Final = (
    "the database counts these days otherwise than this program does, which may come of time zones that changed: "
    "disposal goes by the database"
)


def explain(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="An entry's number, or its event's id.")],
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Explain why what an entry holds is kept, and until when.

    One sentence names the rule and the dates that decide, one for each part
    where payload and original have policies of their own; below it stands
    what each policy says. Legal holds are named to logins that may know of
    them; others are told that there is one.

    \b
    Needs a login with the duty compliance, legal, dpo, retention or verifier.
    Exit codes: 0 explained, 2 wrong usage, no access or no such entry.

    \b
    Examples:
      unbroken retention explain 4711
      unbroken retention explain 0192f6a4-… --json
    """
    with open_kept(store, log, login=wiring.READER, duties=SEERS) as kept:
        rows = kept.door.entry(_name(entry))
        if not rows:
            raise ConfigurationError(f"{kept.log} has no entry {entry}")
        facts = facts_of(rows[0], log=kept.log)
        found = facts.due(kept.reckoning())
    if _differs(facts, rows, found):
        warn(_DISAGREES)
    if json:
        print_json(_as_json(facts, found))
        return
    console().print(printable(explained(facts, found)))
    _print_rules(found)


def _name(entry: str) -> str:
    try:
        return str(uuid.UUID(entry)) if "-" in entry else str(int(entry.replace(",", "")))
    except ValueError:
        raise ConfigurationError(f"{entry} is no entry's number, and no event's id") from None


def _differs(facts: Facts, rows: Sequence[EntryRetention], found: DueByPart) -> bool:
    here = {
        part: (due.keep_until, due.erase_by, sorted(policy.id for policy in due.waits)) for part, due in found.items()
    }
    there = {part_of(row): (row.keep_until, row.erase_by, sorted(row.waits or ())) for row in rows}
    return here != {part: counted for part, counted in there.items() if facts.has(part)}


def _print_rules(found: DueByPart) -> None:
    rows = [row for part, due in found.items() for row in _rules(due, "" if part is None else f"{part}: ")]
    if not rows:
        return
    table = plain_table("", "policy", "period", "from", "to the end of", "citation")
    for row in rows:
        table.add_row(*cells(*row))
    console(piped=ROWS).print(Padding(table, (1, 0, 0, 0), expand=False))


def _rules(due: Due, part: str) -> Iterator[tuple[str, ...]]:
    for what, rules in (("keep", due.floors), ("gone by", due.ceilings)):
        for rule in rules:
            words = in_words(rule.period)
            yield f"{part}{what}", rule.policy.id, words, _from(rule), last_day(rule), rule.policy.cited
    for policy in due.unknown:
        yield f"{part}waits", policy.id, "", f"{policy.start}: not told", "", policy.cited


def _from(rule: Rule) -> str:
    return f"{rule.start.astimezone(rule.policy.zone):%Y-%m-%d} ({rule.policy.start})"


def _as_json(facts: Facts, found: DueByPart) -> dict[str, Any]:
    return {
        "log": facts.log,
        "seq": facts.seq,
        "recorded_at": as_json_time(facts.recorded_at),
        "explanation": explained(facts, found),
        "own": facts.is_own,
        "class": None if facts.kind is None else kind_as_json(facts.kind),
        "recorded_domains": list(facts.recorded_domains),
        "holds_payload": facts.payload,
        "holds_original": facts.original,
        "policies_version": facts.version,
        **_parts(facts, found),
        "held": facts.held,
        "holds": None if facts.matters is None else [{"matter": each[0], "hold": each[1]} for each in facts.matters],
    }


def _parts(facts: Facts, found: DueByPart) -> dict[str, Any]:
    """What holds for all of it, or in a list for each part: no program takes what holds for one for the other."""
    if None in found:
        return _due(facts, found[None])
    return {"parts": [{"part": part, **_due(facts, due)} for part, due in found.items()]}


def _due(facts: Facts, due: Due) -> dict[str, Any]:
    return {
        "keep_until": json_time(due.keep_until),
        "erase_by": json_time(due.erase_by),
        "due_from": json_time(due.due_from),
        "due": due.is_due(facts.now),
        "conflict": due.conflicts(facts.now),
        "extended": json_time(facts.extended),
        "floors": [_rule(rule) for rule in due.floors],
        "ceilings": [_rule(rule) for rule in due.ceilings],
        "unknown": [{"policy": policy.id, "start": policy.start, "key": policy.start_key} for policy in due.unknown],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "policy": rule.policy.id,
        "version": rule.policy.version,
        "citation": rule.policy.citation,
        "verify": rule.policy.verify,
        "period": str(rule.period),
        "start": as_json_time(rule.start),
        "end": as_json_time(rule.end),
    }

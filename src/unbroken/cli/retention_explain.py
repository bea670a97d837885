"""``unbroken retention explain``: why one entry's content is kept, until when, or since when it may go."""

import uuid
from typing import Annotated, Any, Final

import typer
from rich.padding import Padding

from unbroken import wiring
from unbroken.cli.printing import ROWS, as_json_time, cells, console, plain_table, print_json, warn
from unbroken.cli.retention_store import SEERS, Kept, open_kept
from unbroken.cli.retention_view import json_time, kind_as_json
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.retention.due import Due, Rule
from unbroken.retention.explaining import explained, in_words, last_day
from unbroken.retention.facts import Facts
from unbroken.retention.reading import facts_of
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

    One sentence names the rule and the dates that decide; below it stands
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
        row = kept.door.entry(_name(entry))
        if row is None:
            raise ConfigurationError(f"{kept.log} has no entry {entry}")
        facts = facts_of(row, log=kept.log)
        found = _due(kept, facts)
    if _differs(row, found):
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


def _due(kept: Kept, facts: Facts) -> Due:
    reckoning = kept.reckoning()
    if facts.kind is None or reckoning.rules is None:
        return Due()
    return reckoning.due(facts.kind, facts.recorded_at, extended=facts.extended)


def _differs(row: EntryRetention, found: Due) -> bool:
    counted = (found.keep_until, found.erase_by, sorted(policy.id for policy in found.waits))
    return counted != (row.keep_until, row.erase_by, sorted(row.waits or ()))


def _print_rules(found: Due) -> None:
    rules = [("keep", rule) for rule in found.floors] + [("gone by", rule) for rule in found.ceilings]
    if not rules and not found.unknown:
        return
    table = plain_table("", "policy", "period", "from", "to the end of", "citation")
    for what, rule in rules:
        words = in_words(rule.period)
        table.add_row(*cells(what, rule.policy.id, words, _from(rule), last_day(rule), rule.policy.cited))
    for policy in found.unknown:
        table.add_row(*cells("waits", policy.id, "", f"{policy.start}: not told", "", policy.cited))
    console(piped=ROWS).print(Padding(table, (1, 0, 0, 0), expand=False))


def _from(rule: Rule) -> str:
    return f"{rule.start.astimezone(rule.policy.zone):%Y-%m-%d} ({rule.policy.start})"


def _as_json(facts: Facts, found: Due) -> dict[str, Any]:
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
        "keep_until": json_time(found.keep_until),
        "erase_by": json_time(found.erase_by),
        "due_from": json_time(found.due_from),
        "due": found.is_due(facts.now),
        "conflict": found.conflicts(facts.now),
        "extended": json_time(facts.extended),
        "floors": [_rule(rule) for rule in found.floors],
        "ceilings": [_rule(rule) for rule in found.ceilings],
        "unknown": [{"policy": policy.id, "start": policy.start, "key": policy.start_key} for policy in found.unknown],
        "held": facts.held,
        "holds": None if facts.matters is None else [{"matter": each[0], "hold": each[1]} for each in facts.matters],
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

"""Why an entry's content is kept, until when, or since when it may go: in sentences that name rule and dates."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from unbroken.core.times import format_time
from unbroken.retention.due import Due, Rule, items_of
from unbroken.retention.facts import DueByPart, Facts
from unbroken.retention.period import Period
from unbroken.retention.policy import RECORD, Part, Policy

_UNITS: Final = ((12, "year"), (1, "month"))
_MOMENT: Final = timedelta(microseconds=1)
_PARTS: Final[Mapping[Part, str]] = {"payloads": "Its payload", "originals": "Its sealed original"}


def explained(facts: Facts, due: DueByPart) -> str:
    """What holds for the entry, or for each of its parts, and why: the rules and dates first that decide."""
    kept = _without_dates(facts)
    return " ".join([*(_by_dates(facts, due) if kept is None else [kept]), *_held(facts)])


def _without_dates(facts: Facts) -> str | None:
    entry = _entry(facts)
    if facts.is_own:
        return f"{entry} is one of the log's own: those are kept for as long as the log is."
    if not facts.holds_something:
        return f"{entry} holds nothing{_gone(facts)}; its line stays for as long as the log does."
    if facts.kind is None:
        return f"{entry} was recorded before entries had retention classes: it is kept."
    if facts.version is None:
        return f"{entry} is kept: no policies are in force for this log."
    return None


def _by_dates(facts: Facts, due: DueByPart) -> Iterator[str]:
    recorded = f"recorded on {facts.recorded_at:%Y-%m-%d}"
    if None in due:
        yield f"{_entry(facts)}, {recorded}, {_outcome(facts, due[None])}."
        return
    yield f"{_entry(facts)} was {recorded}."
    for part, words in _PARTS.items():
        if part in due:
            yield f"{words} {_outcome(facts, due[part])}."


def _entry(facts: Facts) -> str:
    return f"Entry {facts.seq:,} of {facts.log}"


def _gone(facts: Facts) -> str:
    if facts.gone is None:
        return ", and never held anything"
    seq, event_type = facts.gone
    words = {"log.erased": "was erased with a person", "log.disposed": "was disposed of"}
    return f" any more: what it held {words.get(event_type, 'went')}, as entry {seq:,} tells"


def _outcome(facts: Facts, due: Due) -> str:
    if due.waits:
        parts = [f"is kept: {'; '.join(_waits(policy, facts) for policy in due.waits)}"]
    elif due.is_due(facts.now):
        parts = [_over(due)]
    elif due.keep is not None or (due.extended is not None and due.due_from == due.extended):
        parts = [f"is kept {_kept(due)}"]
    elif due.erase is not None:
        parts = [f"has nothing that asks to keep it, and is due from {_day_of(due.due_from, due.erase)} on"]
    else:
        names = ", ".join(map(str, due.unknown))
        parts = [f"is kept: when it has to go follows from {names}, which starts with what has not been told"]
    return "; ".join([*parts, *_ceiling(facts, due)])


def _waits(policy: Policy, facts: Facts) -> str:
    floor = "" if policy.floor is None else in_words(policy.floor)
    scope = None if facts.kind is None else facts.kind.scope
    items = items_of(policy, scope)
    if items:
        return (
            f"{_named(policy)} keeps it for {floor} from {policy.start} of {', '.join(items)}, which has not been told"
        )
    why = "how it is scoped is not known" if scope is None else f"it names no {policy.start_key}"
    return f"{_named(policy)} keeps it for {floor} from {policy.start}, and {why}: so it is kept until a person looks"


def _over(due: Due) -> str:
    if due.keep is None and due.erase is not None and due.due_from != due.extended:
        return f"is due since {_day_of(due.due_from, due.erase)}: no policy asks to keep it"
    return f"is due: it had to be kept {_kept(due)}"


def _kept(due: Due) -> str:
    if due.keep is None or due.keep_until != due.keep.end:
        return f"until {_moment(due.keep_until)}, as a reviewer decided"
    return f"to the end of {last_day(due.keep)}, {_because(due.keep)}"


def _ceiling(facts: Facts, due: Due) -> list[str]:
    if due.erase is None:
        return []
    tense = "had" if due.erase.end <= facts.now else "has"
    told = f"it {tense} to be gone by the end of {last_day(due.erase)}, {_because(due.erase)}"
    if due.conflicts(facts.now):
        told += ": this is a conflict, which a person has to settle, and it is kept meanwhile"
    return [told]


def _because(rule: Rule) -> str:
    since = f"{rule.start.astimezone(rule.policy.zone):%Y-%m-%d}"
    start = "its recording" if rule.policy.start == RECORD else f"{rule.policy.start} of its {rule.policy.start_key}"
    return f"{in_words(rule.period)} from {start} on {since}, under {_named(rule.policy)}"


def _held(facts: Facts) -> list[str]:
    if not facts.held:
        return []
    if not facts.matters:
        return ["A legal hold keeps it, whatever the policies say."]
    named = ", ".join(f"“{matter}” ({hold})" for matter, hold in facts.matters)
    holds = "A legal hold keeps" if len(facts.matters) == 1 else f"{len(facts.matters)} legal holds keep"
    return [f"{holds} it, whatever the policies say: {named}."]


def in_words(period: Period) -> str:
    """A period such as ``6 years and 60 days``."""
    rest = period.months
    parts = []
    for size, unit in _UNITS:
        number, rest = divmod(rest, size)
        parts += [_counted(number, unit)] if number else []
    parts += [_counted(period.days, "day")] if period.days else []
    return " and ".join(parts)


def last_day(rule: Rule) -> str:
    """The last day of a rule, in its place, which is named where it is not UTC."""
    day = f"{(rule.end - _MOMENT).astimezone(rule.policy.zone):%Y-%m-%d}"
    return day if rule.policy.zone.key == "UTC" else f"{day} in {rule.policy.zone.key}"


def _named(policy: Policy) -> str:
    return f"{policy.id}, version {policy.version} ({policy.cited})"


def _day_of(moment: datetime | None, rule: Rule) -> str:
    return "" if moment is None else f"{moment.astimezone(rule.policy.zone):%Y-%m-%d}"


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else format_time(moment)[:10]


def _counted(number: int, unit: str) -> str:
    return f"{number:,} {unit}" + ("" if number == 1 else "s")

"""What other policies would change, and how retention stands, counted over what a log holds."""

from dataclasses import replace
from datetime import UTC, datetime

from unbroken.retention.policy_file import set_in
from unbroken.retention.reckoning import Kind, Reckoning, Stock
from unbroken.retention.simulating import WORDS, Simulation
from unbroken.retention.standing import grouped, standing_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OLD, NEW = datetime(2025, 1, 10, 12, tzinfo=UTC), datetime(2026, 11, 1, 12, tzinfo=UTC)
YEAR = set_in("")
MONTH = set_in("""
[[policy]]
id = "own.month"
title = "t"
citation = "c"
basis = "organisation"
jurisdiction = "any"
floor = "1m"
event_types = ["request"]
""")
RAW = set_in("""
use = ["hipaa.ephi_access"]
[[policy]]
id = "own.raw"
title = "t"
citation = "c"
basis = "organisation"
jurisdiction = "any"
ceiling = "90d"
parts = ["originals"]
event_types = ["request"]
""")
STARTS = set_in('use = ["finra.4511", "gdpr.security_log"]')


def stock(recorded_at: datetime, *, entries: int = 10, held: int = 0, kind: Kind | None = None) -> Stock:
    return Stock(kind or Kind("request"), recorded_at, entries, entries, 0, held)


def simulated(*stocks: Stock, before: object = YEAR, after: object = MONTH) -> Simulation:
    found = Simulation(Reckoning(before, {}), Reckoning(after, {}), NOW)  # type: ignore[arg-type]
    for each in stocks:
        found.add(each)
    return found


def test_what_would_go_at_once_is_told_without_what_is_held() -> None:
    recent = datetime(2026, 9, 1, 12, tzinfo=UTC)
    found = simulated(stock(OLD), stock(recent, held=4), stock(NEW))
    assert found.counts == dict.fromkeys(WORDS, 0) | {
        "entries": 30,
        "newly_due": 6,
        "sooner": 20,
        "due_before": 10,
        "due_after": 16,
        "held": 4,
    }
    (change,) = found.changes
    assert (change.before, change.after, change.entries, change.newly_due) == (
        ("default.one_year",),
        ("own.month",),
        30,
        6,
    )


def test_the_way_back_keeps_longer() -> None:
    found = simulated(stock(datetime(2026, 9, 1, tzinfo=UTC)), stock(NEW), before=MONTH, after=YEAR)
    assert (found.counts["no_longer_due"], found.counts["later"], found.counts["newly_due"]) == (10, 20, 0)


def test_what_stays_as_it_is_is_no_change() -> None:
    assert simulated(stock(OLD), stock(NEW), before=YEAR, after=YEAR).changes == []


def test_before_the_first_policies_nothing_is_due() -> None:
    found = simulated(stock(OLD), before=None, after=YEAR)
    assert (found.counts["due_before"], found.counts["newly_due"]) == (0, 10)


def test_conflicts_and_unknown_starts_are_counted_on_both_sides() -> None:
    both = Kind("request", ("bd.other", "gdpr"), ("account=1",))
    found = simulated(stock(NEW, kind=both), after=STARTS)
    assert found.counts["unknown_after"] == found.counts["conflicts_after"] == 10
    assert found.counts["unknown_before"] == found.counts["conflicts_before"] == 0
    assert found.counts["later"] == 10


def test_how_it_stands() -> None:
    clinic = Kind("request", ("gdpr",))
    found = standing_of(
        [stock(OLD, held=3, kind=clinic), stock(NEW, kind=clinic), stock(NEW)], Reckoning(STARTS, {}), now=NOW
    )
    first, second = found
    assert (first.policies, first.entries, first.due, first.oldest) == (("default.one_year",), 10, 0, NEW)
    assert (second.entries, second.held, second.due, second.past) == (20, 3, 7, 7)
    assert second.next_due == datetime(2027, 5, 2, tzinfo=UTC)


def test_accounts_are_told_together_unless_asked_for() -> None:
    kinds = [Kind("request", ("bd.other",), (f"account={n}",)) for n in range(3)]
    found = standing_of([stock(NEW, kind=kind) for kind in kinds], Reckoning(STARTS, {}), now=NOW)
    assert [each.unknown for each in found] == [10, 10, 10]
    (together,) = grouped(found)
    assert (together.kind.scope, together.entries, together.unknown) == (("account=…",), 30, 30)


def parted(originals: int = 0, *, held: int = 0, event_type: str = "request") -> Stock:
    return Stock(Kind(event_type, ("hipaa",)), datetime(2026, 6, 1, 12, tzinfo=UTC), 10, 10, originals, held)


def test_what_holds_two_parts_counts_for_each_where_they_have_policies_of_their_own() -> None:
    some = [parted(), parted(10, held=3), parted(10, event_type="response")]
    found = standing_of(some, Reckoning(RAW, {}), now=NOW)
    assert [(each.kind.event_type, each.kind.part, each.policies) for each in found] == [
        ("request", "originals", ("hipaa.ephi_access", "own.raw")),
        ("request", "payloads", ("hipaa.ephi_access",)),
        ("response", None, ("hipaa.ephi_access",)),
    ]
    originals, payloads, other = found
    assert (originals.entries, originals.payloads, originals.originals) == (10, 0, 10)
    assert (originals.held, originals.conflicts, originals.past) == (3, 10, 7)
    assert (payloads.entries, payloads.payloads, payloads.originals) == (20, 20, 0)
    assert (payloads.held, payloads.conflicts, payloads.past) == (3, 0, 0)
    assert (other.entries, other.payloads, other.originals) == (10, 10, 10)
    assert {each.kind.part for each in grouped(found)} == {"originals", "payloads", None}


def test_a_simulation_tells_parts_apart_where_either_side_does() -> None:
    alone = replace(parted(10), kind=Kind("request"))
    there = simulated(alone, before=YEAR, after=RAW)
    assert (there.counts["entries"], there.counts["newly_due"]) == (20, 10)
    (change,) = there.changes
    assert (change.kind, change.before, change.after) == (
        Kind("request", part="originals"),
        ("default.one_year",),
        ("own.raw",),
    )
    back = simulated(alone, before=RAW, after=YEAR)
    assert (back.counts["entries"], back.counts["no_longer_due"]) == (20, 10)
    assert [each.kind.part for each in back.changes] == ["originals"]


def test_a_part_that_is_not_there_counts_for_nothing() -> None:
    gone = replace(parted(10), payloads=0)
    assert simulated(gone, before=YEAR, after=RAW).counts["entries"] == 10
    assert [each.kind.part for each in standing_of([gone], Reckoning(RAW, {}), now=NOW)] == ["originals"]

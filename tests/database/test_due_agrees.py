"""What is due: the database and the package work it out separately, and have to come to the same.

Policies, start events, entries and reviewers' decisions are made up, and planted without guards; dates are such as
calendars are wrong about: leap days, ends of months, hours that clocks leave out or repeat. Some policies speak of one
part of an entry alone; of the entries one in three each has a payload, an original, or both.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.raw import sent
from unbroken.retention.due import Due, Told
from unbroken.retention.period import Period
from unbroken.retention.policy import BOTH, PARTS, RECORD, Applies, Part, Policy, zone_named
from unbroken.retention.policy_set import PolicySet, set_of
from unbroken.retention.reading import facts_of, part_of, reckoned, stocks_of
from unbroken.retention.reckoning import Kind, Reckoning
from unbroken.retention.standing import standing_of
from unbroken.store.log_reader import LogReader
from unbroken.store.retention import Retention

QUICK: Final = settings(
    deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate], suppress_health_check=[HealthCheck.too_slow]
)
"""Without looking for a smaller case: each takes the database some milliseconds, of which thousands take minutes."""
ENTRIES: Final = 24
DOMAINS: Final = ("accounts", "books", "clinic")
TYPES: Final = ("request", "response", "tool_call")
ITEMS: Final = ("account=1", "account=2", "accounts=1", "fiscal_year=2024", "fiscal_year=2025")
ZONES: Final = (
    *("UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati"),
    *("Atlantic/Azores", "Asia/Beirut", "America/Havana", "America/Sao_Paulo", "Australia/Lord_Howe"),
)
_AWKWARD: Final = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in (
        *("2024-02-29T00:00", "2024-02-29T12:00", "2028-02-29T23:59:59.999999", "2023-02-28T12:00", "2026-01-31T10:00"),
        *("2026-10-25T00:30", "2026-03-28T22:00", "2025-12-31T23:45", "2026-08-31T04:00", "2018-11-04T02:59:59.999999"),
    )
)

moments = st.one_of(
    st.sampled_from(_AWKWARD),
    st.datetimes(datetime(2010, 1, 1), datetime(2045, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - naive bounds
)
periods = st.one_of(
    st.builds(Period, st.integers(1, 130), st.just(0)),
    st.builds(Period, st.integers(0, 24), st.integers(1, 400)),
)


@st.composite
def policies(draw: st.DrawFn, name: str) -> Policy:
    floor, ceiling = draw(st.one_of(st.none(), periods)), draw(st.one_of(st.none(), periods))
    if (floor is None and ceiling is None) or draw(st.integers(0, 9)) == 0:
        floor = ceiling = draw(periods)
    start, key = draw(
        st.sampled_from([(RECORD, None), ("account_closed", "account"), ("fiscal_year_closed", "fiscal_year")])
    )
    domains = draw(st.frozensets(st.sampled_from(DOMAINS), max_size=2))
    types = draw(st.frozensets(st.sampled_from((*TYPES, "request.*")), max_size=1))
    everything = not (domains or types) or draw(st.integers(0, 9)) == 0
    return Policy(
        id=name,
        version=1,
        title=name,
        citation="a test",
        basis=draw(st.sampled_from(["law", "organisation"])),
        jurisdiction="any",
        floor=floor,
        ceiling=ceiling,
        start=start,
        start_key=key,
        parts=draw(st.sampled_from([BOTH, BOTH, *(frozenset[Part]({part}) for part in PARTS)])),
        applies=Applies(domains, types, everything),
        zone=zone_named(draw(st.sampled_from(ZONES))),
    )


@dataclass(frozen=True)
class Entry:
    recorded_at: datetime
    kind: Kind


@dataclass(frozen=True)
class Decision:
    """Of a disposal that is approved or not: for the entries of these positions, up to one of them."""

    positions: list[int]
    by_class: bool
    upto: int
    until: datetime | None
    domains: list[str] | None
    approved: bool


@dataclass(frozen=True)
class World:
    rules: PolicySet
    told: Told
    entries: list[Entry]
    decisions: list[Decision]
    now: datetime


domain_lists = st.lists(st.sampled_from(DOMAINS), unique=True, max_size=2).map(sorted)
entries = st.builds(
    Entry,
    moments,
    st.builds(
        Kind,
        st.sampled_from(TYPES),
        domain_lists.map(tuple),
        st.one_of(st.none(), st.lists(st.sampled_from(ITEMS), unique=True, max_size=3).map(sorted).map(tuple)),
    ),
)


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    extends = draw(st.booleans())
    return Decision(
        draw(st.lists(st.integers(0, ENTRIES - 1), min_size=1, max_size=4, unique=True).map(sorted)),
        draw(st.booleans()),
        draw(st.integers(0, ENTRIES - 1)),
        draw(moments) if extends else None,
        None if extends else draw(domain_lists),
        draw(st.booleans()),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    default = draw(policies("default"))
    default = Policy(**{**_fields(default), "applies": Applies(everything=True), "parts": BOTH})
    named = [draw(policies(f"p{nth}")) for nth in range(draw(st.integers(0, 4)))]
    told = draw(
        st.dictionaries(
            st.tuples(st.sampled_from(["account_closed", "fiscal_year_closed"]), st.sampled_from(ITEMS)), moments
        )
    )
    world = World(
        set_of([default, *named], default="default"),
        told,
        draw(st.lists(entries, min_size=ENTRIES, max_size=ENTRIES)),
        draw(st.lists(decisions(), max_size=3)),
        draw(moments) + draw(st.sampled_from([timedelta(0), timedelta(days=700), timedelta(days=3000)])),
    )
    return replace(world, now=draw(st.sampled_from([world.now, *_turns(world)])))


def _turns(world: World) -> list[datetime]:
    """The moments at which some entry becomes due, and the last before."""
    reckoning = Reckoning(world.rules, world.told)
    found = []
    for position in range(ENTRIES):
        for _, due in dues(world, reckoning, position):
            found += [] if due.due_from is None else [due.due_from, due.due_from - timedelta(microseconds=1)]
    return found


def awkward() -> World:
    """Days that end in an hour which comes twice, or between hours, and an entry that was given other domains twice."""

    def of(name: str, zone: str, *domains: str) -> Policy:
        given: dict[str, Any] = {"title": name, "citation": "a test", "basis": "law", "jurisdiction": "any"}
        applies = Applies(frozenset(domains), everything=not domains)
        month = Period(1)
        return Policy(id=name, version=1, floor=month, ceiling=month, applies=applies, zone=zone_named(zone), **given)

    recorded_at = datetime(2026, 9, 24, 12, tzinfo=UTC)
    # Five minutes into the next day, there.
    late = Entry(datetime(2026, 9, 24, 18, 20, tzinfo=UTC), Kind("request", ("accounts",)))
    relabels = [
        Decision([0], by_class, ENTRIES - 1, None, [domain], True)
        for by_class, domain in ((True, "books"), (False, "clinic"))
    ]
    named = [
        of("azores", "Atlantic/Azores", "books"),
        of("clinic", "UTC", "clinic"),
        of("default", "UTC"),
        of("kathmandu", "Asia/Kathmandu", "accounts"),
    ]
    return World(
        set_of(named, default="default"),
        {},
        [Entry(recorded_at, Kind("request", ("books",)))] * (ENTRIES - 1) + [late],
        relabels,
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    )


def _fields(policy: Policy) -> dict[str, Any]:
    return {name: getattr(policy, name) for name in Policy.__slots__}


@pytest.fixture
def unguarded(database: Database) -> Database:
    """A database without guards and with entries of a class each, to be given other times, classes and policies."""
    with database.connect("writer") as writer:
        raw.append(writer, [sent({"inputs": '"x"'}, scope=[f"n={nth:03}"]) for nth in range(ENTRIES)])
    database.disarm()
    database.admin.execute(
        "insert into unbroken.originals select log, seq, 'sealed' from unbroken.payloads where seq = any (%s)",
        ([position + 1 for position in range(ENTRIES) if has("originals", position)],),
    )
    database.admin.execute(
        "delete from unbroken.payloads where seq = any (%s)",
        ([position + 1 for position in range(ENTRIES) if not has("payloads", position)],),
    )
    return database


_CLEAR = """
truncate unbroken.policy_sets, unbroken.start_events, unbroken.disposals, unbroken.disposal_decisions,
  unbroken.disposal_lots, unbroken.disposal_groups cascade"""
_SET = """
insert into unbroken.policy_sets
select max(log), 1, %s, repeat('0', 64), '{}', 'why', 'a', now(), 1, now(), 'confirmed', 'b', now(), 2
  from unbroken.logs"""
_TOLD = """
insert into unbroken.start_events
select (select max(log) from unbroken.logs), t.kind, t.item, t.at, 'a letter', 'a', now(), 1
  from unnest(%s::text[], %s::text[], %s::timestamptz[]) as t (kind, item, at)"""
_TIMES = """
update unbroken.entries e set recorded_at = t.at
  from unnest(%s::timestamptz[]) with ordinality as t (at, seq) where e.seq = t.seq"""
_CLASSES = """
update unbroken.retention_classes c
   set event_type = t.value ->> 'type', domains = array(select jsonb_array_elements_text(t.value -> 'domains')),
       scope = case when t.value -> 'scope' <> 'null' then array(select jsonb_array_elements_text(t.value -> 'scope'))
               end
  from jsonb_array_elements(%s) with ordinality as t (value, nth)
  join unbroken.entries e on e.seq = t.nth
 where c.class = e.class"""
_DECISION = """
with d as (
  insert into unbroken.disposals (log, disposal, standing, policies_version, upto, proposed_by, proposed_at,
    proposed_seq, expires_at, sha256, reviewed_by, reviewed_at, reviewed_seq, approved_by, approved_at, approved_seq,
    withdrawn_by, withdrawn_at, withdrawn_seq)
  select max(log), gen_random_uuid(), false, 1, %(upto)s, 'a', now(), 1, now(), repeat('0', 64), 'b', now(), 2,
         case when %(approved)s then 'c' end, case when %(approved)s then now() end, case when %(approved)s then 3 end,
         'd', now(), 4
    from unbroken.logs returning log, disposal
)
insert into unbroken.disposal_decisions
  (log, disposal, nth, decision, classes, seqs, until, domains, reason, decided_by, decided_at, seq)
select d.log, d.disposal, 1, %(decision)s,
       case when %(by_class)s then (select array_agg(e.class) from unbroken.entries e where e.seq = any (%(seqs)s)) end,
       case when not %(by_class)s then (select range_agg(int8range(s, s, '[]')) from unnest(%(seqs)s::bigint[]) s) end,
       %(until)s, %(domains)s, 'why', 'b', now(), %(nth)s
  from d"""


def planted(database: Database, world: World) -> None:
    admin = database.admin
    with admin.transaction():
        admin.execute(_CLEAR)
        admin.execute(_SET, (world.rules.text,))
        keys = list(world.told)
        columns = [kind for kind, _ in keys], [item for _, item in keys], [world.told[key] for key in keys]
        admin.execute(_TOLD, columns)
        admin.execute(_TIMES, ([entry.recorded_at for entry in world.entries],))
        kinds = [
            {"type": each.kind.event_type, "domains": each.kind.domains, "scope": each.kind.scope}
            for each in world.entries
        ]
        admin.execute(_CLASSES, (Jsonb(kinds),))
        for nth, decision in enumerate(world.decisions):
            admin.execute(
                _DECISION,
                {
                    "upto": decision.upto + 1,
                    "approved": decision.approved,
                    "decision": "relabel" if decision.until is None else "extend",
                    "by_class": decision.by_class,
                    "seqs": [position + 1 for position in decision.positions],
                    "until": decision.until,
                    "domains": decision.domains,
                    "nth": 100 + nth,
                },
            )


def decided(world: World, position: int) -> tuple[datetime | None, Kind]:
    """Until when reviewers keep an entry, and what it goes by then; decisions of a class are of one entry each here."""
    kind = world.entries[position].kind
    here = [each for each in world.decisions if position in each.positions and position <= each.upto]
    extended = max((each.until for each in here if each.until is not None), default=None)
    domains = [each.domains for each in here if each.domains is not None and each.approved]
    return extended, kind if not domains else Kind(kind.event_type, tuple(domains[-1]), kind.scope)


_FOUND = """
select d.seq, d.part, d.policies, d.waits, d.keep_until, d.erase_by, isfinite(d.law_until),
       case when isfinite(d.law_until) then d.law_until end, unbroken.is_due(d.waits, d.keep_until, d.erase_by, %s)
  from unbroken.due_among((select max(log) from unbroken.logs), array(select generate_series(1, %s)::bigint)) d
 order by d.seq, d.part desc"""


def has(part: str, position: int) -> bool:
    """Whether an entry has a part; of both it always has something."""
    return part != ("payloads", "originals", None)[position % 3]


def dues(world: World, reckoning: Reckoning, position: int) -> list[tuple[Kind, Due]]:
    """What the package says of an entry, or of each of its parts."""
    extended, kind = decided(world, position)
    kinds = [replace(kind, part=part) for part in reckoning.parts(kind)]
    recorded_at = world.entries[position].recorded_at
    return [(each, reckoning.due(each, recorded_at, extended=extended)) for each in kinds]


def expected(world: World, reckoning: Reckoning, position: int) -> list[tuple[Any, ...]]:
    return [_row(position, world, reckoning, kind, found) for kind, found in dues(world, reckoning, position)]


def _row(position: int, world: World, reckoning: Reckoning, kind: Kind, found: Due) -> tuple[Any, ...]:
    laws = [rule.end for rule in found.floors if rule.policy.basis == "law"]
    waits_by_law = any(policy.basis == "law" for policy in found.waits)
    return (
        position + 1,
        kind.part or "both",
        sorted(policy.id for policy in reckoning.policies(kind)),
        sorted(policy.id for policy in found.waits),
        found.keep_until,
        found.erase_by,
        False if waits_by_law else (True if laws else None),
        None if waits_by_law else max(laws, default=None),
        found.is_due(world.now),
    )


def test_the_database_and_the_package_agree_on_what_is_due(unguarded: Database) -> None:
    with LogReader(unguarded.conninfo("retention"), LOG) as reader:
        door = Retention(reader)

        @settings(QUICK, max_examples=40)
        @given(worlds())
        @example(awkward())
        def agree(world: World) -> None:
            planted(unguarded, world)
            reckoning = Reckoning(world.rules, world.told)
            rows = unguarded.admin.execute(_FOUND, (world.now, ENTRIES)).fetchall()
            assert rows == [row for position in range(ENTRIES) for row in expected(world, reckoning, position)]
            stored = reckoned(door)
            assert stored.rules == world.rules
            found = standing_of(stocks_of(door), stored, now=world.now)
            there = [row for row in rows if has(row[1], row[0] - 1)]
            assert sum(each.due for each in found) == sum(row[-1] for row in there)
            assert sum(each.entries for each in found) == len(there)
            counted = {name: sum(getattr(each, name) for each in found) for name in PARTS}
            assert counted == {name: sum(has(name, position) for position in range(ENTRIES)) for name in PARTS}

        agree()


def test_one_entry_is_told_of_as_it_counts(unguarded: Database) -> None:
    with LogReader(unguarded.conninfo("retention"), LOG) as reader:
        door = Retention(reader)

        @settings(QUICK, max_examples=8)
        @given(worlds())
        def agree(world: World) -> None:
            planted(unguarded, world)
            reckoning = Reckoning(world.rules, world.told)
            for position in range(0, ENTRIES, 5):
                rows = door.entry(str(position + 1))
                # Planted is the type of the class, which is the entry's where nobody plants.
                event_type = world.entries[position].kind.event_type
                facts = facts_of(replace(rows[0], event_type=event_type), log=LOG)
                assert (facts.extended, facts.kind) == decided(world, position)
                assert [facts.has(part) for part in PARTS] == [has(part, position) for part in PARTS]
                found = facts.due(reckoning)
                there = [row for row in rows if facts.has(part_of(row))]
                assert [part_of(row) for row in there] == list(found)
                for row, due in zip(there, found.values(), strict=True):
                    assert (row.keep_until, row.erase_by) == (due.keep_until, due.erase_by)
                    assert row.is_due == due.is_due(row.now)

        agree()

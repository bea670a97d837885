"""The catalogue's policies from their citations to dates, and what several of them say together."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from unbroken.errors import ConfigurationError
from unbroken.retention.catalogue import DEFAULT, built_in, policies_from
from unbroken.retention.due import LEAD, due_of
from unbroken.retention.period import Period
from unbroken.retention.policy import RECORD, Applies, Policy

LEAP = datetime(2028, 2, 29, 12, tzinfo=UTC)
LATE = datetime(2029, 6, 30, 12, tzinfo=UTC)
"""When the start events were that come after the record."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


DATES = {
    # id: (kept to the end of, gone by the end of), from a record of 29 February 2028 and start events of 30 June 2029
    "hipaa.documentation": ("2035-07-01", None),
    "hipaa.ephi_access": ("2034-03-02", None),
    "hipaa.disclosure": ("2034-03-02", "2034-04-30"),
    "soc2.operational": ("2029-03-30", None),
    "soc2.one_year": ("2029-03-02", None),
    "soc2.two_years": ("2030-03-02", None),
    "sox.icfr": ("2036-07-01", "2037-07-01"),
    "sec.17a4.a": ("2035-07-01", None),
    "sec.17a4.b": ("2031-03-02", None),
    "finra.4511": ("2035-07-01", None),
    "pci.req10": ("2029-03-02", "2029-05-30"),
    "euaia.logs.provider": ("2028-08-30", "2030-03-01"),
    "euaia.logs.deployer": ("2028-08-30", "2029-03-01"),
    "euaia.documentation": ("2039-07-01", None),
    "euaia.incident": ("2039-07-01", None),
    "gdpr.security_log": ("2028-08-30", "2029-03-01"),
    "gdpr.security_log.long": ("2028-08-30", "2030-03-01"),
    "gdpr.rights_case": ("2032-07-01", None),
    "part11.derived": ("2029-07-02", None),
    "dora.rts12": ("2029-03-02", "2033-03-01"),
    "nydfs.txn": ("2033-03-02T05:00", None),
    "nydfs.cyber": ("2031-03-02T05:00", None),
    "co.admt.deployer": ("2032-07-01T06:00", None),
    "co.admt.developer": ("2031-03-02T07:00", None),
    "ca.feha.ads": ("2032-03-01T08:00", None),
    "us.ecoa.regb": ("2031-07-31", None),
    "us.bsa": ("2033-03-02", None),
    "us.medicare": ("2039-07-01", None),
    "eu.mifid": ("2033-03-02", None),
    "nist.m2131": ("2030-08-30", None),
    "iso27001.a815": ("2029-03-02", "2030-03-01"),
    "system.meta": ("2035-03-02", None),
    "default.one_year": ("2029-03-02", None),
}
"""Both are given as the first moment after, in UTC; the zone is the policy's own."""


@pytest.mark.parametrize("name", sorted(built_in()))
def test_from_a_leap_day_and_a_late_start_event(name: str) -> None:
    policy = built_in()[name]
    kept, gone = DATES[name]
    item = f"{policy.start_key}=one"
    found = due_of([policy], recorded_at=LEAP, scope=[item], told={(policy.start, item): LATE})
    assert found.keep is not None
    assert found.keep.end == found.keep_until == at(kept)
    assert found.erase_by == (gone and at(gone))
    assert not found.conflicts(LEAP)
    assert not found.is_due(found.keep.end - timedelta(microseconds=1))
    assert found.is_due(found.keep.end)


@pytest.mark.parametrize("name", sorted(name for name, policy in built_in().items() if policy.start != RECORD))
def test_before_its_start_event_it_is_kept(name: str) -> None:
    policy = built_in()[name]
    for scope in ([f"{policy.start_key}=one"], ["other=one"], [], None):
        found = due_of([policy], recorded_at=LEAP, scope=scope, told={(policy.start, "other=one"): LATE})
        assert found.waits == (policy,)
        assert found.keep is found.erase is None
        assert not found.is_due(datetime(2999, 1, 1, tzinfo=UTC))


def test_every_policy_has_its_dates() -> None:
    assert DATES.keys() == built_in().keys()
    assert built_in()[DEFAULT].applies.everything


def policy(name: str, **given: Any) -> Policy:
    defaults: dict[str, Any] = {
        "id": name,
        "version": 1,
        "title": name,
        "citation": "a test",
        "basis": "organisation",
        "jurisdiction": "any",
        "floor": None,
        "ceiling": None,
        "applies": Applies(everything=True),
    }
    return Policy(**{**defaults, **given})


def test_the_largest_floor_and_the_smallest_ceiling_decide() -> None:
    some = [
        policy("a", floor=Period.parse("1y"), ceiling=Period.parse("5y")),
        policy("b", floor=Period.parse("2y")),
        policy("c", ceiling=Period.parse("3y")),
    ]
    found = due_of(some, recorded_at=at("2026-01-15"))
    assert found.keep is not None
    assert found.erase is not None
    assert (found.keep.policy.id, found.erase.policy.id) == ("b", "c")
    assert (found.keep_until, found.erase_by) == (at("2028-01-16"), at("2029-01-16"))
    assert [found.is_past(at(day)) for day in ("2029-01-15", "2029-01-16")] == [False, True]


def test_a_floor_beyond_a_ceiling_is_a_conflict_and_kept_until_the_floor_is_over() -> None:
    some = [policy("a", floor=Period.parse("6y")), policy("b", ceiling=Period.parse("1y"))]
    found = due_of(some, recorded_at=at("2026-01-15"))
    assert found.conflicts(at("2026-01-15"))
    assert found.conflicts(at("2032-01-15"))
    assert not found.is_due(at("2032-01-15"))
    assert found.is_due(at("2032-01-16"))
    assert not found.conflicts(at("2032-01-16"))


def test_a_floor_that_has_not_begun_conflicts_with_any_ceiling() -> None:
    waiting = policy("a", floor=Period.parse("1y"), start="account_closed", start_key="account")
    found = due_of([waiting, policy("b", ceiling=Period.parse("1y"))], recorded_at=at("2026-01-15"))
    assert found.conflicts(at("2026-01-15"))
    assert not found.is_due(at("2100-01-01"))


def test_one_period_as_floor_and_ceiling_is_no_conflict_on_a_leap_day() -> None:
    year = Period.parse("1y")
    found = due_of([policy("a", floor=year, ceiling=year)], recorded_at=LEAP)
    assert not found.conflicts(LEAP)
    assert found.is_due(at("2029-03-02"))


def test_a_ceiling_alone_lets_go_a_month_before() -> None:
    found = due_of([policy("a", ceiling=Period.parse("1y"))], recorded_at=LEAP)
    assert found.erase_by == at("2029-03-01")
    assert found.due_from == at("2029-03-01") - LEAD
    assert [found.is_due(at(day)) for day in ("2029-01-29", "2029-01-30")] == [False, True]
    assert not found.is_past(at("2029-02-28"))


def test_of_several_items_the_last_event_counts_and_none_may_be_missing() -> None:
    closed = policy("a", floor=Period.parse("1y"), start="account_closed", start_key="account")
    told = {("account_closed", "account=1"): at("2026-03-01"), ("account_closed", "account=2"): at("2026-05-01")}
    both = due_of([closed], recorded_at=LEAP, scope=["account=1", "account=2", "other=3"], told=told)
    assert both.keep_until == at("2027-05-02")
    one = due_of([closed], recorded_at=LEAP, scope=["account=1", "account=9"], told=told)
    assert one.waits == (closed,)


def test_an_item_of_a_key_that_only_begins_the_same_is_another() -> None:
    closed = policy("a", floor=Period.parse("1y"), start="account_closed", start_key="account")
    told = {("account_closed", "accounts=1"): at("2026-03-01")}
    assert due_of([closed], recorded_at=LEAP, scope=["accounts=1"], told=told).waits == (closed,)


def test_a_reviewers_day_adds_and_never_shortens() -> None:
    floor = policy("a", floor=Period.parse("1y"))
    ceiling = policy("b", ceiling=Period.parse("3y"))
    start = at("2026-01-15")
    assert due_of([floor], recorded_at=start, extended=at("2030-01-01")).due_from == at("2030-01-01")
    assert due_of([floor], recorded_at=start, extended=at("2026-02-01")).due_from == at("2027-01-16")
    assert due_of([ceiling], recorded_at=start, extended=at("2026-02-01")).due_from == at("2029-01-16") - LEAD
    beyond = due_of([ceiling], recorded_at=start, extended=at("2031-01-01"))
    assert (beyond.conflicts(at("2030-01-01")), beyond.is_past(at("2030-01-01"))) == (False, False)
    assert (beyond.is_due(at("2031-01-01")), beyond.is_past(at("2031-01-01"))) == (True, True)
    untold = policy("c", ceiling=Period.parse("1y"), start="account_closed", start_key="account")
    assert due_of([untold], recorded_at=start, extended=at("2026-02-01")).due_from is None


def test_whom_a_policy_is_for() -> None:
    applies = Applies(frozenset({"hipaa"}), frozenset({"data_disclosed"}))
    assert applies.to(domains=frozenset({"hipaa", "pci"}), event_type="request")
    assert applies.to(domains=frozenset(), event_type="data_disclosed")
    assert not applies.to(domains=frozenset({"pci"}), event_type="request")
    assert Applies(event_types=frozenset({"log.*"})).to(domains=frozenset(), event_type="log.read")
    assert not Applies(event_types=frozenset({"log.*"})).to(domains=frozenset(), event_type="login")
    assert Applies(everything=True).to(domains=frozenset(), event_type="request")


@pytest.mark.parametrize(
    "text",
    [
        'policy = "x"',
        '[[policy]]\nid = "a"',
        '[[policy]]\nid="A"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\nfloor="1y"\neverything=true',
        '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="whim"\njurisdiction="EU"\nfloor="1y"\neverything=true',
        '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\neverything=true',
        '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\nfloor="a year"\neverything=true',
        '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\nfloor="1y"\neverything=true\nstart="closed"',
        '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\nfloor="1y"\neverything=true\nzone="Mars/Base"',
        '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\nfloor="1y"\neverything=true\nextra=1',
        '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\nfloor="1y"',
        '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\nfloor="1y"\nevent_types=["A"]',
        '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\nfloor="1y"\ndomains=["a\\nb"]',
        'use = ["hipaa.ephi_access"]',
        "[[policy",
    ],
)
def test_what_is_no_policy(text: str) -> None:
    with pytest.raises(ConfigurationError):
        policies_from(text)


def test_one_id_is_one_policy() -> None:
    one = '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\nfloor="1y"\neverything=true\n'
    with pytest.raises(ConfigurationError, match="twice"):
        policies_from(one + one)

"""The catalogue's policies from their citations to dates, and what several of them say together."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from unbroken.errors import ConfigurationError
from unbroken.retention.catalogue import DEFAULT, built_in, policies_from
from unbroken.retention.due import due_of
from unbroken.retention.period import Period
from unbroken.retention.policy import RECORD, Applies, Policy

LEAP = datetime(2028, 2, 29, 12, tzinfo=UTC)
LATE = datetime(2029, 6, 30, 12, tzinfo=UTC)
"""When start events are told that come after the record."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


DATES = {
    # id: (kept to the end of, gone by the end of), from a record of 29 February 2028 and start events of 30 June 2029
    "hipaa.documentation": ("2035-07-01", None),
    "hipaa.ephi_access": ("2034-03-02", None),
    "hipaa.disclosure": ("2034-03-02", "2034-04-30"),
    "soc2.operational": ("2029-03-30", None),
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
    found = due_of([policy], recorded_at=LEAP, starts={name: LATE})
    assert found.keep is not None
    assert found.keep.end == at(kept)
    assert (found.erase and found.erase.end) == (gone and at(gone))
    assert not found.conflicts
    assert not found.is_over(found.keep.end - timedelta(microseconds=1))
    assert found.is_over(found.keep.end)


@pytest.mark.parametrize("name", sorted(name for name, policy in built_in().items() if policy.start != RECORD))
def test_before_its_start_event_it_is_kept(name: str) -> None:
    found = due_of([built_in()[name]], recorded_at=LEAP, starts={})
    assert found.waits == (built_in()[name],)
    assert found.keep is found.erase is None
    assert not found.is_over(datetime(2999, 1, 1, tzinfo=UTC))


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
    }
    return Policy(**{**defaults, **given})


def test_the_largest_floor_and_the_smallest_ceiling_decide() -> None:
    some = [
        policy("a", floor=Period.parse("1y"), ceiling=Period.parse("5y")),
        policy("b", floor=Period.parse("2y")),
        policy("c", ceiling=Period.parse("3y")),
    ]
    found = due_of(some, recorded_at=at("2026-01-15"), starts={})
    assert found.keep is not None
    assert found.erase is not None
    assert (found.keep.policy.id, found.erase.policy.id) == ("b", "c")
    assert (found.keep.end, found.erase.end) == (at("2028-01-16"), at("2029-01-16"))
    assert [found.is_past(at(day)) for day in ("2029-01-15", "2029-01-16")] == [False, True]


def test_a_floor_beyond_a_ceiling_is_a_conflict_and_kept() -> None:
    some = [policy("a", floor=Period.parse("6y")), policy("b", ceiling=Period.parse("1y"))]
    found = due_of(some, recorded_at=at("2026-01-15"), starts={})
    assert found.conflicts
    assert not found.is_over(at("2100-01-01"))


def test_a_floor_that_has_not_begun_conflicts_with_any_ceiling() -> None:
    waiting = policy("a", floor=Period.parse("1y"), start="account_closed", start_key="account")
    found = due_of([waiting, policy("b", ceiling=Period.parse("1y"))], recorded_at=at("2026-01-15"), starts={})
    assert found.conflicts


def test_one_period_as_floor_and_ceiling_is_no_conflict_on_a_leap_day() -> None:
    year = Period.parse("1y")
    found = due_of([policy("a", floor=year, ceiling=year)], recorded_at=LEAP, starts={})
    assert not found.conflicts
    assert found.is_over(at("2029-03-02"))


def test_a_ceiling_alone_lets_go_at_any_time_before() -> None:
    found = due_of([policy("a", ceiling=Period.parse("1y"))], recorded_at=LEAP, starts={})
    assert found.is_over(LEAP)
    assert not found.is_past(LEAP)


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
        '[[policy]]\nid="A"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\nfloor="1y"',
        '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="whim"\njurisdiction="EU"\nfloor="1y"',
        '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"',
        '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\nfloor="a year"',
        '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\nfloor="1y"\nstart="closed"',
        '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\nfloor="1y"\nzone="Mars/Base"',
        '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\nfloor="1y"\nextra=1',
        "[[policy",
    ],
)
def test_what_is_no_policy(text: str) -> None:
    with pytest.raises(ConfigurationError):
        policies_from(text)


def test_one_id_is_one_policy() -> None:
    one = '[[policy]]\nid="a"\ntitle="t"\ncitation="c"\nbasis="law"\njurisdiction="EU"\nfloor="1y"\n'
    with pytest.raises(ConfigurationError, match="twice"):
        policies_from(one + one)

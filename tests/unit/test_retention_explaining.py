"""The sentences that say why an entry's content is kept, name rule and dates, and are right about both."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from unbroken.retention.explaining import explained, in_words
from unbroken.retention.facts import Facts
from unbroken.retention.period import Period
from unbroken.retention.policy_file import set_in
from unbroken.retention.reckoning import Kind, Reckoning

RULES = set_in("""
use = ["hipaa.ephi_access", "gdpr.security_log", "nydfs.cyber", "sox.icfr"]

[[policy]]
id = "own.minimal"
title = "Whatever was said"
citation = "data map 3"
basis = "organisation"
jurisdiction = "any"
ceiling = "90d"
event_types = ["response"]

[[policy]]
id = "own.raw"
title = "What it was before redaction"
citation = "data map 4"
basis = "organisation"
jurisdiction = "any"
ceiling = "90d"
parts = ["originals"]
domains = ["patients"]

[[policy]]
id = "own.said"
title = "What patients are told"
citation = "data map 5"
basis = "organisation"
jurisdiction = "any"
floor = "6y"
parts = ["payloads"]
domains = ["clinic"]
""")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


FACTS = Facts(
    log="clinic.example/agents~1",
    seq=4711,
    recorded_at=at("2026-03-15T12:00"),
    event_type="tool_call",
    is_own=False,
    kind=Kind("tool_call", ("hipaa",)),
    recorded_domains=("hipaa",),
    extended=None,
    payload=True,
    original=False,
    gone=None,
    held=False,
    matters=None,
    version=3,
    now=at("2026-11-22"),
)
CLOSED = {("fiscal_year_closed", "fiscal_year=2026"): at("2027-02-28")}
BOOKS = Kind("tool_call", ("financial.icfr",), ("fiscal_year=2026",))
ENTRY = "Entry 4,711 of clinic.example/agents~1"
DATED = f"{ENTRY}, recorded on 2026-03-15,"
SOX = "sox.icfr, version 1 (SOX 404; compare 17 CFR 210.2-06 [verify])"


def said(facts: Facts, told: dict[tuple[str, str], datetime] | None = None) -> str:
    return explained(facts, facts.due(Reckoning(RULES, told or {})))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            FACTS,
            (
                f"{DATED} is kept to the end of 2032-03-15, 6 years from its recording on 2026-03-15,"
                " under hipaa.ephi_access, version 1 (45 CFR 164.312(b) with 164.316(b))."
            ),
        ),
        (
            replace(FACTS, now=at("2032-03-16")),
            (
                f"{DATED} is due: it had to be kept to the end of 2032-03-15, 6 years from its"
                " recording on 2026-03-15, under hipaa.ephi_access, version 1 (45 CFR 164.312(b) with 164.316(b))."
            ),
        ),
        (
            replace(FACTS, kind=BOOKS),
            (
                f"{DATED} is kept: {SOX} keeps it for 7 years"
                " from fiscal_year_closed of fiscal_year=2026, which has not been told."
            ),
        ),
        (
            replace(FACTS, kind=replace(BOOKS, scope=("account=1",))),
            (
                f"{DATED} is kept: {SOX} keeps it for 7 years"
                " from fiscal_year_closed, and it names no fiscal_year: so it is kept until a person looks."
            ),
        ),
        (
            replace(FACTS, kind=Kind("tool_call", ("security.ny",))),
            (
                f"{DATED} is kept to the end of 2029-03-15 in America/New_York, 3 years from its recording on"
                " 2026-03-15, under nydfs.cyber, version 1 (23 NYCRR 500.06(a)(2))."
            ),
        ),
        (
            replace(FACTS, kind=Kind("response")),
            (
                f"{DATED} is due since 2026-05-15: no policy asks to keep it; it had to be gone by the end of"
                " 2026-06-13, 90 days from its recording on 2026-03-15, under own.minimal, version 1 (data map 3)."
            ),
        ),
        (
            replace(FACTS, kind=Kind("response"), now=at("2026-04-01")),
            (
                f"{DATED} has nothing that asks to keep it, and is due from 2026-05-15 on; it has to be gone by"
                " the end of 2026-06-13, 90 days from its recording on 2026-03-15, under own.minimal, version 1"
                " (data map 3)."
            ),
        ),
        (
            replace(FACTS, extended=at("2040-01-01")),
            f"{DATED} is kept until 2040-01-01, as a reviewer decided.",
        ),
        (
            replace(FACTS, is_own=True, kind=None),
            f"{ENTRY} is one of the log's own: those are kept for as long as the log is.",
        ),
        (replace(FACTS, kind=None), f"{ENTRY} was recorded before entries had retention classes: it is kept."),
        (replace(FACTS, version=None), f"{ENTRY} is kept: no policies are in force for this log."),
        (
            replace(FACTS, payload=False),
            f"{ENTRY} holds nothing, and never held anything; its line stays for as long as the log does.",
        ),
        (
            replace(FACTS, payload=False, gone=(5000, "log.disposed")),
            (
                f"{ENTRY} holds nothing any more: what it held was disposed of, as entry 5,000 tells; its line stays"
                " for as long as the log does."
            ),
        ),
    ],
)
def test_what_is_said(facts: Facts, words: str) -> None:
    assert said(facts) == words


def test_a_late_start_event_gives_the_dates() -> None:
    assert said(replace(FACTS, kind=BOOKS), CLOSED).endswith(
        "is kept to the end of 2034-02-28, 7 years from fiscal_year_closed of its fiscal_year on 2027-02-28, under"
        f" {SOX}; it has to be gone by the end of 2035-02-28, 8 years from fiscal_year_closed of its fiscal_year on"
        f" 2027-02-28, under {SOX}."
    )


def test_each_part_that_is_there_is_told_of_by_itself() -> None:
    both = replace(FACTS, kind=Kind("tool_call", ("clinic", "patients")), original=True)
    payload = (
        "Its payload is kept to the end of 2032-03-15, 6 years from its recording on 2026-03-15, under own.said,"
        " version 1 (data map 5)."
    )
    original = (
        "Its sealed original is due since 2026-05-15: no policy asks to keep it; it had to be gone by the end of"
        " 2026-06-13, 90 days from its recording on 2026-03-15, under own.raw, version 1 (data map 4)."
    )
    recorded = f"{ENTRY} was recorded on 2026-03-15."
    assert said(both) == f"{recorded} {payload} {original}"
    assert said(replace(both, payload=False)) == f"{recorded} {original}"
    held = said(replace(both, original=False, held=True))
    assert held == f"{recorded} {payload} A legal hold keeps it, whatever the policies say."
    assert "holds nothing" in said(replace(both, payload=False, original=False))
    assert "no policies are in force" in said(replace(both, version=None))


def test_a_part_that_no_policy_speaks_of_falls_under_the_default() -> None:
    words = said(replace(FACTS, kind=Kind("tool_call", ("patients",)), original=True))
    assert "Its payload is kept to the end of 2027-03-15, 1 year from its recording" in words
    assert "under default.one_year" in words
    assert "Its sealed original is due since 2026-05-15" in words


def test_a_conflict_is_called_one() -> None:
    words = said(replace(FACTS, kind=Kind("tool_call", ("gdpr", "hipaa"))))
    assert "is kept to the end of 2032-03-15" in words
    assert "it has to be gone by the end of 2027-03-15" in words
    assert words.endswith(": this is a conflict, which a person has to settle, and it is kept meanwhile.")
    over = said(replace(FACTS, kind=Kind("tool_call", ("gdpr", "hipaa")), now=at("2032-03-16")))
    assert "is due" in over
    assert "conflict" not in over


def test_a_hold_comes_last_and_is_named_to_whom_may_know() -> None:
    held = replace(FACTS, held=True)
    assert said(held).endswith("A legal hold keeps it, whatever the policies say.")
    one = replace(held, matters=(("2026-CV-114", "0b51c6f2"),))
    assert said(one).endswith("A legal hold keeps it, whatever the policies say: “2026-CV-114” (0b51c6f2).")
    assert "2 legal holds keep it" in said(replace(held, matters=(("a", "b"), ("c", "d"))))


def test_periods_in_words() -> None:
    assert in_words(Period.parse("6y 60d")) == "6 years and 60 days"
    assert in_words(Period.parse("13m")) == "1 year and 1 month"
    assert in_words(Period.parse("1d")) == "1 day"

"""The report on access tells who decided on policies, holds and disposals, but not to whom it is about."""

import csv
import io
from datetime import timedelta

from rich.console import Console

from tests.unit.access_entries import START, Story
from unbroken.cli.access_csv import COLUMNS, rows_of
from unbroken.cli.access_json import report_as_json
from unbroken.cli.access_view import print_access
from unbroken.investigate.access import AccessReport, Period
from unbroken.investigate.access_entries import RETENTION_TYPES
from unbroken.investigate.csv_rows import CsvOutput
from unbroken.investigate.retention_entries import RETENTION_WORDS


def disposed() -> Story:
    """Entries 1 to 6: a hold, a disposal that two people agreed on, in one batch."""
    story = Story()
    story.own("log.hold_issued", "lena", hold="h-1", kind="litigation", matter="M-7", reason="a complaint")
    story.own("log.disposal_proposed", "rob", disposal="d-1", entries=3, upto=1)
    story.own("log.disposal_approved", "lena", disposal="d-1")
    story.own("log.disposing", "rob", disposal="d-1")
    story.own("log.disposed", "rob", disposal="d-1", payloads="3-5", kept="")
    story.own("log.disposed", "rob", disposal="d-1", complete=True, payloads=3)
    return story


def as_text(report: AccessReport) -> str:
    written = io.StringIO()
    print_access(Console(file=written, width=200), report)
    return written.getvalue()


def test_every_step_is_told_but_single_batches() -> None:
    report = disposed().report()
    assert [(each.seq, each.by, each.name) for each in report.retention] == [
        (1, "lena", "hold issued"),
        (2, "rob", "disposal proposed"),
        (3, "lena", "disposal approved"),
        (4, "rob", "disposing"),
        (6, "rob", "disposed"),
    ]
    assert report.problems == ()
    assert "litigation, matter M-7: a complaint" in as_text(report)
    assert report_as_json(report)["retention"][-1]["words"] == "disposal d-1, complete, 3 payloads"
    output = io.StringIO()
    rows = CsvOutput(output, COLUMNS)
    for row in rows_of(report, {}):
        rows.write(row)
    output.seek(0)
    told = [row for row in csv.DictReader(output) if row["row"] == "retention"]
    assert [row["entry"] for row in told] == ["1", "2", "3", "4", "6"]
    assert told[0]["why"] == "litigation, matter M-7: a complaint"


def test_a_report_about_a_person_tells_nothing_of_it() -> None:
    report = disposed().about("p-1")
    assert report.retention == ()
    assert "M-7" not in as_text(report)


def test_only_what_happened_in_the_time_is_listed() -> None:
    story = disposed()
    early = Period(START, START + timedelta(hours=2), story.now)
    assert [each.seq for each in story.report(period=early).retention] == [1, 2]


def test_each_kind_of_step_has_words() -> None:
    assert set(RETENTION_TYPES) == RETENTION_WORDS.keys() - {"log.hold_counted"}

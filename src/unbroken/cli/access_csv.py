"""A report on access as rows of CSV: one table, whose first column tells what a row is about."""

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from unbroken.cli.printing import as_json_time
from unbroken.investigate.access import AccessReport
from unbroken.investigate.access_erasures import Erasure
from unbroken.investigate.access_grants import Grant, Request
from unbroken.investigate.access_openings import Opening, VaultWork
from unbroken.investigate.access_reads import NameLookup, Read
from unbroken.investigate.csv_rows import Cell

Row: TypeAlias = tuple[Cell, ...]

COLUMNS: Final = (
    *("row", "entry", "time", "login", "duty", "state", "by", "confirmed_by", "why", "case", "scope"),
    *("shown", "ended_entry", "ended", "ended_by", "digest", "failed"),
)
"""``row`` is finding, grant, ended, waiting, read, names, original, vault, erasure, retention, restored, denied, about
or remark.

Of originals ``shown`` is how many opened, of the vault's keys how many there are, of erasures how many payloads are
destroyed; ``login`` is who carried an erasure out, and ``ended_by`` who ended or withdrew it.
"""


def rows_of(report: AccessReport, names: Mapping[str, str]) -> Iterator[Row]:
    """All rows, each as long as :data:`COLUMNS`; ``names`` are those of pseudonyms, where they may be shown."""
    for problem in report.problems:
        yield _row("finding", entry=problem.seq, state=problem.kind, why=problem.what)
    for grant in report.grants:
        yield _grant("grant", grant)
    for grant in report.ended:
        yield _grant("ended", grant)
    for request in report.requests:
        yield _request(request)
    yield from _looks(report, names)
    yield from _on_originals(report)
    for step in report.retention:
        at = as_json_time(step.at)
        yield _row("retention", entry=step.seq, time=at, login=step.by, state=step.type, why=step.words)
    for denial in report.denials:
        yield _row(
            "denied",
            entry=denial.seq,
            time=as_json_time(denial.at),
            login=denial.login,
            duty=denial.duty,
            state=denial.refused,
            shown=denial.attempts,
        )
    yield from _about(report)
    for remark in report.remarks:
        yield _row("remark", login=remark.login, state=remark.topic, why=remark.what)


def _looks(report: AccessReport, names: Mapping[str, str]) -> Iterator[Row]:
    for read in report.reads:
        yield _read(read, report)
        for lookup in read.lookups:
            yield _lookup(lookup, read, names)
        for opening in read.openings:
            yield _opening(opening, read, report)


def _on_originals(report: AccessReport) -> Iterator[Row]:
    for work in report.vault:
        yield _vault(work, report)
    for erasure in report.erasures:
        yield _erasure(erasure, report)
    for each in report.restored:
        act = each.act
        yield _row("restored", entry=act.seq, time=as_json_time(act.at), login=act.by, shown=each.erasures)


def _grant(name: str, grant: Grant) -> Row:
    ended = grant.ended
    return _row(
        name,
        entry=grant.seq,
        time=as_json_time(grant.since),
        login=grant.login,
        duty=grant.duty,
        state=grant.basis,
        by=grant.requested_by,
        confirmed_by=grant.confirmed_by,
        why=grant.reason,
        ended_entry=None if ended is None else ended.seq,
        ended=None if ended is None else as_json_time(ended.at),
        ended_by=None if ended is None else ended.by,
    )


def _request(request: Request) -> Row:
    return _row(
        "waiting",
        entry=request.seq,
        time=as_json_time(request.at),
        login=request.login,
        duty=request.duty,
        state=request.request,
        by=request.requested_by,
        why=request.reason,
        ended=None if request.valid_until is None else as_json_time(request.valid_until),
    )


def _read(read: Read, report: AccessReport) -> Row:
    done = read.completion
    return _row(
        "read",
        entry=read.seq,
        time=as_json_time(read.at),
        login=read.login,
        duty=read.duty,
        state=read.state(report.now),
        why=read.purpose,
        case=read.case,
        scope=" ".join(f"{key}={value}" for key, value in sorted(read.scope.items())),
        shown=None if done is None else done.count,
        ended_entry=None if done is None else done.seq,
        ended=None if done is None else as_json_time(done.at),
        digest=None if done is None else done.digest,
    )


def _lookup(lookup: NameLookup, read: Read, names: Mapping[str, str]) -> Row:
    people = (f"{each}={names[each]}" if each in names else each for each in lookup.pseudonyms)
    return _row(
        "names",
        entry=lookup.seq,
        time=as_json_time(lookup.at),
        login=lookup.login,
        duty=read.duty,
        why=read.purpose,
        case=read.case,
        scope=" ".join(people),
    )


def _opening(opening: Opening, read: Read, report: AccessReport) -> Row:
    end = opening.end
    return _row(
        "original",
        entry=opening.seq,
        time=as_json_time(opening.at),
        login=opening.login,
        duty=read.duty,
        state=read.state_of(opening, report.now),
        why=read.purpose,
        case=read.case,
        scope=f"{opening.kind}={opening.entries}",
        shown=None if end is None else end.opened,
        failed=None if end is None else end.failed,
        ended_entry=None if end is None else end.seq,
        ended=None if end is None else as_json_time(end.at),
        digest=None if end is None else end.digest,
    )


def _vault(work: VaultWork, report: AccessReport) -> Row:
    return _row(
        "vault",
        entry=work.seq,
        time=as_json_time(work.at),
        login=work.login,
        state=work.state(report.now),
        scope=f"{work.work}={work.key_encryption}",
        shown=work.keys,
        failed=work.others,
        ended_entry=work.ended_seq,
        ended=None if work.ended is None else as_json_time(work.ended),
    )


def _erasure(erasure: Erasure, report: AccessReport) -> Row:
    first, end = erasure.acts[0], erasure.done or erasure.withdrawn
    return _row(
        "erasure",
        entry=first.seq,
        time=as_json_time(first.at),
        login=None if erasure.begun is None else erasure.begun.by,
        state=erasure.state(report.now),
        by=None if erasure.requested is None else erasure.requested.by,
        confirmed_by=None if erasure.confirmed is None else erasure.confirmed.by,
        why=erasure.reason,
        case=erasure.case,
        scope=" ".join((erasure.erasure, *erasure.subjects)),
        shown=erasure.payloads,
        ended_entry=None if end is None else end.seq,
        ended=None if end is None else as_json_time(end.at),
        ended_by=None if end is None else end.by,
        digest=erasure.certificate,
    )


def _about(report: AccessReport) -> Iterator[Row]:
    found = report.about
    if found is not None:
        ways = {"named": found.named, "session": found.session, "wide": found.wide, "looked_up": found.looked_up}
        for state, seqs in ways.items():
            for seq in seqs:
                yield _row("about", entry=seq, state=state, scope=found.person.recorded_as[0])


def _row(name: str, **given: Cell) -> Row:
    cells = {"row": name, **given}
    return tuple(cells.get(column) for column in COLUMNS)

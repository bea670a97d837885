"""A verification's report as text and as JSON."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from unbroken.cli.accounted_view import accounted_as_json, print_accounted
from unbroken.cli.against_view import against_as_json, against_in_words, print_fork
from unbroken.cli.printing import counted
from unbroken.core.entry import Head
from unbroken.investigate.printable import printable
from unbroken.verify.continuation import Continuation
from unbroken.verify.finding import Finding, Report
from unbroken.verify.outside import Against

WHOLE_LOG = "the whole log"
AN_EXPORT = "an export"
_HASH = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")


def print_report(console: Console, report: Report, *, expect: Head | None) -> None:
    """The verdict, what it means, what was erased, and each finding with all that is known of it."""
    console.print(_verdict(report))
    for sentence in _meaning(report, expect):
        console.print(Padding(Text(printable(sentence)), (0, 0, 0, 2), expand=False))
    for told in (report.continues, report.continued):
        if told is not None:
            console.print(Padding(Text(printable(f"{told}: {told.reason}"), "bold"), (0, 0, 0, 2), expand=False))
    print_accounted(console, report.accounted)
    if report.certified is not None:
        disposals = [counted(report.certified_disposals, "disposal")] if report.certified_disposals else []
        erasures = [counted(report.certified, "erasure")] if report.certified or not disposals else []
        certified = [*erasures, *disposals]
        console.print(Text(f"As its certificate says: {' and '.join(certified)}"))
    print_findings(console, report.findings)
    if report.findings_total > len(report.findings):
        rest = report.findings_total - len(report.findings)
        console.print(Text(f"\n{counted(rest, 'finding')} more; these are the first {len(report.findings):,}."))
    if report.against is not None and report.against.fork is not None:
        print_fork(console, report.against.fork, report.log)


def print_finding(console: Console, finding: Finding) -> None:
    """One finding: its kind and place, what should be there and what is."""
    console.print(
        Text.assemble((finding.kind, "bold red"), f" at entry {finding.seq:,}"),
        soft_wrap=True,
    )
    facts = (
        ("log", finding.log),
        ("seq", str(finding.seq)),
        ("session", finding.session),
        ("part", finding.part),
        ("expected", finding.expected),
        ("found", finding.found),
    )
    for label, text in facts:
        if text:
            console.print(Text.assemble((f"  {label:<10}", "dim"), printable(text)), soft_wrap=True)


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Each of them, below what was shown."""
    for finding in findings:
        console.print()
        print_finding(console, finding)


def report_as_json(report: Report, *, expect: Head | None) -> dict[str, Any]:
    """All of a report; heads are written ``seq:hash``."""
    return {
        "verdict": report.verdict,
        "exit_code": report.exit_code,
        "log": report.log,
        "scope": report.scope,
        "entries": report.entries,
        "head": str(report.head),
        "expected_head": None if expect is None else str(expect),
        "kept_head": None if report.kept is None else str(report.kept),
        "against": against_as_json(report),
        "continues": _continuation_as_json(report.continues),
        "continued": _continuation_as_json(report.continued),
        "accounted": accounted_as_json(report.accounted),
        "certified": report.certified,
        "certified_disposals": report.certified_disposals,
        "findings_total": report.findings_total,
        "findings": [finding_as_json(finding) for finding in report.findings],
    }


def _continuation_as_json(told: Continuation | None) -> dict[str, Any] | None:
    if told is None:
        return None
    return {
        "log": told.log,
        "after": told.after,
        "kept": str(told.kept),
        "lost": None if told.lost is None else list(told.lost),
        "also_lost": list(told.also),
        "reason": told.reason,
    }


def finding_as_json(finding: Finding) -> dict[str, Any]:
    """A finding with the keys that its class has."""
    return {
        "kind": finding.kind,
        "log": finding.log,
        "seq": finding.seq,
        "session": finding.session,
        "part": finding.part,
        "expected": finding.expected,
        "found": finding.found,
    }


def finding_in_words(finding: Finding) -> str:
    """A finding on one line, without its place, and of its hashes only the beginnings."""
    part = f" ({finding.part})" if finding.part else ""
    words = f"{finding.kind}{part}: expected {finding.expected}, found {finding.found}"
    return printable(_HASH.sub(r"\1…", words))


def verdict_in_words(verdict: str, *, upto: int, findings: int) -> str:
    """The verdict as it is quoted: with how far it reaches."""
    match verdict:
        case "proven":
            return f"proven to {upto:,}"
        case "consistent":
            return f"consistent to {upto:,}, end unproven"
        case "unverifiable" if not findings:
            return "unverifiable: nobody outside could be asked"
        case "unverifiable":
            return f"unverifiable, {counted(findings, 'finding')}"
        case _:
            return counted(findings, "finding")


def _verdict(report: Report) -> Text:
    style = {"proven": "bold green", "consistent": "bold yellow"}.get(report.verdict, "bold red")
    name = printable(report.log) or "no log"
    if report.against is not None and report.findings_total == 0:
        words = _against_outside(report, report.against)
    elif report.scope in (WHOLE_LOG, AN_EXPORT):
        words = verdict_in_words(report.verdict, upto=report.head.seq, findings=report.findings_total)
    elif report.verdict == "consistent":
        words = "consistent"
    else:
        words = verdict_in_words(report.verdict, upto=0, findings=report.findings_total)
    where = name if report.scope == WHOLE_LOG else f"{report.scope} of {name}"
    return Text.assemble((words, style), f"  {where}, {counted(report.entries, 'entry')} read")


def _against_outside(report: Report, against: Against) -> str:
    if report.verdict == "proven":
        return f"proven to {report.head.seq:,}"
    if report.verdict == "unverifiable":
        return "unverifiable against anything outside"
    window = "" if report.window is None else f", entries {report.window[0]:,} to {report.window[1]:,} not anchored yet"
    return f"proven to {0 if against.newest is None else against.newest.size:,}{window}"


def _meaning(report: Report, expect: Head | None) -> Iterator[str]:
    if report.against is not None and not _is_expected(report, expect):
        yield from _found(report) if report.findings_total else ()
        yield from against_in_words(report, report.against)
    else:
        yield from _without_checkpoints(report, expect)
    if report.verdict in ("findings", "unverifiable") and report.kept is not None and _concerns_the_end(report):
        yield (
            f"Head {report.kept.seq:,} was seen here before and is kept. If this log was made anew on purpose, "
            "drop it with `unbroken verify --forget`."
        )


def _without_checkpoints(report: Report, expect: Head | None) -> Iterator[str]:
    match report.verdict:
        case "proven":
            yield "Every entry is unaltered and follows from the one before, and the end is the head that you expected."
        case "consistent":
            yield from _consistent(report, expect)
        case "unverifiable":
            yield "Some of it can't be read by this version, so nothing is said about it. What can be read is intact."
        case _:
            yield from _found(report)


def _is_expected(report: Report, expect: Head | None) -> bool:
    """Whether it is the expected head that makes the verdict, beside which checkpoints add nothing."""
    return report.verdict == "proven" and expect is not None


def _found(report: Report) -> Iterator[str]:
    kinds = {finding.kind for finding in report.findings}
    if kinds == {"not_erased"}:
        yield "What the log says was destroyed is there:"
        yield "After a restore, `unbroken recover` erases it again, and the next disposal takes what is due."
    elif kinds == {"held_destroyed"}:
        yield "What a legal hold covered was destroyed:"
    else:
        yield "What is there now is not what was recorded:"


def _consistent(report: Report, expect: Head | None) -> Iterator[str]:
    if report.scope == "one session":
        yield (
            "Each of its entries is unaltered and they are numbered without a gap. Where they stand in the log, and "
            "that the session went no further, only a verification of the whole log can show."
        )
        return
    if report.scope not in (WHOLE_LOG, AN_EXPORT):
        yield (
            "Each of these entries is unaltered and follows from the one before. What comes before and after them "
            "was not looked at."
        )
        return
    if report.head.seq == 0:
        yield "There is nothing in it, and nothing says that there ought to be."
        return
    yield "Every entry is unaltered and follows from the one before."
    if expect is not None:
        after = counted(report.head.seq - expect.seq, "entry")
        yield f"Head {expect.seq:,}, which you expected, is in it; nothing proves the end of the {after} after it."
        return
    if report.kept is not None and report.kept.seq:
        yield f"Head {report.kept.seq:,}, which was seen here before, is still in it."
    yield (
        "But whoever owns the database could have cut off the end or written everything anew, and that would look "
        "the same. To rule it out, keep the head below where they can't change it, and give it with --expect."
    )


def _concerns_the_end(report: Report) -> bool:
    return any(finding.kind in ("truncated", "forked") for finding in report.findings)

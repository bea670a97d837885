"""A report on access as text: findings first, then rights, then looks, then what deserves one."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from unbroken.cli.access_erasures_view import erasure_lines
from unbroken.cli.printing import counted, duration, moment
from unbroken.investigate.access import UNUSED, AccessReport
from unbroken.investigate.access_entries import Problem
from unbroken.investigate.access_erasures import Restored
from unbroken.investigate.access_grants import INSTALLATION, MIGRATION, ONE_PERSON, Grant, Request
from unbroken.investigate.access_openings import NEVER_ENDED, Opening, VaultWork
from unbroken.investigate.access_reads import About, Denial, NameLookup, Read
from unbroken.investigate.access_retention import RetentionStep
from unbroken.investigate.access_review import Remark
from unbroken.investigate.printable import printable
from unbroken.investigate.short_forms import ShortForms

_LONG: Final = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
_NAMED: Final = 10
"""People who are listed where many were looked up; JSON and CSV have them all."""
_TOPICS: Final = {
    "toxic_pair": "Together these let one login do alone what takes two, or watch itself",
    "several_duties": "Several duties",
    "overruled": "Granted by installation over the heads of access administrators",
    "one_decider": "Granted by one person",
    "unused": f"Not used in the {UNUSED.days} days before",
    "no_login": "Granted to a login that is not there any more",
    "no_membership": "Granted, but not in the duty's group: opens nothing",
    "no_grant": "In a duty's group, but not granted on this log: opens nothing here",
    "outside_policies": "Not bound by any of this: can read without a ticket, or could make itself able to",
}


def print_access(
    console: Console, report: AccessReport, *, own: int | None = None, names: Mapping[str, str] | None = None
) -> None:
    """The whole report; ``own`` is the number of the entry that tells of this very read, ``names`` of pseudonyms."""
    period, forms = report.period, _forms_of(report, names or {})
    console.print(Text(f"Access to {printable(report.log)}", "bold"))
    console.print(f"grants as of {moment(period.as_of)} UTC")
    console.print(f"reads from {moment(period.since)} to {moment(period.until)} UTC")
    _findings(console, report.problems)
    _section(console, "Who may do what", map(_grant, report.grants), none="nobody may do anything")
    _section(console, "Ended since", map(_grant, report.ended))
    _section(console, "Waiting for a second person", map(_request, report.requests))
    _section(
        console,
        f"Who looked ({counted(len(report.reads), 'read')})",
        (_read(each, report, own=own, forms=forms) for each in report.reads),
    )
    _section(console, "Who filled the vault, or wrapped its keys anew", (_vault(each, report) for each in report.vault))
    _section(
        console,
        f"Erasures ({len(report.erasures):,})",
        (list(erasure_lines(each, report.now, forms)) for each in report.erasures),
    )
    _section(
        console, f"Policies, holds, disposals ({counted(len(report.retention), 'step')})", map(_step, report.retention)
    )
    _section(console, "Reading was opened again, after a restore or a failover", map(_restored, report.restored))
    _section(console, "Refused", map(_denial, report.denials))
    if report.about is not None:
        _section(console, "Who looked for this person", _about(report.about, forms))
    _remarks(console, report.remarks)
    console.print()
    console.print(
        "Grants and reads are told from entries that were verified one by one. That none is missing, `unbroken verify` "
        "shows. Memberships and superusers are what the server says now.",
        style="dim",
    )


def _findings(console: Console, problems: tuple[Problem, ...]) -> None:
    if not problems:
        return
    console.print()
    console.print(Text(counted(len(problems), "finding"), "bold red"))
    for each in problems:
        where = "" if each.seq is None else f" at entry {each.seq:,}"
        _print(console, Text.assemble((each.kind, "red"), where, ": ", _short(each.what)))


def _section(console: Console, heading: str, items: Iterable[list[Text]], *, none: str = "") -> None:
    listed = list(items)
    if not listed and not none:
        return
    console.print()
    console.print(Text(heading, "bold"))
    if not listed:
        _print(console, Text(none))
    for first, *rest in listed:
        _print(console, first)
        for line in rest:
            _print(console, line, by=4)


def _print(console: Console, line: Text, *, by: int = 2) -> None:
    """A line that wraps below its own beginning."""
    console.print(Padding(line, (0, 0, 0, by), expand=False))


def _step(each: RetentionStep) -> list[Text]:
    by = printable(f"  {each.by}  {moment(each.at)}, entry {each.seq:,}")
    return [Text.assemble((each.name, "cyan"), by), *([Text(each.words)] if each.words else [])]


def _grant(each: Grant) -> list[Text]:
    lines = [
        Text.assemble(
            (printable(each.duty), "cyan"), f"  {printable(each.login)}  since {moment(each.since)}, entry {each.seq:,}"
        ),
        Text(_decided(each)),
    ]
    if each.ended is not None:
        why = f": {each.ended.reason}" if each.ended.reason else ""
        ended = f"revoked {moment(each.ended.at)} by {each.ended.by}, entry {each.ended.seq:,}{why}"
        lines.append(Text(printable(ended)))
    return lines


def _decided(each: Grant) -> str:
    by, why = each.requested_by, f": {each.reason}" if each.reason else ""
    words = {
        INSTALLATION: f"by {by} alone, at installation",
        MIGRATION: f"was there before grants were recorded, from {by}",
        ONE_PERSON: f"by {by}",
    }
    return printable(f"{words.get(each.basis, f'asked for by {by}, confirmed by {each.confirmed_by}')}{why}")


def _request(each: Request) -> list[Text]:
    until = "" if each.valid_until is None else f", until {moment(each.valid_until)}"
    why = f": {each.reason}" if each.reason else ""
    return [
        Text.assemble((printable(each.duty), "cyan"), f"  {printable(each.login)}{until}"),
        Text(printable(f"asked for by {each.requested_by} in entry {each.seq:,}{why}")),
        Text(f"request {printable(each.request)}"),
    ]


def _forms_of(report: AccessReport, names: Mapping[str, str]) -> ShortForms:
    forms = ShortForms(names=names)
    for lookup in (each for read in report.reads for each in read.lookups):
        forms.learn(" ".join(lookup.pseudonyms))
    for erasure in report.erasures:
        forms.learn(" ".join(erasure.subjects))
    return forms


def _read(each: Read, report: AccessReport, *, own: int | None, forms: ShortForms) -> list[Text]:
    itself = "  (this report)" if each.seq == own else ""
    case = "" if each.case is None else f" (case {each.case})"
    return [
        Text(printable(f"{each.seq:,}  {moment(each.at)}  {each.login}, {each.duty}{itself}")),
        Text(printable(f"{each.purpose}{case}")),
        Text(_short(" ".join(f"{key}={value}" for key, value in each.scope.items()) or "everything")),
        _ended(each, report),
        *(_lookup(lookup, forms) for lookup in each.lookups),
        *(_opening(opening, state=each.state_of(opening, report.now)) for opening in each.openings),
    ]


def _opening(each: Opening, *, state: str) -> Text:
    verb = "opened originals of" if each.kind == "open" else "held something against"
    which = f"{'entry' if each.count == 1 else 'entries'} {_cut(each.entries)}"
    end = each.end
    if end is None:
        came_of_it = f"{state}, so what was opened is not known" if state == NEVER_ENDED else state
    else:
        failed = f", {end.failed:,} did not" if end.failed else ""
        came_of_it = f"{_number(end.opened)} opened{failed}, entry {end.seq:,}"
    return Text(printable(f"{verb} {which} ({_number(each.count)}), entry {each.seq:,}: {came_of_it}"), "yellow")


def _vault(each: VaultWork, report: AccessReport) -> list[Text]:
    who = f"{each.seq:,}  {moment(each.at)}  {each.login}"
    if each.work == "refilled":
        return [Text(printable(f"{who}: {_keys(each.keys)} added, wrapped by {each.key_encryption}"))]
    state = each.state(report.now)
    if each.ended_seq is None:
        words = Text(state, "yellow" if state == NEVER_ENDED else "")
    else:
        words = Text(f"{_keys(each.keys)} under it, {_number(each.others)} under others, entry {each.ended_seq:,}")
    return [Text(printable(f"{who}: wrapping anew by {each.key_encryption}")), words]


def _restored(each: Restored) -> list[Text]:
    done = "" if each.erasures is None else f"; {counted(each.erasures, 'erasure')} done in it by then"
    return [Text(printable(f"{each.act.seq:,}  {moment(each.act.at)}  {each.act.by}{done}"))]


def _keys(number: int | None) -> str:
    return "? keys" if number is None else counted(number, "key")


def _number(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _cut(entries: str) -> str:
    """Numbers of entries, of many the first."""
    runs = entries.split(",")
    return ", ".join(runs[:_NAMED]) + (" …" if len(runs) > _NAMED else "")


def _lookup(each: NameLookup, forms: ShortForms) -> Text:
    people = ", ".join(forms.name(person, scanned=False) for person in each.pseudonyms[:_NAMED])
    more = f" and {len(each.pseudonyms) - _NAMED:,} more" if len(each.pseudonyms) > _NAMED else ""
    return Text(printable(f"looked up the names of {people}{more}, entry {each.seq:,}"), "yellow")


def _ended(each: Read, report: AccessReport) -> Text:
    done, state = each.completion, each.state(report.now)
    if done is None:
        return Text(state, "yellow" if state == "never completed" else "")
    shown = "" if done.count is None else f", {counted(done.count, 'entry')} shown"
    return Text(
        printable(f"{state} after {duration(done.at - each.at)}{shown}"), "" if state == "complete" else "yellow"
    )


def _denial(each: Denial) -> list[Text]:
    times = f", {each.attempts:,} times" if each.attempts > 1 else ""
    duty = f", {each.duty}" if each.duty else ""
    return [Text(printable(f"{each.seq:,}  {moment(each.at)}  {each.login}{duty}: {each.refused}{times}"))]


def _about(found: About, forms: ShortForms) -> Iterator[list[Text]]:
    yield [Text(_short(f"recorded searches have it as {', '.join(found.person.recorded_as)}"))]
    if found.person.pseudonyms:
        known_as = ", ".join(forms.name(each, scanned=False) for each in found.person.pseudonyms)
        yield [Text(printable(f"known in this log as {known_as}"))]
    yield [Text(f"looked for it: {_numbers(found.named)}")]
    yield [Text(f"looked its name up: {_numbers(found.looked_up)}")]
    yield [Text(f"read a session in which it acts or is touched: {_numbers(found.session)}")]
    yield [Text(f"read the log without naming anybody, so may have seen it: {_numbers(found.wide)}")]
    yield [Text(f"{counted(found.other_sessions, 'read')} of other sessions, which may mention it")]
    yield [
        Text(f"{counted(found.other_people, 'read')} that named somebody else, though the ticket opened the whole log")
    ]


def _numbers(seqs: tuple[int, ...]) -> str:
    return ("entry " if len(seqs) == 1 else "entries ") + ", ".join(f"{seq:,}" for seq in seqs) if seqs else "nobody"


def _remarks(console: Console, remarks: tuple[Remark, ...]) -> None:
    order = list(_TOPICS)
    listed = sorted(remarks, key=lambda each: (order.index(each.topic), each.login))
    for topic, items in groupby(listed, key=lambda each: each.topic):
        _section(console, _TOPICS[topic], ([_remark(each)] for each in items))


def _remark(each: Remark) -> Text:
    return Text.assemble((printable(each.login), "cyan"), "  ", printable(each.what))


def _short(text: str) -> str:
    """Of hashes and pseudonyms only the beginnings; JSON and CSV have them whole."""
    return printable(_LONG.sub(r"\1…", text))

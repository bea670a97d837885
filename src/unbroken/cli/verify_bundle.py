"""``unbroken verify BUNDLE``: what an evidence bundle shows, without any database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from unbroken.cli.accounted_view import accounted_as_json, print_accounted
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.printing import as_json_time, columns, console, counted, moment, print_json
from unbroken.cli.report_view import finding_as_json, print_findings
from unbroken.cli.trust import Trusted
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.verify.bundle.manifest import Manifest
from unbroken.verify.bundle.report import BundleReport, Held, Vouching
from unbroken.verify.bundle.run import verify_bundle
from unbroken.verify.bundle.trust import Trust


def check_bundle(path: Path, trusted: Trusted, *, json: bool) -> int:
    """Verifies a bundle and prints what it shows; the exit code."""
    try:
        with LateProgress("verifying") as progress:
            report = verify_bundle(path, Trust(trusted.keys, trusted.cosigners), progress=progress)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
    if json:
        print_json(_as_json(report, trusted))
    else:
        _print(console(), report, trusted)
    return report.exit_code


def _as_json(report: BundleReport, trusted: Trusted) -> dict[str, Any]:
    """The keys that the independent verifier has as well, and more beside them."""
    manifest, shown = report.manifest, report.checkpoint
    return {
        "verdict": report.verdict,
        "exit_code": report.exit_code,
        "log": None if manifest is None else manifest.log,
        "draft": manifest is not None and report.exported_seq is None,
        "elsewhere": report.elsewhere,
        "size": None if shown is None else shown.size,
        "root": None if shown is None else shown.root.hex(),
        "entries": 0 if manifest is None else manifest.entries,
        "selected": 0 if manifest is None else _selected(manifest),
        "withheld": {} if manifest is None else dict(manifest.withheld),
        "erased": report.accounted.payloads - report.accounted.disposed,
        "disposed": report.accounted.disposed,
        "accounted": accounted_as_json(report.accounted),
        "findings_total": report.findings_total,
        "findings": [finding_as_json(finding) for finding in report.findings],
        "signed": [_vouching_as_json(each) for each in report.signed],
        "witnessed": [_vouching_as_json(each) for each in report.witnessed],
        "anchors": [_held_as_json(each) for each in report.anchors],
        "exported": None if manifest is None else _exported(manifest, report),
        "selection": None if manifest is None else manifest.selection,
        "remarks": list(_remarks(report, trusted)),
    }


def _exported(manifest: Manifest, report: BundleReport) -> dict[str, Any]:
    said = manifest.exported
    named = {"at": said.at, "by": said.by, "duty": said.duty, "purpose": said.purpose, "case": said.case}
    return {**named, "ticket": said.ticket, "seq": report.exported_seq, "software": manifest.software}


def _vouching_as_json(each: Vouching) -> dict[str, Any]:
    at = None if each.at is None else as_json_time(each.at)
    return {"name": each.key.partition("+")[0], "key": each.key, "trusted": each.trusted, "at": at}


def _held_as_json(each: Held) -> dict[str, Any]:
    witnessed = [_vouching_as_json(cosigned) for cosigned in each.witnessed]
    held = {"anchor": each.anchor, "kind": each.kind, "size": each.size}
    return {**held, "compared": each.compared, "witnessed": witnessed}


def _print(out: Console, report: BundleReport, trusted: Trusted) -> None:
    manifest = report.manifest
    style = {"proven": "bold green", "consistent": "bold yellow", "origin unproven": "bold yellow"}
    where = "" if manifest is None else f"  {counted(manifest.entries, 'entry')} of {printable(manifest.log)}"
    out.print(Text.assemble((report.verdict, style.get(report.verdict, "bold red")), where), soft_wrap=True)
    for sentence in _meaning(report):
        out.print(Padding(Text(sentence), (0, 0, 0, 2), expand=False))
    if manifest is not None:
        out.print()
        out.print(columns(list(_facts(manifest, report))))
    print_accounted(out, report.accounted)
    for remark in _remarks(report, trusted):
        out.print(Padding(Text(printable(remark), "dim"), (1, 0, 0, 0), expand=False))
    print_findings(out, report.findings)
    if report.findings_total > len(report.findings):
        rest = report.findings_total - len(report.findings)
        out.print(Text(f"\n{counted(rest, 'finding')} more; these are the first {len(report.findings):,}."))


def _meaning(report: BundleReport) -> Iterator[str]:
    match report.verdict:
        case "proven":
            yield "Every entry is unaltered and stands in the log's tree, whose checkpoint a trusted key signed."
        case "origin unproven":
            yield (
                "Everything fits together, but nothing here shows whose log it is: the bundle brings its own keys. Get "
                "the log's key from its notary by another way, and give it with --trust."
            )
        case "consistent" if report.exported_seq is None:
            yield "A draft: its entries are unaltered, but the log has no entry that it was handed out."
        case "consistent" if report.elsewhere:
            yield "Every entry is unaltered, but only a later incarnation of the log tells of the export."
        case "consistent":
            yield "Every entry is unaltered, but no checkpoint shows that they stand in the log. Export it again."
        case "unverifiable":
            yield "Some of it can't be read by this version, so nothing is said about it."
        case _:
            yield "This is not what was exported, or not what was recorded:"


def _facts(manifest: Manifest, report: BundleReport) -> Iterator[tuple[str, str]]:
    said, selection = manifest.exported, manifest.selection
    asked = (f"{name} {', '.join(value) if isinstance(value, list) else value}" for name, value in selection.items())
    yield "asked for", ", ".join(asked)
    yield (
        "selected",
        counted(_selected(manifest), "entry") + (", with all lines between" if manifest.with_range else ""),
    )
    if manifest.withheld:
        yield "withheld", ", ".join(f"{number:,} {part}" for part, number in sorted(manifest.withheld.items()))
    case = "" if said.case is None else f", case {said.case}"
    yield "exported", f"{said.at}, by {said.by} ({said.duty}), for: {said.purpose}{case}"
    if report.exported_seq is not None:
        yield "recorded", f"entry {report.exported_seq:,} of the log"
    if report.checkpoint is not None:
        yield "checkpoint", f"{counted(report.checkpoint.size, 'entry')}, root {report.checkpoint.root.hex()}"
    for vouching in report.signed:
        yield "signed by", _in_words(vouching)
    for vouching in report.witnessed:
        yield "cosigned by", _in_words(vouching)
    for held in report.anchors:
        same = "" if held.compared else ", of another size: compared with nothing"
        yield "receipt", f"{held.anchor} ({held.kind}), for {counted(held.size, 'entry')}{same}"
        for vouching in held.witnessed:
            yield "", _in_words(vouching)


def _in_words(each: Vouching) -> str:
    trust = "trusted" if each.trusted else "claimed by the bundle alone"
    return f"{each.key}, {trust}" + ("" if each.at is None else f", as of {moment(each.at)} by its own clock")


def _remarks(report: BundleReport, trusted: Trusted) -> Iterator[str]:
    manifest = report.manifest
    if manifest is None:
        return
    if report.exported_seq is None:
        yield "This is a draft: nobody vouches for who asked for it, what for, and how it was selected."
    if not manifest.chosen.can_be_rerun:
        yield "Which calls were not approved can't be seen from their own lines, so the selection was not run again."
    elif not manifest.with_range and manifest.selection.get("kind") not in ("log", "session"):
        yield "Nothing shows that no entry was left out that fits: for that, a bundle has to hold the range."
    if trusted.keys and report.signed and not any(each.trusted for each in report.signed):
        yield "None of the keys that are trusted leads to one that signed the checkpoint."
    if any(each.kind == "timestamp" for each in report.anchors):
        yield "Timestamps are not verified here: `openssl ts -verify` does, with the authority's certificate."


def _selected(manifest: Manifest) -> int:
    return sum(last - first + 1 for first, last in manifest.selected)

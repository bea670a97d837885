"""What an export came to, as text and as JSON."""

from pathlib import Path
from typing import Any

import msgspec
import typer
from rich.text import Text

from unbroken.cli.export_run import Done
from unbroken.cli.printing import columns, console, counted
from unbroken.cli.report_view import finding_as_json, print_findings
from unbroken.investigate.printable import printable


def as_json(out: Path, done: Done) -> dict[str, Any]:
    """All of it; ``file`` is ``None`` where nothing was made."""
    made = done.report is not None
    return {
        "file": str(out) if made else None,
        "exit_code": done.exit_code,
        "manifest": None if done.manifest is None else msgspec.to_builtins(done.manifest),
        "exported_seq": done.exported,
        "checkpoint_size": None if done.covering is None else done.covering.checkpoint.size,
        "receipts": 0 if done.covering is None else len(done.covering.receipts),
        "findings_total": done.findings_total,
        "findings": [finding_as_json(finding) for finding in done.findings],
    }


def print_done(out: Path, done: Done) -> None:
    """What was made and what it shows, or why nothing was."""
    if done.report is None or done.manifest is None:
        console().print(Text(f"{counted(done.findings_total, 'finding')}: nothing was made", "bold red"))
        print_findings(console(), done.findings)
        return
    manifest = done.manifest
    selected = sum(last - first + 1 for first, last in manifest.selected)
    withheld = ", ".join(f"{number:,} {part}" for part, number in sorted(manifest.withheld.items()))
    facts = [
        ("made", f"{out}, {counted(manifest.entries, 'entry')}, {selected:,} of them selected"),
        ("log", manifest.log),
        ("withheld", withheld or "nothing"),
        ("recorded", "no: a draft" if done.exported is None else f"entry {done.exported:,} of the log"),
        ("proven by", _proof(done)),
    ]
    console().print(columns(facts))
    typer.echo()
    typer.echo(printable(f"To check it anywhere: python -I verify.py {out.name} --trust KEY"))


def _proof(done: Done) -> str:
    if done.covering is None:
        return "nothing: no checkpoint covers it; it shows only that it agrees with itself"
    anchors = len({each.anchor for each in done.covering.receipts})
    held = f", with receipts of {counted(anchors, 'anchor')}" if anchors else ", which no anchor has been given yet"
    return f"a checkpoint of {counted(done.covering.checkpoint.size, 'entry')}{held}"

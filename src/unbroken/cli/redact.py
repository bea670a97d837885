"""``unbroken redact``: what would be masked in a file, and why."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from unbroken.cli.documents import Document, Form, documents, form_of, read_text
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.printing import ROWS, cells, console, counted, plain_table, print_json, warn
from unbroken.errors import ConfigurationError, TooLargeError
from unbroken.investigate.printable import printable, printable_lines
from unbroken.privacy.redaction.profiles import PROFILES, profile_named
from unbroken.privacy.redaction.redactor import Hit, Redactor
from unbroken.privacy.registry.reading import BUILT_IN, read_registry

_STYLES: Final = {"certain": "bold", "context": "yellow", "model": "cyan", "bare": "dim"}
_MOST_ROWS: Final = 2_000
"""Rows of a table; further ones are counted."""

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="Text, JSON or JSON Lines; - reads standard input.")]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        help=f"How much is masked: {', '.join(PROFILES)}; by default as the registry says, or balanced.",
        show_default=False,
    ),
]
RegistryOption = Annotated[
    Path | None,
    typer.Option("--registry", metavar="FILE", help="Take profile and own rules from this registry (unbroken.toml)."),
]


def redact(
    file: FileArgument,
    profile: ProfileOption = None,
    registry: RegistryOption = None,
    form: Annotated[Form, typer.Option("--as", help="How the file is read.")] = Form.AUTO,
    apply: Annotated[bool, typer.Option("--apply", help="Print the file with placeholders instead.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Show what was found in full.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each finding, then the counts.")
    ] = False,
) -> None:
    """Try redaction on a file: what would be masked, and why.

    Nothing is recorded and no log is needed. Of what is found two characters
    are shown. Placeholders of --apply are made under a key of this run.
    Names in running text are found only by a model, which this command
    doesn't use. Exit code 1: something could not be scanned.

    \b
    Examples:
      unbroken redact conversations.json
      unbroken redact events.jsonl --profile hipaa --registry unbroken.toml
      unbroken redact --apply notes.txt > notes.redacted.txt
      journalctl -u agent -n 1000 | unbroken redact -
    """
    known = read_registry(registry) if registry else BUILT_IN
    front = Redactor(profile_named(profile) if profile else known.profile, key=None, rules=known.rules)
    text = _text_of(file)
    chosen = form_of(None if str(file) == "-" else file, text) if form is Form.AUTO else form
    run = _Run(front, text, chosen)
    if apply:
        run.apply()
    elif json:
        run.as_json(show=show)
    else:
        run.as_table(show=show)
    if run.failed:
        raise typer.Exit(1)


def _text_of(file: Path) -> str:
    if str(file) == "-":
        return read_text(sys.stdin.buffer)
    try:
        with file.open("rb") as stream:
            return read_text(stream)
    except OSError as error:
        raise ConfigurationError(f"{file} can't be read: {error.strerror}") from error


class _Run:
    """One file and how it is shown."""

    def __init__(self, front: Redactor, text: str, form: Form) -> None:
        self._front = front
        self._text = text
        self._form = form
        self._counts: Counter[str] = Counter()
        self._documents = 0
        self.failed = False

    def apply(self) -> None:
        """Prints the file with placeholders."""
        for document in self._read():
            result = self._front.redact({"document": document.value})
            self.failed = self.failed or bool(result.withheld)
            self._print(result.values["document"])
        if self.failed:
            warn("what could not be scanned was replaced as a whole")

    def as_json(self, *, show: bool) -> None:
        """Prints each finding as it comes, and the counts."""
        for document, hit in self._hits():
            found = {
                "where": self._where(document, hit), "kind": hit.kind, "rule": hit.rule, "tier": hit.tier,
                "span": list(hit.span), "context": hit.context, "masked": hit.masked,
            }  # fmt: skip
            print_json(found | ({"text": hit.text} if show else {}))
        print_json({"counts": dict(sorted(self._counts.items())), "rules": self._front.rules_version})

    def as_table(self, *, show: bool) -> None:
        """Prints a table of findings, and what there is of each kind."""
        table = plain_table("where", "kind", "found", "tier", "why")
        left_out = 0
        for document, hit in self._hits():
            if table.row_count >= _MOST_ROWS:
                left_out += 1
                continue
            found = hit.text if show else hit.masked
            where, kind, value, why = cells(self._where(document, hit), hit.kind, found, _why(hit))
            table.add_row(where, kind, value, Text(hit.tier, _STYLES.get(hit.tier, "")), why)
        out = console(piped=ROWS)
        if table.row_count:
            out.print(table)
            out.print()
        if left_out:
            out.print(Text(f"{counted(left_out, 'finding')} more, not listed; --json prints all", "dim"))
        self._summary()

    def _summary(self) -> None:
        out = console()
        total = sum(self._counts.values())
        of = f" in {counted(self._documents, 'document')}" if self._form is Form.JSONL else ""
        name = self._front.profile.name
        out.print(Text.assemble((f"{counted(total, 'finding')}{of}", "bold"), f" under the profile {name}"))
        if not total:
            return
        table = plain_table("kind", "count", right=("count",))
        for kind, count in self._counts.most_common():
            table.add_row(*cells(kind, f"{count:,}"))
        out.print(table)

    def _hits(self) -> Iterator[tuple[Document, Hit]]:
        for document in self._read():
            try:
                hits = self._front.explain(document.value)
            except TooLargeError as error:
                self.failed = True
                warn(f"line {document.line} would be withheld as a whole: {error}")
                continue
            for hit in hits:
                self._counts[hit.kind] += 1
                yield document, hit

    def _read(self) -> Iterator[Document]:
        with LateProgress("scanning") as progress:
            for document in documents(self._text, self._form):
                self._documents += 1
                yield document
                progress(document.read, len(self._text))

    def _where(self, document: Document, hit: Hit) -> str:
        if self._form is Form.JSONL:
            return f"{document.line}:{hit.where}"
        if self._form is Form.JSON or hit.where:
            return hit.where
        before = document.value[: hit.span[0]]
        return f"{document.line + before.count(chr(10))}:{hit.span[0] - before.rfind(chr(10))}"

    def _print(self, value: Any) -> None:
        if isinstance(value, str) and self._form is Form.TEXT:
            plain = value
        else:
            plain = json.dumps(value, ensure_ascii=False, indent=2 if self._form is Form.JSON else None) + "\n"
        if sys.stdout.isatty():
            plain = "\n".join(printable_lines(plain))
        sys.stdout.buffer.write(plain.encode("utf-8", "surrogateescape"))
        sys.stdout.flush()


def _why(hit: Hit) -> str:
    return f"{hit.rule}, near {printable(hit.context)!r}" if hit.context and hit.tier == "context" else hit.rule

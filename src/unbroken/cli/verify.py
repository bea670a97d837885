"""``unbroken verify``: is what the log holds what was recorded?"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from unbroken.anchors.configuration import AnchorsFile
from unbroken.cli.asking import agreed
from unbroken.cli.denials import denials_told
from unbroken.cli.kept_heads import KeptHeads, name_of
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.printing import console, print_json
from unbroken.cli.report_view import print_report, report_as_json
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, open_reader
from unbroken.cli.trust import TrustOption, trusted
from unbroken.cli.verify_against import Given, verify_against
from unbroken.cli.verify_bundle import check_bundle
from unbroken.cli.verify_certificates import certificates_in
from unbroken.cli.verify_fork import verify_fork
from unbroken.cli.verify_whole import recall, remember, verify_whole
from unbroken.core.checkpoint import key_name
from unbroken.core.entry import Head
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.store.log_reader import LogReader
from unbroken.verify.certificates import Certificates
from unbroken.verify.export import MAX_EXPORT_BYTES, verify_export
from unbroken.verify.finding import Report
from unbroken.verify.nightly import WITHIN, Night
from unbroken.verify.run import verify_range, verify_session

_RANGE = re.compile(r"([1-9][0-9]{0,15})\.\.([1-9][0-9]{0,15})")


def verify(
    bundle: Annotated[
        Path | None,
        typer.Argument(
            metavar="[BUNDLE]", exists=True, help="Verify an evidence bundle (archive or folder), no database."
        ),
    ] = None,
    session: Annotated[
        str | None, typer.Option(metavar="ID", help="Verify one session, by itself.", show_default=False)
    ] = None,
    span: Annotated[
        str | None, typer.Option("--range", metavar="A..B", help="Verify the entries from number A to number B.")
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(metavar="SEQ:HASH", help="A head that you kept, or the file that holds it."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="EXPORT", exists=True, dir_okay=False, help="Verify an export (JSON Lines), no database."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes to use; by default one, or more where the log is large."),
    ] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Hold the log against what its anchors keep.",
            show_default=False,
        ),
    ] = None,
    nightly: Annotated[
        bool,
        typer.Option("--nightly", help="With --anchors: read what is new, and a part of the rest."),
    ] = False,
    within: Annotated[
        int, typer.Option(min=1, max=3650, metavar="NIGHTS", help="Nights within which all of it is read again.")
    ] = WITHIN,
    record: Annotated[
        bool, typer.Option("--record", help="With --anchors: put what the run came to on record, as one entry.")
    ] = False,
    proof: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --anchors: where to write the proof of a fork.", show_default=False),
    ] = None,
    fork: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Check the proof of a fork, no database."),
    ] = None,
    certificates: Annotated[
        Path | None,
        typer.Option(
            metavar="LEDGER",
            exists=True,
            dir_okay=False,
            help="Hold erasures and disposals against their certificates in this ledger.",
            show_default=False,
        ),
    ] = None,
    trust: TrustOption = None,
    forget: Annotated[bool, typer.Option("--forget", help="Drop the head that is kept of this log, and end.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask before forgetting.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Check that nothing in a log was changed, removed or moved.

    Computes every hash and compares every column and every stored content,
    a page at a time, and holds the log against the head that this command
    saw last; it keeps that in your state directory, not in the database.
    On a server it takes a login with the duty verifier, and records nothing,
    so that it doesn't move the end that it looks for.

    Content that was erased, as entries of the log tell, is listed and is no
    finding. The same absence without such an entry is one (missing), and so
    is content that an entry declares erased and that is there (not_erased).
    Keys of the vault and names are held against these entries as well, and
    with --certificates the entries against what was signed outside. What the
    log's functions act on (grants, tickets, approvals and the like) has to be
    what its entries add up to (table_disagrees).

    With BUNDLE, what `unbroken export` made, everything is read from it. It
    brings its own keys, so it takes one from elsewhere, with --trust, to show
    whose log it is.

    With --anchors it first fetches every checkpoint that the file's anchors
    keep, opens each by the keys in the file, and holds the log against all of
    them: rewritten names the first that no longer fits, truncated what is
    gone, forked two signed checkpoints that exclude each other, with a proof
    for anybody (--proof, --fork). Without findings it tells up to where the
    log is proven and which entries no checkpoint covers yet.

    \b
    Exit codes:
      0  proven: unaltered, and its end is the head given with --expect or
         the newest checkpoint kept outside; with --fork: it is a fork
      1  findings: each is printed with its place; with --fork: it is none
      2  wrong usage, or the database can't be reached
      3  consistent, end unproven: unaltered, but no outside head says that
         this is the end; with --anchors: proven up to the newest checkpoint
      4  unverifiable: something can't be read by this version; with
         --anchors: nobody outside could be asked, and nothing was kept
      5  origin unproven: a bundle in which all fits, but whose checkpoint no
         trusted key signed

    \b
    Examples:
      unbroken verify
      unbroken verify --json | jq -r .head > head.txt
      unbroken verify --expect head.txt
      unbroken verify --session call-2042
      unbroken verify --range 1..1000
      unbroken verify --file export.jsonl --json
      unbroken verify call-2042.zip --trust notary.vkey
      unbroken verify --certificates erasures.jsonl --trust erasure.vkey
      unbroken verify --anchors anchors.toml
      unbroken verify --anchors anchors.toml --nightly --record
      unbroken verify --fork fork.json --trust clinic.vkey
    """
    whole = {"--anchors": anchors, "--fork": fork, "--forget": forget or None}
    alone = {"BUNDLE": bundle, "--session": session, "--range": span, "--file": file}
    _require_one_scope({**alone, **whole}, expect)
    _require_whole_log(certificates, {**alone, "--fork": fork, "--nightly": nightly or None})
    _require_anchors({"--nightly": nightly, "--record": record, "--proof": proof is not None}, anchors)
    head = None if expect is None else _head(expect)
    if bundle is not None:
        raise typer.Exit(check_bundle(bundle, trusted(trust), json=json))
    if fork is not None:
        verify_fork(fork, trusted(trust).keys, log=log, as_json=json)
    if forget:
        _forget(store, log, yes=yes)
        return
    signed = None if certificates is None else certificates_in(certificates, trusted(trust).keys)
    if anchors is not None:
        read = AnchorsFile.read(anchors)
        own = [key for key in trusted(trust).keys if signed is None or key.name == key_name(read.log)]
        held = replace(read, trust=(*read.trust, *own))
        given = Given(held, store, head, workers, within if nightly else None, record, proof, json, signed)
        verify_against(given, log)
    if file is not None:
        report = _verify_file(file, head)
    else:
        with (
            denials_told("`unbroken verify`, which reads everything without a ticket,", duties="verifier"),
            open_reader(store, log) as reader,
        ):
            if session is not None:
                report = _known(verify_session(reader, session), session)
            elif span is not None:
                report = _verify_range(reader, span)
            else:
                report = _verify_whole(reader, store, expect=head, workers=workers, certificates=signed)
    if json:
        print_json(report_as_json(report, expect=head))
    else:
        _print(report, head)
    raise typer.Exit(report.exit_code)


def _require_one_scope(scopes: dict[str, object], expect: str | None) -> None:
    given = [name for name, value in scopes.items() if value is not None]
    if len(given) > 1:
        raise typer.BadParameter(f"{' and '.join(given)} exclude each other")
    if expect is not None and given and given not in (["--file"], ["--anchors"]):
        raise typer.BadParameter(f"--expect tells the end of a whole log, so it can't go with {given[0]}")


def _require_whole_log(certificates: Path | None, others: dict[str, object]) -> None:
    given = [name for name, value in others.items() if value is not None]
    if certificates is not None and given:
        raise typer.BadParameter(f"--certificates is about all of a log, so it can't go with {given[0]}")


def _require_anchors(options: dict[str, bool], anchors: Path | None) -> None:
    given = [name for name, value in options.items() if value]
    if given and anchors is None:
        raise typer.BadParameter(f"{' and '.join(given)} goes with --anchors")


def _head(text: str) -> Head:
    """The head that ``text`` is, or that the file of this name holds."""
    try:
        return Head.parse(text)
    except ValueError as error:
        try:
            return Head.parse(Path(text).read_text(encoding="utf-8").strip())
        except (OSError, ValueError):
            raise typer.BadParameter(str(error), param_hint="--expect") from error


def _known(report: Report, session: str) -> Report:
    if report.entries == 0:
        raise ConfigurationError(f"there is no session {session!r} in {report.log}: `unbroken sessions` lists them")
    return report


def _verify_range(reader: LogReader, span: str) -> Report:
    match = _RANGE.fullmatch(span)
    if match is None or int(match[1]) > int(match[2]):
        raise typer.BadParameter("a range is two entry numbers, such as 1..1000", param_hint="--range")
    with LateProgress("verifying") as progress:
        return verify_range(reader, first=int(match[1]), last=int(match[2]), progress=progress)


def _verify_whole(
    reader: LogReader, store: str, *, expect: Head | None, workers: int | None, certificates: Certificates | None
) -> Report:
    kept, place = KeptHeads(), name_of(store)
    seen = recall(kept, place, reader.log)
    report = verify_whole(reader, store, expect=expect, workers=workers, seen=seen, certificates=certificates)
    remember(kept, place, reader.log, night=Night(report, None, None), before=seen)
    return report


def _verify_file(file: Path, expect: Head | None) -> Report:
    with LateProgress("verifying") as progress:
        return verify_export(_lines(file, progress), expect=expect)


def _lines(path: Path, progress: LateProgress) -> Iterator[str]:
    """The lines of a file, cut at LF only. Of one that is too long only so much is kept that it is refused."""
    size, done = path.stat().st_size, 0
    with path.open("rb") as file:
        while chunk := file.readline(MAX_EXPORT_BYTES + 2):
            done += len(chunk)
            rest = chunk
            while len(rest) > MAX_EXPORT_BYTES and not rest.endswith(b"\n"):
                rest = file.readline(MAX_EXPORT_BYTES + 2)
                done += len(rest)
            yield chunk.decode("utf-8", "surrogateescape")
            progress(done, size)


def _print(report: Report, expect: Head | None) -> None:
    out = console()
    print_report(out, report, expect=expect)
    if report.verdict in ("proven", "consistent") and report.scope in ("the whole log", "an export"):
        out.print(Text.assemble(("\nhead to keep  ", "dim"), str(report.head)), soft_wrap=True)


def _forget(store: str, log: str | None, *, yes: bool) -> None:
    with denials_told("`unbroken verify`", duties="verifier"), open_reader(store, log) as reader:
        name = reader.log
    kept, place, shown = KeptHeads(), name_of(store), printable(name)
    try:
        seen = kept.recall(place, name)
        if seen is None:
            typer.echo(f"No head of {shown} is kept.")
            return
        if not agreed(f"Forget that {shown} had the head {seen.head}?", yes=yes):
            typer.echo("Kept.")
            return
        kept.forget(place, name)
    except OSError as error:
        raise ConfigurationError(f"{kept} can't be changed: {error.strerror}") from error
    typer.echo(f"Forgotten: the next verification of {shown} starts afresh.")

"""``unbroken export``: a part of a log as evidence, for somebody who trusts neither the log nor this machine."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from unbroken.cli.anchor_options import AnchorsOption, anchors_file
from unbroken.cli.export_asked import Asked, QueryName
from unbroken.cli.export_run import Order, run
from unbroken.cli.export_view import as_json, print_done
from unbroken.cli.lengths import length_of
from unbroken.cli.masked import masked
from unbroken.cli.people import KeyOption
from unbroken.cli.printing import print_json
from unbroken.cli.query import Flag, FromOption, ToOption
from unbroken.cli.reading import CaseOption, PurposeOption
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.errors import ConfigurationError


class Part(StrEnum):
    """The parts of a payload."""

    INPUTS = "inputs"
    OUTPUTS = "outputs"
    DETAILS = "details"


def export(
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FILE.zip", help="What to write: an archive, or a folder without .zip."),
    ],
    session: Annotated[str | None, typer.Option("--session", metavar="ID", help="One session.")] = None,
    actor: Annotated[str | None, typer.Option("--actor", metavar="NAME", help="What somebody did.")] = None,
    subject: Annotated[str | None, typer.Option("--subject", metavar="NAME", help="What is about somebody.")] = None,
    since: FromOption = None,
    until: ToOption = None,
    query: Annotated[
        QueryName | None,
        typer.Option("--query", metavar="NAME", help="What `unbroken query NAME` finds."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole log.")] = False,
    agent: Annotated[str | None, typer.Option("--agent", metavar="AGENT", help="For --query actions.")] = None,
    resource: Annotated[str | None, typer.Option("--resource", metavar="ID", help="For --query access.")] = None,
    kind: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="For --query access.")] = None,
    flags: Annotated[
        list[Flag] | None,
        typer.Option("--flag", metavar="FLAG", help="For --query contains: personal, health, card or secret."),
    ] = None,
    withhold: Annotated[
        list[Part] | None,
        typer.Option("--withhold", metavar="PART", help="Hand out no inputs, outputs or details; may be repeated."),
    ] = None,
    with_range: Annotated[
        bool, typer.Option("--with-range", help="Also the lines in between, so that nothing is left out unseen.")
    ] = False,
    draft: Annotated[bool, typer.Option("--draft", help="To look at: not recorded as handed out, not signed.")] = False,
    wait: Annotated[
        str, typer.Option("--wait", metavar="LENGTH", help="How long to wait for the next checkpoint: 90s, 5m, 0s.")
    ] = "90s",
    anchors: AnchorsOption = None,
    key: KeyOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:  # fmt: skip
    """Export a part of a log as evidence that anybody can check.

    What comes out is one archive: the entries, the proof that they are in the
    log's tree, its signed checkpoint, who asked for what and why, and two
    verifiers that need neither this log nor a network. Every entry is
    verified before it is written, and the bundle before it is put in its
    place; where anything is wrong nothing is handed out.

    Exporting is an entry of the log. It names the key that signs the bundle,
    which is made when a login first exports. So that the proof covers it too,
    the next checkpoint is waited for. A person is looked for by name under
    all pseudonyms of that name. --draft records only that it was read.

    \b
    Needs a login with the duty compliance, legal or dpo.
    Exit codes:
      0  made (a draft, too)
      1  findings: something is not what was recorded, nothing was made
      2  wrong usage, no access, nothing that fits
      3  made, but no checkpoint covers it yet: it shows less

    \b
    Examples:
      unbroken export --session call-2042 --out call-2042.zip \\
        --purpose "complaint 31"
      unbroken export --subject jane@clinic.example --with-range \\
        --withhold details --out jane.zip --purpose "access request 7"
      unbroken export --from 2026-01-01 --to 2026-02-01 --out january.zip
      unbroken export --query access --resource p-4 --out p-4.zip --json
      unbroken export --all --draft --out look
    """
    seconds = 0.0 if wait in ("0", "0s") else length_of(wait, option="--wait").total_seconds()
    if session is not None:
        session = masked(store, session)  # as it was on its way into the log
    asked = Asked(
        session=session, actor=actor, subject=subject, agent=agent, resource=resource, resource_type=kind,
        flags=tuple(flag.value for flag in flags or ()), since=since, until=until, query=query, everything=everything,
    )  # fmt: skip
    _require_room(out)
    done = run(
        Order(
            out=out,
            asked=asked,
            withheld=frozenset(part.value for part in withhold or ()),
            with_range=with_range,
            draft=draft,
            seconds=seconds,
            cosigners=() if anchors is None else tuple(map(str, anchors_file(anchors).cosigners)),
            key=key,
            purpose=purpose,
            case=case,
            store=store,
            log=log,
        )
    )
    if json:
        print_json(as_json(out, done))
    else:
        print_done(out, done)
    raise typer.Exit(done.exit_code)


def _require_room(out: Path) -> None:
    """That what is written has a place, before the log records anything."""
    if out.exists() or out.is_symlink():
        raise ConfigurationError(f"{out} is there already: nothing was exported")
    if not out.absolute().parent.is_dir():
        raise ConfigurationError(f"there is no folder {out.absolute().parent}: nothing was exported")

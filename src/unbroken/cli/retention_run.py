"""``unbroken retention run``: one round of disposal, for a timer to start."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from unbroken import wiring
from unbroken.cli.asking import agreed
from unbroken.cli.destruction_options import (
    BackupsOption,
    LedgerOption,
    SignOption,
    TrustOption,
    ledger_of,
    signing_key_of,
    trusted_keys,
)
from unbroken.cli.disposal_view import IRREVERSIBLE, disposal_as_json, in_words, kind_of, state_in_words, waits_in_words
from unbroken.cli.ending import ending_in_order
from unbroken.cli.kept_heads import name_of
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.printing import counted, print_json
from unbroken.cli.subject_decide import open_door
from unbroken.cli.subject_options import command
from unbroken.cli.subject_view import print_next, print_section
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption
from unbroken.destruction.signing import SignedLedger
from unbroken.errors import ConfigurationError
from unbroken.notary import metrics as figures
from unbroken.notary.metrics import Gauge
from unbroken.retention.finishing import Finishing
from unbroken.retention.reading import in_force
from unbroken.retention.running import BATCH, Done, Progress, Round, waits_for
from unbroken.store.disposals import Disposals
from unbroken.store.retention import Retention

WAITED_FOR = 1
_WAIT: Final = "wait"


def run(
    execute: Annotated[
        bool, typer.Option("--execute", help="Do it: look, propose, destroy what was approved, certify.")
    ] = False,
    backups_kept: BackupsOption = None,
    sign: SignOption = None,
    ledger: LedgerOption = None,
    trust: TrustOption = None,
    batch: Annotated[
        int, typer.Option("--batch", min=1000, max=10_000, metavar="N", help="Candidates in one transaction.")
    ] = BATCH,
    metrics: Annotated[
        Path | None,
        typer.Option("--metrics", metavar="FILE", help="Write figures here, for Prometheus' textfile collector."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Go on without being asked once more.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Take the next steps of disposal, as far as nobody else is needed.

    Without --execute it only says where things stand and what it would do.
    With it: looks for what is due and proposes it, for two people to agree
    on, or under approvals in advance; destroys what was approved, but for
    what a legal hold covers by then; drops partitions that became empty; and
    once a vacuum has taken the rest out, signs the certificate. Whatever
    interrupts it, the same command goes on. Recording goes on meanwhile.

    \b
    Needs a login with the duty retention; with --execute also a signing key
    and a ledger outside the database.
    Exit codes: 0 done, or nothing is due; 1 somebody is waited for;
    2 wrong usage or no access.

    \b
    Examples:
      unbroken retention run --log clinic.example/agents
      unbroken retention run --execute --yes --backups-kept 30 \\
        --sign retention.key --ledger /mnt/safe/ledger.jsonl \\
        --metrics /var/lib/node_exporter/retention.prom
    """
    signing = _signing(store, ledger, sign, backups_kept, trust) if execute else None
    with ending_in_order(), open_door(store, log, login=wiring.RETENTION, duties="retention") as reader:
        doors = [Disposals(reader, log=name) for _, name in reader.incarnations()]
        retention = Retention(reader)
        in_advance = any(each.state == "in force" and each.unchanged for each in retention.standing_approvals())
        if signing is None:
            ready = in_force(retention) is not None
            found = [_standing(door, standing=each, ready=ready) for door in doors for each in (True, False)]
        else:
            if not json:
                _announce(doors, in_advance=in_advance)
            if not agreed("Take the next steps?", yes=yes):
                typer.echo("Nothing was done.")
                return
            found = list(_gone_through(doors, signing, batch))
    if metrics is not None:
        figures.write(metrics, list(_figures(found)))
    if json:
        print_json({"executed": execute, "rounds": [_as_json(each) for each in found]})
    else:
        # Nothing is said of approvals in advance where there are none.
        shown = [each for each in found if in_advance or not each.standing or each.disposal is not None]
        _print(shown, store=store, executed=execute)
    raise typer.Exit(WAITED_FOR if any(each.waits_for not in (None, "policies") for each in found) else 0)


def _signing(
    store: str, ledger: Path | None, sign: Path | None, backups_kept: int | None, trust: list[str] | None
) -> SignedLedger:
    if backups_kept is None:
        raise ConfigurationError(
            "say with --backups-kept for how many days backups are kept: until then they hold what is destroyed here, "
            "and the certificate says so; 0 where there are none"
        )
    signing = SignedLedger(ledger_of(store, ledger), signing_key_of(sign), backups_kept, trusted_keys(trust))
    # One that can't be relied on is refused now, and not when something is destroyed already.
    signing.documents()
    return signing


def _standing(door: Disposals, *, standing: bool, ready: bool) -> Done:
    """Where it stands, with nothing done; ``ready`` where policies are in force."""
    row = door.open(standing=standing)
    if row is None or row.is_empty:
        return Done(door.log, standing, waits_for=None if ready or standing else "policies")
    return Done(door.log, standing, row, waits_for=waits_for(row, door.places))


def _announce(doors: Sequence[Disposals], *, in_advance: bool) -> None:
    ready = [each for door in doors for each in door.all() if each.state in ("approved", "begun")]
    for each in ready:
        left = counted(each.entries - each.through, "candidate")
        typer.echo(f"To be destroyed: {left} of {each.disposal}, {kind_of(each)}.")
    if in_advance:
        typer.echo("To be destroyed without anybody being asked: what is due under approvals in advance.")
    if ready or in_advance:
        typer.echo(IRREVERSIBLE)


def _gone_through(doors: Sequence[Disposals], signing: SignedLedger, batch: int) -> Iterator[Done]:
    for door in doors:
        finishing = Finishing(door, signing)
        for standing in (True, False):
            with LateProgress("disposing") as bar:
                yield Round(door, finishing, batch=batch, progress=_shown_by(bar)).go(standing=standing)


def _shown_by(bar: LateProgress) -> Progress:
    def tell(_: str, done: int, of: int) -> None:
        bar(done, of)

    return tell


def _print(found: Sequence[Done], *, store: str, executed: bool) -> None:
    for each in found:
        print_section(f"{each.log}, {in_words(standing=each.standing)}", _rows(each, executed=executed))
    if not executed:
        takes = any(_next(each) != _WAIT for each in found)
        typer.echo(f"Nothing was done{': --execute takes these steps' if takes else ''}.")
    steps = list(_people(found, store))
    if steps:
        print_next(steps)


def _rows(done: Done, *, executed: bool) -> Iterator[tuple[str, str]]:
    row = done.disposal
    if row is not None:
        yield "disposal", row.disposal
        yield "candidates", f"{row.entries:,}"
    yield ("done now", _done(done)) if executed else ("next", _next(done))
    if row is not None:
        yield "state", state_in_words(row)
    if done.waits_for is not None:
        yield "waits for", waits_in_words(done.waits_for)


def _done(done: Done) -> str:
    """What a round did, in words."""
    if not done.steps:
        return "nothing is due" if done.disposal is None else "nothing to do"
    gone = ""
    if "emptied" in done.steps:
        amounts = f"{counted(done.payloads, 'payload')}, {counted(done.originals, 'original')}"
        gone = f": {amounts} and {counted(done.keys, 'key')} destroyed, {done.kept:,} left"
    dropped = f"; {counted(len(done.dropped), 'partition')} dropped" if done.dropped else ""
    return f"{', '.join(done.steps)}{gone}{dropped}"


def _next(done: Done) -> str:
    """What the next step is, in words."""
    state = None if done.disposal is None else done.disposal.state
    if done.waits_for is not None:
        return _WAIT
    if state in (None, "frozen", "expired"):
        return "look for what is due, and propose it"
    return {"gone": "certify", "emptied": "look whether it is gone"}.get(state or "", "destroy what is on the list")


def _people(found: Sequence[Done], store: str) -> Iterator[tuple[str, str]]:
    """Who has to do what, for a round to go on."""
    if any(each.waits_for == "policies" for each in found):
        words = "Compliance, legal or the data protection officer proposes policies, and another of them confirms:"
        yield words, command(store, found[0].log, "retention", "propose", "retention.toml", "--reason", "TEXT")
    for each in found:
        row = each.disposal
        if row is None or each.waits_for is None:
            continue
        if each.waits_for == "review":
            words = "Compliance, legal or the data protection officer reviews the list:"
            yield words, command(store, each.log, "disposal", "review", row.disposal, "--reason", "TEXT")
        elif each.waits_for == "approval":
            words = "Somebody else of those approves of it:"
            yield words, command(store, each.log, "disposal", "approve", row.disposal)
        elif each.waits_for == "vacuum":
            words = "Whoever administers the database has what was deleted taken out, or waits for autovacuum:"
            yield words, f"unbroken db vacuum --store {name_of(store)}"
        else:
            words = "Whoever administers the database ends what still sees it, and vacuums once more:"
            yield words, f"unbroken db vacuum --store {name_of(store)}"


def _as_json(done: Done) -> dict[str, Any]:
    return {
        "log": done.log,
        "standing": done.standing,
        "steps": list(done.steps),
        "payloads": done.payloads,
        "originals": done.originals,
        "keys": done.keys,
        "kept": done.kept,
        "partitions_dropped": list(done.dropped),
        "waits_for": done.waits_for,
        "disposal": None if done.disposal is None else disposal_as_json(done.disposal),
    }


def _figures(found: Sequence[Done]) -> Iterator[Gauge]:
    for each in found:
        labels = {"log": each.log, "standing": str(each.standing).lower()}
        row = each.disposal
        yield Gauge("unbroken_disposal_candidates", "Entries on the list.", row.entries if row else 0, labels)
        yield Gauge("unbroken_disposal_payloads", "Payloads destroyed by this run.", each.payloads, labels)
        yield Gauge("unbroken_disposal_kept", "Candidates that this run left.", each.kept, labels)
        waits = {**labels, "for": each.waits_for or ""}
        yield Gauge("unbroken_disposal_waits", "Whether somebody is waited for.", each.waits_for is not None, waits)

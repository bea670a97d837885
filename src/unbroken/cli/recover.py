"""``unbroken recover``: after a restore, erasing again what came back, and opening the log for reading."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from unbroken.cli.asking import agreed
from unbroken.cli.ending import ending_in_order
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.printing import ROWS, cells, console, counted, plain_table, print_json, warn
from unbroken.cli.subject_options import (
    BatchOption,
    LedgerOption,
    SignOption,
    TrustOption,
    erasure_id,
    ledger_of,
    signing_key_of,
    trusted_keys,
)
from unbroken.cli.subject_view import print_next
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, open_administration, origin_of
from unbroken.core.note import VerifierKey
from unbroken.core.times import parse_time
from unbroken.errors import ConfigurationError
from unbroken.privacy.erasure.ending import BATCH
from unbroken.privacy.erasure.ledger import ErasureLedger
from unbroken.privacy.erasure.reapplying import Reapplying, Task, tasks_of, unknown_to_ledger
from unbroken.privacy.erasure.records import CertificateNote, Records, records_of
from unbroken.privacy.erasure.signing import Signing
from unbroken.privacy.erasure.writing import Now
from unbroken.store.recovery import Recovery

NOTHING_TO_DO = 0
TO_DO = 1


def recover(
    ledger: LedgerOption = None,
    trust: TrustOption = None,
    sign: SignOption = None,
    backups_kept: Annotated[
        int | None,
        typer.Option(
            "--backups-kept",
            min=0,
            max=36_500,
            metavar="DAYS",
            help="As for carry-out, for the new certificates.  [default: as each order says]",
            show_default=False,
        ),
    ] = None,
    no_erasures: Annotated[
        bool, typer.Option("--no-erasures", help="There is no ledger: nobody was ever erased from this log.")
    ] = False,
    incomplete_ledger: Annotated[
        bool, typer.Option("--incomplete-ledger", help="Go on although the ledger lacks erasures that this log knows.")
    ] = False,
    leave_out: Annotated[
        list[str] | None,
        typer.Option("--leave-out", metavar="ERASURE", help="An order that never began and must not."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what there is to do.")] = False,
    batch: BatchOption = BATCH,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without being asked once more.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """After a restore or a failover: erase again, and open the log for reading.

    A restored backup brings back who was erased since. A log can't be read on
    a server that it does not know until this has run. Every line of the
    ledger is checked against the keys in --trust (and the one in --sign),
    each erasure that this database has not finished is carried out by its
    order and gets a new certificate, and then reading opens. Recording goes
    on meanwhile. It may be run again at any time; a copy of the data
    directory put back in its place looks like the same server, so after that
    it has to be run by hand.

    \b
    Needs the role that installed the log, as `unbroken init` does.
    Exit codes: 0 reading is open, nothing is left to do; 1 with --dry-run,
    there is something to do; 2 wrong usage, no access, a ledger not to be
    relied on: nothing was done.

    \b
    Examples:
      unbroken recover --ledger /mnt/safe/erasures.jsonl \\
        --trust dpo.vkey --dry-run
      unbroken recover --ledger /mnt/safe/erasures.jsonl --sign dpo.key
      unbroken recover --no-erasures --yes
    """
    _check(ledger_given=ledger is not None, no_erasures=no_erasures)
    held = None if no_erasures else ledger_of(store, ledger)
    key = None if sign is None else signing_key_of(sign)
    trusted = [*trusted_keys(trust), *([] if key is None else [key.verifier])]
    records = _records(held, trusted)
    name = log or origin_of(store, None)
    with ending_in_order(), open_administration(store) as connection:
        owner = Recovery(connection, name)
        tasks = _tasks(owner, records, leave_out or [], incomplete=incomplete_ledger, held=held)
        to_do = [each for each in tasks if each.to_do]
        is_open = owner.is_open()
        if not json:
            _print_tasks(owner.log, tasks, is_open=is_open)
        if dry_run or (is_open and not to_do):
            _finish_early(owner.log, tasks, is_open=is_open, as_json=json)
        if to_do and (held is None or key is None):
            raise ConfigurationError("erasing again makes new certificates: name the key that signs them with --sign")
        if not agreed(_question(to_do, is_open=is_open), yes=yes):
            typer.echo("Nothing was done.")
            return
        done = []
        if held is not None and key is not None:
            for each in to_do:
                days = each.order.order.backups_kept_days if backups_kept is None else backups_kept
                done.append(_again(owner, Signing(held, key, days, trusted), each, limit=batch))
        opened = owner.open_reads()
    if json:
        print_json(_as_json(owner.log, tasks, is_open=True) | {"opened_seq": opened, "certificates": _digests(done)})
        return
    _print_end(owner.log, done, opened)


def _check(*, ledger_given: bool, no_erasures: bool) -> None:
    if ledger_given and no_erasures:
        raise typer.BadParameter("--ledger and --no-erasures exclude each other")


def _records(held: ErasureLedger | None, trusted: Sequence[VerifierKey]) -> Records:
    if held is None:
        return Records((), ())
    if not held.exists():
        raise ConfigurationError(f"there is no erasure ledger {held.path}. Where nobody was ever erased: --no-erasures")
    if not trusted:
        raise ConfigurationError(
            "say with --trust (or UNBROKEN_CERTIFICATE_TRUST) whose signatures in the ledger are believed, or name the "
            "signing key with --sign"
        )
    return records_of(held.notes(), trusted)


def _tasks(
    owner: Recovery, records: Records, leave_out: Sequence[str], *, incomplete: bool, held: ErasureLedger | None
) -> list[Task]:
    known = owner.all()
    lacking = unknown_to_ledger(records, known)
    number = counted(len(lacking), "erasure")
    if lacking and not incomplete:
        where = "there is said to be no ledger, yet" if held is None else f"the ledger {held.path} is not complete:"
        raise ConfigurationError(
            f"{where} this log knows of {number} that it lacks, such as {lacking[0].erasure}. "
            "It may lack others that only it could tell of. Name the right ledger; where what is missing is lost, "
            "--incomplete-ledger goes on with what there is. Nothing was done"
        )
    if lacking:
        warn(f"the ledger lacks {number} of this log, and perhaps others that nobody knows of")
    return tasks_of(records, known, owner.log, left_out=[erasure_id(each) for each in leave_out])


def _again(owner: Recovery, signing: Signing, task: Task, *, limit: int) -> CertificateNote | None:
    reapplying = Reapplying(owner, signing, lambda: _now(owner))
    with LateProgress("erasing again") as progress:
        return reapplying.carry_out(task, limit=limit, progress=progress)


def _now(owner: Recovery) -> Now:
    head = owner.head()
    return Now(owner.log, f"{head.seq}:{head.hash}", owner.now(), owner.login())


def _question(to_do: Sequence[Task], *, is_open: bool) -> str:
    erasing = f"Erase {counted(len(to_do), 'person')} again, for good" if to_do else ""
    opening = "" if is_open else ("open reading" if to_do else "Open reading")
    return f"{' and '.join(each for each in (erasing, opening) if each)}?".replace("persons", "people")


def _finish_early(log: str, tasks: Sequence[Task], *, is_open: bool, as_json: bool) -> None:
    left = not is_open or any(each.to_do for each in tasks)
    if as_json:
        print_json(_as_json(log, tasks, is_open=is_open) | {"opened_seq": None, "certificates": []})
    else:
        typer.echo("A dry run: nothing was done." if left else "Nothing is left to do.")
    raise typer.Exit(TO_DO if left else NOTHING_TO_DO)


_WORDS = {
    "again": "came back, or may have: to be erased again",
    "go on": "begun here and not finished: to be finished",
    "done": "done in this database",
    "withdrawn": "withdrawn before it began: left alone",
    "left out": "left out, as you say: it never began",
}


def _print_tasks(log: str, tasks: Sequence[Task], *, is_open: bool) -> None:
    typer.echo(f"{log}: reading is {'open' if is_open else 'CLOSED until this server has been recovered'}.")
    if not tasks:
        typer.echo("The ledger holds no erasure of this log.")
        return
    table = plain_table(
        "erasure", "case", "ordered (UTC)", "payloads then", "certificate", "state", right=("payloads then",)
    )
    for column in (table.columns[0], table.columns[2]):
        column.no_wrap = True
    for each in tasks:
        order = each.order.order
        table.add_row(
            *cells(
                order.erasure,
                order.case,
                f"{parse_time(order.ordered.at):%Y-%m-%d %H:%M}",
                f"{order.counts.payloads:,}",
                "there" if each.certified else "NONE: it had begun, or was about to",
                _WORDS[each.state],
            )
        )
    console(piped=ROWS).print(table)


def _print_end(log: str, done: Sequence[CertificateNote | None], opened: int | None) -> None:
    again = sum(each is not None for each in done)
    if done:
        typer.echo(f"Erased again: {counted(again, 'erasure')}, each with a new certificate in the ledger.")
    if opened is None:
        typer.echo(f"Reading {log} was open already.")
    else:
        typer.echo(f"Reading {log} is open on this server; entry {opened:,} says so.")
    steps = [("Find out with a head from outside which entries the restore lost:", "unbroken verify --expect SEQ:HASH")]
    if again:
        steps.append(("Have the bytes that came back leave the files too:", "unbroken db vacuum --full"))
        steps.append(("Certificates given out before stay true of the old server; the new ones tell of this one.", ""))
    print_next(steps)


def _as_json(log: str, tasks: Sequence[Task], *, is_open: bool) -> dict[str, Any]:
    rows = [
        {
            "erasure": each.order.order.erasure,
            "case": each.order.order.case,
            "order_sha256": each.order.digest,
            "certified": each.certified,
            "state": each.state,
        }
        for each in tasks
    ]
    return {"log": log, "reads_open": is_open, "erasures": rows}


def _digests(done: Sequence[CertificateNote | None]) -> list[dict[str, str]]:
    return [
        {"erasure": each.certificate.erasure, "certificate_sha256": each.digest} for each in done if each is not None
    ]

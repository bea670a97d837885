"""``unbroken recover``: after a restore, going on under the next incarnation, erasing again, opening for reading."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from unbroken.cli import recover_loss
from unbroken.cli.anchor_options import AnchorsOption
from unbroken.cli.asking import agreed
from unbroken.cli.destruction_options import (
    BatchOption,
    LedgerOption,
    SignOption,
    TrustOption,
    ledger_of,
    signing_key_of,
    trusted_keys,
)
from unbroken.cli.ending import ending_in_order
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.printing import cells, counted, plain_table, print_json, print_table, warn
from unbroken.cli.recover_loss import ContinueOption, LeaveLoginOption, NotaryStateOption, Outlook, ReasonOption
from unbroken.cli.subject_options import erasure_id
from unbroken.cli.subject_view import print_next
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, open_administration, origin_of
from unbroken.core.incarnation import incarnation_of
from unbroken.core.incarnation import origin_of as without_incarnation
from unbroken.core.note import VerifierKey
from unbroken.core.times import parse_time
from unbroken.destruction.ledger import DestructionLedger
from unbroken.errors import ConfigurationError, HeldError
from unbroken.privacy.erasure.ending import BATCH
from unbroken.privacy.erasure.reapplying import Reapplying, Task, begin, held_against, tasks_of, unknown_to_ledger
from unbroken.privacy.erasure.records import CertificateNote, Records, records_of
from unbroken.privacy.erasure.signing import Signing
from unbroken.privacy.erasure.writing import Now
from unbroken.store.connection import Connection
from unbroken.store.recovery import Continued, Recovery

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
    anchors: AnchorsOption = None,
    notary_state: NotaryStateOption = None,
    reason: ReasonOption = None,
    leave_login: LeaveLoginOption = None,
    go_on: ContinueOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what there is to do.")] = False,
    batch: BatchOption = BATCH,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without being asked once more.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """After a restore or a failover: go on after a loss, erase again, open for reading.

    A restored database has lost what was recorded since its backup. With
    --anchors or --notary-state it is held against the newest checkpoint that
    is kept outside. Where it lacks, or contradicts, what was signed, it takes
    no entries any more: the log goes on under its next incarnation, from
    entry 1, whose first entry says what was kept and what was lost. The old
    one stays readable under its full name. Recorders notice by themselves and
    record again what they still have.

    A restored backup also brings back who was erased since, so a log can't be
    read on a server that it does not know until this has run. Every line of
    the ledger is checked against the keys in --trust (and the one in --sign),
    each erasure that this database has not finished is carried out by its
    order and gets a new certificate, and then reading opens. What a legal
    hold keeps here stays, and is said: run it again once the hold is over.

    It may be run again at any time, and after it was interrupted; a copy of
    the data directory put back in its place looks like the same server, so
    after that it has to be run by hand.

    \b
    Needs the role that installed the log, as `unbroken init` does.
    Exit codes: 0 the log is whole or continued, and reading is open; 1 with
    --dry-run, there is something to do, or an erasure waits for a hold;
    2 wrong usage, no access, nobody who could tell what was lost, a ledger
    not to be relied on: nothing was done.

    \b
    Examples:
      unbroken recover --anchors anchors.toml \\
        --ledger /mnt/safe/erasures.jsonl --trust dpo.vkey --dry-run
      unbroken recover --anchors anchors.toml --notary-state /var/notary \\
        --ledger /mnt/safe/erasures.jsonl --sign dpo.key \\
        --reason "disk failed, restored the backup of 02:00"
      unbroken recover --no-erasures --yes
    """
    _check(ledger_given=ledger is not None, no_erasures=no_erasures)
    held = None if no_erasures else ledger_of(store, ledger)
    key = None if sign is None else signing_key_of(sign)
    trusted = [*trusted_keys(trust), *([] if key is None else [key.verifier])]
    records = _records(held, trusted)
    name = without_incarnation(log or origin_of(store, None))
    left = leave_login or []
    with ending_in_order(), open_administration(store) as connection:
        parts = _parts(connection, name, records, leave_out or [], incomplete=incomplete_ledger, held=held)
        newest = parts[-1].owner
        outlook = recover_loss.outlook_of(newest, anchors=anchors, notary_state=notary_state)
        is_due = recover_loss.is_due(outlook, wanted=go_on)
        to_do = [each for part in parts for each in part.to_do]
        waiting = [each.order.order.erasure for part in parts for each in part.tasks if each.waits]
        is_open = all(part.owner.is_open() for part in parts)
        if not json:
            _print_parts(parts, outlook, is_due=is_due, left=left)
        if dry_run or (is_open and not to_do and not is_due):
            _finish_early(parts, outlook, is_open=is_open, is_due=is_due, as_json=json)
        if to_do and (held is None or key is None):
            raise ConfigurationError("erasing again makes new certificates: name the key that signs them with --sign")
        said = recover_loss.checked_reason(reason) if is_due else ""
        if not agreed(_question(outlook if is_due else None, to_do, is_open=is_open, waiting=len(waiting)), yes=yes):
            typer.echo("Nothing was done.")
            return
        continued = _continued(newest, outlook, parts, reason=said, left=left) if is_due else None
        done = []
        for part in parts:
            for each in part.to_do:
                # Where there is anything to do, both were asked for above.
                if held is None or key is None:
                    continue
                days = each.order.order.backups_kept_days if backups_kept is None else backups_kept
                try:
                    done.append(_again(part.owner, Signing(held, key, days, trusted), each, limit=batch))
                except HeldError:
                    waiting.append(each.order.order.erasure)
        opened = [part.owner.open_reads() for part in parts]
    if json:
        ended = {
            "opened_seq": next((each for each in opened if each is not None), None),
            "certificates": _digests(done),
        }
        print_json(_as_json(parts, outlook, is_open=True, continued=continued, waiting=waiting) | ended)
    else:
        _print_end(newest.log, done, opened[-1], continued)
        _print_waiting(waiting)
    raise typer.Exit(TO_DO if waiting else NOTHING_TO_DO)


@dataclass(frozen=True)
class _Part:
    """One incarnation, and what is to be erased of it again."""

    owner: Recovery
    tasks: Sequence[Task]

    @property
    def to_do(self) -> list[Task]:
        return [each for each in self.tasks if each.to_do]


def _parts(
    connection: Connection,
    name: str,
    records: Records,
    leave_out: Sequence[str],
    *,
    incomplete: bool,
    held: DestructionLedger | None,
) -> list[_Part]:
    """All incarnations in order. An order belongs to the one that it names, or to the newest that there is here."""
    owners = [Recovery(connection, each) for each in Recovery(connection, name).incarnations()]
    names = {each.log for each in owners}
    parts = []
    for owner in owners:
        tasks = _tasks(owner, records, leave_out, incomplete=incomplete, held=held)
        is_newest = owner is owners[-1]
        its = [
            each
            for each in tasks
            if each.order.order.log == owner.log or (is_newest and each.order.order.log not in names)
        ]
        parts.append(_Part(owner, its))
    return parts


def _continued(
    owner: Recovery, outlook: Outlook, parts: Sequence[_Part], *, reason: str, left: Sequence[str]
) -> Continued:
    """Continues the log, in which whoever was erased since the backup is known to be before anybody records."""
    erased = {
        subject
        for part in parts
        for each in part.tasks
        if each.state not in ("withdrawn", "left out")
        for subject in each.order.order.subjects
    }
    with owner.at_once():
        continued = recover_loss.continued_of(owner, outlook, reason=reason, without_people=sorted(erased), left=left)
        for part in parts:
            for each in part.to_do:
                # A hold that came just now: it is said when it is carried out.
                with suppress(HeldError), owner.at_once():
                    begin(part.owner, each)
    return continued


def _check(*, ledger_given: bool, no_erasures: bool) -> None:
    if ledger_given and no_erasures:
        raise typer.BadParameter("--ledger and --no-erasures exclude each other")


def _records(held: DestructionLedger | None, trusted: Sequence[VerifierKey]) -> Records:
    if held is None:
        return Records((), ())
    if not held.exists():
        raise ConfigurationError(
            f"there is no destruction ledger {held.path}. Where nobody was ever erased: --no-erasures"
        )
    if not trusted:
        raise ConfigurationError(
            "say with --trust (or UNBROKEN_CERTIFICATE_TRUST) whose signatures in the ledger are believed, or name the "
            "signing key with --sign"
        )
    return records_of(held.notes(), trusted)


def _tasks(
    owner: Recovery, records: Records, leave_out: Sequence[str], *, incomplete: bool, held: DestructionLedger | None
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
    tasks = tasks_of(records, known, owner.log, left_out=[erasure_id(each) for each in leave_out])
    return held_against(tasks, owner)


def _again(owner: Recovery, signing: Signing, task: Task, *, limit: int) -> CertificateNote | None:
    reapplying = Reapplying(owner, signing, lambda: _now(owner))
    with LateProgress("erasing again") as progress:
        return reapplying.carry_out(task, limit=limit, progress=progress)


def _now(owner: Recovery) -> Now:
    head = owner.head()
    return Now(owner.log, f"{head.seq}:{head.hash}", owner.now(), owner.login())


def _question(outlook: Outlook | None, to_do: Sequence[Task], *, is_open: bool, waiting: int) -> str:
    waits = f", although a legal hold keeps {counted(waiting, 'erasure')} from being done again" if waiting else ""
    steps = [
        "" if outlook is None else recover_loss.question_of(outlook),
        f"carry out {counted(len(to_do), 'erasure')} again, for good" if to_do else "",
        "" if is_open else f"open reading{waits}",
    ]
    text = ", and ".join(each for each in steps if each)
    return f"{text[:1].upper()}{text[1:]}?"


def _finish_early(parts: Sequence[_Part], outlook: Outlook, *, is_open: bool, is_due: bool, as_json: bool) -> None:
    waiting = [each.order.order.erasure for part in parts for each in part.tasks if each.waits]
    left = is_due or not is_open or any(part.to_do for part in parts)
    if as_json:
        told = _as_json(parts, outlook, is_open=is_open, continued=None, waiting=waiting)
        print_json(told | {"opened_seq": None, "certificates": []})
    else:
        typer.echo("A dry run: nothing was done." if left else "Nothing is left to do now." if waiting else _NOTHING)
        _print_waiting(waiting)
    raise typer.Exit(TO_DO if left or waiting else NOTHING_TO_DO)


_NOTHING = "Nothing is left to do."
_WORDS = {
    "again": "came back, or may have: to be erased again",
    "go on": "begun here and not finished: to be finished",
    "done": "done in this database",
    "withdrawn": "withdrawn before it began: left alone",
    "left out": "left out, as you say: it never began",
}


_HELD = "came back, or may have; a legal hold keeps it here: to be erased again when that is over"


def _print_parts(parts: Sequence[_Part], outlook: Outlook, *, is_due: bool, left: Sequence[str]) -> None:
    if is_due or outlook.is_damaged or outlook.asked is not None:
        recover_loss.print_outlook(outlook, is_due=is_due, left=left)
    for part in parts:
        is_open = part.owner.is_open()
        typer.echo(
            f"{part.owner.log}: reading is {'open' if is_open else 'CLOSED until this server has been recovered'}."
        )
    tasks = [each for part in parts for each in part.tasks]
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
                _HELD if each.waits else _WORDS[each.state],
            )
        )
    print_table(table)


def _print_end(
    log: str, done: Sequence[CertificateNote | None], opened: int | None, continued: Continued | None
) -> None:
    again = sum(each is not None for each in done)
    steps = []
    if continued is not None:
        typer.echo(
            f"{log} is closed and goes on as {continued.log}, with {counted(continued.grants, 'duty')}, "
            f"{counted(continued.names, 'name')} of people and "
            + (f"version {continued.registry} of the registry." if continued.registry else "no registry.")
        )
        steps += [
            ("Look at what is left of the old one:", f"unbroken verify --log {log}"),
            (
                "Make the anchors ready for it:",
                f"unbroken anchor init FILE --incarnation {incarnation_of(continued.log)}",
            ),
            ("Where originals are kept, make keys for the new one:", "unbroken vault refill"),
            ("Requests for access, approval and erasure that were open have to be made anew.", ""),
        ]
    if done:
        typer.echo(f"Erased again: {counted(again, 'erasure')}, each with a new certificate in the ledger.")
    if opened is None:
        typer.echo(f"Reading {log} was open already.")
    else:
        typer.echo(f"Reading {log} is open on this server; entry {opened:,} says so.")
    if continued is None:
        steps.append(
            ("Find out with a head from outside which entries the restore lost:", "unbroken verify --expect SEQ:HASH")
        )
    if again:
        steps.append(("Have the bytes that came back leave the files too:", "unbroken db vacuum --full"))
        steps.append(("Certificates given out before stay true of the old server; the new ones tell of this one.", ""))
    print_next(steps)


def _print_waiting(waiting: Sequence[str]) -> None:
    if waiting:
        warn(
            f"a legal hold keeps {counted(len(waiting), 'erasure')} of the ledger from being done again, such as "
            f"{waiting[0]}: whoever may read, reads what it is about. A hold that was released in what the restore "
            "lost is released anew; then run this again, which goes on where it stopped"
        )


def _as_json(
    parts: Sequence[_Part], outlook: Outlook, *, is_open: bool, continued: Continued | None, waiting: Sequence[str]
) -> dict[str, Any]:
    rows = [
        {
            "erasure": each.order.order.erasure,
            "case": each.order.order.case,
            "order_sha256": each.order.digest,
            "certified": each.certified,
            "state": each.state,
            "held": each.held,
        }
        for part in parts
        for each in part.tasks
    ]
    return {
        "log": outlook.log,
        "reads_open": is_open,
        "erasures": rows,
        "loss": recover_loss.as_json(outlook),
        "continued": None if continued is None else continued.log,
        "waiting_for_holds": list(waiting),
    }


def _digests(done: Sequence[CertificateNote | None]) -> list[dict[str, str]]:
    return [
        {"erasure": each.certificate.erasure, "certificate_sha256": each.digest} for each in done if each is not None
    ]

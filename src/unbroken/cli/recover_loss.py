"""What ``unbroken recover`` finds that a log has lost, and how it goes on."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from unbroken.anchors.anchor import TrustedLog
from unbroken.anchors.configuration import AnchorsFile
from unbroken.anchors.losing import Asked, Kept, Loss, held_against, kept_by
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.printing import cells, counted, plain_table, print_table, warn
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.entry import Head
from unbroken.core.incarnation import full_name, incarnation_of, origin_of
from unbroken.errors import ConfigurationError, NoteError, UnbrokenError
from unbroken.notary.memory import NotaryFolder, signed_of
from unbroken.store.recovery import Continued, Duty, Recovery, Standing

NOTARY: Final = "the notary's memory"
DATABASE: Final = "the database itself"
AHEAD: Final = 2
"""How many incarnations beyond the last that is known outside anchors are asked for."""

NotaryStateOption = Annotated[
    Path | None,
    typer.Option(
        "--notary-state",
        envvar="UNBROKEN_NOTARY_STATE",
        metavar="DIR",
        help="The notary's folder: what it signed last is compared with as well.",
        show_default=False,
    ),
]
ReasonOption = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="What happened: it stands in the log for good.", show_default=False),
]
LeaveLoginOption = Annotated[
    list[str] | None,
    typer.Option(
        "--leave-login",
        metavar="LOGIN",
        help="A login that keeps no duty, as it lost it since the backup; may be repeated.",
        show_default=False,
    ),
]
ContinueOption = Annotated[
    bool,
    typer.Option(
        "--continue", help="Go on under the next incarnation also where no loss is known, or nobody could be asked."
    ),
]


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where a log stands: its end, what is kept of it outside, ``None`` if nobody was asked, and what is missing.

    ``later`` are incarnations after it that were signed, and that this database knows nothing of.
    """

    log: str
    head: Head
    standing: Standing
    asked: Asked | None
    later: Sequence[str]
    loss: Loss
    duties: Sequence[Duty]

    @property
    def is_damaged(self) -> bool:
        """Whether it lacks, or contradicts, what was signed, or was closed because it does."""
        is_closed = self.standing.closed_because is not None
        return is_closed or bool(self.later) or self.loss.lost is not None or self.loss.unfit is not None

    @property
    def next_name(self) -> str:
        """What it goes on as: a name that nobody has seen yet."""
        return full_name(origin_of(self.log), max(map(incarnation_of, (self.log, *self.later))) + 1)

    @property
    def anchored(self) -> dict[str, Any] | None:
        """The newest checkpoint from outside, as the first entry of what continues the log names it."""
        newest = self.loss.newest
        if newest is None:
            return None
        return {"size": newest.size, "root": newest.checkpoint.root.hex(), "note_sha256": newest.digest}


def outlook_of(owner: Recovery, *, anchors: Path | None, notary_state: Path | None) -> Outlook:
    """Asks whoever was named, and compares; the log is read as far as a checkpoint reaches that it still has."""
    head, standing = owner.head(), owner.standing()
    asked, later = None, list[str]()
    if anchors is not None or notary_state is not None:
        asked = _asked(owner, head.seq, anchors, notary_state)
        later = _later(owner, anchors, notary_state)
    kept = () if asked is None else asked.kept
    upto = max((each.size for each in kept if each.size <= head.seq), default=0)
    with LateProgress("comparing") as progress:
        loss = held_against(kept, head.seq, _shown(owner, upto, progress))
    return Outlook(owner.log, head, standing, asked, later, loss, owner.duties())


def _shown(owner: Recovery, upto: int, progress: LateProgress) -> Any:
    done = 0
    for hashes in owner.leaves(upto):
        yield hashes
        done += len(hashes) // 32
        progress(done, upto)


def _asked(owner: Recovery, end: int, anchors: Path | None, notary_state: Path | None) -> Asked:
    kept: list[Kept] = []
    unreached: tuple[tuple[str, str], ...] = ()
    statements = owner.statements()
    if notary_state is not None:
        memory = NotaryFolder(notary_state, log=owner.log).read()
        statements = list(memory.statements) or statements
        signed = memory.signed(owner.log)
        if signed is not None:
            kept.append(Kept(signed.checkpoint, signed.note, NOTARY))
        elif not memory.last:
            unreached = ((NOTARY, "it has signed nothing yet"),)
    if anchors is not None:
        file = AnchorsFile.read(anchors)
        log: TrustedLog = file.trusted(owner.log, statements)
        found = kept_by(file.anchors(log), log, end=end)
        kept += found.kept
        unreached += found.unreached
        opened: Callable[[str], Checkpoint] = log.opened
    else:
        opened = partial(_by_statements, owner.log, statements)
    note = owner.stored_note()
    with suppress(NoteError):
        # What stands in the database tells nothing of its end, but up to where it is what was signed.
        if kept and note is not None:
            kept.append(Kept(opened(note), note, DATABASE))
    return Asked(tuple(sorted(kept, key=lambda each: -each.size)), unreached)


def _later(owner: Recovery, anchors: Path | None, notary_state: Path | None) -> list[str]:
    """The incarnations after the newest that there is here of which something signed is known outside, in order."""
    origin, here = origin_of(owner.log), incarnation_of(owner.log)
    known: set[int] = set()
    if notary_state is not None:
        known |= {each for each in NotaryFolder(notary_state, log=owner.log).read().last if each > here}
    if anchors is not None:
        file, statements, at = AnchorsFile.read(anchors), owner.statements(), here + 1
        # One may have been continued again before it had a checkpoint.
        while at <= max(known, default=here) + AHEAD:
            if _is_kept(file, full_name(origin, at), statements):
                known.add(at)
            at += 1
    return [full_name(origin, each) for each in sorted(known)]


def _is_kept(file: AnchorsFile, log: str, statements: Sequence[str]) -> bool:
    """Whether any anchor keeps a checkpoint of this incarnation; whoever does not answer is passed over."""
    trusted = file.trusted(log, statements)
    for anchor in file.anchors(trusted):
        with suppress(UnbrokenError):
            if anchor.keeps and anchor.newest() is not None:
                return True
    return False


def _by_statements(log: str, statements: Sequence[str], note: str) -> Checkpoint:
    """What the notary's own memory says was signed by its keys."""
    return signed_of(note, origin=log, statements=tuple(statements)).checkpoint


def is_due(outlook: Outlook, *, wanted: bool) -> bool:
    """Whether the log is to be continued; raises :class:`ConfigurationError` where that is for the operator to say."""
    if wanted:
        return True
    if not outlook.is_damaged:
        return False
    if outlook.asked is None:
        warn(
            f"{outlook.log} takes no entries any more ({outlook.standing.closed_because}): name what is kept of it "
            "outside with --anchors or --notary-state, and it can be continued"
        )
        return False
    if not outlook.asked.kept and not outlook.later:
        raise ConfigurationError(
            "nobody who was asked keeps a checkpoint of this log, so nothing tells what was lost. Where that can't be "
            "mended, --continue goes on without knowing. Nothing was done"
        )
    return True


def checked_reason(reason: str | None) -> str:
    """The reason; raises :class:`ConfigurationError` without one."""
    if reason is None or not reason.strip():
        raise ConfigurationError("say with --reason what happened: it stands in the log for good. Nothing was done")
    return reason


def print_outlook(outlook: Outlook, *, is_due: bool, left: Sequence[str]) -> None:
    """What there is, what is lost, and what would go along."""
    typer.echo(f"{outlook.log} ends with {_entry(outlook.head.seq)}.")
    for line in _lines(outlook):
        typer.echo(f"  {line}")
    if outlook.asked is not None:
        for who, why in outlook.asked.unreached:
            warn(f"{who} told nothing: {why}")
    if not is_due:
        return
    typer.echo(f"It goes on as {outlook.next_name}, with these duties:")
    table = plain_table("login", "duty", "since (UTC)", "")
    for each in outlook.duties:
        note = "left out" if each.login in left else "" if each.exists else "there is no such login any more"
        table.add_row(*cells(each.login, each.duty, f"{each.granted_at:%Y-%m-%d %H:%M}", note))
    print_table(table)
    typer.echo("A duty that was revoked in what was lost is among them: end it with --leave-login LOGIN.")


def _lines(outlook: Outlook) -> list[str]:
    loss, lines = outlook.loss, []
    if outlook.standing.closed_because is not None:
        lines.append(f"closed: {outlook.standing.closed_because}")
    if outlook.later:
        lines.append(f"LOST: all of {', '.join(outlook.later)}, which was signed and is not here")
    if loss.newest is None:
        return lines if outlook.asked is None else [*lines, "outside there is no checkpoint of it"]
    lines.append(f"outside: a checkpoint of {counted(loss.newest.size, 'entry')}, kept by {loss.newest.by}")
    if loss.fits is not None:
        lines.append(f"kept: it still has what was signed up to {_entry(loss.fits.size)}")
    if loss.unfit is not None:
        lines.append(
            f"CONTRADICTED: it does not have the tree of {loss.unfit.size:,} entries that was signed "
            f"({loss.unfit.by}): what stands after {_entry(loss.sound)} was recorded since, or was changed"
        )
    if loss.lost is not None:
        lines.append(
            f"LOST: entries {loss.lost[0]:,} to {loss.lost[1]:,}, and what came after, which nobody has signed"
        )
    else:
        lines.append("nothing that was signed is lost")
    return lines


def _entry(seq: int) -> str:
    return f"entry {seq:,}" if seq else "no entry"


def question_of(outlook: Outlook) -> str:
    """What the operator acknowledges."""
    if outlook.loss.lost is None and outlook.later:
        return f"Acknowledge that {', '.join(outlook.later)} is lost, and continue {outlook.log} as {outlook.next_name}"
    if outlook.loss.lost is None:
        return f"Continue {outlook.log} as {outlook.next_name}, without knowing of any loss"
    first, last = outlook.loss.lost
    return f"Acknowledge that entries {first:,} to {last:,} are lost, and continue {outlook.log} as {outlook.next_name}"


def continued_of(
    owner: Recovery, outlook: Outlook, *, reason: str, without_people: Sequence[str], left: Sequence[str]
) -> Continued:
    """Continues the log; raises :class:`ContradictionError` where it does not end any more where it was shown to."""
    unknown = set(left) - {each.login for each in outlook.duties}
    if unknown:
        raise ConfigurationError(f"no login {min(unknown)!r} holds a duty for {outlook.log}. Nothing was done")
    return owner.continue_log(
        outlook.head,
        incarnation=incarnation_of(outlook.next_name),
        lost_from=outlook.loss.sound + 1,
        anchored=outlook.anchored,
        also_lost=outlook.later,
        reason=reason,
        without_people=without_people,
        without_logins=left,
    )


def as_json(outlook: Outlook) -> dict[str, Any]:
    """The same for programs."""
    loss = outlook.loss
    return {
        "log": outlook.log,
        "head": {"seq": outlook.head.seq, "hash": outlook.head.hash},
        "closed_because": outlook.standing.closed_because,
        "anchored": outlook.anchored,
        "kept_by": None if loss.newest is None else loss.newest.by,
        "fits": None if loss.fits is None else loss.fits.size,
        "contradicted_at": None if loss.unfit is None else loss.unfit.size,
        "lost_from": None if loss.lost is None else loss.lost[0],
        "lost_to": None if loss.lost is None else loss.lost[1],
        "also_lost": list(outlook.later),
        "unreached": [{"who": who, "why": why} for who, why in (outlook.asked.unreached if outlook.asked else ())],
    }

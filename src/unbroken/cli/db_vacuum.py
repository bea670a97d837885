"""``unbroken db vacuum``: deleted rows out of the files, and what the server still holds of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer

from unbroken.cli.asking import agreed
from unbroken.cli.kept_heads import name_of
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.printing import amount, as_json_time, cells, counted, moment, plain_table, print_json, print_table
from unbroken.cli.subject_view import print_next, print_section
from unbroken.cli.target import DEFAULT_STORE, JsonOption, StoreOption, open_administration
from unbroken.store.vacuum import Holder, Remains, Table, Vacuuming

GONE: Final = 0
HELD: Final = 1


@dataclass(frozen=True, slots=True)
class _Done:
    """A table and its size afterwards; ``None`` where somebody used it all the time."""

    table: Table
    after: int | None


def vacuum(
    full: Annotated[
        bool,
        typer.Option("--full", help="Rewrite payloads and originals too: each partition is locked meanwhile."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done, and what is held.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without being asked once more.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Get what was erased out of the database's files.

    PostgreSQL marks a deleted row and leaves its bytes. This rewrites the
    tables of wrapped keys and of names, and makes the space of deleted
    payloads and originals free to be written over; with --full those are
    rewritten too, and nothing of them stays in the files. Recorders wait for
    a table that is being rewritten. Then it says what the server still holds:
    WAL, slots, standbys; backups are yours to know of.

    \b
    Needs a superuser, or the role that installed the log for all but the
    statistics. Exit codes: 0 done, 1 something may hold deleted rows, or a
    table was in use: run it again; 2 wrong usage or no access.

    \b
    Examples:
      unbroken db vacuum --dry-run
      unbroken db vacuum --full --yes
      unbroken db vacuum --json | jq '.still_held'
    """
    with open_administration(store) as connection:
        vacuuming = Vacuuming(connection)
        tables = vacuuming.tables(full=full)
        if not json:
            _print_plan(store, tables)
        if dry_run:
            _finish(store, [], tables, vacuuming, statistics=False, checkpoint=False, as_json=json)
        if not agreed(_question(tables), yes=yes):
            typer.echo("Nothing was done.")
            return
        done = list(_vacuumed(vacuuming, tables))
        statistics = vacuuming.rewrite_statistics()
        checkpoint = vacuuming.checkpoint()
        _finish(store, done, tables, vacuuming, statistics=statistics, checkpoint=checkpoint, as_json=json)


def _vacuumed(vacuuming: Vacuuming, tables: list[Table]) -> Iterator[_Done]:
    with LateProgress("vacuuming") as progress:
        for number, table in enumerate(tables, 1):
            yield _Done(table, vacuuming.vacuum(table))
            progress(number, len(tables))


def _question(tables: list[Table]) -> str:
    rewritten = [each for each in tables if each.full]
    size = amount(sum(each.size for each in rewritten))
    return f"Rewrite {counted(len(rewritten), 'table')} ({size}), each locked meanwhile, and vacuum the rest?"


def _finish(
    store: str,
    done: list[_Done],
    tables: list[Table],
    vacuuming: Vacuuming,
    *,
    statistics: bool,
    checkpoint: bool,
    as_json: bool,
) -> None:
    holders, remains = vacuuming.holders(), vacuuming.remains()
    held = bool(holders) or any(each.after is None for each in done)
    if as_json:
        facts = {"statistics_rewritten": statistics, "checkpoint": checkpoint}
        print_json(_as_json(store, done, tables, holders, remains) | facts)
    else:
        if done:
            _print_done(done, statistics=statistics, checkpoint=checkpoint)
        print_section("Still held by the server", _remains(tables, holders, remains, done=done))
        if held:
            print_next([("Run it again when what is named above has ended.", "")])
    raise typer.Exit(HELD if held else GONE)


def _print_plan(store: str, tables: list[Table]) -> None:
    typer.echo(name_of(store))
    table = plain_table("table", "size", "how", right=("size",))
    for each in tables:
        how = "rewritten: nothing deleted stays" if each.full else "freed: deleted bytes stay until written over"
        table.add_row(*cells(each.name, amount(each.size), how))
    print_table(table)


def _print_done(done: list[_Done], *, statistics: bool, checkpoint: bool) -> None:
    table = plain_table("table", "before", "after", "", right=("before", "after"))
    for each in done:
        after = "" if each.after is None else amount(each.after)
        words = "IN USE: nothing was done" if each.after is None else ("rewritten" if each.table.full else "freed")
        table.add_row(*cells(each.table.name, amount(each.table.size), after, words))
    print_table(table)
    if not statistics:
        typer.echo("Statistics were not rewritten, which takes a superuser: samples of short texts may stand there.")
    if not checkpoint:
        typer.echo("No checkpoint was made, which this login may not: replaced files go with the server's next one.")


def _remains(
    tables: list[Table], holders: list[Holder], remains: Remains, *, done: list[_Done]
) -> Iterator[tuple[str, str]]:
    freed = [each for each in tables if not each.full]
    if freed:
        yield "payloads", f"{counted(len(freed), 'partition')} with deleted bytes until written over: --full rewrites"
    for each in holders:
        since = "" if each.since is None else f" since {moment(each.since)} UTC"
        yield "older view", f"{each.kind} {each.name}{since}: rows deleted after it began stay for it"
    if any(each.after is None for each in done):
        yield "in use", "tables that somebody used all the time"
    yield "WAL", _wal(remains)
    if remains.archiving:
        yield "archive", "WAL is archived: it holds what was written until the archive expires"
    if remains.slots or remains.standbys:
        yield (
            "replicas",
            f"{counted(remains.slots, 'slot')}, {counted(remains.standbys, 'standby')}: they follow as they replay",
        )
    yield "backups", "this server does not know of them"
    yield "the disk", "blocks of removed files, until something else is written there: encrypt disks"


def _wal(remains: Remains) -> str:
    if remains.wal_files is None or remains.wal_bytes is None:
        return "this login may not see how much there is"
    since = "" if remains.wal_since is None else f", the oldest from {moment(remains.wal_since)} UTC"
    return (
        f"{counted(remains.wal_files, 'file')}, {amount(remains.wal_bytes)}{since}: files are used again, and "
        "hold what they held until they are written over"
    )


def _as_json(
    store: str, done: list[_Done], tables: list[Table], holders: list[Holder], remains: Remains
) -> dict[str, Any]:
    after = {each.table.name: each.after for each in done}
    return {
        "store": name_of(store),
        "tables": [
            {"name": each.name, "before": each.size, "after": after.get(each.name), "full": each.full}
            for each in tables
        ],
        "holders": [
            {"kind": each.kind, "name": each.name, "since": None if each.since is None else as_json_time(each.since)}
            for each in holders
        ],
        "still_held": {
            "wal_files": remains.wal_files,
            "wal_bytes": remains.wal_bytes,
            "wal_since": None if remains.wal_since is None else as_json_time(remains.wal_since),
            "archiving": remains.archiving,
            "slots": remains.slots,
            "standbys": remains.standbys,
        },
    }

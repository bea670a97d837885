"""``unbroken anchor list``: each checkpoint that was taken outside, and where to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Final

import typer

from unbroken.anchors.anchor import Anchor, Oddity, Receipt, TrustedLog
from unbroken.anchors.configuration import AnchorsFile
from unbroken.cli.anchor_look import DUTIES, read, trusted_by
from unbroken.cli.anchor_options import AnchorsOption, anchors_file
from unbroken.cli.denials import denials_told
from unbroken.cli.printing import as_json_time, cells, moment, plain_table, print_json, print_table
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, open_reader
from unbroken.errors import AnchorError, ConfigurationError, NoteError
from unbroken.store.checkpoints import Checkpoints, StoredReceipt

ODD: Final = 1


@dataclass(frozen=True, slots=True)
class _Row:
    """A checkpoint at an anchor: what is verified of it, or what is odd."""

    anchor: str
    kind: str
    size: int | None
    root: str | None = None
    at: str | None = None
    seen_at: str = ""
    clock: str | None = None
    odd: str | None = None
    receipt: Receipt | None = None


def list_anchored(
    name: Annotated[
        str | None, typer.Argument(metavar="[ANCHOR]", help="Only this anchor's.", show_default=False)
    ] = None,
    held: Annotated[
        bool,
        typer.Option(
            "--held",
            help="Read what the anchors hold, without a database, of the incarnation in --log NAME~N, or ~1.",
        ),
    ] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many of each anchor.")] = 20,
    anchors: AnchorsOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """List the checkpoints that anchors were given, those of larger trees first.

    By the receipts in the database, each verified with the keys in the
    anchors' file; or by what the anchors hold, which only directories, files
    and object stores can be asked for. JSON has each signed note, for others'
    tools, and each receipt.

    \b
    On a server this takes a login with any duty but writer, server and
    subjects; with --held none.
    Exit codes: 0 fine, 1 something listed is odd, 2 wrong usage or no access.

    \b
    Examples:
      unbroken anchor list --anchors anchors.toml
      unbroken anchor list nas --held --anchors anchors.toml
      unbroken anchor list --held --log clinic.example/agents~2
      unbroken anchor list tsa --json | jq -r '.checkpoints[0].note'
    """
    file = anchors_file(anchors)
    if name is not None and name not in file.names:
        raise ConfigurationError(f"there is no anchor {name!r} in {file.path}, only {', '.join(file.names)}")
    full_name, rows = _held(file, name, log, limit) if held else _stored(file, name, store, log, limit)
    if json:
        print_json({"log": full_name, "checkpoints": [_as_json(each) for each in rows]})
    elif rows:
        _print(rows)
    else:
        typer.echo("Nothing was anchored yet.")
    raise typer.Exit(ODD if any(each.odd for each in rows) else 0)


def _held(file: AnchorsFile, name: str | None, log: str | None, limit: int) -> tuple[str, list[_Row]]:
    full_name = log if log is not None and "~" in log else f"{log or file.log}~1"
    trusted = file.trusted(full_name)
    chosen = [each for each in file.anchors(trusted) if each.keeps and name in (None, each.name)]
    if not chosen:
        raise ConfigurationError(
            f"{name!r} can't be asked what it holds: leave --held out"
            if name
            else "no anchor here keeps what it is given"
        )
    return full_name, [row for anchor in chosen for row in islice(_of_held(anchor, trusted), limit)]


def _of_held(anchor: Anchor, log: TrustedLog) -> Iterator[_Row]:
    for each in anchor.held():
        if isinstance(each, Oddity):
            yield _Row(anchor.name, anchor.kind, each.size, odd=f"{each.what}: {each.place}")
        else:
            yield _verified(anchor, each, log)


def _stored(file: AnchorsFile, name: str | None, store: str, log: str | None, limit: int) -> tuple[str, list[_Row]]:
    with denials_told("`unbroken anchor list`", duties=DUTIES), open_reader(store, log or file.log) as reader:
        kept = Checkpoints(reader.connection, reader.log)
        trusted, _ = trusted_by(file, kept)
        names = file.names if name is None else (name,)
        rows = [(each, kept.receipts(anchor=each, limit=limit)) for each in names]
    anchors = {each.name: each for each in file.anchors(trusted)}
    return kept.log, [row for each, stored in rows for row in _of_stored(anchors[each], stored, trusted)]


def _of_stored(anchor: Anchor, stored: Iterable[StoredReceipt], log: TrustedLog) -> Iterator[_Row]:
    for each in stored:
        receipt = read(each)
        if receipt is None:
            yield _Row(anchor.name, each.kind, each.size, odd="this is no receipt of this anchor")
        else:
            yield _verified(anchor, receipt, log)


def _verified(anchor: Anchor, receipt: Receipt, log: TrustedLog) -> _Row:
    try:
        shown = anchor.verify(receipt)
    except (AnchorError, NoteError) as error:
        return _Row(anchor.name, anchor.kind, None, odd=str(error), receipt=receipt)
    at = shown.at or log.signed_at(receipt.note)
    return _Row(
        anchor.name,
        anchor.kind,
        shown.checkpoint.size,
        root=shown.checkpoint.root.hex(),
        at=None if at is None else as_json_time(at),
        seen_at="" if at is None else moment(at),
        clock=None if at is None else ("log" if shown.at is None else "anchor"),
        receipt=receipt,
    )


def _print(rows: Iterable[_Row]) -> None:
    table = plain_table("entries", "anchor", "kind", "time (UTC)", "clock", "root", "", right=("entries",))
    clocks = {"anchor": "its own", "log": "the log's", None: ""}
    for each in rows:
        size = "" if each.size is None else f"{each.size:,}"
        table.add_row(
            *cells(
                size, each.anchor, each.kind, each.seen_at, clocks[each.clock], (each.root or "")[:16], each.odd or ""
            )
        )
    print_table(table)


def _as_json(row: _Row) -> dict[str, Any]:
    return {
        "anchor": row.anchor,
        "kind": row.kind,
        "size": row.size,
        "root": row.root,
        "at": row.at,
        "clock": row.clock,
        "odd": row.odd,
        "note": None if row.receipt is None else row.receipt.note,
        "receipt": None if row.receipt is None else row.receipt.to_bytes().decode(),
    }

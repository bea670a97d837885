"""``unbroken checkpoint tiles``: the log as static files that others' tools read."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from unbroken import wiring
from unbroken.cli.ending import ending_in_order
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.printing import counted, print_json, warn
from unbroken.cli.reading import LONGEST, CaseOption, PurposeOption, Reading, open_read
from unbroken.cli.signed_heads import SignedHead, opened
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, conninfo_of
from unbroken.cli.trust import Trusted, TrustOption, trusted
from unbroken.core.checkpoint import Checkpoint
from unbroken.errors import ContradictionError, NoteError, ProofError
from unbroken.store.checkpoints import Checkpoints
from unbroken.store.log_reader import LogReader
from unbroken.tiles.folder import TileFolder
from unbroken.tiles.serving import TileServer
from unbroken.tiles.writing import drop_partial, first_unbundled, published_in, write_bundles, write_tiles

WRITTEN: Final = 0
REFUTED: Final = 1
NOTHING_SIGNED: Final = 3


@dataclass(frozen=True, slots=True)
class _Written:
    log: str
    folder: str
    size: int
    root: str
    hashes: int
    entries: int
    signed_by: list[str]


def tiles(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files are, or shall be.", file_okay=False)],
    hashes_only: Annotated[
        bool, typer.Option("--hashes-only", help="Without the entries: nobody's content leaves the log.")
    ] = False,
    serve: Annotated[
        int | None,
        typer.Option("--serve", min=0, max=65535, metavar="PORT", help="Then serve them on this machine; 0: any port."),
    ] = None,
    trust: TrustOption = None,
    purpose: PurposeOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Write the log as static files, in the layout of C2SP tlog-tiles.

    Checkpoint, tiles and entries become files that any web server serves and
    that others' tools read. Run it again after each checkpoint: only what is
    new is written, and after an interruption it goes on where it was.

    Hashes are computed anew from the entries. A checkpoint is published only
    where they lead to its root, and to that of the checkpoint published
    before; with --trust only if a key that is believed signed it.

    \b
    With the entries this hands the whole log out: it is a read, recorded with
    its purpose and as log.exported, and takes compliance, legal or dpo. What
    was redacted stays so, and payloads are not in it. With --hashes-only any
    login that may know of the log will do, and nothing is recorded.
    Exit codes: 0 written, 1 the log does not lead to what was signed: nothing
    was published, 2 wrong usage or no access, 3 there is no checkpoint yet.

    \b
    Examples:
      unbroken checkpoint tiles /srv/log --hashes-only
      unbroken checkpoint tiles /srv/log --purpose "handed to the auditors"
      unbroken checkpoint tiles /srv/log --hashes-only --serve 8080
    """
    target, believed = TileFolder(folder), trusted(trust)
    with ending_in_order(), target.locked():
        with conninfo_of(store, login=wiring.READER) as conninfo, LogReader(conninfo, log) as reader:
            head = _head(Checkpoints(reader.connection, reader.log), believed)
            hashes = _written_tiles(target, head, reader)
        entries = 0 if hashes_only else _written_entries(target, head, store, purpose=purpose, case=case)
        _publish(target, head)
    origin, size, root = head.checkpoint.origin, head.checkpoint.size, head.checkpoint.root.hex()
    _tell(_Written(origin, str(folder), size, root, hashes, entries, list(map(str, head.signers))), as_json=json)
    if serve is not None:
        _serve(folder, serve, as_json=json)


def _head(checkpoints: Checkpoints, believed: Trusted) -> SignedHead:
    stored = checkpoints.newest()
    if stored is None:
        warn("there is no checkpoint yet, so there is nothing to publish: `unbroken checkpoint run` signs one")
        raise typer.Exit(NOTHING_SIGNED)
    try:
        return opened(stored, checkpoints, believed)
    except NoteError as error:
        warn(f"the checkpoint of {counted(stored.size, 'entry')}: {error}")
        raise typer.Exit(REFUTED) from error


def _written_tiles(folder: TileFolder, head: SignedHead, reader: LogReader) -> int:
    tree = Checkpoints(reader.connection, reader.log).tree
    try:
        with LateProgress("hashes") as progress:
            return write_tiles(folder, head.checkpoint, tree, told=progress)
    except (ContradictionError, ProofError) as error:
        warn(str(error))
        raise typer.Exit(REFUTED) from error


def _written_entries(folder: TileFolder, head: SignedHead, store: str, *, purpose: str | None, case: str | None) -> int:
    """Writes the entries that are new, under a ticket of its own; without one where nothing is."""
    origin, size = head.checkpoint.origin, head.checkpoint.size
    if folder.progress(origin).bundled == size:
        return 0
    after = first_unbundled(folder, origin)
    scope = {"what": f"tiles: all entries from {after + 1} to {size}"}
    with open_read(store, origin, scope=scope, purpose=purpose, case=case, lasting=LONGEST) as reading:
        _record(reading, head.checkpoint, after=after)
        try:
            with LateProgress("entries") as progress:
                return write_bundles(
                    folder, head.checkpoint, lambda after, upto: _lines(reading, after, upto), told=progress
                )
        except (ContradictionError, ProofError) as error:
            warn(str(error))
            raise typer.Exit(REFUTED) from error


def _record(reading: Reading, checkpoint: Checkpoint, *, after: int) -> None:
    details = {
        "entries": checkpoint.size - after,
        "selection": {"kind": "tiles", "after": str(after), "upto": str(checkpoint.size)},
        "root": checkpoint.root.hex(),
    }
    Checkpoints(reading.reader.connection, reading.reader.log).record_export(reading.ticket.id, details)


def _lines(reading: Reading, after: int, upto: int) -> Iterator[bytes]:
    for lot in reading.reader.entries(after=after, upto=upto):
        for entry in lot:
            reading.shown(entry)
            yield entry.line


def _publish(folder: TileFolder, head: SignedHead) -> None:
    before = published_in(folder, head.checkpoint.origin)
    folder.publish(head.note)
    if before is not None:
        drop_partial(folder, old=before.size, new=head.checkpoint.size)


def _tell(written: _Written, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(written))
        return
    new = f"{written.hashes:,} new" if written.hashes else "nothing new"
    entries = f"; {counted(written.entries, 'line')} handed out" if written.entries else ""
    typer.echo(f"{written.folder}: {written.log} up to entry {written.size:,} ({new}{entries})")
    if not written.signed_by:
        warn("who signed the checkpoint was not verified: name the key that you believe with --trust")


def _serve(folder: Path, port: int, *, as_json: bool) -> None:
    """Serves until it is told to end."""
    with ending_in_order(), TileServer(folder, port) as server:
        if as_json:
            print_json({"serving": server.address})
        else:
            typer.echo(f"Serving {server.address} until interrupted.")
        try:
            server.serve_forever()
        except (KeyboardInterrupt, SystemExit):
            raise typer.Exit(WRITTEN) from None

"""``unbroken checkpoint run``: the notary at work."""

from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from unbroken.anchors.configuration import AnchorsFile
from unbroken.cli.anchor_options import AnchorsOption
from unbroken.cli.checkpoint_telling import Telling
from unbroken.cli.ending import ending_in_order
from unbroken.cli.lengths import length_of
from unbroken.cli.notary_anchoring import NotaryAnchoring
from unbroken.cli.notary_options import SigningKeyOption, StateOption, folder_of, key_spec, opened_by_notary
from unbroken.cli.printing import warn
from unbroken.cli.target import DEFAULT_STORE, JsonOption, LogOption, StoreOption, is_conninfo, origin_of
from unbroken.errors import ConfigurationError, ContinuityError, ContradictionError
from unbroken.investigate.printable import printable
from unbroken.notary import metrics as figures
from unbroken.notary.notary import Notary
from unbroken.notary.places import signer_at
from unbroken.notary.service import Service
from unbroken.notary.standing import Standing

EVERY: Final = "60s"
WHAT: Final = "`unbroken checkpoint run`"
REFUSED: Final = 1


def run(
    every: Annotated[
        str, typer.Option("--every", metavar="LENGTH", help="How often to sign: 30s, 5m, …", show_default=True)
    ] = EVERY,
    once: Annotated[bool, typer.Option("--once", help="Sign once, and end.")] = False,
    key: SigningKeyOption = None,
    state: StateOption = None,
    anchors: AnchorsOption = None,
    metrics: Annotated[
        Path | None,
        typer.Option("--metrics", metavar="FILE", help="Write figures here, for Prometheus' textfile collector."),
    ] = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Sign checkpoints of a log: the notary.

    Signs what is new, and where nothing is, the same again with a later time,
    which makes no entry. Before that it finds the checkpoint it signed last
    in the database. Where that is not there, it signs nothing, says so, and
    closes the log: `unbroken recover` goes on from there.

    With its first checkpoint a log comes to depend on its notary. On a server
    it then takes no entries after each start until the notary has looked,
    which takes two seconds while it runs; a folder asks for that only when it
    lies on another server. So keep it running, by whatever restarts services.

    \b
    Takes a login with the duty notary, and no other. Nothing is signed twice
    in two ways, whenever it is killed.
    Exit codes with --once: 0 signed; 1 refused, or with --anchors one of them
    contradicts the log or a quorum is late; 2 wrong usage, no access, or the
    database, the key or the folder can't be reached. Without --once it goes
    on through all that may pass.

    \b
    Examples:
      unbroken keys new notary.key --log clinic.example/agents
      unbroken checkpoint run --key file:notary.key --state /var/lib/notary
      unbroken checkpoint run --every 60s --anchors anchors.toml \\
          --metrics /var/lib/node_exporter/unbroken.prom
      unbroken checkpoint run --once --json
    """
    origin = origin_of(store, log)
    length, file = length_of(every, option="--every"), None if anchors is None else AnchorsFile.read(anchors)
    if file is not None and file.log != origin:
        raise ConfigurationError(f"{anchors} is about the log {file.log}, and not about {origin}")
    folder, signer = folder_of(store, state, log=origin), signer_at(key_spec(key), log=origin)
    telling = Telling(as_json=json)
    with ending_in_order(), folder.locked(), opened_by_notary(store, what=WHAT) as opened:
        outside = None if file is None else NotaryAnchoring(file, folder.path, opened, told=telling.anchored)
        notary = Notary(folder, signer, each_start=is_conninfo(store))
        if is_conninfo(store) and not notary.memory.last and not json:
            typer.echo(
                printable(f"With its first checkpoint {origin} comes to depend on its notary: docs/checkpoints.md")
            )
        service = Service(
            notary,
            partial(opened, origin),
            log=origin,
            every=length,
            told=telling,
            after=partial(_noted, metrics, outside),
        )
        if once:
            code = _once(service, outside)
            _noted(metrics, outside, service.standing)
            raise typer.Exit(code)
        if outside is not None:
            telling.then = outside.offer
        service.run()


def _noted(metrics: Path | None, outside: NotaryAnchoring | None, standing: Standing) -> None:
    if metrics is None:
        return
    try:
        figures.write(metrics, [*standing.figures(), *(() if outside is None else outside.samples)])
    except ConfigurationError as error:
        # Signing goes on: whoever looks at the figures sees that they are old.
        warn(str(error))


def _once(service: Service, outside: NotaryAnchoring | None) -> int:
    try:
        done = service.once()
    except (ContradictionError, ContinuityError) as error:
        warn(str(error))
        return REFUSED
    return 0 if outside is None or outside.publish(done.signed) else REFUSED

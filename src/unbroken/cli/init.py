"""``unbroken init``: from nothing, or an older release, to a log that can be recorded into."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from unbroken import wiring
from unbroken.cli.kept_heads import name_of
from unbroken.cli.target import DEFAULT_STORE, LogOption, StoreOption, is_conninfo, open_administration
from unbroken.errors import ConfigurationError
from unbroken.investigate.printable import printable
from unbroken.store.migrations import State, is_guarded, state_of

NO_GUARDS: Final = (
    "Note: this login is no superuser, so the guards that refuse ALTER and DROP in the schema were left out. "
    "`unbroken verify` finds what they would have prevented."
)


def init(
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Write a new log key to this file, if it isn't there, for its owner alone."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    log: LogOption = None,
) -> None:
    """Set up a log: in a folder, or in a PostgreSQL that you have.

    Makes what is missing and brings an older schema to this release; safe
    to run again. In a folder it starts an embedded PostgreSQL and makes the
    logins that record, verify and read. In a database of yours it needs a
    login with CREATEROLE and CREATE on the database, no superuser.

    Recorders use the log key for hashes of prompts and arguments that nobody
    without it can try out. A folder has its own; with a database, hand the
    file of --key-file to your recorders as UNBROKEN_KEY_FILE.

    \b
    Examples:
      unbroken init
      unbroken init --store audit --log clinic.example/agents
      unbroken init --store postgresql://admin@db.example/audit \\
          --log clinic.example/agents --key-file log.key
    """
    origin = _origin(store, log)
    with open_administration(store, create=True) as connection:
        before = state_of(connection)
        applied = wiring.prepare(connection, origin)
        guarded = is_guarded(connection)
        if not is_conninfo(store):
            wiring.add_embedded_logins(connection, origin)
            wiring.embedded_key(Path(store))
    for line in (
        *_done(store, origin, before, applied),
        *([] if guarded else [NO_GUARDS]),
        *_key(key_file),
        *_next(store, origin, key_file),
    ):
        typer.echo(printable(line))


def _origin(store: str, log: str | None) -> str:
    if log is not None:
        return log
    if is_conninfo(store):
        raise ConfigurationError("name the log with --log, for instance --log clinic.example/agents")
    return wiring.DEFAULT_LOG


def _done(store: str, origin: str, before: State, applied: list[str]) -> Iterator[str]:
    place = name_of(store)
    if before == "absent":
        yield f"Installed unbroken's schema in {place}."
    elif before == "older":
        migrations = f" (migrations: {', '.join(applied)})" if applied else ""
        yield f"Brought the schema in {place} to this release{migrations}."
    else:
        yield f"The schema in {place} is up to date."
    yield f"The log {origin} is there."


def _key(path: Path | None) -> Iterator[str]:
    if path is None:
        return
    there = path.exists()
    key = wiring.load_key(path, create=True)
    yield (
        f"{path} holds a key already; it was left as it is." if there else f"Wrote a new log key, {key.id}, to {path}."
    )


def _next(store: str, origin: str, key_file: Path | None) -> Iterator[str]:
    yield ""
    yield "Next:"
    if not is_conninfo(store):
        named = "" if origin == wiring.DEFAULT_LOG else f", log={origin!r}"
        where = "" if store == DEFAULT_STORE else f" --store {shlex.quote(store)}"
        yield f"  unbroken import chat FILE{where}   or in your agent: trail = unbroken.open({store!r}{named})"
        yield f"  unbroken tail{where}"
        return
    place, origin = shlex.quote(name_of(store)), shlex.quote(origin)
    there = f"--log {origin} --store {place}"
    yield "  add a login for each that records, verifies or reads; while there are no access administrators,"
    yield "  adding one grants it its duty too:"
    for name, duty in (("recorder", "writer"), ("verifier", "verifier"), ("auditor", "compliance")):
        yield f"  unbroken login add {name} --role {duty} {there} --generate-password"
    yield "  then two access administrators; the first confirms the second, as it will be told:"
    for name in ("anna", "bert"):
        yield f"  unbroken login add {name} --role access {there} --generate-password"
    yield "  From then on they alone grant and revoke, two of them for whatever reads: `unbroken grant`."
    yield "  Each grant, and each read, is an entry of the log. See docs/access.md."
    if key_file is None:
        yield f"  And make a log key: unbroken init {there} --key-file log.key"

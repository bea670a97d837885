"""Puts the parts together; the only module that names concrete ones."""

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from unbroken.core.keyed import LogKey
from unbroken.errors import ConfigurationError
from unbroken.ledger.ledger import DEADLINE_S, Ledger
from unbroken.ledger.protection import Protection
from unbroken.ledger.retained import LIMIT_BYTES, Retained
from unbroken.ledger.spool.folder import prepared_folder
from unbroken.ledger.spool.place import SPOOL_LIMIT_BYTES, SpoolPlace
from unbroken.store import administration, embedded
from unbroken.store.connection import Connection, Conninfo
from unbroken.store.connection import connect as connect_database
from unbroken.store.log_reader import LogReader
from unbroken.store.log_writer import LogWriter
from unbroken.store.migrations import install

if TYPE_CHECKING:
    from unbroken.capture.trail import Trail
    from unbroken.privacy.redaction.ner import NerEngine

DEFAULT_LOG: Final = "local/agents"
WRITER: Final = "recorder"
VERIFIER: Final = "verifier"
READER: Final = "reader"
DPO: Final = "dpo"
NOTARY: Final = "notary"
LEGAL: Final = "legal"
RETENTION: Final = "retention"
VAULT_KEYS: Final = "vault.keys"
"""The file of key-encryption keys in an embedded folder."""
_KEY_FILE: Final = "log.key"


def open(  # noqa: A001 - the package's front door
    folder: Path | str, *, log: str = DEFAULT_LOG, ner: "NerEngine | None" = None
) -> "Trail":
    """A trail into the log named ``log`` of the embedded PostgreSQL in ``folder``; what is not there is made.

    ``ner`` recognises names in running text, which no pattern can; what it finds is masked too. Several processes may
    open one folder. Closing the trail leaves it; the last one to leave stops the server.
    """
    server = embedded.enter(folder)
    try:
        prepare_embedded(server, log)
        conninfo = server.conninfo(WRITER)
        embedded_key(server.folder)
        key, *retired = embedded_keys(server.folder)
        ledger = Ledger(partial(_writer, conninfo, log), key=key, retired=retired)
        return _trail(ledger, ner=ner, on_close=server.leave)
    except BaseException:
        server.leave()
        raise


def connect(
    conninfo: Conninfo,
    *,
    log: str,
    key: LogKey | Path | str | None = None,
    on_failure: Literal["block", "spool"] = "block",
    spool: Path | str | None = None,
    spool_limit_bytes: int = SPOOL_LIMIT_BYTES,
    deadline_s: float = DEADLINE_S,
    early_release: bool = False,
    keep_sent: Path | str | None = None,
    ner: "NerEngine | None" = None,
) -> "Trail":
    """A trail into the log named ``log`` of a PostgreSQL that is set up, as the writer login in ``conninfo``.

    ``conninfo`` may be a function, asked at each connection, where passwords change. ``key`` is the log's key, or the
    file that holds it: for pseudonyms of people, placeholders, and hashes of prompts and arguments. Without one the
    registry has to say that callers pass opaque ids, those hashes are not recorded, and nothing can be approved.
    Recording waits ``deadline_s`` seconds at most. In an outage ``block`` makes it fail, and so stops the agent;
    ``spool`` goes on durably in the folder ``spool``, and the log says so later. ``early_release`` gives up the log's
    lock before the storage has flushed, and hands out receipts after it has: for slow storage that many processes
    write to. What was recorded is kept in memory until a checkpoint covers it, to be offered again should the log lose
    it; in the folder ``keep_sent`` it outlives the process. ``ner`` is as for :func:`open`.
    """
    place = _spool_place(on_failure, spool, log=log, limit_bytes=spool_limit_bytes)
    keys = load_keys(Path(key)) if isinstance(key, str | Path) else [key] if key is not None else []
    ledger = open_ledger(
        conninfo,
        log=log,
        key=keys[0] if keys else None,
        retired=keys[1:],
        deadline_s=deadline_s,
        early_release=early_release,
        spool=place,
        keep_sent=keep_sent,
    )
    return _trail(ledger, spool=place, ner=ner)


def _trail(
    ledger: Ledger,
    *,
    ner: "NerEngine | None",
    spool: SpoolPlace | None = None,
    on_close: Callable[[], None] | None = None,
) -> "Trail":
    from unbroken.capture.trail import Trail

    try:
        return Trail(ledger, protection=protection_of(ledger, spool=spool, ner=ner), on_close=on_close)
    except BaseException:
        ledger.close()
        raise


def open_ledger(
    conninfo: Conninfo,
    *,
    log: str,
    key: LogKey | None = None,
    retired: Sequence[LogKey] = (),
    deadline_s: float = DEADLINE_S,
    early_release: bool = False,
    spool: SpoolPlace | None = None,
    keep_sent: Path | str | None = None,
) -> Ledger:
    """The same without the trail, for importers; ``retired`` are the log's keys before ``key``."""
    return Ledger(
        partial(_writer, conninfo, log),
        key=key,
        retired=retired,
        deadline_s=deadline_s,
        early=early_release,
        spool=spool,
        retain=LIMIT_BYTES if keep_sent is None else _kept_in(Path(keep_sent), log, spool),
    )


def _kept_in(folder: Path, log: str, spool: SpoolPlace | None) -> Callable[[str], Retained]:
    from unbroken.ledger.retained_files import InFolder

    if spool is not None and folder.absolute() == spool.folder.absolute():
        raise ConfigurationError("keep_sent needs a folder of its own, other than the spool's")
    prepared_folder(folder)
    return lambda recorder: InFolder(folder, recorder, log=log)


def protection_of(ledger: Ledger, *, spool: SpoolPlace | None = None, ner: "NerEngine | None" = None) -> Protection:
    """What every event passes that is recorded through ``ledger``: the log's registry, pseudonyms, redaction, sealing.

    Raises :class:`ConfigurationError` where people's names become pseudonyms and the ledger has no key to find them by.
    """
    from unbroken.privacy.current import CurrentRegistry, Unclassified
    from unbroken.privacy.identities import Identities
    from unbroken.privacy.protection import LogProtection
    from unbroken.privacy.vault.sealer import Sealer

    key = ledger.key
    protection = LogProtection(
        CurrentRegistry(ledger, copy=None if spool is None else spool.registry),
        key=key,
        identities=None
        if key is None
        else Identities(
            ledger.identify, key, ledger.log, remember=ledger.remember, incarnation=lambda: ledger.incarnation
        ),
        note=Unclassified(ledger),
        sealer=Sealer(
            ledger.vault_keys,
            keys=() if key is None else (key, *ledger.retired),
            log=ledger.log,
            marker=None if spool is None else spool.vault,
            incarnation=lambda: ledger.incarnation,
        ),
        ner=ner,
    )
    protection.check()
    return protection


def _spool_place(on_failure: str, folder: Path | str | None, *, log: str, limit_bytes: int) -> SpoolPlace | None:
    if on_failure not in ("block", "spool") or (on_failure == "spool") != (folder is not None):
        raise ConfigurationError('on_failure is "block", or "spool" with a folder for it')
    return None if folder is None else SpoolPlace(Path(folder), log, limit_bytes)


def _writer(conninfo: Conninfo, log: str, wait_s: float) -> LogWriter:
    return LogWriter(conninfo, log, wait_s=wait_s)


def prepare_embedded(server: embedded.EmbeddedServer, log: str) -> None:
    """Brings an embedded database to this release, with the log and its logins."""
    with connect_database(server.conninfo(embedded.SUPERUSER)) as connection:
        prepare(connection, log)
        add_embedded_logins(connection, log)


def add_embedded_logins(connection: Connection, log: str) -> None:
    """The logins that record into ``log``, verify, read, open its originals and sign; the socket needs no passwords.

    What they may do with a log that has access administrators is for those to say.
    """
    held = administration.duties_held(connection, log)
    administered = any(duty == "access" for _, duty in held)
    logins = ((WRITER, "writer"), (VERIFIER, "verifier"), (READER, "compliance"), (DPO, "dpo"), (NOTARY, "notary"))
    for login, duty in logins:
        administration.add_login(connection, login, duty=duty, password=None)
        if (login, duty) not in held and not administered:
            administration.install_grant(connection, log, login, duty=duty)


def add_login_when_needed(server: embedded.EmbeddedServer, login: str) -> None:
    """Makes a login that an embedded folder has only once somebody works with it: for legal holds, or for disposal.

    Whoever ended its duty for a log, or administers access to it, decides what it may do there.
    """
    if login not in (LEGAL, RETENTION):
        return
    with connect_database(server.conninfo(embedded.SUPERUSER)) as connection:
        lacking = administration.logs_never_granted_to(connection, login, duty=login)
        if lacking:
            administration.add_login(connection, login, duty=login, password=None)
        for log in lacking:
            if not any(duty == "access" for _, duty in administration.duties_held(connection, log)):
                administration.install_grant(connection, log, login, duty=login)


def prepare(connection: Connection, log: str) -> list[str]:
    """Installs or migrates the schema and makes the log; returns the migrations that were applied."""
    applied = install(connection)
    administration.create_log(connection, log)
    return applied


def embedded_key(folder: Path) -> LogKey:
    """The log key kept in an embedded folder, readable by its owner alone; made at first use."""
    return load_key(folder / _KEY_FILE, create=True)


def load_key(path: Path, *, create: bool = False) -> LogKey:
    """The key in the file ``path``; with ``create`` a new one is written where there is none."""
    if create and not path.exists():
        _create_key(path)
    return LogKey.from_text(_key_text(path))


def embedded_keys(folder: Path) -> list[LogKey]:
    """All log keys kept in an embedded folder, the one in use first; none where nothing was recorded yet."""
    path = folder / _KEY_FILE
    return load_keys(path) if path.exists() else []


def load_keys(path: Path) -> list[LogKey]:
    """All keys in the file ``path``: the one in use, then retired ones, the latest first."""
    return LogKey.all_from_text(_key_text(path))


def _key_text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the key file {path} can't be read") from error


def _create_key(path: Path) -> None:
    """Writes a new key file as a whole; of several processes at once the first one's stays."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(LogKey.generate().to_text())
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def open_reader(conninfo: str, *, log: str | None = None) -> LogReader:
    """A reader of one log; ``log`` may be left out where there is only one."""
    return LogReader(conninfo, log)

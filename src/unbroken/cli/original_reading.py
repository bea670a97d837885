"""Reads under which originals are opened: by a data protection officer, of entries that are there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import msgspec

from unbroken import wiring
from unbroken.cli.denials import takes
from unbroken.cli.printing import warn
from unbroken.cli.reading import Reading, open_read
from unbroken.cli.vault_store import DUTY, older_folder_told
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.errors import AccessDeniedError, ConfigurationError, UnavailableError, UnbrokenError
from unbroken.store.log_reader import LogReader
from unbroken.store.vault import VaultDoor

LASTING: Final = timedelta(hours=1)
"""How long somebody may take to read."""
LOT: Final = 20
"""Entries that are read at a time: each may hold megabytes."""


@contextmanager
def open_dpo_read(
    store: str, log: str | None, scope: Mapping[str, str], *, purpose: str | None, case: str | None
) -> Iterator[Reading]:
    """A read by a login with the duty dpo, in a folder its own; raises :class:`AccessDeniedError` for others."""
    with (
        older_folder_told(store),
        open_read(
            store, log, scope=scope, purpose=purpose, case=case, lasting=LASTING, duties=DUTY, login=wiring.DPO
        ) as reading,
    ):
        if reading.ticket.duty != DUTY:
            raise AccessDeniedError(
                f"the duty {reading.ticket.duty} opens no originals; that it was tried is recorded. {takes('It', DUTY)}"
            )
        yield reading


class Desk(VaultDoor):
    """The vault's door under one read; that an opening has ended is recorded over a new connection where it must be."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading.reader)
        self._conninfo = reading.conninfo

    def close_opening(self, opening: str, *, opened: int, failed: int, digest: str) -> int:
        """As the door does; where it can't be recorded, that is said and no number given."""
        try:
            try:
                return super().close_opening(opening, opened=opened, failed=failed, digest=digest)
            except UnavailableError:
                # Whoever is interrupted in the middle of an answer loses the connection.
                with LogReader(self._conninfo, self.log, writes=True) as reader:
                    return VaultDoor(reader).close_opening(opening, opened=opened, failed=failed, digest=digest)
        except UnbrokenError as error:
            warn(f"what came of this opening could not be recorded, so it stands as not completed: {error}")
            return 0


def of_session(reading: Reading, session: str) -> dict[int, bool]:
    """The numbers of a session's entries, and whether each commits to an original, by the database's word."""
    found = {entry.seq: _commits(entry) for lot in reading.reader.entries(session=session) for entry in lot}
    if not found:
        raise ConfigurationError(
            f"there is no session {session!r} in {reading.reader.log}: `unbroken sessions` lists them"
        )
    return found


def of_numbers(reading: Reading, seqs: Sequence[int]) -> dict[int, bool]:
    """The same for entries by their numbers; raises :class:`ConfigurationError` for one that is not there."""
    found: dict[int, bool] = {}
    for start in range(0, len(seqs), LOT):
        found |= {entry.seq: _commits(entry) for entry in reading.reader.entries_at(seqs[start : start + LOT])}
    missing = [seq for seq in seqs if seq not in found]
    if missing:
        raise ConfigurationError(f"there is no entry {missing[0]:,} in {reading.reader.log}")
    return found


def _commits(entry: StoredEntry) -> bool:
    try:
        return decode_event(entry.event).original is not None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False

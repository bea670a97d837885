"""What a recorder gets back, and how it checks that the database hashed what it was given."""

from typing import TypeAlias

import msgspec

from unbroken.core.entry import hash_of, line_of


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """The envelope of one recorded event; hashes are hex, ``recorded_at`` is the database's clock as in the line."""

    id: str
    log: str
    seq: int
    session_seq: int | None
    recorded_at: str
    prev_hash: str
    hash: str
    writer: str

    def covers(self, event: bytes) -> bool:
        """Whether the line made of this receipt and the event's text has the stated hash."""
        line = line_of(
            event,
            log=self.log,
            prev_hash=self.prev_hash,
            principal=None,
            recorded_at=self.recorded_at,
            seq=self.seq,
            session_seq=self.session_seq,
            writer=self.writer,
        )
        return hash_of(line).hex() == self.hash


class Spooled(msgspec.Struct, frozen=True, gc=False):
    """An event that is on this machine's disk, because the log could not be reached; it goes to the log later."""

    id: str


Kept: TypeAlias = Receipt | Spooled

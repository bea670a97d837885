"""Entries: an event in the envelope of facts that only the log may state, as one line with one hash."""

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final

import msgspec

from unbroken.core.commitment import PARTS
from unbroken.core.normalise import MAX_INTEGER

GENESIS: Final = "0" * 64
"""``prev_hash`` of a log's first entry."""
VERSION: Final = 1
SEGMENT: Final = 1 << 20
"""Entries of one partition, which is one archive segment and one whole Merkle subtree."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a payload as it is held: its salt and the bytes that were committed to."""

    salt: bytes
    value: bytes


_HEAD = re.compile(r"(0|[1-9][0-9]{0,15}):([0-9a-f]{64})")

COLUMNS: Final = (
    "actor_id",
    "agent_id",
    "contains",
    "event_type",
    "id",
    "outcome",
    "resource_id",
    "resource_type",
    "session_id",
    "side_effect",
    "subjects",
    "tool",
)
"""The event's keys that a database also keeps as columns, to find entries by.

``outcome`` is the decision's; ``contains`` follows from ``redactions`` and is compared as one text, ``subjects`` as
JSON.
"""


class StoredEntry(msgspec.Struct, gc=False):
    """An entry as some store gives it back; nothing in it is believed.

    Texts are as they stand in the line. ``has_original`` tells whether a sealed original is kept; ``columns`` holds
    what a database says under :data:`COLUMNS`, and ``retention_class`` which of its classes of entries it says this is
    of, if any. All are ``None`` where there is no database.
    """

    log: str
    seq: int
    session_seq: int | None
    recorded_at: str
    writer: str
    principal: str | None
    prev_hash: bytes
    hash: bytes
    event: bytes
    inputs: bytes | None = None
    inputs_salt: bytes | None = None
    outputs: bytes | None = None
    outputs_salt: bytes | None = None
    details: bytes | None = None
    details_salt: bytes | None = None
    has_original: bool | None = None
    columns: tuple[object, ...] | None = None
    retention_class: int | None = None

    @property
    def line(self) -> bytes:
        """The entry's canonical line."""
        return line_of(
            self.event,
            log=self.log,
            prev_hash=self.prev_hash.hex(),
            principal=self.principal,
            recorded_at=self.recorded_at,
            seq=self.seq,
            session_seq=self.session_seq,
            writer=self.writer,
        )

    @property
    def parts(self) -> dict[str, Part]:
        """The parts of the payload that are held, by name."""
        return {
            name: Part(getattr(self, f"{name}_salt") or b"", value)
            for name in PARTS
            if (value := getattr(self, name)) is not None
        }


def _quoted(text: str) -> bytes:
    """A JSON text. Lone surrogates stand for bytes that are no UTF-8, and are printed as those: no line holds them."""
    try:
        return msgspec.json.encode(text)
    except UnicodeEncodeError:
        return b'"%b"' % text.encode("utf-8", "surrogateescape")


def line_of(
    event: bytes,
    *,
    log: str,
    prev_hash: str,
    principal: str | None,
    recorded_at: str,
    seq: int,
    session_seq: int | None,
    writer: str,
) -> bytes:
    """An entry's canonical line (RFC 8785) in UTF-8; ``event`` is the event's canonical text, ``prev_hash`` hex."""
    before, between, after = _frame(log, principal, recorded_at, writer)
    in_session = b"" if session_seq is None else b',"session_seq":%d' % session_seq
    return b'{"event":%b%b%b%b%d%b%b' % (event, before, prev_hash.encode(), between, seq, in_session, after)


@lru_cache(maxsize=4096)
def _frame(log: str, principal: str | None, recorded_at: str, writer: str) -> tuple[bytes, bytes, bytes]:
    """What the lines of a batch have in common: before the previous hash, before the number, and the end."""
    on_behalf = b"" if principal is None else b',"principal":' + _quoted(principal)
    return (
        b',"log":%b,"prev_hash":"' % _quoted(log),
        b'"%b,"recorded_at":"%b","seq":' % (on_behalf, recorded_at.encode()),
        b',"v":1,"writer":%b}' % _quoted(writer),
    )


def hash_of(line: bytes) -> bytes:
    """``SHA-256(0x00 ‖ line)``: the chain's link and, at once, the RFC 6962 leaf hash."""
    return sha256(b"\x00" + line).digest()


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a log: its size and the hash of its last entry. Written ``seq:hash``."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """The head that ``text`` states; raises ``ValueError`` for anything but ``seq:hash``."""
        match = _HEAD.fullmatch(text)
        if match is None or int(match[1]) > MAX_INTEGER or (match[1] == "0") != (match[2] == GENESIS):
            raise ValueError(
                "a head is written SEQ:HASH, a number and 64 lower-case hex digits; an empty log's is 0:00…0"
            )
        return cls(int(match[1]), match[2])

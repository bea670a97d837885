"""A bundle's manifest: what it is about, who exported it and why, and what its files have to be."""

from itertools import pairwise
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from unbroken.core import note
from unbroken.core.canonical import canonical
from unbroken.core.event import Text
from unbroken.core.normalise import MAX_INTEGER, is_holdable
from unbroken.core.times import is_time
from unbroken.verify.bundle.selection import Selection
from unbroken.verify.numbers import Run

MAX_MANIFEST_BYTES: Final = 64 << 20
"""Entries scattered over a log take some 20 bytes each."""
LISTED: Final = ("entries.jsonl", "entries.csv", "LIMITS.md", "verify.py", "verify.html")
"""The files that a manifest lists, in the order in which they are written."""
TITLE: Final = "unbroken evidence v1"

Hex64 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Number = Annotated[int, Meta(ge=1, le=MAX_INTEGER)]
Count = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
Part = Literal["inputs", "outputs", "details"]
Uuid = Annotated[str, Meta(pattern=r"\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")]


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a listed file has to be."""

    bytes: Count
    sha256: Hex64


class Exported(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who exported it, when by the exporting machine's clock, under which duty and ticket, and what for."""

    at: str
    by: Text
    duty: Text
    purpose: Text
    ticket: Uuid
    case: Text | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The manifest; ``selected`` are runs of the entries that the selection is of, ``entries`` counts all there are.

    :func:`manifest_of` reads one, and :attr:`text` prints it in its only spelling.
    """

    entries: Number
    exported: Exported
    files: dict[str, File]
    log: Annotated[str, Meta(pattern=r"\A[^~\x00-\x1f]+~[1-9][0-9]*\Z")]
    selected: Annotated[list[tuple[Number, Number]], Meta(min_length=1)]
    selection: dict[str, str | list[str]]
    software: Text
    v: Literal[1] = 1
    with_range: bool
    withheld: dict[Part, Number]

    @property
    def text(self) -> bytes:
        """RFC 8785, one line."""
        # By way of plain JSON, as values that it has no types for are not for the canonical printer.
        return canonical(msgspec.json.decode(msgspec.json.encode(self))) + b"\n"

    @property
    def chosen(self) -> Selection:
        """The selection, read; raises ``ValueError`` as :meth:`Selection.read`."""
        return Selection.read(self.selection)

    @property
    def range(self) -> Run:
        """The first and the last selected entry."""
        return self.selected[0][0], self.selected[-1][1]


def manifest_of(raw: bytes) -> Manifest:
    """The manifest that ``raw`` is; raises ``ValueError`` for anything but the one spelling of one."""
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ValueError("no manifest of version 1") from error
    if manifest.text != raw:
        raise ValueError("a manifest in another spelling than its one")
    said = manifest.exported
    if not is_time(said.at):
        raise ValueError("a manifest that states no time")
    if not all(map(is_holdable, (manifest.software, said.by, said.duty, said.purpose, said.case or ""))):
        raise ValueError("a text with NUL in it")
    if set(manifest.files) != set(LISTED):
        raise ValueError("a manifest that lists other files than a bundle has")
    Selection.read(manifest.selection)
    if not all(first <= last for first, last in manifest.selected):
        raise ValueError("selected entries that run backwards")
    if not all(before[1] + 1 < after[0] for before, after in pairwise(manifest.selected)):
        raise ValueError("selected entries out of order, or in more runs than they are")
    return manifest


def statement_of(log: str, sha256: str) -> str:
    """The text that the exporter's key signs."""
    return f"{TITLE}\n{log}\n{sha256}\n"


def key_named(login: str) -> str:
    """The name of an exporter's key: the login with every byte that a note's name might not hold percent-encoded."""
    plain = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    return "".join(chr(byte) if byte in plain else f"%{byte:02X}" for byte in login.encode())


def signed(manifest: Manifest, key: note.SigningKey, *, sha256: str) -> str:
    """``manifest.note``."""
    return note.signed(statement_of(manifest.log, sha256), key)

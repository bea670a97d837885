"""What all orders and certificates have in common: a title, and one object as JSON in its only spelling.

The title says what it is and in which version, so that nothing else that a key signs can be taken for one. The JSON
has its keys in ascending order, is indented by one blank, and is ASCII: a person can read it in any editor, and a
parser that writes it anew gets the same bytes.
"""

import hashlib
import json
from datetime import datetime
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from unbroken.core.times import format_time
from unbroken.errors import NoteError

Time = Annotated[str, Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z\Z")]
Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Uuid = Annotated[str, Meta(pattern=r"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]
KeyId = Annotated[str, Meta(pattern=r"\Av-[0-9a-f]{32}\Z")]
HeadText = Annotated[str, Meta(pattern=r"\A(0|[1-9][0-9]{0,15}):[0-9a-f]{64}\Z")]
Count = Annotated[int, Meta(ge=0)]
Number = Annotated[int, Meta(ge=1)]
Words = Annotated[str, Meta(min_length=1)]

NO_LINE: Final = "0" * 64
"""What the first line of a ledger names as the one before it."""


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a title and an object say."""


class Act(Document, frozen=True):
    """Who did something and when (the database's clock), and the log's entry that says so."""

    at: Time
    by: Words
    entry: Number


class Place(Document, frozen=True):
    """Where in a ledger a note stands: its line's number, and the SHA-256 of the line before it.

    Signed with the note, so that no line can be taken out of a ledger and the rest be numbered anew.
    """

    n: Number
    prev: Digest


D = TypeVar("D", bound=Document)


def text_of(title: str, document: Document) -> str:
    """The text that is signed."""
    return spelt(title, msgspec.to_builtins(document))


def spelt(title: str, value: object) -> str:
    """A title and what JSON has as ``value``, in the only spelling."""
    return f"{title}\n{json.dumps(value, sort_keys=True, indent=1, ensure_ascii=True)}\n"


def read(text: str, title: str, kind: type[D]) -> D:
    """What a text says; raises :class:`NoteError` where it is no such document, or spelt in another way."""
    first, _, content = text.partition("\n")
    if first != title:
        raise NoteError(f"this is no document of the kind {title!r}")
    try:
        document = msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, RecursionError):
        # Without the cause: it may quote what stands there.
        raise NoteError(f"a document says that it is an {title!r} and does not have its form") from None
    if text_of(title, document) != text:
        raise NoteError(f"a document of the kind {title!r} is not spelt as its only spelling is")
    return document


def digest_of(note: str) -> str:
    """The SHA-256, in hex, of a signed note in UTF-8: what stands for it in the log."""
    return hashlib.sha256(note.encode()).hexdigest()


def time_of(moment: datetime) -> str:
    """A time as documents have it."""
    return format_time(moment)

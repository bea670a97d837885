"""Signed documents as a ledger holds them, believed only where a trusted key signed them for their very line."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from unbroken.core.note import VerifierKey, verified
from unbroken.destruction.document import Place, digest_of, spelt
from unbroken.destruction.ledger import Kept
from unbroken.destruction.titles import TITLES
from unbroken.errors import NoteError


@dataclass(frozen=True, slots=True)
class Signed:
    """A note that a trusted key signed: what it is, its text, and where in a ledger it says that it stands.

    ``digest`` is the note's SHA-256 in hex.
    """

    title: str
    text: str
    place: Place
    note: str
    digest: str


class _Placed(msgspec.Struct, frozen=True):
    line: Place


def signed_document(note: str, trusted: Sequence[VerifierKey]) -> Signed:
    """The document that a note is; raises :class:`NoteError` for one of no known kind, or signed by nobody trusted."""
    text, _ = verified(note, trusted)
    title, _, content = text.partition("\n")
    if title not in TITLES:
        raise NoteError(
            "a signed note is neither an order to erase nor a certificate of erasure or disposal: a newer release may "
            "know it"
        )
    return Signed(title, text, _place_in(title, content), note, digest_of(note))


def signed_documents(notes: Iterable[Kept], trusted: Sequence[VerifierKey]) -> list[Signed]:
    """What these notes are; raises :class:`NoteError` for the first one that is not signed, or not for its line."""
    return [_signed_for_its_line(each, trusted) for each in notes]


def _signed_for_its_line(kept: Kept, trusted: Sequence[VerifierKey]) -> Signed:
    try:
        signed = signed_document(kept.note, trusted)
    except NoteError as error:
        raise not_relied_on(kept.place.n, error) from error
    if signed.place != kept.place:
        raise NoteError(
            f"line {kept.place.n} of the destruction ledger was signed for line {signed.place.n} of another row of "
            "lines: lines were taken out, or put in"
        )
    return signed


def not_relied_on(line: int, because: NoteError) -> NoteError:
    """The error of a line of a ledger that can't be read as what it says that it is."""
    return NoteError(f"line {line} of the destruction ledger is not to be relied on: {because}")


def _place_in(title: str, content: str) -> Place:
    """Where any kind of document says that it stands; whoever knows its kind reads the rest of it."""
    try:
        value = json.loads(content)
        place = msgspec.convert(value, _Placed).line
    except (ValueError, RecursionError, msgspec.ValidationError):
        # Without the cause: it may quote what stands there.
        raise NoteError(f"a document says that it is an {title!r} and does not have its form") from None
    if spelt(title, value) != f"{title}\n{content}":
        raise NoteError(f"a document of the kind {title!r} is not spelt as its only spelling is")
    return place

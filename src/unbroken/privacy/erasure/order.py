"""The order to erase: what will be destroyed, on whose word. Signed and in the ledger before anything is touched.

It names the person by what the log's lines call them, so that the erasure can be carried out again after a restore.
"""

from typing import Annotated

from msgspec import Meta

from unbroken.destruction.document import (
    Act,
    Count,
    Document,
    HeadText,
    KeyId,
    Place,
    Time,
    Uuid,
    Words,
    read,
    text_of,
)
from unbroken.destruction.titles import ERASURE_ORDER

Pseudonym = Annotated[str, Meta(pattern=r"\Ap-[0-9a-f]{32}\Z")]


class Counts(Document, frozen=True):
    """How many of each kind."""

    keys: Count
    names: Count
    originals: Count
    payloads: Count


class Ordered(Document, frozen=True):
    """Who ordered it and when, by the database's clock."""

    at: Time
    by: Words


class Order(Document, frozen=True):
    """What will be destroyed; ``log`` is the log's full name, ``head`` its end at that time.

    ``subjects`` are pseudonyms, or opaque ids where callers pass those; ``names`` the pseudonyms whose name is
    destroyed, ``keys`` the vault keys. Concerned are the entries recorded up to ``upto_at``. A law asks to keep what
    ``floored`` of them hold, and ``despite_floors`` tells that both people knew that it might; ``held`` are kept by a
    legal hold, which is none of them where an order is given.
    """

    backups_kept_days: Count
    case: Words
    confirmed: Act
    counts: Counts
    despite_floors: bool
    erasure: Uuid
    floored: Count
    head: HeadText
    held: Count
    keys: list[KeyId]
    line: Place
    log: Words
    methods: dict[str, Words]
    names: list[Pseudonym]
    ordered: Ordered
    requested: Act
    subjects: list[Words]
    upto_at: Time
    with_acted: bool

    @property
    def text(self) -> str:
        """What is signed."""
        return text_of(ERASURE_ORDER, self)


def order_from(text: str) -> Order:
    """The order that a note's text is; raises :class:`NoteError` for any other text."""
    return read(text, ERASURE_ORDER, Order)

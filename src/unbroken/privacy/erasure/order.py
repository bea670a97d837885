"""The order to erase: what will be destroyed, on whose word. Signed and in the ledger before anything is touched.

It names the person by what the log's lines call them, so that the erasure can be carried out again after a restore.
"""

from typing import Final

from unbroken.privacy.erasure.document import (
    Act,
    Count,
    Counts,
    Document,
    ErasureId,
    HeadText,
    KeyId,
    Place,
    Pseudonym,
    Time,
    Words,
    read,
    text_of,
)

TITLE: Final = "unbroken erasure order v1"


class Ordered(Document, frozen=True):
    """Who ordered it and when, by the database's clock."""

    at: Time
    by: Words


class Order(Document, frozen=True):
    """What will be destroyed; ``log`` is the log's full name, ``head`` its end at that time.

    ``subjects`` are pseudonyms, or opaque ids where callers pass those; ``names`` the pseudonyms whose name is
    destroyed, ``keys`` the vault keys. Concerned are the entries recorded up to ``upto_at``.
    """

    backups_kept_days: Count
    case: Words
    confirmed: Act
    counts: Counts
    erasure: ErasureId
    head: HeadText
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
        return text_of(TITLE, self)


def order_from(text: str) -> Order:
    """The order that a note's text is; raises :class:`NoteError` for any other text."""
    return read(text, TITLE, Order)


def is_order(text: str) -> bool:
    """Whether a note's text says that it is an order."""
    return text.startswith(f"{TITLE}\n")

"""The certificate of an erasure: what was destroyed, how, on whose word, that nothing of it is left, and what stays.

It names nobody: pseudonyms whose names are destroyed, and of opaque ids how many there were. Which they were stands in
the order, whose SHA-256 it states.
"""

from typing import Literal

from unbroken.destruction.document import (
    Act,
    Count,
    Digest,
    Document,
    HeadText,
    KeyId,
    Number,
    Place,
    Time,
    Uuid,
    Words,
    read,
    text_of,
)
from unbroken.destruction.titles import ERASURE_CERTIFICATE
from unbroken.privacy.erasure.order import Counts, Pseudonym

Basis = Literal["two people", "ledger"]


class Finished(Document, frozen=True):
    """Who carried it out to its end, and when, by the database's clock."""

    at: Time
    by: Words


class Left(Document, frozen=True):
    """What there was when the log was asked once more: of what was ordered, and what was recorded since ``upto_at``.

    ``held`` are entries of what was ordered that a legal hold keeps. A certificate is made only where everything but
    ``recorded_since`` is 0.
    """

    checked_at: Time
    held: Count
    keys: Count
    names: Count
    originals: Count
    payloads: Count
    recorded_since: Count


class Certificate(Document, frozen=True):
    """What was destroyed.

    ``basis`` is ``ledger`` where a restore had brought it back and it was destroyed again; ``requested`` and
    ``confirmed`` then speak of entries that the restore may have lost. ``entries`` are the log's ``log.erased`` entries
    up to ``head``, which list all that is gone; ``floored`` and ``despite_floors`` are the order's. ``backups_expire``
    is until when backups may still hold it, ``None`` where there are none.
    """

    backups_expire: Time | None
    backups_kept_days: Count
    basis: Basis
    begun: Act
    case: Words
    confirmed: Act
    counts: Counts
    despite_floors: bool
    entries: list[Number]
    erasure: Uuid
    finished: Finished
    floored: Count
    head: HeadText
    kept: dict[str, Words]
    keys: list[KeyId]
    left: Left
    line: Place
    log: Words
    methods: dict[str, Words]
    names: list[Pseudonym]
    not_covered: dict[str, Words]
    order_sha256: Digest
    other_ids: Count
    pseudonyms: list[Pseudonym]
    requested: Act
    upto_at: Time
    with_acted: bool

    @property
    def text(self) -> str:
        """What is signed."""
        return text_of(ERASURE_CERTIFICATE, self)


def certificate_from(text: str) -> Certificate:
    """The certificate that a note's text is; raises :class:`NoteError` for any other text."""
    return read(text, ERASURE_CERTIFICATE, Certificate)

"""How long recorders stood still."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from tests.faults.journal import Note


def longest_stop(journals: Iterable[Sequence[Note]], *, since: float) -> float:
    """The longest time, in seconds, between two acknowledgements of one recorder, of which the later came after
    ``since``.
    """
    gaps = (
        later - earlier
        for notes in journals
        for earlier, later in pairwise(note.at for note in notes if note.what == "kept")
        if later >= since
    )
    return max(gaps, default=0.0)


def longest_call(notes: Sequence[Note]) -> float:
    """The longest time, in seconds, that one call took to tell its outcome."""
    sent = {note.call: note.at for note in notes if note.what == "sent"}
    return max((note.at - sent[note.call] for note in notes if note.what != "sent"), default=0.0)

"""What the log's own ``log.disposed`` entries say of a disposal."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from unbroken.destruction.told import Entry, details_in, numbers_in

EVENT_TYPE: Final = "log.disposed"


class _Details(msgspec.Struct, frozen=True):
    """As far as they count here; in the entry that ends a disposal they are numbers."""

    disposal: str
    payloads: str | int = ""
    originals: str | int = ""
    keys: list[str] | int = []
    kept: str | int = ""
    complete: bool = False


@dataclass(slots=True)
class Disposed:
    """What the entries of one disposal say: their numbers, and how much was destroyed or kept."""

    entries: list[int]
    payloads: int = 0
    originals: int = 0
    keys: int = 0
    kept: int = 0


def disposed_by(disposal: str, entries: Iterable[Entry]) -> Disposed:
    """What these entries say of one disposal; read one after the other, and none is kept.

    Raises :class:`UnbrokenError` for an entry of the log's own that does not say what its line commits to.
    """
    told = Disposed([])
    for entry in entries:
        said = details_in(entry, EVENT_TYPE, _Details)
        if said is None or said.disposal != disposal or said.complete:
            continue
        told.entries.append(entry.seq)
        told.payloads += numbers_in(said.payloads)
        told.originals += numbers_in(said.originals)
        told.keys += said.keys if isinstance(said.keys, int) else len(said.keys)
        told.kept += numbers_in(said.kept)
    return told

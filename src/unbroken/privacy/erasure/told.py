"""What the log's own ``log.erased`` entries say of an erasure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from unbroken.destruction.told import details_in, numbers_in
from unbroken.store.erasures import Told

EVENT_TYPE: Final = "log.erased"


class _Details(msgspec.Struct, frozen=True):
    """As far as they count here; in the entry that ends an erasure, payloads and originals are numbers."""

    erasure: str
    keys: list[str] | int = []
    pseudonyms: list[str] = []
    payloads: str | int = ""
    originals: str | int = ""
    complete: bool = False
    certificate: str | None = None
    order: str | None = None


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What the entries of one erasure say was destroyed: entries, vault keys, names by pseudonym, and how many rows.

    ``order`` and ``certificate`` are the digests that the entries at its begin and its end name, where there are such.
    """

    entries: tuple[int, ...] = ()
    keys: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    payloads: int = 0
    originals: int = 0
    order: str | None = None
    certificate: str | None = None


def destroyed_by(erasure: str, entries: Iterable[Told]) -> Destroyed:
    """What these entries say of one erasure.

    Raises :class:`UnbrokenError` for an entry of the log's own that does not say what its line commits to.
    """
    told = Destroyed()
    for entry in entries:
        said = details_in(entry, EVENT_TYPE, _Details)
        if said is None or said.erasure != erasure:
            continue
        told = replace(told, certificate=said.certificate) if said.complete else _gone(told, said, entry.seq)
    return told


def _gone(told: Destroyed, said: _Details, seq: int) -> Destroyed:
    return replace(
        told,
        entries=(*told.entries, seq),
        keys=told.keys | set(said.keys if isinstance(said.keys, list) else ()),
        names=told.names | set(said.pseudonyms),
        payloads=told.payloads + numbers_in(said.payloads),
        originals=told.originals + numbers_in(said.originals),
        order=said.order or told.order,
    )

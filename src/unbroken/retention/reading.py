"""What a log says of retention, as what the rest of this package works with."""

from collections.abc import Iterator
from typing import Protocol

from unbroken.errors import ConfigurationError
from unbroken.retention.due import Told
from unbroken.retention.facts import Facts
from unbroken.retention.policy import Part
from unbroken.retention.policy_set import PolicySet, set_from
from unbroken.retention.reckoning import Kind, Reckoning, Stock
from unbroken.store.retention import ClassCount, EntryRetention, PolicyVersion, Retention, RetentionClass


class Progress(Protocol):
    """Told how far counting has come."""

    def __call__(self, done: int, of: int) -> None:
        """Numbers of entries: counted so far, and all there are."""


def in_force(door: Retention) -> PolicyVersion | None:
    """The version that counts; ``None`` before the first was confirmed."""
    return next((each for each in door.policy_versions() if each.state == "in force"), None)


def rules_of(version: PolicyVersion) -> PolicySet:
    """The policies of a version; raises :class:`ConfigurationError` for one that this release can't read."""
    try:
        return set_from(version.text)
    except ConfigurationError as error:
        raise ConfigurationError(f"version {version.version} of the policies: {error}") from error


def told_in(door: Retention) -> Told:
    """The start events that were told."""
    return {(each.kind, each.item): each.at for each in door.start_events()}


def reckoned(door: Retention) -> Reckoning:
    """What the policies in force say; before there are any, nothing."""
    version = in_force(door)
    return Reckoning(None if version is None else rules_of(version), told_in(door))


def stocks_of(door: Retention, *, progress: Progress | None = None) -> Iterator[Stock]:
    """What there is in the log, some thousand entries at a time; ``progress`` is told after each."""
    kinds: dict[int, Kind] = {}
    for page in door.counts():
        missing = {each.class_number for each in page.counts} - kinds.keys()
        if missing:
            kinds |= {each.number: kind_of(each) for each in door.classes(sorted(missing))}
        yield from (_stock(each, kinds[each.class_number]) for each in page.counts)
        if progress is not None:
            progress(page.upto, page.head)


def kind_of(found: RetentionClass) -> Kind:
    """What the entries of a class go by."""
    return Kind(found.event_type, tuple(found.domains), None if found.scope is None else tuple(found.scope))


def _stock(count: ClassCount, kind: Kind) -> Stock:
    if count.domains is not None:
        kind = Kind(kind.event_type, tuple(count.domains), kind.scope)
    return Stock(
        kind, count.recorded_at, count.entries, count.payloads, count.originals, count.held, extended=count.extended
    )


def part_of(row: EntryRetention) -> Part | None:
    """The part that the database speaks of there; ``None`` where it is both."""
    return None if row.part == "both" else row.part


def facts_of(row: EntryRetention, *, log: str) -> Facts:
    """One entry as it is explained."""
    kind = None
    if row.class_number is not None:
        kind = Kind(row.event_type, tuple(row.domains or ()), None if row.scope is None else tuple(row.scope))
    known = row.matters is not None and row.holds is not None
    return Facts(
        log=log,
        seq=row.seq,
        recorded_at=row.recorded_at,
        event_type=row.event_type,
        is_own=row.is_own,
        kind=kind,
        recorded_domains=tuple(row.class_domains or ()),
        extended=row.extended,
        payload=row.payload,
        original=row.original,
        gone=None if row.gone_seq is None else (row.gone_seq, row.gone_type or ""),
        held=row.held,
        matters=tuple(zip(row.matters or (), row.holds or (), strict=True)) if known else None,
        version=row.version,
        now=row.now,
    )

"""Anchoring as figures for a monitor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from unbroken.anchors.lateness import Lateness
from unbroken.anchors.publishing import Round


@dataclass(frozen=True, slots=True)
class Sample:
    """One gauge's value, as Prometheus has them."""

    name: str
    help: str
    labels: Mapping[str, str]
    value: float


def of(published: Round, late: Lateness, *, is_contradicted: bool, unstored: int) -> tuple[Sample, ...]:
    """The figures of one round. Ages that are not known are left out: alarms go by ``unbroken_anchoring_late``."""
    return (*_of_all(published, late, is_contradicted=is_contradicted, unstored=unstored), *_of_each(published, late))


def of_failure(log: str) -> tuple[Sample, ...]:
    """In place of the figures of a round that could not take place: older ones would look as if all were well."""
    return (_failed(log, is_so=True),)


def _failed(log: str, *, is_so: bool) -> Sample:
    return Sample("unbroken_anchoring_round_failed", "1 if a round could not take place at all", {"log": log}, is_so)


def _of_all(published: Round, late: Lateness, *, is_contradicted: bool, unstored: int) -> Iterator[Sample]:
    log = {"log": published.checkpoint.origin}
    yield _failed(log["log"], is_so=False)
    yield Sample("unbroken_anchoring_late", "1 if a quorum had nothing newer for too long", log, late.is_late)
    yield Sample("unbroken_anchoring_contradicted", "1 if an anchor contradicts the log", log, is_contradicted)
    yield Sample("unbroken_anchoring_size", "Entries that a quorum of anchors covers", log, late.size)
    yield Sample("unbroken_anchoring_receipts_waiting", "Receipts that the database did not take yet", log, unstored)
    if late.age is not None:
        yield Sample("unbroken_anchoring_age_seconds", "Since a quorum had a checkpoint", log, late.age.total_seconds())


def _of_each(published: Round, late: Lateness) -> Iterator[Sample]:
    for each in late.anchors:
        labels = {"log": published.checkpoint.origin, "anchor": each.anchor}
        failures = published.standings[each.anchor].failures
        yield Sample("unbroken_anchor_size", "Entries that the anchor covers", labels, each.size)
        yield Sample("unbroken_anchor_failures", "Attempts since it last took a checkpoint", labels, failures)
        if each.age is not None:
            yield Sample("unbroken_anchor_age_seconds", "Since it had a checkpoint", labels, each.age.total_seconds())

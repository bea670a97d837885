"""Fetching checkpoints: anchors that hang or break off, and receipts of which several are for one size."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from tests.anchors.logs import TRUSTED, Log
from unbroken.anchors.anchor import Anchored, Oddity, Receipt
from unbroken.cli import outside_checkpoints
from unbroken.cli.outside_checkpoints import _Reading, _stored_receipts
from unbroken.core.tree.tile import MAX_SIZE
from unbroken.errors import UnavailableError
from unbroken.store.checkpoints import StoredReceipt

LOG = Log()


class Slow:
    """An anchor that gives what it holds one by one, and then does what it was told to."""

    name = "nas"

    def __init__(self, *given: Receipt | Oddity, then: Exception | threading.Event | None = None) -> None:
        self._given = given
        self._then = then

    def held(self) -> Iterator[Receipt | Oddity]:
        yield from self._given
        if isinstance(self._then, threading.Event):
            self._then.wait(30)
        elif self._then is not None:
            raise self._then

    def verify(self, receipt: Receipt) -> Anchored:
        return Anchored("nas", "directory", TRUSTED.opened(receipt.note), by="nas")


def reading(anchor: Slow, *, patience_s: float = 10) -> _Reading:
    made = _Reading(cast("Any", anchor))
    made.wait(patience_s=patience_s)
    return made


def receipt(size: int) -> Receipt:
    return Receipt("nas", "directory", LOG.note(size), b"")


def test_what_an_anchor_holds_is_read_to_its_end() -> None:
    odd = [Oddity("nas", "damaged", f"file {size}", size) for size in (9, 8)]
    done = reading(Slow(receipt(7), *odd, Oddity("nas", "foreign", "README"), receipt(5)))
    assert [each.note for each in done.held] == [LOG.note(7), LOG.note(5)]
    assert [(each.who, each.notes) for each in done.odd] == [("nas", 2)]
    assert done.odd[0].why == "damaged, though it claims to be a checkpoint: file 9"
    assert done.why_not == []


def test_an_anchor_that_hangs_is_left_and_what_it_gave_counts() -> None:
    never = threading.Event()
    done = reading(Slow(receipt(7), then=never), patience_s=0.2)
    assert [each.why for each in done.why_not] == ["it has not answered for 0.2 s"]
    assert len(done.held) == 1
    never.set()


def test_an_anchor_that_breaks_off_is_named_with_why() -> None:
    done = reading(Slow(receipt(7), then=UnavailableError("the mount is gone")))
    assert [(each.who, each.why) for each in done.why_not] == [("nas", "the mount is gone")]
    assert len(done.held) == 1


def test_what_is_no_expected_failure_is_raised_where_it_is_waited_for() -> None:
    with pytest.raises(KeyError):
        reading(Slow(then=KeyError("a mistake")))


class Table:
    """Receipts by size, as the database pages through them."""

    def __init__(self, *sizes: int) -> None:
        now = datetime.now(UTC)
        self.rows = [
            StoredReceipt("w1", "witness", size, b"", b"%d" % nth, None, now, "n") for nth, size in enumerate(sizes)
        ]

    def receipts(self, *, limit: int, anchor: str, most: int = MAX_SIZE) -> list[StoredReceipt]:
        assert anchor == "w1"
        ordered = sorted(self.rows, key=lambda each: each.size, reverse=True)
        return [each for each in ordered if each.size <= most][:limit]


@pytest.mark.parametrize("page", [1, 2, 3, 100])
def test_every_receipt_is_read_once_where_several_are_for_one_size(page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside_checkpoints, "PAGE", page)
    table = Table(9, 9, 8, 7, 7, 7, 5, 1)
    read = list(_stored_receipts("w1", cast("Any", table)))
    assert [each.size for each in read] == [9, 9, 8, 7, 7, 7, 5, 1]
    assert len({each.receipt for each in read}) == len(table.rows)

"""How much is measured: enough for figures to quote, or a quick look."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Plan:
    """Numbers of repetitions and sizes of what is built."""

    rounds: int
    warm_up: int
    verified_entries: int
    verifications: int
    disk_batches: int
    single_calls: int
    runs: int


FULL: Final = Plan(
    rounds=21, warm_up=6, verified_entries=1_000_000, verifications=3, disk_batches=30, single_calls=3_000, runs=5
)
QUICK: Final = Plan(
    rounds=9, warm_up=6, verified_entries=100_000, verifications=3, disk_batches=10, single_calls=500, runs=3
)
BATCH: Final = 1000
SIZES: Final = (1_200, 4_000, 10_000)
"""Bytes of an entry: the event's text and its payload."""


def size_name(size: int) -> str:
    """``1.2 KB`` for 1200."""
    return f"{size / 1000:g} KB"

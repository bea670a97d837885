"""Events for the tests of the spool, and what a spool says of itself, in a form that can be compared."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.plain import draft
from unbroken.core.event import decode_event, encode_event
from unbroken.core.ids import id_of
from unbroken.core.times import format_time
from unbroken.ledger.protection import Identity
from unbroken.ledger.sealed import Sealed
from unbroken.ledger.spool.spool import Spool

LOG: Final = "clinic.example/agents"
LIMIT: Final = 2**30
BEGAN: Final = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)

RECORDER: Final = id_of(b"the recorder")

Snapshot = tuple[tuple[str, ...], tuple[str, ...], tuple[Any, ...] | None]
NOTHING: Final[Snapshot] = ((), (), None)


def sealed(number: int, value: object = "hello", *, recorder: str = RECORDER) -> Sealed:
    """The recorder's event with this number; id, time, identities and original follow from that."""
    made = draft(
        "request",
        id=id_of(recorder.encode(), str(number).encode()),
        ts=BEGAN + timedelta(seconds=number),
        actor_id="u-1",
        actor_type="user",
        inputs=value,
        details=None,
    )
    event = msgspec.structs.replace(made.event, recorder=recorder, recorder_seq=number)
    return Sealed(event.id, encode_event(event), dict(made.parts), identities_of(number), original_of(number))


def identities_of(number: int) -> tuple[Identity, ...]:
    """Of the first three events there are none; later ones have up to two."""
    count = number % 3 if number > 3 else 0
    return tuple(
        Identity(f"p-{number:016x}{each:016x}", bytes([each]) * 32, bytes([1, number % 256]) * 20)
        for each in range(count)
    )


def original_of(number: int) -> bytes | None:
    """Of every second event from the fifth on there is one; some of those have identities, others none."""
    return b"UBO" + bytes([number % 256]) * 40 if number > 4 and number % 2 else None


def batch(*numbers: int, value: object = "hello") -> list[Sealed]:
    return [sealed(number, value) for number in numbers]


def opened(folder: Path, recorder: str = RECORDER, *, log: str = LOG, limit_bytes: int = LIMIT) -> Spool:
    return Spool(folder, recorder, log=log, limit_bytes=limit_bytes)


def put(spool: Spool, *numbers: int, value: object = "hello") -> None:
    spool.put([sealed(number, value, recorder=spool.recorder) for number in numbers], since=BEGAN)


def drained(spool: Spool) -> Iterator[list[Sealed]]:
    """Batch by batch what waits, each removed when the next is asked for."""
    while (first := spool.first(events=1)) is not None:
        yield first[1]
        spool.done(first[0])


def numbers_of(items: list[Sealed]) -> list[int]:
    return [decode_event(item.text).recorder_seq or 0 for item in items]


def snapshot(spool: Spool) -> Snapshot:
    """Which events wait, which were refused, and the gap, without its random id."""
    first = spool.first(events=10**9, size_bytes=2**60)
    waiting = () if first is None else tuple(item.id for item in first[1])
    refused = tuple(item.id for item in spool.refused())
    window = spool.window()
    gap = None if window is None else astuple(window)[1:]
    assert spool.count == len(waiting)
    for item in () if first is None else first[1]:
        assert item.identities == identities_of(*numbers_of([item]))
        assert item.original == original_of(*numbers_of([item]))
    return waiting, refused, gap


def time_of(number: int) -> str:
    return format_time(BEGAN + timedelta(seconds=number))


def together(*works: Callable[[], None]) -> None:
    """Runs each in a thread of its own; raises what one of them raised."""
    with ThreadPoolExecutor(len(works)) as pool:
        for running in [pool.submit(work) for work in works]:
            running.result()

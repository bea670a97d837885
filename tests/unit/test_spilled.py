"""A mapping that moves to a temporary file behaves as one that stays in memory."""

import random

import pytest

from unbroken.verify.sessions import SessionState, SessionStates
from unbroken.verify.spilled import Spilled


@pytest.mark.parametrize("max_held", [1, 3, 1000])
def test_it_is_a_mapping_whatever_its_size(max_held: int) -> None:
    random_ = random.Random(17)  # noqa: S311 - the same steps in every run
    kept: Spilled[str] = Spilled(str.encode, bytes.decode, max_held=max_held)
    known: dict[str, str] = {}
    for step in range(2000):
        key = f"k\x00{random_.randrange(40)}"
        match random_.randrange(4):
            case 0:
                assert kept.take(key) == known.pop(key, None)
            case 1:
                assert kept.get(key) == known.get(key)
            case 2 if step % 50 == 0:
                assert sorted(kept) == sorted(known)
            case _:
                kept.put(key, f"v{step}")
                known[key] = f"v{step}"
    assert {key: kept.get(key) for key in kept} == known


def test_sessions_keep_their_numbers() -> None:
    states = SessionStates(max_held=2)
    wanted = {f"s-{number}": SessionState(number, 0, 2**62 - number, 2**62) for number in range(7)}
    for session, state in wanted.items():
        states.put(session, state)
    assert {session: states.get(session) for session in states} == wanted

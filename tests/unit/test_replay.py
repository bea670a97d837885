"""What entries say of agents, in whichever lots they are read."""

import pickle
import random

import pytest

from unbroken.core.event import Event
from unbroken.verify.replay.act import Act, without_repetitions
from unbroken.verify.replay.model_call import ModelCall, model_call_of
from unbroken.verify.replay.recording import Agents
from unbroken.verify.replay.replay import Replay

CALL = {
    "actor_id": "a",
    "actor_type": "agent",
    "event_type": "model_call",
    "id": "01970000-0000-7000-8000-000000000001",
    "ts": "2026-03-01T09:00:00.000000Z",
}


def calls(random_: random.Random, number: int) -> list[ModelCall]:
    return [
        ModelCall(
            seq,
            random_.choice(["bot", "desk"]),
            random_.choice(["", "2"]),
            random_.choice(["", "triage", None]),
            random_.choice(["1", "2", None]),
            random_.choice(["m-1", "m-2", None]),
        )
        for seq in range(1, number + 1)
    ]


def rows(agents: Agents) -> dict[str, object]:
    return {key: agents.rows.get(key) for key in agents.rows}


@pytest.mark.parametrize("seed", range(20))
def test_what_is_left_out_of_a_lot_changes_nothing(seed: int) -> None:
    said = calls(random.Random(seed), 200)  # noqa: S311 - the same calls in every run
    whole, in_lots = Replay(), Replay()
    whole.hear(said, {})
    left = 0
    for first in range(0, 200, 30):
        lot: list[Act] = list(without_repetitions(said[first : first + 30]))
        left += len(lot)
        in_lots.hear(pickle.loads(pickle.dumps(lot)), {})  # noqa: S301 - as it comes from a worker
    assert rows(in_lots.agents) == rows(whole.agents)
    assert left < 200


@pytest.mark.parametrize("agent", [None, "bot"])
def test_a_call_whose_details_are_gone_names_no_template(agent: str | None) -> None:
    event = Event(**CALL, agent_id=agent, model="m-1", details="0" * 64)  # type: ignore[arg-type]
    call = model_call_of(1, event, None)
    assert call == (None if agent is None else ModelCall(1, "bot", "", None, None, "m-1"))


def test_a_recorder_belongs_to_whoever_used_it_first() -> None:
    replay = Replay()
    early, late = "2026-03-01T09:00:00.000000Z", "2026-03-09T09:00:00.000000Z"
    replay.hear([], {"r-1": (9, "late as unbroken_writer", late)})
    replay.hear([], {"r-1": (3, "early as unbroken_writer", early), "r-2": (4, "late", "no time")})
    row = replay.recorders.rows.get("r-1")
    assert row is not None
    assert (row.login, row.seq) == ("early", 3)
    assert list(replay.recorders.rows) == ["r-1"]

"""What it costs that the log follows prompts and models: calls that change nothing, against their results."""

from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from itertools import count
from typing import Any, Final

from plan import BATCH, Plan
from report import Result, figure
from servers import LOG, Database, Server, fresh_database
from timing import Contender, Sample, side_by_side, tell

from unbroken.core.event import encode_event
from unbroken.core.ids import new_id
from unbroken.ledger.draft import draft
from unbroken.ledger.protection import AS_GIVEN
from unbroken.store.log_writer import LogWriter

_SIZES: Final = (1, BATCH)
_WARM_UP: Final = 50
_TEMPLATE: Final = {"id": "triage", "version": 3}
_CONTENT: Final = "What is said to a model takes some room in most of its calls. " * 16


def measure(server: Server, plan: Plan) -> Result:
    """Microseconds for each event, alone and in batches."""
    rows: list[list[str]] = []
    figures: dict[str, Any] = {}
    for size in _SIZES:
        tell(f"{server.kind}: agents, {size} at once")
        with fresh_database(server, "agents") as database:
            samples = _compare(database, size, plan)
        rows += [_row(size, name, sample, samples) for name, sample in samples.items()]
        figures[str(size)] = {name: {"us_per_event": sample.median / size * 1e6} for name, sample in samples.items()}
    return Result(
        "agents",
        f"Following prompts and models, {server.kind}",
        ("events", "at once", "us per event", "more than a result"),
        rows,
        figures,
        notes=[
            "model_result: the same event, which is not followed.",
            "hash: a model_call that is compared by its prompt_hash. template: by the version that its details state.",
        ],
    )


def _row(size: int, name: str, sample: Sample, samples: Mapping[str, Sample]) -> list[str]:
    more = sample.median - samples["model_result"].median
    return [name, str(size), figure(sample.median / size * 1e6), f"{more / size * 1e6:.1f}"]


def _compare(database: Database, size: int, plan: Plan) -> dict[str, Sample]:
    recorder, numbers = new_id(), count(1)

    def events(event_type: str, template: object) -> Callable[[], object]:
        details = {"message_count": 1, "prompt_length": 1234} | ({"prompt_template": template} if template else {})
        drafts = [
            draft(
                event_type,
                protection=AS_GIVEN,
                actor_id="u-17",
                actor_type="user",
                agent_id="triage-agent",
                model="m-1",
                prompt_hash="k1:" + "ab" * 32,
                session_id="s-1",
                recorder=recorder,
                recorder_seq=next(numbers),
                inputs={"messages": [_CONTENT]},
                details=details,
            )
            for _ in range(size)
        ]
        return partial(
            writer.append, [encode_event(each.event) for each in drafts], [dict(each.parts) for each in drafts]
        )

    with closing(LogWriter(database.conninfo("writer"), LOG)) as writer:
        contenders: dict[str, Contender] = {
            "model_result": lambda: events("model_result", None),
            "model_call, hash": lambda: events("model_call", None),
            "model_call, template": lambda: events("model_call", _TEMPLATE),
        }
        rounds = plan.single_calls if size == 1 else plan.rounds
        return side_by_side(contenders, rounds=rounds, warm_up=_WARM_UP if size == 1 else plan.warm_up)

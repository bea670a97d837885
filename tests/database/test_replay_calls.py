"""What verification reads of a call of a model is what the database's functions read of it."""

import json
import random
from typing import Any

from tests.conftest import Database
from unbroken.core.event import Event
from unbroken.verify.replay.model_call import model_call_of

KEYED = "k1:" + "a" * 64
STATED: list[Any] = [
    *("triage v3", "triage@3", "triage-2025-01", "v3", "3", "v", "triage", "triage ", "", " ", "größe v2", "a" * 101),
    *(
        "a" * 100,
        "two\nlines 3",
        "line\u2028v2",
        "triage v3.1_2-4",
        "v2v3",
        "@3",
        "x__4",
        "é3",
        "triage v3 ",
        3,
        3.5,
        1e21,
    ),
    *(None, True, [], ["triage v3"], {}, {"id": "triage v3"}, {"name": "triage"}, {"id": "", "name": "b@2"}),
    *({"id": 7, "version": 2}, {"id": "a", "version": "1.0"}, {"version": True}, {"id": "t", "content_hash": KEYED}),
    *({"id": "t v1", "content_hash": KEYED}, {"content_hash": KEYED + "0"}, {"content_hash": 4}, {"id": ["x"]}),
]
PIECES = ["triage", "v", "3", "12", " ", "@", "-", ".", "_", "#", "ü", "\u0085", "/"]


def details() -> list[str]:
    random_ = random.Random(41)  # noqa: S311 - the same texts in every run
    made = ["".join(random_.choices(PIECES, k=random_.randrange(1, 8))) for _ in range(300)]
    stated = [*STATED, *made, *({"id": each, "version": random_.choice([None, 1, "2"])} for each in made[:50])]
    texts = [json.dumps({"prompt_template": each}, ensure_ascii=False) for each in stated]
    return [*texts, '"prompt_template"', '["prompt_template"]', '{"a":{"prompt_template":"x v2"}}', '{"n":1}', "{}"]


def test_templates_and_versions_are_read_alike(database: Database) -> None:
    event = Event(
        actor_id="a",
        actor_type="agent",
        agent_id="bot",
        event_type="model_call",
        id="01970000-0000-7000-8000-000000000001",
        ts="2026-03-01T09:00:00.000000Z",
        details="0" * 64,
    )
    read = set()
    for text in details():
        row = database.admin.execute(
            "select template, coalesce(version, hash) from unbroken.template_in(%s)", (text,)
        ).fetchone()
        call = model_call_of(1, event, text.encode())
        assert call is not None
        assert (call.template, call.prompt) == row, text
        read.add(row)
    assert len(read) > 50

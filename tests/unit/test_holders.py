"""Whose keys an original takes."""

from typing import Any

import pytest

from unbroken.privacy.vault.holders import Holder, holders_of

CASES: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"subjects": ["p-2", "p-1", "p-2"]}, [("subject", "p-1"), ("subject", "p-2")]),
    ({"subjects": ["p-1"], "actor_id": "p-2", "actor_type": "user", "session_id": "s"}, [("subject", "p-1")]),
    ({"subjects": [], "actor_id": "p-2", "actor_type": "user", "session_id": "s"}, [("subject", "p-2")]),
    ({"subjects": None, "actor_id": "p-2", "actor_type": "admin"}, [("subject", "p-2")]),
    ({"actor_id": "a", "actor_type": "agent", "session_id": "s"}, [("session", "s")]),
    ({"actor_id": "cron", "actor_type": "system", "session_id": "s"}, [("session", "s")]),
    ({"actor_id": "cron", "actor_type": "system"}, []),
    ({"actor_id": "p-2", "session_id": "s"}, [("session", "s")]),
    # What makes an event that can't be recorded; nobody is asked for it.
    ({"subjects": ["p-1", "", "a\x00", "\ud800", 7, None]}, [("subject", "p-1")]),
    ({"actor_id": None, "actor_type": "user", "session_id": ""}, []),
]


@pytest.mark.parametrize(("event", "expected"), CASES)
def test_an_events_holders(event: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert list(holders_of(event)) == [Holder(*each) for each in expected]  # type: ignore[arg-type]

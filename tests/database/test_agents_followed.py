"""Another prompt or model of an agent: the database itself says so, in the transaction that records the call."""

import json
import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Database, add_log
from tests.database import raw
from tests.database.raw import Connection, Sent, append, sent
from unbroken.core.entry import StoredEntry

Entries = Callable[[], list[StoredEntry]]

CHANGES = ("prompt_changed", "model_changed")


def key(digit: int, *, of: int = 1) -> str:
    return f"k{of}:{digit:064x}"


def asks(
    *,
    prompt: int | str | None = None,
    model: str | None = "m-1",
    template: Any = None,
    agent: str | None = "triage-agent",
    **fields: Any,
) -> Sent:
    """A model call; ``prompt`` is its prompt_hash, or the digit to make one of under key 1."""
    prompt_hash = key(prompt) if isinstance(prompt, int) else prompt
    details = {} if template is None else {"details": json.dumps({"message_count": 1, "prompt_template": template})}
    return sent(details, event_type="model_call", agent_id=agent, model=model, prompt_hash=prompt_hash, **fields)


def changes(entries: Entries) -> list[tuple[str, Any, Any]]:
    """Of each change that the log told by itself: its type and what it went from and to."""
    return [(kind, details["from"], details["to"]) for kind, _, details in told(entries)]


def told(entries: Entries) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Type, event and details of each change that the log told by itself."""
    found = [(json.loads(entry.event), json.loads(entry.details or b"null")) for entry in entries()]
    return [
        (event["event_type"], event, details)
        for event, details in found
        if event["event_type"] in CHANGES and "recorder" not in event
    ]


@pytest.fixture(params=["one by one", "at once"])
def record(request: pytest.FixtureRequest, writer: Connection) -> Callable[[Sequence[Sent]], None]:
    """Records calls, each alone or all in a batch: what is told must not depend on it."""

    def recorded(calls: Sequence[Sent]) -> None:
        if request.param == "at once":
            append(writer, calls)
        else:
            for call in calls:
                append(writer, [call])

    return recorded


CASES: dict[str, tuple[list[Sent], list[tuple[str, Any, Any]]]] = {
    "the first one seen is no change": ([asks(prompt=1)], []),
    "the same again": ([asks(prompt=1), asks(prompt=1)], []),
    "another prompt": ([asks(prompt=1), asks(prompt=2)], [("prompt_changed", key(1), key(2))]),
    "another model": ([asks(), asks(model="m-2")], [("model_changed", "m-1", "m-2")]),
    "both": (
        [asks(prompt=1), asks(prompt=2, model="m-2")],
        [("prompt_changed", key(1), key(2)), ("model_changed", "m-1", "m-2")],
    ),
    "there and back": (
        [asks(prompt=1), asks(prompt=2), asks(prompt=1)],
        [("prompt_changed", key(1), key(2)), ("prompt_changed", key(2), key(1))],
    ),
    "agents apart": (
        [asks(prompt=1), asks(prompt=2, agent="other"), asks(prompt=1), asks(prompt=2, agent="other")],
        [],
    ),
    "versions apart": ([asks(prompt=1), asks(prompt=2, agent_version="2"), asks(prompt=1)], []),
    "no agent": ([asks(prompt=1, agent=None), asks(prompt=2, agent=None)], []),
    "what is not told stays": ([asks(prompt=1), asks(model=None), asks(prompt=1)], []),
    "a prompt told later is the first one": (
        [asks(), asks(prompt=1), asks(prompt=2)],
        [("prompt_changed", key(1), key(2))],
    ),
    "a model told later is the first one": ([asks(prompt=1, model=None), asks(prompt=1)], []),
    "another key is no other prompt": ([asks(prompt=key(1)), asks(prompt=key(2, of=2))], []),
    "after another key its hashes count": (
        [asks(prompt=key(1)), asks(prompt=key(2, of=2)), asks(prompt=key(3, of=2))],
        [("prompt_changed", key(2, of=2), key(3, of=2))],
    ),
    "a template's version": (
        [asks(prompt=1, template={"id": "t", "version": 1}), asks(prompt=2, template={"id": "t", "version": "2"})],
        [("prompt_changed", "1", "2")],
    ),
    "a version stands for what is filled in": (
        [asks(prompt=1, template={"id": "t", "version": 1}), asks(prompt=2, template={"id": "t", "version": 1})],
        [],
    ),
    "templates apart": (
        [asks(prompt=n % 2, template={"name": f"t{n % 2}", "version": 1}) for n in range(4)],
        [],
    ),
    "templates without versions": (
        [asks(prompt=1, template="intake"), asks(prompt=2, template="reply"), asks(prompt=3, template="intake")],
        [("prompt_changed", key(1), key(3))],
    ),
    "a version in a name": (
        [asks(template="triage v3"), asks(template="triage v4"), asks(template="triage v4")],
        [("prompt_changed", "3", "4")],
    ),
    "a version alone": ([asks(template="v3"), asks(template="v4")], [("prompt_changed", "3", "4")]),
    "a date in a name": (
        [asks(template={"id": "triage@2025-01-02"}), asks(template={"id": "triage@2025-02-01"})],
        [("prompt_changed", "2025-01-02", "2025-02-01")],
    ),
    "a number in a name": ([asks(template="step-2-triage"), asks(template="step-3-triage")], []),
    "a template's text": (
        [asks(prompt=n, template={"content_hash": key(7 + n // 2), "length": 9}) for n in range(4)],
        [("prompt_changed", key(7), key(8))],
    ),
    "a hash and a version don't compare": (
        [asks(prompt=1, template="t"), asks(prompt=1, template="t v1"), asks(prompt=2, template="t")],
        [],
    ),
    "a text is no name": (
        [asks(prompt=1, template="Be brief.\nBe kind."), asks(prompt=2, template="x" * 101)],
        [("prompt_changed", key(1), key(2))],
    ),
    "what is no template": (
        [asks(prompt=1, template=template) for template in (["t"], True, {"id": {"a": 1}, "version": [2]}, "")],
        [],
    ),
    "a template's first model is known of another": (
        [asks(template="a"), asks(template="b", model="m-2"), asks(template="c"), asks(template="b", model="m-2")],
        [("model_changed", "m-1", "m-2")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_told(
    case: str, database: Database, record: Callable[[Sequence[Sent]], None], entries: Entries
) -> None:
    calls, expected = CASES[case]
    record(calls)
    assert changes(entries) == expected
    assert raw.both_accept(database) == len(calls) + len(expected)


def test_what_a_change_says(database: Database, writer: Connection, entries: Entries) -> None:
    before = asks(prompt=1, template={"id": "triage", "version": 1}, agent_version="7", session_id="s-1")
    after = asks(prompt=2, model="m-2", template={"id": "triage", "version": 2}, agent_version="7", session_id="s-1")
    append(writer, [before])
    (received,) = append(writer, [after])
    (_, prompt, prompt_details), (_, model, model_details) = told(entries)
    assert prompt_details == {"from": "1", "to": "2", "seq": received.seq, "template": "triage"}
    assert model_details == {"from": "m-1", "to": "m-2", "seq": received.seq, "template": "triage"}
    of_call = {"agent_id": "triage-agent", "agent_version": "7", "parent_id": json.loads(after.text or "")["id"]}
    own = {"actor_id": "writer", "actor_type": "system"}
    for event, more in ((prompt, {"prompt_hash": key(2)}), (model, {"model": "m-2"})):
        assert {name: value for name, value in event.items() if name not in ("details", "event_type", "id", "ts")} == {
            **of_call,
            **own,
            **more,
        }
    columns = database.admin.execute("select event_type, agent_id from unbroken.entries order by seq desc limit 2")
    assert columns.fetchall() == [("model_changed", "triage-agent"), ("prompt_changed", "triage-agent")]
    raw.both_accept(database)


def test_receipts_stay_together_before_what_the_log_adds(writer: Connection, entries: Entries) -> None:
    batch = [asks(prompt=n, session_id="s-1") for n in range(3)]
    received = append(writer, batch)
    assert [(row.seq, row.session_seq) for row in received] == [(1, 1), (2, 2), (3, 3)]
    assert [details["seq"] for _, _, details in told(entries)] == [2, 3]
    assert [row.seq for row in append(writer, [sent(session_id="s-1")])] == [6]


def test_what_a_recorder_says_of_changes_is_taken_as_before(
    database: Database, writer: Connection, entries: Entries
) -> None:
    append(writer, [sent(event_type=kind, agent_id="triage-agent", model="m-9") for kind in CHANGES])
    append(writer, [asks(prompt=1)])
    assert told(entries) == []
    assert raw.both_accept(database) == 3


def test_a_batch_that_is_refused_is_not_seen(database: Database, writer: Connection, entries: Entries) -> None:
    append(writer, [asks(prompt=1)])
    again = asks(prompt=2)
    append(writer, [again])
    with pytest.raises(psycopg.errors.UniqueViolation):
        append(writer, [asks(prompt=3), again])
    append(writer, [asks(prompt=2)])
    assert changes(entries) == [("prompt_changed", key(1), key(2))]
    raw.both_accept(database)


def test_logs_are_apart(database: Database, writer: Connection, entries: Entries) -> None:
    add_log(database.admin, "second")
    append(writer, [asks(prompt=1)])
    append(writer, [asks(prompt=2, model="m-2")], log="second")
    append(writer, [asks(prompt=1)])
    assert told(entries) == []
    assert raw.both_accept(database, log="second") == 1


def test_the_longest_names_fit(database: Database, writer: Connection, entries: Entries) -> None:
    # Texts that can't be compressed, so that the key is as long as it gets.
    letters = "".join(chr(0x4E00 + (n * 7919) % 20000) for n in range(341))
    template = {"id": "".join(chr(0x20000 + (n * 7919) % 40000) for n in range(100)), "version": "9" * 100}
    for model in ("m" * 1024, "n" * 1024):
        append(writer, [asks(agent=letters, agent_version=letters[::-1], model=model, template=template)])
    assert changes(entries) == [("model_changed", "m" * 1024, "n" * 1024)]
    assert raw.both_accept(database) == 3


def test_two_recorders_of_one_agent_are_followed_in_the_order_of_the_log(database: Database, entries: Entries) -> None:
    rounds = 20
    start = threading.Barrier(2)

    def run(prompt: int) -> None:
        recorder = raw.new_id()
        with database.connect("writer") as connection:
            start.wait(timeout=30)
            for turn in range(rounds):
                append(connection, [asks(prompt=prompt, recorder=recorder) for _ in range(1 + turn % 2)])

    threads = [threading.Thread(target=run, args=(prompt,)) for prompt in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    events = [json.loads(entry.event) for entry in entries()]
    prompts = [event["prompt_hash"] for event in events if event["event_type"] == "model_call"]
    assert len(prompts) == 2 * (rounds + rounds // 2)
    switches = [("prompt_changed", one, other) for one, other in pairwise(prompts) if one != other]
    assert changes(entries) == switches
    assert switches, "they have met"
    raw.both_accept(database)


def test_calls_that_change_nothing_write_nothing(database: Database, writer: Connection) -> None:
    append(writer, [asks(prompt=1, template="triage v3")])
    before = database.admin.execute("select xmin::text, * from unbroken.agents").fetchall()
    append(writer, [asks(prompt=1, template="triage v3")])
    append(writer, [asks(prompt=2, template="triage v3"), asks(prompt=1, template="triage v3")])
    assert database.admin.execute("select xmin::text, * from unbroken.agents").fetchall() == before
    assert before[0][1:] == (1, "triage-agent", "", "triage", "3", "m-1", 1)


@pytest.mark.parametrize(
    "statement",
    [
        "update unbroken.agents set prompt = 'x'",
        "update unbroken.agents set prompt = 'x', seq = seq + 1",
        "update unbroken.agents set agent_id = 'x', seq = seq + 2",
        "update unbroken.agents set prompt = 'x', seq = 100",
        "delete from unbroken.agents",
        "truncate unbroken.agents",
        "insert into unbroken.agents values (1, 'triage-agent', '', 't', 'x', 'x', 2)",
        "insert into unbroken.agents values (1, 'other', '', 't', 'x', 'x', 1)",
    ],
)
def test_what_was_seen_can_not_be_made_up(database: Database, writer: Connection, statement: str) -> None:
    append(writer, [asks(prompt=1), sent(), asks(prompt=1, agent="third")])
    before = raw.rows(database.admin, "agents")
    with pytest.raises(psycopg.Error) as caught:
        database.admin.execute(sql.SQL(statement))
    assert caught.value.sqlstate == "UB010"
    assert raw.rows(database.admin, "agents") == before


@pytest.mark.parametrize("login", ["writer", "server", "ops", "compliance", "legal", "dpo", "access", "notary"])
def test_nobody_but_who_verifies_reads_what_was_seen(database: Database, writer: Connection, login: str) -> None:
    append(writer, [asks(prompt=1)])
    with database.connect(login) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select * from unbroken.agents")


def test_the_log_follows_for_whoever_may_record(database: Database, entries: Entries) -> None:
    with database.connect("server") as connection:
        append(connection, [asks(prompt=1)])
        append(connection, [asks(prompt=2)])
    ((_, event, _),) = told(entries)
    assert event["actor_id"] == "server"

"""Prompts through the whole way into the log: what is kept of them, what is not, and what is said when one changes."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.database.recorded import Entries, events, only
from unbroken import wiring
from unbroken.capture.chat_import import import_chat
from unbroken.capture.trail import Trail
from unbroken.core.canonical import canonical
from unbroken.core.commitment import opens
from unbroken.ledger.ledger import Ledger

POLICY = "You book appointments at the Quillfeather clinic.\nNever give advice."
SYSTEM = {"role": "system", "content": POLICY}
ASK = {"role": "user", "content": "I'm at zora.quill@example.org. How many?"}
STORED = '[prompts]\nagents = { "triage-*" = "stored" }\n'


@pytest.fixture
def guarded(ledger: Ledger) -> Trail:
    return Trail(ledger, protection=wiring.protection_of(ledger))


def everything(entries: Entries) -> str:
    return "\n".join(
        part.decode()
        for entry in entries()
        for part in (entry.event, entry.inputs, entry.outputs, entry.details)
        if part
    )


def ask(trail: Trail, *messages: object, model: str = "m-1", **options: Any) -> None:
    with trail.session(actor="u-17", agent="triage-agent") as session, session.turn("?") as turn:
        turn.model_call(model, messages, **options).result("Three.")
        turn.respond("Three.")


def test_a_prompt_is_kept_as_its_hash_and_length(guarded: Trail, ledger: Ledger, entries: Entries) -> None:
    ask(guarded, SYSTEM, ASK)
    call = only(entries, "model_call")
    system, asked = (new["message"] for new in call["inputs"]["new"])
    assert ledger.key is not None
    assert system == {"role": "system", "content_hash": ledger.key.hash(POLICY), "length": len(POLICY)}
    assert call["prompt_hash"] == ledger.key.hash([POLICY])
    assert call["details"] == {"message_count": 2, "prompt_length": len(POLICY)}
    assert asked["content"].startswith("I'm at [EMAIL_ADDRESS:k")
    assert "EMAIL_ADDRESS:1" in call["redactions"]
    for new in call["inputs"]["new"]:
        assert opens(new["commitment"], salt=bytes.fromhex(new["salt"]), value=canonical(new["message"]))
    assert "Quillfeather" not in everything(entries)
    assert "zora.quill" not in everything(entries)


@pytest.mark.parametrize(
    "options",
    [
        {"prompt_template": POLICY},
        {"prompt_template": {"id": "triage", "version": 3, "text": POLICY}},
        {"parameters": {"system": POLICY, "temperature": 0.2}},
    ],
)
def test_a_prompt_is_not_kept_in_another_place(guarded: Trail, entries: Entries, options: dict[str, Any]) -> None:
    ask(guarded, POLICY, ASK, **options)
    details = only(entries, "model_call")["details"]
    assert str(len(POLICY)) in json.dumps({name: details[name] for name in options})
    assert "Quillfeather" not in everything(entries)


def test_policy_keeps_the_text_of_an_agent(database: Database, ledger: Ledger, entries: Entries) -> None:
    with database.connect("compliance") as connection:
        connection.execute("select * from unbroken.load_registry(%s, %s, 'prompts are public')", (LOG, STORED))
    ask(Trail(ledger, protection=wiring.protection_of(ledger)), SYSTEM, ASK, prompt_template=POLICY)
    call = only(entries, "model_call")
    assert call["inputs"]["new"][0]["message"] == SYSTEM
    assert call["details"]["prompt_template"] == POLICY


def test_another_prompt_and_another_model_are_told(guarded: Trail, entries: Entries) -> None:
    ask(guarded, SYSTEM, ASK)
    ask(guarded, SYSTEM, {"role": "user", "content": "And now?"})
    ask(guarded, {"role": "system", "content": "Be brief."}, ASK, model="m-2")
    first, _, third = (event for event in events(entries) if event["event_type"] == "model_call")
    prompt, model = only(entries, "prompt_changed"), only(entries, "model_changed")
    assert (prompt["details"]["from"], prompt["details"]["to"]) == (first["prompt_hash"], third["prompt_hash"])
    assert (model["details"]["from"], model["details"]["to"]) == ("m-1", "m-2")
    assert prompt["parent_id"] == model["parent_id"] == third["id"]


def test_an_import_keeps_no_prompt(ledger: Ledger, entries: Entries, tmp_path: Path) -> None:
    late = {"role": "system", "content": f"{POLICY} Goodbye."}
    answer = {"role": "assistant", "content": "Three."}
    path = tmp_path / "chat.json"
    path.write_text(json.dumps({"messages": [SYSTEM, ASK, answer, late], "system": POLICY, "id": "s-1"}))
    import_chat(ledger, [path], protection=wiring.protection_of(ledger))
    assert "Quillfeather" not in everything(entries)
    assert "zora.quill" not in everything(entries)
    (unsent,) = only(entries, "conversation_ended")["details"]["unsent"]
    assert unsent["length"] == len(late["content"])
    assert only(entries, "model_call")["details"] == {"prompt_length": len(POLICY)}

"""What an approver is shown of masked arguments, and when they are held against what an approval is bound to."""

import json
from typing import Any

import pytest

from tests.plain import draft
from tests.unit.redacting import redactor
from unbroken.core.canonical import canonical
from unbroken.core.keyed import LogKey
from unbroken.errors import UnbrokenError
from unbroken.investigate.requested_arguments import RequestedArguments, requested_arguments

KEY = LogKey("1", b"x" * 32)
NOT_COMPARED = "(shown redacted, so not compared with what an approval is bound to)"


def looked_at(
    given: Any, *, shown: Any = None, key: LogKey | None = KEY, rules: str | None = "unbroken-1", **fields: Any
) -> RequestedArguments:
    """A request for a call with ``given`` as its recorder would make it, or with other arguments that it shows."""
    done = redactor().redact({"inputs": given if shown is None else shown})
    value = done.values["inputs"] if rules is not None else (given if shown is None else shown)
    counts = [f"{kind}:{count}" for kind, count in done.counts.items()] if rules is not None else []
    fields = {"redactions": counts or None, **fields}
    who: dict[str, Any] = {"actor_id": "u-7", "actor_type": "user", "tool": "wire"}
    event = draft("approval_requested", inputs=value, rules=rules, **who, **fields).event
    return requested_arguments(event, canonical(value), bound_to=KEY.hash(given), key=key)


def test_masked_arguments_are_shown_but_not_compared_and_a_warning_says_what_is_masked() -> None:
    told = looked_at({"to": "jane@example.com", "card": "4012888888881881", "amount": 5})
    assert told.notes == (NOT_COMPARED,)
    assert told.masked == "1 card, 1 e-mail address"
    text = "\n".join(told.lines)
    assert '"amount": 5' in text
    assert '"[e-mail ' in text
    assert "k7:" not in text


def test_where_nothing_was_masked_they_are_compared() -> None:
    assert looked_at({"amount": 5}) == RequestedArguments(tuple(json.dumps({"amount": 5}, indent=2).split("\n")))
    assert looked_at({"amount": 5}, rules=None).notes == ()
    for rules in ("unbroken-1", None):
        with pytest.raises(UnbrokenError, match="other arguments"):
            looked_at({"amount": 5000}, shown={"amount": 5}, rules=rules)


def test_that_something_was_masked_has_to_show_in_the_arguments() -> None:
    """Else whoever records could pass other arguments off by claiming so."""
    with pytest.raises(UnbrokenError, match="other arguments"):
        looked_at({"amount": 5000}, shown={"amount": 5}, redactions=["EMAIL_ADDRESS:1"])
    with pytest.raises(UnbrokenError, match="other arguments"):
        looked_at({"amount": 5}, shown={"amount": f"[PERSON:k7:{'a' * 32}]"}, rules=None)
    # Something else of the event was masked.
    assert looked_at({"amount": 5}, redactions=["EMAIL_ADDRESS:1"]).notes == ()


def test_what_was_typed_is_no_reason_to_warn_but_can_not_be_compared() -> None:
    told = looked_at({"to": f"[PERSON:k7:{'a' * 32}]"})
    assert told.notes[0] == NOT_COMPARED
    assert "typed" in told.notes[1]
    assert told.masked == ""
    assert "[typed name aaaaaa]" in "\n".join(told.lines)


def test_without_the_key_nothing_is_compared() -> None:
    for key in (None, LogKey("2", b"y" * 32)):
        told = looked_at({"to": "jane@example.com"}, key=key)
        assert (told.notes, told.masked) == (
            ("(not compared with what an approval is bound to, for want of the log's key)",),
            "1 e-mail address",
        )


def test_arguments_that_are_withheld_say_so() -> None:
    value = f"[UNSCANNED:k7:{'a' * 32}]"
    event = draft(
        "approval_requested", inputs=value, rules="r", redactions=["UNSCANNED:1"], actor_id="u", actor_type="user"
    ).event
    told = requested_arguments(event, canonical(value), bound_to=KEY.hash({"a": 1}), key=KEY)
    assert (told.notes, told.masked) == ((NOT_COMPARED,), "1 part withheld unscanned")

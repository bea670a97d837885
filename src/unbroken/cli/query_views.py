"""What the tables of each question show of a row."""

from collections.abc import Callable
from typing import Final

from unbroken.cli.query_output import Column, View
from unbroken.investigate.bursts import BURST_COLUMNS
from unbroken.investigate.containing import CONTAINS_COLUMNS
from unbroken.investigate.investigations import ACCESS_COLUMNS, ACTION_COLUMNS, CALL_COLUMNS, Row
from unbroken.investigate.masked import counted, in_words
from unbroken.investigate.reasons import IN_WORDS

SIDE_EFFECT: Final = "SIDE EFFECT"


def _value(name: str) -> Callable[[Row], str]:
    """The text of one value, nothing where it is absent."""
    return lambda row: _text(row, name)


def _text(row: Row, name: str) -> str:
    value = row.values.get(name)
    return "" if value is None else str(value)


def _number(name: str) -> Callable[[Row], str]:
    return lambda row: "" if row.values.get(name) is None else f"{row.values[name]:,}"


def _time(name: str) -> Callable[[Row], str]:
    """``2026-01-31 09:30:00`` of a time in UTC as a line states it."""
    return lambda row: _text(row, name)[:19].replace("T", " ")


def _resource(row: Row) -> str:
    return "/".join(text for text in (_text(row, "resource_type"), _text(row, "resource_id")) if text)


def _who(row: Row) -> str:
    """The actor, and the agent that acted."""
    actor, agent = _text(row, "actor_id"), _text(row, "agent_id")
    return actor if agent in ("", actor) else f"{actor} > {agent}"


def _tool(row: Row) -> str:
    """The tool, and whether the call has an effect outside."""
    mark = SIDE_EFFECT if row.values.get("side_effect") is True and row.values.get("event_type") == "tool_call" else ""
    return "  ".join(text for text in (_text(row, "tool"), mark) if text)


def _why(row: Row) -> str:
    """The reason, who decided, and what the call says of itself where that is something else."""
    reason = _text(row, "reason")
    words = "no decision" if reason == "no_decision" and not _text(row, "decided_seq") else IN_WORDS.get(reason, reason)
    claims = reason in ("no_decision", "not_claimed") and row.values.get("outcome") == "approved"
    return f"{words}{_by(row)}{', though the call says that it was approved' if claims else ''}"


def _decision(row: Row) -> str:
    """What was decided, by whom and where."""
    outcome = _text(row, "decided_outcome")
    return f"{outcome}{_by(row)}" if outcome else ""


def _by(row: Row) -> str:
    entry = _number("decided_seq")(row)
    facts = [text for text in (_text(row, "decided_by"), f"entry {entry}" if entry else "") if text]
    return f" ({', '.join(facts)})" if facts else ""


def _claim(row: Row) -> str:
    """The decision that an entry itself states."""
    return " by ".join(text for text in (_text(row, "outcome"), _text(row, "decision_by")) if text)


def _list(name: str) -> Callable[[Row], str]:
    return lambda row: ", ".join(_items(row, name))


def _items(row: Row, name: str) -> tuple[str, ...]:
    value = row.values.get(name)
    return value if isinstance(value, tuple) else ()


def _masked(row: Row) -> str:
    """What was masked, in words."""
    return in_words(counted(_items(row, "redactions")))


def _range(row: Row) -> str:
    first, last = _number("first_seq")(row), _number("last_seq")(row)
    return first if first == last else f"{first} to {last}"


_ENTRY: Final = Column("entry", _number("seq"), right=True)
_RECORDED: Final = Column("recorded (UTC)", _time("recorded_at"))
_EVENT: Final = Column("event", _value("event_type"))
_RESOURCE: Final = Column("resource", _resource)
_SESSION: Final = Column("session", _value("session_id"), label="session ")
_WHO: Final = Column("who", _who)
_STATUS: Final = Column("status", _value("status"), label="status ")

ACTIONS: Final = View(
    ACTION_COLUMNS,
    main=(_ENTRY, _RECORDED, _EVENT),
    lead=Column("tool", _tool),
    minor=(_RESOURCE, Column("decision", _claim), _STATUS, _SESSION),
)
UNAPPROVED: Final = View(
    CALL_COLUMNS,
    main=(_ENTRY, _RECORDED),
    lead=Column("why", _why),
    minor=(
        Column("tool", _value("tool")),
        _WHO,
        _RESOURCE,
        Column("call", _value("call_id"), label="call "),
        _SESSION,
    ),
)
ACCESS: Final = View(
    ACCESS_COLUMNS,
    main=(_ENTRY, _RECORDED, Column("role", _value("role"))),
    lead=_WHO,
    minor=(_EVENT, Column("tool", _value("tool")), _STATUS, Column("decision", _decision), _RESOURCE, _SESSION),
)
CONTAINS: Final = View(
    CONTAINS_COLUMNS,
    main=(_ENTRY, _RECORDED, Column("contains", _list("contains"))),
    lead=Column("masked", _masked),
    minor=(
        _EVENT,
        Column("tool", _value("tool")),
        _WHO,
        Column("classification", _value("classification")),
        Column("domains", _list("domains")),
        _SESSION,
    ),
)
ERRORS: Final = View(
    BURST_COLUMNS,
    main=(
        Column("minute (UTC)", lambda row: _time("minute")(row)[:16]),
        Column("errors", _number("errors"), right=True),
    ),
    minor=(
        Column("agents", _number("agents"), right=True, label="agents "),
        Column("sessions", _number("sessions"), right=True, label="sessions "),
        Column("entries", _range, label="entries "),
    ),
)

"""What a recorder knows of a request for approval before it acts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from unbroken.core.times import format_time

State: TypeAlias = Literal["pending", "approved", "denied", "expired", "used"]


@dataclass(frozen=True, slots=True)
class Approval:
    """A request and what became of it, as the log has it.

    ``request`` is the id of the ``approval_requested`` event. ``valid_until`` is until when the request can be decided
    or, once approved, the approval be used; times are UTC texts as in the line. ``outcome``, ``by`` and ``at`` are
    ``None`` while nobody has decided. ``self_attested`` tells that request and decision came through one login.
    """

    request: str
    state: State
    tool: str
    call_id: str
    arguments_hash: str
    session_id: str | None
    turn_id: str | None
    requested_by: str
    agent_id: str | None
    valid_until: str
    outcome: str | None
    by: str | None
    at: str | None
    self_attested: bool

    @classmethod
    def of(cls, row: Sequence[Any]) -> "Approval":
        """The approval that a row of the database's answer tells of, in the order of the attributes."""
        approval = cls(*row)
        until = row[cls.__match_args__.index("valid_until")]
        return replace(approval, valid_until=format_time(until), self_attested=bool(approval.self_attested))

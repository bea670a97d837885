"""Turns what happens in a scope into events and writes them."""

from collections.abc import Mapping
from typing import Any, Final

from unbroken.capture.scope import Scope, current
from unbroken.core.ids import new_id
from unbroken.core.keyed import LogKey
from unbroken.ledger.draft import Draft, draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.receipt import Receipt

CAPTURE: Final = "enforced"
"""What is recorded through here stands in the path: when it can't be recorded, it does not go on."""


class Recorder:
    """One ledger, seen from the scopes that events happen in.

    ``nowhere`` is the scope of what is recorded outside any session, and ``orphanage`` that of tool calls there, for
    which nobody could say who the actor is.
    """

    def __init__(self, ledger: Ledger, *, orphan_actor: str) -> None:
        self.nowhere = Scope(self, {})
        self.orphanage = Scope(self, {"actor_id": orphan_actor, "actor_type": "system"})
        self._ledger = ledger

    @property
    def key(self) -> LogKey | None:
        """The log's key, for keyed hashes."""
        return self._ledger.key

    def here(self, *, otherwise: Scope | None = None) -> Scope:
        """The current scope; outside any session ``otherwise`` or :attr:`nowhere`."""
        return current(self) or otherwise or self.nowhere

    def record(self, scope: Scope, event_type: str, **event: Any) -> Receipt:
        """Writes one event that happens in ``scope``; returns when it is committed."""
        return self.record_all(scope, {"event_type": event_type, **event})[0]

    def record_all(self, scope: Scope, *events: Mapping[str, Any]) -> list[Receipt]:
        """Writes several events, all or none; raises :class:`RecordingStoppedError` when the turn has stopped."""
        with scope.operation(new_id()), scope.guard():
            return self._ledger.record([_draft(scope, event) for event in events])

    def record_regardless(self, scope: Scope, event_type: str, **event: Any) -> Receipt:
        """Writes one event although its turn may have stopped: for the recorder's own last word on it."""
        return self._ledger.record([_draft(scope, {"event_type": event_type, **event})])[0]


def _draft(scope: Scope, event: Mapping[str, Any]) -> Draft:
    return draft(**{"capture": CAPTURE, **scope.fields, **event})

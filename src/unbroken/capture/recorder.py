"""Turns what happens in a scope into events and writes them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from unbroken.capture.finalisers import writing
from unbroken.capture.scope import Scope, current
from unbroken.capture.toolbox import Toolbox
from unbroken.core.ids import new_id
from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json
from unbroken.ledger.draft import Draft, draft
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.protection import Protection, Screened
from unbroken.ledger.receipt import Kept

CAPTURE: Final = "enforced"
"""What is recorded through here stands in the path: when it can't be recorded, it does not go on."""


class Recorder:
    """One ledger, seen from the scopes that events happen in.

    ``nowhere`` is the scope of what is recorded outside any session, and ``orphanage`` that of tool calls there, for
    which nobody could say who the actor is. ``tools`` are those that are recorded through here, ``ledger`` the way to
    the log, ``protection`` what every event passes before it goes there.
    """

    def __init__(self, ledger: Ledger, *, protection: Protection, orphan_actor: str) -> None:
        self.nowhere = Scope(self, {})
        self.orphanage = Scope(self, {"actor_id": orphan_actor, "actor_type": "system"})
        self.tools = Toolbox()
        self.ledger = ledger
        self.protection = protection

    @property
    def key(self) -> LogKey | None:
        """The log's key, for keyed hashes."""
        return self.ledger.key

    def here(self, *, otherwise: Scope | None = None) -> Scope:
        """The current scope; outside any session ``otherwise`` or :attr:`nowhere`."""
        return current(self) or otherwise or self.nowhere

    def record(self, scope: Scope, event_type: str, /, **event: Any) -> Kept:
        """Writes one event that happens in ``scope``; returns when it is committed."""
        return self.record_all(scope, {"event_type": event_type, **event})[0]

    def record_all(self, scope: Scope, *events: Mapping[str, Any]) -> list[Kept]:
        """Writes several events, all or none; raises :class:`RecordingStoppedError` when the turn has stopped."""
        with writing(), scope.operation(new_id()), scope.guard():
            return self.ledger.record([self._draft(scope, event) for event in events])

    def record_regardless(self, scope: Scope, *events: Mapping[str, Any]) -> list[Kept]:
        """Writes events although their turn may have stopped: for the recorder's own last words on it."""
        with writing():
            return self.ledger.record([self._draft(scope, event) for event in events])

    def messages(self, scope: Scope, messages: Sequence[Json], **event: Any) -> list[Screened]:
        """Messages of an event that is about to happen in ``scope``, each as it may be recorded."""
        return self.protection.messages(messages, {**scope.fields, **event})

    def _draft(self, scope: Scope, event: Mapping[str, Any]) -> Draft:
        return draft(protection=self.protection, **{"capture": CAPTURE, **scope.fields, **event})

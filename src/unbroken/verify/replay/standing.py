"""Which approvals in advance count, as entries have it: for what is disposed of under them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from unbroken.core.times import format_time
from unbroken.verify.replay.act import Statement
from unbroken.verify.replay.table import stated_time


@dataclass(slots=True)
class _Approval:
    asked_by: str
    until: str | None
    counts: bool = False


@dataclass(slots=True)
class Standing:
    """Approvals by their ids. Those that an earlier incarnation told of are not known in the one after it."""

    _known: dict[str, _Approval] = field(default_factory=dict)
    _is_continued: bool = False

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        """What to do with statements, by their types."""
        return {
            "log.standing_asked": self._asked,
            "log.standing_confirmed": self._confirmed,
            "log.standing_ended": self._ended,
            "log.continued": self._continued,
        }

    def are_good(self, told: Statement) -> bool:
        """Whether the approvals that an entry names were confirmed by others than asked for them, and last."""
        named = told.texts("approvals")
        return bool(named) and all(self._is_good(name, format_time(told.at)) for name in named)

    def _is_good(self, name: str, at: str) -> bool:
        known = self._known.get(name)
        if known is None:
            return self._is_continued
        return known.counts and known.until is not None and known.until > at

    def _asked(self, told: Statement) -> None:
        self._known[told.text("approval") or ""] = _Approval(told.login, stated_time(told, "valid_until"))

    def _confirmed(self, told: Statement) -> None:
        known = self._known.get(told.text("approval") or "")
        if known is not None and known.asked_by != told.login:
            known.counts = True

    def _ended(self, told: Statement) -> None:
        known = self._known.get(told.text("approval") or "")
        if known is not None:
            known.counts = False

    def _continued(self, _: Statement) -> None:
        self._is_continued = True

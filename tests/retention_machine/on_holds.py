"""Holds: issued by one, narrowed and released by two."""

from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.retention_machine.doors import Refused
from tests.retention_machine.model import Change, Hold, Version, World
from tests.retention_machine.place import NOT_GRANTED, PEOPLE, SECOND, WHICH, WRONG, Place, one, where
from tests.retention_machine.policies import ACCOUNTS, DOMAINS, EVENT_TYPES
from tests.retention_machine.scopes import Scope, is_narrower, written

LEGAL: Final = ("legal", "compliance")
GRACE: Final = 30
VALUES: Final = {
    "sessions": ("s-1", "s-2"), "actors": PEOPLE, "subjects": PEOPLE, "agents": ("desk", "triage"),
    "resource_types": ("record",), "resource_ids": ("r-1", "r-2"), "event_types": EVENT_TYPES, "tools": ("wire",),
    "domains": DOMAINS, "scope": ACCOUNTS,
}  # fmt: skip
LISTS: Final = st.one_of(
    *[
        st.dictionaries(st.sampled_from(sorted(VALUES)), st.booleans(), min_size=size, max_size=size)
        for size in (1, 2, 2)
    ],
    st.just({}),
)
"""Of some keys one value, or all; of none everything."""
WINDOW: Final = st.sampled_from([None, None, None, "from", "to"])
DAYS: Final = st.sampled_from([0, 0, 0, 0, GRACE])


class Holds(Place):
    """What people may do about holds."""

    @rule(lists=LISTS, window=WINDOW, which=WHICH, days=DAYS, login=st.sampled_from([*LEGAL, "dpo"]))
    def issue(self, lists: dict[str, bool], window: str | None, which: int, days: int, login: str) -> None:
        """One person is enough."""
        scope = self._scope(lists, window, which)
        answer = self.doors.ask(login, "issue_hold", *issuing(scope, days))
        if login not in LEGAL:
            assert answer == Refused(NOT_GRANTED), answer
        else:
            assert not isinstance(answer, Refused), answer
            self.world.holds[str(answer[0])] = Hold([Version(scope)], days)

    def _scope(self, lists: dict[str, bool], window: str | None, which: int) -> dict[str, Any]:
        chosen = {key: sorted(VALUES[key]) if every else [_any(VALUES[key], which)] for key, every in lists.items()}
        scope: dict[str, Any] = dict(chosen)
        times = sorted(entry.at for entry in self.world.entries.values())
        if window is not None and times:
            scope[window] = times[which % len(times)]
        return scope or {"everything": True}

    @rule(which=WHICH, lists=LISTS, window=WINDOW, release=st.booleans(), login=st.sampled_from([*LEGAL, "dpo"]))
    @where(lambda self: self.world.holds)
    def ask(self, which: int, lists: dict[str, bool], window: str | None, release: bool, login: str) -> None:
        """Somebody wants a hold narrowed or released; nobody gets it widened."""
        name, hold = one(self.world.holds, which)
        old = hold.versions[-1].scope
        scope = None if release else {**self._scope(lists, window, which), **(_part(old, which) if which % 4 else {})}
        text = None if scope is None else written(scope)
        answer = self.doors.ask(login, "ask_hold_change", name, "release" if release else "narrow", text, "over")
        if login not in LEGAL:
            assert answer == Refused(NOT_GRANTED), answer
        elif hold.released or (scope is not None and not is_narrower(scope, old)):
            assert answer == Refused(WRONG), (answer, scope, old)
        else:
            assert not isinstance(answer, Refused), (answer, scope, old)
            self.world.changes[str(answer[0])] = Change(name, scope, login, len(hold.versions))

    @rule(which=WHICH, login=st.sampled_from(LEGAL))
    @where(lambda self: self.world.changes)
    def confirm(self, which: int, login: str) -> None:
        """Whoever asked can't; nor can anybody where the hold is another one by now."""
        request, change = one(self.world.changes, which)
        hold = self.world.holds[change.hold]
        answer = self.doors.ask(login, "confirm_hold_change", request)
        if change.state == "asked" and login == change.by:
            assert answer == Refused(SECOND), answer
        elif change.state != "asked" or hold.released or change.version != len(hold.versions):
            assert answer == Refused(WRONG), answer
        else:
            assert not isinstance(answer, Refused), answer
            self.changed(change)

    def changed(self, change: Change) -> None:
        """A hold ends, or covers less, once its grace period is over."""
        hold = self.world.holds[change.hold]
        change.state = "confirmed"
        hold.versions[-1].ended = True
        hold.versions[-1].in_grace = hold.grace_days > 0
        if change.scope is None:
            hold.released = True
        else:
            hold.versions.append(Version(change.scope))

    @rule(which=WHICH, lists=LISTS)
    @where(lambda self: any(not hold.released for hold in self.world.holds.values()))
    def narrow(self, which: int, lists: dict[str, bool]) -> None:
        """Two people let go of a part, where it is one."""
        there = [at for at, hold in enumerate(self.world.holds.values()) if not hold.released]
        asked = len(self.world.changes)
        self.ask(there[which % len(there)], lists, None, False, "legal")
        if len(self.world.changes) > asked:
            self.confirm(asked, "compliance")

    @rule(which=WHICH)
    @where(lambda self: any(not hold.released for hold in self.world.holds.values()))
    def release(self, which: int) -> None:
        """Two people let go of one that is in force."""
        there = [at for at, hold in enumerate(self.world.holds.values()) if not hold.released]
        self.ask(there[which % len(there)], {}, None, True, "legal")
        self.confirm(len(self.world.changes) - 1, "compliance")

    @rule(which=WHICH)
    @where(lambda self: self.world.changes)
    def withdraw(self, which: int) -> None:
        request, change = one(self.world.changes, which)
        answer = self.doors.ask("compliance", "withdraw_hold_change", request)
        if change.state == "asked":
            assert not isinstance(answer, Refused), answer
            change.state = "withdrawn"
        else:
            assert answer == Refused(WRONG), answer

    @rule(which=WHICH)
    @where(lambda self: self.world.holds)
    def count(self, which: int) -> None:
        """What a hold preserves, and what had gone."""
        name, hold = one(self.world.holds, which)
        alone = World(people=self.world.people, holds={name: hold})
        held = [each for each in self.world.entries.values() if alone.is_held(each)]
        upto, found = 0, [0, 0, 0]
        while True:
            row = self.doors.does("legal", "hold_reach", name, upto, 400)
            found = [before + more for before, more in zip(found, row[1:], strict=True)]
            if row[0] is None:
                break
            upto = row[0]
        lost = [each for each in held if not each.payload or (each.commitment is not None and not each.has_original)]
        assert found == [sum(e.payload for e in held), sum(e.has_original for e in held), len(lost)]


def issuing(scope: Scope, days: int) -> tuple[Any, ...]:
    """What ``issue_hold`` takes behind the log."""
    return ("a matter", "litigation", written(scope), "asked for", days, 90)


def _any(values: tuple[str, ...], which: int) -> str:
    return values[which % len(values)]


def _part(scope: Scope, which: int) -> dict[str, Any]:
    """What a narrower scope has of a scope: all of it, or less of its lists."""
    kept = {key: value for key, value in scope.items() if key != "everything"}
    return {key: value[:1] if isinstance(value, list) and which % 2 else value for key, value in kept.items()}

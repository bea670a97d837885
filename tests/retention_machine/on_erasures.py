"""Erasing people: never what is held, and what a law asks to keep only where two people know it."""

from dataclasses import replace
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.database.raw import open_ticket
from tests.erasing.model import Erasure
from tests.retention_machine.doors import Refused
from tests.retention_machine.place import HELD, PEOPLE, WHICH, WRONG, Place, one, where
from unbroken.privacy.vault.holders import Holder

ORDER: Final = "0" * 64
CERTIFICATE: Final = "1" * 64


class Erasures(Place):
    """What people may do about them."""

    @rule(who=st.sampled_from(PEOPLE), despite=st.booleans())
    def ask_erasure(self, who: str, despite: bool) -> None:
        """One asks and another confirms."""
        dpo = self.doors.of("dpo")
        answer = self.doors.ask("dpo", "ask_erasure", open_ticket(dpo), [who], False, "C-1", "asked for", despite)
        assert not isinstance(answer, Refused), answer
        erasure = str(answer[0])
        self.world.erasures[erasure] = Erasure(frozenset(self.world.namesakes(who)), with_acted=False)
        self.world.despite_floors |= {erasure} if despite else set()
        self.doors.does("legal", "confirm_erasure", erasure)

    @rule(which=WHICH, many=st.integers(1, 6), limit=st.sampled_from([2, 1000]))
    @where(lambda self: self.world.erasures)
    def go_on_erasing(self, which: int, many: int, limit: int) -> None:
        """The next steps."""
        name, _ = one(self.world.erasures, which)
        for _ in range(many):
            case = self.world.erasures[name]
            if case.state == "asked" and not self._begun(name, case):
                return
            if case.state == "begun" and not self._erase_batch(name, limit):
                self._finished(name)
                return

    @rule(who=st.sampled_from(PEOPLE), limit=st.sampled_from([2, 1000]))
    def erase(self, who: str, limit: int) -> None:
        """All of it."""
        self.ask_erasure(who, True)
        self.go_on_erasing(len(self.world.erasures) - 1, 50, limit)

    def _begun(self, name: str, case: Erasure) -> bool:
        """Prepares and begins; refused as long as anything that would go is held."""
        row = self.doors.does("dpo", "prepare_erasure", name)
        ids, keys, upto = frozenset(row[0]), row[5], row[13]
        assert ids == frozenset(each for known in case.ids for each in self.world.namesakes(known))
        self._find_keys()
        assert set(keys) == self.world.keys_of_person(ids, upto)
        answer = self.doors.ask("dpo", "begin_erasure", name, keys, ORDER)
        case = replace(case, ids=ids, upto=upto, prepared=frozenset(keys))
        self.world.erasures[name] = case
        touches = self.world.touches_held(case)
        now = self.now()
        floored = any(
            due.kept_by_law(now) for entry in self.world.about(case) for due in self.world.due(entry).values()
        )
        floored = floored and name not in self.world.despite_floors
        if isinstance(answer, Refused):
            assert answer.state in {HELD if touches else WRONG, WRONG if floored else HELD}, answer
            assert touches or floored, answer
            return False
        assert not touches, "an erasure begins though it takes what is held"
        assert not floored, "an erasure begins that a law stands against and nobody spoke of"
        self.world.destroy(ids, keys)
        self.world.erasures[name] = replace(case, state="begun")
        return True

    def _find_keys(self) -> None:
        """Whoever is to be erased and had no key has been given one."""
        given = "select key_id, holder_kind, holder from unbroken.subject_keys where destroyed_seq is null"
        for key_id, kind, holder in self.doors.rows(given):
            if holder is not None:
                self.has_key(Holder(kind, holder), key_id)

    def _erase_batch(self, name: str, limit: int) -> bool:
        """Whether anything went."""
        row = self.doors.does("dpo", "erase_batch", name, limit)
        return self.erased(name, limit, row)

    def erased(self, name: str, limit: int, row: tuple[Any, ...]) -> bool:
        """Holds a batch against what it may take: what is about the person and not held."""
        case = self.world.erasures[name]
        held = self.world.held()
        may = {each.seq for each in self.world.about(case) if each.seq not in held}
        gone = self.gone()
        assert gone <= may
        assert len(gone) <= limit
        assert bool(gone) == bool(may), "a batch leaves something and says that it is through"
        assert (row[0] is None) == (not gone)
        self.world.erase(gone)
        return bool(gone)

    def gone(self) -> set[int]:
        """What the model has and the database has not any more."""
        rows = self.doors.rows("select p.seq from unbroken.payloads p union select o.seq from unbroken.originals o")
        there = {row[0] for row in rows}
        return {each.seq for each in self.world.entries.values() if (each.payload or each.has_original)} - there

    def _finished(self, name: str) -> None:
        case = self.world.erasures[name]
        answer = self.doors.ask("dpo", "finish_erasure", name, CERTIFICATE)
        left = self.world.about(case) or case.ids & self.world.people.keys()
        if isinstance(answer, Refused):
            assert answer.state in (HELD, WRONG), answer
            assert left, answer
        else:
            assert not left, answer
            self.world.erasures[name] = replace(case, state="done")

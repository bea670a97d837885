"""Disposing of what is due: frozen, proposed, reviewed, approved by another, announced, destroyed, found to be gone."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.retention_machine.doors import Refused
from tests.retention_machine.model import Decision, Disposal
from tests.retention_machine.place import DECIDE, WHICH, Place, one
from tests.retention_machine.policies import DOMAINS

LIMIT: Final = st.sampled_from([1, 1000, 5000])
CERTIFICATE: Final = "2" * 64
NEXT: Final = {
    "started": "propose", "proposed": "review", "reviewed": "approve", "approved": "begin", "begun": "batch",
    "emptied": "finish",
}  # fmt: skip
"""The step that a disposal waits for."""
STEPS: Final = tuple(NEXT.values())
_LOTS: Final = """
select array(select s from unnest(l.seqs) as r, generate_series(lower(r), upper(r) - 1) as s order by 1),
       l.done_seq is not null, l.sha256
  from unbroken.disposal_lots l where l.disposal = %s order by l.nth
"""


class Disposals(Place):
    """What people may do about them."""

    @rule(standing=st.booleans(), login=st.sampled_from(["retention", "retention", "compliance"]))
    def start(self, standing: bool, login: str) -> None:
        """A round begins. Of each kind there is one at a time."""
        there = [n for n, each in self.world.disposals.items() if each.standing == standing and each.is_open]
        answer = self.doors.ask(login, "start_disposal", standing)
        if login != "retention":
            assert isinstance(answer, Refused), answer
        elif isinstance(answer, Refused):
            assert there or self.world.rules is None or standing, answer
        elif there:
            assert str(answer[0]) == there[0], "two disposals of a kind at a time"
        else:
            self.world.disposals[str(answer[0])] = Disposal(standing, answer[1], login)

    @precondition(lambda self: self.world.disposals)
    @rule(which=WHICH, step=st.sampled_from(STEPS), login=st.sampled_from(["retention", *DECIDE, "ops"]), limit=LIMIT)
    def try_a_step(self, which: int, step: str, login: str, limit: int) -> None:
        """Any step of a disposal by anybody, in its order or not."""
        name, _ = one(self.world.disposals, which)
        self._step(step, name, login, limit)

    @precondition(lambda self: self.world.disposals)
    @rule(which=WHICH, many=st.integers(1, 8), limit=LIMIT, logins=st.permutations(DECIDE))
    def go_on(self, which: int, many: int, limit: int, logins: Sequence[str]) -> None:
        """The next steps of a disposal, each by somebody who may."""
        name, disposal = one(self.world.disposals, which)
        for _ in range(many):
            step = NEXT.get(disposal.state)
            if step is not None:
                self._step(step, name, {"review": logins[0], "approve": logins[1]}.get(step, "retention"), limit)

    @rule(standing=st.booleans(), limit=LIMIT, logins=st.permutations(DECIDE))
    def carry_out(self, standing: bool, limit: int, logins: Sequence[str]) -> None:
        """A whole round, after which nothing is left of what was due when it began and that nobody holds."""
        fresh = not any(each.standing == standing and each.is_open for each in self.world.disposals.values())
        self.start(standing, "retention")
        for at, disposal in enumerate(list(self.world.disposals.values())):
            if disposal.standing != standing or not disposal.is_open:
                continue
            self.go_on(at, 30, limit, logins)
            assert not disposal.is_open, disposal.state
            if fresh and disposal.state == "done":
                self.nothing_is_left(disposal)

    def nothing_is_left(self, disposal: Disposal) -> None:
        """After a completed run: by the database's own rows and the model's idea of what is due."""
        left, _ = self.world.candidates(self.now(), disposal.upto)
        held = {row[0] for row in self.doors.rows("select seq from unbroken.payloads")}
        assert {seq for seq in left & held if not disposal.standing or self.world.is_standing(seq)} == set()

    @precondition(lambda self: self.world.disposals)
    @rule(
        which=WHICH, login=st.sampled_from([*DECIDE, "retention"]), by_class=st.booleans(),
        domains=st.sampled_from([None, *DOMAINS]),
    )  # fmt: skip
    def decide(self, which: int, login: str, by_class: bool, domains: str | None) -> None:
        """Reviewers keep something for longer, or put it elsewhere."""
        name, disposal = one(self.world.disposals, which)
        if not disposal.candidates:
            return
        picked = self.world.entries[disposal.candidates[which % len(disposal.candidates)]]
        (class_,) = self.doors.rows("select class from unbroken.entries where seq = %s", picked.seq)
        until = None if domains else self.now() + timedelta(days=40)
        given = ([class_[0]], None) if by_class else (None, str(picked.seq))
        kind = "relabel" if domains else "extend"
        answer = self.doors.ask(
            login, "decide_disposal", name, kind, *given, until, [domains] if domains else None, "thought better"
        )
        may = login in DECIDE and disposal.state in ("proposed", "reviewed")
        assert may or isinstance(answer, Refused), answer
        if isinstance(answer, Refused):
            # After the review what was reviewed does not change any more.
            assert not may or disposal.state == "reviewed", answer
            return
        kinds, seqs = ([picked.kind], []) if by_class else ([], [picked.seq])
        into = frozenset([domains]) if domains else None
        disposal.decisions.append(Decision(frozenset(kinds), frozenset(seqs), until, into, answer[0]))

    @precondition(lambda self: self.world.disposals)
    @rule(which=WHICH, login=st.sampled_from([*DECIDE, "retention", "ops"]))
    def withdraw_disposal(self, which: int, login: str) -> None:
        name, disposal = one(self.world.disposals, which)
        answer = self.doors.ask(login, "withdraw_disposal", name, "not now")
        begun = disposal.state in ("begun", "emptied", "done", "withdrawn")
        assert isinstance(answer, Refused) or (not begun and login != "ops"), answer
        if not isinstance(answer, Refused):
            disposal.state = "withdrawn"

    # ---- steps ----

    def _step(self, step: str, name: str, login: str, limit: int) -> None:
        steps: dict[str, Callable[[str, Disposal, str, int], Any]] = {
            "propose": self._propose, "review": self._review, "approve": self._approve, "begin": self._begin,
            "batch": self._batch, "finish": self._finish,
        }  # fmt: skip
        disposal = self.world.disposals[name]
        before = disposal.state
        answer = steps[step](name, disposal, login, limit)
        may = NEXT.get(before) == step and login in self._may(step, disposal)
        assert may == (not isinstance(answer, Refused)) or before == disposal.state, (step, login, before, answer)
        assert not may or not isinstance(answer, Refused), (step, login, before, answer)

    @staticmethod
    def _may(step: str, disposal: Disposal) -> set[str]:
        """Who may take a step."""
        if step == "review":
            return set(DECIDE) - ({disposal.by} if not disposal.standing else set())
        if step == "approve":
            return set(DECIDE) - {disposal.by, disposal.reviewed_by or ""}
        return {"retention"}

    def _propose(self, name: str, disposal: Disposal, login: str, limit: int) -> Any:
        """Freezes what is due, lot by lot, and proposes it."""
        answer = self._frozen(name, login, max(limit, 100))
        if isinstance(answer, Refused):
            return answer
        now = self.now()
        answer = self.doors.ask(login, "propose_disposal", name)
        if isinstance(answer, Refused) or disposal.state != "started":
            return answer
        self._proposed(name, disposal, answer, now)
        return answer

    def _frozen(self, name: str, login: str, limit: int) -> Any:
        reached, upto = -1, 0
        while reached < upto:
            answer = self.doors.ask(login, "freeze_disposal", name, limit)
            if isinstance(answer, Refused):
                return answer
            assert answer[0] > reached or answer[0] >= answer[1], "freezing stands still"
            reached, upto = answer[0], answer[1]
        return None

    def _proposed(self, name: str, disposal: Disposal, answer: tuple[Any, ...], now: Any) -> None:
        """Holds what was frozen against what is due."""
        disposal.lots = [row[0] for row in self.doors.rows(_LOTS, name)]
        must, may = self.world.candidates(now, disposal.upto)
        if disposal.standing:
            must, may = ({seq for seq in seqs if self.world.is_standing(seq)} for seqs in (must, may))
        frozen = disposal.candidates
        assert must <= set(frozen) <= may, (must - set(frozen), set(frozen) - may)
        assert frozen == sorted(set(frozen))
        assert [len(lot) for lot in disposal.lots[:-1]] == [1000] * (len(disposal.lots) - 1)
        assert (answer[0] is None) == (not frozen)
        disposal.state = "withdrawn" if not frozen else "approved" if disposal.standing else "proposed"
        if frozen:
            (row,) = self.doors.rows("select sha256 from unbroken.disposals where disposal = %s", name)
            disposal.sha256 = row[0]

    def _review(self, name: str, disposal: Disposal, login: str, limit: int) -> Any:
        del limit
        answer = self.doors.ask(login, "review_disposal", name, disposal.sha256 or "0" * 64, "looked at")
        if not isinstance(answer, Refused) and disposal.state == "proposed":
            disposal.state, disposal.reviewed_by = "reviewed", login
        return answer

    def _approve(self, name: str, disposal: Disposal, login: str, limit: int) -> Any:
        del limit
        answer = self.doors.ask(login, "approve_disposal", name, disposal.sha256 or "0" * 64)
        if not isinstance(answer, Refused) and disposal.state == "reviewed":
            disposal.state = "approved"
        return answer

    def _begin(self, name: str, disposal: Disposal, login: str, limit: int) -> Any:
        del limit
        answer = self.doors.ask(login, "begin_disposal", name)
        if not isinstance(answer, Refused) and disposal.state == "approved":
            disposal.state = "begun"
        return answer

    def _batch(self, name: str, disposal: Disposal, login: str, limit: int) -> Any:
        """Destroys the next lots, but what is held or not due any more."""
        now = self.now()
        answer = self.doors.ask(login, "dispose_batch", name, limit)
        if not isinstance(answer, Refused) and disposal.state == "begun":
            self.disposed(name, disposal, answer, now)
        return answer

    def disposed(self, name: str, disposal: Disposal, answer: tuple[Any, ...] | None, now: Any) -> None:
        """Holds what a batch took against what it had to take."""
        rows = self.doors.rows(_LOTS, name)
        done = sum(row[1] for row in rows)
        seqs = [seq for lot in disposal.lots[disposal.done_lots : done] for seq in lot]
        assert all(row[1] for row in rows[:done]), "lots are through out of their order"
        goes = self.world.goes(disposal, seqs, now)
        if answer is not None:
            payloads = sum(self.world.entries[seq].payload for seq in goes)
            originals = sum(self.world.entries[seq].has_original for seq in goes)
            assert answer[1:3] == (payloads, originals), (answer, goes)
            assert (answer[0] is None) == (not seqs)
        self.world.dispose(goes)
        disposal.done_lots = done
        if done == len(rows):
            disposal.state = "emptied"

    def _finish(self, name: str, disposal: Disposal, login: str, limit: int) -> Any:
        """Looks whether it is gone from the files, and ends the round with its certificate."""
        del limit
        if disposal.state == "emptied" and login == "retention":
            self._vacuum(name)
        answer = self.doors.ask(login, "finish_disposal", name, CERTIFICATE)
        if not isinstance(answer, Refused) and disposal.state == "emptied":
            disposal.state = "done"
        return answer

    def _vacuum(self, name: str) -> None:
        raise NotImplementedError

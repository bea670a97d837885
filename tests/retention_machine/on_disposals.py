"""Disposing of what is due: frozen, proposed, reviewed, approved by another, announced, destroyed, found to be gone."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.retention_machine.doors import Refused
from tests.retention_machine.model import Decision, Disposal
from tests.retention_machine.place import DECIDE, LOT, NOT_GRANTED, SECOND, WHICH, WRONG, Place, one, where
from tests.retention_machine.policies import DOMAINS, PARTS

LIMIT: Final = st.sampled_from([1, 1000, 5000])
CERTIFICATE: Final = "2" * 64
NEXT: Final = {
    "started": "freeze", "frozen": "propose", "proposed": "review", "reviewed": "approve", "approved": "begin",
    "begun": "batch", "emptied": "look", "gone": "finish",
}  # fmt: skip
"""The step that a disposal waits for."""
EVERYBODY: Final = ("retention", *DECIDE, "ops")
_LOTS: Final = """
select l.part, array(select s from unnest(l.seqs) as r, generate_series(lower(r), upper(r) - 1) as s order by 1),
       l.done_seq is not null
  from unbroken.disposal_lots l where l.disposal = %s order by l.part, l.nth
"""
_THERE: Final = (
    "select seq, 'payloads' from unbroken.payloads union all select seq, 'originals' from unbroken.originals"
)
Answer = tuple[Any, ...] | Refused


class Disposals(Place):
    """What people may do about them."""

    @rule(standing=st.booleans(), login=st.sampled_from(["retention", "retention", "compliance"]))
    def start(self, standing: bool, login: str) -> None:
        """A round begins, or goes on. Of each kind there is one at a time."""
        there = {n: each for n, each in self.world.disposals.items() if each.standing == standing and each.is_open}
        answer = self.doors.ask(login, "start_disposal", standing)
        if login != "retention":
            assert answer == Refused(NOT_GRANTED), answer
        elif any(each.state not in ("started", "frozen") for each in there.values()):
            assert answer == Refused(WRONG), answer
        elif self.world.rules is None or (standing and not there and not self.world.standing_policies()):
            assert answer == (), answer
        else:
            assert not isinstance(answer, Refused), answer
            name, upto = str(answer[0]), answer[1]
            assert set(there) <= {name}, "two disposals of a kind at a time"
            self._started(name, there.get(name), Disposal(standing, upto, login, version=self.world.version))

    def _started(self, name: str, before: Disposal | None, new: Disposal) -> None:
        """A list that nobody has seen may be made anew, and is where the policies were changed or it is empty."""
        again = self.doors.rows("select reached = 0 from unbroken.disposals where disposal = %s", name)[0][0]
        if before is not None and not again:
            assert before.version == new.version
            assert before.state == "started" or before.candidates, "an empty list is kept"
            return
        self.world.disposals[name] = new

    @rule(which=WHICH, step=st.sampled_from(sorted(NEXT.values())), login=st.sampled_from(EVERYBODY), limit=LIMIT)
    @where(lambda self: self.world.disposals)
    def try_a_step(self, which: int, step: str, login: str, limit: int) -> None:
        """Any step of a disposal by anybody, in its order or not."""
        name, _ = one(self.world.disposals, which)
        self._step(step, name, login, limit)

    @rule(which=WHICH, many=st.integers(1, 8), limit=LIMIT, logins=st.permutations(DECIDE))
    @where(lambda self: self.world.disposals)
    def go_on(self, which: int, many: int, limit: int, logins: Sequence[str]) -> None:
        """The next steps of a disposal, each by somebody who may."""
        name, _ = one(self.world.disposals, which)
        for _ in range(many):
            step = NEXT.get(self.world.disposals[name].state)
            if step is not None:
                self._step(step, name, {"review": logins[0], "approve": logins[1]}.get(step, "retention"), limit)

    def carry_out(self, standing: bool, limit: int, logins: Sequence[str], between: Callable[[str, int], None]) -> None:
        """A whole round, with what comes ``between`` at each state of it.

        Nothing is left afterwards of what was due when it began and that nobody holds.
        """
        waits = [each for each in self.world.disposals.values() if each.standing == standing and each.is_open]
        if not any(each.state not in ("started", "frozen") for each in waits):
            self.start(standing, "retention")
        for at, name in enumerate(list(self.world.disposals)):
            if self.world.disposals[name].standing == standing and self.world.disposals[name].is_open:
                for _ in range(20):
                    between(self.world.disposals[name].state, at)
                    self.go_on(at, 1, limit, logins)
                disposal = self.world.disposals[name]
                assert disposal.state in ("done", "withdrawn") or disposal.is_stuck(self.world), disposal
                if not waits and disposal.state == "done":
                    self.nothing_is_left(name)

    def nothing_is_left(self, name: str) -> None:
        """After a completed run: by the database's own rows and the model's idea of what is due, but for decisions."""
        must, _ = self.world.candidates(name, self.now())
        decisions = self.world.disposals[name].decisions
        for part in PARTS:
            there = {seq for seq, entry_part in self.doors.rows(_THERE) if entry_part == part}
            due = {seq for seq, listed in must.items() if listed in ("both", part)}
            kept = {seq for seq in due if any(decision.is_for(self.world.entries[seq]) for decision in decisions)}
            assert (due - kept) & there == set(), "what is due and not held survives a completed run"

    @rule(
        which=WHICH, entry=WHICH, login=st.sampled_from([*DECIDE, *DECIDE, "retention"]), by_class=st.booleans(),
        domains=st.sampled_from([None, *DOMAINS]),
    )  # fmt: skip
    @where(lambda self: self.world.disposals)
    def decide(self, which: int, entry: int, by_class: bool, domains: str | None, login: str) -> None:
        """Reviewers keep something for longer, or put it elsewhere."""
        name, disposal = one(self.world.disposals, which)
        if not disposal.candidates:
            return
        picked = self.world.entries[disposal.candidates[entry % len(disposal.candidates)]]
        ((number,),) = self.doors.rows("select class from unbroken.entries where seq = %s", picked.seq)
        until = None if domains else self.now() + timedelta(days=40)
        what = ([number], None) if by_class else (None, str(picked.seq))
        into = [domains] if domains else None
        kind = "relabel" if domains else "extend"
        answer = self.doors.ask(login, "decide_disposal", name, kind, *what, until, into, "thought better")
        if login not in DECIDE:
            assert answer == Refused(NOT_GRANTED), answer
        elif disposal.standing or disposal.state not in ("proposed", "reviewed"):
            assert answer == Refused(WRONG), answer
        else:
            assert not isinstance(answer, Refused), answer
            kinds, seqs = ([picked.kind], []) if by_class else ([], [picked.seq])
            labels = frozenset(into) if into else None
            disposal.decisions.append(Decision(frozenset(kinds), frozenset(seqs), until, labels, answer[0]))
            disposal.is_decided_anew = disposal.state == "reviewed"

    @rule(which=WHICH, login=st.sampled_from(EVERYBODY))
    @where(lambda self: self.world.disposals)
    def withdraw_disposal(self, which: int, login: str) -> None:
        name, disposal = one(self.world.disposals, which)
        answer = self.doors.ask(login, "withdraw_disposal", name, "not now")
        if login == "ops":
            assert isinstance(answer, Refused), answer
        elif not isinstance(answer, Refused):
            assert disposal.state in ("proposed", "reviewed", "approved"), answer
            disposal.state = "withdrawn"
        else:
            assert login == "retention" or disposal.state not in ("proposed", "reviewed", "approved"), answer

    # ---- steps ----

    def _step(self, step: str, name: str, login: str, limit: int) -> None:
        """Takes one, which is refused to whoever may not and where it is not its turn."""
        disposal = self.world.disposals[name]
        before = disposal.state
        answer = getattr(self, f"_{step}")(name, disposal, login, limit)
        who = DECIDE if step in ("review", "approve") else ("retention",)
        if login not in who:
            assert answer == Refused(NOT_GRANTED), (step, answer)
        if NEXT.get(before) != step:
            # What was done can be asked for again, and is done once.
            assert self.world.disposals[name].state == before, (step, before)

    def _freeze(self, name: str, disposal: Disposal, login: str, limit: int) -> Answer:
        """Looks for candidates, lot by lot."""
        now, reached, upto = self.now(), -1, 0
        answer: Answer = ()
        while reached < upto:
            answer = self.doors.ask(login, "freeze_disposal", name, max(limit, 100))
            if isinstance(answer, Refused):
                stale = disposal.version != self.world.version
                assert login != "retention" or stale or disposal.state not in ("started", "frozen"), answer
                return answer
            assert answer[0] > reached or answer[0] >= answer[1], "freezing stands still"
            reached, upto = answer[0], answer[1]
        if disposal.state == "started":
            self._frozen(name, disposal, now)
        return answer

    def _frozen(self, name: str, disposal: Disposal, now: datetime) -> None:
        """Holds what was frozen against what is due."""
        disposal.lots = [(row[0], row[1]) for row in self.doors.rows(_LOTS, name)]
        must, may = self.world.candidates(name, now)
        frozen = {(seq, part) for part, lot in disposal.lots for seq in lot}
        assert set(must.items()) <= frozen <= set(may.items()), (must, frozen, may)
        assert len(disposal.candidates) == len(set(disposal.candidates))
        for part in ("both", *PARTS):
            lots = [lot for of, lot in disposal.lots if of == part]
            assert [seq for lot in lots for seq in lot] == sorted(seq for lot in lots for seq in lot)
            assert [len(lot) for lot in lots[:-1]] == [LOT] * len(lots[:-1])
        disposal.state = "frozen"

    def _propose(self, name: str, disposal: Disposal, login: str, limit: int) -> Answer:
        del limit
        answer = self.doors.ask(login, "propose_disposal", name)
        if isinstance(answer, Refused):
            assert login != "retention" or disposal.state != "frozen" or disposal.is_stuck(self.world), answer
        elif answer[0] is None:
            assert not disposal.candidates
        else:
            assert disposal.state == "frozen"
            disposal.state = "approved" if disposal.standing else "proposed"
            disposal.was_approved = disposal.standing
            ((disposal.sha256,),) = self.doors.rows("select sha256 from unbroken.disposals where disposal = %s", name)
        return answer

    def _review(self, name: str, disposal: Disposal, login: str, limit: int) -> Answer:
        del limit
        answer = self.doors.ask(login, "review_disposal", name, disposal.sha256, "looked at")
        if disposal.state in ("proposed", "reviewed") and login in DECIDE:
            assert not isinstance(answer, Refused), answer
            disposal.reviewed_by, disposal.is_decided_anew = login, False
            disposal.state = "reviewed"
        else:
            assert isinstance(answer, Refused), answer
        return answer

    def _approve(self, name: str, disposal: Disposal, login: str, limit: int) -> Answer:
        """By another person than reviewed it, and what was reviewed."""
        del limit
        answer = self.doors.ask(login, "approve_disposal", name, disposal.sha256)
        if login not in DECIDE:
            return answer
        if disposal.state != "reviewed":
            assert answer == Refused(WRONG), answer
        elif login == disposal.reviewed_by:
            assert answer == Refused(SECOND), answer
        elif disposal.is_decided_anew:
            assert answer == Refused(WRONG), answer
            self._review(name, disposal, login, 0)
        else:
            assert not isinstance(answer, Refused), answer
            disposal.state, disposal.was_approved = "approved", True
        return answer

    def _begin(self, name: str, disposal: Disposal, login: str, limit: int) -> Answer:
        del limit
        answer = self.doors.ask(login, "begin_disposal", name)
        if login == "retention" and disposal.state == "approved":
            assert not isinstance(answer, Refused), answer
            disposal.state = "begun"
        return answer

    def _batch(self, name: str, disposal: Disposal, login: str, limit: int) -> Answer:
        """Destroys the next lots, but what is held, or decided on, or not due any more."""
        now = self.now()
        answer = self.doors.ask(login, "dispose_batch", name, limit)
        if login == "retention" and disposal.state == "begun":
            assert not isinstance(answer, Refused), answer
            self.disposed(name, disposal, answer, now)
        return answer

    def disposed(self, name: str, disposal: Disposal, answer: tuple[Any, ...] | None, now: datetime) -> None:
        """Holds what a batch took, if it did, against what it had to take."""
        rows = self.doors.rows(_LOTS, name)
        done = sum(row[2] for row in rows)
        seqs = [seq for _, lot in disposal.lots[disposal.done_lots : done] for seq in lot]
        assert all(row[2] for row in rows[:done]), "lots are through out of their order"
        goes: dict[int, frozenset[str]] = {}
        for part, lot in disposal.lots[disposal.done_lots : done]:
            goes |= self.world.goes(disposal, part, lot, now)
        if answer is not None:
            payloads, originals = (sum(part in parts for parts in goes.values()) for part in ("payloads", "originals"))
            assert (answer[1], answer[2], answer[4]) == (payloads, originals, len(seqs) - len(goes)), (answer, goes)
            assert (answer[0] is None) == (not seqs)
        keys = self.world.dispose(goes)
        assert answer is None or answer[3] == len(keys), (answer, keys)
        disposal.done_lots = done
        ((emptied,),) = self.doors.rows(
            "select emptied_at is not null from unbroken.disposals where disposal = %s", name
        )
        assert not emptied or done == len(rows)
        if emptied:
            disposal.state = "emptied"

    def _look(self, name: str, disposal: Disposal, login: str, limit: int) -> Answer:
        """Whether it is gone from the files, which it is after a vacuum."""
        del limit
        if disposal.state == "emptied" and login == "retention":
            self.database.admin.execute("vacuum unbroken.payloads, unbroken.originals")
        answer = self.doors.ask(login, "note_gone", name)
        if disposal.state == "emptied" and login == "retention":
            assert answer == (True,), answer
            disposal.state = "gone"
        return answer

    def _finish(self, name: str, disposal: Disposal, login: str, limit: int) -> Answer:
        del limit
        answer = self.doors.ask(login, "finish_disposal", name, CERTIFICATE)
        if login == "retention" and disposal.state == "gone":
            assert not isinstance(answer, Refused), answer
            disposal.state = "done"
        return answer

"""Recording, holding, letting go, erasing and being interrupted in any order on a real PostgreSQL, held against a plain
model of what has to be kept and what may go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from tests.conftest import LOG, Server
from tests.retention_machine.interrupting import Interruptions
from tests.retention_machine.on_disposals import LIMIT, NEXT
from tests.retention_machine.on_holds import LISTS
from tests.retention_machine.on_policies import SETS, TOLD, Policies
from tests.retention_machine.place import AGENT, DECIDE, EVENTS, WHICH, Said, where
from tests.retention_machine.policies import ACCOUNTS, DOMAINS, PolicySet
from tests.retention_machine.two_people import who_acted_alone
from unbroken.store.log_reader import LogReader
from unbroken.verify.run import verify_log

_HELD: Final = """
select array(select p.seq from unbroken.payloads p join unbroken.entries e using (log, seq)
              where e.event_type not like 'log.%'),
       array(select o.seq from unbroken.originals o),
       array(select w.key_id from unbroken.wrapped_keys w),
       array(select i.pseudonym from unbroken.identities i),
       array(select e.seq from unbroken.entries e
              where e.event_type like 'log.%'
                and not exists (select from unbroken.payloads p where p.log = e.log and p.seq = e.seq))
"""
_STEPS: Final = """
select disposal::text, case when done_seq is not null then 'done' when withdrawn_seq is not null then 'withdrawn'
         when gone_at is not null then 'gone' when emptied_at is not null then 'emptied'
         when begun_seq is not null then 'begun'
         when approved_seq is not null then 'approved' when reviewed_seq is not null then 'reviewed'
         when proposed_seq is not null then 'proposed' else 'started' end
  from unbroken.disposals
"""


@dataclass(frozen=True)
class Between:
    """What comes between the steps of a round: holds at some of its states, a decision, an end in its midst."""

    holds: Mapping[str, dict[str, bool]]
    is_decided: bool
    is_ended: bool
    which: int


class Machine(Interruptions, Policies):
    """One log from its first entry on."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.often = 0
        self._there: tuple[set[int], set[int], set[str]] = (set(), set(), set())
        self._was_held: set[int] = set()

    @initialize(policies=SETS, told=st.tuples(TOLD, TOLD), events=st.lists(EVENTS, min_size=4, max_size=12))
    def begin(self, policies: PolicySet, told: tuple[timedelta, timedelta], events: Sequence[Said]) -> None:
        """Something has been recorded, and there are policies."""
        self.refill()
        self.name_people()
        self.change_policies(policies)
        for item, ago in zip(ACCOUNTS, told, strict=True):
            self.tell_start(item, ago, "legal")
        self.record(events)

    def teardown(self) -> None:
        """Looks at it all once more."""
        try:
            if self.world.entries:
                self.verify()
        finally:
            self.cleanup.close()

    @rule(events=st.lists(EVENTS, min_size=1, max_size=6))
    def record(self, events: Sequence[Said]) -> None:
        for said in events:
            self.say(said)

    @rule(said=EVENTS)
    @where(lambda self: self.often == 0)
    def record_often(self, said: Said) -> None:
        """Nobody's, as whoever is erased is erased a few entries at a time."""
        self.often += 1
        self.say_often(replace(said, actor=AGENT, subjects=frozenset(), session=None, sealed=False))

    @rule(
        events=st.lists(EVENTS, max_size=5), between=st.builds(
            Between, holds=st.dictionaries(st.sampled_from(sorted(NEXT)), LISTS, max_size=2), is_decided=st.booleans(),
            is_ended=st.booleans(), which=WHICH,
        ),
        standing=st.sampled_from([False, False, True]), limit=LIMIT, logins=st.permutations(DECIDE),
    )  # fmt: skip
    def let_go(
        self, events: Sequence[Said], between: Between, standing: bool, limit: int, logins: Sequence[str]
    ) -> None:  # fmt: skip
        """A round of disposal from what is recorded to its end, and what comes in its midst."""
        left = dict(between.holds)
        ended = not between.is_ended

        def come(state: str, at: int) -> None:
            nonlocal ended
            if state in left:
                self.issue(left.pop(state), None, between.which, 0, "legal")
                self.narrow(len(self.world.holds) - 1, {"agents": False})
            if state == "proposed" and between.is_decided and not standing:
                domains = None if between.which % 3 else DOMAINS[0]
                self.decide(at, between.which, between.which % 2 == 0, domains, "dpo")
            if state == "begun" and not ended:
                ended = True
                self.end_in_its_midst(between.which)

        self.record(events)
        self.carry_out(standing, limit, logins, come)

    def end_in_its_midst(self, which: int) -> None:
        """Whoever destroys is ended."""
        self.interrupt_disposing(which, 1000, which % 2 == 0, 0.001 * (which % 7))

    @rule()
    @where(lambda self: any(key.holder for key in self.world.keys.values()))
    def wait_for_weeks(self) -> None:
        self.let_time_pass()

    @rule()
    @where(lambda self: any(not hold.released for hold in self.world.holds.values()))
    def release_all(self) -> None:
        """Two people let go of everything."""
        while any(not hold.released for hold in self.world.holds.values()):
            self.release(0)

    @rule()
    def verify(self) -> None:
        """What is missing is accounted for, no more and no less; and nobody did alone what takes two."""
        with LogReader(self.database.conninfo("verifier"), LOG) as reader:
            report = verify_log(reader, expect=reader.head())
        assert report.findings == (), report.findings[:3]
        gone = [each for each in self.world.entries.values() if not each.payload]
        unsealed = [each for each in self.world.entries.values() if each.commitment and not each.has_original]
        assert (report.accounted.payloads, report.accounted.originals) == (len(gone), len(unsealed))
        assert who_acted_alone(self.doors.rows) == []

    # ---- what holds after every step ----

    @invariant()
    def nothing_is_lost(self) -> None:
        """The database holds what the model says; the log's own entries keep what they tell."""
        ((payloads, originals, keys, names, untold),) = self.doors.rows(_HELD)
        self._nothing_held_is_lost(set(payloads), set(originals), set(keys))
        world = self.world
        assert set(payloads) == {each.seq for each in world.entries.values() if each.payload}
        assert set(originals) == {each.seq for each in world.entries.values() if each.has_original}
        assert set(keys) == world.wrapped_by.keys()
        assert set(names) == world.people.keys()
        assert untold == []

    def _nothing_held_is_lost(self, payloads: set[int], originals: set[int], keys: set[str]) -> None:
        """Whatever the model expected of a step: it does not take what was held before it and is after it."""
        held = self.world.held()
        throughout = held & self._was_held
        before = self._there
        assert before[0] & throughout <= payloads, "a payload that is held is gone"
        assert before[1] & throughout <= originals, "an original that is held is gone"
        needed = {key for seq in before[1] & throughout for key in self.world.entries[seq].keys}
        assert before[2] & needed <= keys, "a key to what is held is gone"
        self._there, self._was_held = (payloads, originals, keys), held

    @invariant()
    def every_step_was_taken_that_the_model_knows_of(self) -> None:
        known = {name: each.state for name, each in self.world.disposals.items()}
        assert dict(self.doors.rows(_STEPS)) == {n: "started" if s == "frozen" else s for n, s in known.items()}

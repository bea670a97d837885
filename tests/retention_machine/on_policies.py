"""Policies, what their periods start with, and expiry that nobody is asked about."""

from datetime import timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.retention_machine.doors import Refused
from tests.retention_machine.model import Proposal, Standing
from tests.retention_machine.place import DECIDE, NOT_GRANTED, SECOND, WHICH, WRONG, Place, one, where
from tests.retention_machine.policies import (
    ACCOUNTS,
    CLOSED,
    DEFAULTS,
    LATELY,
    LONG_AGO,
    NAMED,
    YEARS_AGO,
    Policy,
    PolicySet,
)

SETS: Final = st.builds(
    lambda default, named: PolicySet(default, tuple(sorted(named, key=lambda each: each.id))),
    st.sampled_from([DEFAULTS[1], DEFAULTS[1], *DEFAULTS]),
    st.sets(st.sampled_from(NAMED), max_size=4),
)
TOLD: Final = st.sampled_from([LONG_AGO, LONG_AGO, LONG_AGO, YEARS_AGO, LATELY])
IDS: Final = sorted(each.id for each in (*DEFAULTS, *NAMED))


class Policies(Place):
    """What people may do about them."""

    @rule(policies=SETS, login=st.sampled_from([*DECIDE, "retention"]))
    def propose_policies(self, policies: PolicySet, login: str) -> None:
        answer = self.doors.ask(login, "propose_policies", policies.text, "a test", '{"entries":1}')
        if login not in DECIDE:
            assert answer == Refused(NOT_GRANTED), answer
        elif policies == self.world.rules:
            assert answer == Refused(WRONG), answer
        else:
            assert not isinstance(answer, Refused), answer
            self.world.sets[str(answer[0])] = Proposal(policies, login)

    @rule(which=WHICH, login=st.sampled_from(DECIDE))
    @where(lambda self: self.world.sets)
    def confirm_policies(self, which: int, login: str) -> None:
        """Whoever proposed them can't; nor can anybody once others are in force that came later."""
        version, proposal = one(self.world.sets, which)
        answer = self.doors.ask(login, "confirm_policies", int(version))
        newer = any(int(v) > int(version) and p.state == "confirmed" for v, p in self.world.sets.items())
        if proposal.state == "proposed" and login == proposal.by:
            assert answer == Refused(SECOND), answer
        elif proposal.state != "proposed" or newer:
            assert answer == Refused(WRONG), answer
        else:
            assert not isinstance(answer, Refused), answer
            proposal.state = "confirmed"

    @rule(policies=SETS)
    def change_policies(self, policies: PolicySet) -> None:
        """Two people at once."""
        if policies != self.world.rules:
            self.propose_policies(policies, "dpo")
            self.confirm_policies(len(self.world.sets) - 1, "compliance")

    @rule(which=WHICH)
    @where(lambda self: self.world.sets)
    def withdraw_policies(self, which: int) -> None:
        version, proposal = one(self.world.sets, which)
        answer = self.doors.ask("legal", "withdraw_policies", int(version))
        if proposal.state == "proposed":
            assert not isinstance(answer, Refused), answer
            proposal.state = "withdrawn"
        else:
            assert answer == Refused(WRONG), answer

    @rule(item=st.sampled_from(ACCOUNTS), ago=TOLD, login=st.sampled_from(["legal", "compliance", "server", "dpo"]))
    def tell_start(self, item: str, ago: timedelta, login: str) -> None:
        """An account was closed; told anew where it was wrong."""
        at = self.now() - ago
        answer = self.doors.ask(login, "tell_start", CLOSED, item, at, "a letter")
        if login == "dpo":
            assert answer == Refused(NOT_GRANTED), answer
        else:
            assert not isinstance(answer, Refused), answer
            self.world.starts[item] = at

    # ---- standing approvals ----

    @rule(policies=st.sets(st.sampled_from(IDS), min_size=1), login=st.sampled_from([*DECIDE, "retention"]))
    def ask_standing(self, policies: set[str], login: str) -> None:
        answer = self.doors.ask(login, "ask_standing", sorted(policies), self.now() + timedelta(days=90), "often")
        if login not in DECIDE:
            assert answer == Refused(NOT_GRANTED), answer
        elif isinstance(answer, Refused):
            # Of policies that are none at the moment.
            assert answer == Refused(WRONG), answer
            assert policies - {each.id for each in self._present()}, answer
        else:
            asked = frozenset(each for each in self._present() if each.id in policies)
            self.world.standings[str(answer[0])] = Standing(asked, login)

    def _present(self) -> tuple[Policy, ...]:
        return () if self.world.rules is None else self.world.rules.all

    @rule(which=WHICH, login=st.sampled_from(DECIDE))
    @where(lambda self: self.world.standings)
    def confirm_standing(self, which: int, login: str) -> None:
        approval, standing = one(self.world.standings, which)
        answer = self.doors.ask(login, "confirm_standing", approval)
        if standing.state == "asked" and login == standing.by:
            assert answer == Refused(SECOND), answer
        elif standing.state == "asked":
            assert not isinstance(answer, Refused), answer
            standing.state = "confirmed"
        else:
            assert answer in (Refused(WRONG), Refused(SECOND)), answer

    @rule(policies=st.sets(st.sampled_from(IDS), min_size=4))
    def approve_beforehand(self, policies: set[str]) -> None:
        """Two people at once."""
        known = policies & {each.id for each in self._present()}
        if known:
            self.ask_standing(known, "legal")
            self.confirm_standing(len(self.world.standings) - 1, "compliance")

    @rule(which=WHICH)
    @where(lambda self: self.world.standings)
    def end_standing(self, which: int) -> None:
        """One person is enough to be asked again."""
        approval, standing = one(self.world.standings, which)
        answer = self.doors.ask("dpo", "end_standing", approval, "no more")
        if standing.state == "ended":
            assert answer == Refused(WRONG), answer
        else:
            assert not isinstance(answer, Refused), answer
            standing.state = "ended"

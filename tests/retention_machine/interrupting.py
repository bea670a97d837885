"""Sessions that end in the middle of what they do: all of it was done, or nothing."""

from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.retention_machine.model import Hold, Version
from tests.retention_machine.on_disposals import LIMIT, Disposals
from tests.retention_machine.on_erasures import Erasures
from tests.retention_machine.on_holds import Holds, issuing
from tests.retention_machine.place import WHICH, one, where

SOON: Final = st.sampled_from([0.0, 0.0005, 0.001, 0.002, 0.005, 0.02])
"""Seconds: from before it began to after it was through."""
AT_A_ROW_S: Final = 0.05


class Interruptions(Disposals, Erasures, Holds):
    """What may be interrupted."""

    @rule(which=WHICH, limit=LIMIT, at_row=st.booleans(), soon=SOON)
    @where(lambda self: any(each.state == "begun" for each in self.world.disposals.values()))
    def interrupt_disposing(self, which: int, limit: int, at_row: bool, soon: float) -> None:
        """At a payload that it is about to delete, or at any moment."""
        begun = {name: each for name, each in self.world.disposals.items() if each.state == "begun"}
        name, disposal = one(begun, which)
        left = [seq for _, lot in disposal.lots[disposal.done_lots :] for seq in lot if self.world.entries[seq].payload]
        row = ("payloads", left[which % len(left)]) if at_row and left else None
        now = self.now()
        self.doors.amid("retention", "dispose_batch", name, limit).ended(
            at_row=row, after_s=soon if row is None else AT_A_ROW_S
        )
        self.disposed(name, disposal, None, now)

    @rule(which=WHICH, limit=st.sampled_from([2, 1000]), soon=SOON)
    @where(lambda self: any(each.state == "begun" for each in self.world.erasures.values()))
    def interrupt_erasing(self, which: int, limit: int, soon: float) -> None:
        name, case = one({n: each for n, each in self.world.erasures.items() if each.state == "begun"}, which)
        self.doors.amid("dpo", "erase_batch", name, limit).ended(at_row=None, after_s=soon)
        gone = self.gone()
        assert gone <= {each.seq for each in self.world.about(case)} - self.world.held()
        self.world.erase(gone)

    @rule(which=WHICH, soon=SOON)
    def interrupt_issuing(self, which: int, soon: float) -> None:
        """A hold that its issuer got no answer for may be there."""
        scope: dict[str, Any] = {"sessions": ["s-1" if which % 2 else "s-2"]}
        self.doors.amid("legal", "issue_hold", *issuing(scope, 0)).ended(at_row=None, after_s=soon)
        for (hold,) in self.doors.rows("select hold::text from unbroken.holds"):
            self.world.holds.setdefault(hold, Hold([Version(scope)], 0))

    @rule(which=WHICH, soon=SOON)
    @where(lambda self: any(change.state == "asked" for change in self.world.changes.values()))
    def interrupt_releasing(self, which: int, soon: float) -> None:
        request, change = one({n: each for n, each in self.world.changes.items() if each.state == "asked"}, which)
        second = "legal" if change.by == "compliance" else "compliance"
        self.doors.amid(second, "confirm_hold_change", request).ended(at_row=None, after_s=soon)
        ((outcome,),) = self.doors.rows("select outcome from unbroken.hold_requests where request = %s", request)
        if outcome == "confirmed":
            self.changed(change)

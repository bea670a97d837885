"""Attacks on what has to be kept and what goes: policies, legal holds, disposal."""

from typing import Final

from tests.attacks.check import APPEND_ONLY, Check, Step, accepted, harmless, refused, told_apart

_SECOND: Final = ("UB008",)
_OUT_OF_ORDER: Final = ("UB009",)
_HELD: Final = ("UB014",)
_POLICIES: Final[tuple[Step, ...]] = (("compliance", "{propose_policies}"), ("legal", "{confirm_policies}"))
"""Policies by which what was recorded is to go at once."""
_ISSUED: Final[tuple[Step, ...]] = (("legal", "{issue_hold}"),)
_ASKED: Final[tuple[Step, ...]] = (*_ISSUED, ("legal", "{ask_release}"))
_PROPOSED: Final[tuple[Step, ...]] = (
    *_POLICIES,
    ("retention", "{start_disposal}"),
    ("retention", "{freeze_disposal}"),
    ("retention", "{propose_disposal}"),
)
_REVIEWED: Final[tuple[Step, ...]] = (*_PROPOSED, ("compliance", "{review_disposal}"))
_APPROVED: Final[tuple[Step, ...]] = (*_REVIEWED, ("dpo", "{approve_disposal}"))
_BEGUN: Final[tuple[Step, ...]] = (*_APPROVED, ("retention", "{begin_disposal}"))

_ON_HOLDS: Final = (
    Check(
        id="H01a",
        who="legal",
        tried="confirms the release of a hold that it asked for",
        stands="who asks and who confirms must be two logins",
        judge=refused(*_ASKED, ("legal", "{confirm_release}"), by=_SECOND),
        alone=True,
    ),
    Check(
        id="H01b",
        who="compliance, after legal asked",
        tried="confirms the release of a hold",
        stands="a control: it must go through",
        judge=accepted(*_ASKED, ("compliance", "{confirm_release}")),
        sound="a control",
        alone=True,
    ),
    Check(
        id="H01c",
        who="dpo",
        tried="asks for the release of a hold",
        stands="no EXECUTE: legal and compliance do",
        judge=refused(*_ISSUED, ("dpo", "{ask_release}")),
        alone=True,
    ),
    Check(
        id="H02a",
        who="owner",
        tried="ends a hold by hand",
        stands="the guard on rows wants the entry of a confirmed release, and all of its grace period",
        judge=refused(*_ISSUED, ("owner", "{end_hold_by_hand}"), by=APPEND_ONLY),
        alone=True,
    ),
    Check(
        id="H02b",
        who="owner",
        tried="makes a hold cover less by hand",
        stands="the guard on rows: a scope is what was issued, or narrowed by two",
        judge=refused(*_ISSUED, ("owner", "{narrow_by_hand}"), by=APPEND_ONLY),
        alone=True,
    ),
    Check(
        id="H02c",
        who="owner",
        tried="deletes holds",
        stands="the guard on rows",
        judge=refused(*_ISSUED, ("owner", "{delete_holds}"), by=APPEND_ONLY),
        alone=True,
    ),
    Check(
        id="H02d",
        who="owner",
        tried="confirms a release by hand, in somebody else's name",
        stands="the guard on rows wants the entry of another login's confirmation",
        judge=refused(*_ASKED, ("owner", "{release_by_hand}"), by=APPEND_ONLY),
        alone=True,
    ),
    *(
        Check(
            id=f"H03{letter}",
            who=who,
            tried="reads which matters there are, and what they hold",
            stands=stands,
            judge=harmless(*_ISSUED, (who, "{read_holds}")),
            alone=True,
        )
        for letter, who, stands in (
            ("a", "ops", "no privilege on the table"),
            ("b", "retention", "no privilege: whoever disposes learns how much is held, and not by what"),
            ("c", "subjects", "no privilege"),
            ("d", "reads_all", "forced policies, which are made for roles by name"),
        )
    ),
    Check(
        id="H03e",
        who="ops",
        tried="asks for the list of holds",
        stands="no EXECUTE",
        judge=refused(*_ISSUED, ("ops", "{list_holds}")),
        alone=True,
    ),
    Check(
        id="H03f",
        who="ops, with a ticket",
        tried="looks for a hold's entries in the log",
        stands="a policy on entries: operations see none of the holds'",
        judge=told_apart(*_ISSUED, ("ops", "{open}"), ("ops", "commit"), ("ops", "{see_holds}"), expected=0),
        alone=True,
    ),
    Check(
        id="H03g",
        who="ops",
        tried="issues a hold",
        stands="no EXECUTE: legal and compliance do",
        judge=refused(("ops", "{issue_hold}")),
    ),
    Check(
        id="H04a",
        who="retention, after legal issued a hold",
        tried="destroys what had been approved before",
        stands="holds are looked at again under the lock that both take",
        judge=told_apart(*_BEGUN, *_ISSUED, ("retention", "{dispose_batch}"), expected=0),
        alone=True,
    ),
    Check(
        id="H04b",
        who="owner, while a disposal is under way",
        tried="deletes what a hold covers",
        stands="the guard on rows asks the holds, whoever deletes",
        judge=refused(*_BEGUN, *_ISSUED, ("owner", "{delete_listed}"), by=_HELD),
        alone=True,
    ),
    Check(
        id="H04c",
        who="dpo, after a second person confirmed",
        tried="erases somebody of whom something is held",
        stands="an erasure waits for the hold, and destroys no key before",
        judge=refused(
            *_ISSUED,
            ("dpo", "{open_for_case}"),
            ("dpo", "commit"),
            ("dpo", "{ask_erasure}"),
            ("dpo", "commit"),
            ("legal", "{confirm_erasure}"),
            ("dpo", "{begin_erasure}"),
            by=_HELD,
        ),
        alone=True,
    ),
)

_ON_DISPOSAL: Final = (
    Check(
        id="H05a",
        who="retention",
        tried="approves the disposal that it proposed",
        stands="no EXECUTE: those who decide do, and the schema wants another login",
        judge=refused(*_REVIEWED, ("retention", "{approve_disposal}")),
        alone=True,
    ),
    Check(
        id="H05b",
        who="compliance",
        tried="approves the disposal that it reviewed",
        stands="who reviews and who approves must be two logins",
        judge=refused(*_REVIEWED, ("compliance", "{approve_disposal}"), by=_SECOND),
        alone=True,
    ),
    Check(
        id="H05c",
        who="dpo",
        tried="approves a disposal that nobody reviewed",
        stands="a disposal takes its steps in order",
        judge=refused(*_PROPOSED, ("dpo", "{approve_disposal}"), by=_OUT_OF_ORDER),
        alone=True,
    ),
    Check(
        id="H05d",
        who="dpo",
        tried="approves another list than the one that is proposed",
        stands="an approval names the list's hash",
        judge=refused(*_REVIEWED, ("dpo", "{approve_another}"), by=_OUT_OF_ORDER),
        alone=True,
    ),
    Check(
        id="H05e",
        who="retention",
        tried="begins a disposal that nobody approved",
        stands="a disposal takes its steps in order",
        judge=refused(*_REVIEWED, ("retention", "{begin_disposal}"), by=_OUT_OF_ORDER),
        alone=True,
    ),
    Check(
        id="H05f",
        who="retention, after two people approved",
        tried="disposes of what is due",
        stands="a control: it must go through",
        judge=accepted(*_BEGUN, ("retention", "{dispose_batch}")),
        sound="a control",
        alone=True,
    ),
    Check(
        id="H06a",
        who="owner",
        tried="approves a disposal by hand",
        stands="the guard on rows wants the entry of another login's approval",
        judge=refused(*_REVIEWED, ("owner", "{approve_by_hand}"), by=APPEND_ONLY),
        alone=True,
    ),
    Check(
        id="H06b",
        who="owner",
        tried="puts more on the list than was approved",
        stands="the guard on rows: a list does not change once it is proposed",
        judge=refused(*_APPROVED, ("owner", "{list_more}"), by=APPEND_ONLY),
        alone=True,
    ),
    Check(
        id="H06c",
        who="owner, while a disposal is under way",
        tried="deletes payloads that are not on its list along with it",
        stands="the guard on rows: only what is listed, and never the log's own",
        judge=refused(*_BEGUN, ("owner", "{delete_unlisted}"), by=APPEND_ONLY),
        alone=True,
    ),
    Check(
        id="H06d",
        who="retention",
        tried="drops a partition that is in use",
        stands="what is not empty, or the newest, is not dropped",
        judge=told_apart(("retention", "{drop_used}"), expected=False),
    ),
    Check(
        id="H07a",
        who="compliance",
        tried="confirms the policies that it proposed",
        stands="who proposes and who confirms must be two logins",
        judge=refused(("compliance", "{propose_policies}"), ("compliance", "{confirm_policies}"), by=_SECOND),
        alone=True,
    ),
    Check(
        id="H07b",
        who="owner",
        tried="shortens a period in the policies that are in force",
        stands="the guard on rows: policies are what was proposed, and their hash with them",
        judge=refused(("owner", "{shorten_policies}"), by=APPEND_ONLY),
    ),
    Check(
        id="H07c",
        who="retention",
        tried="tells that a period began long ago",
        stands="no EXECUTE",
        judge=refused(("retention", "{tell_start}")),
    ),
    Check(
        id="H07d",
        who="owner",
        tried="dates what a period began with back by hand",
        stands="the guard on rows wants the entry that tells it",
        judge=refused(("owner", "{forge_start}"), by=APPEND_ONLY),
    ),
    Check(
        id="H07e",
        who="owner",
        tried="puts entries into a class of which policies let go sooner",
        stands="the guard on rows: entries do not change",
        judge=refused(("owner", "{change_class}"), by=APPEND_ONLY),
    ),
    Check(
        id="H07f",
        who="dpo",
        tried="approves alone, for months, of what policies let go",
        stands="who asks and who confirms must be two logins",
        judge=refused(("dpo", "{ask_standing}"), ("dpo", "{confirm_standing}"), by=_SECOND),
        alone=True,
    ),
    Check(
        id="H07g",
        who="retention",
        tried="asks for such an approval for itself",
        stands="no EXECUTE",
        judge=refused(("retention", "{ask_standing}")),
    ),
)

CHECKS: Final = (*_ON_HOLDS, *_ON_DISPOSAL)

"""Acts that need two people, by one."""

from typing import Final

from tests.attacks.check import APPEND_ONLY, Check, Step, accepted, refused

_ASKED: Final[Step] = ("access", "{ask_dangerous}")

CHECKS: Final = (
    Check(
        id="W04",
        who="writer",
        tried="approves the call that it asked approval for",
        stands="the door: nobody decides what it asked for itself",
        judge=refused(("writer", "{ask_to_act}"), ("writer", "commit"), ("writer", "{approve_own}"), by=("UB005",)),
        alone=True,
    ),
    Check(
        id="W06a",
        who="access",
        tried="confirms its own request for a dangerous duty",
        stands="requester and confirmer must be two logins",
        judge=refused(_ASKED, ("access", "commit"), ("access", "{confirm_dangerous}"), by=("UB008",)),
        alone=True,
    ),
    Check(
        id="W06b",
        who="a second administrator of access",
        tried="confirms the request of the first",
        stands="a control: it must go through",
        judge=accepted(_ASKED, ("access2", "{confirm_dangerous}")),
        sound="a control",
        alone=True,
    ),
    Check(
        id="W06c",
        who="access",
        tried="asks for a second duty for a colleague, who could then confirm and read",
        stands="a login has one duty",
        judge=refused(("access", "{ask_for_second}"), by=("UB008",)),
    ),
    Check(
        id="W06d",
        who="access",
        tried="grants itself something",
        stands="nobody grants to itself",
        judge=refused(("access", "{ask_for_itself}"), by=("UB008",)),
    ),
    Check(
        id="W07a",
        who="owner",
        tried="rewrites a grant",
        stands="the guard on rows lets a grant be revoked, and nothing else of it change",
        judge=refused(("owner", "{change_permit}"), by=APPEND_ONLY),
    ),
    Check(
        id="W07b",
        who="owner",
        tried="deletes grants",
        stands="the guard on rows",
        judge=refused(("owner", "delete from {small}"), by=APPEND_ONLY),
    ),
    Check(
        id="W07c",
        who="owner",
        tried="makes a grant by hand",
        stands="the guard on rows wants the entry that it begins with",
        judge=refused(("owner", "{forge_permit}"), by=APPEND_ONLY),
    ),
)

"""Attacks on what was really said: sealed originals, the keys to them, and the erasure of a person."""

from typing import Final

from tests.attacks.check import APPEND_ONLY, Check, Step, accepted, harmless, refused, residual

_NOT_ASKED: Final = ("UB007",)
_OUT_OF_ORDER: Final = ("UB009",)
_TICKET: Final[tuple[Step, ...]] = (("dpo", "{open_for_case}"), ("dpo", "commit"))
_ASKED: Final[tuple[Step, ...]] = (*_TICKET, ("dpo", "{ask_erasure}"), ("dpo", "commit"))
_CONFIRMED: Final[tuple[Step, ...]] = (*_ASKED, ("legal", "{confirm_erasure}"))
_BEGUN: Final[tuple[Step, ...]] = (*_CONFIRMED, ("dpo", "{begin_erasure}"))

CHECKS: Final = (
    *(
        Check(
            id=f"V01{letter}",
            who=who,
            tried="reads the wrapped private halves of vault keys",
            stands=stands,
            judge=harmless((who, "{read_wrapped}")),
        )
        for letter, who, stands in (
            ("a", "writer", "no privilege: whoever records can seal, and holds nothing that opens"),
            ("b", "verifier", "no privilege: a verifier is told which are gone, and gets none"),
            ("c", "dpo", "no privilege on the table, for no duty"),
            ("d", "reads_all", "forced policies, which are made for roles by name"),
        )
    ),
    Check(
        id="V02a",
        who="compliance, with a ticket",
        tried="reads sealed originals, past the functions that leave an entry",
        stands="no privilege on the column: which entries have one is all that is read",
        judge=refused(("compliance", "{open}"), ("compliance", "commit"), ("compliance", "{read_sealed}")),
        alone=True,
    ),
    Check(
        id="V02b",
        who="dpo, with a ticket",
        tried="takes sealed originals without asking for them first",
        stands="they are given for an opening, which is an entry",
        judge=refused(*_TICKET, ("dpo", "{originals_unasked}"), by=_NOT_ASKED),
        alone=True,
    ),
    Check(
        id="V02c",
        who="dpo, with a ticket",
        tried="asks for originals, takes them, and rolls both back",
        stands="an opening gives nothing in the transaction that made it",
        judge=refused(*_TICKET, ("dpo", "{ask_originals}"), ("dpo", "{originals_asked}"), by=_NOT_ASKED),
        alone=True,
    ),
    Check(
        id="V02d",
        who="dpo, with a ticket",
        tried="asks for originals and takes them",
        stands="a control: it must go through",
        judge=accepted(*_TICKET, ("dpo", "{ask_originals}"), ("dpo", "commit"), ("dpo", "{originals_asked}")),
        sound="a control",
        alone=True,
    ),
    Check(
        id="V02e",
        who="dpo, with an opening",
        tried="takes keys of originals that it did not ask for",
        stands="only keys that the originals of the opening are sealed to",
        judge=refused(*_TICKET, ("dpo", "{ask_originals}"), ("dpo", "commit"), ("dpo", "{other_keys}"), by=("UB008",)),
        alone=True,
    ),
    Check(
        id="V02f",
        who="dpo",
        tried="takes all wrapped keys as if to wrap them anew, and rolls the record of it back",
        stands="nothing is given in the transaction that asked",
        judge=refused(*_TICKET, ("dpo", "{ask_rewrapping}"), ("dpo", "{take_wrapped}"), by=_NOT_ASKED),
        alone=True,
    ),
    Check(
        id="V02g",
        who="owner",
        tried="makes an opening by hand, so that originals are given without an entry",
        stands="the guard on rows wants the entry that says the same",
        judge=refused(("owner", "{forge_opening}"), by=APPEND_ONLY),
    ),
    Check(
        id="V03a",
        who="writer",
        tried="records an original sealed to a key of its own making, which erasure would not reach",
        stands="the door: only keys of this log's vault",
        judge=refused(("writer", "{seal_to_own}"), by=("UB001",)),
    ),
    Check(
        id="V03b",
        who="owner",
        tried="gives somebody's key to somebody else",
        stands="the guard on rows: a key is assigned once",
        judge=refused(("owner", "{reassign_key}"), by=APPEND_ONLY),
    ),
    Check(
        id="V03c",
        who="owner",
        tried="puts a public half of its own in the place of a key's",
        stands="the guard on rows; past it, ids are made from the key, and recorders want the log key's endorsement",
        judge=refused(("owner", "{swap_public}"), by=APPEND_ONLY),
    ),
    Check(
        id="V03d",
        who="writer",
        tried="empties the pool of keys with holders that it makes up, so that nobody's originals can be kept",
        stands="nothing bounds it: who records can stop recording. Keys name the login that took them: revoke, refill",
        judge=residual(("writer", "{empty_pool}")),
        sound="the same everywhere",
    ),
    Check(
        id="V04a",
        who="owner",
        tried="deletes wrapped keys, and with them what they open",
        stands="the guard on rows: a private half goes with its key, whose end is an entry",
        judge=refused(("owner", "{delete_wrapped}"), by=APPEND_ONLY),
    ),
    Check(
        id="V04b",
        who="owner",
        tried="deletes sealed originals",
        stands="the guard on rows, while no erasure of somebody they are about is under way",
        judge=refused(("owner", "{delete_originals}"), by=APPEND_ONLY),
    ),
    Check(
        id="V04c",
        who="dpo",
        tried="wraps all keys anew, as something that no key unwraps",
        stands="the database can't tell; log.vault_rewrapping names the login, and a backup has the old ones",
        judge=residual(*_TICKET, ("dpo", "{ask_rewrapping}"), ("dpo", "commit"), ("dpo", "{spoil_keys}")),
        sound="the same everywhere",
        alone=True,
    ),
    Check(
        id="V05a",
        who="dpo",
        tried="confirms the erasure that it asked for",
        stands="who asks and who confirms must be two logins",
        judge=refused(*_ASKED, ("dpo", "{confirm_erasure}"), by=("UB008",)),
        alone=True,
    ),
    Check(
        id="V05b",
        who="dpo",
        tried="begins an erasure that nobody confirmed",
        stands="an erasure takes its steps in order",
        judge=refused(*_ASKED, ("dpo", "{begin_with_no_keys}"), by=_OUT_OF_ORDER),
        alone=True,
    ),
    Check(
        id="V05c",
        who="legal",
        tried="carries out the erasure that it confirmed",
        stands="no EXECUTE: a dpo carries out",
        judge=refused(*_CONFIRMED, ("legal", "{begin_with_no_keys}")),
        alone=True,
    ),
    Check(
        id="V05d",
        who="dpo",
        tried="begins with other keys than were ordered",
        stands="the keys are the person's at this moment, or it has to be prepared anew",
        judge=refused(*_CONFIRMED, ("dpo", "{prepare_erasure}"), ("dpo", "{begin_with_no_keys}"), by=_OUT_OF_ORDER),
        alone=True,
    ),
    Check(
        id="V05e",
        who="dpo",
        tried="carries out what was withdrawn",
        stands="what is withdrawn goes no further",
        judge=refused(*_CONFIRMED, ("legal", "{withdraw_erasure}"), ("dpo", "{begin_erasure}"), by=_OUT_OF_ORDER),
        alone=True,
    ),
    Check(
        id="V05f",
        who="dpo, after a second person confirmed",
        tried="erases somebody",
        stands="a control: it must go through",
        judge=accepted(*_BEGUN),
        sound="a control",
        alone=True,
    ),
    Check(
        id="V05g",
        who="owner",
        tried="confirms an erasure by hand",
        stands="the guard on rows wants the entry of another login's confirmation",
        judge=refused(*_ASKED, ("owner", "{confirm_by_hand}"), by=APPEND_ONLY),
        alone=True,
    ),
    Check(
        id="V05h",
        who="owner, while somebody is erased",
        tried="deletes payloads of somebody else along with theirs",
        stands="the guard on rows: only what is about the person, and never the log's own",
        judge=refused(*_BEGUN, ("owner", "{erase_of_others}"), by=APPEND_ONLY),
        alone=True,
    ),
    Check(
        id="V05i",
        who="owner",
        tried="erases somebody alone, as if after a restore",
        stands="log.erasure_reapplied tells of it with an order that the ledger outside does not have",
        judge=residual(("owner", "{erase_again}")),
        sound="the same everywhere",
    ),
    Check(
        id="V06a",
        who="dpo",
        tried="opens reading on a server that was restored, before what was erased is erased again",
        stands="no EXECUTE: `unbroken recover` does it, as the owner",
        judge=refused(("dpo", "{open_reads}")),
    ),
    Check(
        id="V06b",
        who="owner",
        tried="opens reading by hand",
        stands="the guard on rows wants the entry that says so",
        judge=refused(("owner", "{open_by_hand}"), by=APPEND_ONLY),
    ),
)

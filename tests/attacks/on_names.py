"""Attacks on who stands behind a pseudonym, and on the registry that says how data is treated."""

from typing import Final

from tests.attacks.check import APPEND_ONLY, Check, Step, accepted, refused

NOT_ASKED: Final = ("UB007",)
_TICKET: Final[tuple[Step, ...]] = (("compliance", "{open}"), ("compliance", "commit"))

CHECKS: Final = (
    Check(
        id="U07a",
        who="writer",
        tried="reads who stands behind the pseudonyms that it records",
        stands="no privilege on tables: a writer is told pseudonyms alone",
        judge=refused(("writer", "{read_identities}")),
    ),
    Check(
        id="U07b",
        who="verifier",
        tried="reads who stands behind pseudonyms, as it reads everything else",
        stands="no privilege: a verifier proves pseudonyms and needs no names",
        judge=refused(("verifier", "{read_identities}")),
    ),
    Check(
        id="U07c",
        who="compliance, with a ticket",
        tried="reads the table of names, past the function that leaves an entry",
        stands="no privilege on the table, for no duty",
        judge=refused(*_TICKET, ("compliance", "{read_identities}")),
        alone=True,
    ),
    Check(
        id="U08a",
        who="compliance, with a ticket",
        tried="sees names without asking for them first",
        stands="names are given for a look-up, which is an entry",
        judge=refused(*_TICKET, ("compliance", "{names_unasked}"), by=NOT_ASKED),
        alone=True,
    ),
    Check(
        id="U08b",
        who="compliance, with a ticket",
        tried="asks for names, sees them, and rolls both back",
        stands="a look-up gives nothing in the transaction that made it",
        judge=refused(*_TICKET, ("compliance", "{ask_names}"), ("compliance", "{names_asked}"), by=NOT_ASKED),
        alone=True,
    ),
    Check(
        id="U08c",
        who="compliance, with a ticket",
        tried="asks for names and sees them",
        stands="a control: it must go through",
        judge=accepted(
            *_TICKET, ("compliance", "{ask_names}"), ("compliance", "commit"), ("compliance", "{names_asked}")
        ),
        sound="a control",
        alone=True,
    ),
    Check(
        id="U08d",
        who="legal, with a ticket",
        tried="uses the look-up of somebody else, whose entry it can read",
        stands="a look-up is good for the login that asked",
        judge=refused(
            *_TICKET,
            ("compliance", "{ask_names}"),
            ("legal", "{open_for_case}"),
            ("legal", "commit"),
            ("legal", "{names_asked}"),
            by=NOT_ASKED,
        ),
        alone=True,
    ),
    Check(
        id="U09a",
        who="writer",
        tried="registers another name for a pseudonym that is somebody's",
        stands="a pseudonym stands for one name, for ever",
        judge=refused(("writer", "{take_pseudonym}"), by=("UB009",)),
    ),
    Check(
        id="U09b",
        who="owner",
        tried="puts another name behind a pseudonym",
        stands="the guard on rows",
        judge=refused(("owner", "{change_identity}"), by=APPEND_ONLY),
    ),
    Check(
        id="U09c",
        who="owner",
        tried="deletes who stands behind pseudonyms",
        stands="the guard on rows: there is no orderly erasure yet",
        judge=refused(("owner", "{delete_identities}"), by=APPEND_ONLY),
    ),
    Check(
        id="U09d",
        who="owner",
        tried="makes a look-up by hand, so that names are given without an entry",
        stands="the guard on rows wants the entry that says the same",
        judge=refused(("owner", "{forge_look_up}"), by=APPEND_ONLY),
    ),
    Check(
        id="U10a",
        who="owner",
        tried="puts a registry in force that nobody loaded",
        stands="the guard on rows wants the entry of the load, with the text's hash",
        judge=refused(("owner", "{forge_registry}"), by=APPEND_ONLY),
    ),
    Check(
        id="U10b",
        who="owner",
        tried="rewrites the registry that is in force",
        stands="the guard on rows",
        judge=refused(("owner", "{change_registry}"), by=APPEND_ONLY),
    ),
    Check(
        id="U10c",
        who="writer",
        tried="loads a registry that asks for no redaction",
        stands="no EXECUTE: compliance loads, and each load is an entry",
        judge=refused(("writer", "{load_registry}")),
    ),
    Check(
        id="U11",
        who="writer",
        tried="approves its own call under another pseudonym of the same person",
        stands="the door knows which pseudonyms are one person's",
        judge=refused(
            ("writer", "{ask_to_act_as_one}"), ("writer", "commit"), ("writer", "{approve_as_another}"), by=("UB005",)
        ),
        alone=True,
    ),
)

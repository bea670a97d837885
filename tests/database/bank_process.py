"""A process of an agent that pauses for an approval: ``python -m tests.database.bank_process CONNINFO KEY DO [WHAT]``.

DO is ``call``, which prints what became of the call, or ``approve`` or ``deny``, of the request WHAT. Nothing is kept
between two processes but the log.
"""

import sys

import unbroken
from tests.conftest import LOG
from unbroken.core.keyed import LogKey
from unbroken.errors import NotApprovedError


def main(conninfo: str, key: str, do: str, what: str = "") -> None:
    with unbroken.connect(conninfo, log=LOG, key=LogKey.from_text(key)) as trail:
        if do == "call":
            print(_call(trail))
        else:
            print(trail.decide(what, "approve" if do == "approve" else "deny", by="alice").state)


def _call(trail: unbroken.Trail) -> str:
    @trail.tool(side_effect=True, requires_approval=True)
    def wire(iban: str, amount: int) -> str:
        return f"wired {amount} to {iban}"

    try:
        with trail.session("s-1", actor="u-7", agent="teller") as session, session.turn("wire it") as turn:
            with trail.called_as("call_1"):
                done = wire("NL-1", 5)
            turn.respond(done)
    except NotApprovedError as error:
        return f"{error.state} {error.request_id}"
    return done


if __name__ == "__main__":
    main(*sys.argv[1:])

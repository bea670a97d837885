"""``unbroken demo``: from an agent's conversations to forgeries that are found out, in one command."""

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

import unbroken
from unbroken import wiring
from unbroken.cli.demo_page import WIDTH, Page
from unbroken.cli.demo_protection import Loaded, ProtectionStep
from unbroken.cli.ending import ending_in_order
from unbroken.cli.printing import console
from unbroken.cli.reading import open_read
from unbroken.cli.timeline_view import TimelineView
from unbroken.core.entry import Head
from unbroken.demo import agent, registry
from unbroken.demo.clinic import Clinic
from unbroken.demo.conversations import CONVERSATIONS, NORMAL
from unbroken.demo.folder import running_server
from unbroken.demo.signing import Signed, sign
from unbroken.demo.tampering import TAMPERINGS, Tampering, copied, forge, refusal
from unbroken.investigate.timeline import timeline_of
from unbroken.store.embedded import DATABASE, SUPERUSER, EmbeddedServer
from unbroken.store.log_reader import LogReader
from unbroken.verify.finding import Report
from unbroken.verify.run import verify_log

LOG: Final = "clinic.example/agents"


def demo(
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="FOLDER", help="Keep the database, in this new folder.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", "--no-pause", help="Don't pause between the steps.")] = False,
) -> None:
    """Watch an agent being recorded, and forgeries of its record being found.

    Starts a PostgreSQL in a temporary folder, lets the agent of a small
    clinic answer three calls, tells what of them is masked, shows one,
    verifies the log, forges copies of it and verifies those. Needs no key
    and no network, and takes a few seconds. The exit code is 0 only if
    nothing masked was on the disk and every forgery was found.

    \b
    Examples:
      unbroken demo
      unbroken demo --keep my-first-log
    """
    out = console()
    out.width = min(out.width, WIDTH)
    page = Page(out, pauses=out.is_terminal and not fast)
    try:
        found = _Demo(page, keep).run()
    except KeyboardInterrupt:
        page.say("Stopped, and nothing is left behind." if keep is None else f"Stopped. {keep} is as far as it got.")
        raise typer.Exit(130) from None
    if not found:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Demo:
    """The steps in order, each with what it says."""

    page: Page
    keep: Path | None

    def run(self) -> bool:
        """Whether every forgery was found."""
        self._introduce()
        begun = time.monotonic()
        status = self.page.console.status("Starting PostgreSQL and recording ...")
        with status, ending_in_order(), running_server(self.keep) as server:
            loaded = self._record(server)
            status.stop()
            self._tell_recorded(server, seconds=time.monotonic() - begun)
            self.page.heading(2, "Protect")
            clean = ProtectionStep(self.page, server, LOG, loaded, self._store).run()
            self._show(server)
            head, signed = self._verify(server)
            found = self._tamper(server, signed)
        self._sum_up(found)
        self._point_on(head)
        return clean and all(found)

    @property
    def _store(self) -> str:
        """How a command is told of the folder, where that is one to stay."""
        return "" if self.keep is None else f" --store {shlex.quote(str(self.keep))}"

    def _introduce(self) -> None:
        self.page.say(
            "The agent of a small clinic answers three calls. All that it does is recorded in PostgreSQL, in a log "
            "where each entry holds the hash of the one before it, and nothing that is recognised as personal stands "
            "in clear. Then copies of the log are forged, to see whether "
            "that is noticed. Clinic, callers and language model are invented: no key and no network is needed."
        )

    def _record(self, server: EmbeddedServer) -> Loaded:
        wiring.prepare_embedded(server, LOG)
        loaded = Loaded(*registry.load(server.conninfo(wiring.READER), log=LOG))
        clinic = Clinic()
        with unbroken.open(server.folder, log=LOG) as trail:
            for conversation in CONVERSATIONS:
                conversation.hold(trail, clinic)
        return loaded

    def _tell_recorded(self, server: EmbeddedServer, *, seconds: float) -> None:
        self.page.heading(1, "Record")
        self.page.say(
            f"A PostgreSQL was started in {server.folder}, and the calls were recorded there, in {seconds:.1f} s "
            f"altogether. The agent's login, {wiring.WRITER}, may add entries and do nothing else."
        )
        with LogReader(server.conninfo(wiring.VERIFIER), LOG) as reader:
            entries = {session.session_id: session.entries for session in reader.sessions(limit=len(CONVERSATIONS))}
        self.page.table(
            ("session", "caller", "what happens", "turns", "entries"),
            [
                (call.session_id, call.caller, call.about, len(call.questions), entries[call.session_id])
                for call in CONVERSATIONS
            ],
            numbers=("turns", "entries"),
        )
        self.page.say(
            "Each tool call was in the log before the tool's code ran. The agent is an ordinary loop with ordinary "
            f"functions as tools; copy from it: {agent.__file__}"
        )

    def _show(self, server: EmbeddedServer) -> None:
        self.page.heading(3, "Read")
        self.page.say(
            "The first call, entry by entry: number in the log (the first five say who may do what, and how "
            "data is treated), time since the call began, who or what, and what."
        )
        self.page.commands(f"unbroken show {NORMAL.session_id}{self._store}")
        with open_read(str(server.folder), LOG, scope={"what": "demo", "session": NORMAL.session_id}) as reading:
            entries = [entry for lot in reading.reader.entries(session=NORMAL.session_id) for entry in lot]
            for entry in entries:
                reading.shown(entry)
        self.page.console.print(TimelineView(timeline_of(entries)))
        self.page.say(
            f"This look is on record as well: who looked, when and what for is entry {reading.ticket.seq} of the log, "
            "and how much was shown is the next one."
        )

    def _verify(self, server: EmbeddedServer) -> tuple[Head, Signed]:
        self.page.heading(4, "Verify")
        self.page.say("Every hash, number and stored content is computed anew and compared.")
        head = self._verified(server, DATABASE).head
        self.page.quote([("head to keep", str(head))])
        self.page.say("The head is the number and the hash of the last entry. With it, there is one log that fits:")
        self._verified(server, DATABASE, expect=head)
        with LogReader(server.conninfo(wiring.VERIFIER), LOG) as reader:
            signed = sign(reader)
        self.page.say(
            "A notary, which is a process of its own, signs the log's Merkle tree with a key that the database never "
            "sees, and hands the signed checkpoint to places that the database's owner can't reach (`unbroken "
            "checkpoint run`). Here this program signs once, with a key of its own, and keeps the checkpoint:"
        )
        self.page.quote([("", line) for line in signed.note.splitlines()])
        return head, signed

    def _verified(
        self, server: EmbeddedServer, dbname: str, *, expect: Head | None = None, signed: Signed | None = None
    ) -> Report:
        """Verifies as the verifier login, and shows it as the command does."""
        store = self._store if dbname == DATABASE else ""
        against = "" if signed is None else " --anchors anchors.toml"
        self.page.commands(f"unbroken verify{store}{against}{'' if expect is None else f' --expect {expect}'}")
        with LogReader(server.conninfo(wiring.VERIFIER, dbname), LOG) as reader:
            report = verify_log(reader, expect=expect, outside=None if signed is None else signed.outside)
        self.page.report(report, expect=expect)
        return report

    def _tamper(self, server: EmbeddedServer, signed: Signed) -> list[bool]:
        self.page.heading(5, "Forge")
        self.page.say(
            "Somebody wants the record to say that the caller's dose is 50 mg and not 5 mg. The database refuses:"
        )
        with copied(server) as copy:
            self.page.quote(
                [
                    (f"to the agent's login, {wiring.WRITER}", refusal(server.conninfo(wiring.WRITER, copy))),
                    (f"to the superuser, {SUPERUSER}", refusal(server.conninfo(SUPERUSER, copy))),
                ]
            )
        self.page.say(
            "A superuser can still take the guards away by force, and then change anything. Here that is done, each "
            "time in a fresh copy of the database, and the copy is verified."
        )
        return [
            self._found(server, tampering, title=f"{letter}) {tampering.done}", signed=signed)
            for letter, tampering in zip("abcd", TAMPERINGS, strict=False)
        ]

    def _found(self, server: EmbeddedServer, tampering: Tampering, *, title: str, signed: Signed) -> bool:
        self.page.say(title, style="bold")
        with copied(server) as copy:
            seq = forge(tampering, server.conninfo(SUPERUSER, copy))
            report = self._verified(server, copy)
            if tampering.hidden:
                self.page.say("From inside, nothing is to be seen. The signed checkpoint tells:")
                report = self._verified(server, copy, signed=signed)
        found = any(
            finding.kind == tampering.kind and (tampering.hidden or finding.seq == seq) for finding in report.findings
        )
        self.page.say(tampering.why_found if found else "NOT FOUND. This should not happen; please report it.")
        return found

    def _sum_up(self, found: list[bool]) -> None:
        self.page.heading(6, "What this shows, and what not")
        self.page.say(
            f"Shown: {sum(found)} of {len(found)} forgeries were found, those of single entries at their place. A "
            "superuser can't be kept from changing or destroying data, but it does not go unnoticed."
        )
        self.page.say(
            "Masking is as good as its rules: what they don't recognise, such as a name in a sentence, stays in clear. "
            "So keep a log as strictly as what it is about."
        )
        self.page.say(
            "Not shown: that what the agent recorded is true; only that it is what was recorded. And this program is "
            "no outside: what was recorded after the last checkpoint that stands out of the forger's reach could be "
            "rewritten unnoticed. How to sign every minute, and where to: docs/checkpoints.md and docs/anchors.md."
        )

    def _point_on(self, head: Head) -> None:
        self.page.heading(7, "Go on")
        if self.keep is None:
            self.page.say("The temporary folder is gone and its PostgreSQL stopped. To keep the log and look around:")
            self.page.commands("unbroken demo --keep my-first-log")
        else:
            self.page.say(f"The log is kept in {self.keep}; its PostgreSQL starts when a command needs it. Try:")
            commands = (f"verify --expect {head}", "sessions", "show call-2042", "tail")
            self.page.commands(*(f"unbroken {command}{self._store}" for command in commands))
        self.page.say("A log of your own; tail shows what is being recorded, while it is, in a second terminal:")
        self.page.commands("unbroken init --store audit", "unbroken tail --store audit")
        self.page.say('And in your agent: trail = unbroken.open("audit")')

"""The step of the example that holds what was said against what the log holds of it."""

from dataclasses import dataclass
from typing import Final

import msgspec

from unbroken import wiring
from unbroken.cli.demo_page import Page
from unbroken.cli.reading import open_read
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.demo import registry
from unbroken.demo.conversations import NORMAL
from unbroken.demo.searching import files_with
from unbroken.investigate.short_forms import ShortForms, is_scanned
from unbroken.privacy.people import People
from unbroken.store.embedded import EmbeddedServer
from unbroken.store.log_reader import LogReader

MASKED: Final = (NORMAL.caller, "12 May 1968", "nora.lindqvist@mail.example", "P-1042")
"""What is personal in the first call, and recognised."""
UNMASKED: Final = ("Nora Lindqvist", "ramipril")
"""What is not masked, and has to be found, or the search would show nothing."""
CALL_BACK: Final = "to call back"
"""What the caller's name is asked for."""
_SAID: Final = (NORMAL.questions[0].text, NORMAL.questions[2].text)


@dataclass(frozen=True)
class Loaded:
    """The registry's version, and the entry that tells of it."""

    version: int
    seq: int


@dataclass(frozen=True)
class ProtectionStep:
    """What this step looks at: the log in a folder's server, and the registry that was loaded before the calls."""

    page: Page
    server: EmbeddedServer
    log: str
    loaded: Loaded
    store: str
    """How a command is told of the folder."""

    def run(self) -> bool:
        """Whether nothing that was to be masked is on the disk."""
        forms = ShortForms()
        caller, entries = self._read()
        self.page.say(
            "What callers say is personal. What is recognised as such is masked before it leaves the agent's process, "
            "and people are recorded under pseudonyms:"
        )
        said = {text: forms.text(self._stored(text, entries), scanned=True) for text in _SAID}
        self.page.compare(
            ("on the telephone", "in the log"),
            [(f"{NORMAL.caller} calls.", f"{forms.name(caller)} calls."), *said.items()],
        )
        self.page.say(
            "The same value has the same placeholder wherever it comes up, so it can be followed, and without the "
            "log's key nobody can try values out. Names in sentences stay: to tell them from other words takes a "
            "model, which can be plugged in."
        )
        clean = self._search()
        self._tell_registry()
        self._ask_name(caller, forms.name(caller))
        return clean

    def _read(self) -> tuple[str, list[StoredEntry]]:
        """Under which name the first caller stands, and the entries of the call."""
        with LogReader(self.server.conninfo(wiring.VERIFIER), self.log) as reader:
            entries = [entry for lot in reader.entries(session=NORMAL.session_id) for entry in lot]
        return decode_event(entries[0].event).actor_id, entries

    def _stored(self, said: str, entries: list[StoredEntry]) -> str:
        """What the log holds of something that was said: the request in the same place."""
        events = [(entry, decode_event(entry.event)) for entry in entries]
        requests = [entry for entry, event in events if event.event_type == "request" and is_scanned(event)]
        number = [question.text for question in NORMAL.questions].index(said)
        return str(msgspec.json.decode(requests[number].inputs or b'""'))

    def _search(self) -> bool:
        self.page.say("Who gets hold of the disk and looks into every file of the database finds, of the first call:")
        found = files_with(self.server.folder, [*MASKED, *UNMASKED])
        self.page.quote([(text, _found_in(found[text])) for text in (*MASKED, *UNMASKED)])
        clean = not any(found[text] for text in MASKED) and all(found[text] for text in UNMASKED)
        if not clean:
            self.page.say("This should not happen; please report it.", style="bold")
        return clean

    def _tell_registry(self) -> None:
        known = registry.loaded(self.loaded.version)
        self.page.say(
            f"How the tools' data is treated is said in one file, version {self.loaded.version} of the log's registry "
            f"(entry {self.loaded.seq}). Copy from it: {registry.FILE}"
        )
        rows = []
        for entry in known.tools.entries:
            said = known.classified({"tool": entry.name})
            effect = "yes" if said.side_effect else ""
            rows.append((entry.name, said.classification or "", ", ".join(sorted(said.domains)), effect))
        self.page.table(("tool", "classification", "domains", "side effect"), rows, numbers=())

    def _ask_name(self, pseudonym: str, short: str) -> None:
        self.page.say(f"Somebody in compliance has to call back and asks who {short} is. To ask is to be on record:")
        self.page.commands(f"unbroken names {short} --session {NORMAL.session_id} --purpose '{CALL_BACK}'{self.store}")
        scope = {"what": "names", "session": NORMAL.session_id}
        with open_read(str(self.server.folder), self.log, scope=scope, purpose=CALL_BACK) as reading:
            people = People(reading.reader, reading.ticket, [wiring.embedded_key(self.server.folder)])
            people.look_up([pseudonym])
        first = reading.ticket.seq
        self.page.quote(
            [
                (short, people.names[pseudonym]),
                (f"entry {first}", f"{wiring.READER} reads: {CALL_BACK}"),
                (f"entry {first + 1}", f"and asks for the name behind {short}"),
            ]
        )


def _found_in(files: int) -> str:
    return "nowhere" if files == 0 else f"in {files} file{'' if files == 1 else 's'}"

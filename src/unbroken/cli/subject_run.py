"""One run of carrying an erasure out: what has to be so before, the steps, and the look at what is left."""

import hashlib
from dataclasses import dataclass
from typing import Final

from unbroken.cli.asking import agreed
from unbroken.cli.late_progress import LateProgress
from unbroken.cli.printing import counted
from unbroken.cli.subject_options import command
from unbroken.cli.subject_view import print_amounts, print_request
from unbroken.errors import ConfigurationError
from unbroken.privacy.erasure.beginning import Beginning, check_free
from unbroken.privacy.erasure.ending import Ending
from unbroken.privacy.erasure.records import CertificateNote
from unbroken.privacy.erasure.signing import Signing
from unbroken.privacy.erasure.writing import Looked, Now
from unbroken.store.erasures import Erasure, Erasures
from unbroken.store.log_reader import LogReader

TO_CHECK: Final = "to check that an erasure left nothing"
"""What the log is read for at the end, as it records it."""


@dataclass(frozen=True)
class Run:
    """One run of the command."""

    reader: LogReader
    door: Erasures
    signing: Signing
    store: str

    @property
    def ending(self) -> Ending:
        return Ending(self.door, self.signing, self._look)

    def check_state(self, row: Erasure) -> None:
        """Raises :class:`ConfigurationError` for an erasure that can't be carried out, and says what it takes."""
        what = {
            "asked": "it waits for a second person: "
            + command(self.store, self.door.log, "subject", "confirm", row.erasure),
            "withdrawn": "it was withdrawn",
            "expired": "nobody confirmed it, or carried it out, in time: ask for it anew",
        }.get(row.state)
        if what is not None:
            raise ConfigurationError(f"this erasure can't be carried out: {what}. Nothing was destroyed")

    def check_ledger(self, row: Erasure) -> None:
        """Raises :class:`ConfigurationError` where the ledger lacks what this log's erasures began with."""
        records = self.signing.records()
        begun = [each for each in self.door.all() if each.order_sha256 is not None]
        lacking = [each for each in begun if records.order(each.order_sha256 or "") is None]
        if not lacking:
            return
        if row.erasure in {each.erasure for each in lacking}:
            self.ending.order_of(row)
        raise ConfigurationError(
            f"the ledger {self.signing.ledger.path} lacks the orders of {counted(len(lacking), 'erasure')} of this "
            f"log, such as {lacking[0].erasure}: it is another one, or was cut. Name the right one; where it is lost, "
            "--new-ledger begins another, and whatever is left of the old one has to be kept for `unbroken recover`. "
            "Nothing was destroyed"
        )

    def agreed(self, row: Erasure, *, yes: bool, quiet: bool) -> bool:
        """Shows what will be destroyed, and whether whoever runs this says yes."""
        found = self.door.prepare(row.erasure)
        if not quiet:
            print_request(row, log=self.door.log)
            print_amounts(found)
        check_free(row, found)
        new = "" if self.signing.ledger.exists() else f" The ledger {self.signing.ledger.path} is new."
        return agreed(f"Destroy this for good?{new}", yes=yes)

    def to_the_end(self, row: Erasure, *, limit: int) -> CertificateNote:
        """Begins, or goes on, and finishes."""
        if row.begun_seq is None:
            order = Beginning(self.door, self.signing, self._now).begin(row)
        else:
            order = self.ending.order_of(row)
        with LateProgress("erasing") as progress:
            self.ending.destroy(row.erasure, of=order.order.counts.payloads, limit=limit, progress=progress)
        return self.ending.finish(row.erasure, order)

    def _now(self) -> Now:
        stated = self.reader.stated_head()
        if stated is None:
            raise ConfigurationError("the log is empty")
        return Now(self.door.log, f"{stated.head.seq}:{stated.head.hash}", stated.now, self.door.login())

    def _look(self, row: Erasure) -> Looked:
        """What there is of the person now, under a ticket of its own."""
        scope = {"what": "subject carry-out", "request": row.erasure}
        ticket = self.reader.open_ticket(purpose=TO_CHECK, case=row.case or "erasure", scope=scope)
        outcome, seen = "failed", hashlib.sha256()
        told = []
        try:
            person = self.door.find_person(ticket, row.subjects, with_acted=row.with_acted)
            told = self.door.told_since(row.begun_seq or 0)
            for each in told:
                seen.update(each.hash)
            outcome = "complete"
        finally:
            self.reader.close_ticket(ticket, outcome=outcome, count=len(told), digest=seen.hexdigest())
        return Looked(self._now(), person, told)

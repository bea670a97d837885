"""How it stands with a notary at work, for whoever watches it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from unbroken.errors import ContinuityError, ContradictionError, UnbrokenError
from unbroken.notary.memory import Signed
from unbroken.notary.metrics import Gauge
from unbroken.store.checkpoints import NotaryState


@dataclass
class Standing:
    """What was found and done last. ``failures`` counts rounds and looks that failed one after another."""

    log: str
    state: NotaryState | None = None
    signed: Signed | None = None
    looked_at: datetime | None = None
    error: UnbrokenError | None = None
    failures: int = 0

    def well(self, state: NotaryState, *, at: datetime, signed: Signed | None = None) -> None:
        """A look, or a round, that found nothing wrong."""
        self.log, self.state, self.looked_at = state.log, state, at
        self.signed = signed or self.signed
        self.error, self.failures = None, 0

    def failed(self, error: UnbrokenError) -> None:
        """One that did not get to its end."""
        self.error = error
        self.failures += 1

    @property
    def refuses(self) -> bool:
        """Whether the notary will not sign what it finds, or the log is closed."""
        return isinstance(self.error, ContradictionError | ContinuityError)

    def figures(self) -> Iterator[Gauge]:
        """The same for a monitor."""
        labels = {"log": self.log.partition("~")[0]}

        def gauge(name: str, what: str, value: float) -> Gauge:
            return Gauge(f"unbroken_{name}", what, value, labels)

        yield gauge("notary_failures", "Looks and rounds that failed since the last good one.", self.failures)
        yield gauge("notary_refuses", "1 where the log is closed or is not what was signed.", self.refuses)
        if self.looked_at is not None:
            at = self.looked_at.timestamp()
            yield gauge("notary_looked_timestamp_seconds", "When the notary last found nothing wrong.", at)
        if self.state is not None:
            yield gauge("log_entries", "The number of the log's newest entry.", self.state.head)
            yield gauge("log_incarnation", "The log's incarnation.", int(self.state.log.rpartition("~")[2]))
            takes = self.state.is_confirmed and not self.refuses
            yield gauge("log_takes_entries", "1 where the log takes entries.", takes)
        if self.signed is not None:
            size, at = self.signed.checkpoint.size, self.signed.at.timestamp()
            yield gauge("checkpoint_entries", "Entries under the newest checkpoint.", size)
            yield gauge("checkpoint_timestamp_seconds", "The time that the newest checkpoint states.", at)

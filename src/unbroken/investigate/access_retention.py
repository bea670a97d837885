"""Who decided what is kept and what goes: steps of policies, holds and disposals, as their entries tell them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from unbroken.investigate.access_entries import RETENTION_TYPES
from unbroken.investigate.printable import printable
from unbroken.investigate.retention_entries import RETENTION_WORDS
from unbroken.verify.replay.act import Statement


@dataclass(frozen=True, slots=True)
class RetentionStep:
    """One step: its entry, when, the login that took it, the entry's type, and what it says in printable words."""

    seq: int
    at: datetime
    by: str
    type: str
    words: str

    @property
    def name(self) -> str:
        """What kind of step it is, in words."""
        return self.type.removeprefix("log.").replace("_", " ")


def retention_steps(told: Iterable[Statement]) -> Iterator[RetentionStep]:
    """The steps that entries tell of, in order; of what a disposal destroyed its end alone, not each batch."""
    for each in told:
        is_batch = each.type == "log.disposed" and each.details.get("complete") is not True
        if each.type in RETENTION_TYPES and not is_batch:
            words = printable(RETENTION_WORDS[each.type](each.details))
            yield RetentionStep(each.seq, each.at, each.login, each.type, words)

"""What an incarnation declares of the one before it: where that ends, and what of it is lost."""

from dataclasses import dataclass

from unbroken.core.entry import Head


@dataclass(frozen=True, slots=True)
class Continuation:
    """``log`` goes on after ``after``, which it took over up to the head ``kept``.

    ``lost`` are the first and the last of the entries that had been signed and are gone; ``None`` where none is known
    to be. What came after the last checkpoint is not among them: nobody knew it. ``also`` are incarnations between the
    two that are lost as a whole.
    """

    log: str
    after: str
    kept: Head
    lost: tuple[int, int] | None
    reason: str
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        lost = [] if self.lost is None else [f"entries {self.lost[0]:,} to {self.lost[1]:,}"]
        if not lost and not self.also:
            return f"{self.log} continues {self.after} after entry {self.kept.seq:,}, with no known loss"
        return f"{self.log} continues {self.after} after the loss of {' and '.join((*lost, *self.also))}"

    def explains(self, head: Head, beyond: int) -> bool:
        """Whether a log that ends at ``head`` was declared to have lost the entries up to ``beyond``."""
        return head == self.kept and self.declares(beyond)

    def declares(self, seq: int) -> bool:
        """Whether this entry of the earlier incarnation is among those that are declared lost."""
        return self.lost is not None and self.kept.seq < seq <= self.lost[1]

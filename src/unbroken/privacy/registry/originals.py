"""Which events keep, sealed, what they were before redaction, and what happens to one that can't be sealed."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Keep: TypeAlias = Literal["always", "never", "domains"]
WithoutKey: TypeAlias = Literal["stop", "record"]
KEEP: Final = ("always", "never", "domains")
WITHOUT_KEY: Final = ("stop", "record")


@dataclass(frozen=True, slots=True)
class Originals:
    """What a registry says of originals; ``domains`` are those whose events keep theirs where ``keep`` is ``domains``.

    ``without_key`` is for an original that is to be kept and can't be sealed: ``stop`` refuses its event, ``record``
    goes on without the original. Nothing is kept while the log has no vault.
    """

    keep: Keep = "always"
    domains: frozenset[str] = frozenset()
    without_key: WithoutKey = "stop"

    def keeps(self, domains: Collection[str]) -> bool:
        """Whether an event that is in these domains keeps its original."""
        if self.keep == "domains":
            return any(domain.lower() in self.domains for domain in domains)
        return self.keep == "always"

    def keeps_less_than(self, other: "Originals") -> bool:
        """Whether some event keeps no original that would have kept one by ``other``."""
        if self.keep == "domains" == other.keep:
            return not other.domains <= self.domains
        return self.keep != other.keep and (self.keep == "never" or other.keep == "always")

    def __str__(self) -> str:
        """In words, for people."""
        words = f"of {', '.join(sorted(self.domains))}" if self.keep == "domains" else self.keep
        return words if self.keep == "never" else f"{words}, {self.without_key} without a key"

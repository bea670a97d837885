"""Where a recorder's spool is, and how much it may hold."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

SPOOL_LIMIT_BYTES: Final = 2**30


@dataclass(frozen=True, slots=True)
class SpoolPlace:
    """``folder`` is on a local disk and this user's alone; ``log`` is the name of the log that its events are for.

    ``limit_bytes`` is for one recorder's spool; beyond it recording fails as it does without one.
    """

    folder: Path
    log: str
    limit_bytes: int = SPOOL_LIMIT_BYTES

    @property
    def registry(self) -> Path:
        """Where a copy of the log's registry is kept, for a start while the log is out of reach."""
        return self.folder / f"registry-{self._short}.json"

    @property
    def vault(self) -> Path:
        """The file that says, once it is there, that the log has a vault; for such a start as well."""
        return self.folder / f"vault-{self._short}"

    @property
    def _short(self) -> str:
        return sha256(self.log.encode()).hexdigest()[:16]

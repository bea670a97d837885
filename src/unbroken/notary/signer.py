"""What signs a log's checkpoints: an Ed25519 key, wherever it is kept, under the log's name."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from unbroken.core import checkpoint as checkpoints
from unbroken.core.checkpoint import Checkpoint, key_name
from unbroken.core.cosignature import CosignerKey, cosigned_text
from unbroken.core.note import VerifierKey, parse
from unbroken.errors import ConfigurationError


class KeptKey(Protocol):
    """An Ed25519 key that can be asked to sign.

    Raises :class:`AccessDeniedError` where whoever keeps it refuses, :class:`UnavailableError` where it can't be
    reached, :class:`ConfigurationError` where it is no such key.
    """

    @property
    def public(self) -> bytes:
        """The public half, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of its signature."""
        ...


@dataclass(frozen=True, slots=True)
class Signer:
    """A key under the name that a log's keys have; whatever it gives was verified by its public half."""

    verifier: VerifierKey
    kept: KeptKey = field(repr=False)

    @classmethod
    def of(cls, kept: KeptKey, *, log: str) -> "Signer":
        """The key as one of ``log``, named with or without incarnation."""
        return cls(VerifierKey(key_name(log), kept.public), kept)

    def sign(self, text: str) -> str:
        """The line with its signature of ``text``."""
        return self.verifier.line(self._signed(text))

    def cosign(self, text: str, *, at: datetime) -> str:
        """The line that states ``at``, a whole second, as the time of a checkpoint's text."""
        raw = self._signed(cosigned_text(text, at=at).decode())
        return CosignerKey.of(self.verifier).line(raw, at=at)

    def note(self, checkpoint: Checkpoint, *, at: datetime) -> str:
        """A notary's note (spec/KEYS.md). Whoever calls has made sure that the tree continues the last one signed."""
        return checkpoints.signed(checkpoint, self) + self.cosign(str(checkpoint), at=at)

    def heartbeat(self, note: str, *, at: datetime) -> str:
        """The same note of this key's with a later time and no other's signatures."""
        parsed = parse(note)
        own = [each for each in parsed.signatures if each.key_id == self.verifier.id]
        if not own:
            raise ConfigurationError("the last checkpoint was signed by another key than this one")
        return f"{parsed.text}\n{self.verifier.line(own[0].raw)}{self.cosign(parsed.text, at=at)}"

    def _signed(self, text: str) -> bytes:
        raw = self.kept.sign(text.encode())
        if not self.verifier.verifies(text, raw):
            raise ConfigurationError("what was asked to sign did not do it with the key that it had named")
        return raw

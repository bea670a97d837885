"""Keys that a verifier was given by another way than the bundle: what it believes, and all that it believes."""

from collections.abc import Iterable
from dataclasses import dataclass

from unbroken.core.cosignature import CosignerKey
from unbroken.core.note import VerifierKey
from unbroken.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Trust:
    """Keys of a log's notary, and of cosigners."""

    keys: tuple[VerifierKey, ...] = ()
    cosigners: tuple[CosignerKey, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Trust":
        """From keys as text, of either type; raises :class:`ConfigurationError` for what is neither."""
        keys: list[VerifierKey] = []
        cosigners: list[CosignerKey] = []
        for text in texts:
            key = _key_of(text)
            if isinstance(key, VerifierKey):
                keys.append(key)
            else:
                cosigners.append(key)
        return cls(tuple(keys), tuple(cosigners))


def _key_of(text: str) -> VerifierKey | CosignerKey:
    try:
        return VerifierKey.from_text(text)
    except ConfigurationError as error:
        try:
            return CosignerKey.from_text(text)
        except ConfigurationError:
            raise error from None

"""Keys that a verifier was given by another way than the bundle: what it believes, and all that it believes."""

from dataclasses import dataclass

from unbroken.core.cosignature import CosignerKey
from unbroken.core.note import VerifierKey


@dataclass(frozen=True, slots=True)
class Trust:
    """Keys of a log's notary, and of cosigners."""

    keys: tuple[VerifierKey, ...] = ()
    cosigners: tuple[CosignerKey, ...] = ()

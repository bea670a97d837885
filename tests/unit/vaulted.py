"""Vault keys, places and originals for tests; making a key takes a while, so they are made once."""

from collections.abc import Iterable
from typing import Final

from unbroken.core.ids import new_id
from unbroken.core.normalise import Json
from unbroken.privacy.vault.keys import PrivateKey
from unbroken.privacy.vault.place import Place

LOG: Final = "clinic.example/agents"
DANA, LEE, KIM, OTHER = (PrivateKey(bytes([number]) * 32) for number in range(1, 5))
PLACE: Final = Place(f"{LOG}~1", "0190a0b0-0000-7000-8000-000000000001")
ORIGINAL: Final[dict[str, Json]] = {
    "inputs": {"arguments": {"patient": "Dana Müller", "phone": "+49 30 1234567"}},
    "outputs": "Blood type 0+",
    "event": {"actor_id": "dana@clinic.example", "subjects": ["Dana Müller"]},
}


def ring(keys: Iterable[PrivateKey]) -> dict[str, PrivateKey]:
    """Private keys by their ids."""
    return {key.id: key for key in keys}


def another_place() -> Place:
    """A place of its own in the same log."""
    return Place(LOG, new_id())

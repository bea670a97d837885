"""All kinds that are planted."""

from collections.abc import Iterator
from typing import Final

from tests.planted.api_keys import API_KEYS
from tests.planted.cards import CARDS
from tests.planted.contacts import CONTACTS
from tests.planted.credentials import CREDENTIALS
from tests.planted.health_and_bank import HEALTH_AND_BANK
from tests.planted.maker import Maker
from tests.planted.national_ids import NATIONAL_IDS
from tests.planted.own_rules import OWN
from tests.planted.plant import Kind, Plant

KINDS: Final[tuple[Kind, ...]] = (
    *CONTACTS, *CARDS, *NATIONAL_IDS, *HEALTH_AND_BANK, *CREDENTIALS, *API_KEYS, *OWN,
)  # fmt: skip


def count() -> int:
    """How many kinds there are, other spellings of the same not counted."""
    return sum(not kind.spelling for kind in KINDS)


def plants(seed: object, *, rounds: int = 1, kinds: tuple[Kind, ...] = KINDS) -> Iterator[Plant]:
    """One of each kind, ``rounds`` times, each time in the next of its forms."""
    maker = Maker(seed)
    first = maker.number(0, 100)
    for number in range(rounds):
        for kind in kinds:
            yield kind.plant(maker, first + number)

"""Kinds of finding, as placeholders and counts name them, and what an event that holds one contains."""

from collections.abc import Iterable
from typing import Final

PERSONAL: Final = "personal"
HEALTH: Final = "health"
CARD: Final = "card"
SECRET: Final = "secret"  # noqa: S105

UNSCANNED: Final = "UNSCANNED"

CLASSES: Final[dict[str, tuple[str, ...]]] = {
    "CREDIT_CARD": (PERSONAL, CARD),
    "CARD_EXPIRY": (CARD,),
    "CARD_CODE": (CARD,),
    "CARD_TRACK": (PERSONAL, CARD),
    "MEDICAL_RECORD": (PERSONAL, HEALTH),
    "HEALTH_PLAN": (PERSONAL, HEALTH),
    "US_MBI": (PERSONAL, HEALTH),
    "US_NPI": (PERSONAL, HEALTH),
    "UK_NHS": (PERSONAL, HEALTH),
    "MEDICAL_LICENSE": (PERSONAL, HEALTH),
    "DE_HEALTH_INSURANCE": (PERSONAL, HEALTH),
    "DE_LANR": (PERSONAL, HEALTH),
    "DE_BSNR": (HEALTH,),
    "AU_MEDICARE": (PERSONAL, HEALTH),
    "SECRET": (SECRET,),
    "API_KEY": (SECRET,),
    "PASSWORD": (SECRET,),
    "PRIVATE_KEY": (SECRET,),
    "JWT": (SECRET,),
    "URL_CREDENTIALS": (SECRET,),
    "CONNECTION_SECRET": (SECRET,),
    UNSCANNED: (),
}
"""Kinds that say more than that they are personal; every other one is just that."""


def classes_of(kind: str) -> tuple[str, ...]:
    """The flags that a finding of ``kind`` raises."""
    return CLASSES.get(kind, (PERSONAL,))


def contained(redactions: Iterable[str]) -> tuple[str, ...]:
    """The flags, sorted, of an event's ``redactions``, which are ``kind:count`` each."""
    return tuple(sorted({flag for item in redactions for flag in classes_of(item.partition(":")[0])}))

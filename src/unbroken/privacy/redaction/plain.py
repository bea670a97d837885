"""Values that programs make and that can hold nothing: told by their form as a whole, before anything is scanned.

Only where every rule asks for more than such a value has, whatever stands elsewhere in the event, and where the key
above names nothing. Profiles that mask by policy look at all values but those of the record's own form and key.
"""

import re
from collections.abc import Callable
from typing import Final

from unbroken.privacy.redaction.numbers import BY_ITSELF, MOST_ALONE

_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# A hash of which every second digit could begin a letter may be text in hex.
_HASH: Final = r"(?!(?:[0-7c-e].)*$)[0-9a-f]+"
_TRACE: Final = r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
_TIME: Final = (
    r"[12][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_AMOUNT: Final = r"-?[0-9]{1,8}\.[0-9]{1,2}"

_ANY_UUID: Final = re.compile(_UUID, re.IGNORECASE)

Form = Callable[[str], re.Match[str] | None]


def _forms(**of: tuple[str, range | tuple[int, ...]]) -> dict[int, Form]:
    by_length: dict[int, list[str]] = {}
    for form, lengths in of.values():
        for length in lengths:
            by_length.setdefault(length, []).append(form)
    return {length: re.compile("|".join(forms)).fullmatch for length, forms in by_length.items()}


FORMS: Final = _forms(
    uuid=(_UUID, (36,)),
    hash=(_HASH, (32, 40, 64, 96, 128)),
    trace=(_TRACE, (55,)),
    time=(_TIME, range(19, 36)),
    amount=(_AMOUNT, range(3, 13)),
)
"""By length, what tells such a text."""

# What the record itself is made of: hashes, commitments, salts, keyed hashes, heads, ids, pseudonyms, times, versions.
OWN_FORMS: Final = _forms(
    uuid=(_UUID, (36,)),
    hash=(_HASH, (64,)),
    keyed=(r"k[0-9a-z]{1,16}:[0-9a-f]{64}", range(67, 83)),
    head=(r"[0-9]{1,16}:[0-9a-f]{64}", range(66, 82)),
    pseudonym=(r"p-[0-9a-f]{32}", (34,)),
    time=(r"[12][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{6}Z", (27,)),
    rules=(r"[a-z]+-[0-9]+\+[0-9a-f]{8}", range(12, 30)),
)
"""By length, what stays also under profiles that mask by policy, where the key is one of the record's own."""
PSEUDONYM_LETTERS: Final = 34
"""A pseudonym stays below every key: it stands in place of a person already. No other form is as long."""


def is_plain_number(text: str) -> bool:
    """Whether no rule knows a number of these digits by itself: by its length, and by what it begins with."""
    digits = text.lstrip("-")
    return len(digits) <= MOST_ALONE and digits[0] not in BY_ITSELF.get(len(digits), "0")


def is_uuid(text: str) -> bool:
    """Whether this is a UUID, in either case."""
    return _ANY_UUID.fullmatch(text) is not None

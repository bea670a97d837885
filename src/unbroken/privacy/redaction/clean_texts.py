"""Short texts that were scanned and held nothing: agents' names, tools, purposes, which every event repeats."""

from typing import Final

from unbroken.privacy.redaction import codes, identifiers, numbers
from unbroken.privacy.redaction.plain import FORMS

_LONGEST: Final = 200
_MOST: Final = 4096
_ELSEWHERE: Final = numbers.ACCOUNT_WORDS | frozenset().union(
    *(code.also for code in codes.NEAR), *(number.also for number in identifiers.NUMBERS)
)
"""Words that may stand anywhere in an event to make something of a number; all others only right beside it."""
_DEPENDENT: Final = _ELSEWHERE | frozenset().union(
    *(code.words for code in codes.NEAR if code.also),
    *(number.words for number in identifiers.NUMBERS if number.also),
)
"""Words that make something of a number only with another one of them."""


class CleanTexts:
    """What is known of texts by the names that they stand under.

    Without a lock, so that it survives a fork: each step is one operation on a dict, and a lost entry costs one scan.
    """

    def __init__(self) -> None:
        self._words: dict[tuple[str, str], frozenset[str]] = {}

    def words(self, name: str, text: str) -> frozenset[str] | None:
        """Those words of a clean text that count elsewhere in its event; ``None`` for a text not known to be clean."""
        return self._words.get((name, text))

    def keep(self, name: str, text: str, words: frozenset[str]) -> None:
        """Remembers a clean text with the known words in it, unless other parts of an event could make it unclean."""
        if words.isdisjoint(_DEPENDENT) or not any(letter.isdigit() for letter in text):
            if len(self._words) >= _MOST:
                self._words.clear()
            self._words[name, text] = words & _ELSEWHERE

    @staticmethod
    def may_keep(text: str) -> bool:
        """Whether a text is short, none that holds parts of its own, and may well come again: a UUID won't."""
        form = FORMS.get(len(text))
        return len(text) <= _LONGEST and text[:1] not in ("{", "[") and (form is None or form(text) is None)

"""One scan of one text by every rule; all of it in time that grows with the text's length alone."""

import re
import time
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from unbroken.core.kinds import UNSCANNED
from unbroken.errors import TooLargeError
from unbroken.privacy.redaction import cards, codes, dates, disguises, identifiers, mail, network, phones, secrets
from unbroken.privacy.redaction.decoding import ROUNDS, Budget, decoded, unescape
from unbroken.privacy.redaction.disguises import RIGHT_TO_LEFT, disguised_numbers
from unbroken.privacy.redaction.finding import Findings, Found, Plausible, Tier, without_overlaps
from unbroken.privacy.redaction.folding import Folded, fold
from unbroken.privacy.redaction.keys import KeyReader
from unbroken.privacy.redaction.mail import addresses
from unbroken.privacy.redaction.numbers import ACCOUNT_WORDS, glued_numbers, numbers
from unbroken.privacy.redaction.page import BLANK, END, KEY, Page
from unbroken.privacy.redaction.pairs import pairs
from unbroken.privacy.redaction.placeholders import Placeholders
from unbroken.privacy.redaction.profiles import Profile
from unbroken.privacy.redaction.rules import Rules
from unbroken.privacy.redaction.short_codes import WORDS as CODE_WORDS
from unbroken.privacy.redaction.short_codes import short_codes
from unbroken.privacy.redaction.tables import tables

VOCABULARY: Final = frozenset().union(
    *(ACCOUNT_WORDS, cards.WORDS, mail.WORDS, disguises.WORDS, codes.IBAN_WORDS, codes.WORDS, identifiers.WORDS),
    *(dates.PERSON_WORDS, dates.WORDS, dates.MONTH_NAMES, network.IP_WORDS, network.MAC_WORDS, network.SITE_WORDS),
    *(phones.WORDS, phones.SAID_WORDS, phones.GROUP_WORDS, phones.OTHER_WORDS),
    *(secrets.WORDS, secrets.PREFIX_WORDS, secrets.KEY_WORDS, CODE_WORDS, dates.NE_WORDS),
)
"""Every word that any rule asks for."""
QUIET: Final = (phones.OTHER_WORDS | dates.PERSON_WORDS | dates.MONTH_NAMES | mail.WORDS).difference(
    *(ACCOUNT_WORDS, cards.WORDS, disguises.WORDS, codes.IBAN_WORDS, codes.WORDS, identifiers.WORDS, dates.WORDS),
    *(network.IP_WORDS, network.MAC_WORDS, network.SITE_WORDS, phones.WORDS, phones.SAID_WORDS, phones.GROUP_WORDS),
    *(secrets.WORDS, secrets.PREFIX_WORDS, secrets.KEY_WORDS, CODE_WORDS, dates.NE_WORDS),
)
"""Those of them that name nothing to be masked, but only what stands beside it."""

# By policy only: six digits and more with single separators, and words of letters and digits.
_TIME: Final = (
    r"\d{4}-[01]\d-[0-3]\d(?:[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\d-])"
    r"|\d{1,3}(?:,\d{3}){1,8}(?:\.\d{1,20})?(?![\d-])|\d{1,20}\.\d{1,20}(?![\d.\-])"
)
_BARE: Final = re.compile(r"\d(?:[ \-./]?\d){5,}")
_ID_LIKE: Final = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z]{0,8}\d)(?=\d{0,40}[A-Za-z])[A-Za-z0-9]{6,128}(?![A-Za-z0-9])"
)
_UUID: Final = re.compile(r"(?<![\w-])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![\w-])")
_MARKS: Final = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"))
_HARMLESS: Final = re.compile(rf"(?<![\w.])(?:{_TIME})")


@dataclass(frozen=True, slots=True)
class Means:
    """What a scan works with."""

    profile: Profile
    rules: Rules
    placeholders: Placeholders
    read_key: KeyReader
    vocabulary: frozenset[str]


def words_of(text: str, means: Means) -> frozenset[str]:
    """The words of the vocabulary in ``text``, as a scan reads it."""
    views = _views(text)
    return Page(views[-1].text if views else text, means.vocabulary).hints


def scan(
    text: str, means: Means, *, budget: Budget, deadline: float, elsewhere: frozenset[str] = frozenset()
) -> list[Found]:
    """What is to be masked in ``text``, without overlaps, in its positions; raises TooLargeError when out of time.

    ``elsewhere``: words that stand in other parts of the same event.
    """
    own = list(means.placeholders.own(text))
    blank = _without(text, own) if own else text
    views = _views(blank)
    page = Page(views[-1].text if views else blank, means.vocabulary, elsewhere)
    found = Findings()
    _by_rules(page, found, means, deadline=deadline)
    _under_keys(page, found, means, budget=budget, deadline=deadline)
    _encoded(page, found, means, budget=budget, deadline=deadline)
    if "\u202e" in text or "\u2067" in text:
        reverse = _turned_round(blank, means, budget=budget, deadline=deadline)
    else:
        reverse = []
    resolved = _resolved(page, found, budget)
    if views:
        resolved = [_mapped(item, views) for item in resolved]
    resolved = without_overlaps(resolved + reverse)
    return [piece for item in resolved for piece in _outside(item, own)] if own else resolved


def _without(text: str, own: list[tuple[int, int]]) -> str:
    pieces, at = [], 0
    for start, end in own:
        pieces += [text[at:start], BLANK * (end - start)]
        at = end
    return "".join([*pieces, text[at:]])


def _outside(found: Found, own: list[tuple[int, int]]) -> list[Found]:
    """What of a finding lies outside our own placeholders, which stay as they are."""
    pieces, at = [], found.start
    for start, end in own[max(bisect_right(own, (found.start, 0)) - 1, 0) :]:
        if start >= found.end:
            break
        if end > at:
            if at < start:
                pieces.append(found._replace(start=at, end=start))
            at = end
    if at < found.end:
        pieces.append(found._replace(start=at))
    return pieces


def _views(text: str) -> list[Folded]:
    """The text as it is scanned, in steps: escapes undone, a few times over, then look-alikes made the same."""
    views: list[Folded] = []
    for _ in range(ROUNDS):
        view = unescape(text)
        if view is None:
            break
        views.append(view)
        text = view.text
    if not text.isascii():
        views.append(fold(text))
    return views


def _mapped(found: Found, views: list[Folded]) -> Found:
    start, end = found.start, found.end
    for view in reversed(views):
        start, end = view.origin(start, end)
    return Found(start, end, found.kind, found.rule, found.tier, found.because)


def _by_rules(page: Page, found: Findings, means: Means, *, deadline: float) -> None:
    profile = means.profile
    network.machines(page, found)
    addresses(page, found)
    if "://" in page.text:
        network.urls(page, found, every=profile.every_url)
    numbers(page, found)
    _in_time(deadline)
    glued_numbers(page, found)
    cards.tracks(page.text, found)
    phones.short_numbers(page, found)
    codes.codes(page, found)
    secrets.secrets(page, found)
    short_codes(page, found)
    _in_time(deadline)
    tables(page, found, means.read_key)
    dates.birth_dates(page, found, every=profile.every_date)
    disguised_numbers(page, found)
    means.rules.own(page, found)
    _in_time(deadline)


def _in_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TooLargeError("scanning took too long and was given up")


def _under_keys(page: Page, found: Findings, means: Means, *, budget: Budget, deadline: float) -> None:
    """Takes what keys in running text name; those that are one word there are read as they would be in an object."""
    keyed = pairs(page, found, means.read_key)
    if not keyed or budget.depth == 0:
        return
    pieces = [f"{words}{KEY}{page.text[start:end]}{END}" for words, start, end in keyed]
    ends = list(accumulate(map(len, pieces)))
    budget.depth -= 1
    inner = scan("".join(pieces), means, budget=budget, deadline=deadline)
    budget.depth += 1
    for item in inner:
        place = bisect_right(ends, item.start)
        _, start, end = keyed[place]
        # The value ends right before what ends its piece.
        shift = end - (ends[place] - 1)
        if item.end + shift > start:
            found.add(max(item.start + shift, start), min(item.end + shift, end), item.kind, f"{item.rule}, by its key")


def _encoded(page: Page, found: Findings, means: Means, *, budget: Budget, deadline: float) -> None:
    for token in decoded(page, budget):
        _in_time(deadline)
        if token.text is None or budget.depth == 0:
            found.add(token.start, token.end, UNSCANNED, f"{token.how}, more than is decoded")
            continue
        budget.depth -= 1
        inner = scan(token.text, means, budget=budget, deadline=deadline)
        budget.depth += 1
        if inner:
            found.add(token.start, token.end, inner[0].kind, f"{inner[0].rule} in {token.how}")


def _turned_round(text: str, means: Means, *, budget: Budget, deadline: float) -> list[Found]:
    """What a mark of direction shows the other way round."""
    found = []
    for match in RIGHT_TO_LEFT.finditer(text):
        inner = scan(match[1].translate(_MARKS)[::-1], means, budget=budget, deadline=deadline)
        if inner:
            found.append(Found(*match.span(1), inner[0].kind, f"{inner[0].rule}, right to left"))
    return found


def _resolved(page: Page, found: Findings, budget: Budget) -> list[Found]:
    certain = without_overlaps(found.certain)
    if not found.plausible:
        return certain
    page.cover(certain)
    taken = [(item.start, item.end) for item in certain]
    near: list[tuple[int, Plausible, str]] = []
    for item in found.plausible:
        if (overlapped := _overlapped(item, taken)) is not None:
            budget.gave_way |= item.start < overlapped[0] or item.end > overlapped[1]
            continue
        nearest = (0, item.said) if item.said else page.nearest(item.start, item.end, item.words, item.unless)
        if nearest is not None:
            near.append((nearest[0] - 12 * item.rank, item, nearest[1]))
    return certain + [
        Found(item.start, item.end, item.kind, item.rule, Tier.CONTEXT, word) for item, word in _best(near)
    ]


def _overlapped(item: Plausible, taken: list[tuple[int, int]]) -> tuple[int, int] | None:
    at = bisect_right(taken, (item.end, -1))
    return taken[at - 1] if at > 0 and taken[at - 1][1] > item.start else None


def _best(near: list[tuple[int, Plausible, str]]) -> list[tuple[Plausible, str]]:
    """Of those that overlap the nearest to its word; what of others sticks out is covered by it."""
    best: list[tuple[int, Plausible, str]] = []
    for score, item, word in sorted(near, key=lambda entry: (entry[1].start, entry[1].end)):
        if best and item.start < best[-1][1].end:
            before, other, its_word = best[-1]
            chosen, why = (item, word) if score < before else (other, its_word)
            whole = Plausible(
                other.start, max(other.end, item.end), chosen.kind, chosen.rule, chosen.words, chosen.rank
            )
            best[-1] = (min(score, before), whole, why)
        else:
            best.append((score, item, word))
    return [(item, word) for _, item, word in best]


def bare(text: str, taken: list[Found]) -> list[Found]:
    """Long numbers and id-like words that nothing else explains, for profiles that ask for them."""
    harmless = [match.span() for match in _HARMLESS.finditer(text)]
    spans = sorted(harmless + [(item.start, item.end) for item in taken])
    found = []
    for pattern, rule in ((_UUID, "UUID"), (_BARE, "long number"), (_ID_LIKE, "id-like word")):
        kind = "NUMBER" if pattern is _BARE else "IDENTIFIER"
        for match in pattern.finditer(text):
            if BLANK in match[0] or END in match[0] or _within(match.span(), spans):
                continue
            found.append(Found(*match.span(), kind, rule, Tier.BARE))
    return without_overlaps(found)


def _within(span: tuple[int, int], spans: list[tuple[int, int]]) -> bool:
    at = bisect_right(spans, (span[0], 1 << 60))
    return at > 0 and spans[at - 1][1] >= span[1]

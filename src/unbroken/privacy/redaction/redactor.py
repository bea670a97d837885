"""The front: parts of an event in, the same parts with placeholders out."""

import hashlib
import re
import time
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from unbroken.core.kinds import UNSCANNED, classes_of
from unbroken.core.normalise import Json
from unbroken.privacy.redaction.clean_texts import CleanTexts
from unbroken.privacy.redaction.decoding import Budget
from unbroken.privacy.redaction.finding import Found, Tier, without_overlaps
from unbroken.privacy.redaction.keys import KeyReader
from unbroken.privacy.redaction.ner import NerEngine
from unbroken.privacy.redaction.page import END
from unbroken.privacy.redaction.placeholders import PlaceholderKey, Placeholders
from unbroken.privacy.redaction.profiles import Profile
from unbroken.privacy.redaction.rules import DEFAULT_RULES, Rules
from unbroken.privacy.redaction.scan import QUIET, VOCABULARY, Means, bare, scan, words_of
from unbroken.privacy.redaction.walk import Leaf, Node, Walk

VERSION: Final = "unbroken-1"
"""Of the built-in rules."""
MOST_LETTERS: Final = 8_000_000
SECONDS: Final = 10.0
_SHORT: Final = 60
_FEW_WORDS: Final = 5
_SHOWN: Final = 2
_ROUNDS: Final = 4
_DECODED: Final = 100_000
"""Letters that may be decoded besides twice those of the event."""
_DIGIT_BEFORE: Final = re.compile(r"\d[^\dA-Za-z]{0,3}$")
_DIGIT_AFTER: Final = re.compile(r"[^\dA-Za-z]{0,3}\d")


@dataclass(frozen=True, slots=True)
class Redacted:
    """What may be stored, and what was found on the way."""

    values: Mapping[str, Json]
    texts: Mapping[str, str]
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many of each kind were masked."""
    contains: frozenset[str] = frozenset()
    """Of ``personal``, ``health``, ``card``, ``secret``."""
    withheld: tuple[str, ...] = ()
    """Parts and texts that could not be scanned, and were replaced as a whole."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that would be masked."""

    kind: str
    rule: str
    tier: str
    where: str
    """JSON pointer; ``#`` leads into JSON that a text holds."""
    span: tuple[int, int]
    """In the text that stands there."""
    context: str
    """The word or key that decided."""
    masked: str
    """At most the first two characters, and how many there are."""
    text: str = field(repr=False, default="")
    """The value itself; never printed unless asked for."""


class _Look(NamedTuple):
    """One scan over some parts."""

    walk: Walk
    text: str
    found: list[tuple[Found, Leaf, int, int]]
    """Each finding with the leaf it lies in, and where in it."""
    deadline: float
    again: bool
    """Whether values with findings need another look."""


class Redactor:
    """Masks by one profile; safe for use by several threads at once."""

    def __init__(
        self,
        profile: Profile,
        *,
        key: PlaceholderKey | None,
        rules: Rules = DEFAULT_RULES,
        ner: NerEngine | None = None,
        most_letters: int = MOST_LETTERS,
        seconds: float = SECONDS,
    ) -> None:
        """Without a ``key`` placeholders can be followed within this object only."""
        self.profile = profile
        self._rules = rules
        self._ner = ner
        self._most = most_letters
        self._seconds = seconds
        self._placeholders = Placeholders(key or PlaceholderKey.generate(), random=profile.random)
        words = VOCABULARY | rules.words
        read_key = KeyReader(
            words, quiet=QUIET, strict=profile.bare, sensitive=rules.sensitive_keys, allowed=rules.allowed_keys
        )
        # Policy and own patterns may ask for anything.
        self._sparing = not profile.bare and not rules.patterns
        self._means = Means(profile, rules, self._placeholders, read_key, words)
        self._clean = CleanTexts()
        self.rules_version = _version(profile, rules, ner)

    def redact(self, values: Mapping[str, Json], *, texts: Mapping[str, str] | None = None) -> Redacted:
        """The parts of one event, scanned together; a part that can't be scanned becomes one placeholder."""
        texts = texts or {}
        if self.profile.off or not (values or texts):
            return Redacted(values, texts)
        deadline = time.monotonic() + self._seconds
        try:
            return self._redacted(values, texts, deadline)
        except Exception:  # noqa: BLE001 - whatever a rule or a plug-in raises, nothing unscanned may pass
            return self._one_by_one(values, texts, deadline)

    def explain(self, value: Json) -> list[Hit]:
        """What would be masked in ``value`` and why; raises :class:`TooLargeError` for what can't be scanned."""
        if self.profile.off:
            return []
        root = Node({"": value}, None, "")
        look = self._look([(root, "", value)], time.monotonic() + self._seconds)
        hits = [_hit(item, leaf, start, end) for item, leaf, start, end in look.found]
        for named in look.walk.named:
            if not self._stays(named.text):
                where = named.node.pointer(named.key)
                hits.append(_named_hit(named.kind, named.because, where[1:], named.text))
        return [hit for hit in hits if hit is not None]

    # ---- one scan ----

    def _redacted(self, values: Mapping[str, Json], texts: Mapping[str, str], deadline: float) -> Redacted:
        parts, fields = Node(dict(values), None, ""), Node(dict(texts), None, "")
        entries: list[tuple[Node, str, Json]] = [(parts, name, value) for name, value in values.items()]
        new, elsewhere = self._not_known_clean(texts)
        entries += [(fields, name, text) for name, text in new.items()]
        if not entries:
            return Redacted({}, texts)
        look = self._look(entries, deadline, elsewhere)
        counts: dict[str, int] = {}
        self._mask_named(look.walk, counts)
        self._mask_found(look, counts)
        self._keep_clean(new, fields)
        contains = frozenset(flag for kind in counts for flag in classes_of(kind))
        return Redacted(parts.rebuilt(), fields.rebuilt(), counts, contains)

    def _not_known_clean(self, texts: Mapping[str, str]) -> tuple[dict[str, str], frozenset[str]]:
        """The texts that have to be scanned, and the words of the others."""
        new: dict[str, str] = {}
        words: set[str] = set()
        for name, text in texts.items():
            known = self._clean.words(name, text)
            if known is None:
                new[name] = text
            else:
                words |= known
        return new, frozenset(words)

    def _keep_clean(self, texts: Mapping[str, str], fields: Node) -> None:
        for name, text in texts.items():
            if name not in (fields.changes or ()) and self._clean.may_keep(text):
                self._clean.keep(name, text, words_of(text, self._means))

    def _one_by_one(self, values: Mapping[str, Json], texts: Mapping[str, str], deadline: float) -> Redacted:
        """Each part by itself, so that one that can't be scanned costs only itself."""
        done_values: dict[str, Json] = {}
        done_texts: dict[str, str] = {}
        counts: dict[str, int] = {}
        contains: set[str] = set()
        withheld: list[str] = []
        for name, value in [*values.items(), *texts.items()]:
            as_text = name in texts and name not in done_texts and (name not in values or name in done_values)
            try:
                done = self._redacted({} if as_text else {name: value}, {name: str(value)} if as_text else {}, deadline)
            except Exception:  # noqa: BLE001 - as in redact
                withheld.append(name)
                counts[UNSCANNED] = counts.get(UNSCANNED, 0) + 1
                placeholder = self._placeholders.unscanned()
                if as_text:
                    done_texts[name] = placeholder
                else:
                    done_values[name] = placeholder
                continue
            done_values |= done.values
            done_texts |= done.texts
            contains |= done.contains
            for kind, count in done.counts.items():
                counts[kind] = counts.get(kind, 0) + count
        return Redacted(done_values, done_texts, counts, frozenset(contains), tuple(withheld))

    def _look(
        self, entries: list[tuple[Node, str, Json]], deadline: float, elsewhere: frozenset[str] = frozenset()
    ) -> _Look:
        walk = Walk(self._means.read_key, most_letters=self._most, sparing=self._sparing)
        for node, name, value in entries:
            walk.part(node, name, value)
        text = walk.text()
        budget = Budget(2 * len(text) + _DECODED)
        found = scan(text, self._means, budget=budget, deadline=deadline, elsewhere=elsewhere)
        if self._ner is not None:
            found = without_overlaps(found + self._by_model(walk, self._ner))
        if self.profile.bare:
            found = without_overlaps(found + self._by_policy(walk, text, found))
        placed = [placed for item in found for placed in self._placed(item, walk)]
        return _Look(walk, text, placed, deadline, budget.gave_way)

    def _by_model(self, walk: Walk, ner: NerEngine) -> list[Found]:
        leaves = [
            (start, leaf)
            for start, leaf in zip(walk.starts, walk.leaves, strict=True)
            if leaf.is_text and not leaf.is_key and not leaf.pieces and " " in leaf.text
        ]
        found: list[Found] = []
        answers = ner.spans([leaf.text for _, leaf in leaves])
        for (start, _), spans in zip(leaves, answers, strict=True):
            found += [Found(start + span.start, start + span.end, span.kind, "model", Tier.MODEL) for span in spans]
        return found

    def _by_policy(self, walk: Walk, text: str, found: list[Found]) -> list[Found]:
        own = [Found(*span, "", "") for span in self._placeholders.own(text)]
        more = [item for item in bare(text, found + own) if self._is_open(walk, item.start)]
        if self.profile.deny:
            for start, leaf in zip(walk.starts, walk.leaves, strict=True):
                denied = not leaf.allowed and not leaf.is_key and not leaf.pieces and _is_short(leaf.text)
                if denied and next(self._placeholders.own(leaf.text), None) is None:
                    more.append(Found(start, start + len(leaf.text), "VALUE", "key not allowed", Tier.BARE))
        return more

    def _is_open(self, walk: Walk, position: int) -> bool:
        """Whether a long number there is masked: its key is not one that is known to hold harmless ones."""
        at = bisect_right(walk.starts, position) - 1
        return at >= 0 and not walk.leaves[at].allowed and not walk.leaves[at].pieces and not walk.leaves[at].is_key

    def _placed(self, found: Found, walk: Walk) -> list[tuple[Found, Leaf, int, int]]:
        """The leaves that a finding touches, with the stretch of each: what lies between leaves is cut off."""
        placed = []
        at = max(bisect_right(walk.starts, found.start) - 1, 0)
        while at < len(walk.starts) and walk.starts[at] < found.end:
            leaf, begin = walk.leaves[at], walk.starts[at]
            start, end = max(found.start - begin, 0), min(found.end - begin, len(leaf.text))
            if start < end and not self._stays(leaf.text[start:end]):
                placed.append((found, leaf, start, end))
            at += 1
        return placed

    def _stays(self, text: str) -> bool:
        return self._rules.allows(text)

    # ---- masking ----

    def _mask_named(self, walk: Walk, counts: dict[str, int]) -> None:
        for named in walk.named:
            own = next(self._placeholders.own(named.text), None)
            if own == (0, len(named.text)) or self._stays(named.text):
                continue
            counts[named.kind] = counts.get(named.kind, 0) + 1
            named.node.change(named.key, self._placeholders.make(named.kind, named.text))

    def _mask_found(self, look: _Look, counts: dict[str, int]) -> None:
        by_leaf: dict[int, list[tuple[Found, int, int]]] = {}
        for item, leaf, start, end in look.found:
            by_leaf.setdefault(id(leaf), []).append((item, start, end))
        typed = "[" in look.text and ":k" in look.text
        if not by_leaf and not typed:
            return
        for begin, leaf in zip(look.walk.starts, look.walk.leaves, strict=True):
            items = by_leaf.get(id(leaf))
            if items is not None:
                self._mask_leaf(leaf, items, counts, context=_context(look.text, begin), look=look)
            elif typed and leaf.is_text and not leaf.pieces:
                escaped = self._placeholders.escape_typed(leaf.text)
                if escaped != leaf.text:
                    _put(leaf, escaped)

    def _mask_leaf(
        self,
        leaf: Leaf,
        items: list[tuple[Found, int, int]],
        counts: dict[str, int],
        *,
        context: str,
        look: _Look,
    ) -> None:
        if leaf.pieces:
            self._mask_pieces(leaf, items, counts)
        elif not leaf.is_text:
            kind = items[0][0].kind
            counts[kind] = counts.get(kind, 0) + 1
            _put(leaf, self._placeholders.make(kind, leaf.text))
        else:
            masked = self._with_placeholders(leaf.text, items, counts)
            for _ in range(_ROUNDS if look.again or _is_glued(leaf.text, items) else 0):
                items = self._again(masked, leaf, context, look.deadline)
                if not items:
                    break
                masked = self._with_placeholders(masked, items, counts)
            _put(leaf, masked)

    def _again(self, text: str, leaf: Leaf, context: str, deadline: float) -> list[tuple[Found, int, int]]:
        """What a second look finds: numbers that stood side by side are told apart once one of them is masked."""
        page = f"{context}{text}{END}"
        found = scan(page, self._means, budget=Budget(2 * len(page)), deadline=deadline)
        if self.profile.bare and not leaf.allowed:
            own = [Found(*span, "", "") for span in self._placeholders.own(page)]
            found = without_overlaps(found + bare(page, found + own))
        begin = len(context)
        cut = [(item, max(item.start - begin, 0), min(item.end - begin, len(text))) for item in found]
        return [(item, start, end) for item, start, end in cut if start < end and not self._stays(text[start:end])]

    def _with_placeholders(self, text: str, items: list[tuple[Found, int, int]], counts: dict[str, int]) -> str:
        built, at = [], 0
        for item, start, end in sorted(items, key=_start):
            counts[item.kind] = counts.get(item.kind, 0) + 1
            built.append(self._placeholders.escape_typed(text[at:start]))
            built.append(self._placeholders.make(item.kind, text[start:end]))
            at = end
        built.append(self._placeholders.escape_typed(text[at:]))
        return "".join(built)

    def _mask_pieces(self, leaf: Leaf, items: list[tuple[Found, int, int]], counts: dict[str, int]) -> None:
        """A number that was cut up over a list or an object: every piece of it goes."""
        for item, start, end in items:
            if item.kind != "CREDIT_CARD" or item.tier is not Tier.CERTAIN:
                continue
            counts[item.kind] = counts.get(item.kind, 0) + 1
            placeholder = self._placeholders.make(item.kind, leaf.text[start:end])
            for first, last, key in leaf.pieces:
                if first < end and last > start:
                    leaf.node.change(key, placeholder)


def _context(text: str, begin: int) -> str:
    """The words of the key before a value that begins there, as they were scanned with it."""
    return text[text.rfind(END, 0, begin) + 1 : begin]


def _start(item: tuple[Found, int, int]) -> int:
    return item[1]


def _is_glued(text: str, items: list[tuple[Found, int, int]]) -> bool:
    """Whether something that is masked has digits right before or after it."""
    return any(
        _DIGIT_BEFORE.search(text[max(start - 4, 0) : start]) is not None or _DIGIT_AFTER.match(text, end) is not None
        for _, start, end in items
    )


def _put(leaf: Leaf, value: str) -> None:
    if leaf.is_key:
        leaf.node.rename(str(leaf.key), value)
    else:
        leaf.node.change(leaf.key, value)


def _is_short(text: str) -> bool:
    return len(text) <= _SHORT and len(text.split()) < _FEW_WORDS


def _version(profile: Profile, rules: Rules, ner: NerEngine | None) -> str:
    own = f"{profile!r} {rules.fingerprint} {ner.version if ner is not None else ''}"
    return f"{VERSION}+{hashlib.sha256(own.encode()).hexdigest()[:8]}"


def _hit(found: Found, leaf: Leaf, start: int, end: int) -> Hit | None:
    if leaf.pieces and (found.kind != "CREDIT_CARD" or found.tier is not Tier.CERTAIN):
        return None
    text = leaf.text[start:end]
    where = leaf.node.pointer(None if leaf.pieces else leaf.key)
    return Hit(
        kind=found.kind,
        rule=found.rule + (", in a key" if leaf.is_key else ", cut up" if leaf.pieces else ""),
        tier=found.tier.value,
        where=where[1:],
        span=(start, end),
        context=found.because,
        masked=_masked(text),
        text=text,
    )


def _named_hit(kind: str, because: str, where: str, text: str) -> Hit:
    return Hit(kind, "sensitive key", Tier.CERTAIN.value, where, (0, len(text)), because, _masked(text), text)


def _masked(text: str) -> str:
    shown = _SHOWN if len(text) > 3 * _SHOWN else 0
    return f"{text[:shown]}… ({len(text)})"

"""Retention policies: what has to be kept for how long from when, what has to go, and where that stands."""

import re
from dataclasses import dataclass
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from unbroken.errors import ConfigurationError
from unbroken.retention.period import Period

Basis = Literal["law", "interpretation", "standard", "organisation"]
"""Where a period comes from: a law's text, a common reading of one, a standard or contract, or one's own choice."""
BASES: Final = ("law", "interpretation", "standard", "organisation")
Part = Literal["payloads", "originals"]
"""Of what an entry holds: what was said, asked or found, after redaction; or what it was before that, sealed."""
PARTS: Final[tuple[Part, ...]] = ("payloads", "originals")
BOTH: Final = frozenset(PARTS)
RECORD: Final = "record"
"""The start event of what begins when it is recorded."""
_ID: Final = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_START: Final = re.compile(r"[a-z]+(?:_[a-z]+)*")
_KEY: Final = re.compile(r"[^=\x00-\x1f\x7f-\x9f]+")
_TYPE: Final = re.compile(r"[a-z_]+(?:[.](?:[a-z_]+|[*]))?")
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f]+")
_PLAIN: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]*")
_LONGEST: Final = 120
_LONGEST_TEXT: Final = 1000
_LONGEST_NAME: Final = 1024
_MOST_NAMES: Final = 1000
_UTC: Final = ZoneInfo("UTC")
_ALL_BELOW: Final = ".*"


@dataclass(frozen=True, slots=True)
class Applies:
    """Which entries a policy is for: all, or those of a domain or event type that it names (``log.*``: all such)."""

    domains: frozenset[str] = frozenset()
    event_types: frozenset[str] = frozenset()
    everything: bool = False

    def to(self, *, domains: frozenset[str], event_type: str) -> bool:
        """Whether it is for an entry of this type and these domains."""
        family = event_type.partition(".")[0] + _ALL_BELOW
        return (
            self.everything
            or not self.event_types.isdisjoint((event_type, family))
            or not self.domains.isdisjoint(domains)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One policy in one version.

    Content is kept at least ``floor`` after the start event and at most ``ceiling``; without a floor there is no duty
    to keep it, without a ceiling none to let it go. ``start`` is :data:`RECORD`, or the kind of an event that may come
    much later, or never, and is told for a value of the scope key ``start_key`` (``account=…``). ``hot`` is how long
    it is to be at hand at once. ``parts`` are what of an entry it speaks of. Days are those of ``zone``. ``verify``
    marks a citation that was not compared with the official text. Raises :class:`ConfigurationError` for what
    contradicts itself.
    """

    id: str
    version: int
    title: str
    citation: str
    basis: Basis
    jurisdiction: str
    floor: Period | None
    ceiling: Period | None
    start: str = RECORD
    start_key: str | None = None
    hot: Period | None = None
    parts: frozenset[Part] = BOTH
    applies: Applies = Applies()
    zone: ZoneInfo = _UTC
    note: str = ""
    verify: bool = False

    def __post_init__(self) -> None:
        if _ID.fullmatch(self.id) is None or len(self.id) > _LONGEST:
            raise ConfigurationError("a policy's id is lower-case words, joined by dots, dashes or underscores")
        if self.version < 1:
            raise ConfigurationError(f"the policy {self.id}: versions count from 1")
        if self.basis not in BASES:
            raise ConfigurationError(f"the policy {self.id}: a basis is one of {', '.join(BASES)}")
        if (
            len(self.start) > _LONGEST
            or _START.fullmatch(self.start) is None
            or (self.start == RECORD) != (self.start_key is None)
        ):
            raise ConfigurationError(
                f"the policy {self.id}: it starts with the record, or with an event that is told for a scope key"
            )
        if not self.parts or not self.parts <= BOTH:
            raise ConfigurationError(f"the policy {self.id}: its parts are {' or '.join(PARTS)}, or both")
        if self.floor is None and self.ceiling is None:
            raise ConfigurationError(f"the policy {self.id}: it has to say how long to keep, or when to let go")
        self._check_texts()
        self._check_whom()

    def _check_texts(self) -> None:
        for text in (self.title, self.citation, self.jurisdiction, self.note):
            if len(text) > _LONGEST_TEXT or _PLAIN.fullmatch(text) is None:
                raise ConfigurationError(
                    f"the policy {self.id}: a text is at most {_LONGEST_TEXT:,} characters on one line"
                )
        if not (self.title and self.citation and self.jurisdiction):
            raise ConfigurationError(f"the policy {self.id}: it needs a title, a citation and a jurisdiction")

    def _check_whom(self) -> None:
        applies = self.applies
        if not (applies.everything or applies.domains or applies.event_types):
            raise ConfigurationError(
                f"the policy {self.id}: it is for nothing: name domains, event types or everything"
            )
        if len(applies.domains) + len(applies.event_types) > _MOST_NAMES:
            raise ConfigurationError(f"the policy {self.id}: it names more than {_MOST_NAMES:,} domains and types")
        for domain in applies.domains:
            if len(domain.encode()) > _LONGEST_NAME or _NAME.fullmatch(domain) is None:
                raise ConfigurationError(f"the policy {self.id}: a domain is a text of one line, in up to 1,024 bytes")
        for event_type in applies.event_types:
            if _TYPE.fullmatch(event_type) is None:
                raise ConfigurationError(
                    f"the policy {self.id}: {event_type!r} is no event type, such as response or log.*"
                )
        if self.start_key is not None and (len(self.start_key) > _LONGEST or _KEY.fullmatch(self.start_key) is None):
            raise ConfigurationError(f"the policy {self.id}: a scope key is a text without an equals sign")

    @property
    def is_partial(self) -> bool:
        """Whether it speaks of one part of an entry alone."""
        return self.parts != BOTH

    @property
    def cited(self) -> str:
        """The citation as people read it, with the mark where nobody compared it with the official text."""
        return f"{self.citation} [verify]" if self.verify else self.citation

    def __str__(self) -> str:
        return f"{self.id} (version {self.version})"


def zone_named(name: str) -> ZoneInfo:
    """The time zone of this name; raises :class:`ConfigurationError` where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(f"there is no time zone {name!r}: as in Europe/Paris or UTC") from error

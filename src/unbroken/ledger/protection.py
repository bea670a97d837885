"""What is done to an event before anything of it is stored or sent, as the write path sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from unbroken.core.normalise import Json

SAME: Final[Any] = object()
"""Stands for what a value was before masking where nothing was masked in it; ``None`` is a value."""


@dataclass(frozen=True, slots=True)
class Screened:
    """A value in which nothing is left to mask; ``counts`` is how much was masked in it, by kind.

    ``given`` is what it was, in this process's memory alone, or :data:`SAME`.
    """

    value: Json
    counts: Mapping[str, int] = field(default_factory=dict)
    given: Json = field(default=SAME, repr=False)


@dataclass(frozen=True, slots=True)
class Pieces:
    """The items of a stream, as JSON: something may be cut up over several of them."""

    items: list[Json]


Value: TypeAlias = "Json | Screened | Pieces"


@dataclass(frozen=True, slots=True)
class Identity:
    """A pseudonym and what leads to it: ``lookup`` is the name's keyed hash, ``sealed`` the name, encrypted."""

    pseudonym: str
    lookup: bytes
    sealed: bytes = field(repr=False)


class SealedOriginal(Protocol):
    """What an event was before it was masked, sealed; the event states its ``commitment`` as ``original``."""

    @property
    def commitment(self) -> str: ...
    @property
    def ciphertext(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Protected:
    """An event's fields and parts as they may leave the process.

    ``identities`` are those made while the log was out of reach: they go to it before the event does. ``original`` is
    there where something was masked and policy keeps what it was.
    """

    fields: dict[str, Any]
    parts: dict[str, Json]
    identities: tuple[Identity, ...] = ()
    original: SealedOriginal | None = field(default=None, repr=False)


class Registered(NamedTuple):
    """What is known of a tool besides what its code says: ``resource`` is a resource type and an argument's path."""

    side_effect: bool | None = None
    resource: tuple[str, str] | None = None


class Protection(Protocol):
    """Made for one log. Raises errors of :mod:`unbroken.errors`; then nothing was stored."""

    def protect(self, fields: Mapping[str, Any], parts: Mapping[str, Value]) -> Protected:
        """The event of these fields and parts, ``event_type`` and ``id`` among the fields, as it may be recorded."""
        ...

    def messages(self, messages: Sequence[Json], fields: Mapping[str, Any]) -> list[Screened]:
        """The messages sent to a model in an event of these fields, each as it may be recorded."""
        ...

    def tool(self, name: str) -> Registered:
        """What is known of the tool."""
        ...


class AsGiven:
    """No protection: everything is recorded as it is given."""

    def protect(self, fields: Mapping[str, Any], parts: Mapping[str, Value]) -> Protected:
        """The event as it is."""
        return Protected(dict(fields), {name: bare(value) for name, value in parts.items()})

    def messages(self, messages: Sequence[Json], fields: Mapping[str, Any]) -> list[Screened]:  # noqa: ARG002
        """The messages as they are."""
        return [Screened(message) for message in messages]

    def tool(self, name: str) -> Registered:  # noqa: ARG002
        """Nothing."""
        return Registered()


AS_GIVEN: Final[Protection] = AsGiven()
"""For events that are only looked at, and where somebody else protects."""


def bare(value: Value) -> Json:
    """The value itself."""
    if isinstance(value, Pieces):
        return value.items
    return value.value if isinstance(value, Screened) else value


def as_given(value: Value) -> Json:
    """What the value was before anything was masked in it."""
    return value.given if isinstance(value, Screened) and value.given is not SAME else bare(value)

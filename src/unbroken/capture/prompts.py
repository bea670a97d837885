"""Prompts by reference: a message that a session has recorded once is not stored again with every model call.

``inputs`` of a ``model_call`` is this object::

    {"messages": ["<commitment>", ...],
     "new": [{"commitment": "<64 hex>", "salt": "<64 hex>", "message": <the message>}, ...]}

``messages`` lists the commitments of all messages that were sent, in the order sent. ``new`` holds, once each and in
the order of their first appearance, those that no earlier ``model_call`` of this session recorded, as the log's
protection lets them be stored: masked, and prompts by policy as their keyed hash and length. A commitment is
``SHA-256(salt ‖ message)``, the message as it is stored, as RFC 8785 text in UTF-8, and the salt as 32 bytes: one of
the message itself would let anybody who reads the salt try out what was masked. Messages that were equal when they were
sent have the same one throughout a session object, and another one in the next. Where the event's original is kept, it
holds the same object with the messages of ``new`` as they were sent.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from unbroken.capture.forks import ProcessLock
from unbroken.core.canonical import canonical
from unbroken.core.commitment import commit, new_salt
from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json, normalise
from unbroken.core.prompts import INSTRUCTIONS, content_of, is_said, length_of
from unbroken.ledger.protection import SAME, Screened, as_given

Protect: TypeAlias = Callable[[Sequence[Json]], list[Screened]]
"""Makes of messages what may be stored of them."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages as a ``model_call`` records them; ``fresh`` are the commitments made for it, by message digest.

    ``instructions`` are prompts given beside the messages.
    """

    messages: list[Json]
    instructions: list[Json]
    inputs: Screened
    fresh: Mapping[bytes, str]

    def keyed_hash(self, key: LogKey | None) -> str | None:
        """The keyed hash of the prompt's contents, in order; ``None`` without a key or a prompt.

        A plain text is no such content: it is prompt and question in one, and differs from call to call.
        """
        contents = self.instructions + [content_of(each) for each in self._prompts() if isinstance(each, dict)]
        return key.hash(contents) if key is not None and contents else None

    @property
    def length(self) -> int | None:
        """The characters of the prompt's contents, plain texts included; ``None`` without any."""
        contents = self.instructions + [content_of(each) for each in self._prompts()]
        return sum(map(length_of, contents)) if contents else None

    def _prompts(self) -> list[Json]:
        return [message for message in self.messages if not is_said(message)]


class Prompts:
    """The messages that one session has recorded, known by their digests."""

    def __init__(self) -> None:
        # Owns the mapping; two calls that meet the same new message at once may both record it, which does no harm.
        # The digests are of the messages themselves, and never leave this process.
        self._lock = ProcessLock()
        self._commitments: dict[bytes, str] = {}

    def refer(
        self, messages: Sequence[object], *, protect: Protect, parameters: Mapping[str, object] | None = None
    ) -> Prompt:
        """The prompt made of ``messages``, a text being one; raises :class:`InvalidEventError` for a cycle.

        ``parameters`` are looked through for what some providers take apart from the messages.
        """
        values = [normalise(message) for message in ([messages] if isinstance(messages, str) else messages)]
        digests = [hashlib.sha256(canonical(value)).digest() for value in values]
        known = self._known(digests)
        unknown = {digest: value for digest, value in zip(digests, values, strict=True) if digest not in known}
        screened = protect(list(unknown.values())) if unknown else []
        new = [_committed(each.value) for each in screened]
        fresh = {digest: str(each["commitment"]) for digest, each in zip(unknown, new, strict=True)}
        known.update(fresh)
        inputs = _inputs([known[digest] for digest in digests], new, screened)
        given = parameters or {}
        instructions = [normalise(given[name]) for name in sorted(INSTRUCTIONS & given.keys()) if given[name]]
        return Prompt(values, instructions, inputs, fresh)

    def recorded(self, prompt: Prompt) -> None:
        """To be called once ``prompt`` is committed: later prompts may refer to its messages."""
        with self._lock:
            for digest, commitment in prompt.fresh.items():
                self._commitments.setdefault(digest, commitment)

    def _known(self, digests: Iterable[bytes]) -> dict[bytes, str]:
        with self._lock:
            return {digest: self._commitments[digest] for digest in digests if digest in self._commitments}


def together(screened: Sequence[Screened], put: Callable[[list[Json]], Json]) -> Screened:
    """One value made of several by ``put``: of what they are now, and of what they were."""
    given = SAME if all(each.given is SAME for each in screened) else put([as_given(each) for each in screened])
    return Screened(put([each.value for each in screened]), counted(screened), given)


def counted(screened: Iterable[Screened]) -> dict[str, int]:
    """How much was masked in all of them, by kind."""
    total: Counter[str] = Counter()
    for each in screened:
        total.update(each.counts)
    return dict(total)


def _inputs(sent: Sequence[str], new: Sequence[Mapping[str, Json]], screened: Sequence[Screened]) -> Screened:
    """The object that is recorded; before it was masked the same, with the messages as they were sent."""

    def put(messages: list[Json]) -> Json:
        return {
            "messages": [*sent],
            "new": [{**each, "message": message} for each, message in zip(new, messages, strict=True)],
        }

    return together(screened, put)


def _committed(message: Json) -> dict[str, Json]:
    salt = new_salt()
    return {"commitment": commit(salt, canonical(message)), "salt": salt.hex(), "message": message}

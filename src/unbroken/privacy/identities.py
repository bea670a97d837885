"""Pseudonyms in place of people's names: asked for in the log, remembered for a while, made here in an outage."""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from unbroken.core.keyed import LogKey
from unbroken.errors import UnbrokenError
from unbroken.ledger.protection import Identity
from unbroken.privacy.names import Names
from unbroken.privacy.pseudonyms import is_pseudonym, new_pseudonym

TTL_S: Final = 600.0
"""How long a pseudonym is used without asking again: as long as a person who was erased may still be known here."""
MOST: Final = 10_000

Identify: TypeAlias = Callable[[Sequence[Identity]], list[str] | None]
"""Registers proposals; the pseudonym that holds for each, or ``None`` where the log can't be asked now."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What a lookup leads to, and until when that holds; ``offline`` as long as the log does not know it."""

    pseudonym: str
    until: float
    offline: Identity | None = None


class Identities:
    """Finds pseudonyms for names; safe in several threads, and a forked child starts with nothing remembered.

    What is remembered goes by lookup and never holds a name in clear: at most ``most`` people, each for ``ttl_s``
    seconds. While the log can't be asked, what was known goes on being used beyond that, and people who weren't get
    pseudonyms made here; the log may in the end have several for one person. ``remember`` is told whoever goes on being
    used. What is remembered holds for one ``incarnation`` of the log. ``clock`` is monotonic and in seconds.
    """

    def __init__(
        self,
        identify: Identify,
        key: LogKey,
        origin: str,
        *,
        ttl_s: float = TTL_S,
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
        remember: Callable[[Sequence[Identity]], None] = lambda _: None,
        incarnation: Callable[[], int] = lambda: 1,
    ) -> None:
        self._identify = identify
        self._remember = remember
        self._incarnation = incarnation
        self._names = Names.under(key, log=origin)
        self._ttl_s = ttl_s
        self._most = most
        self._clock = clock
        # By process id, as a lock that another thread held at a fork is never let go in the child; and by incarnation.
        self._caches: dict[tuple[int, int], _Cache] = {}

    def pseudonyms(self, names: Iterable[str]) -> tuple[dict[str, str], tuple[Identity, ...]]:
        """The pseudonym of each name, and the identities among them that the log does not know yet.

        Those have to be registered before the event they were made for is recorded. What has the form of a pseudonym
        stays as it is. Raises :class:`InvalidEventError` for a blank name, and what ``identify`` raises.
        """
        found = {name: name for name in names}
        lookups = {name: self._names.lookup(name) for name in found if not is_pseudonym(name)}
        if not lookups:
            return found, ()
        cache = self._here()
        known = cache.get(lookups.values(), now=self._clock())
        missing = {lookup: name for name, lookup in lookups.items() if lookup not in known}
        if missing:
            known.update(self._asked(missing, cache))
        found.update((name, known[lookup].pseudonym) for name, lookup in lookups.items())
        offline = {each.pseudonym: each.offline for each in known.values() if each.offline is not None}
        return found, tuple(offline.values())

    def _asked(self, missing: dict[bytes, str], cache: "_Cache") -> dict[bytes, _Known]:
        """What the log says of these, which waits for nobody else's question."""
        now = self._clock()
        made = {lookup: cache.made(lookup, now=now) for lookup in missing}
        proposals = [made[lookup] or self._proposal(lookup, name) for lookup, name in missing.items()]
        answer = self._identify(proposals)
        until = self._clock() + self._ttl_s
        if answer is None:
            return {each.lookup: cache.offline(each, until=until) for each in proposals}
        if len(answer) != len(proposals) or not all(map(is_pseudonym, answer)):
            raise UnbrokenError("the database's answer holds no pseudonyms: nothing was recorded")
        self._remember(
            [
                each if each.pseudonym == pseudonym else self._sealed(pseudonym, each.lookup, missing[each.lookup])
                for each, pseudonym in zip(proposals, answer, strict=True)
            ]
        )
        return {
            each.lookup: cache.put(each.lookup, _Known(pseudonym, until))
            for each, pseudonym in zip(proposals, answer, strict=True)
        }

    def _proposal(self, lookup: bytes, name: str) -> Identity:
        return self._sealed(new_pseudonym(), lookup, name)

    def _sealed(self, pseudonym: str, lookup: bytes, name: str) -> Identity:
        return Identity(pseudonym, lookup, self._names.seal(name, pseudonym))

    def _here(self) -> "_Cache":
        here = os.getpid(), self._incarnation()
        cache = self._caches.get(here)
        return self._caches.setdefault(here, _Cache(self._most)) if cache is None else cache


class _Cache:
    """What one process knows, by lookup; when it is full, what was not used for longest goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        # Owns what follows, and is held for no longer than a look at it.
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def get(self, lookups: Iterable[bytes], *, now: float) -> dict[bytes, _Known]:
        """What is known of these and holds: neither too old nor made in an outage."""
        with self._lock:
            found = {}
            for lookup in lookups:
                known = self._known.get(lookup)
                if known is not None and known.offline is None and now < known.until:
                    self._known.move_to_end(lookup)
                    found[lookup] = known
            return found

    def made(self, lookup: bytes, *, now: float) -> Identity | None:
        """What was made for this in an outage, and used lately.

        Proposing it later could bring a row back that was erased after the outage.
        """
        with self._lock:
            known = self._known.get(lookup)
            return known.offline if known is not None and now < known.until else None

    def put(self, lookup: bytes, known: _Known) -> _Known:
        """Remembers what the log said."""
        with self._lock:
            return self._put(lookup, known)

    def offline(self, made: Identity, *, until: float) -> _Known:
        """What to use while the log can't be asked: what was known or made here before, else ``made``."""
        with self._lock:
            known = self._known.get(made.lookup)
            if known is not None and known.offline is None:
                return known
            used = _Known(made.pseudonym, until, made) if known is None else replace(known, until=until)
            return self._put(made.lookup, used)

    def _put(self, lookup: bytes, known: _Known) -> _Known:
        self._known[lookup] = known
        self._known.move_to_end(lookup)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return known

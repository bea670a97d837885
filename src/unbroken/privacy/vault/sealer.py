"""Sealing what events were before redaction, where they are recorded: with public keys, which open nothing."""

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json
from unbroken.errors import ConfigurationError, TooLargeError, UnavailableError, UnbrokenError
from unbroken.privacy.vault.holders import Holder
from unbroken.privacy.vault.keys import PublicKey
from unbroken.privacy.vault.layout import MAX_KEYS
from unbroken.privacy.vault.originals import SealedOriginal, seal
from unbroken.privacy.vault.place import Place
from unbroken.privacy.vault.pool import endorsed
from unbroken.store.log_writer import VaultKey

TTL_S: Final = 600.0
"""How long a key is used without asking again, in seconds."""
MOST: Final = 4_000
"""How many holders' keys are remembered: some 5 KiB each."""
NO_VAULT_S: Final = 60.0
"""How long it is remembered that the log has no vault, in seconds."""
SHORT_S: Final = 5.0
"""How long an empty pool is not asked again where events go on without their originals, in seconds."""

Ask: TypeAlias = Callable[[Sequence[Holder]], list[VaultKey | None] | None]
"""The holders' keys, with ``None`` for a holder where the pool is empty; an empty list where there is no vault, and
``None`` where the log can't be asked now."""

_log = logging.getLogger("unbroken")
_OTHERWISE: Final = (
    'nothing was recorded. With [originals] without_key = "record" in the registry events go on without originals'
)


class Sealer:
    """Seals originals with keys of the log's pool; safe in several threads, and a forked child remembers no keys.

    ``ask`` asks the log for keys. ``keys`` are the log's, the one in use and retired ones, which show the vault keys
    that are its own. ``marker`` is a file that says, once it is there, that the log has a vault, for a start while the
    log is out of reach. While the log can't be asked, keys that were known go on being used. They are remembered for
    one ``incarnation`` of the log. ``clock`` is monotonic and in seconds.
    """

    def __init__(
        self,
        ask: Ask,
        *,
        keys: Sequence[LogKey],
        log: str,
        marker: Path | None = None,
        ttl_s: float = TTL_S,
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
        incarnation: Callable[[], int] = lambda: 1,
    ) -> None:
        self._ask = ask
        self._incarnation = incarnation
        self._log_keys = tuple(keys)
        self._log = log
        self._marker = marker
        self._ttl_s = ttl_s
        self._most = most
        self._clock = clock
        # By process id, as a lock that another thread held at a fork is never let go in the child; and by incarnation.
        self._caches: dict[tuple[int, int], _Cache] = {}
        # A vault that was seen once is there; that there is none holds for a while.
        self._has_vault = marker is not None and marker.exists()
        self._absent_until = clock()
        self._short_until = clock()
        self._silent_until = clock()

    @property
    def idle(self) -> bool:
        """Whether nothing is sealed at present, as the log had no vault when it was last asked."""
        return not self._has_vault and self._clock() < self._absent_until

    def seal(
        self, original: Mapping[str, Json], *, holders: Sequence[Holder], event_id: str, stop: bool
    ) -> SealedOriginal | None:
        """The original, sealed to the keys of all its holders together; ``None`` where there are none, or no vault.

        An original that can't be sealed raises with ``stop`` (:class:`UnavailableError` for want of keys,
        :class:`TooLargeError` for too many holders or bytes), and else there is none. Raises
        :class:`ConfigurationError` for keys that are not the log's own, and without the log's key, in any case.
        """
        if not holders or self.idle:
            return None
        try:
            # Nobody gets a key for what can't be sealed in the end.
            keys = self._keys(holders if len(holders) <= MAX_KEYS else holders[:1], patient=stop)
            return None if keys is None else self._sealed(original, holders, keys, event_id)
        except _CannotSealError as error:
            if stop:
                raise error.kind(f"{error}; {_OTHERWISE}") from None
            self._warn(error)
            return None

    def _sealed(
        self,
        original: Mapping[str, Json],
        holders: Sequence[Holder],
        keys: Mapping[Holder, PublicKey],
        event_id: str,
    ) -> SealedOriginal:
        if len(holders) > MAX_KEYS:
            raise _CannotSealError(
                TooLargeError, f"an event concerns {len(holders)} people; its original can be of {MAX_KEYS} at most"
            )
        try:
            return seal(original, keys=[keys[holder] for holder in holders], place=Place(self._log, event_id))
        except TooLargeError as error:
            raise _CannotSealError(TooLargeError, str(error)) from error

    # ---- keys ----

    def _keys(self, holders: Sequence[Holder], *, patient: bool) -> dict[Holder, PublicKey] | None:
        """The key of each holder; ``None`` where there is no vault."""
        cache = self._here()
        known = cache.get(holders, now=self._clock())
        missing = [holder for holder in holders if holder not in known]
        if missing and not patient and self._clock() < self._short_until:
            raise _short()
        if missing:
            answer = self._ask(missing)
            if answer is None:
                return self._in_outage(holders, cache)
            if not self._is_set_up(answer):
                return None
            known |= self._taken(missing, answer, cache)
        return known

    def _is_set_up(self, answer: Sequence[VaultKey | None]) -> bool:
        """Notes whether there is a vault."""
        if answer and not self._has_vault:
            self._has_vault = True
            self._mark()
        elif not self._has_vault:
            self._absent_until = self._clock() + NO_VAULT_S
        return self._has_vault

    def _in_outage(self, holders: Sequence[Holder], cache: "_Cache") -> dict[Holder, PublicKey] | None:
        """What was known, however old."""
        if not self._has_vault:
            return None
        known = cache.get(holders, now=None)
        if len(known) < len(holders):
            raise _CannotSealError(UnavailableError, "the log can't be asked now for the key of an event's original")
        return known

    def _taken(
        self, missing: Sequence[Holder], answer: Sequence[VaultKey | None], cache: "_Cache"
    ) -> dict[Holder, PublicKey]:
        """The keys of an answer, once each is known to be the log's own."""
        # Of a vault that was there, an answer without keys is one in which all are missing.
        answer = answer or [None] * len(missing)
        if len(answer) != len(missing):
            raise UnbrokenError("the database's answer holds other keys than were asked for: nothing was recorded")
        until = self._clock() + self._ttl_s
        taken = {
            holder: cache.put(holder, _Known(self._checked(offered), until))
            for holder, offered in zip(missing, answer, strict=True)
            if offered is not None
        }
        if len(taken) < len(missing):
            self._short_until = self._clock() + SHORT_S
            raise _short()
        return taken

    def _checked(self, offered: VaultKey) -> PublicKey:
        if not self._log_keys:
            raise ConfigurationError(
                "originals are sealed with keys that only the log's key shows to be its own: give key=…, to commands by"
                ' UNBROKEN_KEY_FILE, or load a registry with [originals] keep = "never"; nothing was recorded'
            )
        by = offered.endorsement.partition(":")[0]
        *others, last = [each for each in self._log_keys if f"k{each.id}" == by] or self._log_keys[:1]
        for log_key in others:
            # Nothing keeps two keys of a file from having the same id.
            with suppress(ConfigurationError):
                return endorsed(*offered, log_key=log_key, log=self._log)
        return endorsed(*offered, log_key=last, log=self._log)

    def _mark(self) -> None:
        if self._marker is not None:
            # Without it a start in an outage goes on as if there were no vault.
            with suppress(OSError):
                self._marker.touch(mode=0o600)

    def _warn(self, reason: "_CannotSealError") -> None:
        if self._clock() >= self._silent_until:
            self._silent_until = self._clock() + NO_VAULT_S
            _log.warning("events are recorded without their originals: %s", reason)

    def _here(self) -> "_Cache":
        here = os.getpid(), self._incarnation()
        cache = self._caches.get(here)
        return self._caches.setdefault(here, _Cache(self._most)) if cache is None else cache


class _CannotSealError(Exception):
    """Why there can be no original, and as what that is raised where it stops the event."""

    def __init__(self, kind: type[UnbrokenError], words: str) -> None:
        super().__init__(words)
        self.kind = kind


def _short() -> _CannotSealError:
    return _CannotSealError(
        UnavailableError, "the vault has no free key for an event's original: a dpo runs `unbroken vault refill`"
    )


class _Known(NamedTuple):
    """A holder's key, and until when it is used without asking again."""

    key: PublicKey
    until: float


class _Cache:
    """What one process knows, by holder; when it is full, what was not used for longest goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        # Owns what follows, and is held for no longer than a look at it.
        self._lock = threading.Lock()
        self._known: OrderedDict[Holder, _Known] = OrderedDict()

    def get(self, holders: Iterable[Holder], *, now: float | None) -> dict[Holder, PublicKey]:
        """The keys known of these and not too old; however old without a time."""
        with self._lock:
            found = {}
            for holder in holders:
                known = self._known.get(holder)
                if known is not None and (now is None or now < known.until):
                    self._known.move_to_end(holder)
                    found[holder] = known.key
            return found

    def put(self, holder: Holder, known: _Known) -> PublicKey:
        """Remembers what the log said."""
        with self._lock:
            self._known[holder] = known
            self._known.move_to_end(holder)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
            return known.key

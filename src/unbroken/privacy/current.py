"""The registry that is in force for a log, as one recording process knows it."""

import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from unbroken.errors import ConfigurationError, UnavailableError, UnbrokenError
from unbroken.ledger.ledger import GLANCE_S, Ledger
from unbroken.privacy.registry.reading import BUILT_IN, registry_from
from unbroken.privacy.registry.registry import Registry
from unbroken.store.log_writer import LogWriter

FRESH_S: Final = 60.0
"""How long a version is used before the log is asked for a newer one, in seconds."""
MOST_NOTED: Final = 10_000
_log = logging.getLogger("unbroken")


class CurrentRegistry:
    """Called, it gives the version in force, at most :data:`FRESH_S` seconds old while the log can be asked.

    ``copy`` is a file of this user's alone that outlives the process, for a start in an outage that a spool bridges;
    where there is neither log nor copy, what is built in holds. Safe for use by several threads at once.

    Raises :class:`ConfigurationError` for a version that this release can't read while it knows no other.
    """

    def __init__(self, ledger: Ledger, *, copy: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger = ledger
        self._copy = copy
        self._clock = clock
        # By process id: a lock that another thread held at a fork is never let go in the child.
        self._locks: dict[int, threading.Lock] = {}
        self._registry: Registry | None = None
        self._incarnation = 1
        self._until = 0.0

    def __call__(self) -> Registry:
        registry = self._registry
        if registry is not None and self._clock() < self._until:
            return registry
        lock = self._locks.setdefault(os.getpid(), threading.Lock())
        # Whoever comes while another asks uses what there is.
        if not lock.acquire(blocking=registry is None):
            return registry or BUILT_IN
        try:
            if self._registry is None or self._clock() >= self._until:
                self._registry = self._asked(self._registry)
                self._until = self._clock() + FRESH_S
            return self._registry
        finally:
            lock.release()

    def _asked(self, known: Registry | None) -> Registry:
        try:
            return self._newest(known)
        except UnavailableError:
            # Whether the log is there is for recording to say.
            if known is None:
                raise
            return known

    def _newest(self, known: Registry | None) -> Registry:
        version = self._ledger.ask_aside(lambda writer, wait_s: writer.registry_version(wait_s=wait_s))
        if version is None:
            return known or self._kept()
        # Versions are counted anew in each incarnation of a log.
        before, self._incarnation = self._incarnation, self._ledger.incarnation
        if known is not None and known.version == version and before == self._incarnation:
            return known
        newest = self._ledger.ask_aside(lambda writer, wait_s: writer.registry(wait_s=wait_s)) if version else None
        if version and newest is None:
            return known or self._kept()
        number, text = newest or (0, "")
        try:
            registry = registry_from(text, version=number)
        except ConfigurationError as error:
            if known is None:
                raise
            _log.warning("version %d of the registry can't be read, version %d stays: %s", number, known.version, error)
            return known
        self._keep(number, text)
        return registry

    def _kept(self) -> Registry:
        """The version of the copy, or what is built in."""
        if self._copy is not None and self._copy.exists():
            try:
                number, text = json.loads(self._copy.read_text(encoding="utf-8"))
                return registry_from(text, version=number)
            except (OSError, ValueError, TypeError, ConfigurationError):
                _log.warning("the copy of the registry in %s can't be read: what is built in holds", self._copy)
        return BUILT_IN

    def _keep(self, number: int, text: str) -> None:
        if self._copy is None:
            return
        with suppress(OSError):
            descriptor, name = tempfile.mkstemp(dir=self._copy.parent, prefix=self._copy.name)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump([number, text], file)
            Path(name).replace(self._copy)


class Unclassified:
    """Tells the log once of each tool, source and resource type that no registry names, as far as that costs nothing.

    A notice that can't be given now is given with the next event that names the same.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._told: set[tuple[str, str]] = set()

    def __call__(self, items: Collection[tuple[str, str]]) -> None:
        new = [item for item in items if item not in self._told]
        if not new or len(self._told) >= MOST_NOTED:
            return
        with suppress(UnbrokenError):
            if self._ledger.ask_aside(partial(_noted, new), wait_s=GLANCE_S):
                self._told.update(new)


def _noted(items: Collection[tuple[str, str]], writer: LogWriter, wait_s: float) -> bool:
    writer.note_unclassified(items, wait_s=wait_s)
    return True

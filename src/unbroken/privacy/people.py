"""The people behind pseudonyms, for those who may know them: each look-up is an entry of the log before it answers."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from unbroken.core.keyed import LogKey
from unbroken.errors import ConfigurationError
from unbroken.privacy.names import Names
from unbroken.privacy.pseudonyms import is_pseudonym, pseudonyms_in
from unbroken.store.log_reader import Ticket

AT_ONCE: Final = 1000
"""How many names one look-up may ask for."""


class Registrar(Protocol):
    """A reading login's connection to a log, which knows sealed names and no key."""

    log: str

    def ask_names(self, ticket: Ticket, pseudonyms: Sequence[str]) -> str:
        """Puts on record that the names behind these will be looked at; what to ask for them with."""

    def names(self, lookup: str) -> dict[str, bytes]:
        """The sealed names by pseudonym, of those there are."""

    def pseudonyms_of(self, lookups: Sequence[bytes]) -> dict[bytes, list[str]]:
        """All pseudonyms of each lookup, oldest first."""


class People:
    """What one read finds out about people. ``keys`` are the log's: the one in use, and retired ones.

    ``names`` holds the name of each pseudonym that was looked up so far; ``sealed`` those that are under no key given;
    others have none: they were erased, or never stood for anybody. ``lookups`` are the ids of the entries that tell of
    it. Raises :class:`AccessDeniedError` where this login may not know.
    """

    def __init__(self, registrar: Registrar, ticket: Ticket, keys: Sequence[LogKey]) -> None:
        self._registrar = registrar
        self._ticket = ticket
        self._keys = [Names.under(key, log=registrar.log) for key in keys]
        self._asked: set[str] = set()
        self.names: dict[str, str] = {}
        self.sealed: set[str] = set()
        self.lookups: list[str] = []

    def look_up(self, pseudonyms: Iterable[str]) -> None:
        """Finds the names behind these, in one look-up for a thousand of them; those asked for before are known."""
        new = sorted(set(pseudonyms) - self._asked)
        for start in range(0, len(new), AT_ONCE):
            some = new[start : start + AT_ONCE]
            lookup = self._registrar.ask_names(self._ticket, some)
            self.lookups.append(lookup)
            self._asked.update(some)
            for pseudonym, sealed in self._registrar.names(lookup).items():
                self._open(pseudonym, sealed)

    def look_up_in(self, texts: Iterable[str]) -> None:
        """Finds the names behind all pseudonyms in some texts."""
        self.look_up(pseudonym for text in texts for pseudonym in pseudonyms_in(text))

    def known_as(self, name: str) -> list[str]:
        """All that may stand for a person in this log: the name as it is given, and its pseudonyms; a pseudonym alone.

        Names are recorded as they are where pseudonyms are switched off, and where who acts is no person.
        """
        if is_pseudonym(name) or not self._keys:
            return [name]
        lookups = [each.lookup(name) for each in self._keys]
        found = self._registrar.pseudonyms_of(lookups)
        return [name, *(pseudonym for lookup in lookups for pseudonym in found.get(lookup, ()))]

    def _open(self, pseudonym: str, sealed: bytes) -> None:
        opened = next(self._opened(pseudonym, sealed), None)
        if opened is None:
            self.sealed.add(pseudonym)
        else:
            self.names[pseudonym] = opened

    def _opened(self, pseudonym: str, sealed: bytes) -> Iterator[str]:
        for names in self._keys:
            try:
                yield names.open(sealed, pseudonym)
            except ConfigurationError:
                continue

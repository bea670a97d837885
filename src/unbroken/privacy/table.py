"""A table of a TOML file, read key by key: whatever is wrong with it is said with the place where it stands."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from unbroken.core.normalise import is_holdable
from unbroken.errors import ConfigurationError

LONGEST: Final = 1024
"""Bytes of a name: those that an event's text may have."""
_SHOWN: Final = 60


class Table:
    """One table; ``place`` is what its errors begin with.

    Every method raises :class:`ConfigurationError` for a value of another kind.
    """

    def __init__(self, values: Mapping[str, Any], place: str) -> None:
        self.values = values
        self.place = place

    def closed(self, *keys: str) -> None:
        """Holds that no other keys stand in it."""
        for key in self.values:
            if key not in keys:
                raise self.wrong(f"there is no key {shown(key)} here, only {', '.join(keys)}")

    def text(self, key: str) -> str | None:
        """A text that an event could hold: not empty, at most :data:`LONGEST` bytes, no NUL."""
        return None if key not in self.values else self._text(key, self.values[key])

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of such texts."""
        if key not in self.values:
            return None
        items = self.values[key]
        if not isinstance(items, list):
            raise self.wrong(f'{key} is a list of texts, as in {key} = ["…"]')
        return tuple(self._text(key, item) for item in items)

    def flag(self, key: str) -> bool | None:
        """``true`` or ``false``."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(f"{key} is true or false, not {shown(value)}")
        return value

    def choice(self, key: str, options: Collection[str]) -> str | None:
        """One of ``options``."""
        if key not in self.values:
            return None
        value = self.values[key]
        if not isinstance(value, str) or value not in options:
            raise self.wrong(f"{key} {shown(value)} is none of {', '.join(options)}")
        return value

    def choices(self, key: str, options: Collection[str]) -> dict[str, str]:
        """A table of texts to one of ``options`` each."""
        table = self.table(key)
        return {table.name(name): table.choice(name, options) or "" for name in table.values}

    def table(self, key: str) -> "Table":
        """The table at ``key``, empty where there is none."""
        values = self.values.get(key, {})
        place = f"{self.place}.{key}" if self.place else key
        if not isinstance(values, dict):
            raise self.wrong(f"{key} is a table: [{place}]")
        return Table(values, place)

    def tables(self, key: str) -> Iterator["Table"]:
        """The tables of a list, in order; their places are ``key 1``, ``key 2``, …"""
        values = self.values.get(key, [])
        place = f"{self.place}.{key}" if self.place else key
        if not isinstance(values, list) or not all(isinstance(item, dict) for item in values):
            raise self.wrong(f"each {key} is a table of its own: [[{place}]]")
        for number, item in enumerate(values, 1):
            yield Table(item, f"{place} {number}")

    def name(self, key: str) -> str:
        """A key that is a name: a text that an event could hold."""
        return self._text("a key", key)

    def wrong(self, words: str) -> ConfigurationError:
        """The error that says ``words`` of this place."""
        return ConfigurationError(f"{self.place}: {words}" if self.place else words)

    def _text(self, key: str, value: object) -> str:
        if not isinstance(value, str):
            raise self.wrong(f"{key} {shown(value)} is no text")
        if not value.strip() or not is_holdable(value):
            raise self.wrong(f"{key} is empty or holds a NUL")
        if len(value.encode(errors="replace")) > LONGEST:
            raise self.wrong(f"{key} is longer than {LONGEST:,} bytes")
        return value


def shown(value: object) -> str:
    """A value of a file as a message shows it: texts in quotes, the beginning of long ones."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    text = str(value)
    text = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return f'"{text}"' if isinstance(value, str) else text

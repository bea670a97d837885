"""The export form of an entry (spec/FORMAT.md), as exports, bundles and ``tail --json`` write it."""

from collections.abc import Collection
from typing import Any

from unbroken.core.commitment import PARTS
from unbroken.core.entry import StoredEntry


def export_form(entry: StoredEntry, *, withheld: Collection[str] = ()) -> dict[str, Any]:
    """An entry with the parts of its payload that are held, but for those withheld, which are named."""
    parts = entry.parts
    payload = {
        name: {"salt": part.salt.hex(), "value": part.value.decode()}
        for name in PARTS
        if (part := parts.get(name)) is not None and name not in withheld
    }
    form: dict[str, Any] = {"hash": entry.hash.hex(), "line": entry.line.decode()}
    named = sorted(name for name in withheld if name in parts)
    return form | ({"payload": payload} if payload else {}) | ({"withheld": named} if named else {})

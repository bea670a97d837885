"""In which words it is said that something is gone, and which entry of the log tells so."""

from collections.abc import Iterator
from typing import Final

from unbroken.investigate.details import Details, shortened
from unbroken.investigate.words import count
from unbroken.verify.declaration import Declaration, Work

IN_PLACE: Final[dict[Work, str]] = {"erasure": "[erased]", "disposal": "[disposed of]"}
"""What is shown in place of content that the log declares gone."""


def told_gone(declaration: Declaration, *, full: bool = False) -> str:
    """How something went, and the entry that tells; with ``full`` the disposal that it belongs to as well."""
    told = f"as entry {declaration.seq:,} tells"
    if declaration.work == "erasure":
        return f"erased, {told}"
    under = f" under disposal {declaration.id}" if full else ""
    return f"disposed of on {declaration.at[:10]}{under}, {told}"


def what_went(details: Details) -> Iterator[str]:
    """What an entry of an erasure or a disposal says of what went, and whether it ends with it."""
    if details.get("complete") is True:
        yield "complete"
    for key in ("payloads", "originals"):
        value = details.get(key)
        if isinstance(value, str) and value:
            yield f"{key} of {shortened(value)}"
        elif isinstance(value, int) and value:
            yield count(value, key.removesuffix("s"))
    for key, noun in (("keys", "key"), ("pseudonyms", "name")):
        value = details.get(key)
        if value and isinstance(value, list | int):
            yield count(len(value) if isinstance(value, list) else value, noun)

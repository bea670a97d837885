"""In which words it is said that something is gone, and which entry of the log tells so."""

from typing import Final

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

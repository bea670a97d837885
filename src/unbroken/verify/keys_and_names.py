"""Keys of the vault and names behind pseudonyms: what is gone must be declared, and what is declared must be gone."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from unbroken.verify.chain import Chain
from unbroken.verify.settle import UNTOLD
from unbroken.verify.source import Index

AT_ONCE: Final = 1000
"""Pseudonyms that are asked for together."""


def undeclared_keys(chain: Chain, source: Index) -> Iterator[tuple[str, int | None]]:
    """Keys whose private half is not there, and that no entry names; with the entry that the database says does."""
    return ((key, seq) for key, seq in source.key_absences() if key not in chain.accounting.keys)


def check_keys(chain: Chain, source: Index) -> None:
    """Holds the keys that lack their private half against those that entries name."""
    left = dict(chain.accounting.keys)
    for key, seq in source.key_absences():
        named = left.pop(key, None)
        if named is not None:
            named[0].keys += 1
        elif key not in chain.accounting.keys:
            wanted = f"the private half of vault key {key}"
            chain.find("missing", seq or 0, expected=wanted, found=UNTOLD, part="key")
    for key, (_, seq) in left.items():
        wanted = f"no private half of vault key {key}: this entry declares it destroyed"
        chain.find("not_erased", seq, expected=wanted, found="it, or no such key", part="key")


def check_names(chain: Chain, source: Index) -> None:
    """Asks whether any pseudonym leads to a name though an entry says that it doesn't any more."""
    pseudonyms = iter(chain.accounting.pseudonyms.items())
    while some := dict(islice(pseudonyms, AT_ONCE)):
        known = set(source.known_pseudonyms(list(some)))
        for pseudonym, (declared, seq) in some.items():
            if pseudonym in known:
                wanted = f"no name behind {pseudonym}: this entry declares it forgotten"
                chain.find("not_erased", seq, expected=wanted, found="a name", part="name")
            else:
                declared.names += 1

"""The titles of all documents that a ledger may hold.

A closed list: whoever reads a ledger has to know of every line what it is. A line of a newer release, passed over,
might be the order after which something has to be destroyed again.
"""

from typing import Final

ERASURE_ORDER: Final = "unbroken erasure order v1"
ERASURE_CERTIFICATE: Final = "unbroken erasure certificate v1"
DISPOSAL_CERTIFICATE: Final = "unbroken disposal certificate v1"
TITLES: Final = frozenset((ERASURE_ORDER, ERASURE_CERTIFICATE, DISPOSAL_CERTIFICATE))

"""Beginning a confirmed erasure: nothing is destroyed before the order that names it is signed and on disk outside.

No order is given while a legal hold keeps any of it, or a law that was not known to who asked and who confirmed: after
a restore an order that stands in the ledger is carried out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from unbroken.errors import ConfigurationError, HeldError
from unbroken.privacy.erasure.records import OrderNote
from unbroken.privacy.erasure.signing import Signing
from unbroken.privacy.erasure.writing import Now, order_of, says
from unbroken.store.erasures import Erasure, PersonFound

ATTEMPTS: Final = 3
"""How often an erasure is prepared anew where the person's ids or keys changed meanwhile."""


class Begins(Protocol):
    """The log, for whoever begins erasures; see :class:`unbroken.store.erasures.Erasures`."""

    def prepare(self, erasure: str) -> PersonFound:
        """What is going to be destroyed."""

    def begin(self, erasure: str, keys: Sequence[str], *, order: str) -> int:
        """Destroys keys and names."""


def check_free(row: Erasure, found: PersonFound) -> None:
    """Raises :class:`HeldError` where a legal hold keeps what was found, :class:`ConfigurationError` where a law does.

    The latter only where the erasure was not asked for despite that.
    """
    if found.held:
        raise HeldError(
            f"a legal hold keeps {found.held:,} of the entries that this erasure is about. Nothing was destroyed: it "
            "can be carried out once the hold is over; where it has expired by then, ask anew"
        )
    if found.floored and not row.despite_floors:
        raise ConfigurationError(
            f"a law asks to keep {found.floored:,} of the entries that this erasure is about, and it was not asked for "
            "despite that. Nothing was destroyed: withdraw it, and if they have to go all the same, ask anew with "
            "--despite-floors"
        )


@dataclass(frozen=True)
class Beginning:
    """Erasures that two people have agreed on. ``now`` tells how the log stands."""

    door: Begins
    signing: Signing
    now: Callable[[], Now]

    def begin(self, row: Erasure) -> OrderNote:
        """Signs the order, puts it into the ledger and destroys keys and names; the order that holds."""
        found = self.door.prepare(row.erasure)
        check_free(row, found)
        for _ in range(ATTEMPTS - 1):
            order = self._order(row, found)
            try:
                self.door.begin(row.erasure, found.keys, order=order.digest)
            except ConfigurationError:
                # Keys may have been assigned since these were asked for: then an order has to name those too.
                anew = self.door.prepare(row.erasure)
                check_free(row, anew)
                if (anew.ids, anew.keys) == (found.ids, found.keys):
                    raise
                found = anew
            else:
                return order
        order = self._order(row, found)
        self.door.begin(row.erasure, found.keys, order=order.digest)
        return order

    def _order(self, row: Erasure, found: PersonFound) -> OrderNote:
        """The order in the ledger: one from an attempt before, where it says the same, or a new one."""
        days = self.signing.backups_kept_days
        for last in self.signing.records().orders_of(row.erasure)[-1:]:
            if says(last.order, found, backups_kept_days=days):
                return last
        now = self.now()
        return self.signing.add_order(lambda place: order_of(row, found, now=now, place=place, backups_kept_days=days))

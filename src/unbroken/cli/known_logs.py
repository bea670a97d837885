"""Which logs a store holds."""

from unbroken import wiring
from unbroken.cli.target import conninfo_of
from unbroken.store.log_reader import list_logs


def known_logs(store: str) -> list[str]:
    """The full names of all logs in ``store``."""
    with conninfo_of(store, login=wiring.VERIFIER) as conninfo:
        return list_logs(conninfo)

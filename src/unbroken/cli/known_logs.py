"""Which logs a store holds."""

from unbroken import wiring
from unbroken.cli.target import is_conninfo, open_reader
from unbroken.store import embedded
from unbroken.store.log_reader import list_logs


def known_logs(store: str) -> list[str]:
    """The full names of all logs in ``store``."""
    if is_conninfo(store):
        return list_logs(store)
    if not embedded.is_embedded(store):
        # The reader knows what to say about a folder that holds nothing.
        with open_reader(store, None) as reader:
            return [reader.log]
    with embedded.enter(store) as server:
        return list_logs(server.conninfo(wiring.VERIFIER))

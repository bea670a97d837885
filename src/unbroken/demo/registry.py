"""The clinic's registry: how its data is treated, loaded into the log before anything is recorded."""

from importlib import resources

from unbroken.privacy.registry.reading import registry_from
from unbroken.privacy.registry.registry import Registry
from unbroken.store.log_reader import LogReader

FILE = resources.files("unbroken.demo").joinpath("unbroken.toml")


def load(conninfo: str, *, log: str) -> tuple[int, int]:
    """Makes the file the log's registry; returns the number of the version, and of the entry that tells of it."""
    with LogReader(conninfo, log, writes=True) as reader:
        return reader.load_registry(FILE.read_text(encoding="utf-8"), reason="the clinic opens")


def loaded(version: int) -> Registry:
    """What the file says."""
    return registry_from(FILE.read_text(encoding="utf-8"), version=version)

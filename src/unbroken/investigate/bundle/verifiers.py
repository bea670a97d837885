"""The verifiers that go into a bundle: those of ``spec/``, byte by byte, of the release that made it."""

from importlib.resources import files
from typing import Final

NAMES: Final = ("verify.py", "verify.html")


def verifier(name: str) -> bytes:
    """One of :data:`NAMES`."""
    return files("unbroken").joinpath("spec", name).read_bytes()

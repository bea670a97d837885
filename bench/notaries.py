"""A notary of the measured log."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers import LOG

from unbroken.core.checkpoint import key_name
from unbroken.core.note import SigningKey
from unbroken.notary.local_key import LocalKey
from unbroken.notary.memory import NotaryFolder
from unbroken.notary.notary import Notary
from unbroken.notary.signer import Signer


@contextmanager
def notary_in(path: Path) -> Iterator[Notary]:
    """It remembers in a folder and has a key of its own."""
    key = SigningKey.generate(key_name(LOG))
    signer = Signer.of(LocalKey(key.verifier.public, key.secret), log=LOG)
    folder = NotaryFolder(path, log=LOG)
    with folder.locked():
        yield Notary(folder, signer, each_start=True)

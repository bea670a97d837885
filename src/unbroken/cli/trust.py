"""``--trust``: the keys that whoever verifies has from elsewhere, and believes."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from unbroken.core.cosignature import CosignerKey
from unbroken.core.note import VerifierKey
from unbroken.errors import ConfigurationError

_MAX_BYTES: Final = 2**20
_OF_COSIGNERS: Final = b"\x04"

TrustOption = Annotated[
    list[str] | None,
    typer.Option(
        "--trust",
        envvar="UNBROKEN_TRUST",
        metavar="KEY",
        help="A key that is believed, NAME+ID+KEY, or a file with one a line. Get it elsewhere than from the log.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Trusted:
    """Keys that sign checkpoints, and keys of witnesses and others that cosign them."""

    keys: tuple[VerifierKey, ...] = ()
    cosigners: tuple[CosignerKey, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keys or self.cosigners)


def trusted(given: Sequence[str] | None) -> Trusted:
    """The keys of ``--trust``, each once; raises :class:`ConfigurationError` for what is neither key nor file."""
    texts = texts_of(given)
    cosigning = [text for text in texts if _is_cosigner(text)]
    keys = tuple(VerifierKey.from_text(text) for text in texts if text not in cosigning)
    return Trusted(keys, tuple(map(CosignerKey.from_text, cosigning)))


def texts_of(given: Sequence[str] | None) -> list[str]:
    """The texts of keys that were given, in order and each once, from files of one a line; # begins a comment."""
    return list(dict.fromkeys(text for each in given or () for text in _texts(each)))


def _texts(given: str) -> Iterator[str]:
    if "+" in given and not Path(given).exists():
        yield given
        return
    try:
        with Path(given).open("rb") as file:
            lines = file.read(_MAX_BYTES).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{given} is no key (NAME+ID+KEY), nor a file of them that can be read") from error
    found = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not found:
        raise ConfigurationError(f"there is no key in the file {given}")
    yield from found


def _is_cosigner(text: str) -> bool:
    """Whether the key's text says that it is one: by its type, the first byte of the key."""
    try:
        return base64.b64decode(text.split("+", 2)[-1], validate=True)[:1] == _OF_COSIGNERS
    except (binascii.Error, ValueError):
        return False

"""Putting a bundle's files into one archive: the same files make the same bytes."""

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from shutil import copyfileobj
from typing import Final

_CHUNK: Final = 1 << 20
_ZIP64: Final = 1 << 31
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE: Final = 0o100644 << 16


def pack(folder: Path, names: Sequence[str], archive: Path) -> None:
    """Writes those files of ``folder`` into a new archive, in this order; it is on the disk, and its owner's alone."""
    with open(archive, "xb", opener=_private) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in names:
                _add(packed, folder / name)
        file.flush()
        os.fsync(file.fileno())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _add(packed: zipfile.ZipFile, path: Path) -> None:
    """One file, without what would tell where and when it was written."""
    member = zipfile.ZipInfo(path.name, _EPOCH)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = _PLAIN_FILE
    member.create_system = 3
    large = path.stat().st_size >= _ZIP64
    with path.open("rb") as source, packed.open(member, "w", force_zip64=large) as target:
        copyfileobj(source, target, _CHUNK)

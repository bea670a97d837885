"""Receipts that are on their way into the database: of some kinds they are the only copies.

Each is on this disk before the database is asked to take it, and leaves when it has.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from unbroken.anchors.anchor import MAX_NOTE_BYTES, MAX_PROOF_BYTES, Receipt
from unbroken.errors import AnchorError, UnavailableError
from unbroken.files import beginning, exchange, sync_folder

_ENDING: Final = ".receipt"
_MAX_BYTES: Final = 2 * (MAX_NOTE_BYTES + MAX_PROOF_BYTES)


class KeptReceipts:
    """A folder of the notary's, made when the first receipt comes. Raises :class:`UnavailableError` for the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, receipt: Receipt) -> None:
        """On the disk when it returns, once however often it is brought."""
        path = self._path(receipt)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if _content(path) != receipt.to_bytes():
                exchange(path, receipt.to_bytes())
        except OSError as error:
            raise UnavailableError(
                f"an anchor's receipt can't be kept in {self._folder} ({error.strerror}): what was published is at the"
                " anchor all the same, and its newest receipt in the anchors' state"
            ) from error

    def all(self) -> Iterator[Receipt]:
        """All that were not dropped; what is no receipt is passed over."""
        try:
            paths = sorted(path for path in self._folder.iterdir() if path.suffix == _ENDING)
        except FileNotFoundError:
            return
        for path in paths:
            try:
                yield Receipt.from_bytes(_content(path) or b"")
            except AnchorError:
                continue

    def drop(self, receipt: Receipt) -> None:
        """It has arrived. Where it can't be removed it is brought again, which changes nothing."""
        with suppress(OSError):
            self._path(receipt).unlink()
            sync_folder(self._folder)

    def _path(self, receipt: Receipt) -> Path:
        return self._folder / f"{hashlib.sha256(receipt.to_bytes()).hexdigest()}{_ENDING}"


def _content(path: Path) -> bytes | None:
    try:
        return beginning(path, _MAX_BYTES)[1]
    except OSError:
        return None

"""A bundle's files, out of a ZIP or a folder, read a piece at a time. Whoever made it may have meant harm."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from os import SEEK_END
from pathlib import Path
from typing import IO, Final, Protocol

from unbroken.verify.bundle.manifest import LISTED

MANIFEST: Final = "manifest.json"
SIGNED: Final = ("manifest.note", "exported.jsonl")
"""What a draft lacks."""
PROVING: Final = ("checkpoint.note", "proof.json")
"""What is lacking where no checkpoint covers the entries yet."""
ALWAYS: Final = (MANIFEST, *LISTED, "keys.json", "anchors.jsonl")
NAMES: Final = frozenset({*ALWAYS, *SIGNED, *PROVING})
CHUNK: Final = 1 << 20
_ENCRYPTED: Final = 1
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
_DAMAGES: Final = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, IndexError, NotImplementedError, OSError, RuntimeError,
    ValueError,
)  # fmt: skip
"""What reading a damaged archive raises."""


class UnreadableError(ValueError):
    """It is no bundle, or is damaged where nothing of it vouches for what was there."""


class Files(Protocol):
    """The files of one bundle; all methods raise :class:`UnreadableError`."""

    @property
    def names(self) -> frozenset[str]:
        """Which files there are: some of :data:`NAMES`."""
        ...

    def chunks(self, name: str) -> Iterator[bytes]:
        """What a file holds, some of it at a time."""
        ...


@contextmanager
def opened(path: Path) -> Iterator[Files]:
    """The files of the bundle at ``path``; raises :class:`UnreadableError` where it is none."""
    if path.is_dir():
        yield _Folder(path)
        return
    with path.open("rb") as file, _readable(file) as archive:
        yield _Archive(archive)


@contextmanager
def _readable(file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """The archive, if all programs see the same files in it."""
    _require_end(file)
    try:
        archive = zipfile.ZipFile(file)
    except _DAMAGES as error:
        raise UnreadableError(f"no ZIP archive, or a damaged one: {error}") from error
    with archive:
        yield archive


def _require_end(file: IO[bytes]) -> None:
    """That the end of the archive's directory is the end of the file, and has no comment, which might look like one."""
    size = file.seek(0, SEEK_END)
    file.seek(max(size - _END_BYTES, 0))
    end = file.read()
    file.seek(0)
    if not end.startswith(_END) or not end.endswith(b"\x00\x00"):
        raise UnreadableError("no ZIP archive, or one that is cut off or has something behind its files")


def whole(files: Files, name: str, *, limit: int) -> bytes:
    """All of a file of up to ``limit`` bytes; a longer one is unreadable."""
    read = bytearray()
    for chunk in files.chunks(name):
        read += chunk
        if len(read) > limit:
            raise UnreadableError(f"{name} is longer than {limit} bytes")
    return bytes(read)


class Lines:
    """The lines of a file, cut at LF alone, with what the file is as a whole once they were all taken.

    Of a line that is too long only so much is kept that whoever reads it refuses it.
    """

    def __init__(self, files: Files, name: str, *, longest: int) -> None:
        self._chunks = files.chunks(name)
        self._longest = longest
        self._digest = sha256()
        self.bytes = 0

    @property
    def sha256(self) -> str:
        """Of all bytes so far, in hex."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[str]:
        rest = bytearray()
        for chunk in self._chunks:
            self._digest.update(chunk)
            self.bytes += len(chunk)
            *ended, last = chunk.split(b"\n")
            for piece in ended:
                self._extend(rest, piece)
                yield rest.decode("utf-8", "surrogateescape")
                rest.clear()
            self._extend(rest, last)
        if rest:
            yield rest.decode("utf-8", "surrogateescape")

    def _extend(self, rest: bytearray, piece: bytes) -> None:
        # One more than what is too long: it is still refused, and fills no memory.
        rest += piece[: max(self._longest + 1 - len(rest), 0)]


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            # File managers leave names of this kind.
            found = {each.name: each.lstat().st_mode for each in path.iterdir() if not each.name.startswith(".")}
        except OSError as error:
            raise UnreadableError(f"the folder can't be read: {error.strerror}") from error
        if not all(map(stat.S_ISREG, found.values())):
            raise UnreadableError("there is something in the folder that is no plain file")
        self.names = _known(list(found))

    def chunks(self, name: str) -> Iterator[bytes]:
        try:
            with (self._path / name).open("rb") as file:
                yield from _chunks(file)
        except OSError as error:
            raise UnreadableError(f"{name} can't be read: {error.strerror}") from error


class _Archive:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        members = archive.infolist()
        if not members or min(each.header_offset for each in members):
            raise UnreadableError("there is something in the archive before its files, or none of them")
        for each in members:
            if each.flag_bits & _ENCRYPTED or each.compress_type not in _METHODS:
                raise UnreadableError("a file in the archive is encrypted, or packed in another way than deflate")
        self.names = _known([each.filename for each in members])
        # Its own sums are no evidence, but where one does not fit nothing can be said of what was there.
        for name in self.names:
            for _ in self.chunks(name):
                pass

    def chunks(self, name: str) -> Iterator[bytes]:
        try:
            with self._archive.open(name) as file:
                yield from _chunks(file)
        except _DAMAGES as error:
            raise UnreadableError(f"{name} is damaged in the archive: {error}") from error


def _known(found: list[str]) -> frozenset[str]:
    if len(set(found)) != len(found) or not NAMES.issuperset(found):
        raise UnreadableError("it holds a file twice, or one that no bundle has")
    return frozenset(found)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk

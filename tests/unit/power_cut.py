"""What a disk may hold after the power went: all that was flushed, and of the rest anything.

A model of a file system as it may be assumed by the letter: what was written to a file is certain once that file was
flushed; names come and go for certain once their folder was flushed, and else in their order up to some point. What was
written since may be there whole, in part or not at all.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Final

SECTOR: Final = 512


@dataclass(frozen=True)
class Call:
    """One line of the record that ``disk_calls.c`` writes."""

    what: str
    path: Path
    number: int
    rest: str


@dataclass
class _File:
    safe: bytes = b""
    unsafe: list[Call] = field(default_factory=list)


@dataclass
class Disk:
    """The folders ``root`` and below; ``root`` itself is there and safe."""

    root: Path
    files: dict[Path, _File] = field(default_factory=dict)
    safe_names: dict[Path, _File | None] = field(default_factory=dict)
    unsafe_names: list[tuple[Path, _File | None, bool]] = field(default_factory=list)
    """Name, what it stands for (``None`` is a folder), and whether it comes or goes."""

    def follow(self, call: Call) -> None:
        """Takes note of one call."""
        if call.what == "mkdir":
            self.unsafe_names.append((call.path, None, True))
        elif call.what == "unlink":
            if call.path in self.files:
                self.unsafe_names.append((call.path, self.files.pop(call.path), False))
        elif call.what == "rename":
            file = self.files[Path(call.rest)] = self.files.pop(call.path)
            # The new name first: a cut between the two leaves both, which is more than a rename may leave, and no less.
            self.unsafe_names += [(Path(call.rest), file, True), (call.path, file, False)]
        elif call.what == "flush":
            self._flush(call.path)
        elif call.what != "note":
            self._file(call.path).unsafe.append(call)

    def after_a_cut(self, folder: Path, *, luck: random.Random | bool) -> None:
        """Puts what is left into ``folder``; ``luck`` decides what survives of that which was not flushed."""
        names = dict(self.safe_names)
        survive = (
            len(self.unsafe_names) if luck is True else 0 if luck is False else luck.randint(0, len(self.unsafe_names))
        )
        for path, stands_for, comes in self.unsafe_names[:survive]:
            if comes:
                names[path] = stands_for
            else:
                names.pop(path, None)
        for path, found in sorted(names.items(), key=itemgetter(0)):
            place = folder / path.relative_to(self.root)
            if not place.parent.exists():
                continue
            if found is None:
                place.mkdir(mode=0o700)
            else:
                place.write_bytes(_left_of(found, luck))

    def _file(self, path: Path) -> _File:
        if path not in self.files:
            self.files[path] = _File()
            self.unsafe_names.append((path, self.files[path], True))
        return self.files[path]

    def _flush(self, path: Path) -> None:
        if path in self.files or path not in self._folders():
            flushed = self._file(path)
            flushed.safe = _left_of(flushed, True)
            flushed.unsafe.clear()
            return
        kept: list[tuple[Path, _File | None, bool]] = []
        for name, file, comes in self.unsafe_names:
            if name.parent != path:
                kept.append((name, file, comes))
            elif comes:
                self.safe_names[name] = file
            else:
                self.safe_names.pop(name, None)
        self.unsafe_names = kept

    def _folders(self) -> set[Path]:
        made = {name for name, file, _ in self.unsafe_names if file is None}
        return {self.root} | made | {name for name, file in self.safe_names.items() if file is None}


def _left_of(file: _File, luck: random.Random | bool) -> bytes:
    content = bytearray(file.safe)
    for call in file.unsafe:
        if call.what == "truncate":
            if luck is True or (luck is not False and luck.random() < 0.5):
                content[call.number :] = bytes(max(0, call.number - len(content)))
            continue
        written = bytes.fromhex(call.rest)
        for at in range(0, len(written), SECTOR):
            if luck is True or (luck is not False and luck.random() < 0.5):
                start, piece = call.number + at, written[at : at + SECTOR]
                content.extend(bytes(max(0, start + len(piece) - len(content))))
                content[start : start + len(piece)] = piece
    return bytes(content)


def calls_in(record: Path) -> Iterator[Call]:
    """The calls that were written down."""
    for line in record.read_text(encoding="ascii").splitlines():
        what, path, number, rest = line.split("\t")
        yield Call(what, Path(path), int(number), rest)

"""Checkpoints (C2SP tlog-checkpoint): a log's origin, the size of its tree and its root, as the text of a signed note.

As strict as the specification allows, so that one checkpoint has one spelling: no zeros before the size, base64 in its
canonical form. Extension lines are kept as they are, and mean nothing here.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from unbroken.core import note
from unbroken.core.note import Signs, VerifierKey
from unbroken.core.tree.hashing import EMPTY_ROOT, HASH_BYTES
from unbroken.core.tree.tile import MAX_SIZE
from unbroken.errors import NoteError

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL: Final = re.compile("[\x00-\x1f]")
_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log's tree; ``str`` is the text that gets signed.

    Raises :class:`NoteError` for what can be no checkpoint: an origin or extension that is empty or holds a control
    character, a size out of range, a root that is no hash, or the root of leaves where there are none.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if type(self.size) is not int or not 0 <= self.size <= MAX_SIZE:
            raise NoteError("a checkpoint's size is a number from 0 to 2^63 - 1")
        if type(self.root) is not bytes or len(self.root) != HASH_BYTES:
            raise NoteError(f"a checkpoint's root is {HASH_BYTES} bytes long")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise NoteError("a checkpoint gives a tree without leaves the root of another one")
        if not all(map(_is_line, (self.origin, *self.extensions))):
            raise NoteError("a checkpoint's origin and extensions are lines of text, none of them empty")

    def __str__(self) -> str:
        root = base64.b64encode(self.root).decode()
        return "".join(f"{line}\n" for line in (self.origin, self.size, root, *self.extensions))

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """The checkpoint that a note's text is; raises :class:`NoteError` for anything but exactly one."""
        lines = text.removesuffix("\n").split("\n")
        if len(lines) < _LINES:
            raise NoteError("this is no checkpoint: an origin, a size and a root, on lines of their own")
        origin, size, root, *extensions = lines
        if _SIZE.fullmatch(size) is None:
            raise NoteError("a checkpoint's size is written in digits, without zeros before it")
        try:
            raw = base64.b64decode(root, validate=True)
        except ValueError as error:
            raise NoteError("a checkpoint's root is not in base64") from error
        checkpoint = cls(origin, int(size), raw, tuple(extensions))
        if str(checkpoint) != text:
            raise NoteError("a checkpoint has another spelling than its one")
        return checkpoint


def key_name(origin: str) -> str:
    """The name that a log's checkpoint keys sign under; ``origin`` is the log's name, with or without incarnation.

    A key outlives incarnations, so they are not in it. Blanks and ``+``, which no key's name may hold, stand there
    percent-encoded in UTF-8, and so does ``%``, so that two logs have two names.
    """
    return "".join(_encoded(each) if each in "+%" or each.isspace() else each for each in origin.partition("~")[0])


def signed(checkpoint: Checkpoint, *by: Signs) -> str:
    """The checkpoint as a note with the signatures of these keys.

    Whoever signs has made sure before that the tree continues that of the last checkpoint signed: nothing here can.
    """
    return note.signed(str(checkpoint), *by)


def opened(
    signed_note: str | bytes, trusted: Iterable[VerifierKey], *, origin: str
) -> tuple[Checkpoint, Sequence[VerifierKey]]:
    """The checkpoint of a note, and which of the trusted keys signed it.

    Raises :class:`NoteError` where the note is not signed by any of them, a signature of theirs does not fit, the text
    is no checkpoint, or it is one of another log than ``origin``: a key may sign for several.
    """
    text, signers = note.verified(signed_note, trusted)
    checkpoint = Checkpoint.parse(text)
    if checkpoint.origin != origin:
        raise NoteError(f"this is a checkpoint of the log {checkpoint.origin}, and not of {origin}")
    return checkpoint, signers


def _encoded(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


def _is_line(text: str) -> bool:
    try:
        return text.encode() != b"" and _CONTROL.search(text) is None
    except UnicodeEncodeError:
        return False

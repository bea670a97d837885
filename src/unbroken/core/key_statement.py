"""Key statements (spec/KEYS.md): signed notes by which a log's keeper says which key signs its checkpoints from where.

Whatever holds them may be believed no more than whoever trusts one of the keys does: see
:mod:`unbroken.core.key_history`.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from unbroken.core import note
from unbroken.core.checkpoint import key_name
from unbroken.core.note import Signs, VerifierKey
from unbroken.core.times import format_time, parse_time
from unbroken.core.tree.tile import MAX_SIZE
from unbroken.errors import ConfigurationError, InvalidEventError, NoteError

Change = Literal["first", "rotated", "lost"]

TITLE: Final = "unbroken key statement v1"
_CHANGES: Final[dict[str, Change]] = {"first": "first", "rotated": "rotated", "lost": "lost"}
_FROM: Final = re.compile("([1-9][0-9]{0,18}) (0|[1-9][0-9]{0,18})")
_CONTROL: Final = re.compile("[\x00-\x1f]")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A tree of a log: of ``size`` leaves, in an incarnation. Those of a later incarnation come after all earlier."""

    incarnation: int
    size: int

    def __post_init__(self) -> None:
        if not 1 <= self.incarnation <= MAX_SIZE or not 0 <= self.size <= MAX_SIZE:
            raise NoteError("a place in a log is an incarnation from 1, and a size")

    @classmethod
    def of(cls, origin: str, size: int) -> "Position":
        """The tree of ``size`` of a log named in full, with its incarnation."""
        incarnation = origin.rpartition("~")[2]
        if "~" not in origin or re.fullmatch("[1-9][0-9]{0,18}", incarnation) is None:
            raise NoteError("a log's full name ends with its incarnation, such as ~1")
        return cls(int(incarnation), size)


@dataclass(frozen=True, slots=True)
class KeyStatement:
    """What one note says; ``str`` is the text that gets signed.

    ``log`` is the log's name without incarnation. ``key`` signs the trees after ``after``, in the place of
    ``previous``, which is ``None`` for the first one. Raises :class:`NoteError` for what can be none.
    """

    log: str
    change: Change
    key: VerifierKey
    previous: VerifierKey | None
    after: Position
    time: datetime

    def __post_init__(self) -> None:
        if not self.log or "~" in self.log or _CONTROL.search(self.log):
            raise NoteError("a key statement names a log, without its incarnation")
        if self.change not in _CHANGES or (self.previous is None) != (self.change == "first"):
            raise NoteError("a key statement names the key before, unless it is the first one")
        if self.previous is not None and self.previous.public == self.key.public:
            raise NoteError("a key statement puts a key in its own place")
        if {self.key.name, (self.previous or self.key).name} != {key_name(self.log)}:
            raise NoteError(f"the checkpoint keys of the log {self.log} are named {key_name(self.log)}, and no others")

    @property
    def signers(self) -> tuple[VerifierKey, ...]:
        """The keys that have to have signed it: what is rotated away says so itself, what is lost can't."""
        if self.change == "rotated" and self.previous is not None:
            return (self.previous, self.key)
        return (self.key,)

    def __str__(self) -> str:
        before = () if self.previous is None else (f"previous {self.previous}",)
        lines = (
            TITLE,
            f"log {self.log}",
            f"change {self.change}",
            f"key {self.key}",
            *before,
            f"from {self.after.incarnation} {self.after.size}",
            f"time {format_time(self.time)}",
        )
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> "KeyStatement":
        """What a note's text says; raises :class:`NoteError` for anything but exactly one statement."""
        said = dict(_words(line) for line in text.removesuffix("\n").split("\n")[1:])
        try:
            statement = cls(
                log=said["log"],
                change=_CHANGES[said["change"]],
                key=VerifierKey.from_text(said["key"]),
                previous=VerifierKey.from_text(said["previous"]) if "previous" in said else None,
                after=_after(said["from"]),
                time=parse_time(said["time"]),
            )
        except (KeyError, ConfigurationError, InvalidEventError) as error:
            raise NoteError("this is no key statement: a line is missing, or does not say what it should") from error
        # One spelling alone: order, repeated and unknown lines, the title.
        if str(statement) != text:
            raise NoteError("this is no key statement: it is not spelt as the only spelling is")
        return statement


def signed(statement: KeyStatement, *by: Signs) -> str:
    """The statement as a note; raises :class:`NoteError` unless all who have to sign it do."""
    made = note.signed(str(statement), *by)
    opened(made)
    return made


def opened(signed_note: str | bytes) -> KeyStatement:
    """What a note states, signed by all who have to; raises :class:`NoteError` for any other.

    Nobody is trusted for that: the keys are the ones that it brings along.
    """
    statement = KeyStatement.parse(note.parse(signed_note).text)
    _, signers = note.verified(signed_note, statement.signers)
    lacking = [str(key) for key in statement.signers if key not in signers]
    if lacking:
        raise NoteError(f"a key statement lacks the signature of {lacking[0]}")
    return statement


def _words(line: str) -> tuple[str, str]:
    key, _, value = line.partition(" ")
    return key, value


def _after(text: str) -> Position:
    match = _FROM.fullmatch(text)
    if match is None:
        raise NoteError("a key statement says from which incarnation and size the key signs")
    return Position(int(match[1]), int(match[2]))

"""The checkpoint of a bundle: who signed it and may have, and who else saw it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from unbroken.core import note as notes
from unbroken.core.canonical import canonical
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.cosignature import Cosigned, CosignerKey, cosigned
from unbroken.core.key_history import KeyHistory
from unbroken.core.key_statement import Position
from unbroken.core.note import Note, VerifierKey
from unbroken.errors import ConfigurationError, NoteError
from unbroken.verify.bundle.report import CheckpointShown, Noted, Vouching
from unbroken.verify.bundle.trust import Trust

CHECKPOINT = "checkpoint.note"
KEYS = "keys.json"


class _Keys(msgspec.Struct, forbid_unknown_fields=True):
    cosigners: list[str]
    statements: list[str]
    v: int


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one log: that follow from what is trusted, and that the bundle claims; and cosigners alike."""

    trusted: KeyHistory
    claimed: KeyHistory
    trusted_cosigners: tuple[CosignerKey, ...]
    claimed_cosigners: tuple[CosignerKey, ...]

    @classmethod
    def read(cls, raw: bytes, trust: Trust, log: str) -> "Keys":
        """From ``keys.json``; raises :class:`NoteError` for what has not its form, and statements that don't fit."""
        try:
            read = msgspec.json.decode(raw, type=_Keys)
            cosigners = tuple(map(CosignerKey.from_text, read.cosigners))
            again = canonical(msgspec.json.decode(msgspec.json.encode(read))) + b"\n"
        except (msgspec.MsgspecError, UnicodeError, ConfigurationError) as error:
            raise NoteError("this is no list of key statements and cosigners' keys") from error
        if read.v != 1 or again != raw:
            raise NoteError("a list of keys in another version, or another spelling than its one")
        trusted = KeyHistory.of(read.statements, trust.keys, log)
        claimed = KeyHistory.of(read.statements, [each.key for each in trusted.statements], log)
        return cls(trusted, claimed, trust.cosigners, cosigners)

    @classmethod
    def trusted_alone(cls, trust: Trust, log: str) -> "Keys":
        """Where there is no history that can be read."""
        return cls(KeyHistory.of([], trust.keys, log), KeyHistory.of([], [], log), trust.cosigners, ())

    @property
    def known(self) -> tuple[VerifierKey, ...]:
        """All of the log's."""
        return tuple(dict.fromkeys((*self.trusted.keys, *self.claimed.keys)))

    def vouching(self, cosigned: Cosigned) -> Vouching:
        """What a cosignature that fits is worth."""
        return Vouching(str(cosigned.by), cosigned.by in self.trusted_cosigners, cosigned.at)

    @property
    def cosigners(self) -> tuple[CosignerKey, ...]:
        """All cosigners, believed or not."""
        return tuple(dict.fromkeys((*self.trusted_cosigners, *self.claimed_cosigners)))


@dataclass(slots=True)
class Checkpointed:
    """A checkpoint taken apart. ``is_trusted`` if a key that follows from a trusted one signed it within its term.

    ``signers`` are all keys of the log that signed it.
    """

    checkpoint: Checkpoint
    keys: Keys
    signers: frozenset[VerifierKey] = frozenset()
    is_trusted: bool = False
    at: datetime | None = None
    signed: list[Vouching] = field(default_factory=list)
    witnessed: list[Vouching] = field(default_factory=list)

    @property
    def shown(self) -> CheckpointShown:
        """What a report says of it."""
        return CheckpointShown(self.checkpoint.size, self.checkpoint.root, self.at)

    @classmethod
    def read(cls, raw: bytes, keys: Keys, *, log: str, noted: Noted) -> "Checkpointed | None":
        """What ``checkpoint.note`` is; ``None``, with a finding, where it is no checkpoint of this log."""
        try:
            parsed = notes.parse(raw)
            read = cls(checkpoint_of(parsed, log), keys)
            tree = Position.of(log, read.checkpoint.size)
        except NoteError as error:
            noted.find("checkpoint_wrong", CHECKPOINT, expected=f"a checkpoint of {log}", found=str(error))
            return None
        read._take_signatures(parsed, tree, noted)
        read._take_cosignatures(parsed, noted)
        return read

    def _take_signatures(self, parsed: Note, tree: Position, noted: Noted) -> None:
        trusted, claimed = (
            history.keys_for(tree.incarnation, tree.size) for history in (self.keys.trusted, self.keys.claimed)
        )
        signers = list(signers_of(parsed, self.keys.known, CHECKPOINT, noted))
        self.signers = frozenset(signers)
        named = {(each.name, each.key_id) for each in parsed.signatures}
        if self.keys.claimed.keys and named.isdisjoint((key.name, key.id) for key in claimed):
            found = "none of a key that was to sign this tree"
            noted.find("checkpoint_wrong", CHECKPOINT, expected="a signature of the log's key", found=found)
        self.is_trusted = any(key in trusted for key in signers)
        for key in signers:
            at = self._time_of(parsed, key, noted)
            self.at = max((each for each in (self.at, at) if each is not None), default=None)
            self.signed.append(Vouching(str(key), key in trusted, at))

    def _time_of(self, parsed: Note, key: VerifierKey, noted: Noted) -> datetime | None:
        times = [each.at for each in cosigners_of(parsed, [CosignerKey.of(key)], CHECKPOINT, noted)]
        return max(times, default=None)

    def _take_cosignatures(self, parsed: Note, noted: Noted) -> None:
        own = set(map(CosignerKey.of, self.keys.known))
        others = [key for key in self.keys.cosigners if key not in own]
        for each in cosigners_of(parsed, others, CHECKPOINT, noted):
            self.witnessed.append(self.keys.vouching(each))


def checkpoint_of(parsed: Note, log: str) -> Checkpoint:
    """The checkpoint that a note's text is; raises :class:`NoteError` where it is none of ``log``."""
    checkpoint = Checkpoint.parse(parsed.text)
    if checkpoint.origin != log:
        raise NoteError(f"a checkpoint of the log {checkpoint.origin}")
    return checkpoint


def signers_of(parsed: Note, known: Sequence[VerifierKey], file: str, noted: Noted) -> Iterator[VerifierKey]:
    """Which of the known keys signed; one of theirs that does not fit is a finding."""
    keys = {(key.name, key.id): key for key in known}
    for signature in parsed.signatures:
        key = keys.get((signature.name, signature.key_id))
        if key is not None and key.verifies(parsed.text, signature.raw):
            yield key
        elif key is not None:
            noted.find_once("signature_wrong", file, expected=f"a signature of {key}", found="one that does not fit")


def cosigners_of(parsed: Note, keys: Sequence[CosignerKey], file: str, noted: Noted) -> Iterator[Cosigned]:
    """Which of the keys cosigned, and when; one of theirs that does not fit is a finding."""
    for signature in parsed.signatures:
        try:
            yield from cosigned(parsed.text, [signature], keys)
        except NoteError as error:
            noted.find_once("signature_wrong", file, expected=f"a cosignature of {signature.name}", found=str(error))

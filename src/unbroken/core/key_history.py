"""Which keys may have signed a log's checkpoints, given its key statements and the keys that somebody trusts.

Statements come from whoever is not believed: the database, a bundle. What they can do is lead from a key that is
trusted to others. A rotation is signed by both keys, so it leads forwards, to the key that follows, and backwards, to
the one before, for the trees that were its to sign. A loss is signed by the new key alone and leads nowhere: who goes
on from there has to get the new key as he got the first one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unbroken.core import checkpoint
from unbroken.core.checkpoint import Checkpoint, key_name
from unbroken.core.key_statement import KeyStatement, Position, opened
from unbroken.core.note import VerifierKey
from unbroken.errors import NoteError


@dataclass(frozen=True, slots=True)
class Term:
    """The trees that one key signs: those after ``after``, up to and with ``until``; ``None`` is without an end."""

    key: VerifierKey
    after: Position | None
    until: Position | None

    def covers(self, tree: Position) -> bool:
        """Whether ``tree`` is one of them."""
        return (self.after is None or self.after < tree) and (self.until is None or tree <= self.until)


@dataclass(frozen=True, slots=True)
class KeyHistory:
    """The keys of a log that follow from trusted ones, each with its term, in the order of the terms.

    ``origin`` is the log's name without incarnation; ``statements`` are all that there are, believed or not.
    """

    origin: str
    statements: tuple[KeyStatement, ...]
    terms: tuple[Term, ...]

    @classmethod
    def of(cls, statements: Iterable[str | bytes], trusted: Iterable[VerifierKey], origin: str) -> "KeyHistory":
        """From signed notes, the oldest first; ``origin`` may be with or without incarnation.

        A trusted key of this log's name that no statement speaks of may have signed any tree: of it nobody has said
        when it began. Raises :class:`NoteError` for what is no statement or not signed as it must be, is one of another
        log, or does not continue the one before.
        """
        name = origin.partition("~")[0]
        read = tuple(opened(each) for each in statements)
        _require_chain(read, name)
        chain = _chain(read)
        named = {key for key in trusted if key.name == key_name(name)}
        unspoken = tuple(Term(key, None, None) for key in _in_order(named - {term.key for term in chain}))
        return cls(name, read, (*_reached(read, chain, named), *unspoken))

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """All that may have signed checkpoints of this log, for whoever trusts what was given."""
        return tuple(term.key for term in self.terms)

    def keys_for(self, incarnation: int, size: int) -> tuple[VerifierKey, ...]:
        """Those that may have signed the tree of this size; none where no trusted key leads there."""
        tree = Position(incarnation, size)
        return tuple(term.key for term in self.terms if term.covers(tree))

    @property
    def breaks(self) -> tuple[KeyStatement, ...]:
        """The statements of lost keys, across which no trust leads."""
        return tuple(each for each in self.statements if each.change == "lost")

    @property
    def newest(self) -> VerifierKey | None:
        """The key that signs now, as the last statement says; believed only where it is one of :attr:`keys`."""
        return self.statements[-1].key if self.statements else None

    def opened(self, note: str | bytes, *, origin: str) -> tuple[Checkpoint, Sequence[VerifierKey]]:
        """The checkpoint of a note of the log ``origin`` (its full name), and which of its keys signed it.

        Raises :class:`NoteError` as :func:`unbroken.core.checkpoint.opened` does, and where a key signed it whose term
        does not cover its tree: after a rotation whoever has the old key signs nothing more.
        """
        opened_checkpoint, signers = checkpoint.opened(note, self.keys, origin=origin)
        tree = Position.of(origin, opened_checkpoint.size)
        fitting = [key for key in signers if key in self.keys_for(tree.incarnation, tree.size)]
        if not fitting:
            raise NoteError(f"{signers[0]} signed a checkpoint of {tree.size} entries, which was not its to sign")
        return opened_checkpoint, fitting


def _require_chain(statements: Sequence[KeyStatement], log: str) -> None:
    before: KeyStatement | None = None
    seen: set[bytes] = set()
    for each in statements:
        if each.log != log:
            raise NoteError(f"a key statement is one of the log {each.log}, and not of {log}")
        if each.previous != (None if before is None else before.key):
            raise NoteError("a key statement does not continue the one before it: one is missing, or two contradict")
        if before is not None and each.after < before.after:
            raise NoteError("a key statement goes back before the one before it")
        if each.key.public in seen:
            raise NoteError("a key statement brings back a key that was given up")
        seen.add(each.key.public)
        before = each


def _chain(statements: Sequence[KeyStatement]) -> list[Term]:
    ends = (*(each.after for each in statements[1:]), None)
    return [Term(each.key, each.after, end) for each, end in zip(statements, ends, strict=False)]


def _reached(statements: Sequence[KeyStatement], chain: Sequence[Term], trusted: set[VerifierKey]) -> list[Term]:
    """Of each run of keys that rotations join, all, where one of them is trusted."""
    runs: list[list[Term]] = []
    for statement, term in zip(statements, chain, strict=True):
        if statement.change == "rotated":
            runs[-1].append(term)
        else:
            runs.append([term])
    return [term for run in runs if any(each.key in trusted for each in run) for term in run]


def _in_order(keys: Iterable[VerifierKey]) -> list[VerifierKey]:
    return sorted(keys, key=str)

"""A few entries that lack something, each with the entries that declare it gone: for whoever shows entries."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol, TypeAlias

from unbroken.core.commitment import PARTS
from unbroken.core.entry import StoredEntry
from unbroken.core.incarnation import incarnation_of
from unbroken.verify.accounting import ORIGINAL
from unbroken.verify.declaration import Declaration, runs_in
from unbroken.verify.examine import Broken, Fault, Intact, examine

Erased: TypeAlias = Mapping[str, Declaration]
"""The parts of one entry that are declared gone, each with what the entry says that declares it."""
NOTHING: Final[Erased] = {}


class Declaring(Protocol):
    """A log that gives the entries in which erasures and disposals are told."""

    log: str

    def erasures(self) -> Iterator[list[StoredEntry]]:
        """All entries ``log.erased`` and ``log.disposed``, in order of seq, fewer where fewer are shown.

        Behind them those of later incarnations, which tell of this one as well.
        """


def declarations_in(source: Declaring) -> Iterator[Declaration]:
    """What the log's own entries, and those of the incarnations after it, declare of it, each verified by itself."""
    return (declaration for declaration, _ in ranked_declarations_in(source))


def ranked_declarations_in(source: Declaring) -> Iterator[tuple[Declaration, int]]:
    """The same, each with how many incarnations later it was said."""
    for entries in source.erasures():
        for step in map(examine, entries):
            if isinstance(step, Intact):
                about = "" if step.log == source.log else source.log
                if isinstance(step.declares, Declaration) and step.declares.about == about:
                    yield step.declares, incarnation_of(step.log) - incarnation_of(source.log)


def erased_in(steps: Iterable[Intact | Broken], source: Declaring) -> dict[int, dict[str, Declaration]]:
    """What of some entries was destroyed, by their numbers. Asks the source only if any of them lacks something.

    What an erasure declares, and a disposal as well, is told as erased.
    """
    lacking = {step.seq: step for step in steps if isinstance(step, Intact) and step.absences}
    told: dict[int, dict[str, Declaration]] = {}
    seqs = sorted(lacking)
    for declaration in declarations_in(source) if seqs else ():
        for parts, text in ((PARTS, declaration.payloads), ((ORIGINAL,), declaration.originals)):
            for seq in _named(text, seqs, before=declaration.limit):
                absent = {fault.part for fault in lacking[seq].absences}
                gone = told.setdefault(seq, {})
                gone |= {part: declaration for part in parts if part in absent and _counts(declaration, gone.get(part))}
    return told


def _counts(declaration: Declaration, before: Declaration | None) -> bool:
    return before is None or before.work == "disposal" or declaration.work == "erasure"


def _named(text: str, seqs: list[int], *, before: int) -> Iterator[int]:
    for first, last in runs_in(text):
        yield from seqs[bisect_left(seqs, first) : bisect_right(seqs, min(last, before - 1))]


def payload_of(erased: Erased) -> Declaration | None:
    """What the entry says that declares the payload gone, if one does."""
    return next((declaration for part, declaration in erased.items() if part != ORIGINAL), None)


def faults_of(step: Intact | Broken, erased: Erased = NOTHING) -> tuple[Fault, ...]:
    """All that is wrong with an entry by itself, ``erased`` being what of it is declared gone."""
    if isinstance(step, Broken):
        return (step.fault,)
    return (*step.faults, *(fault for fault in step.absences if fault.part not in erased))

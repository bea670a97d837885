"""What signed checkpoints from outside showed of a log, as text and as JSON."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from unbroken.cli.printing import as_json_time, counted
from unbroken.investigate.printable import printable
from unbroken.verify.finding import Report
from unbroken.verify.fork import proof_of
from unbroken.verify.outside import Against, Fork, Passed, SignedTree


def against_in_words(report: Report, against: Against) -> Iterator[str]:
    """How far the log is proven, what is not, and who was not asked."""
    yield from _proven(report, against)
    if against.brought is not None and report.findings_total == 0:
        yield (
            f"The database itself brought a signed checkpoint of {against.brought.size:,} entries, which fits. It "
            "proves no end: whoever cuts the log off brings an earlier one."
        )
    yield from (f"Not reached: {_named(each)}" for each in against.unreached)
    for each in against.refused:
        doubt = ". It claims to go further, so the end is not proven" if each in against.doubts else ""
        yield f"Passed over: {_named(each)}{doubt}"


def print_fork(console: Console, fork: Fork, log: str) -> None:
    """Both signed checkpoints whole, and what anybody can check them by."""
    console.print()
    console.print(Text("Two signed checkpoints that exclude each other:", "bold red"))
    for tree in (fork.smaller, fork.larger):
        console.print()
        console.print(Text(f"kept by {printable(tree.keepers)}", "dim"))
        for line in tree.note.rstrip("\n").split("\n"):
            console.print(Text(f"  {printable(line)}"), soft_wrap=True)
    console.print()
    for sentence in _checkable(fork, log):
        console.print(Text(printable(sentence)))


def against_as_json(report: Report) -> dict[str, Any] | None:
    """All of it; ``None`` where the log was held against nothing."""
    against = report.against
    if against is None:
        return None
    return {
        "proven_to": _tree_as_json(against.newest),
        "brought": _tree_as_json(against.brought),
        "window": None if report.window is None else list(report.window),
        "compared": against.compared,
        "unfit": against.unfit,
        "beyond": against.beyond,
        "declared_lost": against.declared,
        "uncompared": against.uncompared,
        "reached": list(against.reached),
        "unreached": [{"who": each.who, "why": each.why} for each in against.unreached],
        "refused": [
            {"who": each.who, "why": each.why, "notes": each.notes, "size": each.size} for each in against.refused
        ],
        "fork": None if against.fork is None else _fork_as_json(against.fork),
    }


def fork_file(report: Report) -> bytes | None:
    """What ``--proof`` writes; ``None`` where there is no fork, or none that could be proved."""
    if report.against is None or report.against.fork is None:
        return None
    proof = proof_of(report.against.fork, report.log)
    return None if proof is None else proof.to_bytes()


def _proven(report: Report, against: Against) -> Iterator[str]:
    newest = against.newest
    if report.findings_total:
        if newest is not None:
            yield f"Up to entry {newest.size:,} its tree is the one that was signed: {newest}."
        return
    if report.verdict == "proven" and newest is not None and report.window is None:
        yield f"Every entry is unaltered and follows from the one before, and the end is {newest}."
        yield (
            "What was recorded after that, and cut off before it was anchored, nobody can know: the window between "
            "checkpoints."
        )
        return
    if against.is_blind:
        yield "What was read is consistent, but nothing from outside could be held against it: it may be another log."
        return
    if against.declared:
        yield (
            f"{counted(against.declared, 'signed checkpoint')} of larger trees cover what the next incarnation says "
            "was lost: that it was, and was not cut off, is its operator's word."
        )
    if newest is None:
        yield f"None of its entries is anchored yet: {', '.join(against.reached)} answered and had no checkpoint of it."
    else:
        yield f"Proven to entry {newest.size:,}: {newest}."
    if not against.reached:
        yield "No anchor answered, so nobody says that there is nothing after it."
    if report.window is not None:
        first, last = report.window
        one = first == last
        these, them = (f"Entry {first:,} is", "it") if one else (f"Entries {first:,} to {last:,} are", "them")
        yield (
            f"{these} consistent and not anchored yet (the window): until a checkpoint covers {them}, whoever owns the "
            f"database could change {them} or cut {them} off, and that would look the same."
        )


def _checkable(fork: Fork, log: str) -> Iterator[str]:
    yield f"Both are signed for {log} by {' and '.join(dict.fromkeys((fork.smaller.key, fork.larger.key)))}."
    if fork.smaller.size == fork.larger.size:
        yield "They give two roots to one size, which needs no more proof than the signatures."
    elif fork.consistency is None:
        yield "That the larger does not continue the smaller could not be proved: the entries changed meanwhile."
    else:
        yield (
            f"At {fork.smaller.size:,} entries the larger tree has the root {fork.root.hex()}, and not the one that "
            f"was signed; a proof of consistency of {len(fork.consistency)} hashes shows it."
        )
    yield "Anybody with the key can check it: --proof FILE writes all of it, `unbroken verify --fork FILE` verifies it."


def _named(passed: Passed) -> str:
    notes = f" ({counted(passed.notes, 'note')})" if passed.notes else ""
    return f"{passed.who}{notes}: {passed.why}"


def _tree_as_json(tree: SignedTree | None) -> dict[str, Any] | None:
    if tree is None:
        return None
    return {
        "size": tree.size,
        "root": tree.root.hex(),
        "key": tree.key,
        "by": list(tree.by),
        "at": None if tree.at is None else as_json_time(tree.at),
        "note": tree.note,
    }


def _fork_as_json(fork: Fork) -> dict[str, Any]:
    return {
        "smaller": _tree_as_json(fork.smaller),
        "larger": _tree_as_json(fork.larger),
        "root": fork.root.hex(),
        "consistency": None if fork.consistency is None else [each.hex() for each in fork.consistency],
    }

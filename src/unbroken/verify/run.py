"""Verifying a log, a range of it, or one session, page by page in constant memory."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, TypeAlias

from unbroken.core.entry import Head
from unbroken.core.incarnation import incarnation_of
from unbroken.verify.accounting import ORIGINAL
from unbroken.verify.against import hold_against
from unbroken.verify.certificates import Certificates, check_certificates
from unbroken.verify.chain import START, Chain
from unbroken.verify.disposal_certificates import check_disposals
from unbroken.verify.erased import ranked_declarations_in
from unbroken.verify.examine import Intact, examine
from unbroken.verify.finding import Accounted, Report, Verdict
from unbroken.verify.following import UNIT, Progress, follow, follow_in_parallel
from unbroken.verify.fork import with_consistency
from unbroken.verify.holding import HoldWord, Scope, scope_of
from unbroken.verify.kept_tree import KeptTree
from unbroken.verify.keys_and_names import check_keys, check_names, undeclared_keys
from unbroken.verify.outside import Against, Outside
from unbroken.verify.replay.check import check_tables
from unbroken.verify.replay.replay import Replay
from unbroken.verify.settle import LookAgain, settle
from unbroken.verify.source import Index, Source
from unbroken.verify.tree import Milestone, Tree

GROWTHS: Final = 5
"""How often a log that grows meanwhile is followed further for what tells of something absent."""


def verify_log(
    source: Index,
    *,
    expect: Head | None = None,
    kept: Head | None = None,
    outside: Outside | None = None,
    certificates: Certificates | None = None,
    workers: int = 1,
    connect: Callable[[], Source] | None = None,
    progress: Progress = lambda _done, _of: None,
) -> Report:
    """Verifies a whole log up to the end it has now.

    ``expect`` is a head known from outside, and ``outside`` are signed checkpoints that were fetched before this is
    called: only they can make the verdict *proven*. ``kept`` is a head that this verifier saw earlier, which the log
    must still contain; ``certificates`` are those of erasures and disposals, which its entries must bear out. With more
    than one worker each process makes its own source with ``connect``, which must be picklable.
    """
    heads = tuple(dict.fromkeys(head for head in (expect, kept) if head is not None))
    impostors = source.impostors()
    kept_tree = KeptTree() if impostors else KeptTree.read(source)
    chain = Chain(
        log=source.log, heads=heads, tree=_tree_for(outside, kept_tree), replay=Replay(), scopes=scopes_told(source)
    )
    for name in impostors:
        chain.find("unverifiable", 0, expected=f"{name} to be a plain table", found="something in its place")
    upto = source.head().seq
    with ThreadPoolExecutor(1) as aside:
        strays = aside.submit(_strays, source) if workers > 1 and connect is not None and upto > UNIT else None
        if strays is not None and connect is not None:
            # While the workers read, the connection of this process is idle.
            follow_in_parallel(chain, source, after=0, upto=upto, workers=workers, connect=connect, progress=progress)
        follow(chain, source, after=chain.end if chain.entries else 0, upto=upto, progress=progress)
        # The database's functions read those tables too, or fail over them.
        vault = None if impostors else source
        _follow_growth(chain, source, vault, after=upto, progress=progress)
        _hear_later(chain, source)
        chain.finish()
        _check_tables(chain, source, _strays(source) if strays is None else strays.result())
        if vault is not None:
            check_keys(chain, vault)
            check_names(chain, vault)
            check_tables(chain, vault)
        certified = None if certificates is None else check_certificates(chain, source, certificates)
        disposals = None if certificates is None else check_disposals(chain, source, certificates.disposals)
        against = None if outside is None else held_against(chain, outside, source)
        kept_tree.check(chain, source, is_judged=against is not None and against.unfit + against.beyond > 0)
        accounted = settle(chain, looking_at(source))
    report = report_of(chain, scope="the whole log", expect=expect, kept=kept, accounted=accounted, against=against)
    return replace(report, certified=certified, certified_disposals=disposals)


def _tree_for(outside: Outside | None, kept: KeptTree) -> Tree | None:
    """A tree that notes the roots of all that the log is held against; none where there is nothing."""
    if outside is None and not kept.roots:
        return None
    trees = () if outside is None else outside.trees
    return Tree([*kept.roots, *(each.size for each in trees)])


def verify_range(source: Source, *, first: int, last: int, progress: Progress = lambda _done, _of: None) -> Report:
    """Verifies the entries from ``first`` to ``last``, which hang on what the database says came before."""
    entries = next(source.entries(after=first - 1, upto=first), None)
    start = START if first == 1 or not entries else Head(first - 1, entries[0].prev_hash.hex())
    chain = Chain(log=source.log, start=start)
    follow(chain, source, after=first - 1, upto=last, progress=progress)
    if chain.end < last:
        chain.find("truncated", chain.end + 1, expected=f"entries up to {last}", found=f"the end after {chain.end}")
    chain.finish()
    hear_all(chain, source)
    return report_of(chain, scope=f"entries {first} to {last}", accounted=settle(chain, looking_at(source)))


def verify_session(source: Source, session: str) -> Report:
    """Verifies one session's entries by themselves.

    Shows that each is unaltered and that they are numbered without a gap from 1; not where they stand in the log,
    and not that the session went no further.
    """
    chain = Chain(log=source.log, sparse=True)
    follow(chain, source, after=0, upto=2**63 - 1, session=session)
    hear_all(chain, source)
    return report_of(chain, scope="one session", accounted=settle(chain, looking_at(source, session)))


def _follow_growth(chain: Chain, source: Index, vault: Index | None, *, after: int, progress: Progress) -> None:
    """Goes on to where the log has grown to, as long as something is absent that the entries since may tell of."""
    for _ in range(GROWTHS):
        is_explained = vault is None or next(undeclared_keys(chain, vault), None) is None
        if is_explained and chain.accounting.is_settled():
            return
        upto = source.head().seq
        if upto <= after:
            return
        follow(chain, source, after=after, upto=upto, progress=progress)
        after = upto


def hear_all(chain: Chain, source: Source) -> None:
    """Takes the word of every entry that tells of what is gone, each verified by itself."""
    for declaration, rank in ranked_declarations_in(source):
        chain.accounting.hear(declaration, about=declaration.about, rank=rank)


def _hear_later(chain: Chain, source: Index) -> None:
    """Takes the word of incarnations that came after this log, which is closed: what went of it is told there."""
    for declaration, rank in ranked_declarations_in(source):
        if declaration.about:
            chain.accounting.hear(declaration, about=declaration.about, rank=rank)
    hear_of_holds(chain, source)


def scopes_told(source: Index) -> tuple[Scope, ...]:
    """What holds cover, or are to cover. Where the database keeps one to itself, what is gone is read again for it."""
    told = (word.scope for word, _ in _hold_words(source) if word.scope is not None)
    return tuple(dict.fromkeys(map(scope_of, told)))


def _hold_words(source: Index) -> Iterator[tuple[HoldWord, int]]:
    """What entries tell of holds, each with how many incarnations later it is told."""
    for entries in source.told_of_holds():
        for step in map(examine, entries):
            if isinstance(step, Intact) and isinstance(step.declares, HoldWord):
                yield step.declares, incarnation_of(step.log) - incarnation_of(source.log)


def hear_of_holds(chain: Chain, source: Index) -> None:
    """Takes the word of all incarnations on holds, which cover every one of them, where anything was destroyed."""
    for word, rank in _hold_words(source) if chain.accounting.declared else ():
        chain.accounting.hear_of_hold(word, rank=rank)


def looking_at(source: Source, session: str | None = None) -> LookAgain:
    def look_again(first: int, last: int) -> Iterator[Intact]:
        for entries in source.entries(after=first - 1, upto=last, session=session):
            yield from (step for step in map(examine, entries) if isinstance(step, Intact))

    return look_again


def held_against(chain: Chain, outside: Outside, source: Source) -> Against:
    """The same as :func:`hold_against`, with the proof of a fork where one was found."""
    against = hold_against(chain, outside)
    return against if against.fork is None else replace(against, fork=with_consistency(against.fork, source))


_Strays: TypeAlias = tuple[list[tuple[int, bool]], list[int], list[tuple[int, bool]]]


def _strays(source: Index) -> _Strays:
    return source.stray_ids(), source.stray_payloads(), source.stray_originals()


def _check_tables(chain: Chain, source: Index, strays: _Strays) -> None:
    """That the tables beside the entries know neither more nor less than the entries."""
    stray_ids, stray_payloads, stray_originals = strays
    told = {finding.seq for finding in chain.findings.kept}
    beyond = 0
    for seq, is_entry in stray_ids:
        if seq > chain.end:
            beyond = max(beyond, seq)
        elif seq not in told:
            found = "none under this number" if is_entry else "one that is no entry's"
            chain.find("column_disagrees", seq, expected="the entry's id in event_ids", found=found)
            told.add(seq)
    for seq, is_entry in stray_originals:
        if is_entry and seq <= chain.end and seq not in told:
            found = "an original without commitment"
            chain.find("commitment_wrong", seq, expected="no original", found=found, part=ORIGINAL)
    lost = (*stray_payloads, *(seq for seq, is_entry in stray_originals if not is_entry))
    beyond = max([beyond, *(seq for seq in lost if seq > chain.end)])
    if chain.absent == 0:
        beyond = max(beyond, _check_sessions(chain, source))
    if beyond > chain.end:
        found = f"the end after {chain.end}, though other tables know of entry {beyond}"
        chain.find("truncated", chain.end + 1, expected=f"entries up to {beyond}", found=found)


def _check_sessions(chain: Chain, source: Index) -> int:
    """Compares the table of sessions with what was read; the highest entry that it knows of beyond the end."""
    newest = 0
    for row in source.session_counts():
        state = chain.sessions.take(row.session_id)
        newest = max(newest, row.last_seq)
        stated = (row.entries, row.first_seq, row.last_seq)
        read = None if state is None else (state.last, state.first_seq, state.last_seq)
        if stated != read and row.last_seq <= chain.end:
            place = row.first_seq if state is None else state.last_seq
            chain.find(
                "column_disagrees",
                place,
                expected=f"sessions to say {read or 'nothing'} (entries, first, last)",
                found=f"{stated}",
                session=row.session_id,
            )
    for session in chain.sessions:
        state = chain.sessions.get(session)
        place = 0 if state is None else state.last_seq
        chain.find("column_disagrees", place, expected="a row in sessions", found="none", session=session)
    # Asked last: the log may have grown while its sessions were read.
    return newest if newest > source.head().seq else 0


def report_of(
    chain: Chain,
    *,
    scope: str,
    accounted: Accounted,
    expect: Head | None = None,
    kept: Head | None = None,
    against: Against | None = None,
) -> Report:
    """The verdict on a chain that was followed to its end."""
    return Report(
        verdict=_verdict(chain, expect, against),
        log=chain.log or "",
        scope=scope,
        head=chain.top,
        entries=chain.entries,
        findings=chain.findings.in_order(),
        findings_total=chain.findings.total,
        kept=kept,
        accounted=accounted,
        against=against,
        milestone=_milestone(chain),
    )


def _milestone(chain: Chain) -> Milestone | None:
    tree = chain.tree
    if tree is None or chain.findings.total or tree.size != chain.top.seq:
        return None
    return Milestone(chain.top, tree.standing)


def _verdict(chain: Chain, expect: Head | None, against: Against | None) -> Verdict:
    if chain.findings.total:
        return "unverifiable" if chain.findings.only_unverifiable else "findings"
    if expect is not None and expect in chain.met and expect == chain.top:
        return "proven"
    if against is None:
        return "consistent"
    if against.shows_end(chain.top.seq):
        return "proven"
    return "unverifiable" if against.is_blind else "consistent"

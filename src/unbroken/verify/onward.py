"""Going on from where a verifier left off: what a nightly run reads, in place of the whole log."""

from unbroken.core.entry import Head
from unbroken.verify.chain import Chain
from unbroken.verify.examine import Intact, examine
from unbroken.verify.finding import Report
from unbroken.verify.following import Progress, follow
from unbroken.verify.outside import Outside
from unbroken.verify.run import hear_all, hear_of_holds, held_against, looking_at, report_of, scopes_told
from unbroken.verify.settle import settle
from unbroken.verify.source import Index, Source
from unbroken.verify.tree import Milestone


def verify_onward(
    source: Index,
    start: Milestone,
    *,
    outside: Outside,
    upto: int | None = None,
    kept: Head | None = None,
    progress: Progress = lambda _done, _of: None,
) -> Report:
    """Verifies the entries after ``start``, a milestone of the verifier's own, up to ``upto`` or to the end.

    Entry, link and tree go on from the milestone, so a log that was rewritten before it no longer fits, if only by its
    end; what was changed before it without that, a payload say, isn't seen. ``outside`` was fetched before this is
    called, and ``kept`` is a later head that the log must contain. Neither are the tables beside the entries looked at,
    nor whether a session's numbers go on from before.
    """
    end = source.head().seq
    last = end if upto is None else min(upto, end)
    held = outside if upto is None else outside.upto(upto)
    chain = Chain(
        log=source.log,
        start=start.head,
        heads=() if kept is None else (kept,),
        tree=outside.tree(start.tree),
        scopes=scopes_told(source),
    )
    for name in source.impostors():
        chain.find("unverifiable", 0, expected=f"{name} to be a plain table", found="something in its place")
    against = None
    if _is_there(start.head, chain, source):
        follow(chain, source, after=start.head.seq, upto=last, progress=progress)
        chain.finish()
        against = held_against(chain, held, source)
        hear_all(chain, source)
        hear_of_holds(chain, source)
    accounted = settle(chain, looking_at(source))
    scope = f"entries {start.head.seq + 1} to {chain.end}" if chain.end > start.head.seq else "no new entries"
    return report_of(chain, scope=scope, kept=kept, accounted=accounted, against=against)


def _is_there(head: Head, chain: Chain, source: Source) -> bool:
    """Whether the entry at which the verifier left off is there, and is the one; reported where it isn't."""
    if head.seq == 0:
        return True
    wanted = f"entry {head.seq} with the hash {head.hash}, as it was verified before"
    entry = next((entry for lot in source.entries(after=head.seq - 1, upto=head.seq) for entry in lot), None)
    if entry is None:
        is_cut = source.head().seq < head.seq
        found = f"the end after {source.head().seq}" if is_cut else "none of this number"
        chain.find("truncated" if is_cut else "missing", head.seq, expected=wanted, found=found)
        return False
    step = examine(entry)
    if not isinstance(step, Intact):
        chain.find(step.fault.kind, head.seq, expected=step.fault.expected, found=step.fault.found)
    elif step.hash.hex() != head.hash:
        chain.find("forked", head.seq, expected=wanted, found=f"hash {step.hash.hex()}")
    return chain.findings.total == 0

"""A log that was followed to its end, held against signed checkpoints."""

from collections.abc import Sequence
from itertools import pairwise

from unbroken.verify.chain import Chain
from unbroken.verify.outside import Against, Fork, Outside, SignedTree
from unbroken.verify.tree import Tree


def hold_against(chain: Chain, outside: Outside) -> Against:
    """Reports what doesn't fit, the first one alone: whatever comes after it follows from that.

    The chain's tree has to have been asked for the roots at the sizes of all these checkpoints.
    """
    tree = chain.tree or Tree()
    compared = [each for each in outside.trees if each.size in tree.roots]
    fitting = [each for each in compared if each.root == tree.roots[each.size]]
    unfit = [each for each in compared if each.root != tree.roots[each.size]]
    beyond = [each for each in outside.trees if each.size > chain.end and not _is_declared(chain, outside, each)]
    fork = _fork(tree, unfit, fitting) or _fork_of_equals(beyond)
    if fork is not None:
        _report_fork(chain, fork, fitting)
    elif unfit:
        _report_rewritten(chain, unfit, fitting, tree)
    if beyond:
        chain.find("truncated", chain.end + 1, expected=str(beyond[-1]), found=f"the end after {chain.end}")
    newest = next((each for each in reversed(fitting) if each.is_outside), None)
    return Against(
        newest,
        next((each for each in reversed(fitting) if newest is None or each.size > newest.size), None),
        compared=len(compared),
        unfit=len(unfit),
        beyond=len(beyond),
        declared=sum(_is_declared(chain, outside, each) for each in outside.trees),
        uncompared=sum(each.size <= chain.end for each in outside.trees) - len(compared),
        reached=outside.reached,
        unreached=outside.unreached,
        refused=outside.refused,
        is_blind=outside.is_blind,
        fork=fork,
    )


def _is_declared(chain: Chain, outside: Outside, tree: SignedTree) -> bool:
    """Whether the incarnation that continues the log says that it lost what this tree covers."""
    continued = outside.continued
    return continued is not None and tree.size > chain.end and continued.explains(chain.top, tree.size)


def _fork(tree: Tree, unfit: Sequence[SignedTree], fitting: Sequence[SignedTree]) -> Fork | None:
    """The first signed tree that doesn't fit, beside one that shows that two histories were signed.

    That is another tree of its size, or one that the log contains and that goes on from the log's own.
    """
    if not unfit:
        return None
    first = unfit[0]
    twin = next((each for each in (*fitting, *unfit) if each.size == first.size and each.root != first.root), None)
    if twin is not None:
        return Fork(first, twin, twin.root, ())
    larger = next((each for each in fitting if each.size > first.size), None)
    return None if larger is None else Fork(first, larger, tree.roots[first.size])


def _fork_of_equals(trees: Sequence[SignedTree]) -> Fork | None:
    pairs = ((one, other) for one, other in pairwise(trees) if one.size == other.size)
    return next((Fork(one, other, other.root, ()) for one, other in pairs), None)


def _report_fork(chain: Chain, fork: Fork, fitting: Sequence[SignedTree]) -> None:
    chain.find(
        "forked",
        min(_last_below(fork.smaller, fitting), chain.end) + 1,
        expected=f"root {fork.smaller.root.hex()}: {fork.smaller}",
        found=f"root {fork.root.hex()}, of another history that was signed as well: {fork.larger}",
    )


def _report_rewritten(chain: Chain, unfit: Sequence[SignedTree], fitting: Sequence[SignedTree], tree: Tree) -> None:
    first, *others = unfit
    last = _last_below(first, fitting)
    more = f"; nor does the log fit {len(others)} later ones" if others else ""
    chain.find(
        "rewritten",
        last + 1,
        expected=f"root {first.root.hex()}: {first}",
        found=f"root {tree.roots[first.size].hex()}: what changed is among entries {last + 1} to {first.size}{more}",
    )


def _last_below(unfit: SignedTree, fitting: Sequence[SignedTree]) -> int:
    """Up to where the log is what was signed, before the tree that doesn't fit."""
    return max((each.size for each in fitting if each.size < unfit.size), default=0)

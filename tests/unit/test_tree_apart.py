"""Whoever verifies a proof shares with whoever builds it the hashes alone, and neither needs more than Python."""

import sys

from tests.unit.test_layers import SOURCE, imports_of

TREE = SOURCE / "core" / "tree"


def modules_of_ours(name: str) -> set[str]:
    return {each.rpartition(".")[0] for each in imports_of(TREE / f"{name}.py") if each.startswith("unbroken")}


def test_verifying_shares_the_hashes_alone() -> None:
    assert modules_of_ours("verifying") == {"unbroken.core.tree.hashing", "unbroken.errors"}
    assert "unbroken.core.tree.verifying" not in {
        each for path in TREE.glob("*.py") for each in modules_of_ours(path.stem)
    }


def test_the_tree_needs_the_standard_library_alone() -> None:
    imported = {each for path in TREE.glob("*.py") for each in imports_of(path)}
    foreign = {each for each in imported if each.partition(".")[0] not in {*sys.stdlib_module_names, "unbroken"}}
    ours = {each for each in imported if each.startswith("unbroken")}
    assert foreign == set()
    assert {each for each in ours if not each.startswith(("unbroken.core.tree.", "unbroken.errors."))} == set()
    assert ours

"""Proofs of RFC 6962 against transparency-dev/merkle's vectors, read in place."""

import base64
import hashlib
import json
from typing import Any

import pytest

from tests.conftest import SHARED
from unbroken.core.tree.hashing import HASH_BYTES
from unbroken.core.tree.verifying import verify_consistency, verify_inclusion
from unbroken.errors import ProofError

DATA = SHARED / "conformance" / "transparency-dev-merkle" / "testdata"
INCLUSION = {
    "0/happy-path": (0, 1),
    "1/happy-path": (0, 8),
    "2/happy-path": (5, 8),
    "3/happy-path": (2, 3),
    "4/happy-path": (1, 5),
    "single-entry/matching-root-and-leaf": (0, 1),
}
CONSISTENCY = {
    "0/happy-path": (1, 1),
    "1/happy-path": (1, 8),
    "2/happy-path": (6, 8),
    "3/happy-path": (2, 5),
    "4/happy-path": (6, 7),
    "additional/sizes-are-equal-one-and-proof-is-empty": (1, 1),
}
"""The cases to be accepted, by file, and their numbers."""
PLACEHOLDER = "additional/sizes-are-equal-one-and-proof-is-empty"
"""Its roots are a text of 12 bytes. Here no root is that short, so it is accepted with its roots hashed instead."""

Case = dict[str, Any]

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared conformance vectors are not beside the checkout")


def cases(kind: str) -> dict[str, Case]:
    """By name, the path without its ending; names hold characters that a pattern would take for its own."""
    folder = DATA / kind
    return {
        str(path.relative_to(folder).with_suffix("")): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.json"))
    }


def decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def proof_of(case: Case) -> list[bytes]:
    return [decoded(each) for each in case["proof"] or []]


def accepts_inclusion(case: Case) -> bool:
    leaf, root, proof = decoded(case["leafHash"]), decoded(case["root"]), proof_of(case)
    try:
        verify_inclusion(leaf, case["leafIdx"], size=case["treeSize"], root=root, proof=proof)
    except ProofError:
        return False
    return True


def accepts_consistency(case: Case) -> bool:
    old, new, proof = decoded(case["root1"]), decoded(case["root2"]), proof_of(case)
    try:
        verify_consistency(old, new, old_size=case["size1"], new_size=case["size2"], proof=proof)
    except ProofError:
        return False
    return True


INCLUSIONS, CONSISTENCIES = cases("inclusion"), cases("consistency")


def test_all_cases_are_there() -> None:
    assert (len(INCLUSIONS), len(CONSISTENCIES)) == (98, 98)
    for found, good in ((INCLUSIONS, INCLUSION), (CONSISTENCIES, CONSISTENCY)):
        assert {name for name, case in found.items() if not case["wantErr"]} == set(good)
        assert sum(case["wantErr"] for case in found.values()) == 92


@pytest.mark.parametrize("name", INCLUSIONS)
def test_inclusion(name: str) -> None:
    case = INCLUSIONS[name]
    assert accepts_inclusion(case) is not case["wantErr"]
    assert accepts_inclusion(case) is ((case["leafIdx"], case["treeSize"]) == INCLUSION.get(name))


@pytest.mark.parametrize("name", CONSISTENCIES)
def test_consistency(name: str) -> None:
    case = CONSISTENCIES[name]
    if name == PLACEHOLDER:
        assert not accepts_consistency(case)
        case = {**case, "root1": hashed(case["root1"]), "root2": hashed(case["root2"])}
    assert accepts_consistency(case) is not case["wantErr"]
    assert accepts_consistency(case) is ((case["size1"], case["size2"]) == CONSISTENCY.get(name))


def test_roots_that_are_too_short_hide_no_other_rejection() -> None:
    """Cases with other placeholders are rejected for what they are about as well, once all their hashes are long."""
    seen = 0
    for case in CONSISTENCIES.values():
        if case["wantErr"] and not {len(decoded(case["root1"])), len(decoded(case["root2"]))} <= {HASH_BYTES, 0}:
            proof = [hashed(each) for each in case["proof"] or []]
            longer = {**case, "root1": hashed(case["root1"]), "root2": hashed(case["root2"]), "proof": proof}
            assert not accepts_consistency(longer)
            seen += 1
    assert seen > 0


def hashed(text: str) -> str:
    """A hash as it is; of another text its hash, so that equal ones stay equal and others don't become so."""
    raw = decoded(text)
    return text if len(raw) == HASH_BYTES else base64.b64encode(hashlib.sha256(raw).digest()).decode()

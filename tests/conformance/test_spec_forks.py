"""The example in spec/FORKS.md, made anew from RFC 6962's definition, and every way in which it must be refused."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.property.rfc6962 import Tree
from unbroken.core.canonical import canonical
from unbroken.core.checkpoint import Checkpoint
from unbroken.core.key_history import KeyHistory
from unbroken.core.note import SigningKey, VerifierKey
from unbroken.core.tree.hashing import leaf_hash
from unbroken.errors import NoteError, ProofError
from unbroken.verify.fork import ForkProof

PAGE = (Path(__file__).parents[2] / "spec" / "FORKS.md").read_text(encoding="utf-8")
ORIGIN = "clinic.example/agents~1"


def example(name: str) -> str:
    (found,) = re.findall(rf"^```text example-{name}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def signers(*more: VerifierKey) -> KeyHistory:
    return KeyHistory.of((), [VerifierKey.from_text(example("key").strip()), *more], ORIGIN)


def texts(*, exchanged: bool) -> list[bytes]:
    entries = [leaf_hash(b"entry %d" % number) for number in range(7)]
    return [leaf_hash(b"another entry 2") if exchanged and at == 2 else each for at, each in enumerate(entries)]


def test_the_example_is_what_the_page_says() -> None:
    was, now = Tree(texts(exchanged=False)), Tree(texts(exchanged=True))
    proof = ForkProof.from_bytes(example("fork").encode())
    assert proof.verified(signers()) == (Checkpoint(ORIGIN, 5, was.root(5)), Checkpoint(ORIGIN, 7, now.root(7)))
    assert (proof.root, list(proof.consistency)) == (now.root(5), now.consistency(5, 7))


def changes() -> Iterator[tuple[str, Any]]:
    """Every field changed, and every hash, and every character of what is signed."""
    given = json.loads(example("fork"))
    yield "v", {**given, "v": 2}
    yield "log", {**given, "log": "clinic.example/agents~2"}
    yield "another key", {**given, "w": 1}
    yield "swapped", {**given, "checkpoints": given["checkpoints"][::-1]}
    for key in given:
        yield f"without {key}", {name: value for name, value in given.items() if name != key}
    for at in range(64):
        yield f"root at {at}", {**given, "root": turned(given["root"], at)}
    for key in ("consistency", "checkpoints"):
        for nth, each in enumerate(given[key]):
            yield f"without {key} {nth}", {**given, key: given[key][:nth] + given[key][nth + 1 :]}
            for at in range(len(each)):
                changed = [*given[key][:nth], turned(each, at), *given[key][nth + 1 :]]
                yield f"{key} {nth} at {at}", {**given, key: changed}


def turned(text: str, at: int) -> str:
    return text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]


def is_proof(raw: bytes) -> bool:
    try:
        ForkProof.from_bytes(raw).verified(signers())
    except (ProofError, NoteError):
        return False
    return True


def test_every_change_is_refused() -> None:
    assert is_proof(example("fork").encode())
    assert [what for what, changed in changes() if is_proof(canonical(changed) + b"\n")] == []


def test_other_spellings_are_no_proof() -> None:
    raw = example("fork").encode()
    spaced = json.dumps(json.loads(raw), ensure_ascii=False).encode() + b"\n"
    ascii_only = canonical(json.loads(raw)).decode().encode("ascii", "backslashreplace") + b"\n"
    for wrong in (raw.rstrip(b"\n"), raw + b"\n", b" " + raw, spaced, ascii_only, raw.upper(), raw[: len(raw) // 2]):
        with pytest.raises(ProofError):
            ForkProof.from_bytes(wrong)


def test_a_key_that_is_not_trusted_proves_nothing() -> None:
    proof = ForkProof.from_bytes(example("fork").encode())
    stranger = SigningKey.generate("clinic.example/agents").verifier
    with pytest.raises(NoteError):
        proof.verified(KeyHistory.of((), [stranger], ORIGIN))
    with pytest.raises(NoteError):
        proof.verified(KeyHistory.of((), [], ORIGIN))

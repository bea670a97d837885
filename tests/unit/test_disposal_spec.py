"""spec/DISPOSAL.md by hand: its example verifies with the standard library and Ed25519, and nothing of the package."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from tests.unit.disposing import KEY, batches, looked, row
from tests.unit.test_erasure_spec import verify
from tests.unit.test_lots import by_hand
from unbroken.destruction.ledger import DestructionLedger
from unbroken.destruction.signing import SignedLedger
from unbroken.retention.certificate import Certificate, UnderPolicy
from unbroken.retention.certifying import certify

SPEC = (Path(__file__).parents[2] / "spec" / "DISPOSAL.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    (found,) = re.findall(rf"^```text {name}\n(.*?)^```$", SPEC, re.DOTALL | re.MULTILINE)
    return str(found)


def keys_of(table: str) -> set[str]:
    """The keys that a table of the page names."""
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([a-z0-9_]+)`", row)}


def test_the_example_verifies_by_the_page_alone() -> None:
    note = example("example-note")
    value: dict[str, Any] = verify(note, example("example-key"))
    assert hashlib.sha256(note.encode()).hexdigest() == example("example-digest").strip()
    line = {"n": 1, "note": note, "prev": "0" * 64}
    canonical = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert hashlib.sha256(canonical).hexdigest() == example("example-line-digest").strip()
    (spelt,) = re.findall(r"spelt as one lot: `(.*?)`", SPEC)
    assert (
        value["candidates"]["sha256"] == hashlib.sha256(hashlib.sha256(spelt.encode()).hexdigest().encode()).hexdigest()
    )
    assert value["candidates"]["sha256"] == by_hand([1, 2, 3, 4, 7, 9])
    with pytest.raises(InvalidSignature):
        verify(note.replace('"legal"', '"opsen"'), example("example-key"))


def test_the_page_names_every_key_and_no_other() -> None:
    first, _, second = SPEC.partition("## The text")[2].partition("\n## ")[0].partition("A policy is an object of")
    assert keys_of(first) == set(Certificate.__struct_fields__)
    assert keys_of(second) == set(UnderPolicy.__struct_fields__)


def test_what_is_written_now_verifies_by_the_page(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    made = certify(row(), looked(told=batches()), SignedLedger(DestructionLedger(path), KEY, 0))
    (line,) = path.read_bytes().splitlines()
    value = verify(json.loads(line)["note"], str(KEY.verifier))
    assert value["line"] == {"n": 1, "prev": "0" * 64}
    assert (value["disposal"], value["backups_expire"]) == (made.certificate.disposal, None)
    assert hashlib.sha256(made.note.encode()).hexdigest() == made.digest

"""spec/ERASURE.md by hand: its example verifies with the standard library and Ed25519, and nothing of the package."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.unit.erasing import Door, found
from tests.unit.test_erasure_flow import carry_out
from unbroken.destruction.ledger import DestructionLedger
from unbroken.privacy.erasure.certificate import Certificate
from unbroken.privacy.erasure.order import Order
from unbroken.privacy.erasure.records import CertificateNote
from unbroken.privacy.erasure.signing import Signing

SPEC = (Path(__file__).parents[2] / "spec" / "ERASURE.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    (found,) = re.findall(rf"^```text {name}\n(.*?)^```$", SPEC, re.DOTALL | re.MULTILINE)
    return str(found)


def verify(note: str, vkey: str) -> dict[str, object]:
    """The object of a note, as the page says how to read it."""
    name, key_id, encoded = vkey.strip().split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    assert raw[0] == 1
    assert hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] == key_id
    text, _, line = note.rpartition("\n\n")
    dash, signer, signature = line.removesuffix("\n").split(" ")
    assert (dash, signer) == ("\u2014", name)
    signed = base64.b64decode(signature, validate=True)
    assert signed[:4].hex() == key_id
    Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signed[4:], f"{text}\n".encode())
    _, _, content = f"{text}\n".partition("\n")
    value: dict[str, object] = json.loads(content)
    assert json.dumps(value, sort_keys=True, indent=1) + "\n" == content
    return value


def test_the_example_verifies_by_the_page_alone() -> None:
    note = example("example-note")
    value = verify(note, example("example-key"))
    assert value["erasure"] == "0b51c6f2-0000-4000-8000-000000000001"
    assert hashlib.sha256(note.encode()).hexdigest() == example("example-digest").strip()
    line = {"n": 1, "note": note, "prev": "0" * 64}
    canonical = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert hashlib.sha256(canonical).hexdigest() == example("example-line-digest").strip()
    with pytest.raises(InvalidSignature):
        verify(note.replace("C-31", "C-32"), example("example-key"))


def keys_of(section: str) -> set[str]:
    """The keys that the table below a heading names."""
    table = SPEC.partition(section)[2].partition("\n### ")[0].partition("\n## ")[0]
    return {
        name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`([a-z0-9_]+)`", row)
    }


def test_the_page_names_every_key_and_no_other() -> None:
    assert keys_of("### The order") == set(Order.__struct_fields__)
    assert keys_of("### The certificate") == set(Certificate.__struct_fields__)


def test_what_is_written_now_verifies_by_the_page(tmp_path: Path) -> None:
    from tests.unit.erasing import KEY

    path = tmp_path / "erasures.jsonl"
    made = carry_out(Door(person=found()), Signing(DestructionLedger(path), KEY, 0))
    assert isinstance(made, CertificateNote)
    previous = "0" * 64
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        read = json.loads(line)
        assert (read["n"], read["prev"]) == (number, previous)
        assert verify(read["note"], str(KEY.verifier))["line"] == {"n": number, "prev": previous}
        previous = hashlib.sha256(line).hexdigest()
    assert json.loads(made.note.partition("\n")[2].rpartition("\n\n")[0])["backups_expire"] is None

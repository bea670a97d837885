"""Signed notes: what others sign verifies here, and whatever was touched does not."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import SHARED
from unbroken.core.note import MAX_SIGNATURES, SigningKey, VerifierKey, parse, signed, verified
from unbroken.errors import ConfigurationError, NoteError

TEXT = "unbroken test v1\nfirst\n\nlast\n"
KEY = SigningKey("clinic.example/erasure", bytes(range(32)))
OTHER = SigningKey("other.example", bytes(range(1, 33)))
NOTE = signed(TEXT, KEY)
EXAMPLE = SHARED / "conformance" / "c2sp-signed-note" / "example.json"
ED25519 = SHARED / "conformance" / "wycheproof" / "testvectors_v1" / "ed25519_test.json"


@pytest.fixture(scope="module")
def example() -> Any:
    if not EXAMPLE.exists():
        pytest.skip("the conformance vectors are not beside this checkout")
    return json.loads(EXAMPLE.read_text(encoding="utf-8"))


def test_the_published_example_verifies(example: Any) -> None:
    key = VerifierKey.from_text(example["vkey"])
    assert (key.name, key.id.hex(), key.public.hex()) == (
        example["key_name"],
        example["key_id_hex"],
        example["public_key_hex"],
    )
    assert str(key) == example["vkey"]
    assert verified(example["note"], [key]) == (example["text"], [key])
    (signature,) = parse(example["note"]).signatures
    assert signature.raw.hex() == example["signature_hex"]


def test_every_flipped_bit_of_the_published_example_is_noticed(example: Any) -> None:
    key, note = VerifierKey.from_text(example["vkey"]), example["note"].encode()
    for place in range(len(note)):
        changed = bytearray(note)
        changed[place] ^= 1
        with pytest.raises(NoteError):
            verified(bytes(changed), [key])


def test_signatures_are_verified_as_the_published_ones_are() -> None:
    if not ED25519.exists():
        pytest.skip("the conformance vectors are not beside this checkout")
    answers = []
    for group in json.loads(ED25519.read_text(encoding="utf-8"))["testGroups"]:
        key = VerifierKey("k", bytes.fromhex(group["publicKey"]["pk"]))
        for test in group["tests"]:
            try:
                text = bytes.fromhex(test["msg"]).decode()
            except UnicodeDecodeError:
                continue  # no text, so in no note
            answers.append(key.verifies(text, bytes.fromhex(test["sig"])))
            assert answers[-1] == (test["result"] == "valid"), test["tcId"]
    assert answers.count(True) > 20
    assert answers.count(False) > 20


def test_what_was_signed_verifies_and_keeps_its_empty_lines() -> None:
    assert verified(NOTE, [OTHER.verifier, KEY.verifier]) == (TEXT, [KEY.verifier])
    assert verified(NOTE.encode(), [KEY.verifier])[0] == TEXT


CHANGES: dict[str, Callable[[str], str | bytes]] = {
    "a byte of the text": lambda note: note.replace("first", "First"),
    "another line of text": lambda note: "more\n" + note,
    "no newline at the end": lambda note: note[:-1],
    "a newline too many": lambda note: note + "\n",
    "no empty line": lambda note: note.replace("\n\n\u2014", "\n\u2014"),
    "no signature": lambda note: note[: note.index("\u2014")],
    "no text": lambda note: "\n\n" + note[note.index("\u2014") :],
    "a hyphen for the dash": lambda note: note.replace("\u2014", "-"),
    "no blank after the dash": lambda note: note.replace("\u2014 ", "\u2014"),
    "two blanks": lambda note: note.replace("\u2014 ", "\u2014  "),
    "another name": lambda note: note.replace("clinic", "cl1nic"),
    "a name with a plus": lambda note: note.replace("clinic", "cli+nic"),
    "truncated base64": lambda note: note[:-5] + "\n",
    "padded base64": lambda note: note[:-1] + "====\n",
    "base64 with a blank at its end": lambda note: note[:-1] + " \n",
    "base64 of another alphabet": lambda note: note.replace("+", "-", 1) if "+" in note else note.replace("/", "_"),
    "a carriage return": lambda note: note.replace("\n", "\r\n"),
    "a carriage return before the last newline": lambda note: note[:-1] + "\r\n",
    "a tabulator": lambda note: note.replace("first", "fi\trst"),
    "a null": lambda note: note.replace("first", "fi\x00rst"),
    "no UTF-8": lambda note: note.encode().replace(b"first", b"fir\xff"),
    "a lone surrogate": lambda note: note.replace("first", "fir\ud800"),
    "nothing": lambda _: "",
    "an unsigned text": lambda _: TEXT,
    "too long": lambda note: "x" * 2**24 + "\n" + note,
    "an unreadable line beside the good one": lambda note: note + "\u2014 somebody !!!\n",
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_was_changed_is_no_note_of_ours(change: str) -> None:
    changed = CHANGES[change](NOTE)
    assert changed != NOTE
    with pytest.raises(NoteError):
        verified(changed, [KEY.verifier])


def test_another_key_id_is_another_key() -> None:
    line = NOTE.rsplit(" ", 1)[1].strip()
    raw = bytearray(base64.b64decode(line))
    raw[0] ^= 1
    with pytest.raises(NoteError, match="no trusted key"):
        verified(NOTE.replace(line, base64.b64encode(raw).decode()), [KEY.verifier])


def test_signatures_of_unknown_keys_are_passed_over() -> None:
    note = signed(TEXT, OTHER, KEY)
    assert verified(note, [KEY.verifier])[1] == [KEY.verifier]
    assert verified(note, [KEY.verifier, OTHER.verifier])[1] == [OTHER.verifier, KEY.verifier]
    strange = note + "\u2014 cosigner.example " + base64.b64encode(b"\x00\x00\x00\x01" + b"x" * 2420).decode() + "\n"
    assert verified(strange, [KEY.verifier])[1] == [KEY.verifier]


def test_a_wrong_signature_of_a_trusted_key_spoils_the_note_beside_a_good_one() -> None:
    forged = NOTE + OTHER.sign("another text\n")
    assert verified(forged, [KEY.verifier])[1] == [KEY.verifier]
    with pytest.raises(NoteError, match=r"other\.example does not fit"):
        verified(forged, [KEY.verifier, OTHER.verifier])


def test_sixteen_signatures_are_taken_and_too_many_are_not() -> None:
    keys = [SigningKey(f"k{number}", bytes([number]) * 32) for number in range(1, 17)]
    assert len(verified(signed(TEXT, *keys), [each.verifier for each in keys])[1]) == 16
    with pytest.raises(NoteError, match="more than"):
        verified(NOTE + KEY.sign(TEXT) * MAX_SIGNATURES, [KEY.verifier])


def test_one_key_twice_is_one_signer() -> None:
    assert verified(NOTE + KEY.sign(TEXT), [KEY.verifier])[1] == [KEY.verifier]


@pytest.mark.parametrize("text", ["no newline at the end", "", "a\x1bb\n", "a\r\n"])
def test_what_can_be_no_text_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        signed(text, KEY)


def test_keys_are_texts() -> None:
    assert VerifierKey.from_text(str(KEY.verifier)) == KEY.verifier
    assert SigningKey.from_text(KEY.to_text()) == KEY
    assert KEY.to_text().startswith("PRIVATE+KEY+clinic.example/erasure+")
    assert KEY.secret.hex() not in repr(KEY)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("clinic", "cl1nic"),
        lambda text: text[:-1],
        lambda text: text + "=",
        lambda text: text.replace("+", " ", 1),
        lambda text: text.rpartition("+")[0],
        lambda text: text.rpartition("+")[0] + "+" + base64.b64encode(b"\x02" + b"x" * 32).decode(),
        lambda text: text.rpartition("+")[0] + "+" + base64.b64encode(b"\x01" + b"x" * 31).decode(),
        lambda _: "",
    ],
)
def test_a_changed_key_is_refused(change: Callable[[str], str]) -> None:
    with pytest.raises(ConfigurationError):
        VerifierKey.from_text(change(str(KEY.verifier)))
    with pytest.raises(ConfigurationError):
        SigningKey.from_text(change(KEY.to_text().strip()))


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb"])
def test_a_name_that_a_note_can_not_hold_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError):
        SigningKey.generate(name)

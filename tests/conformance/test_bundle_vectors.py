"""Evidence bundles: the vectors of spec/, the verifiers that must agree on them, and what no change may get past.

``VERIFIERS`` holds every verifier under test. Each takes a bundle, as an archive or a folder, and the keys to trust,
and gives its verdict and the kind, seq and part of each finding. spec/verify.html is tried with the same vectors in a
browser, in tests/system.
"""

import ast
import base64
import json
import random
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.conformance.bundles import (
    FOLDER,
    PATHS,
    Place,
    as_archive,
    as_folder,
    in_order,
    independent,
    makers,
    packaged,
    read,
)
from tests.conformance.test_spec_vectors import SPEC, verify

Verifier = Callable[[Path, list[str]], tuple[str, list[Place]]]

VERIFIERS: dict[str, Verifier] = {"independent": independent, "package": packaged}
BASE = read("valid-session")

both_verifiers = pytest.mark.parametrize("verifier", VERIFIERS.values(), ids=VERIFIERS)


# ---- vectors ----


def test_there_are_vectors_of_both_sorts_for_each_verdict_and_kind() -> None:
    vectors = [read(path.stem) for path in PATHS]
    assert {vector.verdict for vector in vectors} == set(verify.EXIT_CODES) - {"usage"}
    for path, vector in zip(PATHS, vectors, strict=True):
        assert path.name.startswith("fail-") is bool(vector.findings), path.name
    kinds = {kind for vector in vectors for kind, *_ in vector.findings}
    table = (SPEC / "EVIDENCE.md").read_text(encoding="utf-8").partition("\n## Findings\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE))
    assert named
    assert named < kinds


@both_verifiers
@pytest.mark.parametrize("packed", [as_archive, as_folder], ids=["archive", "folder"])
@pytest.mark.parametrize("name", [path.stem for path in PATHS])
def test_verifier_says_what_the_vector_demands(
    name: str, packed: Callable[[Mapping[str, bytes], Path], Path], verifier: Verifier, tmp_path: Path
) -> None:
    vector = read(name)
    verdict, findings = verifier(packed(vector.files, tmp_path / "bundle"), vector.trust)
    assert (verdict, in_order(findings)) == (vector.verdict, in_order(vector.findings))


def test_the_files_are_what_make_bundle_vectors_writes() -> None:
    made = makers().texts()
    assert {path.name: path.read_text(encoding="utf-8") for path in PATHS} == made
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(made)


def test_who_makes_the_vectors_takes_nothing_from_verifiers_or_package() -> None:
    tree = ast.parse((SPEC / "make_bundle_vectors.py").read_text(encoding="utf-8"))
    imported = {
        each.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names
    }
    imported |= {str(node.module).partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported - set(sys.stdlib_module_names) == {"cryptography", "make_vectors", "make_tree_vectors"}


# ---- no change gets past ----


def test_the_honest_bundle_is_proven(tmp_path: Path) -> None:
    assert independent(as_folder(BASE.files, tmp_path / "bundle"), BASE.trust) == ("proven", [])


@both_verifiers
@pytest.mark.parametrize("name", sorted(BASE.files.keys() - {"anchors.jsonl", "checkpoint.note"}))
def test_no_changed_byte_goes_unseen(name: str, verifier: Verifier, tmp_path: Path) -> None:
    """Every byte of small files, some of larger ones."""
    raw, folder = BASE.files[name], as_folder(BASE.files, tmp_path / "bundle")
    chance = random.Random(name)  # noqa: S311 - a reproducible choice, nothing secret
    places = range(len(raw)) if len(raw) < 300 else sorted(chance.sample(range(len(raw)), 120))
    for at in places:
        changed = bytearray(raw)
        changed[at] ^= 1 << chance.randrange(8)
        (folder / name).write_bytes(changed)
        verdict, findings = verifier(folder, BASE.trust)
        assert verdict in {"findings", "unverifiable"}, (at, bytes(changed))
        assert findings


@both_verifiers
def test_no_changed_byte_of_what_the_log_signed_goes_unseen(verifier: Verifier, tmp_path: Path) -> None:
    """The checkpoint, and the line with the log's signature.

    Behind it are cosignatures. Where the name or id in one is changed, it is a stranger's, and proves nothing any more.
    """
    raw, folder = BASE.files["checkpoint.note"], as_folder(BASE.files, tmp_path / "bundle")
    signatures = raw.index(b"\n\n") + 2
    seen = set()
    for at in range(raw.index(b"\n", signatures)):
        changed = bytearray(raw)
        changed[at] ^= 1
        (folder / "checkpoint.note").write_bytes(changed)
        verdict, findings = verifier(folder, BASE.trust)
        assert verdict == "findings", at
        seen |= {kind for kind, *_ in findings}
    assert {"checkpoint_wrong", "signature_wrong"} <= seen


def receipts_changed() -> Iterator[bytes]:
    raw = BASE.files["anchors.jsonl"]
    for at in range(0, len(raw), 3):
        yield raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


@both_verifiers
def test_a_changed_receipt_is_found_or_another_anchors(verifier: Verifier, tmp_path: Path) -> None:
    """Names and proofs of receipts are bound to nothing here, but no change makes one of another tree pass."""
    folder = as_folder(BASE.files, tmp_path / "bundle")
    told = set()
    for changed in receipts_changed():
        (folder / "anchors.jsonl").write_bytes(changed)
        verdict, _ = verifier(folder, BASE.trust)
        told.add(verdict)
        if verdict == "proven":
            was, now = json.loads(BASE.files["anchors.jsonl"]), json.loads(changed)
            assert was["note"].partition("\n\n")[0] == now["note"].partition("\n\n")[0]
    assert told == {"proven", "findings"}


@both_verifiers
def test_whatever_stands_in_the_files_there_is_a_verdict(verifier: Verifier, tmp_path: Path) -> None:
    pieces = [
        b"{",
        b"}",
        b"[" * 3000,
        b'"',
        b"\\ud800",
        b"\xff",
        b"\x00",
        b"\n",
        b"9" * 5000,
        b"null",
        b"~",
        b"1e9",
        b"",
    ]
    folder = as_folder(BASE.files, tmp_path / "bundle")
    seen = set()
    for seed in range(250):
        chance = random.Random(seed)  # noqa: S311 - a reproducible choice, nothing secret
        name = chance.choice(sorted(BASE.files))
        raw = BASE.files[name]
        at, length = chance.randrange(len(raw) + 1), chance.choice([0, 0, 1, 7, 10_000])
        (folder / name).write_bytes(raw[:at] + chance.choice(pieces) + raw[at + length :])
        verdict, _ = verifier(folder, BASE.trust)
        seen.add(verdict)
        (folder / name).write_bytes(raw)
    assert {"findings", "proven"} <= seen <= set(verify.EXIT_CODES)


def test_verifiers_agree_on_damage_of_every_kind(tmp_path: Path) -> None:
    bases = [read(name) for name in ("valid-session-with-range", "valid-actor", "valid-receipts", "valid-withheld")]
    pieces = [
        b"{",
        b'"',
        b"[" * 600,
        b"\\ud800",
        b"\xff",
        b"\x00",
        b"\n",
        b"9" * 50,
        b"-1",
        b"1.0",
        b"~",
        b" ",
        b"a",
        b"",
    ]
    shown: set[str] = set()
    for seed in range(400):
        chance = random.Random(seed)  # noqa: S311 - a reproducible choice, nothing secret
        base = chance.choice(bases)
        name = chance.choice(sorted(base.files))
        raw = base.files[name]
        at, length = chance.randrange(len(raw) + 1), chance.choice([0, 1, 2, 7, 90])
        damaged = {**base.files, name: raw[:at] + chance.choice(pieces) + raw[at + length :]}
        folder = as_folder(damaged, tmp_path / "bundle")
        verdicts = {
            key: (verdict, in_order(findings))
            for key, verifier in VERIFIERS.items()
            for verdict, findings in [verifier(folder, base.trust)]
        }
        assert verdicts["independent"] == verdicts["package"], (seed, name)
        verdict, findings = verdicts["package"]
        shown |= {verdict, *(kind for _, kind, _ in findings)}
    assert {"altered_file", "export_wrong", "manifest_wrong", "not_included", "keys_wrong", "anchors_wrong"} <= shown


@both_verifiers
def test_every_value_of_the_signed_parts_counts(verifier: Verifier, tmp_path: Path) -> None:
    """Each value of the manifest exchanged for another of its kind, and spelt canonically again."""
    manifest = json.loads(BASE.files["manifest.json"])
    folder = as_folder(BASE.files, tmp_path / "bundle")
    count = 0
    for changed in changed_values(manifest):
        text = json.dumps(changed, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
        (folder / "manifest.json").write_text(text, encoding="utf-8")
        verdict, findings = verifier(folder, BASE.trust)
        assert verdict in {"findings", "unverifiable"}
        assert {kind for kind, *_ in findings} & {"export_wrong", "manifest_wrong", "unverifiable"}
        count += 1
    assert count > 40


def changed_values(value: object) -> Iterator[object]:
    """Copies of a JSON value with one thing in it changed, added or left out."""
    match value:
        case dict():
            for key in value:
                yield {other: each for other, each in value.items() if other != key}
                yield from ({**value, key: each} for each in changed_values(value[key]))
            yield {**value, "zz": "more"}
        case list():
            for at in range(len(value)):
                yield [*value[:at], *value[at + 1 :]]
                yield from ([*value[:at], each, *value[at + 1 :]] for each in changed_values(value[at]))
        case bool():
            yield not value
        case int():
            yield value + 1
        case str():
            yield value[:-1] + chr(ord(value[-1]) ^ 1)


# ---- trust ----


@both_verifiers
def test_only_a_trusted_key_proves(verifier: Verifier, tmp_path: Path) -> None:
    path = as_archive(BASE.files, tmp_path / "bundle.zip")
    history = json.loads(BASE.files["keys.json"])
    claimed = [
        key for each in history["statements"] for key in re.findall("^(?:key|previous) (.*)", each, re.MULTILINE)
    ]
    for key in claimed:
        assert verifier(path, [key])[0] == "proven"
    for trust in ([], history["cosigners"], [read("valid-trust-of-a-stranger").trust[0]]):
        assert verifier(path, trust) == ("origin unproven", [])


@both_verifiers
def test_a_bundle_that_brings_its_own_keys_proves_nothing(verifier: Verifier, tmp_path: Path) -> None:
    """A whole made-up log, by somebody who has no key of the real one: all fits, and its origin is unproven."""
    made = makers()
    forger = made.Signer(made.NAME, 77)
    history = (made.statement("first", forger, None, "1 0", [forger]),)
    files = {name: text.encode() for name, text in made.Making(statements=history, signers=(forger,)).files().items()}
    path = as_archive(files, tmp_path / "bundle.zip")
    assert verifier(path, []) == ("origin unproven", [])
    assert verifier(path, BASE.trust) == ("origin unproven", [])
    assert verifier(path, [forger.text()]) == ("proven", [])


# ---- Ed25519 ----


def test_signatures_are_verified_as_rfc_8032_shows() -> None:
    """The first three of the RFC's test vectors (section 7.1)."""
    for public, message, signature in (
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ):
        key, text, raw = (bytes.fromhex(each) for each in (public, message, signature))
        assert verify.verify_ed25519(key, text, raw)
        for at in range(64):
            assert not verify.verify_ed25519(key, text, raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        assert not verify.verify_ed25519(key, text + b"x", raw)
        assert not verify.verify_ed25519(
            key, text, raw[:32] + (int.from_bytes(raw[32:], "little") + verify._L).to_bytes(32, "little")
        )


WYCHEPROOF = SPEC.parents[1] / "shared" / "conformance" / "wycheproof" / "testvectors_v1" / "ed25519_test.json"


@pytest.mark.skipif(not WYCHEPROOF.is_file(), reason="the shared conformance vectors are not beside the checkout")
def test_signatures_are_verified_as_wycheproof_demands() -> None:
    groups = json.loads(WYCHEPROOF.read_text(encoding="utf-8"))["testGroups"]
    said: dict[str, int] = {"valid": 0, "invalid": 0}
    for group in groups:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            accepted = verify.verify_ed25519(key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
            assert accepted is (case["result"] == "valid"), case["tcId"]
            said[case["result"]] += 1
    assert said == {"valid": 88, "invalid": 63}


def test_points_that_fit_anything_are_no_keys() -> None:
    """With a key of small order, R = encoding of the neutral element and S = 0 would fit many messages."""
    neutral = (1).to_bytes(32, "little")
    order_4 = bytes(32)
    signature = neutral + bytes(32)
    for key in (neutral, order_4, ((1 << 255) - 19 + 1).to_bytes(32, "little"), b"\xff" * 32, neutral[:31]):
        assert not any(verify.verify_ed25519(key, bytes([text]), signature) for text in range(8))


def test_keys_are_read_in_their_one_spelling() -> None:
    (text,) = BASE.trust
    assert str(verify.Key.parse(text)) == text
    name, key_id, raw = text.split("+", 2)
    for wrong in (
        "", name, f"{name}+{key_id}", f"{name}+{key_id.upper()}+{raw}", f"{name}x+{key_id}+{raw}", f"{text} ",
        f"{text}=",
        f" {name}+{key_id}+{raw}", f"{name}+{key_id}+{raw[:-1]}", f"+{key_id}+{raw}",
        f"{name}+{key_id}+{base64.b64encode(bytes([2]) + base64.b64decode(raw)[1:]).decode()}",
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"key|base64|padding|data"):
            verify.Key.parse(wrong)

"""Timestamps of an authority that is ``openssl ts``, over HTTP, and what must not verify."""

import base64
import hashlib
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.anchors.authority import POLICY, Authority, authority, certified
from tests.anchors.logs import TRUSTED, Log
from tests.anchors.serving import Answer, Request, served
from unbroken.anchors.anchor import Anchor, Receipt
from unbroken.anchors.endpoint import Endpoint
from unbroken.anchors.timestamp import TimestampAuthority, certificates_in
from unbroken.core.canonical import canonical
from unbroken.errors import AnchorError, ConfigurationError, NoteError, UnavailableError, UnbrokenError

pytest.importorskip("rfc3161_client")

LOG = Log()


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def address(signing: Authority) -> Iterator[str]:
    with served(signing.answer) as at:
        yield at


def anchor_at(
    address: str, signing: Authority, *, policy: str | None = None, roots: list[x509.Certificate] | None = None
) -> TimestampAuthority:
    endpoint = Endpoint(address, timeout_s=20)
    given = [signing.root] if roots is None else roots
    return TimestampAuthority(
        "tsa", endpoint, log=TRUSTED, roots=given, intermediates=[signing.intermediate], policy=policy
    )


def offline(signing: Authority, **options: str) -> TimestampAuthority:
    return anchor_at("https://nobody.invalid", signing, policy=options.get("policy"))


def test_a_checkpoint_is_timestamped_and_verified_without_asking(signing: Authority, address: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    anchor: Anchor = anchor_at(address, signing, policy=POLICY)
    receipt = anchor.publish(LOG.submission(5))
    anchored = offline(signing, policy=POLICY).verify(Receipt.from_bytes(receipt.to_bytes()))
    assert anchored.checkpoint == LOG.checkpoint(5)
    assert anchored.at is not None
    assert before <= anchored.at <= datetime.now(UTC)
    assert (list(anchor.held()), anchor.newest(), anchor.keeps, anchor.holds(receipt)) == ([], None, False, False)


def test_openssl_verifies_it_as_well(signing: Authority, address: str, tmp_path: Path) -> None:
    receipt = anchor_at(address, signing).publish(LOG.submission(5))
    (tmp_path / "note").write_text(receipt.note)
    (tmp_path / "reply").write_bytes(base64.b64decode(json.loads(receipt.proof)["response"]))
    (tmp_path / "root.pem").write_bytes(signing.root.public_bytes(Encoding.PEM))
    (tmp_path / "between.pem").write_bytes(signing.intermediate.public_bytes(Encoding.PEM))
    done = subprocess.run(
        [
            *("openssl", "ts", "-verify", "-data", "note", "-in", "reply"),
            *("-CAfile", "root.pem", "-untrusted", "between.pem"),
        ],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr


def test_another_checkpoint_nonce_policy_or_root_does_not_fit(signing: Authority, address: str, tmp_path: Path) -> None:
    anchor = anchor_at(address, signing)
    first, second = (anchor.publish(LOG.submission(size)) for size in (5, 6))
    with pytest.raises(AnchorError, match="messages"):
        anchor.verify(Receipt("tsa", "timestamp", first.note, second.proof))
    with pytest.raises(AnchorError, match="Policy"):
        offline(signing, policy="1.2.3.4").verify(first)
    nonce, response = parts(first.proof)
    with pytest.raises(AnchorError, match="Nonce"):
        anchor.verify(Receipt("tsa", "timestamp", first.note, proof(nonce + 1, response)))
    strange = certified("root", None, usage=None).certificate
    with pytest.raises(AnchorError, match="certificates"):
        anchor_at(address, signing, roots=[strange]).verify(first)
    with pytest.raises(AnchorError, match="certificates"):
        # An intermediate that is not trusted itself proves nothing without its root.
        anchor_at(address, signing, roots=[signing.intermediate]).verify(first)


def test_a_certificate_for_another_purpose_signs_no_timestamps(signing: Authority) -> None:
    """The same root, the same content, and a signature that fits, by a key that was certified for code."""
    receipt = receipt_of(signing)
    nonce, response = parts(receipt.proof)
    anchor = offline(signing)
    timed = signing.signed_anew(response, usage=ExtendedKeyUsageOID.TIME_STAMPING)
    assert anchor.verify(Receipt("tsa", "timestamp", receipt.note, proof(nonce, timed))).checkpoint.size == 5
    for usage in (ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.SERVER_AUTH):
        other = signing.signed_anew(response, usage=usage)
        with pytest.raises(AnchorError, match="does not verify"):
            anchor.verify(Receipt("tsa", "timestamp", receipt.note, proof(nonce, other)))


def test_the_signer_s_certificate_is_the_authority_s_for_timestamps(signing: Authority) -> None:
    receipt = receipt_of(signing)
    leaf = signing.signer.public_bytes(Encoding.DER)
    other = leaf.replace(b"\x2b\x06\x01\x05\x05\x07\x03\x08", b"\x2b\x06\x01\x05\x05\x07\x03\x03")
    assert other != leaf
    nonce, response = parts(receipt.proof)
    with pytest.raises(AnchorError):
        offline(signing).verify(Receipt("tsa", "timestamp", receipt.note, proof(nonce, response.replace(leaf, other))))


def test_every_changed_byte_of_a_receipt_is_rejected(signing: Authority) -> None:
    receipt = receipt_of(signing)
    anchor = offline(signing)
    for at in range(len(receipt.proof)):
        for bits in (0x01, 0x20, 0x80):
            changed = receipt.proof[:at] + bytes([receipt.proof[at] ^ bits]) + receipt.proof[at + 1 :]
            with pytest.raises((AnchorError, NoteError)):
                anchor.verify(Receipt("tsa", "timestamp", receipt.note, changed))


def test_a_changed_response_with_a_checksum_of_its_own_is_rejected_or_says_the_same(signing: Authority) -> None:
    """CMS leaves the name of the signature's algorithm unsigned, which nobody reads: nothing else may differ."""
    receipt = receipt_of(signing)
    anchor = offline(signing)
    meant = anchor.verify(receipt)
    nonce, response = parts(receipt.proof)
    same: list[int] = []
    for at in range(len(response)):
        for bits in (0x01, 0x80, 0xFF):
            changed = response[:at] + bytes([response[at] ^ bits]) + response[at + 1 :]
            try:
                assert anchor.verify(Receipt("tsa", "timestamp", receipt.note, proof(nonce, changed))) == meant
            except (AnchorError, NoteError):
                continue
            same.append(at)
    name = b"\x2a\x86\x48\xce\x3d\x04\x03\x02"
    place = response.rindex(name)
    assert set(same) <= set(range(place, place + len(name)))


def test_a_clock_that_is_ahead_is_noticed(signing: Authority, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unbroken.anchors.anchor.AHEAD", -timedelta(hours=1))
    with pytest.raises(AnchorError, match="yet to come"):
        anchor_at(address, signing).publish(LOG.submission(5))


def test_a_replayed_answer_is_noticed(signing: Authority) -> None:
    kept: list[Answer] = []

    def answer(request: Request) -> Answer:
        kept.append(signing.answer(request))
        return kept[0]

    with served(answer) as address:
        anchor = anchor_at(address, signing)
        anchor.publish(LOG.submission(5))
        with pytest.raises(AnchorError, match="Nonce"):
            anchor.publish(LOG.submission(5))


REJECTED = bytes.fromhex("30053003020102")
WAITING = bytes.fromhex("30053003020103")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (Answer(200, b"", {"Content-Type": "application/timestamp-reply"}), AnchorError),
        (Answer(200, b"\x30\x03\x02\x01\x00", {"Content-Type": "application/timestamp-reply"}), AnchorError),
        (Answer(200, b"\x30\x84\xff\xff\xff\xff", {"Content-Type": "application/timestamp-reply"}), AnchorError),
        (Answer(200, b"\x30\x80" * 5_000, {"Content-Type": "application/timestamp-reply"}), AnchorError),
        (Answer(200, b"0" * 10_000_000, {"Content-Type": "application/timestamp-reply"}), AnchorError),
        (Answer(200, b"<html>", {"Content-Type": "text/html"}), AnchorError),
        (Answer(200, REJECTED, {"Content-Type": "application/timestamp-reply"}), ConfigurationError),
        (Answer(200, WAITING, {"Content-Type": "application/timestamp-reply"}), UnavailableError),
        (Answer(200, b"half", {"Content-Type": "application/timestamp-reply"}, stated=900), UnavailableError),
        (Answer(404), ConfigurationError),
        (Answer(500), UnavailableError),
        (Answer(503, b"busy"), UnavailableError),
    ],
)
def test_hostile_and_failing_answers(signing: Authority, given: Answer, error: type[UnbrokenError]) -> None:
    with served(lambda _: given) as address, pytest.raises(error):
        anchor_at(address, signing).publish(LOG.submission(5))


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"\xff", b'{"nonce":"-1","response":"","sha256":""}'])
def test_other_bytes_are_no_proof(signing: Authority, raw: bytes) -> None:
    with pytest.raises(AnchorError):
        offline(signing).verify(Receipt("tsa", "timestamp", LOG.note(5), raw))


def test_roots_are_read_from_a_file(signing: Authority, tmp_path: Path) -> None:
    path = tmp_path / "roots.pem"
    path.write_bytes(signing.root.public_bytes(Encoding.PEM) + signing.intermediate.public_bytes(Encoding.PEM))
    assert certificates_in(path) == [signing.root, signing.intermediate]
    path.write_text("nothing")
    for each in (path, tmp_path / "missing"):
        with pytest.raises(ConfigurationError):
            certificates_in(each)
    with pytest.raises(ConfigurationError, match="no root"):
        anchor_at("https://time.example", signing, roots=[])
    with pytest.raises(ConfigurationError, match="object identifier"):
        offline(signing, policy="any policy")


def receipt_of(signing: Authority) -> Receipt:
    with served(signing.answer) as address:
        return anchor_at(address, signing).publish(LOG.submission(5))


def parts(proof: bytes) -> tuple[int, bytes]:
    read = json.loads(proof)
    return int(read["nonce"]), base64.b64decode(read["response"])


def proof(nonce: int, response: bytes) -> bytes:
    encoded = base64.b64encode(response).decode()
    return canonical({"nonce": str(nonce), "response": encoded, "sha256": hashlib.sha256(response).hexdigest()})

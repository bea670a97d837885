"""A witness over real HTTP that checks signatures and consistency, and what is made of its answers."""

import base64
import hashlib
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.anchors.logs import KEY, ORIGIN, TRUSTED, Log
from tests.anchors.serving import Answer, Request, served
from tests.anchors.witnessing import WITNESS_KEY, LoopbackWitness
from unbroken.anchors.anchor import Anchor, Receipt, TrustedLog
from unbroken.anchors.endpoint import Endpoint
from unbroken.anchors.witness import Witness
from unbroken.core.cosignature import CosignerKey, CosigningKey, cosigned
from unbroken.core.note import SigningKey, parse
from unbroken.errors import AnchorError, ConfigurationError, NoteError, UnavailableError, UnbrokenError

LOG = Log()


@pytest.fixture
def witness() -> LoopbackWitness:
    return LoopbackWitness()


@pytest.fixture
def address(witness: LoopbackWitness) -> Iterator[str]:
    with served(witness.answer) as at:
        yield f"{at}/w"


def anchor_at(address: str, *, log: TrustedLog = TRUSTED, key: CosigningKey = WITNESS_KEY) -> Witness:
    return Witness("w1", Endpoint(address, timeout_s=5), keys=[key.verifier], log=log)


def test_a_checkpoint_is_cosigned_and_the_receipt_verified_without_asking(address: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    anchor: Anchor = anchor_at(address + "/")
    receipt = anchor.publish(LOG.submission(5))
    anchored = anchor_at("https://nobody.invalid").verify(Receipt.from_bytes(receipt.to_bytes()))
    assert (anchored.checkpoint, anchored.by) == (LOG.checkpoint(5), "witness.example/w1")
    assert anchored.at is not None
    assert before <= anchored.at <= datetime.now(UTC)
    assert (list(anchor.held()), anchor.newest(), anchor.keeps, anchor.holds(receipt)) == ([], None, False, False)


def test_each_next_one_is_proved_to_continue_the_last(witness: LoopbackWitness, address: str) -> None:
    anchor = anchor_at(address)
    for size in (5, 7, 300, 300, 600):
        anchor.publish(LOG.submission(size))
    assert [asked.split(" +")[0] for asked in witness.asked] == ["old 0", "old 5", "old 7", "old 300", "old 300"]
    assert [asked.endswith("+0") for asked in witness.asked] == [True, False, False, True, False]
    assert witness.size == 600


def test_who_does_not_know_what_it_holds_is_told(witness: LoopbackWitness, address: str) -> None:
    anchor_at(address).publish(LOG.submission(100))
    anchor_at(address).publish(LOG.submission(257))
    anchor_at(address).publish(LOG.submission(257))
    assert [asked.split(" +")[0] for asked in witness.asked] == ["old 0"] * 2 + ["old 100", "old 0", "old 257"]


def test_a_rewritten_log_is_refused(witness: LoopbackWitness, address: str) -> None:
    anchor_at(address).publish(LOG.submission(100))
    rewritten = Log("other", common=40)
    with pytest.raises(AnchorError, match="does not continue"):
        anchor_at(address).publish(rewritten.submission(200))
    with pytest.raises(AnchorError, match="two histories"):
        anchor_at(address).publish(rewritten.submission(100))
    assert witness.root == LOG.root(100)


def test_a_log_that_came_back_behind_it_is_refused(address: str) -> None:
    anchor = anchor_at(address)
    anchor.publish(LOG.submission(100))
    for again in (anchor, anchor_at(address)):
        with pytest.raises(AnchorError, match="has cosigned 100 entries, more than the 99"):
            again.publish(LOG.submission(99))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Log(key=SigningKey(ORIGIN, b"o" * 32)), "trusts none of the keys"),
        (
            Log(origin="else.example/agents~1", key=SigningKey("else.example/agents~1", b"k" * 32)),
            "does not know this log",
        ),
    ],
)
def test_what_it_does_not_know_is_a_matter_of_set_up(address: str, other: Log, message: str) -> None:
    trusted = TrustedLog(other.origin, (other.key.verifier,))
    with pytest.raises(ConfigurationError, match=message):
        anchor_at(address, log=trusted).publish(other.submission(5))


def test_cosignatures_of_others_are_dropped(witness: LoopbackWitness, address: str) -> None:
    other = CosigningKey("witness.example/w2", b"2" * 32)
    text = str(LOG.checkpoint(5))
    witness.extra = other.cosign(text, at=datetime.now(UTC)) + KEY.sign(text)
    receipt = anchor_at(address).publish(LOG.submission(5))
    assert receipt.proof.count(b"\n") == 1
    foreign = Receipt("w1", "witness", receipt.note, receipt.proof + witness.extra.encode())
    with pytest.raises(AnchorError, match="other signatures"):
        anchor_at(address).verify(foreign)
    with pytest.raises(AnchorError, match="no cosignature of a key that is trusted"):
        anchor_at(address, key=CosigningKey("witness.example/w3", b"3" * 32)).publish(LOG.submission(5))


def test_a_key_of_the_right_name_that_signed_something_else_is_rejected(witness: LoopbackWitness, address: str) -> None:
    witness.extra = WITNESS_KEY.cosign(str(LOG.checkpoint(6)), at=datetime.now(UTC))
    with pytest.raises(AnchorError, match="does not fit"):
        anchor_at(address).publish(LOG.submission(5))


def test_a_clock_that_is_ahead_is_noticed(witness: LoopbackWitness, address: str) -> None:
    witness.ahead = timedelta(hours=1)
    with pytest.raises(AnchorError, match="yet to come"):
        anchor_at(address).publish(LOG.submission(5))


def test_every_changed_byte_of_a_cosignature_is_rejected(address: str) -> None:
    anchor = anchor_at(address)
    receipt = anchor.publish(LOG.submission(5))
    changed = 0
    for at in range(len(receipt.proof)):
        for bits in (0x01, 0x20, 0x80):
            proof = bytearray(receipt.proof)
            proof[at] ^= bits
            with pytest.raises((AnchorError, NoteError)):
                anchor.verify(Receipt("w1", "witness", receipt.note, bytes(proof)))
            changed += 1
    assert changed == 3 * len(receipt.proof) > 300


def test_every_changed_byte_of_the_note_is_rejected(address: str) -> None:
    anchor = anchor_at(address)
    receipt = anchor.publish(LOG.submission(5))
    raw = receipt.note.encode()
    for at in range(len(raw)):
        note = (raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]).decode(errors="replace")
        with pytest.raises((AnchorError, NoteError)):
            anchor.verify(Receipt("w1", "witness", note, receipt.proof))


def test_a_receipt_is_of_one_anchor_and_one_checkpoint(address: str) -> None:
    anchor = anchor_at(address)
    first, second = (anchor.publish(LOG.submission(size)) for size in (5, 6))
    with pytest.raises(NoteError):
        anchor.verify(Receipt("w1", "witness", first.note, second.proof))
    for name, kind in (("w2", "witness"), ("w1", "timestamp")):
        with pytest.raises(AnchorError, match="none of the anchor"):
            anchor.verify(Receipt(name, kind, first.note, first.proof))  # type: ignore[arg-type]
    for proof in (b"", b"\n", first.proof + b"\n", first.proof[:-1], first.proof + first.proof[:-1], b"\xff"):
        with pytest.raises((AnchorError, NoteError)):
            anchor.verify(Receipt("w1", "witness", first.note, proof))


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (Answer(200, b"hello\n"), AnchorError),
        (Answer(200, b""), AnchorError),
        (Answer(200, b"\xff\xfe"), AnchorError),
        (Answer(200, b"x" * 10_000_000), AnchorError),
        (Answer(200, b"\xe2\x80\x94 a b\n" * 200), AnchorError),
        (Answer(200, b"\xe2\x80\x94 half", stated=5_000), UnavailableError),
        (Answer(409, b"6\n", {"Content-Type": "text/html"}), AnchorError),
        (Answer(409, b"06\n", {"Content-Type": "text/x.tlog.size"}), AnchorError),
        (Answer(409, b"9" * 30 + b"\n", {"Content-Type": "text/x.tlog.size"}), AnchorError),
        (Answer(409, b"0\n", {"Content-Type": "text/x.tlog.size"}), AnchorError),
        (Answer(301, b"", {"Location": "http://127.0.0.1:1/"}), ConfigurationError),
        (Answer(418), ConfigurationError),
        (Answer(429), UnavailableError),
        (Answer(500, b"<html>"), UnavailableError),
        (Answer(503), UnavailableError),
    ],
)
def test_hostile_and_failing_answers(given: Answer, error: type[UnbrokenError]) -> None:
    with served(lambda _: given) as address, pytest.raises(error):
        anchor_at(address).publish(LOG.submission(5))


def test_a_witness_that_always_moves_on_is_left_alone(witness: LoopbackWitness) -> None:
    sizes = iter(range(1, 100))

    def answer(_: Request) -> Answer:
        return Answer(409, f"{next(sizes)}\n".encode(), {"Content-Type": "text/x.tlog.size"})

    with served(answer) as address, pytest.raises(UnavailableError, match="moved on"):
        anchor_at(address).publish(LOG.submission(50))
    assert next(sizes) == 4


# ---- the format, beside what the specification says ----


def by_hand(text: str, seconds: int, *, name: str, secret: bytes) -> str:
    """A cosignature line, put together from the specification alone."""
    key = Ed25519PrivateKey.from_private_bytes(secret)
    key_id = hashlib.sha256(name.encode() + b"\n\x04" + key.public_key().public_bytes_raw()).digest()[:4]
    signature = key.sign(b"cosignature/v1\ntime " + str(seconds).encode() + b"\n" + text.encode())
    return f"\u2014 {name} {base64.b64encode(key_id + struct.pack('>Q', seconds) + signature).decode()}\n"


def test_a_cosignature_has_the_bytes_that_the_specification_says() -> None:
    text = str(LOG.checkpoint(5))
    line = by_hand(text, 1_679_315_147, name="witness.example/w1", secret=b"w" * 32)
    assert WITNESS_KEY.cosign(text, at=datetime.fromtimestamp(1_679_315_147, UTC)) == line
    (found,) = cosigned(text, parse(f"{text}\n{line}").signatures, [WITNESS_KEY.verifier])
    assert found.at == datetime(2023, 3, 20, 12, 25, 47, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [0, 2**63 - 1])
def test_a_time_that_is_none_is_rejected(seconds: int) -> None:
    text = str(LOG.checkpoint(5))
    line = by_hand(text, seconds, name="witness.example/w1", secret=b"w" * 32)
    with pytest.raises(NoteError, match="states no time"):
        cosigned(text, parse(f"{text}\n{line}").signatures, [WITNESS_KEY.verifier])


def test_a_note_s_own_signature_is_no_cosignature() -> None:
    text = str(LOG.checkpoint(5))
    plain = SigningKey("witness.example/w1", b"w" * 32)
    assert cosigned(text, parse(f"{text}\n{plain.sign(text)}").signatures, [WITNESS_KEY.verifier]) == []


def changed_texts() -> list[Callable[[str], str]]:
    return [
        lambda text: text.replace("+B", "+A"),
        lambda text: "other" + text,
        lambda text: text[:-1],
        lambda text: text + "=",
        lambda text: text.partition("+")[0],
        lambda _: "",
        lambda text: text.replace("+", "+0", 1),
        lambda text: text.replace("witness", "wit ness", 1),
    ]


@pytest.mark.parametrize("change", changed_texts())
def test_a_key_s_text_is_read_strictly(change: Callable[[str], str]) -> None:
    text = str(WITNESS_KEY.verifier)
    assert CosignerKey.from_text(text) == WITNESS_KEY.verifier
    with pytest.raises(ConfigurationError):
        CosignerKey.from_text(change(text))


def test_a_witness_without_keys_is_none() -> None:
    with pytest.raises(ConfigurationError, match="no key"):
        Witness("w1", Endpoint("https://witness.example"), keys=[], log=TRUSTED)

"""Checkpoints: one text for each and one for each text; whatever was touched after signing does not open."""

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.property.rfc6962 import leaf
from unbroken.core import note
from unbroken.core.checkpoint import Checkpoint, opened, signed
from unbroken.core.note import SigningKey
from unbroken.core.tree.hashing import EMPTY_ROOT
from unbroken.core.tree.tile import MAX_SIZE
from unbroken.errors import NoteError

ORIGIN = "clinic.example/agents~1"
KEY = SigningKey("clinic.example/agents", bytes(range(32)))
OTHER = SigningKey("other.example", bytes(range(1, 33)))
ROOT = leaf(1)
TEXT = f"{ORIGIN}\n7\n{base64.b64encode(ROOT).decode()}\n"
NOTE = signed(Checkpoint(ORIGIN, 7, ROOT, ("one more", "\u2014 and another")), KEY)

LINES = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters=[chr(c) for c in range(32)]), min_size=1
)
HASHES = st.binary(min_size=32, max_size=32)
CHECKPOINTS = st.builds(
    Checkpoint, LINES, st.integers(1, MAX_SIZE), HASHES, st.lists(LINES, max_size=4).map(tuple)
) | st.builds(Checkpoint, LINES, st.just(0), st.just(EMPTY_ROOT))


# ---- the text ----


def test_the_text_is_origin_size_and_root() -> None:
    assert str(Checkpoint(ORIGIN, 7, ROOT)) == TEXT
    assert Checkpoint.parse(TEXT) == Checkpoint(ORIGIN, 7, ROOT)


def test_the_specifications_example_is_read() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    checkpoint = Checkpoint.parse(text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    assert str(checkpoint) == text


@given(CHECKPOINTS)
@example(Checkpoint("a\u2028b\x7f\x85c", MAX_SIZE, ROOT, (" ", "\u2028", "\ufeff")))
def test_every_checkpoint_is_found_again_by_its_text(checkpoint: Checkpoint) -> None:
    assert Checkpoint.parse(str(checkpoint)) == checkpoint
    assert opened(signed(checkpoint, KEY), [KEY.verifier], origin=checkpoint.origin) == (checkpoint, [KEY.verifier])


@given(
    st.text(), st.text("0123456789+- \n\r\u0661", max_size=22), st.text("AB+/=\n ", max_size=46), st.text(max_size=3)
)
def test_a_text_that_is_taken_is_the_one_that_is_given(origin: str, size: str, root: str, end: str) -> None:
    right_root = base64.b64encode(ROOT).decode()
    for text in (
        f"{origin}\n7\n{right_root}\n", f"{ORIGIN}\n{size}\n{right_root}\n", f"{ORIGIN}\n7\n{root}\n",
        f"{ORIGIN}\n7\n{right_root}{end}", f"{ORIGIN}\n7\n{right_root}\n{end}\n", origin,
    ):  # fmt: skip
        try:
            checkpoint = Checkpoint.parse(text)
        except NoteError:
            continue
        assert str(checkpoint) == text


def test_no_shortened_text_is_taken_for_a_checkpoint() -> None:
    whole = str(Checkpoint(ORIGIN, 7, ROOT, ("more",)))
    taken = [whole[:end] for end in range(len(whole)) if is_checkpoint(whole[:end])]
    assert taken == [TEXT]


def is_checkpoint(text: str) -> bool:
    try:
        Checkpoint.parse(text)
    except NoteError:
        return False
    return True


@pytest.mark.parametrize("size", [-1, 2**63, 1.0, "7", None, True], ids=repr)
def test_what_is_no_size_makes_no_checkpoint(size: int) -> None:
    with pytest.raises(NoteError):
        Checkpoint(ORIGIN, size, ROOT)


@pytest.mark.parametrize("root", [b"", bytes(31), bytes(33), "a" * 32, bytearray(32), None], ids=repr)
def test_what_is_no_root_makes_no_checkpoint(root: bytes) -> None:
    with pytest.raises(NoteError):
        Checkpoint(ORIGIN, 7, root)


@pytest.mark.parametrize("line", ["", "a\nb", "a\r", "a\tb", "\x00", "\x1f", "\ud800"], ids=ascii)
def test_what_is_no_line_makes_no_checkpoint(line: str) -> None:
    for origin, extensions in ((line, ()), (ORIGIN, (line,)), (ORIGIN, ("more", line))):
        with pytest.raises(NoteError):
            Checkpoint(origin, 7, ROOT, extensions)


def test_a_tree_without_leaves_has_one_root() -> None:
    assert Checkpoint(ORIGIN, 0, EMPTY_ROOT).size == 0
    with pytest.raises(NoteError):
        Checkpoint(ORIGIN, 0, ROOT)


# ---- signed ----


def test_extensions_are_kept_and_signed() -> None:
    checkpoint, signers = opened(NOTE, [OTHER.verifier, KEY.verifier], origin=ORIGIN)
    assert checkpoint == Checkpoint(ORIGIN, 7, ROOT, ("one more", "\u2014 and another"))
    assert signers == [KEY.verifier]


def test_no_changed_bit_of_a_signed_checkpoint_goes_unseen() -> None:
    raw = NOTE.encode()
    for at in range(len(raw)):
        for bit in range(8):
            with pytest.raises(NoteError):
                opened(raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :], [KEY.verifier], origin=ORIGIN)


def test_no_cut_or_lengthened_note_opens() -> None:
    raw = NOTE.encode()
    for at in range(len(raw)):
        for wrong in (raw[:at], raw[:at] + raw[at + 1 :], raw[:at] + b"\n" + raw[at:]):
            with pytest.raises(NoteError):
                opened(wrong, [KEY.verifier], origin=ORIGIN)


@given(st.binary(max_size=200))
def test_whatever_is_offered_is_rejected_by_the_one_error(raw: bytes) -> None:
    for wrong in (raw, NOTE.encode() + raw, raw + NOTE.encode()):
        try:
            opened(wrong, [KEY.verifier], origin=ORIGIN)
        except NoteError:
            continue
        # More signatures, of keys that nobody knows, may follow: a witness adds them.
        assert wrong.startswith(NOTE.encode())


@pytest.mark.parametrize(
    "text", [TEXT.replace("\n7\n", "\n07\n"), TEXT + "\n", f"{ORIGIN}\n7\n", "a\n\nb\n", TEXT.replace("=", "")]
)
def test_a_signature_makes_no_checkpoint_of_another_text(text: str) -> None:
    with pytest.raises(NoteError):
        opened(note.signed(text, KEY), [KEY.verifier], origin=ORIGIN)


def test_nobody_is_trusted_who_was_not_named() -> None:
    for trusted in ([], [OTHER.verifier]):
        with pytest.raises(NoteError):
            opened(NOTE, trusted, origin=ORIGIN)


@pytest.mark.parametrize("origin", ["clinic.example/agents~2", "clinic.example/agents", "", ORIGIN + " "])
def test_a_checkpoint_of_another_log_is_rejected(origin: str) -> None:
    with pytest.raises(NoteError, match="of the log clinic"):
        opened(NOTE, [KEY.verifier], origin=origin)


def test_several_keys_sign_one_checkpoint() -> None:
    both = signed(Checkpoint(ORIGIN, 7, ROOT), KEY, OTHER)
    assert opened(both, [OTHER.verifier, KEY.verifier], origin=ORIGIN)[1] == [KEY.verifier, OTHER.verifier]
    assert opened(both, [OTHER.verifier], origin=ORIGIN)[1] == [OTHER.verifier]


def test_what_can_not_be_a_note_is_not_signed() -> None:
    with pytest.raises(NoteError, match="longer than"):
        signed(Checkpoint(ORIGIN, 7, ROOT, ("x" * 2**24,)), KEY)

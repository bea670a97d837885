"""The bytes of a sealed original: read strictly, bounded, and of few lengths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.errors import OriginalError
from unbroken.privacy.vault.keys import SEALED_SHARE_BYTES, id_bytes, id_text, is_key_id
from unbroken.privacy.vault.layout import MAX_CONTENT_BYTES, MAX_KEYS, TAG_BYTES, head_of, keys_needed, parse
from unbroken.privacy.vault.padding import SHORTEST, padded, padded_length, unpadded

BODY = bytes(SHORTEST + TAG_BYTES)


def box(number: int) -> tuple[str, bytes]:
    return id_text(bytes([number]) * 16), bytes([number]) * SEALED_SHARE_BYTES


def laid_out(*numbers: int, body: bytes = BODY, stated: int | None = None) -> bytes:
    """By hand, since :func:`head_of` would put the boxes into order."""
    boxes = b"".join(id_bytes(key_id) + share for key_id, share in map(box, numbers))
    length = (len(body) if stated is None else stated).to_bytes(4, "big")
    return b"UBO\x01" + bytes([len(numbers)]) + boxes + length + body


@pytest.mark.parametrize("count", [1, 2, MAX_KEYS])
def test_what_is_laid_out_is_taken_apart(count: int) -> None:
    shares = dict(map(box, range(count)))
    head = head_of(dict(reversed(shares.items())), body_length=len(BODY))
    assert head + BODY == laid_out(*range(count))
    parsed = parse(head + BODY)
    assert (parsed.head, dict(parsed.shares), parsed.body) == (head, shares, BODY)
    assert keys_needed(head + BODY) == tuple(shares)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"U",
        b"UBO",
        b"UBO\x01",
        laid_out(1)[:-1],
        laid_out(1) + b"\x00",
        laid_out(),
        laid_out(*range(MAX_KEYS + 1)),
        laid_out(2, 1),
        laid_out(1, 1),
        laid_out(1, 2, 1),
        laid_out(1, body=BODY[:-1]),
        laid_out(1, body=b""),
        laid_out(1, stated=len(BODY) - 1),
        laid_out(1, stated=2**32 - 1),
        b"UBO\x00" + laid_out(1)[4:],
        b"UBO\x02" + laid_out(1)[4:],
        b"XBO\x01" + laid_out(1)[4:],
        b"UBO\x01\xff" + laid_out(1)[5:],
        bytes(5000),
    ],
)
def test_any_other_layout_is_refused(raw: bytes) -> None:
    with pytest.raises(OriginalError):
        parse(raw)


def test_an_unknown_version_is_named_as_such() -> None:
    with pytest.raises(OriginalError, match="version"):
        parse(b"UBO\x02" + laid_out(1)[4:])
    with pytest.raises(OriginalError, match="no sealed original"):
        parse(b"PK\x03\x04" + laid_out(1)[4:])


def test_a_body_over_the_bound_is_refused() -> None:
    most = padded_length(MAX_CONTENT_BYTES + 1) + TAG_BYTES
    assert len(parse(laid_out(1, body=bytes(most))).body) == most
    with pytest.raises(OriginalError):
        parse(laid_out(1, body=bytes(most + 1)))


# ---- padding ----


@given(st.binary(max_size=5000) | st.integers(0, 200_000).map(bytes))
def test_what_is_padded_comes_back(content: bytes) -> None:
    assert unpadded(padded(content)) == content
    assert len(padded(content)) == padded_length(len(content) + 1)


@given(st.integers(SHORTEST + 1, MAX_CONTENT_BYTES + 1))
def test_padding_costs_at_most_an_eighth_and_is_final(length: int) -> None:
    longer = padded_length(length)
    assert length <= longer <= length * 1.12
    assert padded_length(longer) == longer


def test_there_are_few_lengths() -> None:
    lengths = {padded_length(length) for length in range(1, 2**16 + 1)}
    assert min(lengths) == SHORTEST
    assert len(lengths) < 128
    # Padmé of these, worked out by hand from its definition.
    assert [padded_length(length) for length in (513, 1000, 1025, 1500, 65_537)] == [544, 1024, 1088, 1536, 67_584]


@given(st.binary(max_size=2000))
def test_only_what_was_padded_is_unpadded(raw: bytes) -> None:
    content = unpadded(raw)
    assert content is None or padded(content) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x80",
        b"a\x80\x01".ljust(SHORTEST, b"\x00"),
        bytes(SHORTEST),
        b"a\x80" + bytes(SHORTEST),
        b"a\x80".ljust(SHORTEST - 1, b"\x00"),
        b"a".ljust(SHORTEST, b"b"),
    ],
)
def test_other_padding_is_refused(raw: bytes) -> None:
    assert unpadded(raw) is None


# ---- ids ----


@given(st.binary(min_size=16, max_size=16))
def test_an_id_has_two_forms(raw: bytes) -> None:
    assert id_bytes(id_text(raw)) == raw
    assert is_key_id(id_text(raw))


@pytest.mark.parametrize("text", ["", "v-", "p-" + "0" * 32, "v-" + "0" * 31, "v-" + "A" * 32, "v-" + "0" * 32 + "\n"])
def test_what_is_no_id_is_told(text: str) -> None:
    assert not is_key_id(text)

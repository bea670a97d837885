"""Originals: they open with all their keys, at their place, and as what was committed to; or not at all."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.vaulted import DANA, KIM, LEE, ORIGINAL, OTHER, PLACE, another_place, ring
from unbroken.core.canonical import canonical
from unbroken.core.normalise import Json
from unbroken.errors import ConfigurationError, InvalidEventError, KeyMissingError, OriginalError, TooLargeError
from unbroken.privacy.vault import originals
from unbroken.privacy.vault.keys import PrivateKey
from unbroken.privacy.vault.layout import MAX_CONTENT_BYTES, keys_needed
from unbroken.privacy.vault.originals import SealedOriginal, matches, open_original, seal
from unbroken.privacy.vault.place import Place

PEOPLE = (DANA, LEE, KIM)
KEPT = Path(__file__).with_name("vault_version_1.json")

scalars = (
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(exclude_categories=["Cs"]))
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("aé0 "), inner, max_size=4)
)


def sealed(*people: PrivateKey, original: dict[str, Json] = ORIGINAL, place: Place = PLACE) -> SealedOriginal:
    return seal(original, keys=[key.public for key in people], place=place)


def opened(
    it: SealedOriginal, *people: PrivateKey, place: Place = PLACE, commitment: str | None = None
) -> dict[str, Json]:
    return open_original(it.ciphertext, private_keys=ring(people), place=place, commitment=commitment or it.commitment)


def changed(it: SealedOriginal, at: int, flip: int = 1) -> SealedOriginal:
    raw = bytearray(it.ciphertext)
    raw[at] ^= flip
    return SealedOriginal(it.commitment, bytes(raw))


# ---- what opens ----


@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_original_opens_with_all_its_keys(count: int) -> None:
    people = PEOPLE[:count]
    it = sealed(*people)
    assert opened(it, *people) == ORIGINAL
    assert opened(it, *reversed(PEOPLE), OTHER) == ORIGINAL


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["inputs", "outputs", "details", "event"]), values, min_size=1),
    st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=5),
)
def test_whatever_was_sealed_is_what_opens_and_matches(original: dict[str, Json], people: list[PrivateKey]) -> None:
    it = sealed(*people, original=original)
    found = opened(it, *people)
    assert canonical(found) == canonical(original)
    assert keys_needed(it.ciphertext) == tuple(sorted({key.id for key in people}))
    arguments = {"private_keys": ring(people), "place": PLACE, "commitment": it.commitment}
    assert matches(it.ciphertext, dict(original), **arguments)  # type: ignore[arg-type]


def test_the_order_and_number_of_mentions_of_a_key_mean_nothing() -> None:
    one, other = sealed(DANA, LEE), sealed(LEE, DANA, LEE)
    assert keys_needed(one.ciphertext) == keys_needed(other.ciphertext)
    assert len(one.ciphertext) == len(other.ciphertext)
    assert opened(other, DANA, LEE) == ORIGINAL


def test_sixteen_people_may_be_concerned_and_no_more() -> None:
    many = [PrivateKey(bytes([number]) * 32) for number in range(100, 117)]
    it = sealed(*many[:16])
    assert opened(it, *many) == ORIGINAL
    with pytest.raises(KeyMissingError):
        opened(it, *many[1:])
    with pytest.raises(TooLargeError):
        sealed(*many)


def test_sealing_twice_has_nothing_in_common() -> None:
    one, other = sealed(DANA), sealed(DANA)
    assert one.commitment != other.commitment
    head = 5 + 16
    assert one.ciphertext[:head] == other.ciphertext[:head]
    same = sum(a == b for a, b in zip(one.ciphertext[head:], other.ciphertext[head:], strict=True))
    assert same < len(one.ciphertext) / 32


def test_an_incarnation_changes_nothing() -> None:
    it = sealed(DANA, place=Place("a/b~1", PLACE.event_id))
    assert opened(it, DANA, place=Place("a/b~7", PLACE.event_id)) == ORIGINAL


def test_nothing_of_what_was_said_shows() -> None:
    it = sealed(DANA)
    for secret in ("Dana", "Müller", "1234567", "inputs"):
        assert secret.encode() not in it.ciphertext
        assert secret not in repr(it)
    assert "ciphertext" not in repr(it)


@pytest.mark.parametrize("answer", ["yes", "no", "", "x" * 300])
def test_short_answers_can_not_be_told_apart_by_length(answer: str) -> None:
    assert len(sealed(DANA, original={"outputs": answer}).ciphertext) == len(
        sealed(DANA, original={"inputs": 1}).ciphertext
    )


def test_the_largest_original_opens() -> None:
    room = MAX_CONTENT_BYTES - 32 - len('{"inputs":""}')
    text = "x" * room
    it = sealed(DANA, original={"inputs": text})
    assert opened(it, DANA) == {"inputs": text}
    with pytest.raises(TooLargeError):
        sealed(DANA, original={"inputs": text + "x"})


def test_what_version_1_sealed_opens_for_ever() -> None:
    """Bytes that were kept: a change of the format has to become another version."""
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    people = [PrivateKey(bytes.fromhex(seed)) for seed in kept["seeds"]]
    assert [key.id for key in people] == kept["key_ids"]
    it = SealedOriginal(kept["commitment"], bytes.fromhex(kept["ciphertext"]))
    assert opened(it, *people, place=Place(kept["log"], kept["event_id"])) == kept["original"]


# ---- what does not ----


@pytest.mark.parametrize("gone", range(3))
def test_without_one_of_its_keys_an_original_is_gone(gone: int) -> None:
    it = sealed(*PEOPLE)
    left = [key for number, key in enumerate(PEOPLE) if number != gone]
    with pytest.raises(KeyMissingError) as missing:
        opened(it, *left, OTHER)
    assert missing.value.key_ids == (PEOPLE[gone].id,)


def test_another_key_under_the_id_opens_nothing() -> None:
    it = sealed(DANA, LEE)
    keys = {DANA.id: DANA, LEE.id: OTHER}
    with pytest.raises(OriginalError):
        open_original(it.ciphertext, private_keys=keys, place=PLACE, commitment=it.commitment)


@pytest.mark.parametrize(
    "place", [another_place(), Place("clinic.example/other", PLACE.event_id), Place("clinic.example", PLACE.event_id)]
)
def test_an_original_opens_at_its_place_alone(place: Place) -> None:
    with pytest.raises(OriginalError):
        opened(sealed(DANA), DANA, place=place)


def test_every_changed_byte_is_seen() -> None:
    it = sealed(DANA, LEE)
    for at in range(len(it.ciphertext)):
        with pytest.raises(OriginalError):
            opened(changed(it, at), DANA, LEE, OTHER)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_other_bytes_open(data: st.DataObject) -> None:
    it = sealed(DANA)
    at = data.draw(st.integers(0, len(it.ciphertext) - 1))
    cut = data.draw(st.integers(at, len(it.ciphertext)))
    put = data.draw(st.binary(max_size=40))
    other = it.ciphertext[:at] + put + it.ciphertext[cut:]
    if other != it.ciphertext:
        with pytest.raises(OriginalError):
            opened(SealedOriginal(it.commitment, other), DANA)


@given(st.binary(max_size=3000))
def test_noise_does_not_open(noise: bytes) -> None:
    for raw in (noise, b"UBO\x01" + noise):
        with pytest.raises(OriginalError):
            opened(SealedOriginal("0" * 64, raw), DANA)


def test_shares_and_bodies_of_two_originals_can_not_be_mixed() -> None:
    one, other = sealed(DANA), sealed(DANA, original={"outputs": "other"})
    cut = 5 + 16 + 1168
    for mixed in (one.ciphertext[:cut] + other.ciphertext[cut:], other.ciphertext[:cut] + one.ciphertext[cut:]):
        for commitment in (one.commitment, other.commitment):
            with pytest.raises(OriginalError):
                opened(SealedOriginal(commitment, mixed), DANA)


def test_an_original_for_fewer_people_can_not_be_made_of_one_for_more() -> None:
    it = sealed(DANA, LEE)
    first, second = it.ciphertext[5:1189], it.ciphertext[1189:2373]
    for box in (first, second):
        fewer = b"UBO\x01\x01" + box + it.ciphertext[2373:]
        with pytest.raises(OriginalError):
            opened(SealedOriginal(it.commitment, fewer), DANA, LEE)


def test_another_commitment_is_seen() -> None:
    it = sealed(DANA)
    for commitment in (sealed(DANA).commitment, it.commitment.upper(), "", "0" * 64):
        with pytest.raises(OriginalError):
            open_original(it.ciphertext, private_keys=ring([DANA]), place=PLACE, commitment=commitment)


def test_no_message_quotes_what_was_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(originals, "canonical", lambda _: b'{"inputs":"Dana Mueller"')
    it = sealed(DANA)
    with pytest.raises(OriginalError) as refused:
        opened(it, DANA)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert "Mueller" not in str(refused.value)


def test_what_nests_too_deeply_or_is_no_object_is_refused_on_opening(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (b'{"inputs":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"[]", b"1", b"\xff"):
        monkeypatch.setattr(originals, "canonical", lambda _, text=text: text)
        it = sealed(DANA)
        with pytest.raises(OriginalError):
            opened(it, DANA)


def test_wrong_padding_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(originals, "padded", lambda content: content.ljust(512, b"\x00"))
    it = sealed(DANA)
    with pytest.raises(OriginalError):
        opened(it, DANA)


# ---- what can't be sealed ----


def test_without_a_key_nothing_is_sealed() -> None:
    with pytest.raises(ConfigurationError):
        sealed()


@pytest.mark.parametrize("original", [{}, {"inputs": 1, "secrets": 2}, {"": 1}])
def test_an_original_has_the_parts_of_an_event(original: dict[str, Json]) -> None:
    with pytest.raises(InvalidEventError):
        sealed(DANA, original=original)


def test_what_json_can_not_hold_is_refused_without_saying_it() -> None:
    with pytest.raises(InvalidEventError) as refused:
        sealed(DANA, original={"inputs": "Dana\ud800"})
    assert "Dana" not in str(refused.value)


@pytest.mark.parametrize(
    ("log", "event_id"),
    [
        ("", PLACE.event_id),
        ("~1", PLACE.event_id),
        ("x" * 1025, PLACE.event_id),
        ("a", "1"),
        ("a", PLACE.event_id.upper().replace("0", "A")),
    ],
)
def test_what_is_no_place_is_refused(log: str, event_id: str) -> None:
    with pytest.raises(ConfigurationError):
        Place(log, event_id)


def test_no_two_places_are_bound_alike() -> None:
    bound = {
        place.bound(purpose, *details)
        for place in (PLACE, another_place(), Place("a", PLACE.event_id), Place("ab", PLACE.event_id))
        for purpose in (b"a", b"ab")
        for details in ((), (b"",), (b"", b""), (b"a", b"b"), (b"ab",), (b"", b"ab"))
    }
    assert len(bound) == 4 * 2 * 6


# ---- was exactly this sent? ----


def test_matching_tells_one_part_or_the_whole_and_nothing_else() -> None:
    it = sealed(DANA)

    def match(value: Json, part: str | None = None) -> bool:
        return matches(
            it.ciphertext, value, part=part, private_keys=ring([DANA]), place=PLACE, commitment=it.commitment
        )

    assert match(dict(reversed(ORIGINAL.items())))
    assert match("Blood type 0+", "outputs")
    assert match(ORIGINAL["event"], "event")
    assert not match("Blood type 0", "outputs")
    assert not match("Blood type 0+")
    assert not match({**ORIGINAL, "outputs": "Blood type 0-"})
    assert not match("Blood type 0+", "inputs")
    assert not match(None, "details")
    with pytest.raises(InvalidEventError):
        match(1, "secrets")
    with pytest.raises(InvalidEventError):
        match("\ud800")


def test_matching_takes_the_keys_and_the_right_entry() -> None:
    it = sealed(DANA)
    with pytest.raises(KeyMissingError):
        matches(it.ciphertext, 1, private_keys={}, place=PLACE, commitment=it.commitment)
    with pytest.raises(OriginalError):
        matches(it.ciphertext, dict(ORIGINAL), private_keys=ring([DANA]), place=PLACE, commitment="0" * 64)

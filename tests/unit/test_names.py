"""Names under a log's key: vectors that were computed apart from the code, and what opens and what doesn't."""

import hashlib
import hmac
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.keyed import LogKey
from unbroken.errors import ConfigurationError, InvalidEventError, TooLargeError
from unbroken.privacy.names import MAX_NAME_BYTES, Names, spelling
from unbroken.privacy.pseudonyms import is_pseudonym, new_pseudonym

KEY = LogKey("1", bytes(range(32)))
NAMES = Names.under(KEY, log="clinic.example/agents")
PSEUDONYM = "p-000102030405060708090a0b0c0d0e0f"

# Made by other programs: lookups are two runs of `openssl dgst -mac HMAC`, the sealed name is Node's aes-256-gcm with
# the nonce 00…0b.
LOOKUPS = [
    ("dana", "4148c4fc45c2efb986935107a17cf568183add33393a3cc7765c7bb0d220d658"),
    ("Zoë Müller", "9b6dd60dfe6da564695ed16b72e08f83e2085c7f8d0bd627acbcb6ba6affbad1"),
    ("dana@clinic.example", "3677fba02b5aeceb47e3465daa327e84224ee62390f3f0532b5ff0907270de94"),
]
SEALED = "01000102030405060708090a0b55f3d332ea5f6c18301ae790cfd32f8c1794c6931e93f08c42837b12"

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100).filter(
    lambda name: bool(name.strip())
)


@pytest.mark.parametrize(("name", "expected"), LOOKUPS)
def test_a_lookup_is_what_the_vectors_say(name: str, expected: str) -> None:
    assert NAMES.lookup(name).hex() == expected


def test_a_name_sealed_elsewhere_opens() -> None:
    assert NAMES.open(bytes.fromhex(SEALED), PSEUDONYM) == "Zoë Müller"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dana", "  dana\t"),
        ("Zoë", unicodedata.normalize("NFD", "Zoë")),
        ("dana@clinic.example", " Dana@Clinic.EXAMPLE "),
        ("Ünal@straße.example", "ünal@STRASSE.example"),
    ],
)
def test_spellings_of_one_name_have_one_lookup(one: str, other: str) -> None:
    assert NAMES.lookup(one) == NAMES.lookup(other)


@pytest.mark.parametrize(("one", "other"), [("dana", "Dana"), ("dana x", "danax"), ("a@b c", "A@b c"), ("a", "á")])
def test_different_names_have_different_lookups(one: str, other: str) -> None:
    assert NAMES.lookup(one) != NAMES.lookup(other)


@given(text)
def test_a_spelling_is_final(name: str) -> None:
    assert spelling(spelling(name)) == spelling(name)


@given(st.from_regex(r"[^@\s]{1,8}@[^@\s]{1,8}", fullmatch=True))
def test_an_address_has_one_spelling_in_every_case(address: str) -> None:
    assert spelling(spelling(address)) == spelling(address)
    if address.isascii():
        assert spelling(address.upper()) == spelling(address) == address.lower()


@given(text)
def test_a_sealed_name_opens_for_its_pseudonym_alone(name: str) -> None:
    sealed = NAMES.seal(name, PSEUDONYM)
    assert NAMES.open(sealed, PSEUDONYM) == unicodedata.normalize("NFC", name).strip()
    assert NAMES.lookup(NAMES.open(sealed, PSEUDONYM)) == NAMES.lookup(name)
    with pytest.raises(ConfigurationError):
        NAMES.open(sealed, "p-" + "f" * 32)


@given(text, st.data())
def test_a_changed_byte_opens_nothing(name: str, data: st.DataObject) -> None:
    sealed = bytearray(NAMES.seal(name, PSEUDONYM))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ConfigurationError):
        NAMES.open(bytes(sealed), PSEUDONYM)


@pytest.mark.parametrize("length", range(30))
def test_a_cut_text_opens_nothing(length: int) -> None:
    with pytest.raises(ConfigurationError):
        NAMES.open(NAMES.seal("dana", PSEUDONYM)[:length], PSEUDONYM)


def test_a_name_is_bound_to_its_log_and_key() -> None:
    sealed = NAMES.seal("dana", PSEUDONYM)
    for others in (
        Names.under(KEY, log="clinic.example/other"),
        Names.under(LogKey("1", bytes(32)), log="clinic.example/agents"),
    ):
        with pytest.raises(ConfigurationError):
            others.open(sealed, PSEUDONYM)


def test_an_incarnation_changes_nothing() -> None:
    assert Names.under(KEY, log="clinic.example/agents~7") == NAMES


def test_sealing_twice_gives_different_bytes_that_hold_no_name() -> None:
    one, other = NAMES.seal("dana", PSEUDONYM), NAMES.seal("dana", PSEUDONYM)
    assert one != other
    assert b"dana" not in one + other


def test_the_three_uses_of_a_log_key_are_apart() -> None:
    digests = {
        hmac.digest(KEY.secret, b"dana", "sha256"),
        NAMES.lookup("dana"),
        hmac.digest(hmac.digest(KEY.secret, b"unbroken identity name", "sha256"), b"dana", "sha256"),
        hashlib.sha256(b"dana").digest(),
    }
    assert len(digests) == 4


def test_secrets_are_not_shown() -> None:
    assert "key" not in repr(NAMES)
    assert repr(NAMES) == "Names(origin='clinic.example/agents')"


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\u2003"])
def test_a_blank_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidEventError):
        NAMES.lookup(name)


def test_what_is_no_text_is_refused_without_saying_it() -> None:
    with pytest.raises(InvalidEventError) as refused:
        NAMES.lookup("dana\ud800")
    assert "dana" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_a_long_name_is_refused() -> None:
    assert NAMES.lookup("ü" * (MAX_NAME_BYTES // 2))
    with pytest.raises(TooLargeError):
        NAMES.lookup("ü" * (MAX_NAME_BYTES // 2) + "a")


def test_pseudonyms_are_random_and_known_by_their_form() -> None:
    made = {new_pseudonym() for _ in range(100)}
    assert len(made) == 100
    assert all(map(is_pseudonym, made))


@pytest.mark.parametrize(
    "other", ["p-" + "a" * 31, "p-" + "A" * 32, "p:" + "a" * 64, f"{PSEUDONYM}\n", f"x{PSEUDONYM}", ""]
)
def test_other_texts_are_no_pseudonyms(other: str) -> None:
    assert not is_pseudonym(other)

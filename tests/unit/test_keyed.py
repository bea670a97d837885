"""Keyed hashes and key files."""

import hashlib
import hmac

import pytest

from unbroken.core.keyed import LogKey, is_keyed_hash
from unbroken.errors import ConfigurationError


def test_a_keyed_hash_is_an_hmac_of_the_canonical_text() -> None:
    key = LogKey("2", bytes(range(32)))
    digest = hmac.new(bytes(range(32)), b'{"a":1,"b":"x"}', hashlib.sha256).hexdigest()
    assert key.hash({"b": "x", "a": 1}) == f"k2:{digest}"
    assert is_keyed_hash(key.hash("text"))


def test_equal_values_match_only_under_one_key() -> None:
    one, other = LogKey.generate(), LogKey.generate()
    assert one.hash("prompt") == one.hash("prompt") != other.hash("prompt")


def test_a_key_file_keeps_retired_keys_above_the_present_one() -> None:
    old, new = LogKey.generate("1"), LogKey.generate("2")
    assert LogKey.from_text(old.to_text() + new.to_text()) == new


@pytest.mark.parametrize("text", ["", "1", "1 zz", "1 " + "00" * 31, "UPPER " + "00" * 32, "a b c"])
def test_what_is_no_key_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        LogKey.from_text(text)


def test_the_secret_is_not_shown() -> None:
    key = LogKey.generate()
    assert key.secret.hex() not in repr(key)
    assert repr(key.secret) not in repr(key)

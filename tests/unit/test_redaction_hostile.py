"""Input that wants to get past, or to keep the scanner busy: all of it is masked, in time by its length alone."""

import base64
import gzip
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.redacting import CARD, found, kinds, masked, redactor
from unbroken.privacy.redaction.profiles import BALANCED, HIPAA, STRICT, Profile

FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
DEVANAGARI = str.maketrans("0123456789", "०१२३४५६७८९")
BOLD = {ord(str(digit)): 0x1D7CE + digit for digit in range(10)}
CIRCLED = {ord(str(digit)): 0x2460 + digit - 1 if digit else 0x24EA for digit in range(10)}
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

CARDS = [
    CARD.translate(FULL_WIDTH),
    CARD.translate(ARABIC),
    CARD.translate(DEVANAGARI),
    CARD.translate(BOLD),
    CARD.translate(CIRCLED),
    CARD.translate(SUPERSCRIPT),
    "\ufe0f\u20e3".join(CARD) + "\ufe0f\u20e3",
    "\u200b".join(CARD),
    "\u0301".join(CARD),
    "\u00ad".join(CARD),
    "\u3164".join(CARD),
    "\u2060".join(CARD),
    "\u202e" + CARD[::-1] + "\u202c",
    "4O12 8888 8888 l88l",
    "4012B88888881BB1",
    "four zero one two eight eight eight eight eight eight eight eight one eight eight one",
    "four-zero-one-two double eight double eight double eight double eight one double eight one",
    *(mark.join(("4012", "8888", "8888", "1881")) for mark in "_,:|./\t\n\r\u00a0-–— "),
    " ".join(CARD),
    "-".join(CARD),
    "_".join(CARD),
    " ".join(CARD[at : at + 2] for at in range(0, 16, 2)),
    "4012-8888 8888.1881",
    "4012 - 8888 - 8888 - 1881",
    f"order 12 {CARD} 99",
    f"1:{CARD} 2:{CARD}",
    f"card{CARD}",
    f"pan_{CARD}",
    f"x\x00{CARD}\x00y",
    f"\ud800{CARD}\udfff",
    "".join(f"%{ord(digit):02x}" for digit in CARD),
    "".join(f"&#{ord(digit)};" for digit in CARD),
    "".join(f"&#x{ord(digit):x};" for digit in CARD),
    "".join(f"\\u{ord(digit):04x}" for digit in CARD),
    "".join(f"\\x{ord(digit):02x}" for digit in CARD),
    "line\\n" + CARD,
    base64.b64encode(f"pay with {CARD} now".encode()).decode(),
    base64.urlsafe_b64encode(f"pay with {CARD} now??>>".encode()).decode(),
    base64.b64encode(base64.b64encode(f"pay with {CARD} now".encode())).decode(),
    base64.b64encode(gzip.compress(f"pay with {CARD} now".encode(), mtime=0)).decode(),
    base64.b64encode(f"pay with {CARD}".encode("utf-16")).decode(),
    f"pay with {CARD}".encode().hex(),
    f"pay with {CARD}".encode().hex().upper(),
    f"pay with {CARD}".encode().hex(" "),
    f"pay with {CARD}".encode("utf-16-le").hex(),
    json.dumps({"a": json.dumps({"b": CARD})}),
    '{"a": "' + CARD + '", "a": "x"}',
    f'broken {{"a": "{CARD}"',
]


@pytest.mark.parametrize("text", CARDS)
def test_a_disguised_card_is_masked(text: str) -> None:
    for value in (text, f"please take {text} for it"):
        if value.startswith("please") and "\u202e" in value:
            continue
        result = masked(value)
        assert isinstance(result, str)
        assert result.count("[") >= 1
        assert "8888" not in result
        assert sum(letter.isdigit() for letter in _without_placeholders(result)) <= 8


def _without_placeholders(text: str) -> str:
    import re

    return re.sub(r"\[[A-Z_]+:k7:[0-9a-f]{32}\]", "", text)


EMAILS = [
    "jane[at]example.com",
    "jane (at) example (dot) com",
    "jane [at] example [dot] com",
    "jane at example dot com",
    "jane%40example.com",
    "jane%2540example.com",
    "jane&#64;example.com",
    "jane&commat;example&period;com",
    "jane\\u0040example.com",
    "jane @ example.com",
    "jane.doe @example.com",
    "jane＠example.com",
    "jane@exam\u200bple.com",
    '"jane doe"@example.com',
    "jane@bücher.de",
    "jаne@example.com",
    "JANE@EXAMPLE.COM",
    "<jane@example.com>",
    "mailto:jane@example.com?subject=x",
    "jane{at}example.com",
    "jane(@)example.com",
    base64.b64encode(b"write to jane@example.com").decode(),
]


@pytest.mark.parametrize("text", EMAILS)
def test_a_disguised_address_is_masked(text: str) -> None:
    assert "EMAIL_ADDRESS" in kinds(f"please write to {text} about it")


def test_defanged_addresses() -> None:
    assert kinds("from 81[.]92[.]3[.]200") == {"IP_ADDRESS"}
    assert kinds("from 81.92.3[.]200") == {"IP_ADDRESS"}
    assert kinds("from 81(.)92(.)3(.)200") == {"IP_ADDRESS"}


@pytest.mark.parametrize(
    "value",
    [
        ["4012", "8888", "8888", "1881"],
        {"a": "4012", "b": "8888", "c": "8888", "d": "1881"},
        [int(digit) for digit in CARD],
        list(CARD),
        [4012, 8888, 8888, 1881],
        {"parts": ["4012-8888", "8888-1881"]},
    ],
)
def test_a_number_cut_up_is_masked_in_every_piece(value: object) -> None:
    result = json.dumps(masked(value))
    assert "4012" not in result
    assert "1881" not in _without_placeholders(result)
    assert "CREDIT_CARD" in result


@pytest.mark.parametrize("number", [4012888888881881, 4012888888881881.0, "4012888888881881.0"])
def test_a_card_as_a_number_is_masked(number: object) -> None:
    assert "CREDIT_CARD" in str(masked({"n": number}))


def test_ssn_with_odd_separators() -> None:
    for mark in "_,:|/\t\n":
        assert kinds(mark.join(("078", "05", "1123"))) == {"US_SSN"}, mark
    assert kinds("SSN078051123") == {"US_SSN"}


def test_connection_strings_keys_and_tokens() -> None:
    pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\nabc\n-----END RSA PRIVATE KEY-----"
    assert found(f"key {pem} end") == [("PRIVATE_KEY", pem)]
    assert found("-----BEGIN PRIVATE KEY-----\nMIIE cut off")[0][0] == "PRIVATE_KEY"
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
    assert found(f"Authorization: Bearer {jwt}") == [("JWT", jwt)]
    assert ("PASSWORD", "Tr0ub4dor") in found("Server=db;User Id=app;Password=Tr0ub4dor;")


# ---- two ways in which such scanners went wrong ----


def test_a_finding_that_begins_between_values_is_cut_not_dropped() -> None:
    """A pattern of the operator's may take the blank before a value: what of it lies in the value is masked."""
    from unbroken.privacy.redaction.finding import Found
    from unbroken.privacy.redaction.profiles import BALANCED as PROFILE
    from unbroken.privacy.redaction.walk import Node, Walk

    front = redactor(PROFILE)
    walk = Walk(front._means.read_key, most_letters=1000)
    walk.part(Node({"a": "secret"}, None, ""), "a", {"x": "first", "y": "second"})
    start = walk.text().index("second")
    placed = front._placed(Found(start - 1, start + 3, "X", "x"), walk)
    assert [(leaf.key, begin, end) for _, leaf, begin, end in placed] == [("y", 0, 3)]


@pytest.mark.parametrize("before", [5, 50, 500, 5000])
def test_any_number_of_digit_groups_before_it_hides_nothing(before: int) -> None:
    for filler in ("12345 ", "1234 ", "777-", "1.5 ", "1 "):
        result = masked(filler * before + CARD)
        assert CARD not in str(result), filler


# ---- time ----


def nested(text: str, times: int) -> str:
    raw = text.encode()
    for _ in range(times):
        raw = base64.b64encode(raw)
    return raw.decode()


GROWING: dict[str, Callable[[int], str]] = {
    "digits": lambda n: "4" * n,
    "digits apart": lambda n: "4 " * (n // 2),
    "digits in pairs": lambda n: "40-" * (n // 3),
    "digits in fours": lambda n: "4444-" * (n // 5),
    "at": lambda n: "@" * n,
    "at and letters": lambda n: "a@" * (n // 2),
    "dots": lambda n: "a." * (n // 2),
    "long domains": lambda n: ("x@" + "a." * 120) * (n // 242),
    "colons": lambda n: "::1 " * (n // 4),
    "versions": lambda n: "1." * (n // 2),
    "schemes": lambda n: "a://u:p" * (n // 7),
    "tokens": lambda n: ("eyJ" + "a" * 20 + ".") * (n // 24),
    "begins": lambda n: "-----BEGIN PRIVATE KEY-----" * (n // 27),
    "passwords": lambda n: "password is " * (n // 12),
    "quotes": lambda n: '"ssn":"' * (n // 7),
    "elements": lambda n: "<ab " * (n // 4),
    "escapes": lambda n: "%25" * (n // 3),
    "entities": lambda n: "&#64;" * (n // 5),
    "nested base64": lambda n: nested("x" * (n // 32), 12),
    "base64": lambda n: base64.b64encode(b"hello world " * (n // 16)).decode(),
    "hex": lambda n: "61 " * (n // 3),
    "right to left": lambda n: "\u202e1234567" * (n // 8),
    "invisible": lambda n: "4\u200b" * (n // 2),
    "full width": lambda n: "４" * n,
    "digit words": lambda n: "four " * (n // 5),
    "phones": lambda n: "phone 12345678 " * (n // 15),
    "passports": lambda n: "passport A1234567 " * (n // 18),
    "births": lambda n: "born " + "1/1/1990 " * (n // 9),
    "ibans": lambda n: "GB29 " * (n // 5),
    "placeholders": lambda n: "[EMAIL:k7:abcdefghijklmnop]" * (n // 27),
    "braces": lambda n: '{"a":' * (n // 5),
    "brackets": lambda n: "[" * n,
    "months": lambda n: "may 1 " * (n // 6),
    "disguised": lambda n: "a [at] " * (n // 7),
    "mixed": lambda n: "A1" * (n // 2),
    "marks in passwords": lambda n: "password=" + "a," * (n // 2),
    "many passwords": lambda n: "password=a,b" * (n // 12),
    "commas and lines": lambda n: "a,b\n" * (n // 4),
    "rows": lambda n: "id,address\n" + "a,b\n" * (n // 4),
    "heads": lambda n: "id,address\nid;address\n" * (n // 22),
    "columns": lambda n: "address," * (n // 8) + "\n" + "a," * (n // 8),
    "codes": lambda n: "verification code is 12345 " * (n // 27),
    "joined keys": lambda n: '"npiNumber":"1"' * (n // 15),
    "joined keys in each other": lambda n: "'npiNumber': \"'npiNumber': '1'\"," * (n // 33),
    "logins": lambda n: "-u a:bcde " * (n // 10),
    "new births": lambda n: "born " + "1/1/2020 " * (n // 9),
    "dates of many": lambda n: "né le 1/1/2020 " * (n // 15),
}


@pytest.mark.parametrize("name", GROWING)
@pytest.mark.parametrize("profile", [BALANCED, STRICT, HIPAA], ids=lambda profile: profile.name)
def test_time_grows_with_the_length_alone(name: str, profile: Profile) -> None:
    front = redactor(profile, seconds=60)
    short, long = GROWING[name](8_000), GROWING[name](64_000)
    front.redact({"a": short[:500]})
    # Eight times the text takes eight times as long; a square would take 64 times. Others may be at work meanwhile.
    growths: list[float] = []
    while not growths or (growths[-1] >= 22 and len(growths) < 4):
        growths.append(_seconds(front, long) / _seconds(front, short))
    assert min(growths) < 22


def _seconds(front: Any, text: str) -> float:
    begin = time.process_time()
    front.redact({"a": text})
    return max(time.process_time() - begin, 1e-4)


def test_a_megabyte_of_digits_and_a_hundred_thousand_ats_are_scanned() -> None:
    for text in ("7" * 1_000_000, "@" * 100_000):
        assert redactor().redact({"a": text}).withheld == ()


def test_ten_thousand_levels_are_withheld_not_passed() -> None:
    deep: Any = CARD
    for _ in range(10_000):
        deep = [deep]
    result = redactor().redact({"inputs": deep, "outputs": "fine"})
    assert result.withheld == ("inputs",)
    assert str(result.values["inputs"]).startswith("[UNSCANNED:k7:")
    assert result.values["outputs"] == "fine"
    text = "[" * 10_000 + CARD + "]" * 10_000
    assert CARD not in str(redactor().redact({"inputs": text}).values)


def test_base64_beyond_the_limit_is_masked() -> None:
    assert kinds(nested("jane@example.com and more of it", 8)) == {"UNSCANNED"}


def test_what_inflates_beyond_the_limit_is_masked() -> None:
    bomb = base64.b64encode(gzip.compress(b"0" * 30_000_000)).decode()
    assert kinds(bomb) == {"UNSCANNED"}

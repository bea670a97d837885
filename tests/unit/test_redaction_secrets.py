"""Keys and tokens: one made-up specimen of every family, alone and in what surrounds them in logs."""

import random
import re
from importlib import import_module
from typing import Any

import pytest

from tests.unit.redacting import found, masked
from unbroken.privacy.redaction.profiles import BALANCED
from unbroken.privacy.redaction.redactor import Redactor
from unbroken.privacy.redaction.secrets import FAMILIES

parser: Any = import_module("re._parser")
constants: Any = import_module("re._constants")


def specimen(pattern: str, made: random.Random) -> str:
    """A text that the pattern matches, as short as it allows."""
    return "".join(_pieces(parser.parse(pattern), made))


def _pieces(items: Any, made: random.Random) -> list[str]:
    result: list[str] = []
    for operation, argument in items:
        if operation is constants.LITERAL:
            result.append(chr(argument))
        elif operation is constants.IN:
            result.append(_one_of(argument, made))
        elif operation in (constants.MAX_REPEAT, constants.MIN_REPEAT):
            fewest, _, inner = argument
            for _ in range(fewest):
                result += _pieces(inner, made)
        elif operation is constants.BRANCH:
            result += _pieces(made.choice(argument[1]), made)
        elif operation is constants.SUBPATTERN:
            result += _pieces(argument[3], made)
        elif operation not in (constants.ASSERT, constants.ASSERT_NOT, constants.AT):
            raise AssertionError(operation)
    return result


def _one_of(items: Any, made: random.Random) -> str:
    options: list[str] = []
    for operation, argument in items:
        if operation is constants.LITERAL:
            options.append(chr(argument))
        elif operation is constants.RANGE:
            options += [chr(code) for code in range(argument[0], argument[1] + 1)]
        elif operation is constants.CATEGORY:
            options += list("0123456789")
    return made.choice([option for option in options if option.isalnum()] or options)


SURROUNDED = [
    "{}",
    "key={}",
    'export TOKEN="{}"',
    "curl -H 'X-Key: {}' https://api.example.com",
    "see {}.",
    "a\n{}\nb",
    "({})",
]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"{family[0]} {family[1]}"[:40])
def test_every_family_is_found_wherever_it_stands(family: tuple[str, str, re.Pattern[str]]) -> None:
    name, _, pattern = family
    made = random.Random(name)  # noqa: S311 - made-up tokens
    for _ in range(6):
        token = specimen(pattern.pattern, made)
        before = {"Zendesk or Okta token": "SSWS ", "Asana token": "1"}.get(name, "")
        for frame in SURROUNDED:
            result = str(masked(frame.format(before + token)))
            assert token[-12:] not in result, (token, result)
            assert "[" in result


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password: Tr0ub4dor", "Tr0ub4dor"),
        ('"password": "correct horse"', "correct horse"),
        ("the password is hunter22", "hunter22"),
        ("DB_PASS=s3cr3t!x", "s3cr3t!x"),
        ("client_secret=a8f5f167f44f4964e6c998dee827110c", "a8f5f167f44f4964e6c998dee827110c"),
        ("Authorization: Bearer abcDEF123456ghiJKL", "abcDEF123456ghiJKL"),
        ("authorization: Basic dXNlcjpodW50ZXIyMg==", "dXNlcjpodW50ZXIyMg=="),
        ("Cookie: sid=abc123; theme=dark", "sid=abc123; theme=dark"),
        ("mysql --password hunter22 -u root", "hunter22"),
        ("AccountKey=Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9v==;Endpoint=x", "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9v=="),
        ("https://x.blob.example/c?sv=1&sig=abc%2Bdef123456789012345", "abc%2Bdef123456789012345"),
        ("postgresql://u:p%40ss@h/db", "u:p%40ss"),
    ],
)
def test_values_that_are_called_secret(text: str, secret: str) -> None:
    result = str(masked(text))
    assert secret not in result
    assert any(secret in part or part in secret for _, part in found(text))


@pytest.mark.parametrize(
    "text",
    [
        "the password is required",
        "password: ***",
        "password=${DB_PASSWORD}",
        "token: string",
        "secret = os.environ['X']",
        "api_key=<your key>",
        "bearer of bad news arrived",
        "reset your password, please",
        "token=None",
        "basic understanding",
    ],
)
def test_talk_of_secrets_stays(text: str) -> None:
    assert found(text) == []


def test_a_discord_token_of_letters_and_short_pieces_is_found() -> None:
    first, rest = "MTIwMzQwNzkyOTEwNTcyODEzNA", "6NxsSnfKh-_bkQRwa9fz-R9f-YwVodHkw-A7vZ"
    made = f"{first}.XzaUGU.{rest}"
    hits = Redactor(BALANCED, key=None).explain(f"X-Key: {made}")
    assert [hit.text for hit in hits] == [made]

"""Recorded text can't act on a terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.investigate.printable import printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x9b2J", "<U+009B>2J"),
        ("a\rb", "a␍b"),
        ("a\nb", "a␊b"),
        ("\x7f\x00", "␡␀"),
        ("pay \u202eevil", "pay <U+202E>evil"),
        ("a\U000e0041b", "a<U+E0041>b"),
        ("a\u200bb\ufeff", "a<U+200B>b<U+FEFF>"),
        ("\ud800", "<U+D800>"),
        ("日本語 👩\u200d💻 é", "日本語 👩\u200d💻 é"),
    ],
)
def test_harmful_characters_become_visible_and_others_stay(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    assert not [c for c in printable(text) if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]


def test_lines_are_cut_at_line_feeds_only() -> None:
    assert printable_lines("a\r\nb\tc\u2028d\x0be") == ["a", "b    c<U+2028>d␋e"]

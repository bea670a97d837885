"""Orders and certificates as texts: one spelling, every key there, and nothing else believed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.erasing import KEY, Door
from tests.unit.test_erasure_flow import carry_out
from unbroken.core.note import signed, verified
from unbroken.destruction.ledger import DestructionLedger
from unbroken.errors import NoteError
from unbroken.privacy.erasure.certificate import certificate_from
from unbroken.privacy.erasure.order import order_from
from unbroken.privacy.erasure.plan import METHODS, NOT_COVERED, kept
from unbroken.privacy.erasure.records import document_of
from unbroken.privacy.erasure.signing import Signing


@pytest.fixture
def text(tmp_path: Path) -> str:
    """The text of a certificate."""
    made = carry_out(Door(), Signing(DestructionLedger(tmp_path / "erasures.jsonl"), KEY, 30))
    return verified(made.note, [KEY.verifier])[0]


def changed(text: str, **values: object) -> str:
    """The text with other values, and without those that are ``None``."""
    title, _, content = text.partition("\n")
    fields = {name: value for name, value in (json.loads(content) | values).items() if value != "gone"}
    return f"{title}\n{json.dumps(fields, sort_keys=True, indent=1)}\n"


def test_a_text_is_read_as_it_was_written(text: str) -> None:
    assert certificate_from(text).text == text
    assert changed(text) == text


RESPELT: dict[str, Callable[[str], str]] = {
    "a blank": lambda text: text.replace('": ', '":  ', 1),
    "an escape": lambda text: text.replace("C-31", "C-\\u00331"),
    "a key twice": lambda text: text.replace(' "case": "C-31",', ' "case": "C-31",\n "case": "C-31",'),
    "another order": lambda text: (
        text.replace(' "with_acted": false\n', "")
        .replace(' "upto_at"', ' "with_acted": false,\n "upto_at"')
        .replace('Z",\n}', 'Z"\n}')
    ),
    "a number as text": lambda text: text.replace('"backups_kept_days": 30', '"backups_kept_days": "30"'),
    "a newline more": lambda text: text + "\n",
    "no newline": lambda text: text.removesuffix("\n"),
    "another title": lambda text: text.replace("certificate v1", "certificate v2"),
    "nothing": lambda _: "unbroken erasure certificate v1\n",
    "one key less": lambda text: changed(text, left="gone"),
    "one key more": lambda text: changed(text, name="Dana"),
    "a key id of another form": lambda text: changed(text, keys=["v-1"]),
    "a pseudonym that is none": lambda text: changed(text, pseudonyms=["Dana"]),
    "a time of another form": lambda text: changed(text, upto_at="2026-03-03 10:30"),
    "a negative count": lambda text: changed(text, other_ids=-1),
    "another basis": lambda text: changed(text, basis="one person"),
}


@pytest.mark.parametrize("change", RESPELT)
def test_what_is_spelt_in_another_way_is_refused_though_it_is_signed(text: str, change: str) -> None:
    other = RESPELT[change](text)
    assert other != text
    with pytest.raises(NoteError):
        certificate_from(other)


def test_a_signature_makes_no_certificate_of_anything_else(text: str) -> None:
    with pytest.raises(NoteError, match="its only spelling"):
        document_of(signed(text.replace('": ', '":  ', 1), KEY), [KEY.verifier])
    with pytest.raises(NoteError):
        order_from(text)


def test_the_words_name_no_compliance_and_keep_their_marks() -> None:
    words = [*METHODS.values(), *NOT_COVERED.values(), *kept(with_acted=False).values()]
    for each in words:
        assert "complian" not in each
        assert each.count("GDPR") == each.count("verify"), each
        assert each.isascii()
    assert "their acts" not in kept(with_acted=True)

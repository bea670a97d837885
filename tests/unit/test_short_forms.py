"""Placeholders and pseudonyms in short: equal ones equal, different ones different, and nobody can imitate one."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plain import draft
from tests.unit.redacting import KEY, masked
from unbroken.core.kinds import CLASSES, UNSCANNED
from unbroken.investigate.content import folded, short
from unbroken.investigate.masked import counted, in_words, label_of
from unbroken.investigate.short_forms import (
    MASKED,
    TYPED,
    ShortForms,
    is_masked_by_chance,
    is_scanned,
    masked_in,
    uncut,
    without_values,
)
from unbroken.privacy.redaction.placeholders import Placeholders

STABLE, RANDOM = Placeholders(KEY, random=False), Placeholders(KEY, random=True)
MAIL = STABLE.make("EMAIL_ADDRESS", "jane@example.com")
NORA, TOMAS = f"p-{'3f9a2c1b' * 4}", f"p-{'3f9a2c1b' + '0' * 24}"


def token(digits: str, kind: str = "PERSON", key: str = "7") -> str:
    return f"[{kind}:k{key}:{digits.ljust(32, '0')}]"


def shown(text: str, *, forms: ShortForms | None = None, scanned: bool = True) -> str:
    return (forms or ShortForms()).text(text, scanned=scanned)


def test_what_a_scan_leaves_is_shown_in_short() -> None:
    text = str(masked("write to jane@example.com or Jane@Example.com, not to june@example.com"))
    assert re.fullmatch(r"write to (\[e-mail [0-9a-f]{6}\]) or \1, not to (?!\1)\[e-mail [0-9a-f]{6}\]", shown(text)), (
        shown(text)
    )
    assert shown(MAIL) == f"[e-mail {MAIL.rpartition(':')[2][:6]}]"


@pytest.mark.parametrize("kind", [*CLASSES, "PERSON", "US_SSN", "DE_FUEHRERSCHEIN", "POLICY_NUMBER", "A1"])
def test_every_kind_has_a_word_of_its_own(kind: str) -> None:
    text = shown(RANDOM.make(kind, "x"))
    assert re.fullmatch(r"\[[A-Za-z][A-Za-z ()'-]*1? [0-9a-f]{6}\]", text)
    assert MASKED.fullmatch(text)
    assert MASKED.fullmatch(RANDOM.make(kind, "x"))
    assert not TYPED.search(text)


def test_kinds_that_say_different_things_have_different_words() -> None:
    kinds = [*CLASSES, "EMAIL_ADDRESS", "IP_ADDRESS", "MAC_ADDRESS", "ADDRESS", "PHONE_NUMBER", "PERSON", "DATE"]
    assert len({label_of(kind) for kind in kinds}) == len(kinds)


def test_what_could_not_be_scanned_says_so() -> None:
    assert shown(RANDOM.unscanned()).startswith("[not scanned ")


def test_alike_ones_are_lengthened_until_they_differ() -> None:
    one, other, third = token("abcdef1"), token("abcdef2"), token("abcdef22")
    forms = ShortForms()
    forms.learn(one + other)
    assert shown(f"{one} {other} {one}", forms=forms) == "[name abcdef1] [name abcdef2] [name abcdef1]"
    assert shown(third, forms=forms) == "[name abcdef22]"
    assert shown(token("abcdef1", "EMAIL_ADDRESS"), forms=forms) == "[e-mail abcdef]"


def test_a_form_that_was_given_stays_and_is_not_given_again() -> None:
    forms = ShortForms()
    assert shown(token("abcdef1"), forms=forms) == "[name abcdef]"
    assert shown(token("abcdef2"), forms=forms) == "[name abcdef2]"
    assert shown(token("abcdef1"), forms=forms) == "[name abcdef]"
    assert shown(token("abcdef1", key="8"), forms=forms) == "[name abcdef1]"


def test_one_that_differs_in_its_check_alone_stays_whole() -> None:
    forms = ShortForms()
    digits = "ab" * 12
    assert shown(token(f"{digits}1"), forms=forms) == "[name ababab]"
    assert shown(token(f"{digits}2"), forms=forms) == token(f"{digits}2")


@given(st.lists(st.text("01", min_size=24, max_size=24), min_size=2, max_size=12, unique=True), st.booleans())
def test_different_ones_never_look_alike(digits: list[str], learnt: bool) -> None:
    forms = ShortForms()
    for each in digits if learnt else ():
        forms.learn(token(each))
    assert len({shown(token(each), forms=forms) for each in digits * 2}) == len(digits)


def test_what_was_typed_is_marked() -> None:
    text = str(masked(f"I am {token('5d0c4f', 'EMAIL_ADDRESS')}"))
    assert shown(text) == "I am [typed e-mail 5d0c4f]"
    assert TYPED.search(shown(text))
    assert (
        shown("I am [e-mail 5d0c4f] and [typed e-mail 5d0c4f]")
        == "I am [typed e-mail 5d0c4f] and [typed e-mail 5d0c4f]"
    )
    assert shown("see [commit 5d0c4f] and [e-mail address]") == "see [commit 5d0c4f] and [e-mail address]"
    own = f"{RANDOM.make('POLICY_NUMBER', 'x')} [policy number 5d0c4f]"
    assert shown(own).endswith(" [typed policy number 5d0c4f]")


def test_in_a_text_that_was_not_scanned_nothing_stands_for_a_value() -> None:
    assert shown(MAIL, scanned=False) == MAIL
    assert shown("[e-mail 5d0c4f]", scanned=False) == "[typed e-mail 5d0c4f]"


def test_people_are_shown_in_short_and_told_apart() -> None:
    forms = ShortForms()
    assert forms.name(f"{NORA} > desk") == "p-3f9a2c1b > desk"
    assert forms.name(TOMAS) == "p-3f9a2c1b0"
    assert forms.name(f"x{NORA}") == f"x{NORA}"
    own_id = ShortForms()
    own_id.learn("p-3f9a2c1b")
    assert own_id.name(f"{NORA} p-3f9a2c1b") == "p-3f9a2c1b3 p-3f9a2c1b", "an id that only looks like a short one"


def test_names_stand_before_the_pseudonyms_that_lead_to_them() -> None:
    forms = ShortForms(names={NORA: "Nora\x1b Lindqvist"})
    assert forms.name(f"{NORA}, {TOMAS}") == "Nora␛ Lindqvist (p-3f9a2c1b), p-3f9a2c1b0"
    assert ShortForms(full=True, names={NORA: "Nora"}).name(NORA) == f"Nora ({NORA})"


def test_in_full_nothing_is_shortened() -> None:
    forms = ShortForms(full=True)
    assert forms.text(f"{MAIL} [e-mail 5d0c4f]", scanned=True) == f"{MAIL} [e-mail 5d0c4f]"
    assert forms.name(NORA) == NORA
    assert forms.value({"a": [MAIL]}, scanned=True) == {"a": [MAIL]}


@pytest.mark.parametrize(
    ("rules", "scanned", "by_chance"),
    [
        (None, False, False),
        ("off/r3", False, False),
        ("unbroken-1+ab/balanced/r1", True, False),
        ("unbroken-1+ab/hipaa/r1", True, True),
        ("unbroken-1+ab/pci+hipaa/r1", True, True),
    ],
)
def test_an_event_says_how_it_was_scanned(rules: str | None, scanned: bool, by_chance: bool) -> None:
    event = draft("request", actor_id="u", actor_type="user", rules=rules).event
    assert (is_scanned(event), is_masked_by_chance(event)) == (scanned, by_chance)


def test_an_event_keeps_what_it_is_found_by() -> None:
    fields: dict[str, Any] = {"actor_id": NORA, "actor_type": "user", "rules": "unbroken-1", "session_id": NORA}
    event = draft("approval_decided", recipient=MAIL, subjects=[NORA], decision={"by": NORA}, **fields).event
    shown = ShortForms().event(event)
    assert (shown.actor_id, shown.subjects, shown.session_id) == ("p-3f9a2c1b", ("p-3f9a2c1b",), NORA)
    assert shown.decision is not None
    assert shown.decision.by == "p-3f9a2c1b"
    assert (shown.id, shown.ts, shown.rules) == (event.id, event.ts, event.rules)
    assert shown.recipient is not None
    assert shown.recipient.startswith("[e-mail ")
    unscanned = draft("request", recipient=MAIL, actor_id=NORA, actor_type="user").event
    assert ShortForms().event(unscanned).recipient == MAIL


def test_values_are_shortened_wherever_they_stand() -> None:
    value = {MAIL: [MAIL, 1, None, {"to": f"<{MAIL}>"}]}
    mail = shown(MAIL)
    assert ShortForms().value(value, scanned=True) == {mail: [mail, 1, None, {"to": f"<{mail}>"}]}
    deep: Any = MAIL
    for _ in range(5000):
        deep = [deep]
    assert ShortForms().value(deep, scanned=True) is deep


@pytest.mark.parametrize("piece", [MAIL, "[e-mail 5d0c4f]", "[typed e-mail 5d0c4f]"])
def test_nothing_is_cut_through(piece: str) -> None:
    text = f"{'x' * 20} {piece} {'y' * 200}"
    for length in range(15, 21 + len(piece) + 5):
        for cut in (short(text, length), folded(text, lines=1, characters=length)[0]):
            assert piece in cut or "[" not in cut, cut
    assert uncut("[" * 500, 300) == 300
    assert short(f"x{MAIL}", 10) == f"x{MAIL}"


def test_equal_texts_are_equal_without_their_values() -> None:
    one, other = (f"to {RANDOM.make('PERSON', 'x')}" for _ in range(2))
    assert one != other
    assert without_values(one) == without_values(other) != without_values(f"to {RANDOM.make('DATE', 'x')}")
    assert without_values(f"[typed:{MAIL[1:]}") != without_values(MAIL)
    assert without_values(shown(one)) == without_values(one)


def test_placeholders_are_counted_by_kind() -> None:
    assert masked_in(f"{MAIL} {MAIL} [typed:{MAIL[1:]} {token('ab')}") == {"EMAIL_ADDRESS": 2, "PERSON": 1}


def test_what_was_masked_is_said_in_words() -> None:
    counts = counted(["CREDIT_CARD:1", "DATE_OF_BIRTH:2", "EMAIL_ADDRESS:12000", "US_SSN:2", f"{UNSCANNED}:1"])
    words = "1 part withheld unscanned, 12,000 e-mail addresses, 2 dates of birth, 2 US SSNs, 1 card"
    assert in_words(counts) == words
    assert in_words({UNSCANNED: 2, "URL": 1}) == "2 parts withheld unscanned, 1 web address"
    assert in_words({}) == ""


@pytest.mark.parametrize(
    "item", ["EMAIL_ADDRESS", "EMAIL_ADDRESS:many", "EMAIL_ADDRESS:-1", ":", "EMAIL_ADDRESS:" + "9" * 5000]
)
def test_a_count_that_is_none_is_no_error(item: str) -> None:
    assert list(counted([item]).values()) == [1]

"""Texts that were scanned clean aren't scanned again, and what is found stays the same as if they were."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.unit.redacting import CARD, redactor
from unbroken.privacy.redaction.ner import NerSpan
from unbroken.privacy.redaction.redactor import Redactor

FIELDS = {"agent_name": "Claims assistant", "purpose": "treatment of a patient", "tool": "get_patient"}
WORDS = ["license X1234567", "account 12345678", "driver", "bank transfer", "code 12-34-56", "sort", "phone 5550132"]
UNCLEAN = ["mail jane@example.com", f"card {CARD}", "[EMAIL_ADDRESS:k1:00000000]", '{"ssn": "x"}', "drive%72 12"]


class Counting:
    """A model that finds nothing and remembers what it was shown."""

    version = "counting"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def spans(self, texts: Sequence[str]) -> list[list[NerSpan]]:
        self.seen += texts
        return [[] for _ in texts]


def left(front: Redactor, values: dict[str, str], texts: dict[str, str]) -> tuple[list[str], dict[str, int]]:
    """What stays, without the tokens of placeholders."""
    done = front.redact(dict(values), texts=texts)
    assert list(done.texts) == list(texts)
    return [str(text).partition(":k7:")[0] for text in (*done.values.values(), *done.texts.values())], dict(done.counts)


def test_a_clean_text_is_scanned_once() -> None:
    model = Counting()
    front = redactor(ner=model)
    for number in range(3):
        assert front.redact({"details": f"step number {number}"}, texts=FIELDS).texts == FIELDS
    assert sorted(model.seen) == sorted(
        [FIELDS["agent_name"], FIELDS["purpose"], *(f"step number {n}" for n in range(3))]
    )


def test_another_name_is_another_text() -> None:
    model = Counting()
    front = redactor(ner=model)
    front.redact({}, texts={"purpose": "a b"})
    front.redact({}, texts={"agent_name": "a b", "purpose": "a b"})
    assert model.seen == ["a b", "a b"]


def test_what_is_not_clean_is_found_each_time() -> None:
    front = redactor()
    for text in UNCLEAN[:4]:
        first, second = (front.redact({}, texts={"purpose": text}) for _ in range(2))
        assert first.texts == second.texts != {"purpose": text}
        assert first.counts == second.counts
    assert front._clean._words == {}


def test_words_of_a_known_text_still_count() -> None:
    front = redactor()
    for _ in range(3):
        done = front.redact({"details": "account 12345678"}, texts={"tool": "bank lookup"})
        assert done.counts == {"BANK_ACCOUNT": 1}


def test_a_text_that_another_part_makes_unclean_is_scanned_with_it() -> None:
    front = redactor()
    assert front.redact({}, texts={"purpose": "account 12345678"}).counts == {}
    assert front.redact({"details": "the bank"}, texts={"purpose": "account 12345678"}).counts == {"BANK_ACCOUNT": 1}


def test_the_same_is_found_as_without_remembering() -> None:
    made, front = random.Random(8), redactor()  # noqa: S311 - any texts do
    some = [*WORDS, *UNCLEAN, *FIELDS.values()]
    for _ in range(400):
        texts = {name: made.choice(some) for name in ("purpose", "tool", "model")[: made.randint(0, 3)]}
        values = {name: made.choice(some) for name in ("inputs", "outputs")[: made.randint(0, 2)]}
        assert left(front, values, texts) == left(redactor(), values, texts), (values, texts)
    assert front._clean._words


def test_so_many_are_kept_and_no_more_and_no_long_ones() -> None:
    front = redactor()
    for number in range(5_000):
        front._clean.keep("purpose", f"step {number}", frozenset())
        assert len(front._clean._words) <= 4_096
    long = redactor()
    long.redact({}, texts={"purpose": "word " * 50})
    assert long._clean._words == {}


def test_threads_share_it() -> None:
    front = redactor()

    def work(seed: int) -> bool:
        made = random.Random(seed)  # noqa: S311 - any texts do
        for _ in range(300):
            text = made.choice([f"step {made.randrange(6_000)}", f"mail jane{made.randrange(9)}@example.com"])
            done = front.redact({}, texts={"purpose": text}).texts["purpose"]
            if (done == text) != text.startswith("step"):
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))

"""Real conversations of an airline's agent, imported as they are: what its customers' profiles hold is in no entry."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, Final

import pytest

from tests.conftest import LOG, SHARED, Database
from tests.planted.maker import luhn
from unbroken import wiring
from unbroken.capture.chat_import import import_chat
from unbroken.core.entry import StoredEntry
from unbroken.core.keyed import LogKey
from unbroken.ledger.ledger import Ledger
from unbroken.ledger.protection import AS_GIVEN, Protection
from unbroken.store.log_writer import LogWriter

CONVERSATIONS: Final = SHARED / "data" / "airline" / "conversations.json"
_CARD: Final = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")

pytestmark = pytest.mark.skipif(not CONVERSATIONS.exists(), reason="the shared conversations are not here")


def in_profiles(value: Any, key: str) -> Iterator[str]:
    """What stands under a key anywhere in what the tools gave out, also in JSON that a text holds."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            return
    if isinstance(value, dict):
        for name, item in value.items():
            if name == key and isinstance(item, str):
                yield item
            else:
                yield from in_profiles(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from in_profiles(item, key)


def spellings(born: str) -> set[str]:
    """A date as people write and models say it."""
    day = date.fromisoformat(born)
    ending = {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10 if day.day not in (11, 12, 13) else 0, "th")
    month = f"{day:%B}"
    return {
        born, f"{day:%m/%d/%Y}", f"{day.month}/{day.day}/{day.year}", f"{day:%d/%m/%Y}", f"{day:%Y/%m/%d}",
        f"{day:%d.%m.%Y}", f"{day:%Y%m%d}", f"{month} {day.day}, {day.year}", f"{month} {day.day} {day.year}",
        f"{month} {day.day}{ending}, {day.year}", f"{month} {day.day}{ending} {day.year}",
        f"{day.day} {month} {day.year}", f"{day.day}{ending} of {month} {day.year}", f"{day:%b} {day.day}, {day.year}",
    }  # fmt: skip


def stands_in(born: str, text: str) -> bool:
    """Whether the date is there in any spelling; not within a hash or an id, where any eight digits come about."""
    there = (re.escape(said.lower()) for said in spellings(born) if said.lower() in text)
    return any(re.search(rf"(?<![0-9a-f]){said}(?![0-9a-f])", text) for said in there)


def card_numbers(text: str) -> list[str]:
    """Numbers of a card's length with the right check digit."""
    plain = [re.sub(r"[ -]", "", match[0]) for match in _CARD.finditer(text)]
    return [number for number in plain if luhn(number[:-1]) == number and number[0] in "3456"]


@pytest.fixture
def imported(
    database: Database, entries: Callable[[], list[StoredEntry]]
) -> Iterator[Callable[[Protection | None], str]]:
    """Everything that the log holds once all conversations are imported, as one text in lower case."""
    ledger = Ledger(lambda _: LogWriter(database.conninfo("writer"), LOG), key=LogKey.generate())

    def run(protection: Protection | None) -> str:
        report = import_chat(ledger, [CONVERSATIONS], protection=protection or wiring.protection_of(ledger))
        assert (report.conversations, report.broken, report.conflicts) == (100, (), ())
        found = entries()
        assert len(found) > 2_500
        texts = [part for entry in found for part in (entry.event, entry.inputs, entry.outputs, entry.details) if part]
        return b"\n".join(texts).decode().lower()

    yield run
    ledger.close()


def test_no_address_birth_date_or_card_of_a_customer_is_left(imported: Callable[[Protection | None], str]) -> None:
    conversations = json.loads(CONVERSATIONS.read_text(encoding="utf-8"))
    addresses = {address.lower() for address in in_profiles(conversations, "email")}
    born = set(in_profiles(conversations, "dob"))
    assert len(addresses) > 20
    assert len(born) > 60
    stored = imported(None)
    assert {address for address in addresses if address in stored} == set()
    assert {day for day in born if stands_in(day, stored)} == set()
    assert card_numbers(stored) == []


def test_without_protection_they_are_there(imported: Callable[[Protection | None], str]) -> None:
    conversations = json.loads(CONVERSATIONS.read_text(encoding="utf-8"))
    stored = imported(AS_GIVEN)
    assert all(address.lower() in stored for address in in_profiles(conversations, "email"))
    assert all(day in stored for day in in_profiles(conversations, "dob"))


def test_a_card_number_would_be_noticed() -> None:
    assert card_numbers("paid with 4012 8888 8888 1881, flight 1234567890123") == ["4012888888881881"]

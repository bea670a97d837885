"""What a ledger holds besides what its reader knows: signed for its line, of a known kind, in the only spelling."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.disposing import looked, row
from tests.unit.erasing import LOG, Door
from tests.unit.test_erasure_flow import carry_out
from unbroken.core.note import SigningKey, signed
from unbroken.destruction.document import Place, digest_of, spelt
from unbroken.destruction.ledger import DestructionLedger
from unbroken.destruction.signing import SignedLedger
from unbroken.destruction.titles import DISPOSAL_CERTIFICATE
from unbroken.errors import NoteError
from unbroken.privacy.erasure.reapplying import tasks_of, unknown_to_ledger
from unbroken.privacy.erasure.records import document_of, records_of
from unbroken.privacy.erasure.signing import Signing
from unbroken.retention.certified import certificates_in
from unbroken.retention.certifying import certify

KEY = SigningKey("clinic.example/erasure", bytes(range(32)))
OTHER = SigningKey("other.example/erasure", bytes(range(1, 33)))


@pytest.fixture
def signing(tmp_path: Path) -> SignedLedger:
    return SignedLedger(DestructionLedger(tmp_path / "ledger.jsonl"), KEY, 30)


def text(place: Place, title: str = DISPOSAL_CERTIFICATE, **more: object) -> str:
    """A document of which this reader knows the title alone."""
    return spelt(title, {"line": {"n": place.n, "prev": place.prev}, **more})


def test_a_document_is_signed_for_the_line_on_which_it_stands(signing: SignedLedger) -> None:
    added = [signing.add(text), signing.add(lambda place: text(place, more="x"))]
    assert signing.documents() == added
    assert [each.place.n for each in added] == [1, 2]
    assert [each.title for each in added] == [DISPOSAL_CERTIFICATE] * 2
    assert added[1].digest == digest_of(added[1].note)
    assert '"more": "x"' in added[1].text


def test_what_is_about_no_erasure_is_left_out_by_whoever_asks_for_erasures(signing: SignedLedger) -> None:
    added = signing.add(text)
    records = records_of(signing.ledger.notes(), signing.verifiers)
    assert (records.orders, records.certificates) == ((), ())
    with pytest.raises(NoteError, match="disposal check-certificate"):
        document_of(added.note, signing.verifiers)


def test_one_ledger_holds_what_was_erased_and_what_was_disposed_of(signing: SignedLedger) -> None:
    """A disposal is nothing that has to be done again after a restore, and no word on an erasure."""
    disposed = certify(row(), looked(), signing)
    erasing = Signing(signing.ledger, KEY, 30)
    erased = carry_out(Door(), erasing)
    assert [each.place.n for each in signing.documents()] == [1, 2, 3]
    assert certificates_in(signing.ledger.notes(), signing.verifiers) == [disposed]
    records = erasing.records()
    assert [each.certificate.line.n for each in records.certificates] == [erased.certificate.line.n] == [3]
    assert [each.state for each in tasks_of(records, [], LOG)] == ["again"]
    assert unknown_to_ledger(records, []) == []


FORGED: dict[str, Callable[[Place], str]] = {
    "another line": lambda place: signed(text(Place(n=place.n + 1, prev=place.prev)), KEY),
    "after another line": lambda place: signed(text(Place(n=place.n, prev="f" * 64)), KEY),
    "no line": lambda _: signed(spelt(DISPOSAL_CERTIFICATE, {"n": 1}), KEY),
    "no object": lambda _: signed(spelt(DISPOSAL_CERTIFICATE, [1]), KEY),
    "no JSON": lambda _: signed(f"{DISPOSAL_CERTIFICATE}\n{{\n", KEY),
    "a newer version": lambda place: signed(text(place, "unbroken erasure order v2"), KEY),
    "another kind": lambda place: signed(text(place, "clinic.example/agents"), KEY),
    "another spelling": lambda place: signed(text(place).replace('": ', '":  ', 1), KEY),
    "a blank in the title": lambda place: signed(text(place).replace("\n", " \n", 1), KEY),
    "another signer": lambda place: signed(text(place), OTHER),
    "no signature": text,
}


@pytest.mark.parametrize("how", FORGED)
def test_a_line_that_is_not_to_be_relied_on_stops_every_reader(signing: SignedLedger, how: str) -> None:
    signing.add(text)
    signing.ledger.append(FORGED[how])
    with pytest.raises(NoteError, match="line 2 of the destruction ledger"):
        signing.documents()
    with pytest.raises(NoteError, match="line 2 of the destruction ledger"):
        records_of(signing.ledger.notes(), signing.verifiers)

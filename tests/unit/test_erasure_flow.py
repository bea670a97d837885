"""Carrying an erasure out: the order is outside before anything goes, and whoever breaks off may begin again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.erasing import ANN, BOB, ERASURE, KEY, LOG, THEN, V1, V2, V3, BrokenOffError, Door, confirmed, found
from unbroken.core.note import SigningKey
from unbroken.destruction.ledger import DestructionLedger
from unbroken.errors import ConfigurationError, HeldError, NoteError, UnavailableError, UnbrokenError
from unbroken.privacy.erasure.beginning import Beginning
from unbroken.privacy.erasure.ending import Ending
from unbroken.privacy.erasure.reapplying import Reapplying, held_against, tasks_of, unknown_to_ledger
from unbroken.privacy.erasure.records import CertificateNote, Records, records_of
from unbroken.privacy.erasure.signing import Signing
from unbroken.store.erasures import Batch, Erasure, PersonFound


@pytest.fixture
def signing(tmp_path: Path) -> Signing:
    return Signing(DestructionLedger(tmp_path / "erasures.jsonl"), KEY, 30)


def carry_out(door: Door, signing: Signing, *, limit: int = 2) -> CertificateNote:
    """What the command does."""
    ending = Ending(door, signing, door.look)
    row = ending.row(ERASURE)
    if row.done_seq is not None:
        return ending.certificate_of(row)
    order = Beginning(door, signing, door.now).begin(row) if row.begun_seq is None else ending.order_of(row)
    ending.destroy(ERASURE, of=order.order.counts.payloads, limit=limit)
    return ending.finish(ERASURE, order)


def test_the_order_stands_in_the_ledger_before_anything_is_destroyed(signing: Signing) -> None:
    door = Door(break_after=1)  # prepared, and no further
    with pytest.raises(BrokenOffError):
        carry_out(door, signing)
    assert not signing.ledger.exists()
    door.break_after = 3  # begun
    with pytest.raises(BrokenOffError):
        carry_out(door, signing)
    (order,) = signing.records().orders
    assert order.digest == door.row.order_sha256
    assert (order.order.keys, order.order.names, order.order.subjects) == ([V1, V2], [ANN], [ANN])
    assert order.order.upto_at == "2026-03-03T10:30:00.000000Z"


def test_without_a_ledger_that_can_be_written_nothing_begins(signing: Signing, monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    with pytest.raises(UnavailableError):
        carry_out(door, signing)
    assert door.orders == []
    assert door.left == 5


def test_an_erasure_ends_with_a_certificate_of_all_that_went(signing: Signing) -> None:
    door = Door()
    certificate = carry_out(door, signing).certificate
    assert door.steps == ["prepare", "begin", "batch", "batch", "batch", "finish"]
    assert (certificate.counts.payloads, certificate.counts.keys, certificate.counts.names) == (5, 2, 1)
    assert certificate.entries == [10, 11, 12, 13]
    assert certificate.keys == [V1, V2]
    assert (certificate.pseudonyms, certificate.other_ids) == ([ANN], 0)
    assert certificate.backups_expire == "2026-04-02T11:30:00.000000Z"
    assert certificate.basis == "two people"
    assert certificate.order_sha256 == door.row.order_sha256
    assert signing.records().certificates[-1].digest == door.row.certificate_sha256


@pytest.mark.parametrize("after", range(1, 7))
def test_whoever_breaks_off_anywhere_runs_the_same_again(signing: Signing, after: int) -> None:
    door = Door(break_after=after)
    with pytest.raises(BrokenOffError):
        carry_out(door, signing)
    door.break_after = None
    certificate = carry_out(door, signing)
    assert certificate.certificate.counts.payloads == 5
    assert certificate.certificate.entries == [10, 11, 12, 13]
    assert certificate.digest == door.row.certificate_sha256
    records = signing.records()
    assert (len(records.orders), len(records.certificates)) == (1, 1)
    assert carry_out(door, signing).digest == certificate.digest


def test_a_key_that_was_assigned_meanwhile_gets_into_the_order(signing: Signing) -> None:
    class Door2(Door):
        def begin(self, erasure: str, keys: Sequence[str], *, order: str) -> int:
            if not self.orders:
                self.person = replace(self.person, keys=[V1, V2, V3])
            return super().begin(erasure, keys, order=order)

    door = Door2()
    certificate = carry_out(door, signing)
    assert [order.order.keys for order in signing.records().orders] == [[V1, V2], [V1, V2, V3]]
    assert certificate.certificate.keys == [V1, V2, V3]
    assert door.row.order_sha256 == signing.records().orders[-1].digest


def test_a_refusal_for_another_reason_is_passed_on(signing: Signing) -> None:
    class Refusing(Door):
        def begin(self, *_: object, **__: object) -> int:
            self.steps.append("refused")
            raise ConfigurationError("expired meanwhile")

    door = Refusing()
    with pytest.raises(ConfigurationError, match="expired meanwhile"):
        carry_out(door, signing)
    assert door.steps.count("refused") == 1
    assert len(signing.records().orders) == 1


def test_no_certificate_is_made_where_a_key_or_a_name_is_back(signing: Signing) -> None:
    for back in (found(keys=[V1], pseudonyms=[]), found(keys=[], pseudonyms=[ANN])):
        door = Door()
        door.break_after = 5
        with pytest.raises(BrokenOffError):
            carry_out(door, signing)
        door.break_after, door.person = None, back
        with pytest.raises(UnbrokenError, match="there again"):
            carry_out(door, signing)
        assert signing.records().certificates == ()
        assert door.row.done_seq is None


def test_what_came_later_is_told_apart(signing: Signing) -> None:
    class Later(Door):
        def look(self, row: Erasure) -> object:  # type: ignore[override]
            looked = super().look(row)
            return replace(looked, person=replace(looked.person, payloads=4))

    door = Later()
    left = carry_out(door, signing).certificate.left
    assert (left.payloads, left.recorded_since) == (0, 4)


def test_opaque_ids_stand_in_the_order_and_not_in_the_certificate(signing: Signing) -> None:
    door = Door(row=confirmed(subjects=["customer-4711", ANN]), person=found(ids=["customer-4711", ANN]))
    certificate = carry_out(door, signing)
    assert signing.records().orders[0].order.subjects == ["customer-4711", ANN]
    assert "4711" not in certificate.note
    assert (certificate.certificate.pseudonyms, certificate.certificate.other_ids) == ([ANN], 1)


def test_no_certificate_from_another_ledger_or_an_unknown_erasure(signing: Signing, tmp_path: Path) -> None:
    door = Door(break_after=3)
    with pytest.raises(BrokenOffError):
        carry_out(door, signing)
    door.break_after, left = None, door.left
    other = replace(signing, ledger=DestructionLedger(tmp_path / "other.jsonl"))
    with pytest.raises(ConfigurationError, match="does not hold"):
        carry_out(door, other)
    assert door.left == left > 0
    with pytest.raises(ConfigurationError, match="no erasure"):
        Ending(door, signing, door.look).row("0b51c6f2-0000-4000-8000-000000000009")


def test_a_ledger_of_another_key_stops_it(signing: Signing) -> None:
    carry_out(Door(), signing)
    stranger = replace(signing, key=SigningKey.generate("somebody.else"))
    with pytest.raises(NoteError, match="line 1"):
        carry_out(Door(), stranger)
    both = replace(stranger, trusted=[KEY.verifier])
    assert carry_out(Door(row=confirmed()), both).certificate.counts.payloads == 5


# ---- what a legal hold or a law keeps ----


@pytest.mark.parametrize(
    ("kept", "despite", "refusal"), [({"held": 2}, True, HeldError), ({"floored": 2}, False, ConfigurationError)]
)
def test_no_order_is_given_while_something_stands_against_it(
    signing: Signing, kept: dict[str, int], despite: bool, refusal: type[UnbrokenError]
) -> None:
    """An order in the ledger is carried out after a restore, whoever refused it before."""
    door = Door(row=confirmed(despite_floors=despite), person=found(**kept))
    with pytest.raises(refusal):
        carry_out(door, signing)
    assert door.orders == []
    assert not signing.ledger.exists()


def test_what_comes_to_stand_against_it_between_two_attempts_stops_it(signing: Signing) -> None:
    class Refusing(Door):
        def begin(self, *_: object, **__: object) -> int:
            self.person = replace(self.person, keys=[V1, V2, V3], held=1)
            raise ConfigurationError("by now the person goes by other keys")

    with pytest.raises(HeldError):
        carry_out(Refusing(), signing)
    assert len(signing.records().orders) == 1


def test_what_a_law_keeps_goes_where_both_knew_and_the_documents_say_so(signing: Signing) -> None:
    door = Door(row=confirmed(despite_floors=True), person=found(floored=3))
    certificate = carry_out(door, signing).certificate
    order = signing.records().orders[0].order
    assert (order.despite_floors, order.floored, order.held) == (True, 3, 0)
    assert (certificate.despite_floors, certificate.floored, certificate.left.held) == (True, 3, 0)


class HeldDoor(Door):
    """A hold keeps the last two of what an erasure under way is about."""

    def batch(self, erasure: str, limit: int) -> Batch:
        return super().batch(erasure, limit) if self.left > 2 else Batch(None, 0, 0, 2)


def test_no_certificate_is_made_while_a_hold_keeps_something(signing: Signing) -> None:
    door = HeldDoor()
    with pytest.raises(HeldError, match="keeps 2 of the entries"):
        carry_out(door, signing, limit=1)
    assert signing.records().certificates == ()
    assert "finish" not in door.steps
    free = Door(door.row, door.person, door.entries, left=door.left)
    assert carry_out(free, signing).certificate.counts.payloads == 5


# ---- after a restore ----


@dataclass
class Restored:
    """A log as yesterday's backup has it, for its owner."""

    door: Door
    applied: list[tuple[str, list[str], list[str], datetime]]
    log: str = LOG

    def all(self) -> list[Erasure]:
        return [self.door.row]

    def one(self, erasure: str) -> Erasure | None:
        return self.door.one(erasure)

    def find(self, subjects: Sequence[str], *, with_acted: bool) -> PersonFound:
        assert (list(subjects), with_acted) == ([ANN], False)
        return replace(self.door.person, payloads=self.door.left)

    def held(self, **_: object) -> int:
        return self.door.person.held

    def reapply(
        self,
        erasure: str,
        *,
        subjects: Sequence[str],
        keys: Sequence[str],
        with_acted: bool,
        upto: datetime,
        order: str,
    ) -> int | None:
        if self.door.row.done_seq is not None:
            return None
        self.applied.append((erasure, list(subjects), list(keys), upto))
        self.door.row = replace(self.door.row, basis="ledger", upto_at=upto, with_acted=with_acted)
        return self.door.begin(erasure, self.door.person.keys, order=order)

    def batch(self, erasure: str, limit: int) -> object:
        return self.door.batch(erasure, limit)

    def finish(self, erasure: str, *, certificate: str) -> int:
        return self.door.finish(erasure, certificate=certificate)

    def told_since(self, seq: int) -> list[object]:
        return [each for each in self.door.entries if each.seq >= seq]


def restored(**changed: object) -> Restored:
    return Restored(Door(row=confirmed(**changed), begins_at=THEN + timedelta(days=1)), [])


def test_what_a_hold_keeps_waits_and_what_has_begun_goes_on(signing: Signing) -> None:
    carry_out(Door(), signing)
    owner = restored()
    owner.door.person = found(held=2)
    (task,) = held_against(tasks_of(signing.records(), owner.all(), LOG), owner)  # type: ignore[arg-type]
    assert (task.state, task.held, task.to_do, task.waits) == ("again", 2, False, True)
    owner.door.row = replace(owner.door.row, begun_seq=10, state="begun")
    (task,) = held_against(tasks_of(signing.records(), owner.all(), LOG), owner)  # type: ignore[arg-type]
    assert (task.state, task.held, task.to_do, task.waits) == ("go on", 2, True, False)


def test_what_a_restore_brought_back_is_destroyed_by_its_order(signing: Signing) -> None:
    first = carry_out(Door(), signing)
    owner = restored()
    (task,) = tasks_of(signing.records(), owner.all(), LOG)
    assert (task.state, task.certified, task.to_do) == ("again", True, True)
    again = Reapplying(owner, signing, owner.door.now).carry_out(task, limit=2)  # type: ignore[arg-type]
    assert again is not None
    assert owner.applied == [(ERASURE, [ANN], [V1, V2], THEN.replace(hour=10))]
    assert owner.door.left == 0
    assert again.certificate.basis == "ledger"
    assert again.certificate.order_sha256 == first.certificate.order_sha256
    assert again.digest == owner.door.row.certificate_sha256
    assert len(signing.records().certificates) == 2
    (done,) = tasks_of(signing.records(), owner.all(), LOG)
    assert (done.state, done.to_do) == ("done", False)
    assert Reapplying(owner, signing, owner.door.now).carry_out(done) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("after", range(1, 6))
def test_recovering_goes_on_where_it_broke_off(signing: Signing, after: int) -> None:
    carry_out(Door(), signing)
    owner = restored()
    owner.door.break_after = after
    reapplying = Reapplying(owner, signing, owner.door.now)  # type: ignore[arg-type]
    (task,) = tasks_of(signing.records(), owner.all(), LOG)
    with pytest.raises(BrokenOffError):
        reapplying.carry_out(task, limit=2)
    owner.door.break_after = None
    (task,) = tasks_of(signing.records(), owner.all(), LOG)
    assert task.state == ("done" if owner.door.row.done_seq else "go on")
    reapplying.carry_out(task, limit=2)
    assert owner.door.left == 0
    assert owner.door.row.certificate_sha256 == signing.records().certificates[-1].digest
    assert len(signing.records().certificates) == 2


def state_of(records: Records, *, left_out: Sequence[str] = (), **changed: object) -> str:
    (task,) = tasks_of(records, [confirmed(**changed)], LOG, left_out=left_out)
    return task.state


def test_what_was_withdrawn_before_it_began_is_left_alone(signing: Signing) -> None:
    door = Door(break_after=2)

    def refuse(*_: object, **__: object) -> int:
        raise BrokenOffError

    door.begin = refuse  # type: ignore[method-assign]
    with pytest.raises(BrokenOffError):
        carry_out(door, signing)
    records = signing.records()
    assert state_of(records, state="withdrawn") == "withdrawn"
    # The backup may be from before it began: what was confirmed then, or has expired since, is done.
    assert state_of(records, state="confirmed") == "again"
    assert state_of(records, state="expired") == "again"
    assert state_of(records, left_out=[ERASURE]) == "left out"
    assert tasks_of(records, [], LOG)[0].state == "again"
    assert tasks_of(records, [], "clinic.example/agents~2")[0].state == "again"
    assert tasks_of(records, [], "clinic.example/others~1") == []


def test_what_was_certified_can_not_be_left_out(signing: Signing) -> None:
    carry_out(Door(), signing)
    with pytest.raises(ConfigurationError, match="can't be left out"):
        state_of(signing.records(), left_out=[ERASURE])


def test_an_erasure_that_the_ledger_lacks_is_noticed(signing: Signing) -> None:
    carry_out(Door(), signing)
    known = confirmed(order_sha256="f" * 64, begun_seq=3)
    assert unknown_to_ledger(signing.records(), [known]) == [known]
    mine = confirmed(order_sha256=signing.records().orders[0].digest, begun_seq=3)
    assert unknown_to_ledger(signing.records(), [mine, confirmed()]) == []


# ---- the ledger's signatures ----


def test_a_line_that_was_moved_is_not_believed_though_the_chain_was_made_anew(signing: Signing, tmp_path: Path) -> None:
    """Whoever owns the ledger's file can number its lines anew, and can't sign them for their new places."""
    carry_out(Door(), signing)
    notes = signing.ledger.notes()
    forged = DestructionLedger(tmp_path / "forged.jsonl")
    forged.append(lambda _: notes[1].note)
    with pytest.raises(NoteError, match="signed for line 2"):
        records_of(forged.notes(), [KEY.verifier])


def test_a_note_of_another_kind_stops_reading(signing: Signing) -> None:
    from unbroken.core.note import signed

    signing.ledger.append(lambda _: signed("clinic.example/agents\n12\nroot\n", KEY))
    with pytest.raises(NoteError, match="neither"):
        signing.records()


def test_names_of_others_whose_last_payload_went_are_in_the_certificate(signing: Signing) -> None:
    from tests.unit.erasing import told

    door = Door()
    door.break_after = 5
    with pytest.raises(BrokenOffError):
        carry_out(door, signing)
    door.break_after = None
    door.entries.append(told(14, {"erasure": ERASURE, "payloads": "9", "pseudonyms": [BOB]}))
    door.entries.append(told(15, {"erasure": ERASURE, "payloads": "1-900"}, recorder="r"))
    door.entries.append(told(17, {"erasure": ERASURE, "payloads": "1-900"}, event_type="log.read"))
    door.entries.append(told(16, {"erasure": "0b51c6f2-0000-4000-8000-000000000002", "payloads": "1-900"}))
    certificate = carry_out(door, signing).certificate
    assert certificate.names == [ANN, BOB]
    assert certificate.counts.names == 2
    assert certificate.counts.payloads == 6
    assert certificate.entries == [10, 11, 12, 13, 14]


def test_an_altered_entry_is_not_counted(signing: Signing) -> None:
    door = Door(break_after=5)
    with pytest.raises(BrokenOffError):
        carry_out(door, signing)
    door.break_after = None
    door.entries[1] = replace(door.entries[1], details=b'{"erasure":"x"}')
    with pytest.raises(UnbrokenError, match="unbroken verify"):
        carry_out(door, signing)
    assert signing.records().certificates == ()

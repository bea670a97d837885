"""Key statements and what follows from them: trust goes along rotations, in both directions, and no further."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from unbroken.core import checkpoint, note
from unbroken.core.checkpoint import Checkpoint, key_name
from unbroken.core.cosignature import CosigningKey, stated_time
from unbroken.core.key_history import KeyHistory
from unbroken.core.key_statement import Change, KeyStatement, Position, opened, signed
from unbroken.core.note import SigningKey
from unbroken.errors import NoteError

LOG = "clinic.example/agents"
KEYS = [SigningKey(LOG, bytes([place]) * 32) for place in range(5)]
A, B, C, D, STRANGER = KEYS
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def statement(
    change: Change, key: SigningKey, previous: SigningKey | None = None, *, after: tuple[int, int] = (1, 0)
) -> KeyStatement:
    return KeyStatement(
        LOG, change, key.verifier, None if previous is None else previous.verifier, Position(*after), NOW
    )


FIRST = signed(statement("first", A), A)
ROTATED = signed(statement("rotated", B, A, after=(1, 100)), A, B)
LOST = signed(statement("lost", C, B, after=(1, 900)), C)
AGAIN = signed(statement("rotated", D, C, after=(2, 50)), D, C)
ALL = [FIRST, ROTATED, LOST, AGAIN]


def history(*trusted: SigningKey, statements: list[str] = ALL) -> KeyHistory:
    return KeyHistory.of(statements, [key.verifier for key in trusted], f"{LOG}~2")


def checkpointed(size: int, *by: SigningKey, incarnation: int = 1) -> str:
    return checkpoint.signed(Checkpoint(f"{LOG}~{incarnation}", size, b"r" * 32), *by)


# ---- what one statement is ----


def test_a_statement_is_read_as_it_was_written() -> None:
    for each in ALL:
        assert str(opened(each)) == note.parse(each).text
    assert opened(AGAIN) == statement("rotated", D, C, after=(2, 50))


def test_every_changed_byte_of_a_statement_is_refused() -> None:
    raw = ROTATED.encode()
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1
        with pytest.raises(NoteError):
            opened(bytes(changed))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("v1\n", "v2\n"),
        ("from 1 100", "from 01 100"),
        ("from 1 100", "from 0 100"),
        ("from 1 100", f"from 1 {2**63}"),
        ("from 1 100", "from 1  100"),
        ("from 1 100\n", ""),
        ("from 1 100\n", "from 1 100\nfrom 1 100\n"),
        ("time 2026-11-22T06:00:00.000000Z", "time 2026-11-22T06:00:00Z"),
        ("time 2026-11-22T06:00:00.000000Z\n", "time 2026-11-22T06:00:00.000000Z\nmore x\n"),
        ("change rotated", "change stolen"),
        ("change rotated", "change first"),
        (f"log {LOG}", f"log {LOG}~1"),
        (f"log {LOG}", "log another"),
        (f"previous {A.verifier}\n", ""),
        (f"previous {A.verifier}", f"previous {B.verifier}"),
    ],
)
def test_nothing_else_is_a_statement_though_both_sign_it(old: str, new: str) -> None:
    text = note.parse(ROTATED).text
    assert old in text
    with pytest.raises(NoteError):
        opened(note.signed(text.replace(old, new), A, B))


def test_a_rotation_takes_both_signatures_and_a_loss_the_new_one() -> None:
    rotated, lost = statement("rotated", B, A), statement("lost", B, A)
    for made, by in [(rotated, (A,)), (rotated, (B,)), (lost, (A,)), (statement("first", A), (B,))]:
        with pytest.raises(NoteError):
            opened(note.signed(str(made), *by))
        with pytest.raises(NoteError):
            signed(made, *by)
    assert opened(note.signed(str(lost), A, B)) == lost


def test_keys_of_other_names_are_not_a_logs() -> None:
    other = SigningKey("other.example", b"o" * 32)
    with pytest.raises(NoteError, match="named"):
        statement("first", other)
    with pytest.raises(NoteError, match="named"):
        statement("rotated", A, other)


def test_names_of_keys_hold_no_blanks_and_no_plus_and_stay_apart() -> None:
    assert key_name("clinic.example/agents~3") == LOG
    assert key_name("night shift + day") == "night%20shift%20%2B%20day"
    assert key_name("night%20shift") != key_name("night shift")
    SigningKey(key_name("a\u2003b+ c~1"), b"k" * 32)


# ---- whom trust reaches ----


def test_trust_goes_along_rotations_in_both_directions() -> None:
    for trusted in (A, B):
        assert history(trusted).keys == (A.verifier, B.verifier)
    for trusted in (C, D):
        assert history(trusted).keys == (C.verifier, D.verifier)
    assert history(B, D).keys == tuple(key.verifier for key in (A, B, C, D))
    assert history().keys == ()


def test_no_trust_leads_across_a_loss() -> None:
    assert history(A).keys_for(1, 901) == ()
    assert history(A).keys_for(2, 1) == ()
    assert history(D).keys_for(1, 900) == ()
    assert history(A).breaks == (opened(LOST),)


def test_each_key_signs_the_trees_of_its_term() -> None:
    whole = history(A, C)
    by_tree = {
        (1, 0): (), (1, 1): (A,), (1, 100): (A,), (1, 101): (B,), (1, 900): (B,),
        (1, 901): (C,), (2, 1): (C,), (2, 50): (C,), (2, 51): (D,), (3, 1): (D,),
    }  # fmt: skip
    assert {tree: whole.keys_for(*tree) for tree in by_tree} == {
        tree: tuple(key.verifier for key in keys) for tree, keys in by_tree.items()
    }


def test_a_trusted_key_of_which_nobody_speaks_may_have_signed_any_tree() -> None:
    assert history(STRANGER, statements=[]).keys_for(7, 7) == (STRANGER.verifier,)
    assert history(STRANGER).keys == (STRANGER.verifier,)
    assert history(SigningKey("other.example", b"o" * 32)).keys == ()


def test_the_newest_key_is_told_and_not_believed() -> None:
    assert history().newest == D.verifier
    assert history().keys == ()
    assert history(statements=[]).newest is None


# ---- which histories there are ----


def test_histories_that_do_not_fit_are_refused() -> None:
    other_log = KeyStatement("another", "first", SigningKey("another", b"x" * 32).verifier, None, Position(1, 0), NOW)
    fork = signed(statement("rotated", STRANGER, A, after=(1, 100)), A, STRANGER)
    back = signed(statement("rotated", C, B, after=(1, 99)), B, C)
    returned = signed(statement("rotated", A, B, after=(1, 200)), B, A)
    for statements, why in [
        ([ROTATED], "does not continue"),
        ([FIRST, FIRST], "does not continue"),
        ([FIRST, LOST], "does not continue"),
        ([FIRST, ROTATED, fork], "does not continue"),
        ([FIRST, ROTATED, back], "goes back"),
        ([FIRST, ROTATED, returned], "brings back"),
        ([note.signed(str(other_log), SigningKey("another", b"x" * 32))], "of the log another"),
        ([FIRST, checkpointed(5, A)], "no key statement"),
        (["nonsense"], "no signed note"),
    ]:
        with pytest.raises(NoteError, match=why):
            history(A, statements=statements)


def test_two_rotations_of_one_tree_leave_the_key_between_nothing_to_sign() -> None:
    twice = signed(statement("rotated", C, B, after=(1, 100)), B, C)
    read = history(A, statements=[FIRST, ROTATED, twice])
    assert read.keys_for(1, 100) == (A.verifier,)
    assert read.keys_for(1, 101) == (C.verifier,)


# ---- checkpoints ----


def test_a_checkpoint_counts_by_the_key_whose_tree_it_is() -> None:
    whole = history(A)
    assert whole.opened(checkpointed(100, A), origin=f"{LOG}~1")[1] == [A.verifier]
    assert whole.opened(checkpointed(101, A, B), origin=f"{LOG}~1")[1] == [B.verifier]
    for size, by in [(101, A), (100, B), (901, B)]:
        with pytest.raises(NoteError, match="not its to sign"):
            whole.opened(checkpointed(size, by), origin=f"{LOG}~1")
    with pytest.raises(NoteError, match="no trusted key"):
        whole.opened(checkpointed(901, C), origin=f"{LOG}~1")
    with pytest.raises(NoteError, match="not its to sign"):
        whole.opened(checkpointed(1, A, incarnation=2), origin=f"{LOG}~2")


def test_a_checkpoint_whose_name_has_no_incarnation_is_refused() -> None:
    """Such a text could be what a cosignature signs."""
    bare = checkpoint.signed(Checkpoint(LOG, 5, b"r" * 32), A)
    with pytest.raises(NoteError, match="incarnation"):
        history(A).opened(bare, origin=LOG)
    with pytest.raises(NoteError, match="incarnation"):
        Position.of(f"{LOG}~01", 5)


def test_the_newest_time_that_a_trusted_key_states_is_told() -> None:
    made = checkpointed(5, A)
    text = note.parse(made).text
    times = [NOW.replace(second=second) for second in (5, 20, 10)]
    cosigned = made + "".join(CosigningKey(LOG, A.secret).cosign(text, at=at) for at in times)
    later = cosigned + CosigningKey(LOG, B.secret).cosign(text, at=NOW.replace(second=50))
    assert stated_time(later, [A.verifier]) == times[1]
    assert stated_time(made, [A.verifier]) is None
    wrong = made + CosigningKey(LOG, A.secret).cosign(text.replace("5", "6"), at=NOW)
    with pytest.raises(NoteError, match="does not fit"):
        stated_time(wrong, [A.verifier])


def test_a_statement_states_no_key_twice() -> None:
    with pytest.raises(NoteError, match="own place"):
        replace(statement("rotated", B, A), key=A.verifier)

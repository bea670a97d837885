"""Opening originals at the database's door: what was asked for, by whom it was asked, as long as it is open."""

import pytest

from tests.conftest import LOG, Database, add_log, add_login
from tests.database import raw
from tests.database.raw import Connection, append, open_ticket, sent
from tests.database.test_vault_door import ANN, BOB, erase, refused, value
from tests.database.vaulting import append as append_sealed
from tests.database.vaulting import laid_out, plain_keys

_ASK = "select unbroken.ask_originals(%s, %s, %s, %s)"
_ORIGINALS = "select * from unbroken.originals(%s, %s)"
_KEYS = "select * from unbroken.opened_keys(%s, %s, %s)"
_CLOSE = "select unbroken.close_opening(%s, %s, 1, 0, %s)"
_REWRAP = "select unbroken.rewrap_keys(%s, %s, %s, %s, %s)"
_TO_REWRAP = "select * from unbroken.keys_to_rewrap(%s, %s, 100)"
_DIGEST = "0" * 64


@pytest.fixture
def sealed(writer: Connection, dpo: Connection) -> dict[str, str]:
    """Ann's and Bob's keys; entries 2 and 3 are theirs, each in a session of its own, and have an original."""
    value(dpo, "select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", LOG, *plain_keys("pool", 3))
    rows = writer.execute(
        "select key_id from unbroken.vault_keys(%s, '{subject,subject}', %s)", (LOG, [ANN, BOB])
    ).fetchall()
    keys = {who: row[0] for who, row in zip((ANN, BOB), rows, strict=True)}
    for who, key in keys.items():
        append_sealed(writer, [(sent(subjects=[who], session_id=who, original="0" * 64), laid_out(key))])
    return keys


def rewrapping(dpo: Connection, to: str = "kek-2") -> str:
    return str(value(dpo, "select unbroken.ask_rewrapping(%s, %s)", LOG, to))


@pytest.mark.parametrize(
    ("kind", "seqs"),
    [
        ("look", [2]),
        (None, [2]),
        ("open", []),
        ("open", [None]),
        ("open", [[2], [3]]),
        ("open", list(range(1, 1002))),
    ],
)
def test_what_nobody_can_ask_for_is_refused(
    dpo: Connection, sealed: dict[str, str], kind: str | None, seqs: list[object]
) -> None:
    ticket = open_ticket(dpo)
    assert refused(dpo, _ASK.replace("%s)", "%s::bigint[])"), LOG, ticket, kind, seqs) == "UB009"


def test_a_ticket_for_a_session_opens_what_is_in_it(dpo: Connection, sealed: dict[str, str]) -> None:
    ticket = open_ticket(dpo, session=ANN)
    assert refused(dpo, _ASK, LOG, ticket, "open", [2, 3]) == "UB008"
    assert refused(dpo, _ASK, LOG, ticket, "open", [2, 999]) == "UB008"
    opening = value(dpo, _ASK, LOG, ticket, "open", [2])
    assert [row[0] for row in dpo.execute(_ORIGINALS, (LOG, opening))] == [2]


def test_keys_come_for_the_originals_that_were_asked_for_alone(dpo: Connection, sealed: dict[str, str]) -> None:
    opening = value(dpo, _ASK, LOG, open_ticket(dpo), "open", [2])
    for keys in ([sealed[BOB]], [sealed[ANN], sealed[BOB]], [sealed[ANN], None], ["v-" + "0" * 32]):
        assert refused(dpo, _KEYS, LOG, opening, keys) == "UB008"
    for keys in ([], [sealed[ANN]] * 1001):
        assert refused(dpo, _KEYS.replace("%s)", "%s::text[])"), LOG, opening, keys) == "UB009"
    assert [row[0] for row in dpo.execute(_KEYS, (LOG, opening, [sealed[ANN]]))] == [sealed[ANN]]


def test_an_opening_is_its_login_s_own(database: Database, dpo: Connection, sealed: dict[str, str]) -> None:
    add_login(database.admin, "dpo2", duty="dpo")
    opening = value(dpo, _ASK, LOG, open_ticket(dpo), "open", [2])
    wrapping = rewrapping(dpo)
    with database.connect("dpo2") as other:
        open_ticket(other)
        assert refused(other, _ORIGINALS, LOG, opening) == "UB007"
        assert refused(other, _KEYS, LOG, opening, [sealed[ANN]]) == "UB007"
        assert refused(other, _CLOSE, LOG, opening, _DIGEST) == "UB007"
        assert refused(other, _TO_REWRAP, LOG, wrapping) == "UB007"
        assert refused(other, "select unbroken.close_rewrapping(%s, %s)", LOG, wrapping) == "UB007"


def test_an_opening_of_another_log_opens_nothing_here(
    database: Database, dpo: Connection, sealed: dict[str, str]
) -> None:
    other = "lab.example/robots"
    add_log(database.admin, other, "dpo")
    opening = value(dpo, _ASK, other, open_ticket(dpo, log=other), "open", [2])
    open_ticket(dpo)
    assert refused(dpo, _ORIGINALS, LOG, opening) == "UB007"
    assert dpo.execute(_ORIGINALS, (other, opening)).fetchall() == []
    assert refused(dpo, _KEYS, other, opening, [sealed[ANN]]) == "UB008"


def test_an_opening_ends_with_its_ticket_and_with_the_grant(
    database: Database, dpo: Connection, sealed: dict[str, str]
) -> None:
    ticket = open_ticket(dpo)
    opening = value(dpo, _ASK, LOG, ticket, "open", [2])
    open_ticket(dpo)
    value(dpo, "select unbroken.close_ticket(%s, %s, 'complete', 0, %s)", LOG, ticket, _DIGEST)
    assert refused(dpo, _ORIGINALS, LOG, opening) == "UB007"
    assert refused(dpo, _KEYS, LOG, opening, [sealed[ANN]]) == "UB007"
    another = value(dpo, _ASK, LOG, open_ticket(dpo), "open", [2])
    with database.connect("access") as access:
        value(access, "select unbroken.revoke_access(%s, 'dpo', 'dpo', 'left')", LOG)
    assert refused(dpo, _ORIGINALS, LOG, another) == "UB003"


def test_an_erased_original_and_its_key_are_not_given(
    database: Database, dpo: Connection, sealed: dict[str, str]
) -> None:
    """Also to whoever asked for them before."""
    opening = value(dpo, _ASK, LOG, open_ticket(dpo), "open", [2, 3])
    erase(database, dpo, ANN)
    assert [row[0] for row in dpo.execute(_ORIGINALS, (LOG, opening))] == [3]
    assert refused(dpo, _KEYS, LOG, opening, [sealed[ANN]]) == "UB008"
    assert sealed[ANN] not in {row[0] for row in dpo.execute(_TO_REWRAP, (LOG, rewrapping(dpo)))}


def test_wrapping_anew_is_open_for_a_day(database: Database, dpo: Connection, sealed: dict[str, str]) -> None:
    wrapping = rewrapping(dpo)
    assert len(dpo.execute(_TO_REWRAP, (LOG, wrapping)).fetchall()) == 3
    database.disarm()
    database.admin.execute("update unbroken.openings set asked_at = asked_at - interval '25 hours'")
    assert refused(dpo, _TO_REWRAP, LOG, wrapping) == "UB007"
    assert refused(dpo, _REWRAP, LOG, wrapping, [sealed[ANN]], [b"x"], [b"y"]) == "UB007"


def test_wrapping_anew_and_opening_are_not_one_another(dpo: Connection, sealed: dict[str, str]) -> None:
    opening, wrapping = value(dpo, _ASK, LOG, open_ticket(dpo), "open", [2]), rewrapping(dpo)
    assert refused(dpo, _TO_REWRAP, LOG, opening) == "UB007"
    assert refused(dpo, _ORIGINALS, LOG, wrapping) == "UB007"
    assert refused(dpo, _CLOSE, LOG, wrapping, _DIGEST) == "UB007"
    assert refused(dpo, "select unbroken.close_rewrapping(%s, %s)", LOG, opening) == "UB007"


def test_a_key_is_wrapped_anew_in_the_place_of_what_was_read(
    database: Database, dpo: Connection, sealed: dict[str, str]
) -> None:
    wrapping = rewrapping(dpo)
    held: dict[str, bytes] = dict(dpo.execute(_TO_REWRAP, (LOG, wrapping)).fetchall())
    ann, bob = sealed[ANN], sealed[BOB]
    assert value(dpo, _REWRAP, LOG, wrapping, [ann, bob], [held[ann], b"other"], [b"a", b"b"]) == 1
    assert value(dpo, _REWRAP, LOG, wrapping, [ann], [b"a"], [b"again"]) == 0
    for new in (b"", b"x" * 4097, None):
        assert refused(dpo, _REWRAP, LOG, wrapping, [bob], [held[bob]], [new]) == "UB009"
    rows = database.admin.execute("select wrapped, wrapped_by from unbroken.wrapped_keys where key_id = %s", (ann,))
    assert rows.fetchone() == (b"a", "kek-2")


def test_no_content_and_no_key_stands_in_the_log_or_in_an_error(
    database: Database, writer: Connection, dpo: Connection, sealed: dict[str, str]
) -> None:
    opening = value(dpo, _ASK, LOG, open_ticket(dpo), "match", [2])
    dpo.execute(_KEYS, (LOG, opening, [sealed[ANN]]))
    value(dpo, _CLOSE, LOG, opening, _DIGEST)
    append(writer, [sent()])
    held = raw.rows(database.admin, "wrapped_keys")
    wrapped = [row.split("\\\\x")[1].split('"')[0] for row in held]
    texts = "\n".join(raw.rows(database.admin, "entries") + raw.rows(database.admin, "payloads"))
    assert all(half and half not in texts for half in wrapped)

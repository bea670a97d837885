"""Policies that speak of one part of an entry: what goes of it, what is listed as what, and what stays."""

import hashlib
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.disposing import BEGIN, Disposing
from tests.database.policies import ask_standing, put_in_force
from tests.database.raw import sent
from tests.database.test_disposals_door import ranges_of, told
from tests.database.vaulting import append, laid_out, plain_keys
from unbroken.store.log_reader import LogReader
from unbroken.verify.run import verify_log

POLICY = """
[[policy]]
id = "own.{name}"
title = "a test"
citation = "a test"
basis = "organisation"
jurisdiction = "any"
domains = {domains}
"""
POLICIES = "".join(
    POLICY.format(name=name, domains=domains) + terms
    for name, domains, terms in (
        ("originals", '["sealed", "spoken"]', 'ceiling = "1d"\nparts = ["originals"]\n'),
        ("payloads", '["spoken", "brief"]', 'ceiling = "1d"\nparts = ["payloads"]\n'),
        ("words", '["sealed"]', 'floor = "6y"\nparts = ["payloads"]\n'),
        ("all", '["gone"]', 'ceiling = "1d"\n'),
    )
)
"""What is due by a ceiling of a day is so from the moment in which it is recorded."""
TABLES = "select 'payloads', seq from unbroken.payloads union select 'originals', seq from unbroken.originals"


@pytest.fixture
def on(database: Database) -> Iterator[Disposing]:
    put_in_force(database, POLICIES)
    made = Disposing(database)
    made.login("dpo").execute("select unbroken.refill_vault(%s, %s, %s, %s, %s, 'kek-1')", (LOG, *plain_keys("x", 2)))
    yield made
    made.close()


def record(on: Disposing, *events: tuple[str, bool]) -> list[int]:
    """Records an event of a domain each, with or without an original."""
    keys = on.login("writer").execute(
        "select key_id from unbroken.vault_keys(%s, '{subject}', %s)", (LOG, ["p-" + "a" * 32])
    )
    (key,) = keys.fetchone() or ("",)
    batch = [
        (
            sent({"inputs": '"x"'}, domains=[domain], original="0" * 64 if sealed else None),
            laid_out(key) if sealed else None,
        )
        for domain, sealed in events
    ]
    return [received.seq for received in append(on.login("writer"), batch)]


def held(on: Disposing, *seqs: int) -> list[str]:
    """What of these there still is, in their order: p, o, po or nothing."""
    rows = on.database.admin.execute(TABLES).fetchall()
    return ["".join(part[0] for part, found in sorted(rows, reverse=True) if found == seq) for seq in seqs]


DELETE: dict[str, LiteralString] = {
    "payloads": "delete from unbroken.payloads where seq = %s",
    "originals": "delete from unbroken.originals where seq = %s",
}
KINDS = (("sealed", True), ("sealed", False), ("spoken", True), ("spoken", False), ("brief", True), ("gone", True))


def lots(on: Disposing) -> list[tuple[Any, ...]]:
    return on.database.admin.execute(
        "select part, nth, array(select n from unnest(seqs) r, generate_series(lower(r), upper(r) - 1) n), sha256"
        " from unbroken.disposal_lots order by part, nth"
    ).fetchall()


def test_what_goes_of_an_entry_is_on_the_list(on: Disposing) -> None:
    sealed, _, spoken, words, brief, gone = record(on, *KINDS)
    disposal = on.proposed()
    assert [row[:3] for row in lots(on)] == [
        ("both", 1, [spoken, gone]),
        ("originals", 1, [sealed]),
        ("payloads", 1, [words, brief]),
    ]
    groups = on.login("legal").execute("select * from unbroken.disposal_groups(%s, %s)", (LOG, disposal)).fetchall()
    assert {(row[2][0], row[-1], *row[4], row[5]) for row in groups} == {
        ("sealed", "originals", "own.originals", 1),
        ("spoken", "both", "own.originals", "own.payloads", 1),
        ("spoken", "payloads", "own.payloads", 1),
        ("brief", "payloads", "own.payloads", 1),
        ("gone", "both", "own.all", 1),
    }


def test_what_goes_alone_goes_and_the_other_part_stays(on: Disposing) -> None:
    sealed, kept, spoken, words, brief, gone = record(on, *KINDS)
    disposal = on.done()
    assert held(on, sealed, kept, spoken, words, brief, gone) == ["p", "p", "", "", "o", ""]
    assert told(on.database)[:-1] == [
        {"disposal": disposal, "payloads": f"{spoken},{gone}", "originals": f"{spoken},{gone}"},
        {"disposal": disposal, "part": "originals", "originals": f"{sealed}"},
        {"disposal": disposal, "part": "payloads", "payloads": f"{words}-{brief}"},
    ]
    raw.both_accept(on.database)
    assert on.value("retention", "select unbroken.propose_disposal(%s, %s)", on.frozen()) is None


@pytest.mark.parametrize("page", [700, 5000])
def test_lots_of_each_part_are_of_a_thousand(on: Disposing, page: int) -> None:
    for _ in range(2):
        record(on, *[KINDS[at % 2 * 2] for at in range(1040)], *[("brief", False)] * 100)
    on.page = page
    disposal = on.proposed()
    rows = lots(on)
    assert [(part, nth, len(seqs)) for part, nth, seqs, _ in rows] == [
        *[("both", 1, 1000), ("both", 2, 40)],
        *[("originals", 1, 1000), ("originals", 2, 40)],
        ("payloads", 1, 200),
    ]
    for part, _, seqs, sha256 in rows:
        text = ranges_of(seqs) if part == "both" else f"{part} {ranges_of(seqs)}"
        assert sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert on.sha256(disposal) == hashlib.sha256("\n".join(row[3] for row in rows).encode()).hexdigest()
    on.agree(disposal)
    on.value("retention", BEGIN, disposal)
    on.empty(disposal, limit=5000)
    assert (on.row(disposal)["payloads"], on.row(disposal)["originals"]) == (1240, 2080)
    raw.both_accept(on.database)


def test_an_approval_in_advance_is_for_the_parts_that_its_policies_speak_of(on: Disposing) -> None:
    sealed, _, spoken, words, *_ = record(on, *KINDS)
    with on.database.connect("legal") as legal:
        approval = ask_standing(legal, ["own.originals"])
    on.value("compliance", "select unbroken.confirm_standing(%s, %s)", approval)
    disposal = on.proposed(standing=True)
    assert [row[:3] for row in lots(on)] == [("originals", 1, [sealed])]
    on.carry_out(disposal)
    assert held(on, sealed, spoken, words) == ["p", "po", "p"]


def test_nobody_takes_another_part_than_the_one_that_is_listed(on: Disposing) -> None:
    sealed, _, spoken, words, brief, _ = record(on, *KINDS)
    on.begun()
    for table, seq, state in (
        ("payloads", sealed, "UB010"),
        ("originals", brief, "UB010"),
        ("originals", sealed, None),
        ("payloads", words, None),
        ("payloads", spoken, None),
        ("originals", spoken, None),
    ):
        assert attempt(on.database, table, seq) == state, (table, seq)


def attempt(database: Database, table: str, seq: int) -> str | None:
    try:
        database.admin.execute(DELETE[table], (seq,))
    except psycopg.Error as error:
        return error.sqlstate
    return None


@pytest.mark.parametrize(
    ("said", "is_ended"),
    [({"part": "originals"}, False), ({"part": "payloads"}, False), ({}, True), ({"part": "drawings"}, True)],
)
def test_a_part_that_was_to_stay_and_went_is_found(on: Disposing, said: dict[str, str], is_ended: bool) -> None:
    """Whoever owns the database destroys more than was approved of, and tells of it in one way or another."""
    (sealed,) = record(on, ("sealed", True))
    disposal = on.begun()
    on.database.disarm()
    for table in ("payloads", "originals"):
        on.database.admin.execute(DELETE[table], (sealed,))
    numbers = {"payloads": str(sealed), "originals": str(sealed)}
    seq = tell(on, {"disposal": disposal, **numbers, **said})
    if is_ended:
        seq = tell(on, {"disposal": disposal, "complete": True, "payloads": 1, "originals": 1, "keys": 0, "kept": 0})
    with LogReader(on.database.conninfo("verifier"), LOG) as reader:
        assert ("not_approved", seq) in {(finding.kind, finding.seq) for finding in verify_log(reader).findings}


def tell(on: Disposing, details: dict[str, Any]) -> int:
    """Lets the owner of the database make an entry of the log's own."""
    row = on.database.admin.execute("select unbroken.append_own(1, 'log.disposed', %s)", (Jsonb(details),)).fetchone()
    assert row is not None
    return int(row[0])


def test_a_floor_of_a_law_that_keeps_what_is_not_there_keeps_nothing(on: Disposing) -> None:
    law = POLICY.format(name="law", domains='["kept"]').replace('"organisation"', '"law"')
    put_in_force(on.database, POLICIES + law + 'floor = "6y"\nparts = ["originals"]\n')
    record(on, ("kept", False))
    floored = "select unbroken.floored_of_person(1, %s, true, now() + interval '1 hour')"
    actor = on.database.admin.execute("select actor_id from unbroken.entries where event like '%recorder%'").fetchone()
    assert actor is not None
    assert on.database.admin.execute(floored, ([actor[0]],)).fetchone() == (0,)
    record(on, ("kept", True))
    assert on.database.admin.execute(floored, ([actor[0]],)).fetchone() == (1,)

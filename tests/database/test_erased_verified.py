"""What was erased is accounted for by the entries that tell of it, and by nothing else."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from psycopg import sql

from tests.conftest import LOG, Database, Server, add_log
from tests.database import raw
from tests.database.raw import Connection, open_ticket
from tests.database.test_vault_door import ANN, BOB, erase, value
from tests.database.vaulting import Vault, keys_for, record_about
from unbroken.core.entry import Head, StoredEntry
from unbroken.store.log_reader import LogReader
from unbroken.verify.finding import Accounted, Erasure, Report
from unbroken.verify.run import verify_log, verify_range, verify_session

Place = tuple[str, int, str | None]
HER_ENTRIES = (3, 5, 6, 8)
"""Ann's with what they hold, of the entries below."""


@dataclass(frozen=True)
class Scene:
    """A log about two people, one of whom was erased; without guards, so that anything can be done to it."""

    database: Database
    erasure: str
    told: tuple[int, ...]
    keys: dict[str, str]

    def do(self, statement: str, *values: Any) -> None:
        self.database.admin.execute(statement.encode(), values)

    def report(self, expect: Head | None = None) -> Report:
        return raw.report(self.database, expect=expect)

    def found(self) -> list[Place]:
        return places(self.report())


def places(report: Report) -> list[Place]:
    return [(finding.kind, finding.seq, finding.part) for finding in report.findings]


def record(database: Database, vault: Vault) -> dict[str, str]:
    """Ten entries, the first two of the vault's; gives back the ids of the two people's keys."""
    with database.connect("dpo") as dpo, database.connect("writer") as writer:
        vault.refill(dpo, 4)
        raw.append(writer, [raw.sent({"inputs": '"hello"'})])
        value(
            writer,
            "select unbroken.identify(%s, %s, %s, %s)",
            *(LOG, [b"\x01" * 32, b"\x02" * 32], [ANN, BOB], [b"\x01", b"\x02"]),
        )
        sessions = ("a", "b", "a", "a", "b", "a", "b", "b")
        for who, session in zip((ANN, BOB, ANN, ANN, BOB, ANN, BOB, BOB), sessions, strict=True):
            record_about(writer, who, {"inputs": who}, session_id=session)
        held = keys_for(writer, ("subject", ANN), ("subject", BOB))
    return {who: key.id for who, key in zip((ANN, BOB), held, strict=True) if key is not None}


@pytest.fixture(scope="module")
def erased(server: Server) -> Iterator[Scene]:
    """To be copied: nobody is connected to it. In the schema ``before`` stands what was there before the erasure."""
    with raw.database_on(server) as database:
        keys = record(database, Vault())
        database.admin.execute("create schema before")
        for table in ("payloads", "originals", "wrapped_keys", "identities", "subject_keys"):
            copy = sql.SQL("create table before.{} as select * from unbroken.{}")
            database.admin.execute(copy.format(sql.Identifier(table), sql.Identifier(table)))
        with database.connect("dpo") as dpo:
            erasure = erase(database, dpo, ANN)
        database.disarm()
        told = database.admin.execute("select seq from unbroken.entries where event_type = 'log.erased' order by 1")
        seqs = tuple(row[0] for row in told)
        database.admin.close()
        yield Scene(database, erasure, seqs, keys)


@pytest.fixture
def scene(erased: Scene) -> Iterator[Scene]:
    with raw.database_on(erased.database.server, erased.database.name) as database:
        yield replace(erased, database=database)


def test_what_was_erased_is_listed_and_no_finding(scene: Scene) -> None:
    raw.both_accept(scene.database)
    report = scene.report()
    first, *_, last = scene.told
    erasure = Erasure(scene.erasure, first, last, payloads=4, originals=4, keys=1, names=1, complete=True)
    assert report.accounted == Accounted(4, 4, 1, 1, (erasure,), 1)


def test_without_erasures_nothing_is_accounted_for(database: Database) -> None:
    record(database, Vault())
    assert raw.report(database).accounted == Accounted()
    raw.both_accept(database)


# ---- The same absence without its entry ----


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("delete from unbroken.payloads where seq = 4", [("missing", 4, "inputs")]),
        ("delete from unbroken.originals where seq = 4", [("missing", 4, "original")]),
        ("update unbroken.payloads set inputs = null where seq = 4", [("missing", 4, "inputs")]),
        ("delete from unbroken.payloads where seq = 1", [("missing", 1, "details")]),
    ],
)
def test_content_that_is_gone_without_an_entry_is_missing(scene: Scene, statement: str, found: list[Place]) -> None:
    scene.do(statement)
    report = scene.report()
    assert [each for each in places(report) if each[0] == "missing"] == found
    assert report.accounted.payloads == report.accounted.originals == 4


def test_a_finding_names_the_session_and_the_commitment(scene: Scene) -> None:
    scene.do("delete from unbroken.payloads where seq = 4")
    (finding,) = scene.report().findings
    commitment = value(scene.database.admin, "select event::json ->> 'inputs' from unbroken.entries where seq = 4")
    assert (finding.session, finding.expected) == ("b", f"a value for {commitment}")


@pytest.mark.parametrize("stated", [None, 1, 12, 1_000_000])
def test_a_key_that_is_gone_without_an_entry_that_names_it_is_missing(scene: Scene, stated: int | None) -> None:
    key = scene.keys[BOB]
    scene.do("update unbroken.subject_keys set destroyed_seq = %s where key_id = %s", stated, key)
    scene.do("delete from unbroken.wrapped_keys where key_id = %s", key)
    finding, *others = sorted(scene.report().findings, key=lambda finding: finding.kind != "missing")
    assert (finding.kind, finding.part) == ("missing", "key")
    assert key in finding.expected
    # What the key's row claims is told of as well.
    claimed = [] if stated is None else ["truncated" if stated > 12 else "table_disagrees"]
    assert [other.kind for other in others] == claimed


def test_an_entry_that_tells_of_an_erasure_can_not_be_erased(scene: Scene) -> None:
    """Neither as a superuser, nor so that it declares itself or another one does."""
    batch = scene.told[1]
    scene.do("delete from unbroken.payloads where seq = %s", batch)
    found = scene.found()
    assert ("missing", batch, "details") in found
    assert {seq for kind, seq, _ in found if kind == "missing"} == {*HER_ENTRIES[:3], batch}


def test_an_entry_that_tells_of_more_than_was_erased_is_altered(scene: Scene) -> None:
    batch = scene.told[1]
    scene.do("update unbroken.payloads set details = replace(details, '3,5-6', '3-6') where seq = %s", batch)
    scene.do("delete from unbroken.payloads where seq = 4")
    found = scene.found()
    assert ("altered_payload", batch, "details") in found
    assert {seq for kind, seq, _ in found if kind == "missing"} == {3, 4, 5, 6}


# ---- An entry, and what it tells of is there ----


def test_erased_content_that_was_put_back_is_not_erased(scene: Scene) -> None:
    scene.do("insert into unbroken.payloads select * from before.payloads where seq = 5")
    assert scene.found() == [("not_erased", 5, None)]
    scene.do("insert into unbroken.originals select * from before.originals where seq in (5, 8)")
    report = scene.report()
    assert places(report) == [("not_erased", 5, None), ("not_erased", 5, "original"), ("not_erased", 8, "original")]
    assert (report.accounted.payloads, report.accounted.originals) == (3, 2)
    assert report.accounted.erasures[0].payloads == 3
    assert report.findings[0].session == "a"


def test_a_key_and_a_name_that_were_put_back_are_not_erased(scene: Scene) -> None:
    first = scene.told[0]
    scene.do("insert into unbroken.wrapped_keys select * from before.wrapped_keys where key_id = %s", scene.keys[ANN])
    scene.do("insert into unbroken.identities select * from before.identities where pseudonym = %s", ANN)
    report = scene.report()
    assert places(report) == [("not_erased", first, "key"), ("not_erased", first, "name")]
    assert (report.accounted.keys, report.accounted.names) == (0, 0)


def test_an_original_that_nothing_commits_to_is_found(scene: Scene) -> None:
    scene.do("insert into unbroken.originals select log, 2, ciphertext from before.originals where seq = 3")
    assert scene.found() == [("commitment_wrong", 2, "original")]
    scene.do("update unbroken.originals set seq = 5000 where seq = 2")
    assert {kind for kind, *_ in scene.found()} == {"truncated"}


# ---- Forging ----


def test_a_recorder_can_not_tell_of_an_erasure(scene: Scene, database: Database) -> None:
    with database.connect("writer") as writer:
        raw.refused(database, writer, [raw.sent({"details": "{}"}, event_type="log.erased")], state="UB001")


def forged(scene: Scene, numbers: str, *, prev_hash: bytes | None = None) -> int:
    """Appends, as a superuser, an entry of the log's own; ``prev_hash`` in place of what it has to be."""
    name = "create function public.forge(d jsonb) returns bigint language sql security definer as"
    scene.do(f"{name} $$ select unbroken.append_own(1, 'log.erased', d) $$")
    seq = value(
        scene.database.admin,
        "select public.forge(jsonb_build_object('erasure', gen_random_uuid(), 'payloads', %s::text))",
        numbers,
    )
    if prev_hash is not None:
        scene.do("update unbroken.entries set prev_hash = %s where seq = %s", prev_hash, seq)
    return int(seq)


def test_who_owns_the_database_can_forge_an_entry_but_not_before_a_head_that_was_kept(scene: Scene) -> None:
    """It is seen as an erasure of its own, which nobody asked for: the table of erasures knows nothing of it."""
    with LogReader(scene.database.conninfo("verifier"), LOG) as reader:
        head = reader.head()
    scene.do("delete from unbroken.payloads where seq = 4")
    seq = forged(scene, "4")
    report = scene.report(expect=head)
    assert (places(report), report.accounted.erasures_total) == ([("table_disagrees", seq, "erasures")], 2)


def test_an_entry_put_in_between_breaks_the_chain(scene: Scene) -> None:
    scene.do("delete from unbroken.payloads where seq = 4")
    seq = forged(scene, "4", prev_hash=b"\x07" * 32)
    assert ("altered_entry", seq, None) in scene.found()
    assert ("missing", 4, "inputs") in scene.found()


def test_an_entry_made_of_another_breaks_the_chain(scene: Scene) -> None:
    """The event and its details are right, and the line is not the one that was hashed."""
    batch = scene.told[1]
    scene.do("delete from unbroken.payloads where seq = 2")
    scene.do(
        "update unbroken.entries e set event = f.event from unbroken.entries f where e.seq = 2 and f.seq = %s", batch
    )
    scene.do(
        "insert into unbroken.payloads select log, 2, inputs, inputs_salt, outputs, outputs_salt, details,"
        " details_salt from unbroken.payloads where seq = %s",
        batch,
    )
    found = scene.found()
    assert ("altered_entry", 2, None) in found


# ---- Parts of a log ----


def test_a_range_and_a_session_know_what_was_erased_behind_them(scene: Scene) -> None:
    with LogReader(scene.database.conninfo("verifier"), LOG) as reader:
        part = verify_range(reader, first=2, last=6)
        session = verify_session(reader, "a")
        assert (part.verdict, part.accounted.payloads) == ("consistent", 3)
        assert (session.verdict, session.accounted.payloads) == ("consistent", 4)
        scene.do("delete from unbroken.payloads where seq = 4")
        scene.do("insert into unbroken.payloads select * from before.payloads where seq = 5")
        assert places(verify_range(reader, first=2, last=6)) == [("missing", 4, "inputs"), ("not_erased", 5, None)]
        assert places(verify_session(reader, "a")) == [("not_erased", 5, None)]
        assert places(verify_session(reader, "b")) == [("missing", 4, "inputs")]


def test_a_ticket_for_one_session_opens_what_tells_of_erasures_in_its_log_alone(scene: Scene) -> None:
    add_log(scene.database.admin, "second", "compliance")
    for log in (1, 2):
        details = "jsonb_build_object('erasure', gen_random_uuid())"
        scene.do(f"select unbroken.append_own({log}, 'log.erased', {details})")
    with scene.database.connect("compliance") as compliance:
        open_ticket(compliance, session="b")
        shown = "select e.log, e.seq from unbroken.entries e join unbroken.payloads p using (log, seq) order by 1, 2"
        rows = compliance.execute(shown.encode()).fetchall()
    assert [seq for log, seq in rows if log == 1] == [4, 7, 9, 10, *scene.told, scene.told[-1] + 1]
    assert {log for log, _ in rows} == {1}


# ---- While it happens ----


class Behind(LogReader):
    """A reader that was told the log's end before an erasure went on; ``meanwhile`` goes on once it has read."""

    end: Head
    meanwhile: Callable[[], object] | None = None

    def head(self) -> Head:
        return self.end if self.meanwhile else super().head()

    def entries(
        self, *, after: int = 0, upto: int = 2**63 - 1, session: str | None = None
    ) -> Iterator[list[StoredEntry]]:
        read = list(super().entries(after=after, upto=upto, session=session))
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        yield from read


def begun(database: Database, dpo: Connection) -> str:
    """An erasure of Ann that has begun, and destroyed nothing but the keys."""
    ticket = open_ticket(dpo)
    ask = "select erasure::text from unbroken.ask_erasure(%s, %s, %s, false, 'C-1', 'asked for')"
    erasure = str(value(dpo, ask, LOG, ticket, [ANN]))
    with database.connect("legal") as legal:
        value(legal, "select unbroken.confirm_erasure(%s, %s)", LOG, erasure)
    keys = value(dpo, "select keys from unbroken.prepare_erasure(%s, %s)", LOG, erasure)
    value(dpo, "select unbroken.begin_erasure(%s, %s, %s, %s)", LOG, erasure, keys, "0" * 64)
    return erasure


def test_a_log_is_verified_while_somebody_is_erased(database: Database) -> None:
    record(database, Vault())
    with database.connect("dpo") as dpo, Behind(database.conninfo("verifier"), LOG) as reader:
        reader.end = reader.head()
        erasure = begun(database, dpo)
        batch = "select seq from unbroken.erase_batch(%s, %s, 1)"
        value(dpo, batch, LOG, erasure)
        reader.meanwhile = lambda: [value(dpo, batch, LOG, erasure) for _ in range(3)]
        report = verify_log(reader)
        assert (report.verdict, report.findings) == ("consistent", ())
        assert (report.accounted.payloads, report.accounted.keys) == (4, 1)
        assert not report.accounted.erasures[0].complete

"""Evidence bundles of a real log: every kind of selection, what is left out and why, and what is never handed out."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.database.disposing import DUE, Disposing, due_at_once
from tests.database.exporting import KEY, PURPOSE, TRUST, Exports, notary_at_work, said
from tests.database.held import issue
from tests.database.losing import continued
from tests.database.raw import append, sent
from tests.database.test_vault_door import ANN, BOB, erase
from tests.database.vaulting import Vault, record_about
from tests.plain import draft
from unbroken.anchors.anchor import Receipt
from unbroken.cli.export_asked import Asked, QueryName
from unbroken.cli.trust import trusted
from unbroken.core.cosignature import CosigningKey
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.core.note import parse
from unbroken.errors import AccessDeniedError, ConfigurationError
from unbroken.investigate.bundle import proving
from unbroken.ledger.ledger import Ledger
from unbroken.store.checkpoints import Checkpoints
from unbroken.store.log_reader import LogReader
from unbroken.verify.bundle.run import verify_bundle
from unbroken.verify.bundle.trust import Trust

FILES = [
    "manifest.json", "manifest.note", "exported.jsonl", "checkpoint.note", "proof.json", "keys.json", "anchors.jsonl",
    "entries.jsonl", "entries.csv", "LIMITS.md", "verify.py", "verify.html",
]  # fmt: skip


@pytest.fixture
def exports(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Exports:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(proving, "POLL_S", 0.05)
    out = tmp_path / "out"
    out.mkdir()
    return Exports(database, out)


@pytest.fixture
def notary(database: Database, tmp_path: Path) -> Iterator[None]:
    with notary_at_work(database, tmp_path / "notary"):
        yield


@pytest.fixture
def recorded(ledger: Ledger) -> Ledger:
    """Two sessions whose entries alternate, with a call that nobody approved, an error and something masked."""
    for one, other in zip(conversation("call-1", "u-1"), conversation("call-2", "u-2"), strict=True):
        ledger.record([one, other])
    return ledger


def conversation(session: str, actor: str) -> list[Any]:
    who: dict[str, Any] = {"actor_id": actor, "actor_type": "user", "agent_id": "desk", "session_id": session}
    book: dict[str, Any] = {"tool": "book", "call_id": f"c-{session}"}
    return [
        draft("request", inputs="book it", redactions=["EMAIL_ADDRESS:1"], **who),
        draft("tool_call", **book, side_effect=True, inputs={"day": "monday"}, subjects=[f"p-{actor}"], **who),
        draft("error", **book, outputs="=cmd()|no", resource_type="slot", resource_id="s-9", **who),
        draft("response", outputs="not booked", details={"tries": 1}, **who),
    ]


def content(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def manifest(path: Path) -> Any:
    return json.loads(content(path)["manifest.json"])


def lines(path: Path) -> list[Any]:
    """The entries of a bundle, each with its line parsed."""
    read = [json.loads(line) for line in content(path)["entries.jsonl"].splitlines()]
    return [{**each, "line": json.loads(each["line"])} for each in read]


def seqs(path: Path) -> list[int]:
    return [each["line"]["seq"] for each in lines(path)]


def selected(path: Path) -> list[int]:
    return [seq for first, last in manifest(path)["selected"] for seq in range(first, last + 1)]


def matching(entries: list[StoredEntry], upto: int, **wanted: object) -> list[int]:
    events = [(entry.seq, json.loads(entry.event)) for entry in entries]
    return [seq for seq, event in events if seq <= upto and all(event.get(k) == v for k, v in wanted.items())]


# ---- what is selected ----


def test_a_session_is_proven(exports: Exports, recorded: Ledger, notary: None, entries: Any) -> None:
    path = exports.proven(Asked(session="call-1"))
    assert list(content(path)) == FILES
    assert seqs(path) == selected(path) == matching(entries(), 10**9, session_id="call-1") == [1, 3, 5, 7]
    said_of_it = manifest(path)
    assert said_of_it["exported"] | {"at": "", "ticket": ""} == {
        "at": "", "by": "compliance", "case": "44", "duty": "compliance", "purpose": PURPOSE, "ticket": "",
    }  # fmt: skip
    assert said_of_it["selection"]["session"] == "call-1"


KINDS: list[tuple[Asked, dict[str, Any]]] = [
    (Asked(everything=True), {}),
    (Asked(actor="u-2"), {"actor_id": "u-2"}),
    (Asked(subject="p-u-1"), {"subjects": ["p-u-1"]}),
    (Asked(query=QueryName.ERRORS), {"event_type": "error"}),
    (Asked(query=QueryName.ACTIONS, agent="desk", actor="u-1"), {"agent_id": "desk", "actor_id": "u-1"}),
    (Asked(query=QueryName.ACCESS, resource="s-9"), {"resource_id": "s-9"}),
    (Asked(query=QueryName.CONTAINS, flags=("personal",)), {"redactions": ["EMAIL_ADDRESS:1"]}),
    (Asked(query=QueryName.UNAPPROVED), {"event_type": "tool_call"}),
]


def test_every_kind_of_selection_is_proven_and_complete(
    exports: Exports, recorded: Ledger, notary: None, entries: Any
) -> None:
    for asked, wanted in KINDS:
        path = exports.proven(asked)
        upto = int(manifest(path)["selection"]["upto"])
        assert seqs(path) == selected(path) == matching(entries(), upto, **wanted), asked
        assert seqs(path)


def test_a_time_is_what_the_log_recorded_in_it(
    database: Database, exports: Exports, recorded: Ledger, notary: None, entries: Any
) -> None:
    begin, end = (each.recorded_at for each in (entries()[2], entries()[5]))
    path = exports.proven(Asked(since=begin, until=end))
    assert seqs(path) == [each.seq for each in entries() if begin <= each.recorded_at < end]
    assert 3 in seqs(path)


def test_who_has_several_pseudonyms_is_found_by_those_in_the_lines(
    exports: Exports, recorded: Ledger, notary: None
) -> None:
    """What was asked for beside is named nowhere: it would tell who stands behind the ids that are there."""
    path = exports.proven(Asked(actor="u-1"))
    assert manifest(path)["selection"]["ids"] == ["u-1"]
    told = json.loads(content(path)["exported.jsonl"])["payload"]["details"]["value"]
    assert json.loads(told)["selection"]["actor"].startswith("p:")
    assert '"u-1"' not in told


def test_with_its_range_every_line_between_is_there_without_content(
    exports: Exports, recorded: Ledger, notary: None
) -> None:
    path = exports.proven(Asked(session="call-1"), with_range=True)
    assert seqs(path) == [1, 2, 3, 4, 5, 6, 7]
    for each in lines(path):
        event = each["line"]["event"]
        committed = [part for part in ("details", "inputs", "outputs") if part in event]
        if event["session_id"] == "call-1":
            assert (sorted(each["payload"]), "withheld" in each) == (committed, False)
        else:
            assert ("payload" in each, each["withheld"]) == (False, committed)
    assert manifest(path)["withheld"] == {"inputs": 2, "outputs": 1}


def test_what_is_withheld_is_named_and_not_there(exports: Exports, recorded: Ledger, notary: None) -> None:
    path = exports.proven(Asked(session="call-1"), withheld=("outputs", "details"))
    assert manifest(path)["withheld"] == {"details": 1, "outputs": 2}
    assert [sorted(each.get("payload", {})) for each in lines(path)] == [["inputs"], ["inputs"], [], []]
    assert b"not booked" not in b"".join(content(path).values())
    assert "withheld parts say (details, outputs)" in " ".join(content(path)["LIMITS.md"].decode().split())


def test_the_table_says_the_same_and_no_spreadsheet_obeys_it(exports: Exports, recorded: Ledger, notary: None) -> None:
    rows = content(exports.proven(Asked(session="call-1")))["entries.csv"].decode().split("\r\n")
    assert rows[0].startswith('"seq","selected","recorded_at"')
    assert (len(rows), rows[-1]) == (6, "")
    assert '"""=cmd()|no"""' in rows[3] or "'" in rows[3]
    assert "=cmd()" not in [cell.strip('"')[:6] for cell in rows[3].split(",")]


# ---- what was erased ----


def test_what_was_erased_is_explained_by_the_entries_that_go_along(
    database: Database, exports: Exports, notary: None
) -> None:
    with database.connect("dpo") as dpo, database.connect("writer") as writer:
        Vault().refill(dpo, 4)
        for who, session in ((ANN, "a"), (BOB, "b"), (ANN, "a")):
            record_about(writer, who, {"inputs": "hello"}, session_id=session)
        erase(database, dpo, ANN)
    path = exports.proven(Asked(session="a"))
    beside = [each for each in lines(path) if each["line"]["seq"] not in selected(path)]
    assert {each["line"]["event"]["event_type"] for each in beside} == {"log.erased"}
    assert all("payload" not in each for each in lines(path) if each not in beside)
    other = exports.proven(Asked(session="b"), with_range=True)
    assert [each["line"]["event"]["event_type"] for each in lines(other) if "log." in str(each["line"])] == []


# ---- what was disposed of ----


def test_what_was_disposed_of_is_explained_by_the_entries_that_go_along(
    database: Database, exports: Exports, ledger: Ledger, notary: None
) -> None:
    due_at_once(database)
    who: dict[str, Any] = {"actor_id": "u-1", "actor_type": "user"}
    due: dict[str, Any] = {**who, **DUE, "session_id": "a"}
    ledger.record([draft("request", inputs=text, **due) for text in ("one", "two", "three")])
    ledger.record([draft("request", inputs="kept", session_id="b", **who)])
    with database.connect("legal") as legal:
        issue(legal, {"sessions": ["b"]})
    disposing = Disposing(database)
    disposing.done()
    disposing.close()
    path = exports.proven(Asked(session="a"))
    beside = [each for each in lines(path) if each["line"]["seq"] not in selected(path)]
    assert [each["line"]["event"]["event_type"] for each in beside] == ["log.disposed"]
    assert all("payload" not in each for each in lines(path) if each not in beside)
    rows = list(csv.DictReader(io.StringIO(content(path)["entries.csv"].decode())))
    number = str(beside[0]["line"]["seq"])
    assert [(row["disposed_by"], row["erased_by"]) for row in rows] == [(number, "")] * 3 + [("", "")]
    # That it is held is told of nowhere in it.
    ranged = exports.proven(Asked(session="b"), with_range=True)
    assert [each["line"]["event"]["event_type"] for each in lines(ranged)] == ["request"]


# ---- what is on record ----


def test_the_log_tells_of_the_export_and_names_the_key_that_signed(
    exports: Exports, recorded: Ledger, notary: None, entries: Any
) -> None:
    path = exports.proven(Asked(session="call-1"))
    read = [(decode_event(each.event).event_type, json.loads(each.details)) for each in entries() if each.details]
    own = [(kind, details) for kind, details in read if kind in ("log.read", "log.exported", "log.read_completed")]
    assert [kind for kind, _ in own] == ["log.read", "log.exported", "log.read_completed"]
    (_, opened), (_, told), (_, ended) = own
    assert told["ticket"] == opened["ticket"] == ended["ticket"] == manifest(path)["exported"]["ticket"]
    assert (told["entries"], told["selection"]["kind"], ended["count"], ended["outcome"]) == (
        4,
        "session",
        4,
        "complete",
    )
    files = list((exports.folder.parent / "state" / "unbroken" / "exporters").iterdir())
    assert [(each.name, each.stat().st_mode & 0o777) for each in files] == [("compliance.key", 0o600)]
    assert told["key"].startswith("compliance+")
    assert files[0].read_text().startswith("PRIVATE+KEY+compliance+")
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_same_key_signs_again(exports: Exports, recorded: Ledger, notary: None) -> None:
    keys = set()
    for session in ("call-1", "call-2"):
        details = json.loads(content(exports.proven(Asked(session=session)))["exported.jsonl"])["payload"]["details"]
        keys.add(json.loads(details["value"])["key"])
    assert len(keys) == 1


def test_a_draft_is_read_and_not_handed_out(exports: Exports, recorded: Ledger, notary: None, entries: Any) -> None:
    path, done = exports.export(Asked(session="call-1"), draft=True)
    assert (done.exit_code, done.exported) == (0, None)
    assert set(FILES) - set(content(path)) == {"manifest.note", "exported.jsonl"}
    assert said(path, TRUST) == ("consistent", [])
    assert "log.exported" not in [decode_event(each.event).event_type for each in entries()]


def test_a_folder_holds_the_same(exports: Exports, recorded: Ledger, notary: None) -> None:
    path, _ = exports.export(Asked(session="call-1"), packed=False)
    assert sorted(each.name for each in path.iterdir()) == sorted(FILES)
    assert said(path, TRUST) == ("proven", [])


# ---- checkpoints ----


def test_without_a_checkpoint_it_is_consistent_at_best(exports: Exports, recorded: Ledger) -> None:
    path, done = exports.export(Asked(session="call-1"))
    assert (done.exit_code, done.covering) == (3, None)
    assert set(FILES) - set(content(path)) == {"checkpoint.note", "proof.json"}
    assert said(path, TRUST) == ("consistent", [])


def test_a_checkpoint_that_does_not_cover_the_export_is_not_taken(
    database: Database, exports: Exports, recorded: Ledger, tmp_path: Path
) -> None:
    with notary_at_work(database, tmp_path / "notary"):
        exports.proven(Asked(session="call-1"))
    path, done = exports.export(Asked(session="call-1"), seconds=0.6)
    assert (done.exit_code, "proof.json" in content(path)) == (3, False)
    assert said(path, TRUST) == ("consistent", [])


def test_of_an_incarnation_that_is_closed_the_next_one_tells(
    database: Database, exports: Exports, recorded: Ledger, tmp_path: Path
) -> None:
    with notary_at_work(database, tmp_path / "notary"):
        exports.proven(Asked(session="call-1"))
    continued(database)
    exports.log = f"{LOG}~1"
    path, done = exports.export(Asked(session="call-1"))
    assert (done.exit_code, manifest(path)["log"]) == (3, f"{LOG}~1")
    told = json.loads(json.loads(content(path)["exported.jsonl"])["line"])
    assert (told["log"], seqs(path)) == (f"{LOG}~2", [1, 3, 5, 7])
    assert "proof.json" in content(path)
    assert said(path, TRUST) == ("consistent", [])


def test_what_anchors_answered_goes_along(
    database: Database, exports: Exports, recorded: Ledger, tmp_path: Path
) -> None:
    witness = CosigningKey("witness.example", bytes(32))
    with notary_at_work(database, tmp_path / "notary"):
        pass
    with Checkpoints.open(database.conninfo("notary"), LOG) as found:
        kept = found.newest()
        assert kept is not None
        text = parse(kept.note).text
        line = witness.cosign(text, at=datetime.now(UTC)).encode()
        for anchor, kind, proof in (("nas", "directory", b""), ("w", "witness", line), ("tsa", "timestamp", b"{}")):
            receipt = Receipt(anchor, kind, kept.note, proof)  # type: ignore[arg-type]
            found.store_receipt(receipt.to_bytes(), anchor=anchor, kind=kind, size=kept.size, root=kept.root, at=None)
    path, done = exports.export(Asked(session="call-1"), draft=True, cosigners=(str(witness.verifier),))
    assert done.covering is not None
    assert len(content(path)["anchors.jsonl"].splitlines()) == 3
    assert content(path)["checkpoint.note"].decode() == kept.note + line.decode()
    for trust, is_trusted in ((TRUST, False), ([*TRUST, str(witness.verifier)], True)):
        assert said(path, trust) == ("consistent", [])
        keys = trusted(trust)
        report = verify_bundle(path, Trust(keys.keys, keys.cosigners))
        assert [(each.key, each.trusted) for each in report.witnessed] == [(str(witness.verifier), is_trusted)]
        assert [(each.anchor, each.kind, each.compared) for each in report.anchors] == [
            ("nas", "directory", True), ("tsa", "timestamp", True), ("w", "witness", True),
        ]  # fmt: skip


# ---- what is not handed out ----


def test_nothing_that_fits_is_nothing_to_export(exports: Exports, recorded: Ledger, entries: Any) -> None:
    for asked in (Asked(session="call-9"), Asked(actor="nobody"), Asked(since="2001-01-01", until="2001-01-02")):
        with pytest.raises(ConfigurationError, match="nothing in the log fits"):
            exports.export(asked)
    assert list(exports.folder.iterdir()) == []
    assert "log.exported" not in [decode_event(each.event).event_type for each in entries()]


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("update unbroken.payloads set inputs = '\"x\"' where seq = 3", "altered_payload"),
        ("update unbroken.entries set event = replace(event, 'desk', 'task') where seq = 3", "altered_entry"),
        ("update unbroken.entries set session_id = null where seq = 3", "column_disagrees"),
        ("update unbroken.entries set session_id = 'call-1' where seq = 4", "column_disagrees"),
        ("delete from unbroken.payloads where seq = 3", "missing"),
    ],
)
def test_what_is_not_as_recorded_is_not_handed_out(
    statement: str, kind: str, database: Database, exports: Exports, recorded: Ledger, entries: Any
) -> None:
    database.disarm()
    database.admin.execute(statement.encode())
    out, done = exports.export(Asked(session="call-1"), with_range=True)
    assert done.exit_code == 1
    assert kind in {finding.kind for finding in done.findings}
    assert (out.exists(), list(exports.folder.iterdir())) == (False, [])
    assert "log.exported" not in [decode_event(each.event).event_type for each in entries()]


def test_tiles_that_lie_make_no_bundle(database: Database, exports: Exports, recorded: Ledger, tmp_path: Path) -> None:
    """The proof is held against the checkpoint before anybody gets it."""
    with database.connect("writer") as writer:
        append(writer, [sent() for _ in range(600)])
    with notary_at_work(database, tmp_path / "notary"):
        exports.proven(Asked(session="call-1"))
    database.disarm()
    database.admin.execute(
        "update unbroken.tiles set hashes = substr(hashes, 1, 32) || sha256(hashes) || substr(hashes, 65)"
        " where level = 1"
    )
    out, done = exports.export(Asked(session="call-1"), draft=True)
    assert (out.exists(), {finding.kind for finding in done.findings}) == (False, {"not_included"})


def test_duties_that_may_not_hand_out(database: Database, exports: Exports, recorded: Ledger) -> None:
    for login in ("ops", "verifier", "writer"):
        with pytest.raises(AccessDeniedError):
            Exports(database, exports.folder, login).export(Asked(session="call-1"))
    assert list(exports.folder.iterdir()) == []


@pytest.mark.parametrize("login", ["legal", "dpo"])
def test_duties_that_may(login: str, database: Database, exports: Exports, recorded: Ledger, notary: None) -> None:
    path = Exports(database, exports.folder, login).proven(Asked(session="call-1"))
    assert (manifest(path)["exported"]["by"], manifest(path)["exported"]["duty"]) == (login, login)


def test_a_large_log_is_proven_by_little(
    database: Database, exports: Exports, recorded: Ledger, notary: None, reader: LogReader
) -> None:
    with database.connect("writer") as writer:
        for _ in range(4):
            append(writer, [sent({"inputs": '"x"'}) for _ in range(500)])
    path = exports.proven(Asked(session="call-1"))
    hashes = json.loads(content(path)["proof.json"])["hashes"]
    # Four leaves at the left edge, one at the right, of some 2,000: a path down each side.
    assert 10 < len(hashes) < 30
    whole = exports.proven(Asked(everything=True))
    assert len(seqs(whole)) == int(manifest(whole)["selection"]["upto"]) > 2000
    assert len(json.loads(content(whole)["proof.json"])["hashes"]) < 12
    assert reader.log == f"{LOG}~1"
    assert KEY.name in content(whole)["keys.json"].decode()
    assert datetime.now(UTC) - timedelta(days=1) < datetime.fromisoformat(manifest(whole)["exported"]["at"])

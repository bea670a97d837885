"""``unbroken original``: shown from verified lines alone, on record, and matched without being shown."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.disposing import DUE, Disposing, due_at_once
from tests.database.raw import Connection, Received
from tests.database.test_vault_door import erase
from tests.database.vaulting import Vault, append, keys_for, sealed_to
from tests.system.cli import UNBROKEN, Cli
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.local_key import LocalKey, create_file

DANA, LEE = "p-" + "d" * 32, "p-" + "e" * 32
KEK = LocalKey("2026", b"n" * 32)
Entries = Callable[[], list[StoredEntry]]


@dataclass
class Recorded:
    """Events with sealed originals, each about some people."""

    writer: Connection
    dpo: Connection
    vault: Vault = field(default_factory=lambda: Vault(KeyEncryptions(KEK), LogKey("1", bytes(range(32)))))

    def about(
        self, *people: str, session: str = "s-1", original: dict[str, Json] | None = None, **more: Any
    ) -> Received:
        keys = [key for key in keys_for(self.writer, *(("subject", each) for each in people)) if key]
        fields = {"subjects": sorted(people), "session_id": session, "redactions": ["PERSON:1"], **more}
        return append(self.writer, [sealed_to(keys, original or {"inputs": "I am Dana Müller"}, **fields)])[0]

    def plain(self, inputs: str = '"How do you do"', **fields: Any) -> Received:
        return raw.append(self.writer, [raw.sent({"inputs": inputs}, **{"session_id": "s-1", **fields})])[0]


@pytest.fixture(name="recorded")
def _recorded(database: Database) -> Iterator[Recorded]:
    with database.connect("writer") as writer, database.connect("dpo") as dpo:
        made = Recorded(writer, dpo)
        made.vault.refill(dpo, 5)
        yield made


@pytest.fixture(name="kek")
def _kek(tmp_path: Path) -> Path:
    path = tmp_path / "vault.keys"
    create_file(path, KEK)
    return path


@pytest.fixture(name="dpo")
def _dpo(database: Database, tmp_path: Path, kek: Path) -> Cli:
    return as_login(database, "dpo", tmp_path, kek)


def as_login(database: Database, login: str, tmp_path: Path, kek: Path, **settings: str) -> Cli:
    known = {
        "UNBROKEN_LOG": LOG,
        "UNBROKEN_PURPOSE": "complaint 31",
        "UNBROKEN_CASE": "C-31",
        "UNBROKEN_VAULT_KEK": f"file:{kek}",
    }
    return Cli(database.conninfo(login), tmp_path / "state", {**known, **settings})


def told(entries: Entries, *kinds: str) -> list[dict[str, Any]]:
    """The details of the log's own entries of some kinds, or of reads and openings."""
    wanted = kinds or ("log.read", "log.original_asked", "log.original_opened", "log.read_completed")
    found = [(decode_event(entry.event).event_type, json.loads(entry.details or b"{}")) for entry in entries()]
    return [{"type": kind, **details} for kind, details in found if kind in wanted]


def lines_of(done: "subprocess.CompletedProcess[str]") -> list[Any]:
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


# ---- opening ----


def test_what_was_said_is_shown_and_that_it_was_is_on_record(dpo: Cli, recorded: Recorded, entries: Entries) -> None:
    original: dict[str, Json] = {"inputs": "I am Dana Müller", "event": {"purpose": "calls for Dana"}}
    entry = recorded.about(DANA, original=original)
    done = dpo("original", "open", entry.seq)
    assert done.returncode == 0
    assert [line.strip() for line in done.stdout.splitlines() if line.strip()] == [
        f"entry {entry.seq}  2026-03-01 09:00:00  request  {raw.MARKER}  opened",
        "purpose",
        "calls for Dana",
        "inputs",
        "I am Dana Müller",
    ]
    read, asked, opened, completed = told(entries)
    assert done.stderr.split() == f"1 entry: 1 opened. Recorded under the read in entry {entry.seq + 1}.".split()
    assert (read["case"], read["purpose"], read["scope"]) == (
        *("C-31", "complaint 31"),
        {"what": f"originals of entry {entry.seq}"},
    )
    assert (asked["type"], asked["kind"], asked["seqs"]) == ("log.original_asked", "open", str(entry.seq))
    assert asked["ticket"] == read["ticket"] == completed["ticket"]
    digest = sha256(entry.hash).hexdigest()
    assert opened == {
        "type": "log.original_opened",
        "opening": asked["opening"],
        "opened": 1,
        "failed": 0,
        "digest": digest,
    }
    assert (completed["outcome"], completed["count"], completed["digest"]) == ("complete", 1, digest)


def test_a_session_is_shown_whole_in_order_and_opens_nothing_else(
    dpo: Cli, recorded: Recorded, entries: Entries
) -> None:
    recorded.about(LEE, session="another")
    first = recorded.about(DANA)
    plain = recorded.plain()
    second = recorded.about(DANA, LEE, original={"details": {"note": ["Dana", "Lee"]}})
    done = dpo("original", "open", "--session", "s-1", "--json")
    assert done.returncode == 0
    found = lines_of(done)
    assert [(each["seq"], each["outcome"]) for each in found] == [
        (first.seq, "opened"),
        (plain.seq, "unchanged"),
        (second.seq, "opened"),
    ]
    assert [each["content"] for each in found] == [
        {"inputs": "I am Dana Müller"},
        {"inputs": "How do you do"},
        {"inputs": "[masked]", "details": {"note": ["Dana", "Lee"]}},
    ]
    assert [each["restored"] for each in found] == [["inputs"], [], ["details"]]
    assert found[0]["event"]["subjects"] == [DANA]
    assert found[0]["hash"] == first.hash.hex()
    (asked,) = told(entries, "log.original_asked")
    assert asked["seqs"] == f"{first.seq},{second.seq}"
    (read,) = told(entries, "log.read")
    assert read["scope"] == {"what": "originals", "session": "s-1"}


def test_an_entry_in_which_nothing_was_masked_is_as_it_was_said(dpo: Cli, recorded: Recorded, entries: Entries) -> None:
    plain, unkept = recorded.plain(), recorded.plain(redactions=["EMAIL_ADDRESS:2"])
    done = dpo("original", "open", plain.seq)
    assert (done.returncode, "How do you do" in done.stdout) == (0, True)
    masked = dpo("original", "open", plain.seq, unkept.seq)
    assert masked.returncode == 1
    assert "masked, and no original was kept of it" in masked.stdout
    assert "inputs, as recorded" in masked.stdout
    assert told(entries, "log.original_asked") == []


def described(kind: str, name: str, value: Json) -> raw.Sent:
    return raw.sent({name: json.dumps(value)}, session_id="s-1", event_type=kind)


def test_a_prompt_of_which_only_the_hash_is_recorded_is_not_said_to_be_whole(
    dpo: Cli, recorded: Recorded, entries: Entries, tmp_path: Path
) -> None:
    hashed: dict[str, Json] = {"content_hash": f"k1:{'ab' * 32}", "length": 31}
    message: dict[str, Json] = {"commitment": "a" * 64, "salt": "5a", "message": {"role": "system", **hashed}}
    said: dict[str, Json] = {**message, "message": {"role": "user", "content": "Hi", "length": 3}}
    cases: list[tuple[str, str, Json]] = [
        ("model_call", "inputs", {"messages": ["a" * 64], "new": [message]}),
        ("conversation_started", "details", {"prompt_template": {"id": "t", **hashed}}),
        ("model_call", "details", {"parameters": {"system": {"length": 31}}}),
        ("model_call", "inputs", {"messages": ["a" * 64], "new": [said]}),
        ("model_call", "details", {"prompt_template": {"id": "t"}, "parameters": {"length": 31}}),
        ("tool_call", "details", {"prompt_template": hashed}),
    ]
    first, *others = (raw.append(recorded.writer, [described(*case)])[0].seq for case in cases)
    done = dpo("original", "open", first, *others, "--json")
    assert [each["outcome"] for each in lines_of(done)] == ["not_kept"] * 3 + ["unchanged"] * 3
    assert done.returncode == 1
    shown = dpo("original", "open", first)
    assert "of a prompt hash and length are recorded" in shown.stdout
    assert "inputs, as recorded" in shown.stdout
    assert "nothing was masked" not in shown.stdout + shown.stderr
    untold = matched(dpo, tmp_path, first, "Be kind.", "--text")
    assert (untold.returncode, "It can't be told" in untold.stdout) == (3, True)
    assert told(entries, "log.original_asked") == []


def test_after_an_erasure_it_says_so_and_shows_the_others(
    database: Database, dpo: Cli, recorded: Recorded, entries: Entries
) -> None:
    first, both, other = recorded.about(DANA), recorded.about(DANA, LEE), recorded.about(LEE)
    database.disarm()
    database.admin.execute(
        "delete from unbroken.wrapped_keys w using unbroken.subject_keys k where k.key_id = w.key_id and k.holder = %s",
        (DANA,),
    )
    done = dpo("original", "open", first.seq, both.seq, other.seq)
    assert done.returncode == 1
    assert done.stdout.count("a key that it needs is destroyed: no entry tells of it") == 2
    assert done.stdout.count("I am Dana Müller") == 1
    assert "3 entries: 1 opened, 2 erased" in " ".join(done.stderr.split())
    (opened,) = told(entries, "log.original_opened")
    assert (opened["opened"], opened["failed"]) == (1, 2)
    erase(database, recorded.dpo, DANA)
    gone, _, still = lines_of(dpo("original", "open", first.seq, both.seq, other.seq, "--json"))
    assert (gone["outcome"], gone["content"], still["outcome"]) == ("erased", {}, "opened")
    (batch,) = (entry.seq for entry in entries() if b'"payloads":"' in (entry.details or b""))
    assert gone["why"] == f"erased, as entry {batch} tells"


def test_what_is_sealed_to_a_destroyed_key_names_the_entry_that_tells_of_it(
    database: Database, dpo: Cli, recorded: Recorded, entries: Entries
) -> None:
    keys = [key for key in keys_for(recorded.writer, ("subject", DANA)) if key]
    recorded.about(DANA)
    erase(database, recorded.dpo, DANA)
    late = append(recorded.writer, [sealed_to(keys, {"inputs": "still"}, subjects=[DANA], redactions=["PERSON:1"])])[0]
    (first,) = (entry.seq for entry in entries() if b'"keys":["' in (entry.details or b""))
    (found,) = lines_of(dpo("original", "open", late.seq, "--json"))
    assert (found["outcome"], found["why"]) == ("erased", f"a key that it needs is destroyed, as entry {first} tells")


def test_what_was_disposed_of_is_told_apart_from_what_was_erased(
    database: Database, dpo: Cli, recorded: Recorded, entries: Entries
) -> None:
    due_at_once(database)
    due: dict[str, Any] = DUE
    gone, still = recorded.about(DANA, **due), recorded.about(LEE)
    disposing = Disposing(database)
    disposing.done()
    disposing.close()
    done = dpo("original", "open", gone.seq, still.seq, "--json")
    found, kept = lines_of(done)
    (batch,) = (entry for entry in entries() if b'"payloads":"' in (entry.details or b""))
    assert (done.returncode, found["outcome"], found["content"], kept["outcome"]) == (1, "disposed of", {}, "opened")
    assert found["why"] == f"disposed of on {batch.recorded_at[:10]}, as entry {batch.seq} tells"


def test_what_was_changed_is_not_shown(database: Database, dpo: Cli, recorded: Recorded, entries: Entries) -> None:
    sealed, line, payload, moved, good = (recorded.about(DANA) for _ in range(5))
    database.disarm()
    change = database.admin.execute
    change("update unbroken.originals set ciphertext = substr(ciphertext, 1, 1300) where seq = %s", (sealed.seq,))
    change("update unbroken.entries set event = replace(event, %s, 'somebody') where seq = %s", (raw.MARKER, line.seq))
    change("update unbroken.payloads set inputs = '\"forged\"' where seq = %s", (payload.seq,))
    change(
        "update unbroken.originals set ciphertext = (select ciphertext from unbroken.originals where seq = %s)"
        " where seq = %s",
        (good.seq, moved.seq),
    )
    done = dpo("original", "open", "--session", "s-1", "--json")
    assert done.returncode == 1
    found = lines_of(done)
    assert [each["outcome"] for each in found] == ["damaged", "damaged", "opened", "damaged", "opened"]
    assert (found[1]["event"], found[1]["content"]) == (None, {})
    assert found[2]["content"] == {"inputs": "I am Dana Müller"}
    assert "forged" not in done.stdout
    (opened,) = told(entries, "log.original_opened")
    assert (opened["opened"], opened["failed"]) == (2, 3)
    shown = dpo("original", "open", line.seq)
    assert (shown.returncode, "DAMAGED" in shown.stdout, "Dana" in shown.stdout) == (1, True, False)


def test_a_forged_part_beside_an_original_is_not_shown(database: Database, dpo: Cli, recorded: Recorded) -> None:
    entry = recorded.about(DANA, original={"details": "of Dana"})
    database.disarm()
    database.admin.execute("update unbroken.payloads set inputs = '\"forged\"' where seq = %s", (entry.seq,))
    done = dpo("original", "open", entry.seq)
    assert done.returncode == 1
    assert "forged" not in done.stdout
    assert "inputs: what is held of it is not what the entry says" in done.stdout


def test_texts_can_do_nothing_to_a_terminal(dpo: Cli, recorded: Recorded) -> None:
    entry = recorded.about(DANA, original={"inputs": "a\x1b[2Jb\u202ec", "event": {"to\x1b[31mol": "x"}})
    done = dpo("original", "open", entry.seq)
    assert done.returncode == 0
    assert not {"\x1b", "\u202e"} & set(done.stdout)
    assert "a␛[2Jb<U+202E>c" in done.stdout


# ---- who, why, with what ----


@pytest.mark.parametrize("login", ["compliance", "legal", "ops", "writer", "verifier"])
def test_other_duties_open_nothing(
    database: Database, recorded: Recorded, entries: Entries, tmp_path: Path, kek: Path, login: str
) -> None:
    entry = recorded.about(DANA)
    done = as_login(database, login, tmp_path, kek)("original", "open", entry.seq)
    assert (done.returncode, done.stdout) == (2, "")
    assert "a login with the duty dpo" in done.stderr
    if login in ("compliance", "legal"):
        assert f"the duty {login} opens no originals" in done.stderr
        (completed,) = told(entries, "log.read_completed")
        assert (completed["outcome"], completed["count"]) == ("refused", 0)
    assert told(entries, "log.original_asked") == []


def test_it_takes_a_case(database: Database, recorded: Recorded, entries: Entries, tmp_path: Path, kek: Path) -> None:
    entry = recorded.about(DANA)
    done = as_login(database, "dpo", tmp_path, kek, UNBROKEN_CASE="")("original", "open", entry.seq)
    assert (done.returncode, done.stdout) == (2, "")
    assert "a case" in done.stderr
    assert told(entries, "log.original_asked") == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "numbers of entries, or --session"),
        (("1", "--session", "s-1"), "numbers of entries, or --session"),
        (("99",), "there is no entry 99"),
        (("--session", "none"), "there is no session 'none'"),
        (("1", "--kek", "nonsense"), "file:PATH"),
        (("1", "--kek", "file:/nowhere"), "can't be read"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_asked(
    dpo: Cli, recorded: Recorded, entries: Entries, arguments: tuple[str, ...], words: str
) -> None:
    recorded.about(DANA)
    done = dpo("original", "open", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert told(entries, "log.original_asked") == []


def test_without_the_vault_s_key_nothing_is_asked(
    dpo: Cli, recorded: Recorded, entries: Entries, tmp_path: Path
) -> None:
    entry = recorded.about(DANA)
    other = tmp_path / "other.keys"
    create_file(other, LocalKey("other", b"o" * 32))
    done = dpo("original", "open", entry.seq, "--kek", f"file:{other}")
    assert done.returncode == 2
    assert "wrapped by 2026, and at hand is other" in done.stderr
    assert told(entries, "log.original_asked") == []


def test_with_one_of_two_keys_the_rest_is_said_to_be_locked(
    dpo: Cli, recorded: Recorded, entries: Entries, kek: Path
) -> None:
    first = recorded.about(DANA)
    left = 4
    keys_for(recorded.writer, *(("session", f"s-{number}") for number in range(left)))
    recorded.vault = Vault(KeyEncryptions(LocalKey("kms-1", b"k" * 32)), recorded.vault.log_key)
    recorded.vault.refill(recorded.dpo, 2)
    second = recorded.about(LEE)
    done = dpo("original", "open", first.seq, second.seq)
    assert done.returncode == 1
    assert "can't be opened here" in done.stdout
    assert "wrapped by 'kms-1', which is not at hand" in done.stdout
    (opened,) = told(entries, "log.original_opened")
    assert (opened["opened"], opened["failed"]) == (1, 1)


def test_one_who_stops_reading_is_on_record_with_what_was_opened(
    dpo: Cli, recorded: Recorded, entries: Entries
) -> None:
    # More than a pipe holds, so that somebody is there to notice.
    for _ in range(30):
        recorded.about(DANA, original={"inputs": "Dana " * 2000})
    shell = f"{UNBROKEN} original open --session s-1 --json | head -c 100"
    subprocess.run(shell, shell=True, env=dpo.environment, capture_output=True, timeout=60, check=False)  # noqa: S602
    *_, opened, completed = told(entries)
    assert opened["type"] == "log.original_opened", "while the read is still open"
    assert 0 < opened["opened"] < 30
    assert (completed["type"], completed["outcome"]) == ("log.read_completed", "interrupted")


# ---- matching ----


def matched(dpo: Cli, tmp_path: Path, entry: int, content: str, *options: str) -> "subprocess.CompletedProcess[str]":
    file = tmp_path / "said"
    file.write_text(content, encoding="utf-8")
    return dpo("original", "match", entry, file, *options)


@pytest.mark.parametrize(
    ("content", "options", "code"),
    [
        ("I am Dana Müller", ("--text",), 0),
        ("I am Dana Müller\n", ("--text",), 0),
        ("I am Dana Müller\n\n", ("--text",), 1),
        ("I am Dana Muller", ("--text",), 1),
        ('"I am Dana Müller"', (), 0),
        ('"I am Dana M\\u00fcller"', ("--part", "inputs"), 0),
        ('{"b": 1.0, "a": [true, null]}', (), 0),
        ('{"a": [true, null], "b": 1}', ("--part", "details"), 0),
        ('{"a": [true, null], "b": 1}', ("--part", "inputs"), 1),
        ("[masked]", ("--text",), 1),
        ("anything", ("--text", "--part", "outputs"), 1),
    ],
)
def test_exactly_this_or_not_and_nothing_is_shown(
    dpo: Cli, recorded: Recorded, entries: Entries, tmp_path: Path, content: str, options: tuple[str, ...], code: int
) -> None:
    original: dict[str, Json] = {"inputs": "I am Dana Müller", "details": {"a": [True, None], "b": 1}}
    entry = recorded.about(DANA, original=original)
    done = matched(dpo, tmp_path, entry.seq, content, *options)
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.startswith("Yes: " if code == 0 else "No: ")
    assert "Dana" not in done.stdout
    (asked,) = told(entries, "log.original_asked")
    assert (asked["kind"], asked["seqs"]) == ("match", str(entry.seq))
    (read,) = told(entries, "log.read")
    assert read["scope"] == {"what": f"match with entry {entry.seq}"}
    told_json = dpo("original", "match", entry.seq, tmp_path / "said", *options, "--json")
    assert json.loads(told_json.stdout)["matches"] is (code == 0)


MESSAGES: dict[str, Json] = {
    "messages": ["a" * 64, "b" * 64],
    "new": [
        {"commitment": "a" * 64, "salt": "5a", "message": {"role": "system", "content": "Be kind to Dana."}},
        {
            "commitment": "b" * 64,
            "salt": "5a",
            "message": {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        },
    ],
}


@pytest.mark.parametrize(
    ("content", "options", "code"),
    [
        ("Be kind to Dana.", ("--text",), 0),
        ("Hi", ("--text", "--part", "inputs"), 0),
        ('{"content": "Be kind to Dana.", "role": "system"}', (), 0),
        (json.dumps([each["message"] for each in MESSAGES["new"]]), (), 0),  # type: ignore[index, union-attr, call-overload]
        ("Be kind to Dana", ("--text",), 1),
        ("Be kind to Dana.", ("--text", "--part", "outputs"), 1),
        ("system", ("--text",), 1),
    ],
)
def test_a_message_to_a_model_is_found_without_what_is_recorded_around_it(
    dpo: Cli, recorded: Recorded, tmp_path: Path, content: str, options: tuple[str, ...], code: int
) -> None:
    entry = recorded.about(DANA, original={"inputs": MESSAGES})
    assert matched(dpo, tmp_path, entry.seq, content, *options).returncode == code
    shown = dpo("original", "open", entry.seq).stdout
    assert "system: Be kind to Dana.\n" in shown
    assert "5a" not in shown


def test_an_entry_without_an_original_is_compared_as_recorded(
    dpo: Cli, recorded: Recorded, entries: Entries, tmp_path: Path
) -> None:
    plain, unkept = recorded.plain(), recorded.plain(redactions=["EMAIL_ADDRESS:2"])
    assert matched(dpo, tmp_path, plain.seq, "How do you do", "--text").returncode == 0
    assert matched(dpo, tmp_path, plain.seq, "How are you", "--text").returncode == 1
    untold = matched(dpo, tmp_path, unkept.seq, "How do you do", "--text")
    assert (untold.returncode, "It can't be told" in untold.stdout) == (3, True)
    assert told(entries, "log.original_asked") == []


def test_what_is_erased_or_changed_can_not_be_told(
    database: Database, dpo: Cli, recorded: Recorded, tmp_path: Path
) -> None:
    erased, changed = recorded.about(DANA), recorded.about(LEE)
    database.disarm()
    database.admin.execute(
        "update unbroken.originals set ciphertext = substr(ciphertext, 1, 1300) where seq = %s", (changed.seq,)
    )
    erase(database, recorded.dpo, DANA)
    for entry in (erased, changed):
        done = matched(dpo, tmp_path, entry.seq, "I am Dana Müller", "--text")
        assert (done.returncode, "It can't be told" in done.stdout) == (3, True)
        assert json.loads(matched(dpo, tmp_path, entry.seq, "1", "--json").stdout)["matches"] is None


def test_a_file_that_is_no_json_is_said_to_be_none(dpo: Cli, recorded: Recorded, tmp_path: Path) -> None:
    entry = recorded.about(DANA)
    for content in ("I am Dana", '{"a": 1', "[" * 100_000):
        done = matched(dpo, tmp_path, entry.seq, content)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--text" in done.stderr
        assert "Dana" not in done.stderr
    assert dpo("original", "match", entry.seq, tmp_path / "none").returncode == 2


def test_what_to_compare_may_come_from_standard_input(dpo: Cli, recorded: Recorded) -> None:
    entry = recorded.about(DANA)
    assert dpo("original", "match", entry.seq, "-", "--text", given="I am Dana Müller").returncode == 0

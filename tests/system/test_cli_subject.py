"""Erasing a person with the commands: a dry run, two logins, an order outside, a certificate; and after a restore."""

import json
import signal
import stat
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.database.vaulting import append, keys_for, sealed_to
from tests.system.cli import Cli
from tests.system.erasing import SIGNING, Clinic, as_it_is_now, close_reads
from tests.system.processes import open_folder
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.core.note import SigningKey
from unbroken.destruction.ledger import DestructionLedger
from unbroken.privacy.erasure.records import records_of

DANA, LEE = "Dana Osterkamp", "Lee Ang"
VKEY = str(SIGNING.verifier)
Entries = Callable[[], list[StoredEntry]]


@pytest.fixture
def clinic(database: Database, tmp_path: Path) -> Clinic:
    made = Clinic(database, tmp_path)
    made.record(DANA, times=5, session_id="s-1")
    made.record(LEE, times=2, session_id="s-1")
    return made


def kinds(entries: Entries) -> list[str]:
    return [decode_event(entry.event).event_type for entry in entries()]


# ---- looking and asking ----


def test_a_dry_run_shows_what_there_is_and_asks_for_nothing(clinic: Clinic, entries: Entries) -> None:
    done = clinic.as_login("dpo")("subject", "erase", DANA, "--case", "C-31")
    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        "5 payloads",
        "5 originals",
        "1 key",
        "1 name",
        "Kept, and on which ground",
        "GDPR Art. 17(3); verify",
    ):
        assert words in done.stdout
    assert "A dry run" in done.stdout
    assert DANA not in done.stdout.split("Next")[0]
    assert "log.erasure_requested" not in kinds(entries)
    read = next(entry for entry in entries() if decode_event(entry.event).event_type == "log.read")
    assert DANA.encode() not in (read.details or b"")
    answer = clinic.as_login("dpo").json("subject", "erase", DANA, "--case", "C-31")
    assert answer["asked"] is None
    assert answer["found"]["ids"] == [clinic.known[DANA]]
    assert (answer["found"]["payloads"], answer["found"]["originals"]) == (5, 5)
    assert clinic.count("payloads") == clinic.count("entries")


def test_by_pseudonym_the_other_pseudonyms_of_the_name_are_found_too(clinic: Clinic) -> None:
    from tests.system.erasing import NAMES
    from unbroken.privacy.pseudonyms import new_pseudonym
    from unbroken.store.log_writer import LogWriter

    writer = LogWriter(clinic.database.conninfo("writer"), LOG)
    second = new_pseudonym()
    writer.identify([NAMES.identity(DANA, second)], as_proposed=True)
    writer.close()
    done = clinic.as_login("dpo")("subject", "erase", clinic.known[DANA], "--case", "C-31", "--json")
    assert sorted(json.loads(done.stdout)["found"]["ids"]) == sorted([clinic.known[DANA], second])
    assert "another key of the log" in " ".join(done.stderr.split())


def test_nobody_found_is_told_in_the_exit_code(clinic: Clinic, entries: Entries) -> None:
    done = clinic.as_login("dpo")("subject", "erase", "Nobody", "--case", "C-31", "--ask", "--reason", "x", "--yes")
    assert (done.returncode, done.stderr) == (1, "")
    assert "nothing of this person" in done.stdout
    assert "log.erasure_requested" not in kinds(entries)


def test_without_the_key_it_says_that_names_are_not_found(clinic: Clinic) -> None:
    done = clinic.as_login("dpo", UNBROKEN_KEY_FILE="")("subject", "erase", DANA, "--case", "C-31")
    assert done.returncode in (1, 2)
    done = Cli(clinic.database.conninfo("dpo"), clinic.folder / "state", {"UNBROKEN_LOG": LOG})(
        "subject", "erase", DANA, "--case", "C-31"
    )
    assert done.returncode == 1
    assert "--key" in done.stderr


@pytest.mark.parametrize("login", ["compliance", "legal", "verifier", "ops", "writer"])
def test_other_duties_neither_look_nor_ask_nor_carry_out(clinic: Clinic, login: str) -> None:
    erasure = clinic.confirmed(DANA)
    for command in (
        ("erase", DANA, "--case", "C-31", "--ask", "--reason", "x", "--yes"),
        ("carry-out", erasure, "--backups-kept", "0", "--yes"),
    ):
        done = clinic.as_login(login)("subject", *command)
        assert done.returncode == 2, command
        assert "dpo" in done.stderr
    assert clinic.count("wrapped_keys") == 12


@pytest.mark.parametrize(
    "command",
    [
        ("erase", DANA, "--case", "C-31", "--ask", "--yes"),
        ("erase", DANA, "--ask", "--reason", "x", "--yes"),
        ("erase", DANA),
        ("confirm", "nothing"),
        ("withdraw", "0b51c6f2-0000-4000-8000-000000000001"),
        ("carry-out", "0b51c6f2-0000-4000-8000-000000000001", "--backups-kept", "3", "--yes"),
    ],
)
def test_wrong_usage(clinic: Clinic, command: tuple[str, ...]) -> None:
    assert clinic.as_login("dpo")("subject", *command).returncode == 2


# ---- the second person ----


def test_who_asked_does_not_confirm_and_another_login_does(clinic: Clinic, entries: Entries) -> None:
    erasure = clinic.ask(DANA)
    done = clinic.as_login("dpo")("subject", "confirm", erasure, "--yes")
    assert (done.returncode, "second person" in done.stderr) == (2, True)
    unasked = clinic.as_login("legal")("subject", "confirm", erasure)
    assert (unasked.returncode, "--yes" in unasked.stderr) == (2, True)
    assert "asked on 3 March" in unasked.stdout
    done = clinic.as_login("legal")("subject", "confirm", erasure, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"unbroken subject carry-out {erasure}" in done.stdout
    assert clinic.as_login("compliance")("subject", "confirm", erasure, "--yes").returncode == 2
    assert [kind for kind in kinds(entries) if "erasure" in kind] == ["log.erasure_requested", "log.erasure_confirmed"]
    assert clinic.count("wrapped_keys") == 12


def test_what_is_withdrawn_or_not_confirmed_is_not_carried_out(clinic: Clinic) -> None:
    asked, withdrawn = clinic.ask(DANA), clinic.confirmed(LEE)
    done = clinic.as_login("compliance")("subject", "withdraw", withdrawn)
    assert (done.returncode, "nothing was destroyed" in done.stdout) == (0, True)
    for erasure, word in ((asked, "second person"), (withdrawn, "withdrawn")):
        done = clinic.as_login("dpo")("subject", "carry-out", erasure, "--backups-kept", "0", "--yes")
        assert (done.returncode, word in done.stderr) == (2, True)
    assert not clinic.ledger.exists()
    states = {
        row["erasure"]: row["state"] for row in clinic.as_login("legal").json("subject", "list", "--all")["erasures"]
    }
    assert states == {asked: "asked", withdrawn: "withdrawn"}
    assert [row["erasure"] for row in clinic.as_login("verifier").json("subject", "list")["erasures"]] == [asked]


def test_who_confirms_sees_how_much_goes_and_how_many_others_it_touches(clinic: Clinic) -> None:
    with clinic.database.connect("writer") as writer:
        both = sorted(clinic.known.values())
        keys = [key for key in keys_for(writer, *(("subject", each) for each in both)) if key]
        append(writer, [sealed_to(keys, {"inputs": "of both"}, subjects=both, session_id="s-1")])
    clinic.record(LEE, actor_id=clinic.known[DANA], actor_type="user")
    erasure = clinic.ask(DANA)
    shown = " ".join(clinic.as_login("legal")("subject", "confirm", erasure).stdout.split())
    for words in ("6 payloads what was said", "6 originals what it was", "1 key wrapped", "1 name what led"):
        assert words in shown
    assert "1 entry also names 1 other person" in shown
    assert "; verify): 1 payload; asked for with --with-acted" in shown
    (row,) = clinic.as_login("compliance").json("subject", "list")["erasures"]
    own, others = {"payloads": 6, "originals": 6, "keys": 1, "names": 1}, {"shared": 1, "others": 1, "kept": 1}
    assert row["planned"] == {**own, "sessions": 1, **others, "held": 0, "floored": 0}
    listed = clinic.as_login("legal", COLUMNS="300")("subject", "list").stdout
    assert "6 payloads, 6 originals, 1 key, 1 name; 1 entry shared with 1 other person" in listed


# ---- carrying out ----


def test_a_person_is_erased_to_the_certificate(clinic: Clinic, entries: Entries) -> None:
    erasure = clinic.confirmed(DANA)
    done = clinic.as_login("dpo")("subject", "carry-out", erasure, "--backups-kept", "30", "--yes", "--batch", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Destroyed: 5 payloads, 5 originals, 1 key and 1 name." in done.stdout
    for step in ("db vacuum", "backups", "Art. 12(3); verify", "check-certificate"):
        assert step in done.stdout
    assert clinic.count("wrapped_keys") == 11
    assert clinic.count("originals") == 2
    assert kinds(entries).count("log.erased") == 1 + 3 + 1
    file = clinic.certificate(erasure)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    checked = clinic.as_login("verifier")("subject", "check-certificate", file, "--trust", VKEY, "--in-log")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "The certificate holds." in checked.stdout
    verified = clinic.as_login("verifier")("verify")
    assert (verified.returncode, "accounted for: 5 payloads" in verified.stdout) == (3, True), verified.stdout
    names = clinic.as_login("dpo")("names", clinic.known[DANA], "--purpose", "test", "--case", "C-31")
    assert (names.returncode, "no name" in names.stdout) == (1, True)
    again = clinic.as_login("dpo")("subject", "carry-out", erasure, "--backups-kept", "30", "--yes")
    assert (again.returncode, "done before" in again.stdout) == (0, True)
    assert len(records_of(DestructionLedger(clinic.ledger).notes(), [SIGNING.verifier]).certificates) == 1


def test_nothing_of_what_is_written_names_the_person(clinic: Clinic, entries: Entries) -> None:
    erasure = clinic.confirmed(DANA)
    clinic.carry_out(erasure)
    written = clinic.ledger.read_bytes() + clinic.certificate(erasure).read_bytes()
    own = b"".join(entry.event + (entry.details or b"") for entry in entries())
    for secret in (b"Osterkamp", b"osterkamp", b"of Dana"):
        assert secret not in written + own


def test_what_it_takes_is_asked_for_before_anything_is_done(clinic: Clinic, tmp_path: Path) -> None:
    erasure = clinic.confirmed(DANA)
    cli = clinic.as_login("dpo")
    readable = tmp_path / "readable.key"
    readable.write_text(SIGNING.to_text())
    readable.chmod(0o644)
    for options, words in (
        ((), "--backups-kept"),
        (("--backups-kept", "1", "--sign", tmp_path / "none.key"), "can't be read"),
        (("--backups-kept", "1", "--sign", readable), "chmod 0600"),
        (("--backups-kept", "1", "--ledger", tmp_path / "no" / "folder.jsonl"), "no folder"),
    ):
        done = cli("subject", "carry-out", erasure, "--yes", *options)
        assert (done.returncode, words in done.stderr) == (2, True), done.stderr
    unset = Cli(clinic.database.conninfo("dpo"), tmp_path, {"UNBROKEN_LOG": LOG})
    done = unset("subject", "carry-out", erasure, "--yes", "--backups-kept", "1")
    assert (done.returncode, "--ledger" in done.stderr) == (2, True)
    assert clinic.count("wrapped_keys") == 12


def test_whoever_is_killed_runs_the_same_again(clinic: Clinic) -> None:
    clinic.record(DANA, times=30, session_id="s-2")
    erasure = clinic.confirmed(DANA)
    given = ("subject", "carry-out", erasure, "--backups-kept", "30", "--yes", "--batch", "1")
    with clinic.as_login("dpo").start(*given) as process:
        deadline = time.monotonic() + 60
        while clinic.count("originals") >= 37 - 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    row = clinic.as_login("dpo").json("subject", "list")["erasures"]
    assert [(each["erasure"], each["state"]) for each in row] == [(erasure, "begun")]
    assert not clinic.certificate(erasure).exists()
    clinic.carry_out(erasure)
    checked = clinic.as_login("verifier").json(
        "subject", "check-certificate", clinic.certificate(erasure), "--trust", VKEY, "--in-log"
    )
    assert checked["holds"]
    assert checked["certificate"]["counts"]["payloads"] == 35


def test_a_ledger_that_lacks_what_was_erased_before_stops_it(clinic: Clinic, tmp_path: Path) -> None:
    clinic.carry_out(clinic.confirmed(DANA))
    second = clinic.confirmed(LEE)
    other = tmp_path / "other.jsonl"
    given = ("subject", "carry-out", second, "--backups-kept", "0", "--yes", "--ledger", other)
    done = clinic.as_login("dpo")(*given)
    assert (done.returncode, "lacks the orders" in done.stderr) == (2, True)
    assert not other.exists()
    assert clinic.count("originals") == 2
    done = clinic.as_login("dpo")(*given, "--new-ledger", "--certificate", tmp_path / "c.txt")
    assert done.returncode == 0, done.stderr
    assert "--trust" in done.stdout


def test_what_this_person_did_to_others_is_kept_unless_asked_for(clinic: Clinic) -> None:
    acts = {"actor_id": clinic.pseudonym(DANA), "session_id": "s-3"}
    clinic.record(LEE, times=3, **acts)
    kept = clinic.as_login("dpo").json("subject", "erase", DANA, "--case", "C-31")["found"]
    assert (kept["payloads"], kept["kept"]) == (5, 3)
    all_of_it = clinic.as_login("dpo").json("subject", "erase", DANA, "--case", "C-31", "--with-acted")["found"]
    assert (all_of_it["payloads"], all_of_it["kept"], all_of_it["shared"], all_of_it["others"]) == (8, 0, 3, 1)


# ---- certificates ----


@pytest.fixture
def certificate(clinic: Clinic) -> Path:
    erasure = clinic.confirmed(DANA)
    clinic.carry_out(erasure)
    return clinic.certificate(erasure)


def check(clinic: Clinic, file: Path, *options: Any) -> tuple[int, str]:
    given = Cli("nowhere", clinic.folder / "state")
    done = given("subject", "check-certificate", file, *options)
    return done.returncode, done.stdout + done.stderr


def test_a_certificate_is_checked_with_a_file_and_a_key_alone(clinic: Clinic, certificate: Path) -> None:
    code, words = check(clinic, certificate, "--trust", VKEY)
    assert code == 0
    assert "asked by" in words
    assert "Kept, and on which ground" in words
    keys = clinic.folder / "trusted.vkey"
    keys.write_text(f"{SigningKey.generate('other.example').verifier}\n{VKEY}\n")
    assert check(clinic, certificate, "--trust", keys, "--ledger", clinic.ledger)[0] == 0


def test_whatever_was_changed_is_no_certificate(clinic: Clinic, certificate: Path) -> None:
    text = certificate.read_text(encoding="utf-8")
    changed = clinic.folder / "changed.txt"
    for altered in (
        text.replace('"payloads": 5', '"payloads": 6'),
        text.replace("\u2014", "-"),
        text.removesuffix("\n"),
        "",
    ):
        assert altered != text
        changed.write_text(altered, encoding="utf-8")
        code, words = check(clinic, changed, "--trust", VKEY)
        assert (code, "no certificate" in words) == (1, True)
    changed.write_bytes(b"\xff")
    assert check(clinic, changed, "--trust", VKEY)[0] == 1
    assert check(clinic, certificate, "--trust", SigningKey.generate("somebody").verifier)[0] == 1
    assert check(clinic, certificate)[0] == 2
    assert check(clinic, clinic.folder / "none.txt", "--trust", VKEY)[0] == 2


def test_an_order_is_no_certificate(clinic: Clinic, certificate: Path) -> None:
    order = clinic.folder / "order.txt"
    order.write_text(DestructionLedger(clinic.ledger).notes()[0].note, encoding="utf-8")
    code, words = check(clinic, order, "--trust", VKEY)
    assert (code, "an order to erase" in words) == (1, True)


def test_a_certificate_that_ledger_or_log_do_not_know_does_not_hold(clinic: Clinic, certificate: Path) -> None:
    empty = clinic.folder / "empty.jsonl"
    code, words = check(clinic, certificate, "--trust", VKEY, "--ledger", empty)
    assert (code, "does NOT stand" in words) == (1, True)
    clinic.database.disarm()
    clinic.database.admin.execute("delete from unbroken.payloads where details like '%complete%'")
    done = clinic.as_login("verifier")("subject", "check-certificate", certificate, "--trust", VKEY, "--in-log")
    assert done.returncode == 2
    assert "unbroken verify" in done.stderr


# ---- keys ----


def test_a_signing_key_is_made_once_and_its_public_half_shown(clinic: Clinic) -> None:
    cli, file = Cli("nowhere", clinic.folder / "state"), clinic.folder / "new.key"
    made = cli.json("subject", "key", file, "--name", "clinic.example/erasure")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert cli("subject", "key", file).stdout.strip() == made["verifier_key"]
    assert made["verifier_key"].startswith("clinic.example/erasure+")
    content = file.read_text()
    assert content.strip() not in cli("subject", "key", file).stdout
    assert cli("subject", "key", file, "--name", "x").returncode == 2
    assert file.read_text() == content
    assert cli("subject", "key", clinic.folder / "two.key", "--name", "a b").returncode == 2
    assert not (clinic.folder / "two.key").exists()


# ---- after a restore ----


@pytest.fixture
def yesterday(clinic: Clinic) -> Iterator[Clinic]:
    yield from as_it_is_now(clinic)


def test_a_restore_is_closed_until_it_was_erased_again(clinic: Clinic, yesterday: Clinic) -> None:
    erasure = clinic.confirmed(DANA)
    clinic.carry_out(erasure)
    assert yesterday.count("originals") == 7
    close_reads(yesterday)
    closed = yesterday.as_login("dpo")("subject", "erase", DANA, "--case", "C-31")
    assert (closed.returncode, "unbroken recover" in closed.stderr) == (2, True)
    owner = yesterday.as_login("postgres")
    dry = owner("recover", "--trust", VKEY, "--dry-run")
    assert (dry.returncode, dry.stderr) == (1, "")
    assert "to be erased again" in dry.stdout
    assert "CLOSED" in dry.stdout
    assert yesterday.count("originals") == 7
    assert owner("recover", "--trust", VKEY).returncode == 2
    done = owner.json("recover", "--yes")
    assert [each["erasure"] for each in done["certificates"]] == [erasure]
    assert done["reads_open"]
    assert (yesterday.count("originals"), yesterday.count("wrapped_keys"), yesterday.count("identities")) == (2, 11, 1)
    found = yesterday.as_login("dpo")("subject", "erase", DANA, "--case", "C-31")
    assert found.returncode == 1
    assert owner("recover", "--dry-run").returncode == 0
    again = owner("recover", "--yes")
    assert (again.returncode, "Nothing is left" in again.stdout) == (0, True)
    note = records_of(DestructionLedger(clinic.ledger).notes(), [SIGNING.verifier]).certificates[-1].note
    file = clinic.folder / "again.txt"
    file.write_text(note, encoding="utf-8")
    checked = yesterday.as_login("verifier").json("subject", "check-certificate", file, "--trust", VKEY, "--in-log")
    assert checked["holds"], checked
    assert checked["certificate"]["basis"] == "ledger"
    assert yesterday.as_login("verifier")("verify").returncode == 3


def test_recovering_relies_on_no_ledger_that_is_changed_foreign_or_missing(clinic: Clinic, yesterday: Clinic) -> None:
    clinic.carry_out(clinic.confirmed(DANA))
    close_reads(yesterday)
    content = clinic.ledger.read_bytes()
    clinic.ledger.write_bytes(content.replace(b"C-31", b"C-32"))
    owner = yesterday.as_login("postgres")
    assert owner("recover", "--yes").returncode == 2
    clinic.ledger.write_bytes(content)
    stranger = str(SigningKey.generate("somebody").verifier)
    trusting = yesterday.as_login("postgres", UNBROKEN_CERTIFICATE_KEY="")
    for options in (
        ("--trust", stranger),
        (),
        ("--trust", VKEY, "--ledger", clinic.folder / "none.jsonl"),
        ("--no-erasures", "--ledger", clinic.ledger),
    ):
        assert trusting("recover", "--yes", *options).returncode == 2, options
    assert yesterday.count("originals") == 7


def test_a_ledger_that_lacks_what_the_log_knows_stops_recovering(clinic: Clinic) -> None:
    clinic.carry_out(clinic.confirmed(DANA))
    close_reads(clinic)
    clinic.ledger.rename(clinic.folder / "away.jsonl")
    clinic.ledger.touch(0o600)
    owner = clinic.as_login("postgres")
    done = owner("recover", "--yes")
    assert (done.returncode, "lacks" in done.stderr) == (2, True)
    environment = clinic.as_login("postgres", UNBROKEN_DESTRUCTION_LEDGER="")
    assert environment("recover", "--no-erasures", "--yes").returncode == 2
    done = owner("recover", "--yes", "--incomplete-ledger")
    print(done.stderr)
    assert (done.returncode, "lacks" in done.stderr) == (0, True)
    assert clinic.as_login("dpo")("subject", "erase", LEE, "--case", "C-31").returncode == 0


def test_a_log_from_which_nobody_was_erased_is_opened_without_a_ledger(clinic: Clinic) -> None:
    close_reads(clinic)
    cli = Cli(clinic.database.conninfo("postgres"), clinic.folder / "state", {"UNBROKEN_LOG": LOG})
    assert cli("recover", "--yes").returncode == 2
    done = cli("recover", "--no-erasures", "--yes")
    assert (done.returncode, "is open on this server" in done.stdout) == (0, True)
    assert clinic.as_login("dpo")("subject", "erase", LEE, "--case", "C-31").returncode == 0


def test_only_whoever_installs_recovers(clinic: Clinic) -> None:
    close_reads(clinic)
    for login in ("dpo", "compliance", "writer"):
        done = clinic.as_login(login)("recover", "--no-erasures", "--yes", "--log", LOG)
        assert done.returncode == 2, login
    assert clinic.as_login("dpo")("subject", "erase", LEE, "--case", "C-31").returncode == 2


# ---- in a folder ----


def test_a_folder_keeps_its_ledger_elsewhere() -> None:
    with open_folder() as folder:
        store = folder / "store"
        cli = Cli(str(store), folder / "state")
        assert cli("init", "--log", LOG).returncode == 0
        cli.json("subject", "key", folder / "dpo.key", "--name", "clinic.example/erasure")
        given = (
            "subject",
            "carry-out",
            str(uuid.uuid4()),
            "--backups-kept",
            "0",
            "--yes",
            "--sign",
            folder / "dpo.key",
        )
        inside = cli(*given, "--ledger", store / "erasures.jsonl")
        assert (inside.returncode, "Put it elsewhere" in inside.stderr) == (2, True)
        outside = cli(*given, "--ledger", folder / "erasures.jsonl")
        assert (outside.returncode, "no erasure" in outside.stderr) == (2, True)

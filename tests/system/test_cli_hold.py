"""Legal holds with the commands: issued by one, changed by two, told of to nobody who may not know."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOG, Database
from tests.database.held import held_numbers
from tests.database.losing import continued
from tests.database.raw import append, sent
from tests.system.cli import Cli
from tests.system.erasing import NAMES, Clinic
from tests.system.processes import open_folder
from unbroken.core.entry import StoredEntry
from unbroken.core.event import decode_event
from unbroken.privacy.pseudonyms import new_pseudonym
from unbroken.store.log_writer import LogWriter

DANA, LEE = "Dana Osterkamp", "Lee Ang"
MATTER = ("--matter", "2026-CV-114", "--kind", "litigation", "--reason", "complaint of 3 March")
SECRETS = ("2026-CV-114", "complaint of 3 March", "log.hold")
Entries = Callable[[], list[StoredEntry]]


@pytest.fixture
def clinic(database: Database, tmp_path: Path) -> Clinic:
    made = Clinic(database, tmp_path)
    made.record(DANA, times=3, session_id="s-1")
    made.record(LEE, times=2, session_id="s-2")
    return made


def issue(clinic: Clinic, *options: str, login: str = "legal") -> Any:
    """Issues a hold; what the command says of it."""
    return clinic.as_login(login).json("hold", "issue", *MATTER, "--yes", *options)


def ask(clinic: Clinic, hold: str, *words: str, login: str = "legal") -> str:
    """Asks for a change of a hold; the request."""
    verb, *options = words
    done = clinic.as_login(login).json("hold", verb, hold, "--reason", "it is settled", "--yes", *options)
    return str(done["asked"]["request"])


def said(entries: Entries) -> list[str]:
    """The types of the log's own entries about holds."""
    kinds = [decode_event(entry.event).event_type for entry in entries()]
    return [kind for kind in kinds if kind.startswith("log.hold")]


# ---- issuing ----


def test_issuing_answers_with_what_is_preserved_and_what_had_gone(clinic: Clinic, entries: Entries) -> None:
    clinic.database.disarm()
    clinic.database.admin.execute(
        "delete from unbroken.payloads where seq in (select min(seq) from unbroken.originals)"
    )
    done = clinic.as_login("legal")("hold", "issue", *MATTER, "--session", "s-1", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Preserved: 2 payloads and 3 originals" in done.stdout
    assert "Already gone: what 1 entry held" in done.stdout
    assert "unbroken hold review" in done.stdout
    assert said(entries) == ["log.hold_issued", "log.hold_counted"]
    told = next(entry for entry in entries() if b"log.hold_counted" in entry.event)
    assert {key: json.loads(told.details or b"")[key] for key in ("preserved", "originals", "gone")} == {
        "preserved": 2,
        "originals": 3,
        "gone": 1,
    }
    assert len(held_numbers(clinic.database.admin)) == 3


def test_a_person_is_held_by_name_under_all_pseudonyms_and_never_named(clinic: Clinic, entries: Entries) -> None:
    writer = LogWriter(clinic.database.conninfo("writer"), LOG)
    second = new_pseudonym()
    writer.identify([NAMES.identity(DANA, second)], as_proposed=True)
    writer.close()
    done = issue(clinic, "--subject", DANA, "--subject", clinic.known[LEE])
    assert done["scope"] == {"subjects": sorted([clinic.known[DANA], second, clinic.known[LEE]])}
    assert done["counted"] == [
        {"log": f"{LOG}~1", "upto": done["counted"][0]["upto"], "preserved": 5, "originals": 5, "gone": 0}
    ]
    assert not [entry for entry in entries() if DANA.encode() in entry.event + (entry.details or b"")]
    assert "log.read" in [decode_event(entry.event).event_type for entry in entries()]


def test_who_has_no_pseudonym_yet_is_said_and_held_as_typed(clinic: Clinic) -> None:
    done = clinic.as_login("legal")("hold", "issue", *MATTER, "--resource", "bed-7", "--yes", "--json")
    assert json.loads(done.stdout)["scope"] == {"resource_ids": ["bed-7"]}
    assert "no pseudonym" in done.stderr
    alone = Cli(clinic.database.conninfo("legal"), clinic.folder / "state", {"UNBROKEN_LOG": LOG})
    done = alone("hold", "issue", *MATTER, "--subject", "u-17", "--yes", "--json")
    assert json.loads(done.stdout)["scope"] == {"subjects": ["u-17"]}
    assert "--key" in done.stderr


def test_what_is_typed_is_masked_before_it_is_recorded(clinic: Clinic, entries: Entries) -> None:
    number = "+49 171 1234567"
    done = clinic.as_login("legal").json(
        *("hold", "issue", "--matter", f"call {number}", "--kind", "internal", "--reason", f"from {number}"),
        *("--session", f"call {number}", "--yes"),
    )
    hold = done["issued"]["hold"]
    ask(clinic, hold, "narrow", "--tool", number)
    clinic.as_login("legal")("hold", "review", hold, "--reason", number)
    assert said(entries)[-1] == "log.hold_reviewed"
    assert not [entry for entry in entries() if number.encode() in entry.event + (entry.details or b"")]


def test_all_options_make_one_conjunction(clinic: Clinic) -> None:
    options = (
        *("--session", "s-2", "--session", "s-1", "--actor", "bot-1", "--agent", "a", "--resource-type", "bed"),
        *("--event-type", "request", "--tool", "t", "--domain", "health", "--scope", "account=17"),
        *("--from", "2026-01-31", "--to", "2026-02-01T10:00:00+01:00"),
    )
    done = clinic.as_login("legal")("hold", "issue", *MATTER, *options, "--yes", "--json")
    assert json.loads(done.stdout)["scope"] == {
        "sessions": ["s-1", "s-2"],
        "actors": ["bot-1"],
        "agents": ["a"],
        "resource_types": ["bed"],
        "event_types": ["request"],
        "tools": ["t"],
        "domains": ["health"],
        "scope": ["account=17"],
        "from": "2026-01-31T00:00:00.000000Z",
        "to": "2026-02-01T09:00:00.000000Z",
    }
    shown = clinic.as_login("dpo")("hold", "list").stdout
    assert "session s-1 or s-2; actor bot-1; " in shown
    assert "recorded from 2026-01-31; recorded before 2026-02-01 09:00:00 UTC" in shown


WRONG: tuple[tuple[str, ...], ...] = (
    (*MATTER,),
    (*MATTER, "--everything", "--session", "s-1"),
    (*MATTER, "--from", "2026-02-01", "--to", "2026-01-01"),
    (*MATTER, "--from", "yesterday"),
    (*MATTER, "--scope", "account"),
    ("--matter", "m", "--kind", "whim", "--reason", "x", "--everything"),
    ("--matter", "m", "--kind", "internal", "--everything"),
)


def test_wrong_usage_issues_nothing(clinic: Clinic, entries: Entries) -> None:
    for options in WRONG:
        done = clinic.as_login("legal")("hold", "issue", *options, "--yes")
        assert (done.returncode, done.stdout) == (2, ""), options
    for words in (("show", "nothing"), ("show", "0b51c6f2-0000-4000-8000-000000000001")):
        done = clinic.as_login("legal")("hold", *words)
        assert (done.returncode, "hold list" in done.stderr) == (2, True), words
    assert said(entries) == []


def test_unasked_nothing_is_issued(clinic: Clinic, entries: Entries) -> None:
    done = clinic.as_login("legal")("hold", "issue", *MATTER, "--everything")
    assert (done.returncode, "--yes" in done.stderr) == (2, True)
    assert "everything" in done.stdout
    assert said(entries) == []


# ---- changing ----


def test_from_the_issue_to_the_release(clinic: Clinic, entries: Entries) -> None:
    hold = issue(clinic, "--session", "s-1", "--session", "s-2", "--grace-days", "3")["issued"]["hold"]
    request = ask(clinic, hold, "narrow", "--session", "s-1", "--tool", "t")
    listed = clinic.as_login("dpo")("hold", "list")
    assert (listed.returncode, request in listed.stdout) == (0, True)
    own = clinic.as_login("legal")("hold", "confirm", request, "--yes")
    assert (own.returncode, "second person" in own.stderr) == (2, True)
    unasked = clinic.as_login("compliance")("hold", "confirm", request)
    assert (unasked.returncode, "--yes" in unasked.stderr) == (2, True)
    assert "it is settled" in unasked.stdout
    done = clinic.as_login("compliance")("hold", "confirm", request, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "narrowed" in done.stdout
    assert len(held_numbers(clinic.database.admin)) == 5
    shown = clinic.as_login("compliance").json("hold", "show", hold)
    assert shown["scope"] == {"sessions": ["s-1"], "tools": ["t"]}
    assert [each["ends_at"] is None for each in shown["versions"]] == [False, True]
    done = clinic.as_login("compliance")("hold", "release", hold, "--reason", "over", "--yes")
    assert "covers on for 3 days" in done.stdout
    assert clinic.as_login("verifier")("hold", "list").returncode == 0
    (released,) = clinic.as_login("legal").json("hold", "list")["waiting"]
    done = clinic.as_login("legal")("hold", "confirm", released["request"], "--yes")
    assert "released" in done.stdout
    assert clinic.as_login("legal").json("hold", "list")["holds"][0]["state"] == "in grace"
    for verb in ("release", "review"):
        assert clinic.as_login("legal")("hold", verb, hold, "--reason", "x").returncode == 2
    assert said(entries)[2:] == ["log.hold_change_asked", "log.hold_changed"] * 2


def test_a_hold_is_narrowed_to_a_person_who_has_more_pseudonyms_by_now(clinic: Clinic) -> None:
    hold = issue(clinic, "--subject", DANA, "--subject", LEE)["issued"]["hold"]
    writer = LogWriter(clinic.database.conninfo("writer"), LOG)
    writer.identify([NAMES.identity(DANA, new_pseudonym())], as_proposed=True)
    writer.close()
    done = clinic.as_login("legal").json("hold", "narrow", hold, "--subject", DANA, "--reason", "x", "--yes")
    assert done["scope"] == {"subjects": [clinic.known[DANA]]}
    assert done["asked"] is not None


def test_a_wider_hold_is_none_that_was_narrowed(clinic: Clinic, entries: Entries) -> None:
    hold = issue(clinic, "--session", "s-1")["issued"]["hold"]
    done = clinic.as_login("legal")("hold", "narrow", hold, "--session", "s-2", "--reason", "x", "--yes")
    assert (done.returncode, "narrower" in done.stderr) == (2, True)
    assert said(entries)[2:] == []


def test_a_request_is_withdrawn_by_one(clinic: Clinic, entries: Entries) -> None:
    hold = issue(clinic, "--everything", "--grace-days", "0")["issued"]["hold"]
    request = ask(clinic, hold, "release")
    done = clinic.as_login("compliance")("hold", "withdraw", request)
    assert (done.returncode, done.stderr) == (0, "")
    for verb in ("confirm", "withdraw"):
        again = clinic.as_login("compliance")("hold", verb, request)
        assert (again.returncode, "withdrawn" in again.stderr) == (2, True)
    assert said(entries)[2:] == ["log.hold_change_asked", "log.hold_change_withdrawn"]
    assert clinic.as_login("legal").json("hold", "list")["holds"][0]["state"] == "in force"


def test_overdue_reviews_are_told_in_the_exit_code_until_somebody_looked(clinic: Clinic) -> None:
    hold = issue(clinic, "--everything")["issued"]["hold"]
    legal = clinic.as_login("legal")
    assert legal("hold", "list", "--overdue").returncode == 0
    clinic.database.disarm()
    clinic.database.admin.execute("update unbroken.holds set issued_at = issued_at - interval '91 days'")
    late = legal("hold", "list", "--overdue")
    assert (late.returncode, hold in late.stdout, "overdue" in late.stderr) == (1, True, True)
    assert legal("hold", "list").returncode == 0
    noted = legal("hold", "review", hold, "--reason", "hearing in June")
    assert (noted.returncode, "The next review is due" in noted.stdout) == (0, True)
    assert legal("hold", "list", "--overdue").returncode == 0


def test_a_hold_is_counted_over_all_incarnations(clinic: Clinic) -> None:
    hold = issue(clinic, "--everything")["issued"]["hold"]
    continued(clinic.database, anchored=None)
    with clinic.database.connect("writer") as writer:
        append(writer, [sent({"inputs": "1"})])
    counted = clinic.as_login("legal").json("hold", "show", hold, "--count")["counted"]
    assert [(each["log"], each["preserved"]) for each in counted] == [(f"{LOG}~1", 5), (f"{LOG}~2", 1)]


# ---- who may know ----


def test_other_duties_learn_nothing(clinic: Clinic, entries: Entries) -> None:
    hold = issue(clinic, "--session", "s-1")["issued"]["hold"]
    for login in ("writer", "server", "ops", "retention", "access", "notary"):
        for words in (("list",), ("show", hold), ("issue", *MATTER, "--everything", "--yes")):
            done = clinic.as_login(login)("hold", *words)
            assert (done.returncode, hold in done.stdout + done.stderr) == (2, False), (login, words)
            assert "legal" in done.stderr or "may not" in done.stderr, (login, words)
    assert said(entries) == ["log.hold_issued", "log.hold_counted"]


def test_some_may_know_and_change_nothing(clinic: Clinic) -> None:
    hold = issue(clinic, "--session", "s-1")["issued"]["hold"]
    request = ask(clinic, hold, "release")
    for login in ("dpo", "verifier"):
        assert "2026-CV-114" in clinic.as_login(login)("hold", "show", hold).stdout
        for words in (("confirm", request, "--yes"), ("withdraw", request), ("show", hold, "--count")):
            done = clinic.as_login(login)("hold", *words)
            assert (done.returncode, "legal or compliance" in done.stderr) == (2, True), (login, words)


def test_operations_and_the_person_concerned_see_no_trace(clinic: Clinic) -> None:
    issue(clinic, "--subject", DANA)
    ops = clinic.as_login("ops", UNBROKEN_PURPOSE="a look")
    for words in (("sessions",), ("sessions", "--json"), ("status",), ("status", "--json")):
        done = ops(*words)
        assert done.stdout != "", (words, done.stderr)
        assert not [secret for secret in SECRETS if secret in done.stdout + done.stderr], words
    compliance = clinic.as_login("compliance", UNBROKEN_PURPOSE="a request of hers")
    report = compliance("access", "report", "--about", DANA, "--json")
    assert "to find a person" in report.stdout, report.stderr
    assert not [secret for secret in (*SECRETS, "litigation", "legal hold") if secret in report.stdout]


def test_in_a_folder_one_person_can_do_it_and_is_told_what_that_means(tmp_path: Path) -> None:
    with open_folder() as folder:
        alone = Cli(str(folder / "store"), tmp_path, {"UNBROKEN_LOG": LOG})
        assert alone("init", "--log", LOG).returncode == 0
        hold = alone.json("hold", "issue", *MATTER, "--everything", "--yes", "--grace-days", "0")["issued"]["hold"]
        request = alone.json("hold", "release", hold, "--reason", "x", "--yes")["asked"]["request"]
        done = alone("hold", "confirm", request, "--yes")
        assert (done.returncode, "all logins are yours" in done.stderr) == (0, True)
        assert alone("hold", "list").stdout == "Nothing is held.\n"

"""What commands show of a certificate of disposal, out of a file alone: all that was signed, in words and as JSON."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console

from tests.unit.disposing import DISPOSAL, KEY, looked, row
from tests.unit.erasing import LOG
from unbroken.cli.disposal_certificate import certificate, check_certificate
from unbroken.cli.report_view import WHOLE_LOG, print_report, report_as_json
from unbroken.core.entry import Head
from unbroken.core.note import SigningKey
from unbroken.destruction.ledger import DestructionLedger
from unbroken.destruction.signing import SignedLedger
from unbroken.errors import ConfigurationError, NoteError
from unbroken.retention.certified import CertificateNote
from unbroken.retention.certifying import certify
from unbroken.verify.finding import Report

VKEY = str(KEY.verifier)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


@pytest.fixture
def made(ledger: Path) -> CertificateNote:
    return certify(row(), looked(), SignedLedger(DestructionLedger(ledger), KEY, 30))


@pytest.fixture
def file(made: CertificateNote, tmp_path: Path) -> Path:
    path = tmp_path / "certificate.txt"
    path.write_text(made.note, encoding="utf-8")
    return path


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """The exit code of a command, and what it printed in one line."""
    monkeypatch.setenv("COLUMNS", "200")

    def show(command: Callable[..., None], *given: object, **options: Any) -> tuple[int, str]:
        try:
            command(*given, **options)
        except typer.Exit as end:
            return end.exit_code, " ".join(capsys.readouterr().out.split())
        return 0, capsys.readouterr().out

    return show


def test_all_that_was_signed_is_said(made: CertificateNote, ledger: Path, shown: Any) -> None:
    code, text = shown(certificate, DISPOSAL, ledger=ledger, trust=[VKEY])
    assert code == 0
    for words in (
        DISPOSAL,
        "6 entries up to entry 9",
        f"sha256 {'5' * 64}",
        "entries 15 to 17",
        "retention, 2026-03-03T09:30:00.000000Z, entry 10",
        "dpo, 2026-03-03T09:31:00.000000Z, entry 12",
        "legal, 2026-03-03T09:32:00.000000Z, entry 13",
        "hipaa.ephi_access",
        "45 CFR 164.",
        "(verify)",
        "4 payloads",
        "2 originals",
        "1 key ",
        "2 candidates",
        "1 partition dropped, 2 partitions vacuumed; no snapshot is left",
        "under the lock that every change of a hold takes",
        "extended by dpo, 2026-03-03T09:30:30.000000Z: entry 11 says which and why",
        "backups may hold all of it until 2026-04-02",
        "signed by clinic.example/disposal, and unchanged since",
        "reviewed and approved by two, with a login each",
        "stands in the ledger, line 1",
        "unbroken verify",
        "The certificate holds.",
    ):
        assert words in text, words


def test_json_has_the_certificate_as_it_was_signed(
    made: CertificateNote, file: Path, shown: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit):
        check_certificate(file, trust=[VKEY], json=True)
    read = json.loads(capsys.readouterr().out)
    assert read["holds"] is True
    assert f"{json.dumps(read['certificate'], sort_keys=True, indent=1)}\n" in made.note
    assert [each["what"] for each in read["evidence"]] == ["signature", "two people"]


def test_a_note_is_handed_over_byte_for_byte(
    made: CertificateNote, ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate(DISPOSAL, ledger=ledger, trust=[VKEY], note=True)
    assert capsys.readouterr().out == made.note


def test_what_was_approved_of_in_advance_names_its_approvals(ledger: Path, shown: Any) -> None:
    found = row(standing=True, reviewed_by=None, reviewed_at=None, reviewed_seq=None)
    certify(found, looked(approvals=[DISPOSAL]), SignedLedger(DestructionLedger(ledger), KEY, 0))
    code, text = shown(certificate, DISPOSAL, ledger=ledger, trust=[VKEY])
    assert (code, f"nobody: approved of in advance, {DISPOSAL}" in text) == (0, True)
    assert "there are no backups" in text


@pytest.mark.parametrize(
    "alone",
    [
        {"approved_by": "dpo"},
        {"approved_by": "retention"},
        {"standing": True, "reviewed_by": None, "reviewed_at": None, "reviewed_seq": None},
    ],
)
def test_what_one_person_alone_agreed_to_does_not_hold(ledger: Path, shown: Any, alone: dict[str, Any]) -> None:
    certify(row(**alone), looked(), SignedLedger(DestructionLedger(ledger), KEY, 0))
    code, text = shown(certificate, DISPOSAL, ledger=ledger, trust=[VKEY])
    assert (code, "does NOT name two people" in text) == (1, True)


REFUSED: dict[str, Callable[[str], str]] = {
    "a number": lambda note: note.replace('"payloads": 4', '"payloads": 3'),
    "a name": lambda note: note.replace('"legal"', '"dpo2"'),
    "no signature": lambda note: note.rpartition("\n\n")[0] + "\n",
    "nothing": lambda _: "",
}


@pytest.mark.parametrize("change", REFUSED)
def test_what_was_changed_since_it_was_signed_is_none_to_rely_on(file: Path, shown: Any, change: str) -> None:
    note = file.read_text(encoding="utf-8")
    assert REFUSED[change](note) != note
    file.write_text(REFUSED[change](note), encoding="utf-8")
    code, text = shown(check_certificate, file, trust=[VKEY])
    assert (code, text.startswith("This is no certificate to rely on")) == (1, True)
    assert "DOES" not in text


def test_bytes_that_are_no_text_are_no_certificate(file: Path, shown: Any) -> None:
    file.write_bytes(b"\xff\xfe")
    code, text = shown(check_certificate, file, trust=[VKEY], json=True)
    assert (code, json.loads(text)["holds"], json.loads(text)["certificate"]) == (1, False, None)


def test_it_has_to_stand_in_the_ledger_that_is_named(file: Path, tmp_path: Path, shown: Any) -> None:
    code, text = shown(check_certificate, file, trust=[VKEY], ledger=tmp_path / "other.jsonl")
    assert code == 1
    assert "does NOT stand in the ledger" in text
    assert "THE CERTIFICATE DOES NOT HOLD." in text
    other = SigningKey.generate(KEY.name)
    certify(row(), looked(), SignedLedger(DestructionLedger(tmp_path / "other.jsonl"), other, 30))
    code, text = shown(check_certificate, file, trust=[VKEY], ledger=tmp_path / "other.jsonl")
    assert (code, "NOT relied on" in text) == (1, True)


def test_wrong_use_says_what_to_do(made: CertificateNote, ledger: Path, tmp_path: Path) -> None:
    wrong: list[tuple[str, Callable[[], None]]] = [
        ("--ledger", lambda: certificate(DISPOSAL, trust=[VKEY])),
        ("--trust", lambda: certificate(DISPOSAL, ledger=ledger)),
        ("unbroken disposal list", lambda: certificate("x", ledger=ledger, trust=[VKEY])),
        ("there is no destruction ledger", lambda: certificate(DISPOSAL, ledger=tmp_path / "none", trust=[VKEY])),
        ("has none yet", lambda: certificate(DISPOSAL.replace("1", "2"), ledger=ledger, trust=[VKEY])),
        ("can't be read", lambda: check_certificate(tmp_path / "none.txt", trust=[VKEY])),
    ]
    for words, run in wrong:
        with pytest.raises(ConfigurationError, match=words):
            run()
    with pytest.raises(NoteError):
        certificate(DISPOSAL, ledger=ledger, trust=[str(SigningKey.generate("other").verifier)])


def test_a_verification_says_how_many_are_as_their_certificates_say() -> None:
    report = Report("consistent", LOG, WHOLE_LOG, Head(9, "a" * 64), 9)
    for erasures, disposals, words in (
        (None, None, ""),
        (2, 0, "As its certificate says: 2 erasures\n"),
        (0, 0, "As its certificate says: 0 erasures\n"),
        (0, 1, "As its certificate says: 1 disposal\n"),
        (2, 1, "As its certificate says: 2 erasures and 1 disposal\n"),
    ):
        certified = replace(report, certified=erasures, certified_disposals=disposals)
        out = io.StringIO()
        print_report(Console(file=out, width=200), certified, expect=None)
        assert ("certificate" in out.getvalue(), words in out.getvalue()) == (bool(words), True)
        assert report_as_json(certified, expect=None)["certified_disposals"] == disposals

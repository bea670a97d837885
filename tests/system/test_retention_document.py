"""The sessions in docs/retention.md run as they stand, and its tables say what the catalogue says."""

import re
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.database.raw import append, sent
from tests.database.vaulting import Vault, record_about
from tests.system.documents import ROOT, blocks
from tests.system.erasing import Clinic
from tests.system.test_access_document import pattern_of, settled
from tests.system.test_erasure_document import Session, sessions
from unbroken.retention.catalogue import built_in
from unbroken.retention.policy import Policy
from unbroken.retention.policy_file import set_in

DOCUMENT = ROOT / "docs" / "retention.md"
_ROW = re.compile(r"^\|[^|]+\| `([a-z0-9_.]+)` \|([^|]*)\|([^|]*)\|([^|]*)\|$", re.MULTILINE)


@pytest.fixture
def session(database: Database, tmp_path: Path) -> Session:
    with database.connect("writer") as writer:
        account = {"domains": ["accounts"], "scope": ["account=17"]}
        append(writer, [sent({"inputs": '"a"'}, **account) for _ in range(3)])
        append(writer, [sent({"inputs": '"b"'}, domains=["hipaa"]) for _ in range(4)])
        append(writer, [sent({"inputs": '"c"'})])
        with database.connect("dpo") as dpo:
            Vault().refill(dpo, 2)
        record_about(writer, "p-" + "a" * 32, {"inputs": "Ann"}, domains=["clinic"])
    policies, parts = blocks(DOCUMENT, "toml")
    (tmp_path / "retention.toml").write_text(policies)
    (tmp_path / "parts.toml").write_text(policies + parts)
    return Session(Clinic(database, tmp_path))


def test_the_sessions_are_what_appears(session: Session) -> None:
    for person, command in sessions(DOCUMENT):
        printed = session.run(person, command)
        assert re.fullmatch(pattern_of(command.output), settled(printed)), f"{command.line}\n{settled(printed)}"


def test_there_are_sessions() -> None:
    said = {command.line.split()[2] for _, command in sessions(DOCUMENT)}
    assert said == {"simulate", "propose", "confirm", "explain", "started", "status", "standing"}


def test_the_file_on_the_page_names_its_keys_and_no_other() -> None:
    policies, parts = blocks(DOCUMENT, "toml")
    assert len(set_in(policies).policies) == 4
    assert [each.id for each in set_in(policies + parts).policies if each.is_partial] == ["own.raw", "own.said"]


def test_the_periods_that_teams_name_are_those_of_the_catalogue() -> None:
    rows = _ROW.findall(DOCUMENT.read_text())
    assert len(rows) == 13
    for name, keeps, gone, start in rows:
        policy = built_in()[name]
        assert (keeps.strip(), gone.strip()) == (str(policy.floor or ""), str(policy.ceiling or "")), name
        assert _starts(policy) in start, name


def _starts(policy: Policy) -> str:
    return "the record" if policy.start_key is None else f"`{policy.start}` of a"

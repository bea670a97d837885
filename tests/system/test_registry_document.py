"""The session in docs/registry.md is what appears, and its file says what the page says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.documents import ROOT, blocks, commands
from tests.system.sessions import folder_with_examples, require_shown, run
from unbroken.privacy.registry.oddities import oddities
from unbroken.privacy.registry.reading import read_registry, registry_from

DOCUMENT = ROOT / "docs" / "registry.md"


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    with folder_with_examples() as folder:
        yield folder


def test_the_session_is_what_appears(folder: Path) -> None:
    (block,) = blocks(DOCUMENT, "console")
    for command in commands(block):
        require_shown(command, run(command, folder))


def test_the_page_names_every_key_and_no_other() -> None:
    (text,) = blocks(DOCUMENT, "toml")
    page = registry_from(text, version=0)
    assert len(list(page.entries())) == 4
    assert oddities(page) == []
    keys = set(re.findall(r"^(\w+) =", text, re.MULTILINE))
    assert {
        "resource_type",
        "resource_id",
        "pseudonym",
        "side_effect",
        "pseudonyms",
        "scope",
        "store",
        "agents",
    } <= keys


def test_the_example_has_nothing_odd() -> None:
    assert oddities(read_registry(ROOT / "examples" / "unbroken.toml")) == []


def test_the_rules_on_the_page_on_redaction_are_a_registry() -> None:
    (text,) = blocks(ROOT / "docs" / "redaction.md", "toml")
    rules = registry_from(text, version=0).rules
    assert [pattern.kind for pattern in rules.patterns] == ["POLICY_NUMBER"]
    assert rules.allowed_domains == ("clinic.example",)

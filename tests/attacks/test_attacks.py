"""Every check: withstood by the schema that this package installs, and not by the weak one."""

from collections.abc import Mapping

import pytest

from tests.attacks import document
from tests.attacks.catalogue import CHECKS
from tests.attacks.check import Check
from tests.attacks.installed import INSTALLED
from tests.attacks.run import run_all
from tests.attacks.verdict import Result
from tests.attacks.weak import WEAK, weak_template
from tests.conftest import Server

Results = Mapping[str, Result]


@pytest.fixture(scope="module")
def installed(server: Server, installed_template: str, strangers: None) -> Results:
    return run_all(server, INSTALLED, template=installed_template)


@pytest.fixture(scope="module")
def weak(server: Server, strangers: None) -> Results:
    # Its roles and grants belong to the cluster: they are gone before anything else is looked at.
    with weak_template(server) as template:
        return run_all(server, WEAK, template=template)


def test_the_document_says_what_came_of_each(installed: Results, weak: Results) -> None:
    """`python -m tests.attacks` writes it."""
    assert document.part("checks") == document.checks(installed, weak)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_the_installed_schema_withstands(installed: Results, check: Check) -> None:
    result = installed[check.id]
    assert result.verdict != "FAIL", f"{check.who} {check.tried}: {result.seen}"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_the_weak_schema_does_not_withstand(weak: Results, check: Check) -> None:
    result = weak[check.id]
    if check.sound is None:
        assert (result.verdict, result.worked) == ("FAIL", True), result.seen
    else:
        assert not result.worked, f"it is said to be sound, since {check.sound}: {result.seen}"

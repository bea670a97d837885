"""Every check: withstood by the schema that this package installs, and not by the weak one."""

from collections.abc import Iterator, Mapping

import pytest

from tests.attacks.catalogue import CHECKS
from tests.attacks.check import Check
from tests.attacks.run import run_all
from tests.attacks.verdict import Result
from tests.attacks.weak import WEAK, weak_template
from tests.conftest import Server

Results = Mapping[str, Result]


@pytest.fixture(scope="module")
def weak(server: Server) -> Iterator[Results]:
    with weak_template(server) as template:
        yield run_all(server, WEAK, template=template)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_the_weak_schema_does_not_withstand(weak: Results, check: Check) -> None:
    result = weak[check.id]
    if check.sound is None:
        assert (result.verdict, result.worked) == ("FAIL", True), result.seen
    else:
        assert not result.worked, f"it is said to be sound, since {check.sound}: {result.seen}"

"""spec/verify.html with bundles that the package made of a real log, the 100 airline conversations among them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.test_spec_vectors import SPEC
from tests.conftest import SHARED, Database
from tests.database.exporting import TRUST, Exports, notary_at_work
from tests.plain import import_chat
from tests.system.browsing import Page, browser
from unbroken.cli.export_asked import Asked
from unbroken.ledger.ledger import Ledger

AIRLINE = SHARED / "data" / "airline" / "conversations.json"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    yield from browser()


@pytest.mark.parametrize("server", ["embedded"], indirect=True)
@pytest.mark.skipif(not AIRLINE.exists(), reason=f"the airline conversations are not at {AIRLINE}")
def test_a_hundred_conversations_are_proven_in_a_browser(
    chromium: Any, database: Database, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    import_chat(ledger, [AIRLINE], side_effects=[], agent="airline-desk")
    with notary_at_work(database, tmp_path / "notary"):
        bundle = Exports(database, tmp_path).proven(Asked(everything=True))
    page = Page(chromium, SPEC / "verify.html")
    said = page.check(bundle, TRUST)
    assert (said["verdict"], said["findings"]) == ("proven", [])
    assert said["entries"] > 5000
    assert page.check(bundle, [])["verdict"] == "origin unproven"
    assert page.complaints == []
    page.close()

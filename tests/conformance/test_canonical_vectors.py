"""RFC 8785 against the reference implementation's files, read in place."""

import json
from pathlib import Path

import pytest

from unbroken.core.canonical import canonical

DATA = Path(__file__).parents[3] / "shared" / "conformance" / "json-canonicalization" / "testdata"
NAMES = ("arrays", "french", "structures", "unicode", "values", "weird")

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared conformance vectors are not beside the checkout")


def test_all_cases_are_there() -> None:
    assert {path.stem for path in (DATA / "input").iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_canonical_form_is_the_published_one(name: str) -> None:
    value = json.loads((DATA / "input" / f"{name}.json").read_text(encoding="utf-8"))
    text = canonical(value)
    assert text == (DATA / "output" / f"{name}.json").read_bytes()
    assert text == bytes.fromhex((DATA / "outhex" / f"{name}.txt").read_text())
